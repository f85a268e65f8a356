"""The command line: ``graphfeed COMMAND``. What builds a feed stands here, what asks it in ``cli_ask``.

    graphfeed load stackexchange dumps/quantumcomputing
    graphfeed embed && graphfeed train && graphfeed evaluate && graphfeed publish
    graphfeed recommend 26

An error is one sentence on standard error and an exit code other than 0; ``--debug`` shows its traceback.
"""

from __future__ import annotations

import os
import sys
import traceback
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from graphfeed import (
    __version__,
    cli_ask,
    cli_browse,
    cli_compare,
    cli_exchange,
    cli_finetune,
    cli_graph,
    cli_inspect,
    cli_link,
    cli_load,
    cli_model,
    cli_neo4j,
    cli_report,
    cli_search,
    cli_simulate,
    cli_tune,
    cli_why,
)
from graphfeed.config import CONFIG_FILE, CONFIG_VARIABLE
from graphfeed.errors import ConfigError, GraphfeedError
from graphfeed.options import (
    DEBUG_VARIABLE,
    Debug,
    Store,
    err,
    note,
    open_feed,
    out,
)

app = typer.Typer(
    name="graphfeed",
    help="A graph-based recommender for communities: load, embed, train, publish, and ask. Begin with: graphfeed demo",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def _root(
    version: Annotated[bool, typer.Option("--version", help="Print the version.", is_eager=True)] = False,
    config: Annotated[
        Path | None, typer.Option("--config", help=f"The configuration; else {CONFIG_VARIABLE}, else ./{CONFIG_FILE}.")
    ] = None,
    debug: Debug = False,
) -> None:
    if config is not None:
        os.environ[CONFIG_VARIABLE] = str(config)
    if version:
        print(f"graphfeed {__version__}")
        raise typer.Exit()


@app.command(epilog="Example: graphfeed init exports --output graphfeed.toml")
def init(
    folder: Annotated[Path, typer.Argument(help="Folder with the data: table files, or a dump.")],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="The file to write.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    debug: Debug = False,
) -> None:
    """Write a commented graphfeed.toml for a folder, from the headers that it finds."""
    from graphfeed.drafting import draft_config

    target = output or folder / CONFIG_FILE
    if target.exists() and not force:
        raise ConfigError(f"{target} is there already: --force replaces it, --output FILE writes another one")
    text = draft_config(folder, target.parent)
    try:
        target.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{target} cannot be written ({error.strerror}): name another file with --output") from error
    check = "Check it, above all what is marked GUESS" if "# GUESS" in text else "Check it"
    note(f"wrote {target}. {check}, then: graphfeed run {target}")


@app.command(epilog="Example: graphfeed setup --store neo4j://127.0.0.1:7687")
def setup(
    give_up: Annotated[
        bool, typer.Option("--give-up", help="Forget a change that was interrupted and cannot be finished.")
    ] = False,
    store: Store = None,
    debug: Debug = False,
) -> None:
    """Make what the store needs beside its data: in Neo4j, constraints and indexes. The first load does the same."""
    with open_feed(store) as feed:
        report = feed.setup(give_up=give_up)
    for what, words in (("made", report.made), ("there", report.there), ("missing", report.missing)):
        for word in words:
            out().print(f"{what:6} {word}", highlight=False, markup=False, soft_wrap=True)


app.command(epilog="Example: graphfeed load tables exports --mapping graphfeed.toml")(cli_load.load)


app.command(epilog="Example: graphfeed link --dry-run")(cli_link.link)
cli_model.add_commands(app)


app.command(epilog="Example: graphfeed report -o report.html --png pictures")(cli_report.report)


@app.command(epilog="Example: graphfeed run graphfeed.toml")
def run(
    config: Annotated[Path, typer.Argument(help="The configuration.")] = Path(CONFIG_FILE),
    store: Store = None,
    debug: Debug = False,
) -> None:
    """Load, link where the file asks for it, embed, train, evaluate, publish; skips what nothing changed for."""
    from graphfeed.progress import ProgressBars
    from graphfeed.show import show_stage
    from graphfeed.stages import Pipeline

    pipeline = Pipeline(config, store or os.environ.get("GRAPHFEED_STORE"))
    with open_feed(pipeline.location, config) as feed, ProgressBars(err()) as bars:
        ran = pipeline.run(feed, note, lambda name, result: show_stage(out(), name, result), bars)
    note(f"done: {len(ran)} stages ran" if ran else "done: nothing had changed")


@app.command(epilog="Example: graphfeed demo --data stackexchange:dumps/quantumcomputing")
def demo(
    data: Annotated[
        str, typer.Option("--data", metavar="SOURCE:PATH", help="sample, or stackexchange:PATH.")
    ] = "sample",
    user: Annotated[str | None, typer.Option("--user", help="Whom to recommend to; else somebody busy.")] = None,
    store: Store = None,
    debug: Debug = False,
) -> None:
    """Go the whole way once, told step by step: on a sample community that comes along, or on a dump."""
    from graphfeed.demo import run_demo

    run_demo(data, store or os.environ.get("GRAPHFEED_STORE"), user)


cli_ask.add_commands(app)
cli_search.add_commands(app)
cli_graph.add_commands(app)
app.command(epilog="Example: graphfeed browse ada --store neo4j://127.0.0.1:7687")(cli_browse.browse)
app.command(epilog="Example: graphfeed inspect --store neo4j://127.0.0.1:7687")(cli_inspect.inspect)
app.command(epilog="Example: graphfeed simulate community --people 10000 --edges 100000")(cli_simulate.simulate)
app.command(epilog="Example: graphfeed compare linear sage --png figures.png")(cli_compare.compare)
app.command(epilog="Example: graphfeed finetune --minutes 30")(cli_finetune.finetune)
app.command(epilog="Example: graphfeed tune --minutes 20 --write graphfeed.toml")(cli_tune.tune)
app.command(epilog="Example: graphfeed why 26 4125")(cli_why.why)
cli_exchange.add_commands(app)
app.add_typer(cli_neo4j.app)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """The entry point: runs a command and turns every error into a sentence and an exit code."""
    if not os.environ.get(DEBUG_VARIABLE):
        warnings.simplefilter("ignore")  # what libraries say to programmers
    command = typer.main.get_command(app)
    try:
        code = command.main(list(arguments) if arguments is not None else None, "graphfeed", standalone_mode=False)
        sys.stdout.flush()
        sys.exit(code if isinstance(code, int) else 0)
    except (typer.Abort, KeyboardInterrupt):
        note("interrupted")
        sys.exit(130)
    except BrokenPipeError:
        # The reader of our output went away (| head): nothing is wrong. Python would complain once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except GraphfeedError as error:
        _fail(str(error))
    except MemoryError:
        _fail("there is not enough memory for this")
    except Exception as error:
        # A wrong command line: typer's own errors show themselves (where its click lives differs by version).
        if hasattr(error, "show") and hasattr(error, "exit_code"):
            error.show()
            sys.exit(error.exit_code)
        what = " ".join(str(error).split()).rstrip(".") or "no message"
        _fail(f"unexpected {type(error).__name__}: {what}.", " Run again with --debug to see where.")


def _fail(sentence: str, hint: str = "") -> NoReturn:
    if os.environ.get(DEBUG_VARIABLE):
        traceback.print_exc()
    note(f"graphfeed: {sentence}{hint}")
    sys.exit(1)


if __name__ == "__main__":
    main()

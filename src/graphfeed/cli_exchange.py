"""``graphfeed export``, ``import`` and ``copy``: a graph into files, back from them, and into another store."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from graphfeed.options import Debug, Json, Store, err, note, open_feed, out

if TYPE_CHECKING:
    from graphfeed.graph.exchange.transfer import TransferReport, TransferSettings

Merge = Annotated[bool, typer.Option("--merge", help="Add to a graph that is there; nothing of it is removed.")]
Bulk = Annotated[bool, typer.Option("--bulk", help="Into an empty Neo4j by its importer: faster; stops the server.")]
NoVectors = Annotated[bool, typer.Option("--no-vectors", help="Without text and graph vectors.")]
NoPredictions = Annotated[bool, typer.Option("--no-predictions", help="Without what was published.")]


def add_commands(app: typer.Typer) -> None:
    """Register them."""
    app.command(epilog="Example: graphfeed export community")(export)
    app.command("import", epilog="Example: graphfeed import community --store other")(import_)
    app.command(epilog="Example: graphfeed copy --from feed --to neo4j://127.0.0.1:7687")(copy)


def export(
    to: Annotated[Path, typer.Argument(metavar="OUT", help="The folder or file to write.")],
    format_: Annotated[
        str | None,
        typer.Option(
            "--format",
            help="parquet (a folder with everything), graphml, json, pyg (.pt) or projector (a folder for TensorBoard);"
            " else by OUT's ending, else parquet.",
        ),
    ] = None,
    no_vectors: NoVectors = False,
    no_predictions: NoPredictions = False,
    force: Annotated[bool, typer.Option("--force", help="Replace an export that is there.")] = False,
    store: Store = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Write the graph to files. A Parquet folder holds all of it, and `import` makes the same store from it."""
    from graphfeed.progress import ProgressBars

    with open_feed(store) as feed, ProgressBars(err()) as bars:
        report = feed.export(
            to,
            format_,
            vectors=not no_vectors,
            predictions=not no_predictions,
            force=force,
            progress=bars.records,
        )
    if as_json:
        print(json.dumps(asdict(report), indent=2))
        return
    for name, count in report.rows.items():
        _say(f"{count:>12,}  {name}")
    note(f"wrote {' and '.join(report.paths)} in {report.seconds:.1f} s")
    note(f"not in it: {'; '.join(report.left_out)}")


def import_(
    path: Annotated[Path, typer.Argument(metavar="IN", help="What `export` wrote: a folder, .json or .graphml.")],
    merge: Merge = False,
    bulk: Bulk = False,
    no_vectors: NoVectors = False,
    no_predictions: NoPredictions = False,
    store: Store = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Read an export back into an empty store, whole or not at all, and check it."""
    from graphfeed.progress import ProgressBars

    with open_feed(store) as feed, ProgressBars(err()) as bars:
        report = feed.import_from(path, _settings(merge, bulk, no_vectors, no_predictions), progress=bars.records)
    show_transfer(report, as_json)


def copy(
    to: Annotated[str, typer.Option("--to", metavar="STORE", help="The store to copy to; made if it is not there.")],
    from_: Annotated[
        str | None,
        typer.Option("--from", metavar="STORE", help="The store to copy; else as --store of the other commands."),
    ] = None,
    merge: Merge = False,
    bulk: Bulk = False,
    no_vectors: NoVectors = False,
    no_predictions: NoPredictions = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Copy a store into another one, a folder or a Neo4j server: all of it, checked by reading it back."""
    from graphfeed.progress import ProgressBars

    with open_feed(from_) as feed, open_feed(to) as other, ProgressBars(err()) as bars:
        report = feed.copy_to(other, _settings(merge, bulk, no_vectors, no_predictions), progress=bars.records)
    show_transfer(report, as_json)


def show_transfer(report: TransferReport, as_json: bool) -> None:
    """What was written, what was not, and that it was checked."""
    from graphfeed.show import show_counts

    if as_json:
        print(json.dumps(_as_json(report), indent=2))
        return
    show_counts(out(), report.nodes, report.relationships)
    if report.vectors:
        _say(f"vectors: {', '.join(report.vectors)}")
    if report.generations:
        _say(f"published: {', '.join(report.generations)}")
    if report.found == "the same graph":
        _say(f"{report.target} held this graph already; {'the rest was added' if _more(report) else 'nothing to do'}")
    elif report.found == "another graph":
        _say(f"{report.target} held a graph already, and this was added to it")
    equal = "" if report.left_out else "read back and found equal: "
    rate = "" if report.found == "the same graph" else f", {report.per_second:,.0f} relationships a second"
    _say(f"{equal}checksum {report.checksum}, {report.seconds:.1f} s{rate}")
    for sentence in report.left_out:
        note(f"left out: {sentence}")
    note(f"next: graphfeed status --store {report.target}")


def _settings(merge: bool, bulk: bool, no_vectors: bool, no_predictions: bool) -> TransferSettings:
    from graphfeed.graph.exchange.transfer import TransferSettings

    return TransferSettings(merge, not no_vectors, not no_predictions, note if bulk else None)


def _as_json(report: TransferReport) -> dict[str, Any]:
    return {**asdict(report), "per_second": report.per_second}


def _more(report: TransferReport) -> bool:
    return bool(report.vectors or report.generations)


def _say(text: str) -> None:
    out().print(text, highlight=False, markup=False, soft_wrap=True)

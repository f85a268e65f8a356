"""``graphfeed neo4j start|stop|status|reset``: a real Neo4j Community server on this machine, for development."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from graphfeed.options import Debug, Json, err, note, out

if TYPE_CHECKING:
    from graphfeed.graph.neo4j.server import ServerInfo

app = typer.Typer(
    name="neo4j",
    help="A real Neo4j server with Browser on this machine, for development: start, stop, status, reset.",
    epilog="Example: graphfeed neo4j start",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)

HomeFolder = Annotated[
    Path | None,
    typer.Option("--home", metavar="FOLDER", help="The server's folder; else ~/.local/share/graphfeed/neo4j."),
]


@app.callback()
def _group(debug: Debug = False) -> None:
    pass


@app.command(epilog="Example: graphfeed neo4j start --heap 2g --page-cache 1g")
def start(
    home: HomeFolder = None,
    release: Annotated[
        str | None,
        typer.Option("--release", help="5.26 (LTS, Java 17 or 21) or 2026 (Java 21 or newer); else by Java."),
    ] = None,
    way: Annotated[str, typer.Option("--with", help="docker, java, or auto: Docker where an engine answers.")] = "auto",
    bolt_port: Annotated[int, typer.Option("--bolt-port", help="Port for programs.")] = 7687,
    http_port: Annotated[int, typer.Option("--http-port", help="Port for Browser.")] = 7474,
    heap: Annotated[str, typer.Option("--heap", help="Java's heap at most, such as 512m or 2g.")] = "1g",
    page_cache: Annotated[str, typer.Option("--page-cache", help="Memory for the graph's files.")] = "512m",
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Start the server and wait until it answers; the first time it is downloaded."""
    from graphfeed.graph.neo4j.server import ServerSettings, default_home
    from graphfeed.graph.neo4j.server import start as start_server
    from graphfeed.progress import ProgressBars

    settings = ServerSettings(
        home=home or default_home(),
        bolt_port=bolt_port,
        http_port=http_port,
        release=release,
        way=way,  # type: ignore[arg-type]
        heap=heap,
        page_cache=page_cache,
    )
    try:
        with ProgressBars(err()) as bars:
            info = start_server(settings, say=note, progress=bars.steps)
    except KeyboardInterrupt:
        note("interrupted: no server that this command began to start was left behind")
        raise
    if (info.bolt_port, info.http_port) != (bolt_port, http_port):
        note(f"it has the ports {info.bolt_port} and {info.http_port}: other ones take `graphfeed neo4j stop` first")
    if as_json:
        print(json.dumps(info.to_dict(), indent=2))
        return
    _show_running(info)


@app.command(epilog="Example: graphfeed neo4j stop")
def stop(home: HomeFolder = None, debug: Debug = False) -> None:
    """Stop the server; it ends when everything is written."""
    from graphfeed.graph.neo4j.server import default_home
    from graphfeed.graph.neo4j.server import stop as stop_server

    folder = home or default_home()
    stopped = stop_server(folder, say=note)
    _print("stopped; the data stays" if stopped else f"no server of {folder} is running")


@app.command(epilog="Example: graphfeed neo4j status --json")
def status(home: HomeFolder = None, as_json: Json = False, debug: Debug = False) -> None:
    """Whether the server runs, where, and how to get in."""
    from graphfeed.graph.neo4j.server import default_home
    from graphfeed.graph.neo4j.server import status as server_status

    info = server_status(home or default_home())
    if as_json:
        print(json.dumps(info.to_dict(), indent=2))
    elif info.running:
        _show_running(info)
    elif info.exists:
        died = "it ended without being stopped; " if info.handle else ""
        _print(f"not running; {died}its data and password are in {info.home}")
        note(f"next: {_command('start', info)}")
    else:
        _print(f"not running; none was ever started in {info.home}")
        note(f"next: {_command('start', info)}")


@app.command(epilog="Example: graphfeed neo4j reset --yes")
def reset(
    home: HomeFolder = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    debug: Debug = False,
) -> None:
    """Stop the server and delete its graph; the password stays as it is."""
    from graphfeed.errors import ServerError
    from graphfeed.graph.neo4j.server import default_home
    from graphfeed.graph.neo4j.server import reset as reset_server
    from graphfeed.graph.neo4j.server import status as server_status

    info = server_status(home or default_home())
    if info.exists and not yes:
        question = f"This deletes everything in the graph of {info.home}. Delete it? [y/N] "
        print(question, end="", file=sys.stderr, flush=True)
        answer = sys.stdin.readline()
        if not answer:
            note("")
            raise ServerError("nothing was deleted: nobody answered; --yes deletes without asking")
        if answer.strip().lower() not in ("y", "yes"):
            _print("nothing was deleted")
            return
    had = reset_server(info.home, say=note)
    _print("the graph is deleted; the password stays" if had else "there was no graph to delete")
    note(f"next: {_command('start', info)}")


def _show_running(info: ServerInfo) -> None:
    how = f"process {info.handle}" if info.way == "java" else f"container {info.handle}"
    state = "running" if info.answers else "running, but does not answer yet"
    for name, text in (
        (f"Neo4j {info.version}", f"{state} ({how})"),
        ("address", info.uri),
        ("Browser", info.browser),
        ("user", info.username),
        ("password", f"in {info.password_file}"),
        ("folder", str(info.home)),
    ):
        _print(f"{name:<16}{text}")
    _print("\nSo that programs find it:")
    _print(f"  export NEO4J_URI={info.uri} NEO4J_USERNAME={info.username}")
    _print(f'  export NEO4J_PASSWORD="$(cat {shlex.quote(str(info.password_file))})"')
    _print(f"Then, for example:\n  graphfeed load sample --store {info.uri}")
    _print(f"To end it:\n  {_command('stop', info)}")


def _command(verb: str, info: ServerInfo) -> str:
    from graphfeed.graph.neo4j.server import default_home

    home = "" if info.home == default_home().resolve() else f" --home {shlex.quote(str(info.home))}"
    return f"graphfeed neo4j {verb}{home}"


def _print(text: str) -> None:
    out().print(text, highlight=False, markup=False, soft_wrap=True)

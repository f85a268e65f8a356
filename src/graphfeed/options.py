"""Options that several commands share."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from graphfeed.config import DEFAULT_STORE, STORE_VARIABLE, graph_mapping, store_location
from graphfeed.feed import Feed

_PIPE_COLUMNS = 120  # where nobody says how wide the output may be
DEBUG_VARIABLE = "GRAPHFEED_DEBUG"


def _debug(value: bool) -> None:
    if value:
        os.environ[DEBUG_VARIABLE] = "1"


Store = Annotated[
    str | None,
    typer.Option(
        "--store",
        metavar="STORE",
        help=f"The store, a folder or neo4j://host:7687; else {STORE_VARIABLE}, else graphfeed.toml's, else"
        f" ./{DEFAULT_STORE}.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else on standard output.")]
Limit = Annotated[int, typer.Option("--limit", "-k", min=1, help="At most so many.")]
Device = Annotated[str, typer.Option("--device", help="cpu, cuda, cuda:1; auto takes a GPU where there is one.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.", callback=_debug, is_eager=True)]


def open_feed(store: str | None, config: Path | None = None) -> Feed:
    """The feed that the options, the environment or graphfeed.toml name."""
    location = store_location(store, config)
    return Feed(location, graph_mapping(location, config))


def out() -> Console:
    """Standard output: what was asked for."""
    return Console(file=sys.stdout, width=None if sys.stdout.isatty() else _PIPE_COLUMNS)


def err() -> Console:
    """Standard error: how it goes, and what went wrong."""
    return Console(file=sys.stderr)


def note(text: str) -> None:
    """A line beside the answer, on standard error."""
    err().print(text, highlight=False, markup=False, soft_wrap=True)

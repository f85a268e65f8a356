"""Options that several commands share."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_args

import typer
from rich.console import Console

from graphfeed.config import DEFAULT_STORE, STORE_VARIABLE, graph_mapping, store_location
from graphfeed.errors import ConfigError
from graphfeed.feed import Feed

if TYPE_CHECKING:
    from graphfeed.training.split import SplitSettings

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
Device = Annotated[
    str | None,
    typer.Option("--device", help="cpu, cuda, cuda:1; auto takes a GPU where there is one; else [train]'s, else auto."),
]
WindowDays = Annotated[
    float | None,
    typer.Option("--window-days", help="Length of the windows to predict, days; else [split]'s, else 1."),
]
Track = Annotated[
    str | None,
    typer.Option(
        "--track",
        metavar="TO",
        help="Follow it in tensorboard:FOLDER or mlflow:ADDRESS; evaluate adds its figures to the training's.",
    ),
]
SplitKindName = Annotated[
    str | None,
    typer.Option(
        "--split",
        help="How the past is cut: auto (the data's own test pairs, else rolling), rolling, given, leave-one-out,"
        " random or cold (whole posts); else [split]'s.",
    ),
]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.", callback=_debug, is_eager=True)]


def open_feed(store: str | None, config: Path | None = None) -> Feed:
    """The feed that the options, the environment or graphfeed.toml name."""
    location = store_location(store, config)
    return Feed(location, graph_mapping(location, config))


def split_settings(window_days: float, kind: str) -> SplitSettings:
    """How the past is cut. Raises ConfigError where an option cannot be."""
    from graphfeed.training.split import SplitKind, SplitSettings

    if window_days <= 0:
        raise ConfigError(f"--window-days takes a number above 0, found {window_days:g}")
    if kind not in get_args(SplitKind):
        raise ConfigError(f"--split takes one of {', '.join(get_args(SplitKind))}, found {kind!r}")
    return SplitSettings(kind=kind, window_days=window_days)  # type: ignore[arg-type]


def out() -> Console:
    """Standard output: what was asked for."""
    return Console(file=sys.stdout, width=None if sys.stdout.isatty() else _PIPE_COLUMNS)


def err() -> Console:
    """Standard error: how it goes, and what went wrong."""
    return Console(file=sys.stderr)


def note(text: str) -> None:
    """A line beside the answer, on standard error."""
    err().print(text, highlight=False, markup=False, soft_wrap=True)

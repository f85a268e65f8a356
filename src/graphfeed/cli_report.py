"""The command that draws: report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from graphfeed.options import Debug, Store, err, note, open_feed, out


def report(
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The page to write; one that is there is replaced.")
    ] = (Path("report.html")),
    png: Annotated[
        Path | None, typer.Option("--png", metavar="FOLDER", help="Write each picture as a PNG file, too.")
    ] = None,
    user: Annotated[
        list[str] | None, typer.Option("--user", help="Draw this person's recommendations; may be given again.")
    ] = None,
    evaluate: Annotated[
        bool, typer.Option("--evaluate/--no-evaluate", help="Evaluate the model if that was not done yet.")
    ] = True,
    names: Annotated[
        bool, typer.Option("--names/--no-names", help="Number people and posts rather than naming them.")
    ] = True,
    title: Annotated[str | None, typer.Option("--title", help="The page's title.")] = None,
    store: Store = None,
    debug: Debug = False,
) -> None:
    """Write one HTML page on the store: contents, growth, training, quality, exposure, a map, and paths."""
    from graphfeed.progress import ProgressBars

    with open_feed(store) as feed, ProgressBars(err()) as bars:
        made = feed.report(
            output, png=png, users=user or (), evaluate=evaluate, names=names, title=title, progress=bars.steps
        )
    for missing in made.missing:
        note(f"not in it yet: {missing.what} ({missing.command})")
    if made.pictures:
        note(f"wrote {len(made.pictures)} pictures into {png}")
    text = f"wrote {made.path}: {len(made.sections)} sections, {made.bytes / 1000:,.0f} KB, {made.seconds:.0f} s"
    out().print(text, highlight=False, markup=False, soft_wrap=True)

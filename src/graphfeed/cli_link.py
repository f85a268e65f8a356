"""The command ``graphfeed link``: entities read out of the posts' texts."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from graphfeed.options import Debug, Json, Store, err, note, open_feed, out


def link(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write nothing; say what would be linked.")] = False,
    min_confidence: Annotated[
        float | None, typer.Option("--min-confidence", help="No links with less, 0 to 1; else 0.25.")
    ] = None,
    max_share: Annotated[
        float | None,
        typer.Option("--max-share", help="A name in a larger share of the texts tells too little; else 0.1."),
    ] = None,
    kind: Annotated[list[str] | None, typer.Option("--kind", help="Only entities of this kind (or these).")] = None,
    vectors: Annotated[
        bool, typer.Option("--vectors/--no-vectors", help="Whether text vectors have a say, where there are any.")
    ] = True,
    store: Store = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Find the names of entities in the texts of posts, and write them as MENTIONS with a confidence."""
    from graphfeed.config import validate
    from graphfeed.graph.linking.settings import LinkSettings
    from graphfeed.progress import ProgressBars
    from graphfeed.show_link import link_as_json, show_link

    given = {"min_confidence": min_confidence, "max_share": max_share, "kinds": tuple(kind) if kind else None}
    chosen = {name: value for name, value in given.items() if value is not None} | {"vectors": vectors}
    settings = validate(LinkSettings, chosen, "the options")
    with open_feed(store) as feed, ProgressBars(err()) as bars:
        report = feed.link(
            settings, dry_run=dry_run, progress=lambda done, all_: bars.steps("link", done, all_, "posts")
        )
    if as_json:
        print(json.dumps(link_as_json(report), indent=2))
        return
    show_link(out(), report)
    if not dry_run:
        note("next: graphfeed train" if report.vectors else "next: graphfeed embed")

"""``graphfeed simulate``: a community of any size with planted interests, as files or straight into a store."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from graphfeed.errors import ConfigError
from graphfeed.options import Debug, err, note, open_feed, out

NOTICE = "This community is generated: nobody in it is real."


def simulate(
    folder: Annotated[
        Path | None, typer.Argument(metavar="[OUT]", help="A new folder for the files; none with --store.")
    ] = None,
    people: Annotated[int, typer.Option("--people", help="How many people.")] = 10_000,
    posts: Annotated[int, typer.Option("--posts", help="How many posts.")] = 10_000,
    edges: Annotated[
        int, typer.Option("--edges", help="How many engagements, about; other relationships come on top.")
    ] = 100_000,
    days: Annotated[int, typer.Option("--days", help="Over how many days they act.")] = 90,
    seed: Annotated[int, typer.Option("--seed", min=0, max=2**32 - 1, help="Seed of every random choice.")] = 0,
    format_: Annotated[str, typer.Option("--format", help="Of the files: parquet or csv.")] = "parquet",
    store: Annotated[
        str | None,
        typer.Option("--store", metavar="STORE", help="Load it into this store instead, without files between."),
    ] = None,
    debug: Debug = False,
) -> None:
    """Generate a community whose interests are known: for trying out, for timing, for knowing what could be reached."""
    from graphfeed.graph.ingest import ingest
    from graphfeed.graph.store import open_store
    from graphfeed.loaders.simulate import SimulatedCommunity, Simulation
    from graphfeed.loaders.simulate.files import write_files
    from graphfeed.progress import ProgressBars
    from graphfeed.show import show_load

    if (folder is None) == (store is None):
        raise ConfigError("simulate takes either a folder for the files, or --store STORE to load into")
    community = SimulatedCommunity(Simulation(people, posts, edges, days, seed))
    with ProgressBars(err()) as bars:
        if folder is not None:
            rows = write_files(community, folder, format_, bars.records)  # type: ignore[arg-type]
        else:
            assert store is not None
            with open_store(open_feed(store).location, create=True) as opened:
                report = ingest(opened, community, progress=bars.records)
    note(NOTICE)
    if folder is None:
        show_load(out(), report)
        note(f"next: graphfeed embed --encoder tfidf --store {store}")
        return
    for name, count in rows.items():
        out().print(f"{count:>12,}  {name}", highlight=False, markup=False)
    note(f"next: graphfeed load tables {folder}")

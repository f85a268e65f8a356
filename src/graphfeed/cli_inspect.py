"""``graphfeed inspect``: what a Neo4j database holds, and a ``[graph]`` for it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from graphfeed.config import CONFIG_FILE, store_location
from graphfeed.errors import ConfigError
from graphfeed.feed import Feed
from graphfeed.options import Debug, Store, note, open_feed


def inspect(
    query: Annotated[
        str | None, typer.Option("--query", help="Print this query of graphfeed's in the graph's own names instead.")
    ] = None,
    write: Annotated[
        Path | None,
        typer.Option("--write", metavar="FILE", help="Write the proposal to a file, such as graphfeed.toml."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    store: Store = None,
    debug: Debug = False,
) -> None:
    """Read a Neo4j database's schema and propose the graph section of a graphfeed.toml that uses it in place."""
    if write is not None and write.exists() and not force:
        raise ConfigError(f"{write} is there already: --force replaces it, --write FILE writes another one")
    if query is not None:
        with open_feed(store) as feed:
            print(feed.query_text(query), end="")
        return
    text = Feed(store_location(store)).inspect()  # whatever a [graph] says that is there already
    if write is None:
        print(text, end="")
        return
    try:
        write.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{write} cannot be written ({error.strerror}): name another file with --write") from error
    here = "" if write == Path(CONFIG_FILE) else f"--config {write} "
    note(f"wrote {write}. Check what is marked GUESS, then: graphfeed {here}embed")

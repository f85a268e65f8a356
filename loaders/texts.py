"""The texts of items in a file: an item's id, then its text to the end of the line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from graphfeed.loaders.chunks import batches
from graphfeed.loaders.collect import Collector
from graphfeed.loaders.fieldlines import LineForm, field_lines
from graphfeed.loaders.records import Chunk
from graphfeed.loaders.rejected import Rejects

TEXTS = LineForm(("item", "text"), text_last=True)


def text_chunks(path: Path, rejects: Rejects, known_as: Mapping[str, str] | None = None) -> Iterator[Chunk]:
    """A Post with its text for each line, also for one that nobody did anything with: it is new.

    ``known_as`` gives the ids by which the other files know the items; a line of another item is passed over.
    """
    posts = Collector(path.name, ("id", "text"), label="Post")
    passes = None if known_as is None else lambda _, fields: not fields[0] or fields[0] in known_as
    for batch in batches(field_lines(path, TEXTS, rejects, passes)):
        for line, (item, text) in batch:
            posts.add(line, {"item": item, "text": text}, item if known_as is None else known_as.get(item), text)
        yield from posts.take(rejects)[0]

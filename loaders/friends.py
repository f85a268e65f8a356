"""Who is tied to whom: two user ids per line, each line (User)-[:FOLLOWS]->(User)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from graphfeed.loaders.chunks import batches, make_implied, make_relationships
from graphfeed.loaders.collect import Collector
from graphfeed.loaders.fieldlines import LineForm, field_lines
from graphfeed.loaders.records import CHUNK_ROWS, Chunk, Relationships
from graphfeed.loaders.rejected import Rejects

FRIENDS = LineForm(("user", "friend"))


def friend_chunks(
    path: Path, rejects: Rejects, *, both_ways: bool = False, form: LineForm = FRIENDS, platform: str | None = None
) -> Iterator[Chunk]:
    """FOLLOWS from the first to the second, and the users where nothing else names them.

    ``both_ways``: also from the second to the first where no line says so; memory then holds every pair. A line that
    ties somebody to themselves is passed over. ``platform``: where the users' accounts are.
    """
    follows = Collector(path.name, ("source", "target"), type="FOLLOWS")
    seen: dict[tuple[str, str], int] = {}
    for batch in batches(field_lines(path, form, rejects, lambda _, ends: ends[0] != ends[1] or not ends[0])):
        for line, (user, friend) in batch:
            follows.add(line, {"user": user, "friend": friend}, user, friend)
        for chunk in follows.take(rejects)[0]:
            yield from _with_users(chunk, platform)
            if both_ways:
                ends = (chunk.rows[end].to_pylist() for end in ("source", "target", "line"))
                seen.update({(source, target): line for source, target, line in zip(*ends, strict=True)})
    missing = [(target, source, line) for (source, target), line in seen.items() if (target, source) not in seen]
    for part in batches(missing, CHUNK_ROWS):
        sources, targets, lines = zip(*part, strict=True)
        yield make_relationships("FOLLOWS", path.name, lines, primary=False, source=sources, target=targets)


def _with_users(chunk: Chunk, platform: str | None) -> Iterator[Chunk]:
    assert isinstance(chunk, Relationships)
    lines = chunk.rows["line"].to_pylist()
    for end in ("source", "target"):
        yield make_implied("User", chunk.file, lines, id=chunk.rows[end].combine_chunks(), platform=platform)
    yield chunk

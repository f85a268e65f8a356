"""What people of social networks did, under way to the graph: ``mastodon`` and ``bluesky`` add it record by record,
``chunks`` gives it on in columns.

What a post says beside itself is worked out from the columns of the posts, since a few operations on columns cost less
than one on each record.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from graphfeed.loaders.addresses import Elsewhere
from graphfeed.loaders.chunks import make_implied, make_relationships
from graphfeed.loaders.gathered import Gathering, Places
from graphfeed.loaders.implied import first_rows
from graphfeed.loaders.records import TEXT, Chunk, Nodes, Relationships
from graphfeed.loaders.rejected import Rejects
from graphfeed.loaders.values import Mask, as_ids, too_long

ACTS = ("SHARED", "LIKED", "DISLIKED", "SAVED", "FOLLOWS", "BLOCKED", "MUTED")
"""What people do to posts and to each other."""

_POST = ("id", "kind", "title", "text", "url", "platform", "created_at")
_USER = ("id", "name", "about", "platform", "created_at")
Integers = npt.NDArray[np.int64]


class Reply(NamedTuple):
    """That a post answers another one."""

    post: int
    """Which of the posts, in the order in which they were added."""
    parent: str
    is_own: bool
    """Whether the author answers themselves."""


class ActivityRecords:
    """The records of some files; places are those of ``places``."""

    def __init__(self, elsewhere: Elsewhere) -> None:
        self.places = Places()
        self._elsewhere = elsewhere
        self.users = Gathering("", _USER, label="User", places=self.places)
        self.acts = {type_: Gathering("", ("source", "target", "at"), type=type_, places=self.places) for type_ in ACTS}
        self._posts = Gathering("", _POST, label="Post", places=self.places)
        self._authors: list[str] = []
        self.replies: list[Reply] = []
        self.quotes: list[tuple[int, str]] = []
        """A post (as in ``Reply``) and the post that it quotes."""
        self.tags: list[tuple[int, str]] = []
        """A post (as in ``Reply``) and a hashtag as it was written, each once for a post."""

    def __len__(self) -> int:
        """Rows that wait."""
        return len(self._posts) + len(self.users) + sum(map(len, self.acts.values()))

    def add_post(self, place: int, raw: dict[str, str], author: str, *cells: str | None) -> int:
        """Add a post; ``cells`` are id, kind, title, text, url, platform and time. Its number among the posts."""
        self._posts.add(place, raw, *cells)
        self._authors.append(author)
        return len(self._authors) - 1

    def chunks(self, rejects: Rejects) -> Iterator[Chunk]:
        """All that was added since the last time: nodes, then what refers to them."""
        for chunk in _joined(self._mixed(rejects)):
            yield from self.places.by_file(chunk)

    def _mixed(self, rejects: Rejects) -> Iterator[Chunk]:
        yield from self.users.take(rejects)[0]
        posts, good = self._posts.take(rejects)
        yield from posts
        if posts:
            yield from self._beside(posts[0].rows, good)
        self._authors, self.replies, self.quotes, self.tags = [], [], [], []
        for acts in self.acts.values():
            for chunk in acts.take(rejects)[0]:
                yield from self._elsewhere.around(chunk)

    def _beside(self, posts: pa.Table, good: Mask) -> Iterator[Chunk]:
        """What posts say beside themselves; ``good`` says which of those that were added are in the table."""
        ids, at, places = (posts[name].combine_chunks() for name in ("id", "created_at", "line"))
        row = np.where(good, np.cumsum(good) - 1, -1)  # of each post that was added, in the table
        tagged = [(int(row[post]), word) for post, word in self.tags if good[post]]
        yield from _mentions(tagged, ids, places)
        authors = as_ids(pa.array(self._authors, TEXT).filter(pa.array(good)))
        for chunk in _related("POSTED", places, source=authors, target=ids, at=at):
            yield from self._elsewhere.around(chunk)
        answered = [(reply.post, reply.parent) for reply in self.replies]
        others = [(reply.post, reply.parent) for reply in self.replies if not reply.is_own]
        for type_, ends, pairs, kind in (
            ("REPLIES_TO", ids, answered, {"kind": "comment"}),
            ("COMMENTED", authors, others, {}),
            ("LINKS_TO", ids, self.quotes, {"kind": "quote"}),
        ):
            rows = pa.array([int(row[post]) for post, _ in pairs if good[post]], pa.int64())
            targets = as_ids(pa.array([target for post, target in pairs if good[post]], TEXT))
            columns = {"source": ends.take(rows), "target": targets, "at": at.take(rows), **kind}
            for chunk in _related(type_, places.take(rows), **columns):
                yield from self._elsewhere.around(chunk)


def _joined(chunks: Iterable[Chunk]) -> Iterator[Chunk]:
    """One chunk of each kind, nodes first; those that are only referred to once each."""
    held: dict[tuple[object, ...], list[Chunk]] = {}
    for chunk in chunks:
        kind = (chunk.label, chunk.implied) if isinstance(chunk, Nodes) else (chunk.type, chunk.primary)
        held.setdefault(kind, []).append(chunk)
    for first, *others in sorted(held.values(), key=lambda group: not isinstance(group[0], Nodes)):
        if not others:
            yield first
            continue
        rows = pa.concat_tables([first.rows, *(chunk.rows for chunk in others)])
        yield replace(first, rows=first_rows(rows) if isinstance(first, Nodes) and first.implied else rows)


def _mentions(tagged: list[tuple[int, str]], ids: pa.Array, places: pa.Array) -> Iterator[Chunk]:
    """Hashtags as Entities, spelt as where they come first, and the posts that have them."""
    if not tagged:
        return
    rows = pa.array([row for row, _ in tagged], pa.int64())
    lines, targets = places.take(rows), [f"#{word.casefold()}" for _, word in tagged]
    first: dict[str, int] = {}
    for position, target in enumerate(targets):
        first.setdefault(target, position)
    names = [tagged[position][1] for position in first.values()]
    where = lines.take(pa.array(first.values(), pa.int64())).to_numpy()
    entities = as_ids(pa.array(first, TEXT))
    short = ~too_long(entities)
    if short.any():
        kept = pa.array(short)
        named = pa.array(names, TEXT).filter(kept)
        yield make_implied("Entity", "", where[short], id=entities.filter(kept), name=named, kind="tag")
    ends = {"source": ids.take(rows), "target": as_ids(pa.array(targets, TEXT))}
    yield from _related("MENTIONS", lines, **ends, confidence=1.0, said_by="data")


def _related(type_: str, places: pa.Array, **columns: Any) -> Iterator[Relationships]:
    """Relationships beside posts, as no or one chunk. Rows whose ends cannot be ids are left out without a word: the
    post itself is there, and was not set aside."""
    good = np.ones(len(places), bool)
    for end in (columns["source"], columns["target"]):
        good &= np.asarray(pc.is_valid(end)) & ~too_long(end)
    if not good.any():
        return
    if not good.all():
        kept = pa.array(good)
        places = places.filter(kept)
        columns = {name: c.filter(kept) if isinstance(c, pa.Array) else c for name, c in columns.items()}
    yield make_relationships(type_, "", places.to_numpy(), primary=False, **columns)

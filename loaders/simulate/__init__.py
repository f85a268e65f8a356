"""A simulated community of any size: people with planted interests, posts, and what people do with them, as records.

    loader = SimulatedCommunity(Simulation(people=1_000_000, posts=1_000_000, acts=10_000_000, seed=1))
    ingest(store, loader)                        # straight into a store
    write_files(loader, Path("community"))       # or as files that `graphfeed load tables` reads

Records are made as they are asked for: memory holds what was planted (``planted.py``) and one chunk. What people do was
drawn from chances that can be had again (``behaviour.chances``), so the best reachable figure is known.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graphfeed.loaders.records import (
    CHUNK_ROWS,
    RELATIONSHIP_TYPES,
    TEXT,
    Chunk,
    Nodes,
    Relationships,
    node_schema,
    relationship_schema,
)
from graphfeed.loaders.rejected import Rejects
from graphfeed.loaders.simulate.behaviour import TYPES, Acts, acts
from graphfeed.loaders.simulate.planted import KINDS, TAGS_A_TOPIC, Int64, Planted, Simulation, plant, tags_of
from graphfeed.loaders.simulate.words import names, tag_names, texts

__all__ = ["SimulatedCommunity", "Simulation"]

PERSON, POST, TAG, TOPIC = "person-", "post-", "tag-", "topic-"
"""Before the number of each."""
_FILES = {"User": "people", "Post": "posts", "Entity": "entities"}


class SimulatedCommunity:
    """A simulated community as records, a ``Loader``. The same simulation yields the same records."""

    name = "simulate"

    def __init__(self, simulation: Simulation) -> None:
        self.simulation = simulation

    @cached_property
    def planted(self) -> Planted:
        """What it is made from."""
        return plant(self.simulation)

    def chunks(self, rejects: Rejects) -> Iterator[Chunk]:
        """Yield users, entities and posts, then everything between them. No row is ever rejected."""
        lines: dict[str, int] = {}
        for chunk in self._chunks():
            rows = chunk.rows.num_rows
            rejects.read(chunk.file, rows)
            line = lines.get(chunk.file, 2)  # as in a table, where line 1 has the names of the columns
            lines[chunk.file] = line + rows
            numbered = chunk.rows.set_column(
                chunk.rows.num_columns - 1, "line", pa.array(np.arange(line, line + rows), pa.int64())
            )
            if isinstance(chunk, Nodes):
                yield Nodes(chunk.label, numbered, chunk.file)
            else:
                yield Relationships(chunk.type, chunk.source_label, chunk.target_label, numbered, chunk.file)

    def _chunks(self) -> Iterator[Chunk]:
        yield from self._users()
        yield from self._entities()
        yield from self._posts()
        yield from self._follows()
        yield from self._mentions()
        yield self._related()
        yield from self._interested()
        yield from self._acts()

    def _users(self) -> Iterator[Chunk]:
        planted = self.planted
        for person in _blocks(self.simulation.people):
            rng = np.random.default_rng([self.simulation.seed, 4, int(person[0])])
            yield _nodes(
                "User",
                id=_ids(PERSON, person),
                name=names(rng, len(person), self.simulation.topics),
                about=texts(rng, planted.interests[person, 0].astype(np.int64), self.simulation.topics, 4, 8, 0.6),
                platform=pa.repeat(self.simulation.name, len(person)),
                created_at=_times(planted.joined[person]),
            )

    def _entities(self) -> Iterator[Chunk]:
        tags = np.arange(self.simulation.topics * TAGS_A_TOPIC)
        topics = tags[::TAGS_A_TOPIC] // TAGS_A_TOPIC
        named = tag_names(tags, TAGS_A_TOPIC, self.simulation.topics)
        yield _nodes("Entity", id=_ids(TAG, tags), name=named, kind=pa.repeat("tag", len(tags)))
        # A topic is called by all of its tags.
        lists = pa.ListArray.from_arrays(pa.array(np.arange(len(topics) + 1) * TAGS_A_TOPIC, pa.int32()), named)
        yield _nodes(
            "Entity", id=_ids(TOPIC, topics), name=pc.binary_join(lists, " "), kind=pa.repeat("topic", len(topics))
        )

    def _posts(self) -> Iterator[Chunk]:
        planted, topics = self.planted, self.simulation.topics
        for post in _blocks(self.simulation.posts):
            rng = np.random.default_rng([self.simulation.seed, 5, int(post[0])])
            topic = planted.topic[post].astype(np.int64)
            yield _nodes(
                "Post",
                id=_ids(POST, post),
                kind=pa.array(KINDS).take(pa.array(planted.kind[post])),
                title=pc.utf8_capitalize(texts(rng, topic, topics, 3, 6, 0.6)),
                text=texts(rng, topic, topics, 8, 24),
                platform=pa.repeat(self.simulation.name, len(post)),
                created_at=_times(planted.published[post]),
            )
        for post in _blocks(self.simulation.posts):
            yield _relationships(
                "POSTED",
                source=_ids(PERSON, planted.author[post]),
                target=_ids(POST, post),
                at=_times(planted.published[post]),
            )

    def _follows(self) -> Iterator[Chunk]:
        planted = self.planted
        for place in _blocks(len(planted.followed)):
            source = np.searchsorted(planted.follow_start, place, "right") - 1
            target = planted.followed[place]
            at = np.maximum(planted.joined[source], planted.joined[target])
            yield _relationships("FOLLOWS", source=_ids(PERSON, source), target=_ids(PERSON, target), at=_times(at))

    def _mentions(self) -> Iterator[Chunk]:
        for post in _blocks(self.simulation.posts):
            source, tag = tags_of(self.planted, int(post[0]), int(post[-1]) + 1)
            yield _relationships(
                "MENTIONS",
                source=_ids(POST, source),
                target=_ids(TAG, tag),
                confidence=pa.array(np.ones(len(tag))),
                said_by=pa.repeat("data", len(tag)),
            )

    def _related(self) -> Chunk:
        tags = np.arange(self.simulation.topics * TAGS_A_TOPIC)
        return _relationships(
            "RELATED_TO",
            source=_ids(TAG, tags),
            target=_ids(TOPIC, tags // TAGS_A_TOPIC),
            relation=pa.repeat("part of", len(tags)),
        )

    def _interested(self) -> Iterator[Chunk]:
        """Three of ten people state their main topic."""
        planted = self.planted
        for block in _blocks(self.simulation.people):
            rng = np.random.default_rng([self.simulation.seed, 6, int(block[0])])
            person = block[rng.random(len(block)) < 0.3]
            if not len(person):
                continue
            yield _relationships(
                "INTERESTED_IN",
                source=_ids(PERSON, person),
                target=_ids(TOPIC, planted.interests[person, 0]),
                weight=pa.array(np.ones(len(person))),
                stated=pa.repeat(True, len(person)),
                at=_times(planted.joined[person]),
            )

    def _acts(self) -> Iterator[Chunk]:
        for part in _gathered(acts(self.planted)):
            for number, type_ in enumerate(TYPES):
                mine = np.flatnonzero(part.type == number)
                if len(mine):
                    yield _relationships(
                        type_,
                        source=_ids(PERSON, part.person[mine]),
                        target=_ids(POST, part.post[mine]),
                        at=_times(part.at[mine]),
                    )


def _gathered(hours: Iterator[Acts]) -> Iterator[Acts]:
    """Hours together until there are enough for a chunk of every type."""
    kept: list[Acts] = []
    rows = 0
    for hour in hours:
        kept.append(hour)
        rows += len(hour.person)
        if rows >= CHUNK_ROWS:
            yield _joined(kept)
            kept, rows = [], 0
    if rows:
        yield _joined(kept)


def _joined(parts: list[Acts]) -> Acts:
    names_ = ("person", "post", "at", "type")
    person, post, at, type_ = (np.concatenate([getattr(part, name) for part in parts]) for name in names_)
    return Acts(person, post, at, type_)


def _blocks(size: int) -> Iterator[Int64]:
    for start in range(0, size, CHUNK_ROWS):
        yield np.arange(start, min(start + CHUNK_ROWS, size))


def _ids(prefix: str, numbers: Any) -> pa.Array:
    return pc.binary_join_element_wise(prefix, pa.array(np.asarray(numbers, np.int64)).cast(TEXT), "")


def _times(moments: Int64) -> pa.Array:
    return pa.array(moments, pa.timestamp("us"))


def _nodes(label: str, **columns: pa.Array) -> Nodes:
    return Nodes(label, _table(node_schema(label), columns), _FILES[label])


def _relationships(type_: str, **columns: pa.Array) -> Relationships:
    ((source, target),) = RELATIONSHIP_TYPES[type_].pairs
    return Relationships(type_, source, target, _table(relationship_schema(type_), columns), type_.lower())


def _table(schema: pa.Schema, columns: dict[str, pa.Array]) -> pa.Table:
    """A chunk's table; what is not given is null."""
    rows = len(next(iter(columns.values())))
    return pa.table([columns.get(f.name, pa.nulls(rows, f.type)) for f in schema], schema=schema)

"""``sample``: a community that comes with the package, for trying everything out with no data and no network.

    from graphfeed.loaders.sample import NOTICE, SampleLoader, oracle_scores

Its posts, entities and people were written for it (``data/``); who does what and when is generated from planted
interests, so that the best reachable figure is known: rank by ``oracle_scores``. Nothing in it is real, and every user
and post says so by its platform, "sample".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

import pyarrow as pa

from graphfeed.loaders.records import TIME, Chunk, Nodes, Relationships, node_schema, relationship_schema
from graphfeed.loaders.rejected import Rejects
from graphfeed.loaders.sample import written
from graphfeed.loaders.sample.behaviour import SEED, Acts, oracle_scores, simulate, stated_interests
from graphfeed.loaders.sample.planted import DAY, END, FIRST_DAY, Planted, plant

__all__ = ["DAY", "END", "FIRST_DAY", "NOTICE", "SEED", "SampleLoader", "oracle_scores"]

NOTICE = (
    "This is a sample: the invented town of Sallowbridge. Its people, posts and past were written for graphfeed, "
    "and what its people do was generated from planted interests."
)
"""To be shown wherever the sample is loaded or its figures are printed."""

PLATFORM = "sample"
GENERATED = "sample/behaviour (generated)"


class SampleLoader:
    """The sample community as records. The same seed yields the same records."""

    name = "sample"

    def __init__(self, seed: int = SEED) -> None:
        self.seed = seed

    def chunks(self, rejects: Rejects) -> Iterator[Chunk]:
        """Yield users, entities and posts, then everything between them. No row is ever rejected."""
        planted = plant(self.seed)
        for chunk in (
            *_users(planted),
            _entities(),
            *_posts(planted),
            *_mentions(),
            _relations(),
            *self._acts(planted),
        ):
            if chunk.primary:
                rejects.read(chunk.file, chunk.rows.num_rows)
            yield chunk

    def _acts(self, planted: Planted) -> Iterator[Chunk]:
        """What was generated, numbered on through all types as the rows of one file."""
        people, posts = [person.id for person in planted.people], [post.id for post in written.posts()]
        line = 1
        for chunk in (
            _posted(planted, people, posts),
            _interested_in(planted, people),
            *(_acts(name, acts, people, posts) for name, acts in simulate(self.seed).acts.items()),
        ):
            rows = chunk.rows.num_rows
            lines = pa.array(range(line, line + rows), pa.int64())
            line += rows
            yield Relationships(
                chunk.type,
                chunk.source_label,
                chunk.target_label,
                chunk.rows.set_column(chunk.rows.num_columns - 1, "line", lines),
                GENERATED,
            )


def _users(planted: Planted) -> Iterator[Nodes]:
    joined = dict(zip((person.id for person in planted.people), planted.joined.tolist(), strict=True))
    for file, people in groupby(planted.people, key=lambda person: person.file):
        rows = [
            {
                "id": p.id,
                "name": p.name,
                "about": p.about,
                "platform": PLATFORM,
                "created_at": joined[p.id],
                "line": p.line,
            }
            for p in people
        ]
        yield Nodes("User", _table(rows, node_schema("User")), f"sample/{file}")


def _entities() -> Nodes:
    rows = [
        {"id": e.id, "name": e.name, "aliases": list(e.aliases), "kind": e.kind, "text": e.text, "line": e.line}
        for e in written.entities()
    ]
    return Nodes("Entity", _table(rows, node_schema("Entity")), "sample/entities.jsonl")


def _posts(planted: Planted) -> Iterator[Nodes]:
    published = zip(written.posts(), planted.published.tolist(), strict=True)
    for file, posts in groupby(published, key=lambda pair: pair[0].file):
        rows = [
            {
                "id": post.id,
                "kind": "question" if "?" in post.title else "article",
                "title": post.title,
                "text": post.text,
                "platform": PLATFORM,
                "created_at": at,
                "line": post.line,
            }
            for post, at in posts
        ]
        yield Nodes("Post", _table(rows, node_schema("Post")), f"sample/{file}")


def _mentions() -> Iterator[Relationships]:
    """They stand in the rows of the posts, and so are no rows of their own."""
    for file, posts in groupby(written.posts(), key=lambda post: post.file):
        rows = [
            {"source": post.id, "target": entity, "confidence": 1.0, "said_by": "data", "line": post.line}
            for post in posts
            for entity in post.mentions
        ]
        table = _relationship_table("MENTIONS", rows)
        yield Relationships("MENTIONS", "Post", "Entity", table, f"sample/{file}", primary=False)


def _relations() -> Relationships:
    rows = [
        {"source": r.source, "target": r.target, "relation": r.relation, "line": r.line} for r in written.relations()
    ]
    table = _relationship_table("RELATED_TO", rows)
    return Relationships("RELATED_TO", "Entity", "Entity", table, "sample/relations.jsonl")


def _posted(planted: Planted, people: Sequence[str], posts: Sequence[str]) -> Relationships:
    rows = [
        {"source": people[author], "target": post, "at": at}
        for author, post, at in zip(planted.author.tolist(), posts, planted.published.tolist(), strict=True)
    ]
    return Relationships("POSTED", "User", "Post", _relationship_table("POSTED", rows), GENERATED)


def _interested_in(planted: Planted, people: Sequence[str]) -> Relationships:
    rows = [
        {"source": people[person], "target": entity, "weight": 1.0, "stated": True, "at": at}
        for person, entity, at in stated_interests(planted)
    ]
    return Relationships("INTERESTED_IN", "User", "Entity", _relationship_table("INTERESTED_IN", rows), GENERATED)


def _acts(name: str, acts: Acts, people: Sequence[str], posts: Sequence[str]) -> Relationships:
    between_people = name in ("FOLLOWS", "BLOCKED")
    targets = people if between_people else posts
    rows: list[dict[str, Any]] = [
        # A type takes from these what it has: FOLLOWS no count, LIKED no said_by.
        {"source": people[source], "target": targets[target], "at": at, "count": count, "said_by": "data"}
        for source, target, at, count in zip(acts.source, acts.target, acts.at, acts.count, strict=True)
    ]
    table = _relationship_table(name, rows)
    return Relationships(name, "User", "User" if between_people else "Post", table, GENERATED)


def _relationship_table(name: str, rows: list[dict[str, Any]]) -> pa.Table:
    return _table(rows, relationship_schema(name))


def _table(rows: list[dict[str, Any]], schema: pa.Schema) -> pa.Table:
    """Rows as a table of exactly this schema; what a row lacks is null. Times are given in microseconds."""
    return pa.table([_column([row.get(field.name) for row in rows], field.type) for field in schema], schema=schema)


def _column(values: list[Any], type_: pa.DataType) -> pa.Array:
    return pa.array(values, pa.int64()).cast(TIME) if type_ == TIME else pa.array(values, type_)

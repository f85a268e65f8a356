"""What several sections count: the community as arrays, read once. Texts are not among it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from graphfeed.graph.store import NO_TIME, Counts, GraphStore, Relation
from graphfeed.loaders.records import RELATIONSHIP_TYPES

Int64 = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Pairs:
    """Relationships as positions of their ends, with times (microseconds or ``NO_TIME``); ``[relationships]`` each."""

    source: Int64
    target: Int64
    at: Int64

    def __len__(self) -> int:
        return len(self.source)


@dataclass(frozen=True)
class Community:
    """Nodes by label and what joins them."""

    counts: Counts
    ids: dict[str, pa.StringArray]
    post_kinds: list[str]
    """Of every post; empty where it has none."""
    entity_kinds: list[str]
    post_time: Int64
    user_time: Int64
    acts: Pairs
    """Every kind of engagement: people and posts, each pair once for each type."""
    posted: Pairs
    mentions: Pairs
    follows: Pairs

    @property
    def people(self) -> int:
        """How many there are."""
        return len(self.ids["User"])

    @property
    def posts(self) -> int:
        """How many there are."""
        return len(self.ids["Post"])

    def of_kinds(self, kinds: Sequence[str]) -> npt.NDArray[np.bool_]:
        """Which posts are of these kinds; all where none is named, ``[posts]``."""
        wanted = np.array([kind in kinds for kind in self.post_kinds], dtype=bool)
        return wanted if wanted.any() else np.ones(self.posts, dtype=bool)

    def acts_of_people(self) -> Int64:
        """How many posts each person engaged with, ``[people]``."""
        pair = np.unique(self.acts.source * max(self.posts, 1) + self.acts.target)
        return np.bincount(pair // max(self.posts, 1), minlength=self.people)

    def acts_on_posts(self) -> Int64:
        """How many people engaged with each post, ``[posts]``."""
        pair = np.unique(self.acts.target * max(self.people, 1) + self.acts.source)
        return np.bincount(pair // max(self.people, 1), minlength=self.posts)


def read_community(store: GraphStore) -> Community:
    """Read what the sections count."""
    posts, users = store.read_nodes("Post", ["kind", "created_at"]), store.read_nodes("User", ["created_at"])
    engagement = [name for name, type_ in RELATIONSHIP_TYPES.items() if type_.role == "engagement"]
    return Community(
        store.counts(),
        {label: store.node_ids(label) for label in ("User", "Post", "Entity")},
        pc.fill_null(posts["kind"], "").to_pylist(),
        pc.fill_null(store.read_nodes("Entity", ["kind"])["kind"], "").to_pylist(),
        _times(posts["created_at"]),
        _times(users["created_at"]),
        _together([relation for type_ in engagement for relation in store.read_relation(type_)]),
        *(_together(store.read_relation(type_)) for type_ in ("POSTED", "MENTIONS", "FOLLOWS")),
    )


def _together(relations: Sequence[Relation]) -> Pairs:
    if not relations:
        return Pairs(*(np.zeros(0, dtype=np.int64) for _ in range(3)))
    return Pairs(*(np.concatenate([getattr(r, name) for r in relations]) for name in ("source", "target", "at")))


def _times(column: pa.ChunkedArray) -> Int64:
    return np.array(pc.fill_null(column.cast(pa.int64()), NO_TIME).to_numpy(), dtype=np.int64)

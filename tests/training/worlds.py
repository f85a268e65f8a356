"""Small communities made from arrays, whose right answers are known because they were planted."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import torch
from torch_geometric.data import HeteroData

from graphfeed.graph.store import NO_TIME, Relation
from graphfeed.graph.tensors import FeedGraph, add_relation, check_graph
from graphfeed.loaders.records import RELATIONSHIP_TYPES

DAY = 86_400 * 10**6
START = 1_600_000_000 * 10**6

Edge = tuple[int, int, int | None]
"""Source, target, day (None: no time)."""


def moment(day: float | None) -> int:
    """Microseconds of a day counted from the world's start."""
    return NO_TIME if day is None else START + int(day * DAY)


def world(
    users: int,
    posts: Sequence[tuple[float | None, str]],
    edges: dict[str, Sequence[Sequence[float | None]]],
    *,
    entities: int = 0,
    test: Sequence[tuple[int, int]] = (),
    vectors: np.ndarray | None = None,
) -> FeedGraph:
    """A community of users, posts (day, text), edges by type (source, target, day), and pairs of a given test split."""
    data, ids, texts = HeteroData(), {}, {}
    for label, count in (("User", users), ("Post", len(posts)), ("Entity", entities)):
        data[label].num_nodes = count
        data[label].time = torch.full((count,), NO_TIME)
        ids[label] = pa.array([f"{label[0].lower()}{i}" for i in range(count)], pa.string())
        texts[label] = [""] * count
    data["Post"].time = torch.tensor([moment(day) for day, _ in posts], dtype=torch.int64)
    data["Post"].kind = torch.zeros(len(posts), dtype=torch.int64)
    if vectors is not None:
        data["Post"].x = torch.from_numpy(vectors.astype(np.float32))
    texts["Post"] = [text for _, text in posts]
    for type_, rows in edges.items():
        source, target = (np.array([int(row[end] or 0) for row in rows], dtype=np.int64) for end in (0, 1))
        at = np.array([moment(row[2]) for row in rows], dtype=np.int64)
        (labels,) = RELATIONSHIP_TYPES[type_].pairs
        count = np.ones(len(rows), dtype=np.float32)
        add_relation(data, Relation(type_, *labels, source, target, at, count, pa.table({})))
    held_out = {"test": torch.tensor(test, dtype=torch.int64).T} if len(test) else {}
    graph = FeedGraph(data, ids, texts, ["article"], held_out)
    check_graph(graph)
    return graph


def two_groups(users: int = 40, posts: int = 60, seed: int = 0) -> FeedGraph:
    """Even people like even posts, odd people odd ones; each liked a random half of theirs, one post after the other.

    No times; of each person's likes the last two are the given test.
    """
    random = np.random.default_rng(seed)
    likes, test = [], []
    for user in range(users):
        mine = random.permutation(np.arange(user % 2, posts, 2))[: posts // 4]
        likes += [(user, int(post), None) for post in mine[:-2]]
        test += [(user, int(post)) for post in mine[-2:]]
    words = ("boat river oar", "flour oven crust")
    return world(users, [(None, f"{words[p % 2]} number{p}") for p in range(posts)], {"LIKED": likes}, test=test)


def living(users: int = 12, days: int = 60, seed: int = 0) -> FeedGraph:
    """One post a day, written by somebody in turn; every day three people like one of the last three days' posts."""
    random = np.random.default_rng(seed)
    posts = [(float(day), f"subject{day % 4} words of day {day}") for day in range(days)]
    likes = [
        (int(user), int(random.integers(max(0, day - 2), day + 1)), day + 0.5)
        for day in range(days)
        for user in random.choice(users, 3, replace=False)
        if day
    ]
    return world(users, posts, {"LIKED": likes, "POSTED": [(day % users, day, float(day)) for day in range(days)]})

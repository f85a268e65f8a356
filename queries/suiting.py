"""Posts in the order in which they suit one person, by what was published and by what the graph shows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from graphfeed.graph.store import GraphStore
from graphfeed.graph.whole_graph import Int64, Say, WholeGraph, code

_MENTIONS, _POSTED = code("MENTIONS"), code("POSTED")
_MET = tuple(code(type_) for type_ in ("VIEWED", "LIKED", "SAVED", "SHARED", "COMMENTED", "POSTED"))


def suiting_order(
    store: GraphStore, user: str, posts: Sequence[str], say: Say | None = None
) -> tuple[list[str], set[str]]:
    """Those of the posts that suit a person, best first, and those that they must not see.

    First come those that are recommended to them, by rank; then by what they are about and by whom: 1 for each entity
    that the person cares about or may like, else the part of the posts that they engaged with or wrote which are about
    it, and 1 for an author whom they follow. Others are in neither.
    """
    rows = store.run("person", user=user)
    ranks = {row["id"]: row["rank"] for row in rows if row["what"] == "recommended"}
    barred = {row["id"] for row in rows if row["what"] == "barred"}
    graph = WholeGraph.of(store, say)
    weights = _met_topics(graph, user)
    for what, label in (("cares", "Entity"), ("follows", "User")):
        liked = graph.find_all(label, [row["id"] for row in rows if row["what"] == what])
        weights |= dict.fromkeys(liked.values(), 1.0)
    near = _nearness(graph, posts, weights)
    chosen = [post for post in posts if post not in barred and (post in ranks or near[post] > 0)]
    last = max(ranks.values(), default=0) + 1
    chosen.sort(key=lambda post: (ranks.get(post, last), -round(near[post], 9)))  # stable: else as they came
    return chosen, barred & set(posts)


def _met_topics(graph: WholeGraph, user: str) -> dict[int, float]:
    """Entities by the part of a person's posts, those that they engaged with or wrote, that are about them."""
    person = graph.find("User", user)
    if person is None:
        return {}
    _, others, steps = graph.around(np.array([person]))
    met = np.unique(others[np.isin(steps, _MET)])
    _, topics, steps = graph.around(met)
    found, counts = np.unique(topics[steps == _MENTIONS], return_counts=True)
    return {int(topic): int(count) / len(met) for topic, count in zip(found, counts, strict=True)}


def _nearness(graph: WholeGraph, posts: Sequence[str], weights: dict[int, float]) -> dict[str, float]:
    """The sum of the weights of what each post is about and by."""
    known = list(graph.find_all("Post", posts).items())
    numbers: Int64 = np.array([number for _, number in known], np.int64)
    begin, others, steps = graph.around(numbers)
    sums = dict.fromkeys(posts, 0.0)
    for place in np.flatnonzero((steps == _MENTIONS) | (steps == -_POSTED)):
        sums[known[int(begin[place])][0]] += weights.get(int(others[place]), 0.0)
    return sums

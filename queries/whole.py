"""Questions to the graph as a whole: its communities, its most important nodes, and what the model knows little about.

    communities(store)               the largest communities, who is important there and what they are about
    central(store, "User")           the most important people
    cold(store, "Post")              posts that the model knows little about, and why

The first two work out what they show when the graph has changed, and write it on the nodes
(``graphfeed.graph.structure``).
"""

from __future__ import annotations

from collections import Counter
from typing import get_args

from graphfeed.errors import ConfigError
from graphfeed.graph.store import GraphStore, Row
from graphfeed.graph.whole_graph import Say
from graphfeed.queries.question_answers import Central, Cold, ColdNode, Communities, Community, Label

MEMBERS = 3
"""Members of a community that are shown, and entities."""
FEW = 3
"""Fewer engagements than this are few."""
_LACKS = {
    "User": ("few_acts", "new", "no_text", "no_follows"),
    "Post": ("few_acts", "new", "no_text", "no_entity", "no_author"),
}
_NEEDS = {"no_follows": "FOLLOWS", "no_entity": "MENTIONS", "no_author": "POSTED"}
_COLD = {"User": "cold_people", "Post": "cold_posts"}


def communities(
    store: GraphStore, limit: int = 10, *, label: Label = "User", seed: int = 0, say: Say | None = None
) -> Communities:
    """The largest communities by their number of people (or posts, or entities), with their most important members.

    ``community`` and ``pagerank`` are written on the nodes where they are not there for this graph and seed. Raises
    ConfigError, and StoreError where the user may not write.
    """
    from graphfeed.graph.structure import measure  # scipy and scikit-network: only where they are needed

    _check(limit, label)
    report = measure(store, seed=seed, say=say)
    sizes: dict[int, Counter[str]] = {}
    for row in store.run("communities"):
        sizes.setdefault(row["community"], Counter())[row["label"]] = row["nodes"]
    largest = sorted(sizes, key=lambda number: (-sizes[number][label], -sizes[number].total(), number))[:limit]
    found = [
        _community(store, number, rank, sizes[number], label)
        for rank, number in enumerate(largest, 1)
        if sizes[number][label]
    ]
    return Communities(tuple(found), report.communities, report.modularity, report.alone)


def central(
    store: GraphStore, label: Label = "User", limit: int = 10, *, seed: int = 0, say: Say | None = None
) -> list[Central]:
    """The most important people, posts or entities by PageRank, best first; see ``communities`` for what is written."""
    from graphfeed.graph.structure import measure

    _check(limit, label)
    measure(store, seed=seed, say=say)
    return _central(store, label, -1, limit)


def cold(store: GraphStore, label: Label = "Post", limit: int = 10, *, few: int = FEW) -> Cold:
    """People or posts of which the model knows little, and why: how many there are, and the least known ones.

    Cold is what has fewer than ``few`` engagements, or came after the moment of the published generation. What else it
    lacks that the model could have known it by is counted among those. Of posts only those of the kinds that the
    generation recommends.
    """
    _check(limit, label)
    if label not in _COLD:
        raise ConfigError(f"what can be cold is {' or '.join(_COLD)}, found {label!r}")
    if few < 1:
        raise ConfigError(f"few engagements are fewer than 1 or more, found {few}")
    every = [row for row in store.run("cold_counts", few=few) if row["label"] == label]
    groups = [row for row in every if row["few_acts"] or row["new"]]
    lacks = _told_of(store, label)
    reasons = {lack: sum(row["nodes"] for row in groups if row[lack]) for lack in lacks}
    rows = store.run(_COLD[label], few=few, limit=limit)
    nodes = tuple(
        ColdNode(row["id"], row["name"], row["acts"], tuple(lack for lack in lacks if row[lack])) for row in rows
    )
    cold_ones, there = (sum(row["nodes"] for row in rows) for rows in (groups, every))
    return Cold(label, cold_ones, there, few, reasons, nodes)


def _told_of(store: GraphStore, label: Label) -> list[str]:
    """What nodes of a label may lack: not what nobody has in this graph."""
    relationships = store.counts().relationships
    there = {lack: relationships[type_] > 0 for lack, type_ in _NEEDS.items()}
    return [lack for lack in _LACKS[label] if there.get(lack, True)]


def _community(store: GraphStore, number: int, rank: int, sizes: Counter[str], label: Label) -> Community:
    members = _central(store, label, number, MEMBERS)
    about: list[Central] = []
    if label != "Entity":
        about = _told(store.run("community_topics", community=number, limit=MEMBERS))
    if not about and label != "Post":
        about = _central(store, "Post", number, MEMBERS)
    return Community(number, rank, sizes["User"], sizes["Post"], sizes["Entity"], tuple(members), tuple(about))


def _central(store: GraphStore, label: Label, community: int, limit: int) -> list[Central]:
    return _told(store.run("central", label=label, community=community, limit=limit))


def _told(rows: list[Row]) -> list[Central]:
    return [
        Central(row["id"], rank, row["name"], row["kind"] or None, row["pagerank"], row["community"])
        for rank, row in enumerate(rows, 1)
    ]


def _check(limit: int, label: str) -> None:
    if limit < 1:
        raise ConfigError(f"the number of results must be 1 or more, found {limit}")
    if label not in get_args(Label):
        raise ConfigError(f"what can be asked for is {', '.join(get_args(Label))}, found {label!r}")

"""How two nodes hang together: ``paths(store, "User:26", "Post:4125")``.

Of all shortest paths those come first that lead through the rarest nodes: two people who share an interest in something
that few care about are closer than two who met the post that everybody met.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from itertools import pairwise
from typing import cast, get_args

import numpy as np
import numpy.typing as npt

from graphfeed.errors import ConfigError, UnknownNodeError
from graphfeed.graph.store import GraphStore
from graphfeed.graph.whole_graph import WALKED, Int64, Say, WholeGraph
from graphfeed.queries.question_answers import GraphPath, Label, Node, Step

LONGEST = 6
"""Steps of a path, at most, unless fewer are asked for."""
_FAR = 127

Costs = npt.NDArray[np.float64]
Extra = dict[tuple[int, int], list[tuple[str, bool]]]


def paths(
    store: GraphStore,
    a: str,
    b: str,
    limit: int = 3,
    *,
    longest: int = LONGEST,
    predictions: bool = False,
    say: Say | None = None,
) -> list[GraphPath]:
    """The shortest paths between two nodes, ``limit`` at most; none where they are more than ``longest`` steps apart.

    A node is named as ``User:ID``, ``Post:ID`` or ``Entity:ID``, or by its id alone where only one label has it. Every
    relationship is walked in both directions, those that speak against something (BLOCKED, MUTED, DISLIKED, HID) never.
    ``predictions``: what is published leads on too, as the first and the last step.

    Raises UnknownNodeError for a node that is not there or stands for several, ConfigError for a wrong number.
    """
    if limit < 1:
        raise ConfigError(f"the number of results must be 1 or more, found {limit}")
    if not 1 <= longest <= LONGEST:
        raise ConfigError(f"a path has 1 to {LONGEST} steps at most, found {longest}")
    graph = WholeGraph.of(store, say)
    start, end = find_node(graph, a), find_node(graph, b)
    extra = _predicted(store, graph, (start, end)) if predictions else {}
    found = _shortest(_Walk(graph, extra), start, end, limit, longest)
    return _told(store, graph, found, extra)


def find_node(graph: WholeGraph, text: str) -> int:
    """The number of the node that a text names. Raises UnknownNodeError."""
    prefix, colon, rest = text.partition(":")
    label = next((label for label in get_args(Label) if label.lower() == prefix.lower()), None)
    if colon and label and (node := graph.find(label, rest)) is not None:
        return node
    nodes = {label: node for label in get_args(Label) if (node := graph.find(label, text)) is not None}
    if len(nodes) == 1:
        return next(iter(nodes.values()))
    shown = text if len(text) <= 100 else text[:99] + "…"
    if nodes:
        choices = " or ".join(f"{label}:{shown}" for label in nodes)
        raise UnknownNodeError(f"several nodes have the id {shown!r}: say which one by {choices}")
    raise UnknownNodeError(
        f"no person, post or entity has the id {shown!r}; `graphfeed search TEXT` finds ids, User:ID, Post:ID and"
        " Entity:ID say which label is meant"
    )


class _Walk:
    """Neighbours in the graph and over the predictions at the two ends."""

    def __init__(self, graph: WholeGraph, extra: Extra) -> None:
        self.nodes = graph.nodes
        self._graph = graph
        self._more: dict[int, list[int]] = {}
        for one, other in extra:
            self._more.setdefault(one, []).append(other)

    def around(self, nodes: Int64) -> tuple[Int64, Int64]:
        """Position in ``nodes`` and neighbour, of every step."""
        begin, others, _ = self._graph.around(nodes)
        for place in np.flatnonzero(np.isin(nodes, list(self._more))) if self._more else ():
            more = np.array(self._more[int(nodes[place])], np.int64)
            begin, others = np.append(begin, np.full(len(more), place)), np.append(others, more)
        return begin, others

    def costs(self, nodes: Int64) -> Costs:
        """What leading through a node costs: more for one that has many neighbours."""
        return np.asarray(np.log1p(self._graph.degrees(nodes)), np.float64)


def _shortest(walk: _Walk, start: int, end: int, limit: int, longest: int) -> list[list[int]]:
    """The cheapest of the shortest paths as node numbers, cheapest first; of equal ones by these numbers."""
    if start == end:
        return [[start]]
    sides = ([np.array([start])], [np.array([end])])
    far = [np.full(walk.nodes, _FAR, np.int8) for _ in sides]
    far[0][start] = far[1][end] = 0
    while True:
        grown = min((0, 1), key=lambda side: (_width(walk, sides[side][-1]), side))
        if len(sides[0]) + len(sides[1]) - 2 >= longest or not len(sides[grown][-1]):
            return []
        layer = np.unique(walk.around(sides[grown][-1])[1])
        layer = layer[far[grown][layer] == _FAR]
        far[grown][layer] = len(sides[grown])
        sides[grown].append(layer)
        if np.any(far[1 - grown][layer] != _FAR):
            break
    return _cheapest(walk, _layers(walk, sides, far), start, limit)


def _width(walk: _Walk, nodes: Int64) -> int:
    return int(walk._graph.degrees(nodes).sum()) if len(nodes) else 0


def _layers(
    walk: _Walk, sides: tuple[list[Int64], list[Int64]], far: Sequence[npt.NDArray[np.int8]]
) -> tuple[npt.NDArray[np.int8], Costs]:
    """By node on a shortest path: how many steps it is from the end, and the least cost from there to it."""
    forward, backward = sides
    length = len(forward) + len(backward) - 2
    left = np.full(walk.nodes, _FAR, np.int8)
    cost = np.full(walk.nodes, np.inf)
    left[backward[0]], cost[backward[0]] = 0, 0.0
    for step in range(1, length + 1):
        layer = backward[step] if step < len(backward) else forward[length - step]
        begin, others = walk.around(layer)
        to = left[others] == step - 1
        best = np.full(len(layer), np.inf)
        through = cost[others[to]] + (0.0 if step == 1 else walk.costs(others[to]))
        np.minimum.at(best, begin[to], through)
        reached = np.isfinite(best)
        left[layer[reached]], cost[layer[reached]] = step, best[reached]
    return left, cost


def _cheapest(walk: _Walk, layers: tuple[npt.NDArray[np.int8], Costs], start: int, limit: int) -> list[list[int]]:
    """Best first: a path under way costs what it has cost and the least that is still to come."""
    left, cost = layers
    waiting = [(round(float(cost[start]), 9), [start], 0.0)]
    found: list[list[int]] = []
    while waiting and len(found) < limit:
        _, path, spent = heapq.heappop(waiting)
        node = path[-1]
        if not left[node]:
            found.append(path)
            continue
        others = np.unique(walk.around(np.array([node]))[1])
        others = others[left[others] == left[node] - 1]
        through = spent + (walk.costs(others) if left[node] > 1 else np.zeros(len(others)))
        order = np.lexsort((others, np.round(through + cost[others], 9)))[:limit]  # no path takes a worse one first
        for place in order:
            total = round(float(through[place] + cost[others[place]]), 9)
            heapq.heappush(waiting, (total, [*path, int(others[place])], float(through[place])))
    return found


def _predicted(store: GraphStore, graph: WholeGraph, ends: tuple[int, int]) -> Extra:
    """The published predictions at the two ends, by pair of nodes: type, and whether it leads from the first one."""
    extra: Extra = {}
    for node in set(ends):
        label, id_ = graph.name(node)
        for row in store.run("predicted_around", label=label, id=id_):
            other = graph.find(row["label"], row["id"])
            if other is not None and other != node:
                extra.setdefault((node, other), []).append((row["type"], row["forward"]))
                extra.setdefault((other, node), []).append((row["type"], not row["forward"]))
    return extra


def _told(store: GraphStore, graph: WholeGraph, found: list[list[int]], extra: Extra) -> list[GraphPath]:
    names = {node: graph.name(node) for path in found for node in path}
    lists = {label: sorted({id_ for own, id_ in names.values() if own == label}) or [""] for label in get_args(Label)}
    rows = store.run("names", users=lists["User"], posts=lists["Post"], entities=lists["Entity"])
    captions = {(row["label"], row["id"]): row["name"] for row in rows}
    return [
        GraphPath(
            tuple(Node(cast(Label, names[node][0]), names[node][1], captions.get(names[node])) for node in path),
            tuple(_between(graph, a, b, extra) for a, b in pairwise(path)),
        )
        for path in found
    ]


def _between(graph: WholeGraph, a: int, b: int, extra: Extra) -> tuple[Step, ...]:
    """What joins two neighbours, first what leads from the one to the other."""
    _, others, steps = graph.around(np.array([a]))
    joined = [(WALKED[abs(int(step)) - 1], bool(step > 0)) for step in np.unique(steps[others == b])]
    joined += extra.get((a, b), [])
    ways = {forward: tuple(dict.fromkeys(sorted(t for t, f in joined if f == forward))) for forward in (True, False)}
    return tuple(Step(types, forward) for forward, types in ways.items() if types)

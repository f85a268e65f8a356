"""A simulated community's best reachable figure: a ranker that knows the chances by which people's acts were drawn.

oracle = simulated_oracle(store, graph)      # None where the store holds anything else
evaluate(split, rankers, oracle=oracle)
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from graphfeed.graph.store import GraphStore
from graphfeed.graph.tensors import FeedGraph
from graphfeed.loaders.simulate import PERSON, POST
from graphfeed.loaders.simulate.behaviour import Hour, chances
from graphfeed.loaders.simulate.planted import FIRST_DAY, HOUR, Planted, Simulation, plant
from graphfeed.training.links import Int64, LinkKind
from graphfeed.training.metrics import Float32
from graphfeed.training.ranker import Progress
from graphfeed.training.snapshot import Snapshot
from graphfeed.training.split import Split


def simulated_oracle(store: GraphStore, graph: FeedGraph) -> SimulatedOracle | None:
    """The oracle of the one simulated community that a store holds; None where it holds anything else."""
    platforms = {
        p for label in ("User", "Post") for p in store.read_nodes(label, ["platform"])["platform"].unique().to_pylist()
    }
    if len(platforms) != 1:
        return None
    simulation = Simulation.of_name(platforms.pop() or "")
    return None if simulation is None else SimulatedOracle(graph, simulation)


class SimulatedOracle:
    """Ranks by the chance that a post is what a person engages with next.

    Nobody who sees only the graph can do better on average on what comes next; windows are a day long, so that it is
    asked a little more than that: what is published within a window is not asked for by any ranker.
    """

    name = "best reachable (planted)"
    kind: Literal["oracle"] = "oracle"

    def __init__(self, graph: FeedGraph, simulation: Simulation) -> None:
        self._planted = plant(simulation)
        self._people = _numbers(graph, "User", PERSON)
        self._posts = _numbers(graph, "Post", POST)

    def fit(self, split: Split, progress: Progress | None = None) -> None:
        """It knows already."""

    def scorer(self, snapshot: Snapshot, kind: LinkKind = "posts") -> _ChanceScorer:
        """The chances at the first whole hour from the snapshot's moment on: what was published before is there."""
        begin = max(-(-snapshot.now // HOUR) * HOUR, FIRST_DAY)
        return _ChanceScorer(self._planted, begin, self._people, self._posts[snapshot.candidates(kind)])


class _ChanceScorer:
    def __init__(self, planted: Planted, begin: int, people: Int64, posts: Int64) -> None:
        self._hour = Hour(planted)
        self._hour.advance(begin)
        self._people, self._posts = people, posts

    def scores(self, users: Int64) -> Float32:
        """Logarithm of the chance to be next, ``[users, candidates]``; very low where that is nothing."""
        found = chances(self._hour, self._people[users], self._posts)
        return np.where(found > 0, np.log(np.maximum(found, 1e-300)), -1e9).astype(np.float32)


def _numbers(graph: FeedGraph, label: str, prefix: str) -> Int64:
    return np.array([int(id_.removeprefix(prefix)) for id_ in graph.ids[label].to_pylist()], dtype=np.int64)

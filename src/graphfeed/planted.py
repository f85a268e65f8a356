"""The sample community's best reachable figure: a ranker that knows the interests that were planted."""

from __future__ import annotations

from typing import Literal

import numpy as np

from graphfeed.graph.store import GraphStore
from graphfeed.graph.tensors import FeedGraph
from graphfeed.loaders.sample import oracle_scores
from graphfeed.simulated import SimulatedOracle, simulated_oracle
from graphfeed.training.links import Int64, LinkKind
from graphfeed.training.metrics import Float32
from graphfeed.training.ranker import Progress
from graphfeed.training.snapshot import Snapshot
from graphfeed.training.split import Split

PLATFORM = "sample"


def is_sample(store: GraphStore) -> bool:
    """Whether a store holds the sample community and nothing else."""
    platforms = {
        p for label in ("User", "Post") for p in store.read_nodes(label, ["platform"])["platform"].unique().to_pylist()
    }
    return platforms == {PLATFORM}


def planted_oracle(store: GraphStore, graph: FeedGraph) -> PlantedOracle | SimulatedOracle | None:
    """For a store that holds the sample or one simulation alone, the ranker that knows what was planted."""
    return PlantedOracle(graph) if is_sample(store) else simulated_oracle(store, graph)


class PlantedOracle:
    """Ranks by the planted utility: nobody who sees only the graph can do better on average."""

    name = "best reachable (planted)"
    kind: Literal["oracle"] = "oracle"

    def __init__(self, graph: FeedGraph) -> None:
        self._users, self._posts = (graph.ids[label].to_pylist() for label in ("User", "Post"))

    def fit(self, split: Split, progress: Progress | None = None) -> None:
        """It knows already."""

    def scorer(self, snapshot: Snapshot, kind: LinkKind = "posts") -> _PlantedScorer:
        """The planted utility at the snapshot's moment."""
        posts = [self._posts[i] for i in snapshot.candidates(kind)]
        return _PlantedScorer(self._users, posts, snapshot.now)


class _PlantedScorer:
    def __init__(self, users: list[str], posts: list[str], now: int) -> None:
        self._users, self._posts, self._now = users, posts, now

    def scores(self, users: Int64) -> Float32:
        """Logarithm of the chance to be picked next, ``[users, candidates]``; very low where that is nothing."""
        found = oracle_scores([self._users[i] for i in users], self._posts, self._now)
        return np.where(np.isfinite(found), found, -1e9).astype(np.float32)

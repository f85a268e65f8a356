"""A training epoch on gowalla: graphfeed's towers against PyG's LightGCN with its own example's loop.

Both 64 wide with two layers. Ours: the steps of one epoch of ``fit_towers`` (all links, each predicted from a graph
without its fold). Theirs: a step takes 8,192 links, passes messages over the whole graph by its edge index, and draws a
negative for each; a few steps are timed and scaled up to the epoch's number of them.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import torch
from torch_geometric.data import HeteroData
from torch_geometric.nn import LightGCN

from benchmarks.speed_graphs import gowalla_pairs
from benchmarks.speed_rounds import Seconds, median, ratio_of, ratio_row
from graphfeed.graph.store import NO_TIME
from graphfeed.graph.tensors import FeedGraph
from graphfeed.training.loop import fit_towers
from graphfeed.training.settings import RunSettings, TowerSettings
from graphfeed.training.snapshot import Past, Snapshot

WIDTH, LAYERS = 64, 2
BATCH = 8_192
STEPS = 2
"""Of theirs, in a round."""


def measure(rounds: int) -> dict[str, Any]:
    """Seconds of an epoch of each, and the ratio."""
    users, posts, source, target = gowalla_pairs()
    snapshot = Snapshot(Past(engagement_graph(users, posts, source, target)), now=2**62)
    pairs = torch.from_numpy(np.stack([source, target + users]))
    theirs = _TheirLoop(pairs, users, users + posts)
    settings = TowerSettings.model_validate({"width": WIDTH, "layers": LAYERS, "epochs": 1})
    seconds: Seconds = {"ours": [], "theirs": []}
    for number in range(rounds):
        for name in ("ours", "theirs") if number % 2 else ("theirs", "ours"):
            if name == "ours":
                seconds[name] += fit_towers(snapshot, [], settings, RunSettings(device="cpu")).seconds
            else:
                seconds[name].append(theirs.epoch_seconds())
    figures = {
        "ours, s an epoch": median(seconds["ours"]),
        "PyG's LightGCN, s an epoch": median(seconds["theirs"]),
        "PyG's LightGCN, s a step": median(seconds["theirs"]) / theirs.steps,
    }
    return {
        "figures": figures,
        "ratios": {"ours over PyG's LightGCN": ratio_row(ratio_of(seconds, "theirs", "ours"), at_least=10.0)},
        "theirs": f"{STEPS} of {theirs.steps} steps a round, scaled up",
        "links": len(source),
        "width": WIDTH,
        "layers": LAYERS,
    }


def engagement_graph(users: int, posts: int, source: np.ndarray, target: np.ndarray) -> FeedGraph:
    """Users, posts and LIKED between them as ``read_graph`` would give it; no times, no texts."""
    data = HeteroData()
    for label, count in (("User", users), ("Post", posts), ("Entity", 0)):
        data[label].num_nodes = count
        data[label].time = torch.full((count,), NO_TIME)
    data["Post"].kind = torch.zeros(posts, dtype=torch.int64)
    data["User", "LIKED", "Post"].edge_index = torch.from_numpy(np.stack([source, target]))
    data["User", "LIKED", "Post"].time = torch.full((len(source),), NO_TIME)
    data["User", "LIKED", "Post"].count = torch.ones(len(source))
    counts = {"User": users, "Post": posts, "Entity": 0}
    return FeedGraph(data, {}, {label: [""] * count for label, count in counts.items()}, [""])


class _TheirLoop:
    """LightGCN as its example trains it: full-batch message passing in every step, BPR loss, Adam."""

    def __init__(self, pairs: torch.Tensor, users: int, nodes: int) -> None:
        torch.manual_seed(0)
        self._pairs, self._users, self._nodes = pairs, users, nodes
        self._graph = torch.cat([pairs, pairs.flip(0)], dim=1)
        self._model = LightGCN(nodes, embedding_dim=WIDTH, num_layers=LAYERS)
        self._optimizer = torch.optim.Adam(self._model.parameters(), lr=0.001)
        self.steps = -(-pairs.shape[1] // BATCH)

    def epoch_seconds(self) -> float:
        """A few steps' time, scaled up to an epoch."""
        began = time.perf_counter()
        for _ in range(STEPS):
            self._step()
        return (time.perf_counter() - began) / STEPS * self.steps

    def _step(self) -> None:
        positive = self._pairs[:, torch.randint(self._pairs.shape[1], (BATCH,))]
        negative = torch.stack([positive[0], torch.randint(self._users, self._nodes, (BATCH,))])
        both = torch.cat([positive, negative], dim=1)
        self._optimizer.zero_grad()
        right, wrong = self._model(self._graph, both).chunk(2)
        loss = self._model.recommendation_loss(right, wrong, node_id=torch.unique(both))
        loss.backward()
        self._optimizer.step()

"""Neighbour sampling: ours against a Python loop on the same arrays, and against pyg-lib where it is installed.

Gowalla's graph both ways, 1,024 people a batch, 10 neighbours in each of two hops, without replacement: edges a second.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torch_geometric.typing
from torch import Tensor
from torch_geometric.data import Data
from torch_geometric.sampler import NodeSamplerInput

from benchmarks.speed_graphs import gowalla_pairs
from benchmarks.speed_rounds import alternate, median, ratio_of, ratio_row
from graphfeed.training.neighbours import Neighbours
from graphfeed.training.sampler import NeighbourSampler

FANOUT = [10, 10]
BATCH = 1_024
BATCHES = 10
"""In a round."""


def measure(rounds: int) -> dict[str, Any]:
    """Edges a second of each, and the ratios."""
    users, posts, source, target = gowalla_pairs()
    index = torch.from_numpy(np.stack([np.r_[source, target + users], np.r_[target + users, source]]))
    data = Data(edge_index=index, num_nodes=users + posts)
    random.seed(0)
    seeds = [torch.randperm(users, generator=torch.Generator().manual_seed(i))[:BATCH] for i in range(BATCHES)]
    relation = Neighbours.of_edges(index, users + posts)
    start, origin = relation.start.tolist(), relation.source.tolist()
    numbers = relation.numbers(torch.arange(len(origin))).tolist()
    edges: dict[str, int] = {}

    def by(sampler: NeighbourSampler, name: str) -> None:
        edges[name] = sum(sampler.sample_from_nodes(NodeSamplerInput(None, s)).row.numel() for s in seeds)

    def by_loop() -> None:
        edges["python loop"] = sum(sample_by_loop(start, origin, numbers, s, FANOUT)[0].numel() for s in seeds)

    ours = NeighbourSampler(data, FANOUT, pyg_lib=False)
    works = {"ours": lambda: by(ours, "ours"), "python loop": by_loop}
    if torch_geometric.typing.WITH_PYG_LIB:
        theirs = NeighbourSampler(data, FANOUT, pyg_lib=True)
        works["pyg-lib"] = lambda: by(theirs, "pyg-lib")
    seconds = alternate(works, rounds)
    ratios = {"ours over a python loop": ratio_row(ratio_of(seconds, "python loop", "ours"), at_least=5.0)}
    if "pyg-lib" in works:
        ratios["ours over pyg-lib"] = ratio_row(ratio_of(seconds, "pyg-lib", "ours"), at_least=0.7)
    figures = {f"{name}, edges/s": edges[name] / median(seconds[name]) for name in works}
    figures["pyg-lib"] = "measured" if "pyg-lib" in works else "not installed"  # type: ignore[assignment]
    return {"figures": figures, "ratios": ratios, "graph": "gowalla", "batch": BATCH, "fanout": FANOUT}


def sample_by_loop(
    start: Sequence[int], source: Sequence[int], edge: Sequence[int], seeds: Tensor, fanout: Sequence[int]
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """What ``NeighbourSampler`` does, as somebody would write it in plain Python: rows, columns, edges, nodes.

    ``start``, ``source`` and ``edge`` are those of ``Neighbours``, as lists.
    """
    nodes = seeds.tolist()
    number = {node: place for place, node in enumerate(nodes)}
    row: list[int] = []
    column: list[int] = []
    edges: list[int] = []
    begin = 0
    for count in fanout:
        end = len(nodes)
        for place in range(begin, end):
            low, high = start[nodes[place]], start[nodes[place] + 1]
            drawn: Sequence[int] = range(low, high)
            if high - low > count:
                drawn = random.sample(drawn, count)
            for found in drawn:
                neighbour = source[found]
                local = number.get(neighbour)
                if local is None:
                    local = number[neighbour] = len(nodes)
                    nodes.append(neighbour)
                row.append(local)
                column.append(place)
                edges.append(edge[found])
        begin = end
    return torch.tensor(row), torch.tensor(column), torch.tensor(edges), torch.tensor(nodes)

"""Propagation: graphfeed's sparse product against PyG's message passing and against the machine's own bandwidth.

Gowalla's graph both ways, normalised, 64 wide. The triad (``a = b + s · c``, McCalpin's STREAM) is in the same rounds;
what a product has to move is, for each edge, a row of ``h``, an index and a value, and its result once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch
from torch_geometric.nn import SimpleConv

from benchmarks.speed_graphs import gowalla_pairs
from benchmarks.speed_rounds import alternate, median, ratio_of, ratio_row
from graphfeed.training.adjacency import normalise, to_torch
from graphfeed.training.propagation import propagate

WIDTH = 64
TRIAD = 16_000_000
"""Float32 in each of three arrays: 64 MB, several times any cache."""


def measure(rounds: int) -> dict[str, Any]:
    """Edges a second of each, bytes a second of the triad, and the ratios."""
    users, posts, source, target = gowalla_pairs()
    pairs = sp.csr_matrix((np.ones(len(source), np.float32), (source, target)), shape=(users, posts))
    adjacency = normalise(sp.csr_matrix(sp.block_array([[None, pairs], [pairs.T, None]])), 0.5, 0.5)
    h = torch.randn(users + posts, WIDTH, generator=torch.Generator().manual_seed(0))
    ours = to_torch(adjacency)
    coo = adjacency.tocoo()
    edge_index = torch.from_numpy(np.stack([coo.col, coo.row]).astype(np.int64))
    weight = torch.from_numpy(coo.data)
    long = (torch.from_numpy(adjacency.indptr.astype(np.int64)), torch.from_numpy(adjacency.indices.astype(np.int64)))
    matrix = torch.sparse_csr_tensor(*long, torch.from_numpy(adjacency.data), size=adjacency.shape)
    conv: Any = SimpleConv(aggr="sum")
    a, b, c = (torch.ones(TRIAD) for _ in range(3))
    works: dict[str, Callable[[], Any]] = {
        "ours": lambda: propagate(ours, h),
        "pyg edge index": lambda: conv(h, edge_index, weight),
        "pyg csr": lambda: conv(h, matrix),
        "triad": lambda: torch.add(b, c, alpha=3.0, out=a),
    }
    with torch.no_grad():
        apart = max(float((works["ours"]() - works[name]()).abs().max()) for name in ("pyg edge index", "pyg csr"))
        seconds = alternate(works, rounds)
    edges = adjacency.nnz
    moved = edges * (WIDTH * 4 + 8) + h.numel() * 4
    share = median([(moved / o) / (12 * TRIAD / t) for o, t in zip(seconds["ours"], seconds["triad"], strict=True)])
    figures = {f"{name}, edges/s": edges / median(seconds[name]) for name in works if name != "triad"}
    return {
        "figures": figures | {"triad, bytes/s": 12 * TRIAD / median(seconds["triad"]), "largest difference": apart},
        "ratios": {
            "ours over SimpleConv on an edge index": ratio_row(
                ratio_of(seconds, "pyg edge index", "ours"), at_least=2.5
            ),
            "ours over SimpleConv on a CSR matrix": ratio_row(ratio_of(seconds, "pyg csr", "ours"), at_least=1.2),
            "share of the triad's bandwidth": ratio_row(share, at_least=0.35),
        },
        "graph": "gowalla",
        "edges": edges,
        "width": WIDTH,
    }

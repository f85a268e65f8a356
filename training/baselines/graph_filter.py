"""Training-free graph filter: GF-CF (Shen et al., "How Powerful is Graph Convolution for Recommendation?", CIKM 2021).

With R the links and R̃ = D_u^-½ R D_x^-½, a user's row r is passed through a linear filter (one step over the item graph
R̃ᵀR̃) and an ideal low-pass filter (V, its ``width`` smoothest directions):

    scores = r R̃ᵀR̃ + weight · r D_x^-½ V Vᵀ D_x^½
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import scipy.sparse as sp
import torch
from sklearn.utils.extmath import randomized_svd
from threadpoolctl import threadpool_limits

from graphfeed.training.adjacency import inverse_power, to_torch
from graphfeed.training.baselines.choosing import choose
from graphfeed.training.baselines.observed import observed, spans
from graphfeed.training.links import Int64, LinkKind
from graphfeed.training.metrics import Float32
from graphfeed.training.ranker import Progress, Scorer
from graphfeed.training.snapshot import Snapshot
from graphfeed.training.split import Split

WIDTH = 256
"""Directions that the low-pass filter keeps, as published; fewer in a small graph."""
WEIGHTS = (0.3, 0.1, 1.0, 0.0)
"""Weights of the low-pass filter that are tried; 0: off. The published one comes first."""
SMALL = 100_000
"""Links under which one thread is faster."""
BLOCK = 64
"""Users of one sparse product."""


class GraphFilter:
    """The two filters over the links as of the snapshot."""

    name = "graph_filter"
    kind: Literal["baseline"] = "baseline"

    def __init__(self, link: LinkKind = "posts", weight: float | None = None) -> None:
        self.link: LinkKind = link
        self.grid = WEIGHTS if weight is None else (weight,)
        self.weight = self.grid[0]

    def fit(self, split: Split, progress: Progress | None = None) -> None:
        """Keep the published weight of the low-pass filter, unless another is clearly better on validation."""

        def scorers(snapshot: Snapshot, weights: Sequence[float]) -> list[Scorer]:
            filters = Filters.of(observed(snapshot, self.link), WIDTH)
            return [_FilterScorer(filters, weight, snapshot.candidates(self.link)) for weight in weights]

        self.weight = choose(self.grid, split, scorers, self.link, keep_first=True)

    def scorer(self, snapshot: Snapshot, kind: LinkKind = "posts") -> Scorer:
        """Both filters as of the snapshot."""
        filters = Filters.of(observed(snapshot, kind), WIDTH if self.weight else 0)
        return _FilterScorer(filters, self.weight, snapshot.candidates(kind))


@dataclass(frozen=True)
class Filters:
    """What both filters need of the links."""

    links: sp.csr_matrix
    """0/1 ``[users, items]``."""
    normal: torch.Tensor
    """R̃ ``[users, items]``."""
    transposed: torch.Tensor
    """R̃ᵀ ``[items, users]``."""
    degree: Float32
    """``[items]``."""
    directions: Float32
    """Vᵀ ``[width, items]``, smoothest first."""

    @classmethod
    def of(cls, links: sp.csr_matrix, width: int) -> Filters:
        """Normalise the links and find the smoothest directions (randomised SVD, seeded)."""
        user_degree = np.diff(links.indptr).astype(np.float32)
        degree = np.bincount(links.indices, minlength=links.shape[1]).astype(np.float32)
        normal = sp.csr_matrix(sp.diags(inverse_power(user_degree, 0.5)) @ links @ sp.diags(inverse_power(degree, 0.5)))
        directions = _smoothest(normal, degree, width)
        return cls(links, to_torch(normal), to_torch(normal.T.tocsr()), degree, directions)


def _smoothest(normal: sp.csr_matrix, degree: Float32, width: int) -> Float32:
    linked, asking = np.flatnonzero(degree), np.flatnonzero(np.diff(normal.indptr))
    width = min(width, len(linked) // 4, len(asking) // 4)
    directions = np.zeros((max(width, 0), normal.shape[1]), dtype=np.float32)
    if width > 0:
        # On a small matrix BLAS's threads wait for each other a hundred times longer than they work.
        with threadpool_limits(1 if normal.nnz < SMALL else None, "blas"):
            found = randomized_svd(normal[asking][:, linked], width, n_iter=2, random_state=0)
        directions[:, linked] = found[2]
    return directions


@dataclass(frozen=True)
class _FilterScorer:
    filters: Filters
    weight: float
    candidates: Int64

    def scores(self, users: Int64) -> Float32:
        found = np.empty((len(users), len(self.candidates)), dtype=np.float32)
        for rows in spans(len(users), BLOCK):
            found[rows] = self._block(users[rows])[:, self.candidates]
        return found

    def _block(self, users: Int64) -> Float32:
        filters = self.filters
        # A block of constant width gives a user the same sums, to the last bit, whoever else is in it.
        asked = filters.links[np.concatenate([users, np.repeat(users[:1], BLOCK - len(users))])]
        columns = torch.from_numpy(np.ascontiguousarray(asked.T.toarray()))
        scores = (filters.transposed @ (filters.normal @ columns)).numpy().T
        if self.weight and len(filters.directions):
            inward = asked @ (filters.directions * inverse_power(filters.degree, 0.5)).T
            scores = scores + self.weight * (inward @ filters.directions) * np.sqrt(filters.degree)
        return np.asarray(scores[: len(users)], dtype=np.float32)

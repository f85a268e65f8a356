"""EASE: a linear model from items to items, in closed form (Steck, "Embarrassingly Shallow Autoencoders", WWW 2019).

With X the links and P = (XᵀX + λI)⁻¹, the items' weights are ``B = I - P diag(P)⁻¹`` (so that no item predicts itself)
and a user's scores ``x B``. Where there are fewer users than items, P is not needed: ``X P = K X`` with
``K = (XXᵀ + λI)⁻¹`` (the push-through identity), and the smaller of the two matrices is the one inverted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import scipy.sparse as sp
import torch

from graphfeed.errors import TrainingError
from graphfeed.training.baselines.choosing import ndcg, validation_sample
from graphfeed.training.baselines.observed import learnt_from, observed, spans
from graphfeed.training.links import Int64, LinkKind
from graphfeed.training.metrics import Float32
from graphfeed.training.ranker import Progress, Scorer
from graphfeed.training.snapshot import Snapshot
from graphfeed.training.split import Split

PENALTIES = (10.0, 30.0, 100.0, 300.0, 1_000.0)
"""Values of λ that are tried: the third and fourth first, then on from the better one while it gets better."""
LARGEST = 25_000
"""Rows of the matrix that is inverted, at most, unless asked for: 2.3 GiB, and minutes for each penalty."""
BLOCK = 256
"""Users of one product."""


class EASE:
    """Weights between items, learnt where the test begins; a user's scores follow from their links at a snapshot."""

    name = "ease"
    kind: Literal["baseline"] = "baseline"
    _weights: _Weights

    def __init__(self, link: LinkKind = "posts", penalty: float | None = None, largest: int | None = LARGEST) -> None:
        """``largest``: refuse to invert a matrix of more rows; None: any."""
        self.link: LinkKind = link
        self.grid = PENALTIES if penalty is None else (penalty,)
        self.penalty = self.grid[len(self.grid) // 2]
        self.largest = largest

    def fit(self, split: Split, progress: Progress | None = None) -> None:
        """Choose the penalty on validation; learn the weights where the test begins.

        Raises TrainingError where the matrix to be inverted is too large.
        """
        final = observed(split.final, self.link)
        rows = smaller_side(final)
        if self.largest is not None and rows > self.largest:
            raise TrainingError(
                f"ease inverts a dense matrix with a row for each of {rows:,} nodes ({rows**2 * 4 / 2**30:.1f} GiB), "
                f"and stops at {self.largest:,}; ask for it by name to have it all the same"
            )
        links = observed(learnt_from(split, self.link), self.link)
        values: dict[int, float] = {}

        def value(place: int) -> float:
            if place not in values:
                if progress:
                    progress("fit", len(values), len(self.grid), f"{self.name}, penalty {self.grid[place]:g}")
                values[place] = self._validated(split, _learn(links, self.grid[place]))
            return values[place]

        if len(self.grid) > 1 and validation_sample(split, self.link):
            self.penalty = self.grid[_climb(value, len(self.grid))]
        self._weights = _learn(final, self.penalty)

    def _validated(self, split: Split, weights: _Weights) -> float:
        """Mean NDCG@10 on validation. One penalty's weights at a time are held: they may be gigabytes."""
        found = [
            ndcg(sample, _EASEScorer(weights, observed(sample.snapshot, self.link), candidates), self.link)
            for sample in validation_sample(split, self.link)
            for candidates in [sample.snapshot.candidates(self.link)]
        ]
        return float(np.concatenate(found).mean()) if found else 0.0

    def scorer(self, snapshot: Snapshot, kind: LinkKind = "posts") -> Scorer:
        """The weights on users' links until the snapshot."""
        return _EASEScorer(self._weights, observed(snapshot, kind), snapshot.candidates(kind))


def _climb(value: Callable[[int], float], places: int) -> int:
    """The place of the highest of ``places`` values that rise and then fall, asked for as few as need be."""
    best = places // 2
    step = 1 if best + 1 < places and value(best + 1) > value(best) else -1
    while 0 <= best + step < places and value(best + step) > value(best):
        best += step
    return best


def smaller_side(links: sp.csr_matrix) -> int:
    """Rows of the matrix that EASE inverts: users or items, those with a link, whichever are fewer."""
    return min(int((np.diff(links.indptr) > 0).sum()), len(np.unique(links.indices)))


@dataclass(frozen=True)
class _Weights:
    """``B`` of the items with a link, in one of two forms."""

    items: Int64
    """The items with a link."""
    inverse: Float32
    """P ``[items, items]``, or K ``[users, users]`` of the users with a link."""
    diagonal: Float32
    """That of P, ``[items]``."""
    links: sp.csr_matrix | None
    """X ``[users, items]`` where ``inverse`` is K."""
    penalty: float

    def times(self, rows: sp.csr_matrix) -> Float32:
        """``x B`` of users' links ``[users, items]``."""
        if self.links is None:
            product = rows @ self.inverse
        else:
            inward = np.ascontiguousarray((rows @ self.links.T).toarray()) @ self.inverse
            product = (rows.toarray() - (self.links.T @ inward.T).T) / np.float32(self.penalty)
        return np.asarray(rows.toarray() - product / self.diagonal, dtype=np.float32)


def _learn(links: sp.csr_matrix, penalty: float) -> _Weights:
    items = np.unique(links.indices).astype(np.int64)
    known = sp.csr_matrix(links[np.diff(links.indptr) > 0][:, items])
    if known.shape[1] <= known.shape[0]:
        inverse = _inverse(sp.csr_matrix(known.T @ known), penalty)
        return _Weights(items, inverse, inverse.diagonal().copy(), None, penalty)
    inverse = _inverse(sp.csr_matrix(known @ known.T), penalty)
    # diag(P) = (1 - diag(Xᵀ K X)) / λ
    through = np.zeros(len(items), dtype=np.float64)
    for rows in spans(known.shape[0], BLOCK):
        part = known[rows].tocoo()
        towards = (known.T @ inverse[rows].T).T  # K X, of these users
        np.add.at(through, part.col, towards[part.row, part.col])
    return _Weights(items, inverse, ((1 - through) / penalty).astype(np.float32), known, penalty)


def _inverse(gram: sp.csr_matrix, penalty: float) -> Float32:
    dense = torch.from_numpy(gram.toarray())
    dense.diagonal().add_(penalty)
    return np.asarray(torch.cholesky_inverse(torch.linalg.cholesky(dense)).numpy())


@dataclass(frozen=True)
class _EASEScorer:
    weights: _Weights
    links: sp.csr_matrix
    candidates: Int64

    def scores(self, users: Int64) -> Float32:
        """0 for a node that nobody had a link to when the weights were learnt."""
        found = np.zeros((len(users), len(self.candidates)), dtype=np.float32)
        place = np.searchsorted(self.weights.items, self.candidates)
        known = place < len(self.weights.items)
        known[known] = self.weights.items[place[known]] == self.candidates[known]
        for rows in spans(len(users), BLOCK):
            # A block of constant width gives a user the same sums, whoever else is in it.
            asked = np.concatenate([users[rows], np.repeat(users[:1], BLOCK - len(users[rows]))])
            scores = self.weights.times(sp.csr_matrix(self.links[asked][:, self.weights.items]))
            found[rows, known] = scores[: len(users[rows]), place[known]]
        return found

"""Item-based nearest neighbours: posts that the same people engaged with.

Sarwar et al. 2001; Deshpande and Karypis 2004.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import scipy.sparse as sp

from graphfeed.training.baselines.choosing import choose
from graphfeed.training.baselines.observed import observed, spans
from graphfeed.training.links import Int64, LinkKind
from graphfeed.training.metrics import Float32
from graphfeed.training.ranker import Progress, Scorer
from graphfeed.training.snapshot import Snapshot
from graphfeed.training.split import Split

BLOCK = 1_000
"""Items whose neighbours are worked out at once."""


@dataclass(frozen=True)
class Neighbourhood:
    """How alike two items are and how many neighbours count."""

    shrinkage: float = 10.0
    """Added to the cosine's denominator; 0: off. Lowers the likeness of items that few people know."""
    neighbours: int = 200
    """The most alike that are kept of each item."""


GRID = tuple(Neighbourhood(shrinkage, neighbours) for neighbours in (200, 50) for shrinkage in (10.0, 0.0, 50.0))


class ItemKNN:
    """Scores a node by the sum of its likeness to what the user has a link to."""

    name = "item_knn"
    kind: Literal["baseline"] = "baseline"

    def __init__(self, link: LinkKind = "posts", settings: Neighbourhood | None = None) -> None:
        self.link: LinkKind = link
        self.grid = GRID if settings is None else (settings,)
        self.settings = self.grid[0]

    def fit(self, split: Split, progress: Progress | None = None) -> None:
        """Choose shrinkage and neighbours on validation."""

        def scorers(snapshot: Snapshot, settings: Sequence[Neighbourhood]) -> list[Scorer]:
            links = observed(snapshot, self.link)
            candidates = snapshot.candidates(self.link)
            return [_ItemScorer(links, alike[:, candidates]) for alike in likeness(links, settings)]

        self.settings = choose(self.grid, split, scorers, self.link)

    def scorer(self, snapshot: Snapshot, kind: LinkKind = "posts") -> Scorer:
        """Neighbours as of the snapshot."""
        links = observed(snapshot, kind)
        (alike,) = likeness(links, [self.settings])
        return _ItemScorer(links, alike[:, snapshot.candidates(kind)])


@dataclass(frozen=True)
class _ItemScorer:
    links: sp.csr_matrix
    alike: sp.csr_matrix

    def scores(self, users: Int64) -> Float32:
        return np.asarray((self.links[users] @ self.alike).toarray(), dtype=np.float32)


def likeness(links: sp.csr_matrix, settings: Sequence[Neighbourhood]) -> list[sp.csr_matrix]:
    """Shrunk cosine of every item with its nearest ones, ``[items, items]``, one matrix for each of the settings.

    ``links``: 0/1 ``[users, items]``.
    """
    by_item = links.T.tocsr()
    degree = np.diff(by_item.indptr).astype(np.float32)
    parts: list[list[sp.csr_matrix]] = [[] for _ in settings]
    for rows in spans(len(degree), BLOCK):
        together = sp.csr_matrix(by_item[rows] @ links)
        row = np.repeat(np.arange(rows.start, rows.stop), np.diff(together.indptr))
        norm = np.sqrt(degree[row] * degree[together.indices])
        for part, setting in zip(parts, settings, strict=True):
            value = together.data / (norm + np.float32(setting.shrinkage))
            value[row == together.indices] = 0.0  # an item is no neighbour of itself
            part.append(_nearest(together, value.astype(np.float32), setting.neighbours))
    return [sp.csr_matrix(sp.vstack(part, format="csr")) for part in parts]


def _nearest(pattern: sp.csr_matrix, value: Float32, count: int) -> sp.csr_matrix:
    """The ``count`` highest values of each row."""
    keep = value > 0
    start = pattern.indptr
    for row in np.flatnonzero(np.diff(start) > count):
        inside = slice(start[row], start[row + 1])
        threshold = np.partition(value[inside], -count)[-count]
        keep[inside] &= value[inside] >= threshold
    kept = np.concatenate([[0], np.cumsum(keep)])[start]
    return sp.csr_matrix((value[keep], pattern.indices[keep], kept), shape=pattern.shape)

"""Last visited: what others went on to after what the person met last (a Markov chain over items).

As the rule "what was visited last comes again" cannot answer where nothing known is recommended, the last acts are
where the way goes on from: ``score(u, x) = Σ_p w^p Σ_d N_d(i_p → x) / d``, over the person's last acts ``i_0, i_1, …``,
with ``N_d`` how many people met x d acts after i. Sequential rules, as in Ludewig and Jannach 2018.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Literal

import numpy as np
import scipy.sparse as sp

from graphfeed.training.baselines.choosing import choose
from graphfeed.training.links import LINK_KINDS, Int64, LinkKind, Links
from graphfeed.training.metrics import Float32
from graphfeed.training.ranker import Progress, Scorer
from graphfeed.training.snapshot import NO_TIME, Snapshot
from graphfeed.training.split import Split


@dataclass(frozen=True)
class Steps:
    """How far back and how far on it goes."""

    reach: int = 3
    """Acts after an act that count as what people went on to, the d-th with 1/d."""
    fading: float = 0.5
    """Weight of each act of the person against the one after it; 0: the last act alone."""
    levelling: float = 0.0
    """Power of how often an item is met that its score is divided by; 0: off."""


GRID = tuple(Steps(*found) for found in product((3, 1, 10), (0.5, 0.0, 0.8), (0.0, 0.5)))
MOST_ACTS = 20
"""Acts of a person that are gone on from, at most."""
POPULARITY = 1e-6
"""Weight of the logarithm of how often an item is met: it decides where nobody went on to either of two."""


class LastVisited:
    """Scores a node by how often people went on to it from what the user met last."""

    name = "last_visited"
    kind: Literal["baseline"] = "baseline"

    def __init__(self, link: LinkKind = "posts", settings: Steps | None = None) -> None:
        self.link: LinkKind = link
        self.grid = GRID if settings is None else (settings,)
        self.settings = self.grid[0]

    def fit(self, split: Split, progress: Progress | None = None) -> None:
        """Choose reach, fading and levelling on validation."""

        def scorers(snapshot: Snapshot, settings: Sequence[Steps]) -> list[Scorer]:
            acts = Acts.of(snapshot, self.link)
            ways = {reach: acts.ways(reach) for reach in {s.reach for s in settings}}
            return [_StepScorer(acts, ways[s.reach], s, snapshot.candidates(self.link)) for s in settings]

        self.settings = choose(self.grid, split, scorers, self.link)

    def scorer(self, snapshot: Snapshot, kind: LinkKind = "posts") -> Scorer:
        """What people went on to until the snapshot, from their last acts at the snapshot."""
        acts = Acts.of(snapshot, kind)
        return _StepScorer(acts, acts.ways(self.settings.reach), self.settings, snapshot.candidates(kind))


@dataclass(frozen=True)
class Acts:
    """The acts with a time, person by person, each person's in their order."""

    start: Int64
    """Where each user's acts begin, ``[users + 1]``."""
    item: Int64
    """``[acts]``"""
    met: Float32
    """How many people met each item, at whatever time, ``[items]``."""

    @classmethod
    def of(cls, snapshot: Snapshot, kind: LinkKind) -> Acts:
        """Those until a snapshot. Of acts at the same moment the order is that of loading."""
        links: Links = snapshot.links(kind)
        dated = links.time != NO_TIME
        source, target = links.source[dated], links.target[dated]
        order = np.argsort(source, kind="stable")
        start = np.searchsorted(source[order], np.arange(snapshot.graph.count("User") + 1))
        met = np.bincount(links.target, minlength=snapshot.graph.count(LINK_KINDS[kind][0]))
        return cls(start, target[order], met.astype(np.float32))

    def ways(self, reach: int) -> sp.csr_matrix:
        """``Σ_d N_d / d``, ``[items, items]``: from an item to those met up to ``reach`` acts later."""
        user = np.repeat(np.arange(len(self.start) - 1), np.diff(self.start))
        ways = sp.csr_matrix((len(self.met), len(self.met)), dtype=np.float32)
        for far in range(1, min(reach, len(user) - 1) + 1):
            same = user[far:] == user[:-far]
            pair = (self.item[:-far][same], self.item[far:][same])
            weight = np.full(len(pair[0]), 1 / far, dtype=np.float32)
            ways = ways + sp.csr_matrix((weight, pair), shape=ways.shape)
        return sp.csr_matrix(ways)

    def last(self, users: Int64, fading: float) -> sp.csr_matrix:
        """Weights of each user's last acts, ``[users, items]``: 1 for the last, ``fading`` for the one before, …"""
        rows, columns, weights = [], [], []
        for back in range(MOST_ACTS if fading else 1):
            place = self.start[users + 1] - 1 - back
            there = np.flatnonzero(place >= self.start[users])
            rows.append(there)
            columns.append(self.item[place[there]])
            weights.append(np.full(len(there), fading**back, dtype=np.float32))
        ends = (np.concatenate(rows), np.concatenate(columns))
        return sp.csr_matrix((np.concatenate(weights), ends), shape=(len(users), len(self.met)))


class _StepScorer:
    def __init__(self, acts: Acts, ways: sp.csr_matrix, steps: Steps, candidates: Int64) -> None:
        self._acts, self._fading = acts, steps.fading
        met = acts.met[candidates]
        scale = sp.diags(np.maximum(met, 1) ** -np.float32(steps.levelling))
        self._ways = sp.csr_matrix(ways.tocsc()[:, candidates] @ scale)
        self._else = np.float32(POPULARITY) * np.log1p(met)

    def scores(self, users: Int64) -> Float32:
        """What nobody went on to is ordered by how often it was met."""
        found = (self._acts.last(users, self._fading) @ self._ways).toarray() + self._else
        return np.asarray(found, dtype=np.float32)

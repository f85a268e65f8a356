"""TF-IDF and freshness added up: often the best simple rule where posts are read while they are new."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Literal

import numpy as np

from graphfeed.training.baselines.choosing import choose
from graphfeed.training.baselines.observed import learnt_from
from graphfeed.training.baselines.recent_popularity import lifetime
from graphfeed.training.baselines.tfidf import TermProfiles, TextScorer
from graphfeed.training.links import LINK_KINDS, Int64, LinkKind
from graphfeed.training.metrics import Float32
from graphfeed.training.ranker import Progress, Scorer
from graphfeed.training.snapshot import DAY, NO_TIME, Snapshot
from graphfeed.training.split import Split

SHARES = (0.0003, 0.001, 0.003, 0.01, 0.1)
"""Half-lives of freshness that are tried, as shares of the community's life so far."""
WEIGHTS = (0.3, 1.0, 3.0)
"""Weights of freshness that are tried; the cosine has 1."""


@dataclass(frozen=True)
class Freshness:
    """How much being new counts beside the text."""

    half_life: float = DAY
    """Microseconds."""
    weight: float = 1.0

    def of(self, snapshot: Snapshot, kind: LinkKind) -> Float32:
        """``weight / (1 + age / half-life)`` by candidate; 0 without a time.

        Halved like 0.5 ** (age / half-life) at the first half-life, but it still tells a month from two.
        """
        born = snapshot.graph.data[LINK_KINDS[kind][0]].time.numpy()[snapshot.candidates(kind)]
        timed = born != NO_TIME
        age = np.where(timed, snapshot.now - np.where(timed, born, 0), 0).astype(np.float64)
        return np.where(timed, self.weight / (1 + age / self.half_life), 0.0).astype(np.float32)


@dataclass(frozen=True)
class _FreshTextScorer:
    text: TextScorer
    fresh: Float32

    def scores(self, users: Int64) -> Float32:
        return self.text.scores(users) + self.fresh


class TfidfNewest:
    """Scores a node by the cosine of its text with those of the user's links, and by its freshness."""

    name = "tfidf_newest"
    kind: Literal["baseline"] = "baseline"

    def __init__(self, link: LinkKind = "posts") -> None:
        self.link: LinkKind = link
        self.freshness = Freshness()
        self._profiles = TermProfiles(link)

    def fit(self, split: Split, progress: Progress | None = None) -> None:
        """Learn the words; choose the half-life and weight of freshness on validation."""
        self._profiles.fit(split)
        life = lifetime(learnt_from(split, self.link), self.link)
        grid = [Freshness(share * life, weight) for share, weight in product(SHARES, WEIGHTS)]

        def scorers(snapshot: Snapshot, settings: Sequence[Freshness]) -> list[Scorer]:
            text = self._profiles.scorer(snapshot, self.link)
            return [_FreshTextScorer(text, fresh.of(snapshot, self.link)) for fresh in settings]

        self.freshness = choose(grid, split, scorers, self.link)

    def scorer(self, snapshot: Snapshot, kind: LinkKind = "posts") -> Scorer:
        """Profiles and ages as of the snapshot."""
        return _FreshTextScorer(self._profiles.scorer(snapshot, kind), self.freshness.of(snapshot, kind))

"""Bayesian personalised ranking (Rendle et al. 2009), from the ``implicit`` library."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import scipy.sparse as sp
from implicit.cpu.bpr import BayesianPersonalizedRanking

from graphfeed.training.baselines.choosing import choose
from graphfeed.training.baselines.observed import learnt_from, observed
from graphfeed.training.links import Int64, LinkKind
from graphfeed.training.metrics import Float32
from graphfeed.training.ranker import Progress, Scorer
from graphfeed.training.snapshot import Snapshot
from graphfeed.training.split import Split


@dataclass(frozen=True)
class BPRSettings:
    """What BPR is run with."""

    factors: int = 64
    learning_rate: float = 0.01
    regularization: float = 0.01
    iterations: int = 300
    seed: int = 0


RATES = (0.01, 0.003, 0.03)
ITERATIONS = (300, 1_000, 100)
FACTORS = (64, 128)
REGULARIZATIONS = (0.01, 0.003)
MOST_STEPS = 200_000_000
"""Links times iterations of one run, at most: some minutes. In large data fewer iterations are tried."""


class ImplicitBPR:
    """Factors of users and nodes are learnt where the test begins, and stay as they are.

    A user without a link then is given the nodes' biases, a node without one scores below all others' bias.
    """

    name = "implicit_bpr"
    kind: Literal["baseline"] = "baseline"
    _model: _Factors

    def __init__(self, link: LinkKind = "posts", settings: BPRSettings | None = None) -> None:
        self.link: LinkKind = link
        self.settings = settings or BPRSettings()
        self._fixed = settings is not None

    def fit(self, split: Split, progress: Progress | None = None) -> None:
        """Choose rate, iterations, factors, penalty in turn on validation; learn where the test begins."""
        links = observed(learnt_from(split, self.link), self.link)
        models: dict[BPRSettings, _Factors] = {}
        rounds = _few_enough(links.nnz)

        def scorers(snapshot: Snapshot, settings: Sequence[BPRSettings]) -> list[Scorer]:
            return [_BPRScorer(models[s], snapshot.candidates(self.link)) for s in settings]

        def pick(settings: Sequence[BPRSettings]) -> BPRSettings:
            for s in settings:
                if s not in models:
                    if progress:
                        progress("fit", len(models), len(RATES) + len(rounds), self.name)
                    models[s] = _learn(links, s)
            return choose(settings, split, scorers, self.link)

        best = self.settings
        if not self._fixed:
            best = pick([replace(best, learning_rate=rate, iterations=rounds[0]) for rate in RATES])
            best = pick([replace(best, iterations=iterations) for iterations in rounds])
            best = pick([replace(best, factors=factors) for factors in FACTORS])
            best = pick([replace(best, regularization=penalty) for penalty in REGULARIZATIONS])
        self.settings = best
        self._model = _learn(observed(split.final, self.link), best)

    def reseeded(self, seed: int) -> ImplicitBPR:
        """Another one with the settings that were chosen and a seed of its own, not fitted."""
        return ImplicitBPR(self.link, replace(self.settings, seed=seed))

    def scorer(self, snapshot: Snapshot, kind: LinkKind = "posts") -> Scorer:
        """The factors as they were learnt."""
        return _BPRScorer(self._model, snapshot.candidates(kind))


@dataclass(frozen=True)
class _Factors:
    users: Float32
    """``[users, factors + 1]``; the last column is 1 and meets the nodes' biases."""
    items: Float32
    """``[nodes, factors + 1]``"""


def _few_enough(links: int) -> list[int]:
    return [iterations for iterations in ITERATIONS if links * iterations <= MOST_STEPS] or [min(ITERATIONS)]


def _learn(links: sp.csr_matrix, settings: BPRSettings) -> _Factors:
    # One thread: several write over each other's steps, and a seed would not give the same factors again.
    model = BayesianPersonalizedRanking(
        factors=settings.factors,
        learning_rate=settings.learning_rate,
        regularization=settings.regularization,
        iterations=settings.iterations,
        random_state=settings.seed,
        num_threads=1,
    )
    model.fit(links, show_progress=False)
    users, items = np.array(model.user_factors), np.array(model.item_factors)
    met = np.bincount(links.indices, minlength=links.shape[1]) > 0
    users[np.diff(links.indptr) == 0, :-1] = 0.0
    users[:, -1] = 1.0
    items[~met, :-1] = 0.0
    items[~met, -1] = items[met, -1].min(initial=0.0) - 1.0
    return _Factors(users, items)


@dataclass(frozen=True)
class _BPRScorer:
    factors: _Factors
    candidates: Int64

    def scores(self, users: Int64) -> Float32:
        return np.asarray(self.factors.users[users] @ self.factors.items[self.candidates].T, dtype=np.float32)

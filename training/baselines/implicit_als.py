"""Implicit alternating least squares (Hu, Koren and Volinsky 2008), from the ``implicit`` library."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import scipy.sparse as sp
from implicit.cpu.als import AlternatingLeastSquares
from threadpoolctl import threadpool_limits

from graphfeed.training.baselines.choosing import choose
from graphfeed.training.baselines.observed import learnt_from, observed
from graphfeed.training.links import Int64, LinkKind
from graphfeed.training.metrics import Float32
from graphfeed.training.ranker import Progress, Scorer
from graphfeed.training.snapshot import Snapshot
from graphfeed.training.split import Split


@dataclass(frozen=True)
class ALSSettings:
    """What ALS is run with."""

    factors: int = 64
    alpha: float = 10.0
    """Confidence of an observed link; an unobserved one has 1."""
    regularization: float = 0.05
    iterations: int = 15
    seed: int = 0


SMALL = 100_000
"""Links under which one thread is faster; more use all cores."""
FACTORS = (64, 16, 128)
ALPHAS = (1.0, 40.0)


class ImplicitALS:
    """Factors of the nodes are learnt where the test begins; those of the users follow from their links at a snapshot.

    A node that nobody had a link to when the factors were learnt has none and scores 0.
    """

    name = "implicit_als"
    kind: Literal["baseline"] = "baseline"
    _model: AlternatingLeastSquares

    def __init__(self, link: LinkKind = "posts", settings: ALSSettings | None = None) -> None:
        self.link: LinkKind = link
        self.settings = settings or ALSSettings()
        self._fixed = settings is not None

    def fit(self, split: Split, progress: Progress | None = None) -> None:
        """Choose the number of factors, then the confidence, on validation; learn them where the test begins."""
        links = observed(learnt_from(split, self.link), self.link)
        models: dict[ALSSettings, AlternatingLeastSquares] = {}

        def scorers(snapshot: Snapshot, settings: Sequence[ALSSettings]) -> list[Scorer]:
            seen = observed(snapshot, self.link)
            return [_ALSScorer(models[s], seen, snapshot.candidates(self.link)) for s in settings]

        def pick(settings: Sequence[ALSSettings]) -> ALSSettings:
            for s in settings:
                if s not in models:
                    if progress:
                        progress("fit", len(models), len(FACTORS) + len(ALPHAS), self.name)
                    models[s] = _learn(links, s)
            return choose(settings, split, scorers, self.link)

        best = self.settings
        if not self._fixed:
            best = pick([replace(best, factors=factors) for factors in FACTORS])
            best = pick([best, *(replace(best, alpha=alpha) for alpha in ALPHAS)])
        self.settings = best
        self._model = _learn(observed(split.final, self.link), best)

    def reseeded(self, seed: int) -> ImplicitALS:
        """Another one with the settings that were chosen and a seed of its own, not fitted."""
        return ImplicitALS(self.link, replace(self.settings, seed=seed))

    def scorer(self, snapshot: Snapshot, kind: LinkKind = "posts") -> Scorer:
        """Users' factors from their links until the snapshot."""
        return _ALSScorer(self._model, observed(snapshot, kind), snapshot.candidates(kind))


def _learn(links: sp.csr_matrix, settings: ALSSettings) -> AlternatingLeastSquares:
    with (
        warnings.catch_warnings(),
        threadpool_limits(1, "blas"),
    ):  # implicit has its own threads: BLAS's would wait on them
        warnings.simplefilter("ignore", RuntimeWarning)
        model = AlternatingLeastSquares(
            factors=settings.factors,
            alpha=settings.alpha,
            regularization=settings.regularization,
            iterations=settings.iterations,
            random_state=settings.seed,
            num_threads=1 if links.nnz < SMALL else 0,
        )
        model.fit(links, show_progress=False)
    return model


@dataclass(frozen=True)
class _ALSScorer:
    model: AlternatingLeastSquares
    links: sp.csr_matrix
    candidates: Int64

    def scores(self, users: Int64) -> Float32:
        with threadpool_limits(1, "blas"):
            factors = self.model.recalculate_user(users, self.links[users])
        return np.asarray(factors @ self.model.item_factors[self.candidates].T, dtype=np.float32)

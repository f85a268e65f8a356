"""Factors: implicit alternating least squares over who engaged with what (Hu, Koren and Volinsky 2008).

A tower trained on samples sees a link at a time; this one solves for all pairs at once, observed and not, and wants no
step size. Several widths stand side by side as terms of the score, for a narrow one generalises and a wide one
remembers, and together they beat either. A post's factors are learnt once; a person's follow from their links at any
moment, so that people who came later have some too. The solver is the ``implicit`` library's.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
import torch
from implicit.cpu.als import AlternatingLeastSquares
from threadpoolctl import threadpool_limits

from graphfeed.training.links import Int64, pair_matrix
from graphfeed.training.ranker import Progress
from graphfeed.training.settings import FactorSettings
from graphfeed.training.snapshot import Snapshot
from graphfeed.training.split import Round
from graphfeed.training.validation import mean_ndcg

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]

WIDEST = 768
HELD_NUMBERS = 2**28
"""The factors of all people and posts may have so many numbers: 1 GiB."""
SMALL = 100_000
"""Links under which one thread is faster."""


@dataclass(frozen=True)
class Factors:
    """Factors of one width."""

    posts: Float32
    """``[posts, width]``; a post that nobody had engaged with has zeros."""
    alpha: float
    """Confidence of an observed link; an unobserved one has 1."""
    regularization: float

    @property
    def name(self) -> str:
        """The term's name."""
        return f"factors_{self.posts.shape[1]}"

    def scores(self, links: sp.csr_matrix, candidates: Int64) -> Float32:
        """Scores ``[users, candidates]`` for people with these links ``[users, posts]``."""
        known = self.padded(links.shape[1])
        product = torch.from_numpy(self.people(links)) @ torch.from_numpy(known[candidates]).T
        return np.asarray(product.numpy(), dtype=np.float32)

    def people(self, links: sp.csr_matrix) -> Float32:
        """Factors of people with these links, ``[users, width]``: what the model's own equation gives for them.

        With Y the factors of all posts, Y_u those of a person's n links and c the confidence, it is the solution of
        ``(YᵀY + λ + (c − 1) Y_uᵀ Y_u) h = c Y_uᵀ 1``. A person has few links, so the inverse of what is the same for
        all is worked out once, and for each a system of n equations is left (Woodbury's identity), not of the width.
        """
        factors, inward = self.padded(links.shape[1]), self._inward
        found = np.zeros((links.shape[0], factors.shape[1]), dtype=np.float32)
        for row in np.flatnonzero(np.diff(links.indptr)):
            own = links.indices[links.indptr[row] : links.indptr[row + 1]]
            own = own[own < len(inward)]
            mine = factors[own]
            if len(own) > mine.shape[1]:
                system = self._gram + (self.alpha - 1) * mine.T @ mine
                found[row] = np.linalg.solve(system, self.alpha * mine.sum(axis=0))
            else:
                turned = inward[own]
                system = (self.alpha - 1) * mine @ turned.T + np.eye(len(own), dtype=np.float32)
                found[row] = np.linalg.solve(system, np.full(len(own), self.alpha, dtype=np.float32)) @ turned
        return found

    @cached_property
    def _gram(self) -> Float64:
        """``YᵀY + λ`` ``[width, width]``."""
        width = self.posts.shape[1]
        return np.asarray(self.posts.T.astype(np.float64) @ self.posts + self.regularization * np.eye(width))

    @cached_property
    def _inward(self) -> Float32:
        """``Y (YᵀY + λ)⁻¹`` ``[posts, width]``."""
        return np.asarray(self.posts @ np.linalg.inv(self._gram), dtype=np.float32)

    def padded(self, posts: int) -> Float32:
        """Posts that came since have no factors."""
        missing = posts - len(self.posts)
        return np.pad(self.posts, ((0, missing), (0, 0))) if missing > 0 else self.posts

    def state(self) -> dict[str, Any]:
        """What a file keeps."""
        return {
            "posts": torch.from_numpy(self.posts),
            "alpha": self.alpha,
            "regularization": self.regularization,
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Factors:
        """Read what ``state`` gave."""
        return cls(state["posts"].numpy(), state["alpha"], state["regularization"])


def factor_widths(settings: FactorSettings, links: int, shape: tuple[int, int]) -> tuple[int, ...]:
    """The widths that are set, or an eighth, a quarter, a half and all of the square root of the number of links.

    ``shape``: people and posts; of so many that the widest could not be held, all four are narrower.
    """
    if settings.widths is not None:
        wanted = settings.widths
    else:
        most = HELD_NUMBERS // max(sum(shape), 1)
        root = links**0.5 if most >= WIDEST else min(links**0.5, most)
        wanted = tuple(int(np.clip(round(root * share), 8, WIDEST)) for share in (1 / 8, 1 / 4, 1 / 2, 1))
    return tuple(sorted({min(width, *shape) for width in wanted if min(shape) > 0}))


def fit_factors(
    snapshot: Snapshot, rounds: list[Round], settings: FactorSettings, seed: int, progress: Progress | None = None
) -> tuple[Factors, ...]:
    """Factors of every width on a snapshot.

    The confidence and the penalty of a width are those that validate best; each width begins with what the one before
    it chose, and goes on to a stronger one only while that helps.
    """
    links = engagement(snapshot)
    widths = factor_widths(settings, links.nnz, links.shape)
    found, at = [], 0
    for done, width in enumerate(widths):
        if progress:
            progress("factors", done, len(widths), f"width {width}")
        best = _learn(links, width, settings.strengths[at], settings, seed)
        if rounds:
            reached = _validated(best, rounds)
            while at + 1 < len(settings.strengths):
                other = _learn(links, width, settings.strengths[at + 1], settings, seed)
                value = _validated(other, rounds)
                if value <= reached:
                    break
                best, reached, at = other, value, at + 1
        found.append(best)
    return tuple(found)


def refit(factors: tuple[Factors, ...], snapshot: Snapshot, settings: FactorSettings, seed: int) -> tuple[Factors, ...]:
    """The same widths and confidences, learnt from another snapshot."""
    links = engagement(snapshot)
    return tuple(_learn(links, f.posts.shape[1], (f.alpha, f.regularization), settings, seed) for f in factors)


def engagement(snapshot: Snapshot) -> sp.csr_matrix:
    """Who engaged with what until now, 0/1 ``[users, posts]``."""
    links = snapshot.links("posts")
    return pair_matrix(links.source, links.target, (snapshot.graph.count("User"), snapshot.graph.count("Post")))


def _learn(
    links: sp.csr_matrix, width: int, strength: tuple[float, float], settings: FactorSettings, seed: int
) -> Factors:
    alpha, penalty = strength
    threads = 1 if links.nnz < SMALL else 0
    model = _solver(width, alpha, penalty, threads, settings.iterations, seed)
    with _quiet(), threadpool_limits(1, "blas"):  # implicit has its own threads: BLAS's would wait on them
        model.fit(links, show_progress=False)
    # It starts from random numbers, and what has no link keeps a little of them.
    seen = np.asarray(links.sum(axis=0)).ravel() > 0
    return Factors(model.item_factors * seen[:, None], alpha, penalty)


def _validated(factors: Factors, rounds: list[Round]) -> float:
    def at(snapshot: Snapshot):  # type: ignore[no-untyped-def]
        links, candidates = engagement(snapshot), snapshot.candidates("posts")
        return lambda users: factors.scores(links[users], candidates)

    return mean_ndcg(rounds, "posts", at)


def _solver(
    width: int, alpha: float, regularization: float, threads: int, iterations: int = 1, seed: int = 0
) -> AlternatingLeastSquares:
    with _quiet():
        return AlternatingLeastSquares(
            factors=width,
            alpha=alpha,
            regularization=regularization,
            iterations=iterations,
            random_state=seed,
            num_threads=threads,
        )


@contextmanager
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of BLAS's threads, which are limited here
        yield

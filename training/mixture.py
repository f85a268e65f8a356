"""Weights of the terms: how much each path, the towers and the moment count in this community.

``score(u, x) = Σ_m θ_m · f_m(u, x)`` with ``θ ≥ 0`` and every term ``f_m ≥ 0``, so that each term's part of a score is
a share of it. θ maximises the likelihood of what people did next under a softmax over the candidates (a conditional
logit, McFadden 1974) on the split's fit rounds: a convex problem, solved by L-BFGS-B (Byrd et al. 1995), which sets
what does not help to zero. The penalty is chosen on validation.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from scipy.optimize import minimize

from graphfeed.training.links import Int64
from graphfeed.training.scorer import LinearScorer, scaled
from graphfeed.training.split import Round

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]

BEST_OF_EACH = 15
"""Candidates that each term ranks best are always among those fitted on: they are the ones to be told apart."""


@dataclass(frozen=True)
class Sample:
    """Questions with their candidates, laid end to end."""

    terms: Float32
    """``[rows, terms]``"""
    answer: Float32
    """1 for what the person did next, else 0, ``[rows]``."""
    question: Int64
    """Which question a row belongs to, ascending, ``[rows]``."""

    def __len__(self) -> int:
        return int(self.question[-1]) + 1 if len(self.question) else 0

    def and_then(self, other: Sample) -> Sample:
        """The questions of both."""
        return Sample(
            np.concatenate([self.terms, other.terms]),
            np.concatenate([self.answer, other.answer]),
            np.concatenate([self.question, other.question + len(self)]),
        )

    def every(self, step: int) -> Sample:
        """Every so manieth question."""
        rows = self.question % step == 0
        return Sample(self.terms[rows], self.answer[rows], self.question[rows] // step)


def draw_questions(
    scorer: LinearScorer, made: Round, part: slice, names: list[str], negatives: int, random: np.random.Generator
) -> Iterator[tuple[Float32, Float32]]:
    """One question for each user of a block: terms ``[rows, terms]`` and answers ``[rows]``.

    Its rows are all answers, what each term ranks best, and random candidates; all of them where there are few.
    """
    users = made.users[part]
    personal = [(names.index(t.name), scaled(v)) for t, v in scorer.personal_terms(users) if t.name in names]
    moment = [(names.index(name), values) for name, values in scorer.moment_values().items() if name in names]
    columns = [*(i for i, _ in personal), *(i for i, _ in moment)]
    few = len(scorer.candidates) <= negatives + BEST_OF_EACH * len(names)
    shared = [] if few else [_best(values[None, :])[0] for _, values in moment]
    own = [] if few else [_best(values) for _, values in personal]
    open_ = made.snapshot.excluded(scorer.kind, users).toarray() == 0
    answers = made.answers[part].toarray() > 0
    for i in range(len(users)):
        rows = np.arange(len(scorer.candidates))
        if not few:
            drawn = random.choice(len(rows), negatives, replace=False)
            rows = np.unique(np.concatenate([np.flatnonzero(answers[i]), drawn, *shared, *(best[i] for best in own)]))
        rows = rows[open_[i, rows]]
        terms = np.zeros((len(rows), len(names)), dtype=np.float32)
        terms[:, columns] = np.stack([*(v[i, rows] for _, v in personal), *(v[rows] for _, v in moment)], axis=1)
        yield terms, answers[i, rows].astype(np.float32)


def _best(values: Float32) -> Int64:
    return np.asarray(torch.topk(torch.from_numpy(values), BEST_OF_EACH, dim=1).indices.numpy(), dtype=np.int64)


def fit_weights(sample: Sample, columns: npt.NDArray[np.bool_], ridge: float) -> Float32:
    """θ for the given terms (columns of the sample that take part), zero for the others, ``[terms]``."""
    weights = np.zeros(sample.terms.shape[1], dtype=np.float32)
    if not len(sample) or not columns.any():
        return weights
    terms = np.ascontiguousarray(sample.terms[:, columns])
    start = np.searchsorted(sample.question, np.arange(len(sample)))
    share = sample.answer / np.add.reduceat(sample.answer, start)[sample.question]

    def loss(theta: Float64) -> tuple[float, Float64]:
        """Penalised negative log-likelihood per question, and its gradient."""
        score = terms @ theta.astype(np.float32)
        score -= np.maximum.reduceat(score, start)[sample.question]
        odds = np.exp(score)
        norm = np.add.reduceat(odds, start)
        surprise = (share * (np.log(norm)[sample.question] - score)).sum(dtype=np.float64) / len(sample)
        gradient = terms.T @ (odds / norm[sample.question] - share) / len(sample)
        return float(surprise + ridge * (theta**2).sum()), gradient.astype(np.float64) + 2 * ridge * theta

    begin = np.full(terms.shape[1], 0.1)
    bounds = [(0.0, None)] * terms.shape[1]
    found = minimize(loss, begin, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 200, "ftol": 1e-7})
    weights[columns] = found.x
    return weights


def refine_weights(sample: Sample, weights: Float32, columns: npt.NDArray[np.bool_], sweeps: int = 3) -> Float32:
    """Weights moved one by one while that raises NDCG@10 on the sample: coordinate ascent (Metzler and Croft 2007).

    The likelihood cares for every candidate, NDCG for the first ten. With few questions this learns them by heart:
    whoever calls it has to see on other questions that it helped.
    """
    if not len(sample):
        return weights
    ranking = _Ranking(sample)
    theta, score = weights.copy(), sample.terms @ weights
    best = ranking.ndcg(score)
    for _ in range(sweeps):
        before = best
        for term in np.flatnonzero(columns):
            tries = theta[term] * np.array(STEPS) if theta[term] > 0 else np.array(FIRST_STEPS)
            moves = [score + np.float32(value - theta[term]) * sample.terms[:, term] for value in tries]
            reached = [ranking.ndcg(moved) for moved in moves]
            pick = int(np.argmax(reached))
            if reached[pick] > best + 1e-5:
                best, score, theta[term] = reached[pick], moves[pick], tries[pick]
        if best < before + 1e-4:
            break
    return theta


STEPS = (0.0, 0.5, 0.75, 1.33, 2.0, 4.0)
FIRST_STEPS = (0.1, 0.3, 1.0)


class _Ranking:
    """NDCG@10 of scores on a sample's rows."""

    def __init__(self, sample: Sample) -> None:
        self.sample = sample
        self.start = np.searchsorted(sample.question, np.arange(len(sample)))
        gains = np.cumsum(1 / np.log2(np.arange(2, 12)))
        self.ideal = gains[np.minimum(np.bincount(sample.question, weights=sample.answer).astype(int), 10) - 1]

    def ndcg(self, score: Float32) -> float:
        question = self.sample.question
        order = np.lexsort((-score, question))
        place = np.arange(len(order)) - self.start[question]
        first = order[place < 10]
        gain = self.sample.answer[first] / np.log2(place[place < 10] + 2.0)
        return float((np.bincount(question[first], weights=gain, minlength=len(self.ideal)) / self.ideal).mean())

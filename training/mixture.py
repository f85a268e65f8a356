"""Weights of the terms: how much each path, the towers and the moment count in this community.

``score(u, x) = Σ_m θ_m · f_m(u, x)`` with ``θ ≥ 0`` and every term ``f_m ≥ 0``, so that each term's part of a score is
a share of it. θ maximises the likelihood of what people did next under a softmax over the candidates (a conditional
logit, McFadden 1974) on the split's fit rounds: a convex problem, solved by L-BFGS-B (Byrd et al. 1995), which sets
what does not help to zero. The penalty is chosen on validation.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import torch
from scipy.optimize import minimize

from graphfeed.training.links import Int64
from graphfeed.training.sample import Question, Sample
from graphfeed.training.scorer import LinearScorer, scaled
from graphfeed.training.slices import old_posts
from graphfeed.training.split import Round

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]

BEST_OF_EACH = 15
"""Candidates that each term ranks best are always among those fitted on: they are the ones to be told apart."""

BEST_TOGETHER = 100
"""The same for what weights fitted before rank best: the terms' own best leave out what is good at several."""


def draw_questions(
    scorer: LinearScorer,
    made: Round,
    part: slice,
    names: list[str],
    negatives: int,
    random: np.random.Generator,
    weights: Float32 | None = None,
) -> Iterator[Question]:
    """One question for each user of a block.

    Its rows are all answers, what each term ranks best, what ``weights`` rank best where they are given, and random
    candidates; all of them where there are few.
    """
    users = made.users[part]
    personal = [(names.index(t.name), scaled(v)) for t, v in scorer.personal_terms(users) if t.name in names]
    moment = [(names.index(name), values) for name, values in scorer.moment_values().items() if name in names]
    columns = [*(i for i, _ in personal), *(i for i, _ in moment)]
    few = takes_all(len(scorer.candidates), negatives, len(names))
    shared = [] if few else [_best(values[None, :])[0] for _, values in moment]
    own = [] if few else [_best(values) for _, values in personal]
    open_ = made.snapshot.excluded(scorer.kind, users).toarray() == 0
    if weights is not None and not few:
        together = np.zeros(open_.shape, dtype=np.float32)
        for column, values in [*personal, *moment]:
            if weights[column]:
                together += weights[column] * values
        own.append(_best(np.where(open_, together, -np.inf), BEST_TOGETHER))
    answers = made.answers[part].toarray() > 0
    old = old_posts(made.snapshot, scorer.kind)
    if old is None:
        old = np.zeros(len(scorer.candidates), dtype=np.bool_)
    for i in range(len(users)):
        rows = np.arange(len(scorer.candidates))
        if not few:
            drawn = random.choice(len(rows), negatives, replace=False)
            rows = np.unique(np.concatenate([np.flatnonzero(answers[i]), drawn, *shared, *(best[i] for best in own)]))
        rows = rows[open_[i, rows]]
        terms = np.zeros((len(rows), len(names)), dtype=np.float32)
        if columns:
            terms[:, columns] = np.stack([*(v[i, rows] for _, v in personal), *(v[rows] for _, v in moment)], axis=1)
        yield terms, answers[i, rows].astype(np.float32), old[rows]


def takes_all(candidates: int, negatives: int, terms: int) -> bool:
    """Whether there are so few candidates that a question takes in all of them."""
    return candidates <= negatives + BEST_OF_EACH * terms


def _best(values: Float32, most: int = BEST_OF_EACH) -> Int64:
    best = torch.topk(torch.from_numpy(values), min(most, values.shape[1]), dim=1)
    return np.asarray(best.indices.numpy(), dtype=np.int64)


def fit_weights(sample: Sample, ridge: float) -> Float32:
    """θ for the sample's terms, ``[terms]``."""
    terms = sample.terms
    if not len(sample) or not terms.shape[1]:
        return np.zeros(terms.shape[1], dtype=np.float32)
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
    return np.asarray(found.x, dtype=np.float32)


def refine_weights(sample: Sample, weights: Float32, sweeps: int = 3) -> Float32:
    """Weights moved one by one while that raises NDCG@10 on the sample: coordinate ascent (Metzler and Croft 2007).

    It is the mean of NDCG@10 among all candidates and among the old posts: those are the two questions that a community
    asks, and the first alone is won by what is new.

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
        for term in range(len(theta)):
            tries = theta[term] * np.array(STEPS) if theta[term] > 0 else np.array(FIRST_STEPS)
            moves = [score + np.float32(value - theta[term]) * sample.terms[:, term] for value in tries]
            reached = [ranking.ndcg(moved) for moved in moves]
            pick = int(np.argmax(reached))
            if reached[pick] > best + 1e-5:
                best, score, theta[term] = reached[pick], moves[pick], tries[pick]
        if best < before + 1e-4:
            break
    return theta


def best_single(sample: Sample) -> Float32:
    """The one term that orders the sample best, as weights: the simplest rule there is, to be refined from there."""
    weights = np.zeros(sample.terms.shape[1], dtype=np.float32)
    if len(sample) and len(weights):
        ranking = _Ranking(sample)
        weights[int(np.argmax([ranking.ndcg(values) for values in sample.terms.T]))] = 1.0
    return weights


STEPS = (0.0, 0.5, 0.75, 1.33, 2.0, 4.0)
FIRST_STEPS = (0.1, 0.3, 1.0)


class _Ranking:
    """NDCG@10 of scores on a sample's rows: the mean of that of all rows and of that of the old posts' alone."""

    def __init__(self, sample: Sample) -> None:
        asked = np.bincount(sample.question[sample.old], weights=sample.answer[sample.old], minlength=len(sample)) > 0
        old = np.flatnonzero(sample.old & asked[sample.question])
        self.parts = [_RankedRows(np.arange(len(sample.question)), sample)]
        if len(old):
            self.parts.append(_RankedRows(old, sample))

    def ndcg(self, score: Float32) -> float:
        return float(np.mean([part.ndcg(score) for part in self.parts]))


class _RankedRows:
    """Questions as lines of a grid. Only the answers' places matter, so nothing is sorted: they are counted."""

    def __init__(self, rows: Int64, sample: Sample) -> None:
        question = np.unique(sample.question[rows], return_inverse=True)[1]
        sizes = np.bincount(question)
        column = np.arange(len(rows)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        self.grid = np.full((len(sizes), int(sizes.max())), len(sample.question))  # one row more: nobody's score
        self.grid[question, column] = rows
        right = sample.answer[rows] > 0
        self.asked, self.place = question[right], column[right]
        gains = np.cumsum(1 / np.log2(np.arange(2, 12)))
        self.ideal = gains[np.minimum(np.bincount(self.asked, minlength=len(sizes)), 10) - 1]

    def ndcg(self, score: Float32) -> float:
        lines = np.append(score, np.float32(-np.inf))[self.grid][self.asked]
        own = lines[np.arange(len(lines)), self.place][:, None]
        before = (lines > own) | ((lines == own) & (np.arange(lines.shape[1]) < self.place[:, None]))
        rank = before.sum(axis=1)
        gain = np.where(rank < 10, 1 / np.log2(rank + 2.0), 0.0)
        return float((np.bincount(self.asked, weights=gain, minlength=len(self.ideal)) / self.ideal).mean())

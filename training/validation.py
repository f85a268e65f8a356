"""NDCG and MRR on validation rounds, for choosing. Figures to report come from ``graphfeed.training.evaluate``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch_geometric.metrics import LinkPredNDCG
from torch_geometric.metrics.link_pred import LinkPredMetricData

from graphfeed.training.links import Int64, LinkKind
from graphfeed.training.slices import old_posts
from graphfeed.training.snapshot import Snapshot
from graphfeed.training.split import Part, Round, Split

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]


LINKS_READ = 30_000_000
"""A round is a graph of its own, brought up to its moment: together they read at most so many links ..."""
FEWEST_ROUNDS = 10
"""... but there are so many, where the split has them."""
SCORED = 100_000_000
"""At most so many candidates are scored by all questions together ..."""
FEWEST_QUESTIONS = 200
"""... but so many questions are asked."""


def sampled_rounds(split: Split, part: Part, kind: LinkKind, most: int, seed: int) -> Iterator[Round]:
    """The rounds of a part, with at most about ``most`` users in all, drawn evenly over the rounds."""
    yield from draw_rounds(split, part, kind, most, seed, SCORED)[0]


def draw_rounds(split: Split, part: Part, kind: LinkKind, most: int, seed: int, scored: int) -> tuple[list[Round], int]:
    """The same as a list, and how many questions the part has in all.

    On large graphs there are fewer rounds, evenly spaced, and fewer users, so that the time for all is bounded: at most
    ``scored`` candidates are scored by them together.
    """
    rounds = list(split.rounds(part, kind))
    total = sum(len(made.users) for made in rounds)
    kept_rounds = max(FEWEST_ROUNDS, LINKS_READ // max(len(split.final.links("posts")), 1))
    if len(rounds) > kept_rounds:
        rounds = [rounds[i] for i in np.linspace(0, len(rounds) - 1, kept_rounds).round().astype(int)]
    candidates = max((made.answers.shape[1] for made in rounds), default=1)
    most = min(most, max(FEWEST_QUESTIONS, scored // max(candidates, 1)))
    share = min(1.0, most / max(sum(len(r.users) for r in rounds), 1))
    random = np.random.default_rng(seed)
    drawn = []
    for made in rounds:
        kept = np.sort(random.permutation(len(made.users))[: max(1, round(share * len(made.users)))])
        drawn.append(Round(made.snapshot, made.end, made.users[kept], made.answers[kept]))
    return drawn, total


def blocks(users: Int64, candidates: int, floats: int = 16_000_000) -> Iterator[slice]:
    """Slices of users so that a block of scores has at most so many numbers (and 512 users at most)."""
    size = int(np.clip(floats // max(candidates, 1), 1, 512))
    for start in range(0, len(users), size):
        yield slice(start, min(start + size, len(users)))


def masked(scores: Float32, snapshot: Snapshot, kind: LinkKind, users: Int64) -> Float32:
    """Scores with what is excluded at minus infinity (a copy)."""
    out = scores.copy()
    out[snapshot.excluded(kind, users).nonzero()] = -np.inf
    return out


def ndcg_of(scores: Float32, made: Round, part: slice, kind: LinkKind, k: int = 10) -> Float64:
    """NDCG@k of each user of a block, ``[users]``."""
    answers = made.answers[part]
    ranked = torch.from_numpy(masked(scores, made.snapshot, kind, made.users[part]))
    return _ndcg(ranked, answers, k)


def _ndcg(ranked: torch.Tensor, answers: Any, k: int) -> Float64:
    top = torch.topk(ranked, min(k, ranked.shape[1]), dim=1).indices
    pairs = torch.from_numpy(np.stack(answers.nonzero()).astype(np.int64))
    return np.asarray(LinkPredNDCG(k=k)._compute(LinkPredMetricData(top, pairs)).double().numpy())


def ndcg_of_both(scores: Float32, made: Round, part: slice, kind: LinkKind) -> Float64:
    """NDCG@10 of each user of a block among all candidates, and among the old posts, ``[users, 2]``.

    The second is NaN for who did nothing with an old post.
    """
    both = np.full((len(scores), 2), np.nan)
    both[:, 0] = ndcg_of(scores, made, part, kind)
    old = old_posts(made.snapshot, kind)
    if old is not None:
        columns = np.flatnonzero(old)
        answers = made.answers[part][:, columns]
        rows = np.flatnonzero(np.diff(answers.indptr))
        if len(rows):
            ranked = torch.from_numpy(masked(scores, made.snapshot, kind, made.users[part])[np.ix_(rows, columns)])
            both[rows, 1] = _ndcg(ranked, answers[rows], 10)
    return both


def mean_of_both(values: Float64) -> Float64:
    """What ``ndcg_of_both`` gave ``[questions, 2]`` as one value a question: the mean of the two.

    The second, where a question has it, counts for as much more as fewer questions do, so that the mean of the values
    is the mean of the two figures.
    """
    asked = ~np.isnan(values[:, 1])
    if not asked.any():
        return values[:, 0]
    return np.asarray((values[:, 0] + np.where(asked, values[:, 1], 0.0) * (len(asked) / asked.sum())) / 2)


def reciprocal_rank_of(scores: Float32, made: Round, part: slice, kind: LinkKind) -> Float64:
    """1 / rank of each user's best placed answer among all candidates, ``[users]``; a tie counts against it.

    It tells models apart where none reaches the first ten.
    """
    answers = made.answers[part]
    ranked = masked(scores, made.snapshot, kind, made.users[part])
    row, column = answers.nonzero()
    best = np.full(len(ranked), -np.inf, dtype=np.float32)
    np.maximum.at(best, row, ranked[row, column])
    above = (ranked >= best[:, None]).sum(axis=1)
    return np.asarray(1.0 / np.maximum(above, 1), dtype=np.float64)


Score = Callable[[Snapshot], Callable[[Int64], Float32]]
"""For a snapshot, the function that scores a block of users."""


def mean_over(
    rounds: Iterable[Round], kind: LinkKind, score: Score, metric: Callable[[Float32, Round, slice, LinkKind], Float64]
) -> float:
    """Mean of a metric over users and rounds; 0 where there is nothing to ask."""
    found: list[Float64] = []
    for made in rounds:
        scorer = score(made.snapshot)
        for part in blocks(made.users, made.answers.shape[1]):
            found.append(metric(scorer(made.users[part]), made, part, kind))
    return float(np.concatenate(found).mean()) if found else 0.0


def mean_ndcg(rounds: Iterable[Round], kind: LinkKind, score: Score) -> float:
    """Mean NDCG@10 over users and rounds."""
    return mean_over(rounds, kind, score, ndcg_of)


def mean_reciprocal_rank(rounds: Iterable[Round], kind: LinkKind, score: Score) -> float:
    """Mean reciprocal rank over users and rounds."""
    return mean_over(rounds, kind, score, reciprocal_rank_of)

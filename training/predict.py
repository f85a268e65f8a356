"""The best of everything: top K of every person and every post, with scores and reasons, block by block."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from graphfeed.training.adjacency import Walker
from graphfeed.training.links import Int64, LinkKind
from graphfeed.training.paths import PATHS, Path
from graphfeed.training.reasons import SAME_EDGES, Reason, explain_pairs
from graphfeed.training.scorer import LinearScorer, scaled
from graphfeed.training.validation import blocks, masked

Float32 = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Ranked:
    """Predictions of one block, laid end to end, each source's best first. All indices are node indices."""

    source: Int64
    target: Int64
    rank: Int64
    score: Float32
    reasons: list[list[Reason]]


def best_of_users(scorer: LinearScorer, users: Int64, top: int) -> Iterator[Ranked]:
    """The best ``top`` candidates of each user, what is excluded left out, with reasons.

    A block holds at most 512 users or 8 million scores, and each term's part of them (some 30 MB a term).
    """
    for part in blocks(users, len(scorer.candidates), floats=8_000_000):
        block = users[part]
        terms = [(term, values) for term, values in scorer.personal_terms(block) if scorer.weights.get(term.name)]
        scores = masked(scorer.scores(block, terms), scorer.snapshot, scorer.kind, block)
        rows, columns, rank = top_of(scores, top)
        reasons = explain_pairs(scorer, block, rows, columns, terms=terms, scores=scores)
        yield Ranked(block[rows], scorer.candidates[columns], rank, scores[rows, columns], reasons)


def best_of_posts(scorer: LinearScorer, top: int) -> Iterator[Ranked]:
    """The posts most like each post: what the model would say of a person who knows this one post alone.

    The score is that of the paths that begin with an engagement, from there on; equal weights where none was learned.
    """
    kernels = {
        p.name: Path(p.name, p.reason, p.steps[1:])
        for p in PATHS["posts"]
        if p.steps[0].relation in ("engaged", *SAME_EDGES) and scorer.adjacencies.has(p)
    }
    weights = {name: weight for name in kernels if (weight := scorer.weights.get(name, 0.0)) > 0}
    weights = weights or dict.fromkeys(kernels, 1.0)
    paths = tuple(kernels[name] for name in weights)
    walker = Walker(scorer.adjacencies, paths, scorer.candidates, scorer.device)
    posts = np.flatnonzero(scorer.snapshot.graph.data["Post"].time.numpy() <= scorer.snapshot.now)
    for part in blocks(posts, len(scorer.candidates), floats=8_000_000):
        block = posts[part]
        parts = [
            np.float32(weights[p.name]) * scaled(np.maximum(v, 0))
            for p, v in zip(paths, walker.walk(block), strict=True)
        ]
        scores = np.sum(parts, axis=0) if parts else np.zeros((len(block), len(scorer.candidates)), np.float32)
        scores[block[:, None] == scorer.candidates[None, :]] = -np.inf
        scores[scores <= 0] = -np.inf
        rows, columns, rank = top_of(scores, top)
        share = np.stack([p[rows, columns] for p in parts], axis=1) / scores[rows, columns][:, None] if parts else None
        reasons = (
            []
            if share is None
            else [
                _kinds(paths, row, s, t)
                for row, s, t in zip(share, block[rows].tolist(), scorer.candidates[columns].tolist(), strict=True)
            ]
        )
        yield Ranked(block[rows], scorer.candidates[columns], rank, scores[rows, columns], reasons)


def top_of(scores: Float32, top: int) -> tuple[Int64, Int64, Int64]:
    """Rows, columns and ranks (from 1) of each row's best finite scores; equal scores in the order of the columns."""
    order = (
        torch.sort(torch.from_numpy(-scores), dim=1, stable=True).indices[:, :top]
        if scores.shape[1] <= 4 * top
        else None
    )
    if order is None:
        best = torch.topk(torch.from_numpy(scores), top, dim=1).indices.sort(dim=1).values
        inner = torch.sort(-torch.gather(torch.from_numpy(scores), 1, best), dim=1, stable=True).indices
        order = torch.gather(best, 1, inner)
    columns = order.numpy()
    finite = np.isfinite(np.take_along_axis(scores, columns, axis=1))
    row, place = np.nonzero(finite)
    return row.astype(np.int64), columns[row, place].astype(np.int64), place.astype(np.int64) + 1


def moment_ranking(scorer: LinearScorer, top: int) -> tuple[Int64, Float32]:
    """What somebody of whom nothing is known gets: the candidates by their moment alone (node indices, scores)."""
    scores = np.zeros((1, len(scorer.candidates)), dtype=np.float32)
    values = scorer.moment_values()
    used = {name: w for name in values if (w := scorer.weights.get(name, 0.0)) > 0} or dict.fromkeys(values, 1.0)
    for name, weight in used.items():
        scores[0] += np.float32(weight) * values[name]
    _, columns, _ = top_of(scores, top)
    return scorer.candidates[columns], scores[0, columns]


def _kinds(paths: tuple[Path, ...], share: Float32, source: int, target: int) -> list[Reason]:
    """Which kinds of likeness make up a score, strongest first; the path is the two posts."""
    by_reason: dict[str, float] = {}
    for path, value in zip(paths, share.tolist(), strict=True):
        by_reason[path.reason] = by_reason.get(path.reason, 0.0) + value
    strongest = sorted(by_reason.items(), key=lambda item: -item[1])[:3]
    return [Reason(reason, value, (("Post", source), ("Post", target))) for reason, value in strongest if value > 0.005]


__all__ = ["LinkKind", "Ranked", "best_of_posts", "best_of_users", "moment_ranking", "top_of"]

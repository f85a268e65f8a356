"""The best of everything: top K of every person and every post, with scores and reasons, block by block."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
import torch

from graphfeed.training.links import Int64, LinkKind
from graphfeed.training.paths import PATHS
from graphfeed.training.reasons import SAME_EDGES, SMALLEST, Reason, explain_pairs
from graphfeed.training.retrieval import Retrieval, best_pairs
from graphfeed.training.scorer import LinearScorer, TermAtPairs, at_pairs, dot_products
from graphfeed.training.validation import blocks, masked
from graphfeed.training.walker import Walker

Float32 = npt.NDArray[np.float32]

SCORED_WHOLE = 10_000
"""Up to so many candidates, all are scored for everybody."""


@dataclass(frozen=True)
class Ranked:
    """Predictions of one block, laid end to end, each source's best first. All indices are node indices."""

    source: Int64
    target: Int64
    rank: Int64
    score: Float32
    reasons: list[list[Reason]]
    unproven: int = 0
    """Sources whose targets may not be the best of all candidates (``retrieval.py``)."""


def best_of_users(scorer: LinearScorer, users: Int64, top: int) -> Iterator[Ranked]:
    """The best ``top`` candidates of each user, what is excluded left out, with reasons."""
    found = _retrieved if len(scorer.candidates) > SCORED_WHOLE else _scored
    for block, rows, columns, scores, parts, unproven in found(scorer, users, top):
        reasons = explain_pairs(scorer, block, rows, columns, parts=parts, scores=scores)
        rank = np.arange(len(rows)) - np.searchsorted(rows, rows) + 1
        yield Ranked(block[rows], scorer.candidates[columns], rank, scores, reasons, unproven)


_Found: TypeAlias = tuple[Int64, Int64, Int64, Float32, list[TermAtPairs], int]
"""A block of users, and the pairs of these with their best candidates: rows, columns, scores and what they are of; and
for how many of the users these are not proven to be the best."""


def _scored(scorer: LinearScorer, users: Int64, top: int) -> Iterator[_Found]:
    """By everybody's scores of everything.

    A block holds at most 512 users or 8 million scores, and each term's part of them (some 30 MB a term).
    """
    for part in blocks(users, len(scorer.candidates), floats=8_000_000):
        block = users[part]
        terms = [(term, values) for term, values in scorer.personal_terms(block) if scorer.weights.get(term.name)]
        scores = masked(scorer.scores(block, terms), scorer.snapshot, scorer.kind, block)
        rows, columns, _ = top_of(scores, top)
        yield block, rows, columns, scores[rows, columns], list(at_pairs(terms, rows, columns)), 0


def _retrieved(scorer: LinearScorer, users: Int64, top: int) -> Iterator[_Found]:
    """By the scores of what is retrieved by the first stage."""
    excluded = partial(scorer.snapshot.excluded, scorer.kind)
    retrieval = Retrieval(scorer.walker, list(scorer.dot_products()), scorer.weights, scorer.moment_score, excluded)
    wanted = max(top, scorer.reranker.top) if scorer.reranker else top
    for block, found in retrieval.best(users, wanted):
        rows, columns, parts = found.rows, found.columns, found.parts
        scores = found.scores + scorer.second_stage(rows, columns, found.scores, parts, len(block))
        order = best_pairs(rows, scores, top)
        parts = [part.taken(order) for part in parts]
        yield block, rows[order], columns[order], scores[order], parts, int((~found.proven).sum())


def best_of_posts(scorer: LinearScorer, top: int, posts: Int64 | None = None) -> Iterator[Ranked]:
    """The posts most like each of these (None: all that exist): what the model would say of who knows this one alone.

    The score is that of the paths that begin with an engagement, from there on; equal weights where none was learned.
    """
    kernels = {
        p.name: replace(p, steps=p.steps[1:])
        for p in PATHS["posts"]
        if p.steps[0].relation in ("engaged", *SAME_EDGES) and scorer.adjacencies.has(p)
    }
    weights = {name: weight for name in kernels if (weight := scorer.weights.get(name, 0.0)) > 0}
    weights = weights or dict.fromkeys(kernels, 1.0)
    paths = tuple(kernels[name] for name in weights)
    walker = Walker(scorer.adjacencies, paths, scorer.candidates, scorer.device)
    if posts is None:
        posts = np.flatnonzero(scorer.snapshot.graph.data["Post"].time.numpy() <= scorer.snapshot.now)
    moment = np.zeros(len(scorer.candidates), dtype=np.float32)
    retrieval = Retrieval(walker, list(dot_products(walker, weights)), weights, moment, partial(_itself, scorer))
    for block, found in retrieval.best(posts, top) if paths else ():
        alike = np.flatnonzero(found.scores > 0)
        rows, columns, scores = found.rows[alike], found.columns[alike], found.scores[alike]
        parts = [part.taken(alike) for part in found.parts]
        by_reason = {p.reason: np.zeros(len(rows), dtype=np.float32) for p in paths}
        for part in parts:
            by_reason[part.term.reason] += np.float32(weights[part.term.name]) * part.scaled(rows) / scores
        sources, targets = block[rows], scorer.candidates[columns]
        rank = np.arange(len(rows)) - np.searchsorted(rows, rows) + 1
        yield Ranked(sources, targets, rank, scores, _kinds(by_reason, sources, targets))


def _itself(scorer: LinearScorer, posts: Int64) -> sp.csr_matrix:
    """No post is like itself, ``[posts, candidates]``."""
    place = np.minimum(np.searchsorted(scorer.candidates, posts), len(scorer.candidates) - 1)
    rows = np.flatnonzero(scorer.candidates[place] == posts)
    return sp.csr_matrix((np.ones(len(rows)), (rows, place[rows])), shape=(len(posts), len(scorer.candidates)))


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


def _kinds(by_reason: dict[str, Float32], sources: Int64, targets: Int64) -> list[list[Reason]]:
    """Which kinds of likeness make up each score, strongest first; the path is the two posts."""
    names, shares = list(by_reason), np.stack(list(by_reason.values()), axis=1)
    order = np.argsort(-shares, axis=1, kind="stable")[:, :3].tolist()
    return [
        [Reason(names[k], values[k], (("Post", s), ("Post", t))) for k in best if values[k] > SMALLEST]
        for best, values, s, t in zip(order, shares.tolist(), sources.tolist(), targets.tolist(), strict=True)
    ]


__all__ = ["LinkKind", "Ranked", "best_of_posts", "best_of_users", "moment_ranking", "top_of"]

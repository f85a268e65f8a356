"""Why a candidate was scored as it was: the score taken apart into edges, exactly.

The score is a sum over paths, so what an edge contributes is the sum over the paths that end with it. A reason is that:

- for a path through the graph, its **last edge** (the author's POSTED, the tag's MENTIONS, another person's
  engagement): the share of the score that is lost when that edge is taken away, with the normalisation left as it
  was. The path that is shown is the strongest one that ends with the edge;
- for a likeness of texts, which has no edge at the candidate, the person's own act that it goes back to;
- for the moment (new, active, popular, unanswered) and the towers' taste, the whole term: no single path explains
  them.

What the second stage adds is a part of the score that is nobody's: it belongs to how the terms go together.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from graphfeed.training.adjacency import ENDS, Matrix
from graphfeed.training.links import Int64
from graphfeed.training.paths import Path, Step
from graphfeed.training.scorer import LinearScorer, TermAtPairs, at_pairs, counted

Float32 = npt.NDArray[np.float32]

SAME_EDGES = {"recent": "engaged", "last": "engaged", "latest": "engaged"}
SMALLEST = 0.005
"""A share below this is no reason."""

Node = tuple[str, int]
"""Label and index."""


@dataclass(frozen=True)
class Reason:
    """A part of a score that can be named."""

    type: str
    share: float
    """Of the score, 0 to 1."""
    path: tuple[Node, ...]
    """From the person to the candidate; the candidate alone where no path explains it."""


@dataclass(frozen=True)
class _Edges:
    """Contributions of one path by pivot: entry (pair, pivot) is a part of the pair's score."""

    path: Path
    matrix: sp.csr_matrix


def explain_pairs(
    scorer: LinearScorer,
    users: Int64,
    rows: Int64,
    columns: Int64,
    most: int = 3,
    parts: Iterable[TermAtPairs] | None = None,
    scores: Float32 | None = None,
) -> list[list[Reason]]:
    """The strongest reasons of each pair, strongest first.

    ``users`` is a block of people; pair ``i`` is ``users[rows[i]]`` and ``scorer.candidates[columns[i]]``.
    ``parts`` and ``scores``: of the pairs, where they were made already.
    """
    total = np.zeros(len(rows), dtype=np.float32)
    groups: dict[tuple[str, bool], list[_Edges]] = {}
    whole: dict[str, Float32] = {}
    for found in at_pairs(scorer.personal_terms(users), rows, columns) if parts is None else parts:
        term, weight = found.term, scorer.weights.get(found.term.name, 0.0)
        if not weight:
            continue
        factor = counted(weight, found.largest)[rows]
        part = found.values * factor
        total += part
        if term.path is None:
            whole[term.reason] = whole.get(term.reason, 0) + part
        else:
            edges = _edges(scorer, users, rows, columns, term.path, part, factor)
            groups.setdefault(_pivot_of(term.path), []).append(edges)
    for name, values in scorer.moment_values().items():
        part = scorer.weights.get(name, 0.0) * values[columns]
        reason = scorer.moment_term(name).reason
        whole[reason] = whole.get(reason, 0) + part
        total += part
    if scorer.reranker is not None:
        total = scorer.scores(users)[rows, columns] if scores is None else scores
    total = np.maximum(total, 1e-12)
    picked = _pick(groups, whole, total, most)
    return _with_paths(scorer, users, rows, columns, picked)


@dataclass(frozen=True)
class _Picks:
    """The reasons that are to be given, pair by pair, each pair's strongest first. Arrays of one length."""

    pair: Int64
    share: Float32
    source: Int64
    """Position in ``sources``."""
    pivot: Int64
    """-1 for a whole term."""
    sources: list[tuple[str, Path | None]]
    """Types of reasons, and the path that each comes from."""


def _pick(groups: dict[tuple[str, bool], list[_Edges]], whole: dict[str, Float32], total: Float32, most: int) -> _Picks:
    """The strongest of each pair: pivots of all groups, and whole terms."""
    sources: list[tuple[str, Path | None]] = []
    found: list[tuple[Int64, Float32, Int64, Int64]] = []
    for reason, values in whole.items():
        pair = np.flatnonzero(values >= SMALLEST * total)
        found.append((pair, values[pair], np.full(len(pair), len(sources)), np.full(len(pair), -1)))
        sources.append((reason, None))
    for edges in groups.values():
        claimed = sp.csr_matrix(sum((e.matrix for e in edges[1:]), start=edges[0].matrix))
        pair, pivot, value = _largest(claimed, most)
        kept = value >= SMALLEST * total[pair]
        pair, pivot, value = pair[kept], pivot[kept], value[kept]
        if not len(pair):
            continue
        by_path = np.stack([np.asarray(e.matrix[pair, pivot]).reshape(-1) for e in edges])
        found.append((pair, value, len(sources) + by_path.argmax(axis=0), pivot))
        sources += [(e.path.reason, e.path) for e in edges]
    pair, value, source, pivot = (np.concatenate(parts) for parts in zip(*found, strict=True))
    share = value / total[pair]
    chosen = _strongest(pair, share, pivot >= 0, most)
    return _Picks(pair[chosen], share[chosen], source[chosen], pivot[chosen], sources)


def _strongest(pair: Int64, share: Float32, by_path: npt.NDArray[np.bool_], most: int) -> Int64:
    """Positions of each pair's largest shares, in order.

    The last place goes to the strongest path where otherwise none would be shown.
    """
    order = np.lexsort((-share, pair))
    place = _places(pair[order])
    kept = order[place < most]
    several = place[place < most] == most - 1  # the last of a full list
    paths = order[by_path[order]]
    first = paths[_places(pair[paths]) == 0]
    shown = np.isin(pair[kept], pair[kept[by_path[kept]]])
    at = np.flatnonzero(several & ~shown & np.isin(pair[kept], pair[first]))
    kept[at] = first[np.searchsorted(pair[first], pair[kept[at]])]
    return kept


def _places(ordered: Int64) -> Int64:
    """How manieth of its value each entry of a sorted array is, from 0."""
    return np.arange(len(ordered)) - np.searchsorted(ordered, ordered)


def _largest(matrix: sp.csr_matrix, most: int) -> tuple[Int64, Int64, Float32]:
    """The largest entries of each row: rows, columns, values."""
    row = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    order = np.lexsort((matrix.indices, -matrix.data, row))
    kept = order[_places(row[order]) < most]
    return row[kept], matrix.indices[kept].astype(np.int64), matrix.data[kept]


def _with_paths(scorer: LinearScorer, users: Int64, rows: Int64, columns: Int64, picks: _Picks) -> list[list[Reason]]:
    """Give every picked reason its nodes; the paths of one kind are traced together."""
    end = ENDS_OF_KIND[scorer.kind]
    middles: list[tuple[Node, ...] | None] = [None] * len(picks.pair)  # None: no path, the candidate alone
    for source, (_, path) in enumerate(picks.sources):
        places = np.flatnonzero(picks.source == source)
        if path is None or not len(places):
            continue
        pivots = picks.pivot[places]
        if path.pivot_first or len(path.steps) == 1:
            found = [_first_middle(path, pivot) for pivot in pivots.tolist()]
        else:
            found = trace(scorer, users, rows[picks.pair[places]], path.steps[:-1], pivots)
        for place, nodes in zip(places.tolist(), found, strict=True):
            middles[place] = nodes
    reasons: list[list[Reason]] = [[] for _ in rows]
    people, targets = users[rows].tolist(), scorer.candidates[columns].tolist()
    listed = zip(picks.pair.tolist(), picks.share.tolist(), picks.source.tolist(), middles, strict=True)
    for pair, share, source, middle in listed:
        target = (end, targets[pair])
        nodes = (target,) if middle is None else (("User", people[pair]), *middle, target)
        reasons[pair].append(Reason(picks.sources[source][0], share, nodes))
    return reasons


ENDS_OF_KIND = {"posts": "Post", "people": "User", "interests": "Entity"}


def trace(
    scorer: LinearScorer, users: Int64, rows: Int64, steps: tuple[Step, ...], ends: Int64
) -> list[tuple[Node, ...]]:
    """The strongest way by ``steps`` from each person to each end: the nodes after the person, the end included."""
    label = _target(steps[-1])
    if len(steps) == 1:
        return [((label, end),) for end in ends.tolist()]
    # Many candidates are reached through the same node, such as an entity with thousands of posts: once each.
    pairs, place = np.unique(np.stack([rows, ends]), axis=1, return_inverse=True)
    rows, ends = pairs
    before = scorer.walker.before_last(users, Path("", "", steps))
    row, pivot, _ = _largest(_columns_times_rows(scorer.adjacencies.turned(steps[-1]), ends, before, rows), 1)
    best = np.zeros(len(ends), dtype=np.int64)
    best[row] = pivot
    found = [
        (*nodes, (label, end))
        for nodes, end in zip(trace(scorer, users, rows, steps[:-1], best), ends.tolist(), strict=True)
    ]
    return [found[i] for i in place.reshape(-1).tolist()]


def _edges(
    scorer: LinearScorer, users: Int64, rows: Int64, columns: Int64, path: Path, part: Float32, factor: Float32
) -> _Edges:
    """The contributions of one path by pivot, ``[pairs, nodes]``."""
    targets = scorer.candidates[columns]
    if path.pivot_first and len(path.steps) > 2:
        products = _likeness(scorer, users, rows, targets, path)
        # What is unlike takes away from the sum: what is alike can then claim no more than what is left of it.
        claimed = np.asarray(products.sum(axis=1)).ravel() * factor
        factor = factor * np.divide(part, claimed, out=np.ones_like(part), where=claimed > part)
    elif len(path.steps) <= 2 and (path.pivot_first or len(path.steps) == 1):
        products = sp.csr_matrix(
            (part, (np.arange(len(rows)), np.zeros(len(rows), dtype=np.int64))), shape=(len(rows), 1)
        )
        return _Edges(path, products)
    else:
        before = scorer.walker.before_last(users, path)
        products = _columns_times_rows(scorer.adjacencies.turned(path.steps[-1]), targets, before, rows)
    products.data *= np.repeat(factor, np.diff(products.indptr))
    return _Edges(path, products)


def _columns_times_rows(matrix: Matrix, columns: Int64, before: Matrix, rows: Int64) -> sp.csr_matrix:
    """Entry (i, b): ``before[rows[i], b] · matrix[columns[i], b]``, sparse ``[pairs, b]``."""
    turned = sp.csr_matrix(matrix[columns], dtype=np.float32)
    if sp.issparse(before):
        found = sp.csr_matrix(turned.multiply(before[rows]))
    else:
        row = np.repeat(rows, np.diff(turned.indptr))
        found = sp.csr_matrix((turned.data * before[row, turned.indices], turned.indices, turned.indptr), turned.shape)
    found.eliminate_zeros()
    found.sort_indices()
    return found


def _likeness(scorer: LinearScorer, users: Int64, rows: Int64, targets: Int64, path: Path) -> sp.csr_matrix:
    """Entry (i, x'): weight of the person's act on x' times the likeness of x' and the candidate."""
    history = sp.csr_matrix(scorer.adjacencies.step(path.steps[0])[users][rows])
    ours, theirs = scorer.adjacencies.step(path.steps[1]), scorer.adjacencies.turned(path.steps[2])
    pair = np.repeat(np.arange(len(rows)), np.diff(history.indptr))
    alike = np.empty(len(pair), dtype=np.float32)
    for low in range(0, len(pair), 200_000):
        part = slice(low, low + 200_000)
        left, right = ours[history.indices[part]], theirs[targets[pair[part]]]
        if sp.issparse(ours):
            alike[part] = np.asarray(left.multiply(right).sum(axis=1)).ravel()
        else:
            alike[part] = np.einsum("ij,ij->i", left, right)
    found = sp.csr_matrix((history.data * np.maximum(alike, 0), history.indices, history.indptr), history.shape)
    found.eliminate_zeros()
    return found


def _first_middle(path: Path, pivot: int) -> tuple[Node, ...]:
    return ((_target(path.steps[0]), pivot),) if len(path.steps) > 2 else ()


def _pivot_of(path: Path) -> tuple[str, bool]:
    """Paths that end with the same edges are claimed together: those with the same last relation and direction."""
    step = path.steps[0] if path.pivot_first else path.steps[-1]
    relation = SAME_EDGES.get(step.relation, step.relation)
    if len(path.steps) == 1 or (path.pivot_first and len(path.steps) == 2):
        return f"{path.name} alone", False
    return f"{relation}{' text' if path.pivot_first else ''}", step.backwards


def _target(step: Step) -> str:
    source, target = ENDS[step.relation]
    return source if step.backwards else target

"""Why a candidate was scored as it was: the score taken apart into edges, exactly.

The score is a sum over paths, so what an edge contributes is the sum over the paths that end with it. A reason is that:

- for a path through the graph, its **last edge** (the author's POSTED, the tag's MENTIONS, another person's
  engagement): the share of the score that is lost when that edge is taken away, with the normalisation left as it
  was. The path that is shown is the strongest one that ends with the edge;
- for a likeness of texts, which has no edge at the candidate, the person's own act that it goes back to;
- for the moment (new, active, popular, unanswered) and the towers' taste, the whole term: no single path explains them.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from graphfeed.training.adjacency import ENDS, Matrix
from graphfeed.training.links import Int64
from graphfeed.training.paths import Path, Step
from graphfeed.training.scorer import LinearScorer

Float32 = npt.NDArray[np.float32]

SAME_EDGES = {"recent": "engaged"}
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


def explain_pairs(scorer: LinearScorer, users: Int64, rows: Int64, columns: Int64, most: int = 3) -> list[list[Reason]]:
    """The strongest reasons of each pair, strongest first.

    ``users`` is a block of people; pair ``i`` is ``users[rows[i]]`` and ``scorer.candidates[columns[i]]``.
    """
    total = np.zeros(len(rows), dtype=np.float32)
    groups: dict[tuple[str, bool], list[_Edges]] = {}
    whole: dict[str, Float32] = {}
    for term, values in scorer.personal_terms(users):
        weight = scorer.weights.get(term.name, 0.0)
        if not weight:
            continue
        largest = values.max(axis=1, initial=0)
        factor = np.divide(weight, largest, out=np.zeros_like(largest), where=largest > 0)[rows]
        part = values[rows, columns] * factor
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
    total = np.maximum(total, 1e-12)
    picked = _pick(groups, whole, total, most)
    return _with_paths(scorer, users, rows, columns, picked)


@dataclass(frozen=True)
class _Pick:
    """A reason that is to be given, before its path is known."""

    share: float
    reason: str
    path: Path | None
    pivot: int


def _pick(
    groups: dict[tuple[str, bool], list[_Edges]], whole: dict[str, Float32], total: Float32, most: int
) -> list[list[_Pick]]:
    """The strongest of each pair: pivots of all groups, and whole terms."""
    found: list[list[_Pick]] = [[] for _ in range(len(total))]
    for reason, values in whole.items():
        for i in np.flatnonzero(values >= SMALLEST * total):
            found[i].append(_Pick(float(values[i] / total[i]), reason, None, -1))
    for edges in groups.values():
        claimed = sp.csr_matrix(sum((e.matrix for e in edges[1:]), start=edges[0].matrix))
        for row, pivot, value in _largest(claimed, most):
            if value >= SMALLEST * total[row]:
                path = edges[int(np.argmax([e.matrix[row, pivot] for e in edges]))].path
                found[row].append(_Pick(float(value / total[row]), path.reason, path, pivot))
    return [_strongest(picks, most) for picks in found]


def _strongest(picks: list[_Pick], most: int) -> list[_Pick]:
    """The largest shares; the last place goes to the strongest path where otherwise none would be shown."""
    kept = heapq.nlargest(most, picks, key=lambda pick: pick.share)
    if len(kept) == most and all(pick.path is None for pick in kept):
        paths = [pick for pick in picks if pick.path is not None]
        kept[-1] = max(paths, key=lambda pick: pick.share, default=kept[-1])
    return kept


def _largest(matrix: sp.csr_matrix, most: int) -> Iterator[tuple[int, int, float]]:
    """The largest entries of each row: (row, column, value)."""
    row = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    order = np.lexsort((matrix.indices, -matrix.data, row))
    place = np.arange(len(row)) - matrix.indptr[:-1][row[order]]
    kept = order[place < most]
    yield from zip(row[kept].tolist(), matrix.indices[kept].tolist(), matrix.data[kept].tolist(), strict=True)


def _with_paths(
    scorer: LinearScorer, users: Int64, rows: Int64, columns: Int64, picked: list[list[_Pick]]
) -> list[list[Reason]]:
    """Give every picked reason its nodes; the paths of one kind are traced together."""
    end = ENDS_OF_KIND[scorer.kind]
    traced: dict[tuple[int, int], tuple[Node, ...]] = {}
    wanted: dict[Path, list[tuple[int, int]]] = {}
    for i, picks in enumerate(picked):
        for j, pick in enumerate(picks):
            target = (end, int(scorer.candidates[columns[i]]))
            if pick.path is None:
                traced[i, j] = (target,)
            elif pick.path.pivot_first or len(pick.path.steps) == 1:
                start = ("User", int(users[rows[i]]))
                middle = _first_middle(pick.path, pick.pivot)
                traced[i, j] = (start, *middle, target)
            else:
                wanted.setdefault(pick.path, []).append((i, j))
    for path, places in wanted.items():
        pairs = np.array([i for i, _ in places])
        pivots = np.array([picked[i][j].pivot for i, j in places])
        middles = trace(scorer, users, rows[pairs], path.steps[:-1], pivots)
        for (i, j), nodes in zip(places, middles, strict=True):
            traced[i, j] = (("User", int(users[rows[i]])), *nodes, (end, int(scorer.candidates[columns[i]])))
    return [
        [Reason(pick.reason, pick.share, traced[i, j]) for j, pick in enumerate(picks)]
        for i, picks in enumerate(picked)
    ]


ENDS_OF_KIND = {"posts": "Post", "people": "User", "interests": "Entity"}


def trace(
    scorer: LinearScorer, users: Int64, rows: Int64, steps: tuple[Step, ...], ends: Int64
) -> list[tuple[Node, ...]]:
    """The strongest way by ``steps`` from each person to each end: the nodes after the person, the end included."""
    label = _target(steps[-1])
    if len(steps) == 1:
        return [((label, int(end)),) for end in ends]
    before = scorer.walker.before_last(users, Path("", "", steps))
    matrix = scorer.adjacencies.step(steps[-1])
    products = _columns_times_rows(matrix, ends, before, rows)
    best = np.full(len(ends), 0)
    for i, pivot, _ in _largest(products, 1):
        best[i] = pivot
    return [
        (*nodes, (label, int(end)))
        for nodes, end in zip(trace(scorer, users, rows, steps[:-1], best), ends, strict=True)
    ]


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
        products = _columns_times_rows(scorer.adjacencies.step(path.steps[-1]), targets, before, rows)
    products.data *= np.repeat(factor, np.diff(products.indptr))
    return _Edges(path, products)


def _columns_times_rows(matrix: Matrix, columns: Int64, before: Matrix, rows: Int64) -> sp.csr_matrix:
    """Entry (i, b): ``before[rows[i], b] · matrix[b, columns[i]]``, sparse ``[pairs, b]``."""
    turned = sp.csr_matrix(sp.csc_matrix(matrix)[:, columns].T, dtype=np.float32)
    turned.sort_indices()
    row = np.repeat(rows, np.diff(turned.indptr))
    if sp.issparse(before):
        found = sp.csr_matrix(turned.multiply(before[rows]))
    else:
        found = sp.csr_matrix((turned.data * before[row, turned.indices], turned.indices, turned.indptr), turned.shape)
    found.eliminate_zeros()
    found.sort_indices()
    return found


def _likeness(scorer: LinearScorer, users: Int64, rows: Int64, targets: Int64, path: Path) -> sp.csr_matrix:
    """Entry (i, x'): weight of the person's act on x' times the likeness of x' and the candidate."""
    history = sp.csr_matrix(scorer.adjacencies.step(path.steps[0])[users][rows])
    features = scorer.adjacencies.raw(path.steps[1].relation)
    pair = np.repeat(np.arange(len(rows)), np.diff(history.indptr))
    alike = np.empty(len(pair), dtype=np.float32)
    for low in range(0, len(pair), 200_000):
        part = slice(low, low + 200_000)
        left, right = features[history.indices[part]], features[targets[pair[part]]]
        if sp.issparse(features):
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

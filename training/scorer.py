"""The score at one moment, and its terms: what evaluation ranks by, publishing stores, and reasons take apart.

    score(u, x) = Σ_paths θ_m · P_m(u, x) / max_x' P_m(u, x')  +  Σ_taste θ_t · taste_t(u, x)  +  Σ_moment θ_k · g_k(x)

A path's products are divided by the person's largest one, so that a weight means the same for everybody. The dot
products of the factors and of the towers (taste) are cut at zero and divided likewise. No term is negative, so that its
part of the score is a share of it. Where there is a second stage (``reranker.py``), what it adds to a person's best
candidates is one more summand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
import torch

from graphfeed.training.adjacency import Adjacencies
from graphfeed.training.factors import Factors
from graphfeed.training.links import LINK_KINDS, Int64, LinkKind
from graphfeed.training.moment import moment_terms
from graphfeed.training.moment_vectors import KeptVectors, tower_vectors
from graphfeed.training.paths import PATHS, Path, Step
from graphfeed.training.reranker import Reranker
from graphfeed.training.settings import PartName
from graphfeed.training.towers import Towers
from graphfeed.training.walker import Walker

Float32 = npt.NDArray[np.float32]
TASTE = "taste"
HELD_FLOATS = 50_000_000
"""Values of terms that are kept until the best candidates are known."""


@dataclass(frozen=True)
class Term:
    """One summand of the score."""

    name: str
    part: PartName
    reason: str
    """The type of reason that it gives."""
    path: Path | None = None


@dataclass(frozen=True)
class TermAtPairs:
    """A personal term at pairs of a person and a candidate."""

    term: Term
    values: Float32
    """Unscaled, ``[pairs]``."""
    largest: Float32
    """Each person's largest value among all candidates, ``[people]``."""

    def scaled(self, rows: Int64) -> Float32:
        """Values by each person's largest; ``rows``: whose a pair is."""
        largest = self.largest[rows]
        return np.divide(self.values, largest, out=np.zeros_like(self.values), where=largest > 0)

    def taken(self, pairs: Int64) -> TermAtPairs:
        """Some of the pairs."""
        return TermAtPairs(self.term, self.values[pairs], self.largest)


@dataclass(frozen=True)
class DotProduct:
    """A personal term as what it is made of: the dot product of a person's and a candidate's vector, cut at zero."""

    term: Term
    people: Callable[[Int64], torch.Tensor]
    """Vectors of a block of users, ``[users, width]``."""
    items: torch.Tensor
    """``[candidates, width]``"""


class LinearScorer:
    """Scores of one kind of link at one snapshot.

    ``weights`` gives θ by the term's name; a term without one counts 0.
    Without any weights, every term there is can be had from ``terms``.
    """

    def __init__(
        self,
        adjacencies: Adjacencies,
        kind: LinkKind,
        weights: dict[str, float] | None,
        towers: Towers | None,
        device: torch.device,
        factors: tuple[Factors, ...] = (),
        reranker: Reranker | None = None,
        kept: KeptVectors | None = None,
    ) -> None:
        self.adjacencies = adjacencies
        self.snapshot = adjacencies.snapshot
        self.kind: LinkKind = kind
        self.candidates: Int64 = self.snapshot.candidates(kind)
        self.weights = weights or {}
        self.towers = towers
        self.reranker = reranker
        self.device = device
        wanted = (lambda name: True) if weights is None else weights.__contains__
        timed = weights is None or any(":" in name for name in weights)
        self._moment = moment_terms(self.snapshot, kind) if timed else {}
        paths = tuple(p for p in PATHS[kind] if wanted(p.name) and adjacencies.has(p))
        self.walker = Walker(adjacencies, paths, self.candidates, device)
        self._factors = tuple(f for f in factors if kind == "posts" and wanted(f.name))
        self._vectors: dict[str, torch.Tensor] = {}
        if towers is not None and wanted(TASTE):
            self._vectors = kept.at(adjacencies) if kept else tower_vectors(towers, adjacencies, device)
        self.moment_score: Float32 = np.zeros(len(self.candidates), dtype=np.float32)
        """What a candidate has by itself, ``[candidates]``."""
        for name, values in self._moment.items():
            self.moment_score += np.float32(self.weights.get(name, 0.0)) * values

    def scores(self, users: Int64, terms: Iterable[tuple[Term, Float32]] | None = None) -> Float32:
        """Scores ``[users, candidates]``. ``terms``: their ``personal_terms``, where they were made already."""
        if self.reranker is None:
            return self._first_stage(users, self.personal_terms(users) if terms is None else terms)
        if terms is not None:
            return self._both_stages(users, list(terms), self.reranker)
        size = max(1, HELD_FLOATS // max(1, len(self.candidates) * len(self.weights)))
        parts = [users[start : start + size] for start in range(0, max(len(users), 1), size)]
        return np.concatenate([self._both_stages(u, list(self.personal_terms(u)), self.reranker) for u in parts])

    def _first_stage(self, users: Int64, terms: Iterable[tuple[Term, Float32]]) -> Float32:
        total = np.repeat(self.moment_score[None, :], len(users), axis=0)
        for term, values in terms:
            weight = np.float32(self.weights.get(term.name, 0.0))
            if weight:
                total += weight * scaled(values)
        return total

    def _both_stages(self, users: Int64, terms: list[tuple[Term, Float32]], reranker: Reranker) -> Float32:
        total = self._first_stage(users, terms)
        open_ = total.copy()
        open_[self.snapshot.excluded(self.kind, users).nonzero()] = -np.inf
        first, columns = torch.topk(torch.from_numpy(open_), min(reranker.top, total.shape[1]), dim=1)
        row, place = torch.isfinite(first).nonzero(as_tuple=True)
        rows, best = row.numpy(), columns[row, place].numpy()
        parts = at_pairs(terms, rows, best)
        total[rows, best] += self.second_stage(rows, best, first[row, place].numpy(), parts, len(users))
        return total

    def second_stage(
        self, rows: Int64, columns: Int64, first: Float32, parts: Iterable[TermAtPairs], people: int
    ) -> Float32:
        """What the second stage adds to pairs, ``[pairs]``.

        Pairs are of a block of so many people, in their order, each person's best first by their scores of the
        ``first`` stage; nothing is added beyond the number that the second stage puts in order.
        """
        reranker = self.reranker
        added = np.zeros(len(rows), dtype=np.float32)
        if reranker is None:
            return added
        place = np.arange(len(rows)) - np.searchsorted(rows, rows)
        seen = np.flatnonzero(place < reranker.top)
        row, at = rows[seen], place[seen]
        table = np.full((people, reranker.top), -np.inf, dtype=np.float32)
        table[row, at] = first[seen]
        features = np.zeros((people, reranker.top, len(reranker.names)), dtype=np.float32)
        numbers = {name: number for number, name in enumerate(reranker.names)}
        for part in parts:
            if part.term.name in numbers:
                features[row, at, numbers[part.term.name]] = part.scaled(rows)[seen]
        for name, values in self._moment.items():
            if name in numbers:
                features[row, at, numbers[name]] = values[columns[seen]]
        added[seen] = reranker.added(features, table)[row, at]
        return added

    def scores_by(self, users: Int64, weights: list[dict[str, float]]) -> list[Float32]:
        """Scores ``[users, candidates]`` by each of several weightings."""
        totals = [np.zeros((len(users), len(self.candidates)), dtype=np.float32) for _ in weights]
        for term, values in self.terms(users):
            for total, weighting in zip(totals, weights, strict=True):
                if weight := weighting.get(term.name, 0.0):
                    total += np.float32(weight) * values
        return totals

    def personal_terms(self, users: Int64) -> Iterator[tuple[Term, Float32]]:
        """The terms that depend on the person, unscaled ``[users, candidates]``, one after the other."""
        for path, values in zip(self.walker.paths, self.walker.walk(users), strict=True):
            yield Term(path.name, "paths", path.reason, path), np.maximum(values, 0)
        links = self.adjacencies.raw("engaged")[users] if self._factors else None
        for factors in self._factors:
            values = factors.scores(links, self.candidates)
            yield Term(factors.name, "factors", TASTE), np.maximum(values, 0)
        if self._vectors:
            yield Term(TASTE, "towers", TASTE), self._taste(users)

    def dot_products(self) -> Iterator[DotProduct]:
        """Those of the personal terms that count and are dot products."""
        yield from dot_products(self.walker, self.weights)
        for factors in self._factors:
            if self.weights.get(factors.name):
                items = torch.from_numpy(factors.padded(self.snapshot.graph.count("Post"))[self.candidates])
                yield DotProduct(Term(factors.name, "factors", TASTE), self._fitted(factors), items)
        if self._vectors and self.weights.get(TASTE):
            yield DotProduct(Term(TASTE, "towers", TASTE), lambda users: self._ends(users)[0], self._ends(None)[1])

    def _fitted(self, factors: Factors) -> Callable[[Int64], torch.Tensor]:
        return lambda users: torch.from_numpy(factors.people(self.adjacencies.raw("engaged")[users]))

    def terms(self, users: Int64) -> Iterator[tuple[Term, Float32]]:
        """All terms as the weights see them, scaled, ``[users, candidates]``, one after the other."""
        for term, values in self.personal_terms(users):
            yield term, scaled(values)
        for name, values in self._moment.items():
            yield self.moment_term(name), np.repeat(values[None, :], len(users), axis=0)

    @staticmethod
    def moment_term(name: str) -> Term:
        """The term of a name such as ``new:3d``: what stands before the colon is its type of reason."""
        return Term(name, "time", name.partition(":")[0])

    def moment_values(self) -> dict[str, Float32]:
        """The terms that depend on the candidate alone, ``[candidates]`` by name."""
        return self._moment

    def vectors(self) -> dict[str, Float32]:
        """The towers' vectors of all nodes by label, ``[nodes, width]``; empty without towers."""
        return {label: vectors.cpu().numpy() for label, vectors in self._vectors.items()}

    def _taste(self, users: Int64) -> Float32:
        left, right = self._ends(users)
        return np.asarray((left @ right.T).clamp(min=0).cpu().numpy())

    def _ends(self, users: Int64 | None) -> tuple[torch.Tensor, torch.Tensor]:
        """The towers' vectors of users (None: of nobody) and of the candidates, whose dot product is their score."""
        assert self.towers is not None
        asked = torch.from_numpy(np.zeros(0, dtype=np.int64) if users is None else users)
        with torch.no_grad():
            block = self._vectors["User"][asked.to(self.device)]
            items = self._vectors[LINK_KINDS[self.kind][0]][torch.from_numpy(self.candidates).to(self.device)]
            return self.towers.ends(block, items, self.kind)


def dot_products(walker: Walker, weights: Mapping[str, float]) -> Iterator[DotProduct]:
    """Those of a walker's paths that count and end in a product with text vectors."""
    ends: dict[Step, torch.Tensor] = {}
    for path in walker.paths:
        if weights.get(path.name) and walker.ends_in_vectors(path):
            step = path.steps[-1]
            if step not in ends:
                ends[step] = torch.from_numpy(np.ascontiguousarray(walker.to_candidates(step).T))
            people = partial(_before_last, walker, path)
            yield DotProduct(Term(path.name, "paths", path.reason, path), people, ends[step])


def _before_last(walker: Walker, path: Path, nodes: Int64) -> torch.Tensor:
    return torch.from_numpy(np.asarray(walker.before_last(nodes, path), dtype=np.float32))


def at_pairs(terms: Iterable[tuple[Term, Float32]], rows: Int64, columns: Int64) -> Iterator[TermAtPairs]:
    """Personal terms ``[users, candidates]`` at pairs."""
    for term, values in terms:
        yield TermAtPairs(term, values[rows, columns], values.max(axis=1, initial=0))


def counted(weight: float, largest: Float32) -> Float32:
    """What a value counts for, by person: the weight by the person's largest value; 0 where that is 0."""
    return np.divide(np.float32(weight), largest, out=np.zeros_like(largest), where=largest > 0)


def scaled(values: Float32) -> Float32:
    """Each row divided by its largest value; a row of zeros stays one."""
    largest = values.max(axis=1, keepdims=True, initial=0)
    return np.asarray(np.divide(values, largest, out=np.zeros_like(values), where=largest > 0))

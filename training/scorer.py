"""The score at one moment, and its terms: what evaluation ranks by, publishing stores, and reasons take apart.

    score(u, x) = Σ_paths θ_m · P_m(u, x) / max_x' P_m(u, x')  +  Σ_taste θ_t · taste_t(u, x)  +  Σ_moment θ_k · g_k(x)

A path's products are divided by the person's largest one, so that a weight means the same for everybody. The dot
products of the factors and of the towers (taste) are cut at zero and divided likewise. No term is negative, so that its
part of the score is a share of it. Where there is a second stage (``reranker.py``), what it adds to a person's best
candidates is one more summand.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from graphfeed.training.adjacency import Adjacencies, Walker
from graphfeed.training.factors import Factors
from graphfeed.training.links import LINK_KINDS, Int64, LinkKind
from graphfeed.training.moment import moment_terms
from graphfeed.training.paths import PATHS, Path
from graphfeed.training.reranker import Reranker
from graphfeed.training.settings import PartName
from graphfeed.training.tower_input import tower_input
from graphfeed.training.towers import Towers

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
            with torch.no_grad():
                self._vectors = towers(tower_input(adjacencies, device, relations=towers.relations))
        self._moment_score = np.zeros(len(self.candidates), dtype=np.float32)
        for name, values in self._moment.items():
            self._moment_score += np.float32(self.weights.get(name, 0.0)) * values

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
        total = np.repeat(self._moment_score[None, :], len(users), axis=0)
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
        best = columns.numpy()
        seen = np.zeros((*best.shape, len(reranker.names)), dtype=np.float32)
        personal = {term.name: values for term, values in terms}
        for place, name in enumerate(reranker.names):
            if name in personal:
                values = personal[name]
                largest = values.max(axis=1, keepdims=True, initial=0)
                own = np.take_along_axis(values, best, axis=1)
                np.divide(own, largest, out=seen[:, :, place], where=largest > 0)
            elif name in self._moment:
                seen[:, :, place] = self._moment[name][best]
        added = reranker.added(seen, first.numpy())
        np.put_along_axis(total, best, np.take_along_axis(total, best, axis=1) + added, axis=1)
        return total

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
        assert self.towers is not None
        with torch.no_grad():
            block = self._vectors["User"][torch.from_numpy(users).to(self.device)]
            items = self._vectors[LINK_KINDS[self.kind][0]][torch.from_numpy(self.candidates).to(self.device)]
            return np.asarray(self.towers.scored(block, items, self.kind).clamp(min=0).cpu().numpy())


def scaled(values: Float32) -> Float32:
    """Each row divided by its largest value; a row of zeros stays one."""
    largest = values.max(axis=1, keepdims=True, initial=0)
    return np.asarray(np.divide(values, largest, out=np.zeros_like(values), where=largest > 0))

"""What a block's paths come to together: their products, scaled and weighted, added up over what they reach."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
import torch

from graphfeed.training.adjacency import Matrix
from graphfeed.training.links import Int64
from graphfeed.training.paths import Path
from graphfeed.training.scorer import Term, TermAtPairs, counted
from graphfeed.training.walker import Walker

Float32 = npt.NDArray[np.float32]


@dataclass(frozen=True)
class PathProducts:
    """The products of a block's paths, as the walker leaves them."""

    people: int
    products: list[tuple[Term, Matrix, Float32, float]]
    """Term, ``[people, candidates]``, each person's largest value, weight."""

    @classmethod
    def of(cls, walker: Walker, paths: tuple[Path, ...], weights: Mapping[str, float], users: Int64) -> PathProducts:
        """Of the paths for a block of users; what is negative counts as nothing."""
        found = []
        for path, product in zip(paths, walker.products(users, paths), strict=True):
            positive = _positive(product)
            found.append(
                (Term(path.name, "paths", path.reason, path), positive, _largest(positive), weights[path.name])
            )
        return cls(len(users), found)

    def sums(self, moment: Float32, also: Int64, excluded: sp.csr_matrix) -> Sums:
        """Their weighted sum and what each candidate has at the ``moment`` ``[candidates]``.

        Over what any path reaches, and ``also`` these; what is ``excluded`` ``[people, candidates]`` has -inf.
        """
        reached = np.zeros(len(moment), dtype=bool)
        reached[also] = True
        for _, product, _, _ in self.products:
            reached[product.indices if sp.issparse(product) else slice(None)] = True
        columns = np.flatnonzero(reached)
        place = np.full(len(moment), -1, dtype=np.int64)
        place[columns] = np.arange(len(columns))
        values = np.repeat(moment[None, columns], self.people, axis=0)
        for _, product, largest, weight in self.products:
            factor = counted(weight, largest)
            if sp.issparse(product):
                _add_at(values, product, place, product.data * np.repeat(factor, np.diff(product.indptr)))
            else:
                values += factor[:, None] * product
        row, column = excluded.nonzero()
        inside = place[column] >= 0
        values[row[inside], place[column[inside]]] = -np.inf
        return Sums(values, columns, place)

    def at(self, rows: Int64, columns: Int64) -> Iterable[TermAtPairs]:
        """Each path's values at pairs."""
        for term, product, largest, _ in self.products:
            yield TermAtPairs(term, np.asarray(product[rows, columns], dtype=np.float32).reshape(-1), largest)


@dataclass(frozen=True)
class Sums:
    """Sums over some of the candidates."""

    values: Float32
    """``[people, columns]``"""
    columns: Int64
    """Positions of these in the candidates."""
    place: Int64
    """For each candidate its position in ``columns``, or -1."""

    def best(self, length: int) -> tuple[Int64, Int64, Float32]:
        """The best of each person: rows, columns, and the last value of each (-inf where there are fewer)."""
        kept = min(length, len(self.columns))
        found, place = torch.topk(torch.from_numpy(self.values), kept, dim=1)
        last = found[:, -1].numpy() if kept == length and kept else np.full(len(self.values), -np.inf, np.float32)
        row, at = torch.isfinite(found).nonzero(as_tuple=True)
        return row.numpy(), self.columns[place[row, at].numpy()], last

    def at(self, rows: Int64, columns: Int64, moment: Float32) -> Float32:
        """Values at pairs; the moment's alone where no path reaches."""
        place = self.place[columns]
        return np.where(place >= 0, self.values[rows, np.maximum(place, 0)], moment[columns])


def _positive(product: Matrix) -> Matrix:
    if not sp.issparse(product):
        return np.maximum(product, 0)
    np.maximum(product.data, 0, out=product.data)
    return product


def _largest(product: Matrix) -> Float32:
    if sp.issparse(product):
        return np.asarray(product.max(axis=1).toarray(), dtype=np.float32).reshape(-1)
    return np.asarray(product.max(axis=1, initial=0))


def _add_at(values: Float32, product: sp.csr_matrix, place: Int64, data: Float32) -> None:
    """Add a sparse product's entries, in place."""
    row = np.repeat(np.arange(len(values)), np.diff(product.indptr))
    flat = torch.from_numpy(row * values.shape[1] + place[product.indices])
    torch.from_numpy(values).view(-1).index_add_(0, flat, torch.from_numpy(data.astype(np.float32)))

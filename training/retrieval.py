"""The best of very many candidates without scoring all of them: lists by parts of the score, then the score over these.

A path reaches few candidates and gives the others nothing. A dot product gives everything something, but its largest
ones are found without sorting (``ranking.py``). So, for a block of people:

1. the paths' products, scaled and weighted, are added up over what they reach, with the moment's terms on top;
2. a person's pool is the best of these sums and the best by each dot product;
3. the whole score is worked out for the pool.

Nothing outside of the pool has more than the last of every list together (the bound of the threshold algorithm: Fagin,
Lotem and Naor, "Optimal aggregation algorithms for middleware", 2003). Where a person's last place reaches that bound,
theirs are the best of all candidates for certain; ``Retrieved.proven`` says for whom.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
import torch
from torch import Tensor

from graphfeed.training.links import Int64
from graphfeed.training.path_sums import PathProducts
from graphfeed.training.ranking import Tiles, dot_products, top_k
from graphfeed.training.scorer import DotProduct, TermAtPairs, counted
from graphfeed.training.walker import Walker

Float32 = npt.NDArray[np.float32]

CELLS = 16_000_000
"""At most so many sums at once."""
BLOCK = 512
"""At most so many people at once."""
LISTS = 4
"""A list is so many times as long as what is asked for, ..."""
SHORTEST = 100
"""... and at least so long."""


@dataclass(frozen=True)
class Retrieved:
    """The best candidates of a block of people, laid end to end, each person's best first."""

    rows: Int64
    """Positions in the block."""
    columns: Int64
    """Positions in the candidates."""
    scores: Float32
    parts: list[TermAtPairs]
    """What the scores are made of, without the moment's terms."""
    proven: npt.NDArray[np.bool_]
    """Whose are the best of all candidates for certain, ``[people]``."""


class Retrieval:
    """Retrieves candidates by paths, dot products, and what they have by themselves."""

    def __init__(
        self,
        walker: Walker,
        dots: list[DotProduct],
        weights: Mapping[str, float],
        moment: Float32,
        excluded: Callable[[Int64], sp.csr_matrix],
    ) -> None:
        """``moment`` ``[candidates]``; ``excluded``: of a block of nodes, ``[nodes, candidates]``."""
        self._walker, self._weights, self._moment, self._excluded = walker, weights, moment, excluded
        self._by_moment = np.argsort(-moment, kind="stable")
        vectors = {id(dot.items): dot.items for dot in dots}
        self._tiles = {key: Tiles.of(items) for key, items in vectors.items()}
        self._dots = dots
        dotted = {dot.term.name for dot in dots}
        self._paths = tuple(path for path in walker.paths if path.name not in dotted and weights.get(path.name))

    def best(self, nodes: Int64, top: int) -> Iterator[tuple[Int64, Retrieved]]:
        """The best ``top`` of each node, block by block, what is excluded left out."""
        size = int(np.clip(CELLS // max(len(self._moment), 1), 1, BLOCK))
        for start in range(0, len(nodes), size):
            block = nodes[start : start + size]
            yield block, self._block(block, top)

    def _block(self, nodes: Int64, top: int) -> Retrieved:
        every = len(self._moment)
        length = min(max(LISTS * top, SHORTEST), every)
        excluded = self._excluded(nodes)
        products = PathProducts.of(self._walker, self._paths, self._weights, nodes)
        sums = products.sums(self._moment, self._by_moment[:length], excluded)
        rows, columns, bound = sums.best(length)
        if length < every:
            bound = np.maximum(bound, self._moment[self._by_moment[length]])
        keys, lists = [rows * every + columns], []
        for dot in self._dots:
            found = _list_of(dot, self._tiles[id(dot.items)], nodes, length, excluded)
            factor = counted(self._weights[dot.term.name], found.largest)
            bound = bound + factor * found.last
            keys.append(found.rows * every + found.columns)
            lists.append((dot, found, factor))
        rows, columns = np.divmod(np.unique(np.concatenate(keys)), every)
        scores = sums.at(rows, columns, self._moment)
        parts = []
        for dot, found, factor in lists:
            values = _at_pairs(found.vectors, dot.items, rows, columns)
            scores += factor[rows] * values
            parts.append(TermAtPairs(dot.term, values, found.largest))
        chosen = best_pairs(rows, scores, top)
        rows, columns, scores = rows[chosen], columns[chosen], scores[chosen]
        counts = np.bincount(rows, minlength=len(nodes))
        last = np.full(len(nodes), np.inf, dtype=np.float32)
        np.minimum.at(last, rows, scores)
        proven = ((last >= bound) & (counts == top)) | (length == every)
        return Retrieved(
            rows, columns, scores, [*products.at(rows, columns), *(part.taken(chosen) for part in parts)], proven
        )


@dataclass(frozen=True)
class _Listed:
    """A dot product's best of a block, pairs laid end to end."""

    vectors: Tensor
    """Of the people."""
    rows: Int64
    columns: Int64
    largest: Float32
    """Each person's largest value, also of what is excluded; at least 0."""
    last: Float32
    """The smallest value in each person's list, at least 0."""


def _list_of(dot: DotProduct, tiles: Tiles, nodes: Int64, length: int, excluded: sp.csr_matrix) -> _Listed:
    vectors = dot.people(nodes).to(dot.items.device)
    known = torch.linalg.vector_norm(vectors, dim=1).cpu().numpy() > 0  # for the others everything is alike
    asked = np.flatnonzero(known)
    items, values = top_k(vectors[torch.from_numpy(asked).to(vectors.device)], tiles, length, excluded[asked])
    row, place = (values > 0).nonzero(as_tuple=True)
    largest, last = np.zeros((2, len(nodes)), dtype=np.float32)
    largest[asked], last[asked] = (values[:, i].clamp(min=0).cpu().numpy() for i in (0, -1))
    hidden_rows, hidden = excluded.nonzero()
    np.maximum.at(largest, hidden_rows, _at_pairs(vectors, dot.items, hidden_rows, hidden))
    return _Listed(vectors, asked[row.cpu().numpy()], items[row, place].cpu().numpy(), largest, last)


def _at_pairs(vectors: Tensor, items: Tensor, rows: Int64, columns: Int64) -> Float32:
    """Dot products of pairs, at least 0, ``[pairs]``."""
    user, item = (torch.from_numpy(at.astype(np.int64)).to(items.device) for at in (rows, columns))
    return np.asarray(dot_products(vectors, items, user, item).clamp(min=0).cpu().numpy())


def best_pairs(rows: Int64, scores: Float32, top: int) -> Int64:
    """Positions of each row's best, in order; of equal scores the one that comes first. ``rows`` ascending."""
    order = np.lexsort((-scores, rows))
    return order[np.arange(len(order)) - np.searchsorted(rows, rows) < top]

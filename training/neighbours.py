"""The incoming edges of every node as arrays, and drawing some of them, for all nodes at once.

``Neighbours`` is the CSC form of one relation: the edges into node 0, then those into node 1, and so on. ``draw`` takes
a number of them for each of many nodes with a fixed number of tensor operations, on whatever device the tensors are.
``LocalTable`` and ``LocalSort`` give nodes the numbers that they have in the sampled graph.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import torch
from torch import Tensor

from graphfeed.errors import TrainingError
from graphfeed.graph.tensors import EdgeType

Fanout: TypeAlias = Sequence[int] | Mapping[EdgeType, Sequence[int]]
"""How many edges into a node are drawn at each hop (-1: all), of every relation or by relation."""


@dataclass(frozen=True)
class Neighbours:
    """The edges of one relation, sorted by the node that they lead to."""

    start: Tensor
    """int64 ``[targets + 1]``: where each node's edges begin."""
    source: Tensor
    """int64 ``[edges]``: the node that each edge comes from."""
    edge: Tensor | None = None
    """int64 ``[edges]``: an edge's number in the graph that was given; None: its place here."""
    time: Tensor | None = None
    """int64 ``[edges]``, ascending among the edges of one node; None: edges have no time."""

    @classmethod
    def of_edges(cls, edge_index: Tensor, targets: int, time: Tensor | None = None) -> Neighbours:
        """Of an edge index ``[2, edges]`` (source, target) in any order; ``targets``: how many nodes it leads to."""
        source, target = edge_index
        order = torch.arange(source.numel(), device=source.device) if time is None else torch.argsort(time, stable=True)
        order = order[torch.argsort(target[order], stable=True)]
        start = torch.zeros(targets + 1, dtype=torch.int64, device=source.device)
        start[1:] = torch.bincount(target, minlength=targets).cumsum(0)
        return cls(start, source[order], order, None if time is None else time[order])

    @classmethod
    def of_csr(cls, matrix: Tensor) -> Neighbours:
        """Of a torch CSR matrix ``[targets, sources]``, such as a message's; an edge's number is that of its value."""
        return cls(matrix.crow_indices().long(), matrix.col_indices().long())

    def to(self, device: torch.device) -> Neighbours:
        """On another device."""
        moved = (None if t is None else t.to(device) for t in (self.start, self.source, self.edge, self.time))
        start, source, edge, time = moved
        assert start is not None
        assert source is not None
        return Neighbours(start, source, edge, time)

    def numbers(self, place: Tensor) -> Tensor:
        """The numbers in the given graph of the edges at some places."""
        return place if self.edge is None else self.edge.index_select(0, place)

    def range_of(self, nodes: Tensor, until: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Where the edges into some nodes begin, and how many there are, both int64 ``[nodes]``.

        ``until``, one moment or one for each node: only edges of that time or earlier count.
        """
        begin, end = self.start.index_select(0, nodes), self.start.index_select(0, nodes + 1)
        if until is None or self.time is None or not self.time.numel():
            return begin, end - begin
        return begin, _first_later(self.time, begin, end, until.expand_as(begin)) - begin


def _first_later(time: Tensor, low: Tensor, high: Tensor, until: Tensor) -> Tensor:
    """In each stretch ``[low, high)`` the place of the first time after ``until``; bisects all of them at once."""
    longest = int((high - low).max()) if low.numel() else 0
    for _ in range(longest.bit_length()):
        middle = (low + high) // 2
        open_ = low < high
        early = open_ & (time[middle.clamp(max=time.numel() - 1)] <= until)
        low = torch.where(early, middle + 1, low)
        high = torch.where(open_ & ~early, middle, high)
    return low


def draw(
    begin: Tensor, degree: Tensor, fanout: int, replace: bool, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """At most ``fanout`` edges of each node, uniformly at random; -1: all of them.

    ``begin`` and ``degree`` are ``range_of``'s. Returns the places of the drawn edges and, for each, which of the nodes
    it leads to, both int64 ``[drawn]``, in the order of the nodes. With ``replace``, an edge may be drawn again, and
    every node with an edge gets exactly ``fanout``; without, a node with no more than ``fanout`` keeps all.
    """
    if fanout < 0:
        taken = degree
    elif replace:
        taken = torch.where(degree > 0, fanout, 0)
    else:
        taken = degree.clamp(max=fanout)
    last = taken.cumsum(0)
    owner = torch.repeat_interleave(torch.arange(taken.numel(), device=taken.device), taken)
    first = last - taken
    if replace and fanout > 0:
        some = torch.rand(owner.numel(), generator=generator, dtype=torch.float64, device=begin.device)
        return begin.index_select(0, owner) + (some * degree.index_select(0, owner)).long(), owner
    place = torch.arange(owner.numel(), device=owner.device) + (begin - first).index_select(0, owner)
    if fanout > 0:
        many = (degree > fanout).nonzero().squeeze(1)
        if many.numel():
            chosen = _without_replacement(degree[many], fanout, generator)
            spot = first[many] + torch.arange(fanout, device=first.device)[:, None]
            place[spot] = begin[many] + chosen
    return place, owner


def _without_replacement(degree: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """``count`` different numbers below each degree (which is above it), ``[count, nodes]``; every set equally likely.

    Floyd's algorithm (Bentley and Floyd, Communications of the ACM 30(9), 1987) for all nodes at once: the i-th number
    is drawn below degree - count + i + 1, and where it was drawn before, the largest possible one is taken instead.
    """
    chance = torch.rand(count, degree.numel(), generator=generator, dtype=torch.float64, device=degree.device)
    largest = degree - count + torch.arange(count, device=degree.device)[:, None]
    chosen = (chance * (largest + 1)).long()
    for i in range(1, count):
        # The maximum of bytes is the faster "any".
        again = (chosen[:i] == chosen[i]).view(torch.uint8).amax(0)
        chosen[i] = torch.where(again.bool(), largest[i], chosen[i])
    return chosen


class Local(Protocol):
    """Numbers keys in the order in which they are met."""

    count: int

    def begin(self, keys: Tensor) -> None:
        """Number the seeds by their places; of equal ones, the first place counts."""
        ...

    def add(self, keys: Tensor) -> tuple[Tensor, Tensor]:
        """Local numbers of some keys ``[keys]``, and which of the keys are new, in order (positions)."""
        ...

    def end(self) -> None:
        """Forget everything."""
        ...


class LocalTable:
    """Looks keys up in a table over all keys: the fast way where there are as many keys as nodes."""

    def __init__(self, keys: int, device: torch.device) -> None:
        self.count = 0
        self._table = torch.full((keys,), -1, dtype=torch.int64, device=device)
        self._used: list[Tensor] = []

    def begin(self, keys: Tensor) -> None:
        """See ``Local``."""
        self._first_places(keys)
        self.count = keys.numel()

    def add(self, keys: Tensor) -> tuple[Tensor, Tensor]:
        """See ``Local``."""
        fresh = (self._table.index_select(0, keys) < 0).nonzero().squeeze(1)
        if fresh.numel():
            met = keys.index_select(0, fresh)
            first = self._first_places(met) == torch.arange(met.numel(), device=met.device)
            fresh, met = fresh[first], met[first]
            self._table.scatter_(0, met, torch.arange(self.count, self.count + met.numel(), device=met.device))
            self.count += met.numel()
        return self._table.index_select(0, keys), fresh

    def end(self) -> None:
        """See ``Local``. Only what was touched is cleared: the table is as large as the graph."""
        for keys in self._used:
            self._table.index_fill_(0, keys, -1)
        self._used, self.count = [], 0

    def _first_places(self, keys: Tensor) -> Tensor:
        """Write into the table where each key first stands among ``keys``, and read it again."""
        self._used.append(keys)
        self._table.index_fill_(0, keys, keys.numel())
        # A minimum is the same in whatever order it is taken: the result does not depend on threads.
        self._table.scatter_reduce_(0, keys, torch.arange(keys.numel(), device=keys.device), "amin")
        return self._table.index_select(0, keys)


class LocalSort:
    """Looks keys up in a sorted list: for (seed, node) pairs, which are too many for a table."""

    def __init__(self, device: torch.device) -> None:
        self.count = 0
        self._keys = torch.zeros(0, dtype=torch.int64, device=device)
        self._number = self._keys

    def begin(self, keys: Tensor) -> None:
        """See ``Local``."""
        self.add(keys)

    def add(self, keys: Tensor) -> tuple[Tensor, Tensor]:
        """See ``Local``."""
        distinct, group = torch.unique(keys, return_inverse=True)
        first = torch.full_like(distinct, keys.numel())
        first.scatter_reduce_(0, group, torch.arange(keys.numel(), device=keys.device), "amin")
        place = torch.searchsorted(self._keys, distinct)
        number = torch.full_like(distinct, -1)
        if self._keys.numel():
            near = place.clamp(max=self._keys.numel() - 1)
            number = torch.where(self._keys[near] == distinct, self._number[near], number)
        new = (number < 0).nonzero().squeeze(1)
        new = new[torch.argsort(first[new])]
        number[new] = torch.arange(self.count, self.count + new.numel(), device=keys.device)
        self.count += new.numel()
        merged, order = torch.sort(torch.cat([self._keys, distinct[new]]))
        self._keys, self._number = merged, torch.cat([self._number, number[new]])[order]
        return number.index_select(0, group), first[new]

    def end(self) -> None:
        """See ``Local``."""
        self._keys = self._number = self._keys[:0]
        self.count = 0


def fanout_of(fanout: Fanout, relations: list[EdgeType]) -> dict[EdgeType, list[int]]:
    """The fanout of every hop by relation; 0 for a relation that is not named. Raises TrainingError."""
    given = dict(fanout) if isinstance(fanout, Mapping) else dict.fromkeys(relations, fanout)
    for edge, counts in given.items():
        if edge not in relations:
            known = "; ".join(" ".join(known) for known in relations)
            raise TrainingError(f"a fanout is given for {edge!r}, and the graph's relations are: {known}")
        if not counts or any(int(count) != count or count < -1 for count in counts):
            raise TrainingError(f"expected for each hop a number from 0 on, or -1 for all neighbours, found {counts!r}")
    hops = {len(counts) for counts in given.values()}
    if len(hops) > 1:
        raise TrainingError(f"expected a fanout for the same number of hops of every relation, found {sorted(hops)}")
    none = [0] * next(iter(hops), 0)
    return {edge: [int(count) for count in given.get(edge, none)] for edge in relations}

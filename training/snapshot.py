"""The graph as it was at a moment, and who may be recommended what then.

Nothing later than ``now`` can be reached through a ``Snapshot``: that is what keeps an evaluation honest.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from graphfeed.graph.store import NO_TIME
from graphfeed.graph.tensors import FeedGraph
from graphfeed.loaders.records import RELATIONSHIP_TYPES
from graphfeed.training.links import ENGAGEMENTS, LINK_KINDS, Int64, LinkKind, Links, observed_links, pair_matrix

DAY = 86_400 * 10**6
"""Microseconds."""

RARE_KIND = 0.01
"""A kind of post that gets less than this share of all engagement is not recommended (answers, comments)."""


class Past:
    """A graph with its observed links, worked out once for all snapshots of it.

    ``hidden`` are pairs (user, post) that no snapshot may show: a validation or test part of a graph without times.
    """

    def __init__(self, graph: FeedGraph, hidden: Links | None = None) -> None:
        self.graph = graph
        self.hidden = hidden
        self.links: dict[LinkKind, Links] = observed_links(graph, hidden)

    def recommended_kinds(self, until: int) -> npt.NDArray[np.bool_]:
        """Which kinds of posts people engaged with until then, ``[kinds]``; all of them when nobody did."""
        kind = self.graph.data["Post"].kind.numpy()
        counts = np.bincount(kind[self.links["posts"].until(until).target], minlength=len(self.graph.kinds))
        return (counts >= RARE_KIND * counts.sum()) if counts.sum() else np.ones(len(self.graph.kinds), dtype=bool)


class Snapshot:
    """A view of a graph at ``now`` (microseconds since 1970)."""

    def __init__(self, past: Past, now: int, kinds: npt.NDArray[np.bool_] | None = None) -> None:
        self.past = past
        self.graph = past.graph
        self.now = now
        self.kinds = past.recommended_kinds(now) if kinds is None else kinds
        self._excluded: dict[LinkKind, sp.csr_matrix] = {}

    def links(self, kind: LinkKind) -> Links:
        """Observed links of a kind until now."""
        return self.past.links[kind].until(self.now)

    def edges(self, type_: str) -> Links:
        """Edges of one relationship type until now (of all its label pairs), hidden pairs left out."""
        parts = []
        for edge in self.graph.relation(type_):
            store = self.graph.data[edge]
            source, target = store.edge_index.numpy()
            parts.append(Links(source, target, store.time.numpy()).until(self.now))
        if not parts:
            empty = np.zeros(0, dtype=np.int64)
            return Links(empty, empty, empty)
        found = parts[0] if len(parts) == 1 else _join(parts)
        if self.past.hidden is None or RELATIONSHIP_TYPES[type_].pairs != (("User", "Post"),):
            return found
        posts = self.graph.count("Post")
        codes = self.past.hidden.source * posts + self.past.hidden.target
        keep = ~np.isin(found.source * posts + found.target, codes)
        return Links(found.source[keep], found.target[keep], found.time[keep])

    @cached_property
    def _candidates(self) -> dict[LinkKind, Int64]:
        data = self.graph.data
        there = {label: np.flatnonzero(data[label].time.numpy() <= self.now) for label in ("User", "Post", "Entity")}
        there["Post"] = there["Post"][self.kinds[data["Post"].kind.numpy()[there["Post"]]]]
        return {kind: there[label] for kind, (label, _) in LINK_KINDS.items()}

    def candidates(self, kind: LinkKind) -> Int64:
        """Indices of the nodes that may be recommended now, ascending."""
        return self._candidates[kind]

    def excluded(self, kind: LinkKind, users: Int64) -> sp.csr_matrix:
        """What each of these users must not be recommended, 0/1 ``[users, candidates]`` (columns as ``candidates``).

        Posts: engaged with, disliked, hidden, own, or by somebody they blocked or muted. People: themselves, known,
        blocked or muted. Interests: those that are known.
        """
        if kind not in self._excluded:
            self._excluded[kind] = sp.csr_matrix(self._met(kind).tocsc()[:, self.candidates(kind)])
        return self._excluded[kind][users]

    def _met(self, kind: LinkKind) -> sp.csr_matrix:
        users, posts = self.graph.count("User"), self.graph.count("Post")
        known = self.links(kind)
        met = pair_matrix(known.source, known.target, (users, self.graph.count(LINK_KINDS[kind][0])))
        if kind == "interests":
            return met
        blocked = self._matrix(("BLOCKED", "MUTED"), (users, users))
        if kind == "people":
            return met + blocked + sp.identity(users, dtype=np.float32)
        posted = self._matrix(("POSTED",), (users, posts))
        return met + posted + self._matrix(("DISLIKED", "HID"), (users, posts)) + blocked @ posted

    def _matrix(self, types: tuple[str, ...], shape: tuple[int, int]) -> sp.csr_matrix:
        found = [self.edges(type_) for type_ in types]
        return pair_matrix(np.concatenate([e.source for e in found]), np.concatenate([e.target for e in found]), shape)


def _join(parts: list[Links]) -> Links:
    source, target, time = (np.concatenate([getattr(p, name) for p in parts]) for name in ("source", "target", "time"))
    order = np.argsort(time, kind="stable")
    return Links(source[order], target[order], time[order])


__all__ = ["DAY", "ENGAGEMENTS", "NO_TIME", "Past", "Snapshot"]

"""The graph as it was at a moment, and who may be recommended what then.

Nothing later than ``now`` can be reached through a ``Snapshot``: that is what keeps an evaluation honest.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from graphfeed.graph.store import NO_TIME
from graphfeed.graph.tensors import FeedGraph
from graphfeed.loaders.records import RELATIONSHIP_TYPES
from graphfeed.training.links import ENGAGEMENTS, LINK_KINDS, Int64, LinkKind, Links, observed_links, pair_matrix

DAY = 86_400 * 10**6
"""Microseconds."""

KEPT_LINKS = 2_000_000
"""Up to so many links, what everybody has met is worked out once a snapshot and kept; beyond, for whoever is asked
about: at ten million it is a hundred megabytes and seconds, and training looks at some dozen snapshots."""

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
        self._candidates: dict[LinkKind, Int64] = {}
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

    def candidates(self, kind: LinkKind) -> Int64:
        """Indices of the nodes that may be recommended now, ascending."""
        if kind not in self._candidates:
            label = LINK_KINDS[kind][0]
            nodes = self.graph.data[label]
            there = np.flatnonzero(nodes.time.numpy() <= self.now)
            self._candidates[kind] = there[self.kinds[nodes.kind.numpy()[there]]] if label == "Post" else there
        return self._candidates[kind]

    def excluded(self, kind: LinkKind, users: Int64) -> sp.csr_matrix:
        """What each of these users must not be recommended, 0/1 ``[users, candidates]`` (columns as ``candidates``).

        Posts: engaged with, disliked, hidden, own, or by somebody they blocked or muted. People: themselves, known,
        blocked or muted. Interests: those that are known.
        """
        if len(self.past.links[kind]) > KEPT_LINKS:
            asked, place = np.unique(users, return_inverse=True)
            return self._met(kind, asked)[:, self.candidates(kind)][place]
        if kind not in self._excluded:
            everybody = np.arange(self.graph.count("User"))
            self._excluded[kind] = sp.csr_matrix(self._met(kind, everybody).tocsc()[:, self.candidates(kind)])
        return self._excluded[kind][users]

    def _met(self, kind: LinkKind, asked: Int64) -> sp.csr_matrix:
        """What these users (each once) have met, ``[asked, nodes]``."""
        users, nodes = self.graph.count("User"), self.graph.count(LINK_KINDS[kind][0])
        row = np.full(users, -1)
        row[asked] = np.arange(len(asked))

        def theirs(links: Links, targets: int) -> sp.csr_matrix:
            rows = row[links.source]
            mine = rows >= 0
            return pair_matrix(rows[mine], links.target[mine], (len(asked), targets))

        met = theirs(self.links(kind), nodes)
        if kind == "interests":
            return met
        blocked = theirs(self._several(("BLOCKED", "MUTED")), users)
        if kind == "people":
            return met + blocked + pair_matrix(np.arange(len(asked)), asked, (len(asked), users))
        posted = self.edges("POSTED")
        met = met + theirs(posted, nodes) + theirs(self._several(("DISLIKED", "HID")), nodes)
        avoided = np.zeros(users, dtype=np.bool_)
        avoided[blocked.indices] = True
        by_them = avoided[posted.source]
        return met + blocked @ pair_matrix(posted.source[by_them], posted.target[by_them], (users, nodes))

    def _several(self, types: tuple[str, ...]) -> Links:
        found = [self.edges(type_) for type_ in types]
        return Links(*(np.concatenate([getattr(e, name) for e in found]) for name in ("source", "target", "time")))


def _join(parts: list[Links]) -> Links:
    source, target, time = (np.concatenate([getattr(p, name) for p in parts]) for name in ("source", "target", "time"))
    order = np.argsort(time, kind="stable")
    return Links(source[order], target[order], time[order])


__all__ = ["DAY", "ENGAGEMENTS", "NO_TIME", "Past", "Snapshot"]

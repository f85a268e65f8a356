"""The kinds of links that are predicted, and the observed links that each learns from.

- ``posts``     user → post: what a person will engage with
- ``people``    user → user: whom they may know
- ``interests`` user → entity: what they care about

A community without FOLLOWS still shows who deals with whom: there, "knows" is "engaged with a post by". Likewise
"cares about" is INTERESTED_IN together with "engaged with a post that mentions".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from graphfeed.graph.store import NO_TIME
from graphfeed.graph.tensors import EdgeType, FeedGraph
from graphfeed.loaders.records import RELATIONSHIP_TYPES

Int64 = npt.NDArray[np.int64]
LinkKind = Literal["posts", "people", "interests"]

LINK_KINDS: dict[LinkKind, tuple[str, str]] = {
    "posts": ("Post", "RECOMMENDED"),
    "people": ("User", "MAY_KNOW"),
    "interests": ("Entity", "MAY_LIKE"),
}
"""Label at the far end, and the predicted relationship. The near end is always a User."""

ENGAGEMENTS = tuple(name for name, t in RELATIONSHIP_TYPES.items() if t.role == "engagement")


@dataclass(frozen=True)
class Links:
    """Observed links of one kind: each pair once, at its first time, in order of time (``NO_TIME`` first)."""

    source: Int64
    target: Int64
    time: Int64

    def __len__(self) -> int:
        return len(self.source)

    def until(self, moment: int) -> Links:
        """Those seen at ``moment`` or before."""
        return self.part(NO_TIME - 1, moment)

    def part(self, start: int, end: int) -> Links:
        """Those first seen in ``(start, end]``; a start below ``NO_TIME`` takes in those without a time."""
        low = 0 if start < NO_TIME else int(np.searchsorted(self.time, start, "right"))
        high = int(np.searchsorted(self.time, end, "right"))
        return Links(self.source[low:high], self.target[low:high], self.time[low:high])


def observed_links(graph: FeedGraph, hidden: Links | None = None) -> dict[LinkKind, Links]:
    """The links of each kind in the whole graph, as if the engagements ``hidden`` had not been."""
    engaged = first_of(*_edges(graph, *ENGAGEMENTS), graph.count("Post"))
    if hidden is not None:
        posts = graph.count("Post")
        kept = ~np.isin(engaged.source * posts + engaged.target, hidden.source * posts + hidden.target)
        engaged = Links(engaged.source[kept], engaged.target[kept], engaged.time[kept])
    return {
        "posts": engaged,
        "people": _derived_links(graph, "people", engaged),
        "interests": _derived_links(graph, "interests", engaged),
    }


def _derived_links(graph: FeedGraph, kind: LinkKind, engaged: Links) -> Links:
    if kind == "people":
        if graph.relation("FOLLOWS"):
            return first_of(*_edges(graph, "FOLLOWS"), graph.count("User"))
        source, author, time = _through_post(engaged, _edges(graph, "POSTED"), reverse=True, posts=graph.count("Post"))
        other = source != author
        return first_of(source[other], author[other], time[other], graph.count("User"))
    stated = _edges(graph, "INTERESTED_IN")
    shown = _through_post(engaged, _edges(graph, "MENTIONS"), reverse=False, posts=graph.count("Post"))
    source, target, time = (np.concatenate(pair) for pair in zip(stated, shown, strict=True))
    return first_of(source, target, time, graph.count("Entity"))


def first_of(source: Int64, target: Int64, time: Int64, targets: int) -> Links:
    """Each pair once, at its first time, in order of time."""
    order = np.argsort(time, kind="stable")
    source, target, time = source[order], target[order], time[order]
    _, first = np.unique(source * max(targets, 1) + target, return_index=True)
    first.sort()
    return Links(source[first], target[first], time[first])


def _edges(graph: FeedGraph, *types: str) -> tuple[Int64, Int64, Int64]:
    edges: list[EdgeType] = [edge for type_ in types for edge in graph.relation(type_)]
    if not edges:
        empty = np.zeros(0, dtype=np.int64)
        return empty, empty, empty
    index = np.concatenate([graph.data[edge].edge_index.numpy() for edge in edges], axis=1)
    return index[0], index[1], np.concatenate([graph.data[edge].time.numpy() for edge in edges])


def _through_post(
    engaged: Links, edges: tuple[Int64, Int64, Int64], *, reverse: bool, posts: int
) -> tuple[Int64, Int64, Int64]:
    """Join engagements (user, post) with edges at the post: (user, other end, later of both times)."""
    post, other, since = (edges[1], edges[0], edges[2]) if reverse else edges
    order = np.argsort(post, kind="stable")
    start = np.searchsorted(post[order], np.arange(posts + 1))
    fan = (start[1:] - start[:-1])[engaged.target]
    row = np.repeat(np.arange(len(engaged)), fan)
    offset = np.arange(len(row)) - np.repeat(np.cumsum(fan) - fan, fan)
    edge = order[start[engaged.target[row]] + offset]
    return engaged.source[row], other[edge], np.maximum(engaged.time[row], since[edge])


def pair_matrix(source: Int64, target: Int64, shape: tuple[int, int]) -> sp.csr_matrix:
    """Pairs as a 0/1 matrix (float32)."""
    matrix = sp.csr_matrix((np.ones(len(source), dtype=np.float32), (source, target)), shape=shape)
    matrix.data[:] = 1.0
    return matrix

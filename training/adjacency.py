"""The adjacencies of a snapshot, normalised, and the products of them that the paths are.

``Walker`` is asked for a block of people and walks all paths of a kind at once; paths that begin alike share their
beginning. A product stays sparse while it is, and becomes a dense torch product when it is not: memory is bounded by
block × nodes of one label.
"""

from __future__ import annotations

import warnings
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
import torch

from graphfeed.graph.term_vectors import TermVectors
from graphfeed.training.links import Int64, Links, pair_matrix
from graphfeed.training.order import Order
from graphfeed.training.paths import Path, Step
from graphfeed.training.snapshot import DAY, Snapshot

# What torch says once of its CSR tensors, to whoever trains from Python; products by them are tested here.
warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta", category=UserWarning)

Float32 = npt.NDArray[np.float32]
Matrix: TypeAlias = Any
"""A scipy CSR matrix or a float32 array; scipy comes without types."""

ENDS: dict[str, tuple[str, str]] = {
    "engaged": ("User", "Post"),
    "recent": ("User", "Post"),
    "last": ("User", "Post"),
    "latest": ("User", "Post"),
    "next": ("Post", "Post"),
    "posted": ("User", "Post"),
    "follows": ("User", "User"),
    "cares": ("User", "Entity"),
    "mentions": ("Post", "Entity"),
    "related": ("Entity", "Entity"),
    "linked": ("Post", "Post"),
    "replied": ("Post", "Post"),
    "words": ("Post", ""),
    "meaning": ("Post", ""),
    "about": ("User", ""),
    "means": ("Entity", ""),
}
"""Labels at the ends of a relation; words and dimensions are no nodes of the graph."""

LAST_ACTS = {"last": 3.0, "latest": 1.0}
"""Acts after which an act weighs half."""


class Adjacencies:
    """The adjacencies of one snapshot by relation, made when first asked for.

    ``words`` are the posts' TF-IDF rows ``[posts, terms]``; ``half_life`` (microseconds) is that of ``recent``.
    """

    def __init__(self, snapshot: Snapshot, words: sp.csr_matrix | None, half_life: float) -> None:
        self.snapshot = snapshot
        self._words = words
        self._half_life = half_life
        self._raw: dict[str, Matrix] = {}
        self._normalised: dict[Step, Matrix] = {}
        self._turned: dict[Step, Matrix] = {}

    def has(self, path: Path) -> bool:
        """Whether the graph has every relation of a path."""
        return all(_filled(self.raw(step.relation)) for step in path.steps)

    def raw(self, relation: str) -> Matrix:
        """A relation as it is: counts of one for an edge, or its weight."""
        if relation not in self._raw:
            self._raw[relation] = self._build(relation)
        return self._raw[relation]

    def step(self, step: Step) -> Matrix:
        """A relation, turned and normalised as a step asks."""
        if step not in self._normalised:
            matrix = self.raw(step.relation)
            if step.relation == "words" and step.source_power + step.target_power > 0:
                matrix = self._of_posts_that_exist(matrix)
            if step.backwards:
                matrix = sp.csr_matrix(matrix.T) if sp.issparse(matrix) else matrix.T
            self._normalised[step] = normalise(matrix, step.source_power, step.target_power)
        return self._normalised[step]

    def _of_posts_that_exist(self, words: sp.csr_matrix) -> sp.csr_matrix:
        """How common a word is, is not to be known from posts that are yet to come."""
        there = self.snapshot.graph.data["Post"].time.numpy() <= self.snapshot.now
        return words if there.all() else sp.csr_matrix(sp.diags(there.astype(np.float32)) @ words)

    def turned(self, step: Step) -> Matrix:
        """The transpose of a step, with sorted rows: what leads to each node."""
        if step not in self._turned:
            matrix = self.step(step)
            if sp.issparse(matrix):
                matrix = sp.csr_matrix(matrix.T, dtype=np.float32)
                matrix.sort_indices()
                self._turned[step] = matrix
            else:
                self._turned[step] = matrix.T
        return self._turned[step]

    def _build(self, relation: str) -> Matrix:
        graph = self.snapshot.graph
        users, posts, entities = (graph.count(label) for label in ("User", "Post", "Entity"))
        match relation:
            case "engaged":
                return _matrix(self._engaged, (users, posts))
            case "recent":
                return _matrix(self._engaged, (users, posts), self._recency)
            case "last" | "latest":
                return _matrix(self._order.links, (users, posts), self._order.fading(LAST_ACTS[relation]))
            case "next":
                return self._order.next(posts)
            case "posted":
                return _matrix(self.snapshot.edges("POSTED"), (users, posts))
            case "follows":
                return _matrix(self.snapshot.edges("FOLLOWS"), (users, users))
            case "mentions":
                return self._mentions((posts, entities))
            case "cares":
                return _matrix(self.snapshot.edges("INTERESTED_IN"), (users, entities))
            case "related":
                return _both_ways(_matrix(self.snapshot.edges("RELATED_TO"), (entities, entities)))
            case "linked":
                return _both_ways(_matrix(self.snapshot.edges("LINKS_TO"), (posts, posts)))
            case "replied":
                return _both_ways(_matrix(self.snapshot.edges("REPLIES_TO"), (posts, posts)))
            case "words":
                return self._words if self._words is not None else sp.csr_matrix((posts, 0), dtype=np.float32)
            case "meaning" | "about" | "means":
                return self._vectors({"meaning": "Post", "about": "User", "means": "Entity"}[relation])
        raise ValueError(f"no relation named {relation!r}")

    @cached_property
    def _engaged(self) -> Links:
        return self.snapshot.links("posts")

    def _mentions(self, shape: tuple[int, int]) -> sp.csr_matrix:
        """Weighed by their evidence; 1 where the graph has no confidences."""
        matrix = sp.csr_matrix(shape, dtype=np.float32)
        for edge in self.snapshot.graph.relation("MENTIONS"):
            store = self.snapshot.graph.data[edge]
            known = store.time.numpy() <= self.snapshot.now
            source, target = store.edge_index.numpy()[:, known]
            weight = store.evidence.numpy()[known] if "evidence" in store else np.ones(len(source), dtype=np.float32)
            matrix = matrix + sp.csr_matrix((weight, (source, target)), shape=shape)
        return sp.csr_matrix(matrix)

    @cached_property
    def _order(self) -> Order:
        return Order.of(self._engaged)

    @cached_property
    def _recency(self) -> Float32:
        return recency(self._engaged.time, self.snapshot.now, self._half_life)

    def _vectors(self, label: str) -> Float32:
        store = self.snapshot.graph.data[label]
        if "x" not in store:
            return np.zeros((store.num_nodes, 0), dtype=np.float32)
        return np.asarray(store.x.numpy(), dtype=np.float32)


def to_torch(matrix: sp.csr_matrix) -> torch.Tensor:
    """A CSR matrix as a torch CSR tensor with int32 indices (the fast ones on a CPU)."""
    return torch.sparse_csr_tensor(
        torch.from_numpy(matrix.indptr.astype(np.int32)),
        torch.from_numpy(matrix.indices.astype(np.int32)),
        torch.from_numpy(matrix.data.astype(np.float32)),
        size=matrix.shape,
        check_invariants=False,
    )


def normalise(matrix: Matrix, source_power: float, target_power: float) -> Matrix:
    """``D_s^-a · A · D_t^-b`` with the degrees (sums of weights) of the matrix itself."""
    if source_power == target_power == 0 or not sp.issparse(matrix):
        return matrix
    out = sp.csr_matrix(matrix, dtype=np.float32, copy=True)
    rows = inverse_power(np.asarray(matrix.sum(axis=1)).ravel(), source_power)
    columns = inverse_power(np.asarray(matrix.sum(axis=0)).ravel(), target_power)
    out.data *= np.repeat(rows, np.diff(out.indptr)) * columns[out.indices]
    return out


def recency(time: Int64, now: int, half_life: float) -> Float32:
    """Weights of acts by their age: 1 now, ½ a half-life ago. Without a time: 1. Never below a millionth."""
    age = np.where(time < 0, 0.0, np.maximum(now - time.astype(np.float64), 0.0))
    return np.maximum(np.exp2(-age / half_life), 1e-6).astype(np.float32)


def half_life_of(snapshot: Snapshot) -> float:
    """A tenth of the time that the community has been active, at least a day (microseconds)."""
    time = snapshot.links("posts").time
    time = time[time >= 0]
    return max(float(time[-1] - time[len(time) // 50]) / 10, DAY) if len(time) else float(DAY)


def word_rows(snapshot: Snapshot, terms: TermVectors | None) -> sp.csr_matrix | None:
    """TF-IDF rows of all posts, or None where no post has a text."""
    return None if terms is None else sp.csr_matrix(terms.transform(snapshot.graph.texts["Post"]))


def _matrix(links: Links, shape: tuple[int, int], weight: Float32 | None = None) -> sp.csr_matrix:
    if weight is None:
        return pair_matrix(links.source, links.target, shape)
    return sp.csr_matrix((weight, (links.source, links.target)), shape=shape)


def _both_ways(matrix: sp.csr_matrix) -> sp.csr_matrix:
    return sp.csr_matrix(matrix + matrix.T)


def inverse_power(degree: Float32, power: float) -> Float32:
    """``degree ** -power``, 0 where the degree is 0."""
    with np.errstate(divide="ignore"):
        return np.where(degree > 0, degree**-power, 0.0).astype(np.float32)


def _filled(matrix: Matrix) -> bool:
    return bool(matrix.nnz) if sp.issparse(matrix) else matrix.shape[1] > 0

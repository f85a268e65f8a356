"""What the towers read of a snapshot, as tensors: the messages that can be passed, texts, degrees.

    given = tower_input(adjacencies, device, relations=towers.relations)
    vectors = towers(given)

``without`` takes edges out of the graph, those that are to be predicted. ``tower_part.py`` makes a part of an input.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
import torch
from torch import Tensor

from graphfeed.training.adjacency import ENDS, Adjacencies, normalise, to_torch
from graphfeed.training.csr_messages import Pattern
from graphfeed.training.links import Int64, pair_matrix
from graphfeed.training.propagation import propagate

LABELS = ("User", "Post", "Entity")
RELATIONS = ("engaged", "posted", "follows", "cares", "mentions", "related", "linked", "replied")
"""Relations of ``graphfeed.training.adjacency`` that messages are passed over, each both ways."""
SYMMETRIC = ("related", "linked", "replied")
MOST_RELATIONS = 8
"""At most so many relations of RELATED_TO are told apart, the most frequent; the others stay ``related``."""
FEWEST_EDGES = 20
"""A relation of RELATED_TO with fewer edges is not told apart."""

ENGAGEMENT = "engaged<"
"""The message from posts to the people who engaged with them."""

EdgeType = tuple[str, str, str]


@dataclass(frozen=True)
class Message:
    """One relation in one direction: ``forward`` is ``[dst, src]``, ``backward`` its transpose, both torch CSR."""

    name: str
    source: str
    target: str
    forward: Tensor
    backward: Tensor

    def passed(self, h: Tensor) -> Tensor:
        """What the targets hear: the normalised sum of ``h`` ``[sources, width]`` over their edges."""
        product: Tensor = _SparseProduct.apply(self.forward, self.backward, h)
        return product

    def weighted(self, h: Tensor, weight: Tensor) -> Tensor:
        """``weight`` (a number that is learned) times what the targets hear."""
        product: Tensor = _WeightedProduct.apply(self.forward, self.backward, h, weight)
        return product

    def to(self, device: torch.device) -> Message:
        """On another device."""
        return Message(self.name, self.source, self.target, self.forward.to(device), self.backward.to(device))

    @cached_property
    def edge_index(self) -> Tensor:
        """The edges as PyG has them, int64 ``[2, edges]`` (source, target), in order of target."""
        start = self.forward.crow_indices()
        target = torch.repeat_interleave(torch.arange(len(start) - 1, device=start.device), start[1:] - start[:-1])
        return torch.stack([self.forward.col_indices().long(), target])

    @property
    def edge_type(self) -> EdgeType:
        """As PyG names it: the way back has ``rev_`` before its name."""
        name = self.name[:-1].replace(":", "_")
        return (self.source, name if self.name.endswith(">") else f"rev_{name}", self.target)


@dataclass(frozen=True)
class TowerInput:
    """Everything that the towers read of one snapshot, on the device."""

    messages: list[Message]
    text: dict[str, Tensor]
    """``[nodes, text width]`` by label."""
    degree: dict[str, Tensor]
    """Engagements of each node ``[nodes]``."""
    nodes: dict[str, int]
    rows: dict[str, Tensor] | None = None
    """The nodes of a part of a graph: their indices in the whole, int64 ``[nodes]``. None: it is the whole."""

    def to(self, device: torch.device) -> TowerInput:
        """On a device; itself where it is there already, with the patterns that it has made."""
        if next(iter(self.degree.values())).device == device:
            return self
        text, degree, rows = (
            None if named is None else {label: tensor.to(device) for label, tensor in named.items()}
            for named in (self.text, self.degree, self.rows)
        )
        assert text is not None
        assert degree is not None
        return TowerInput([message.to(device) for message in self.messages], text, degree, self.nodes, rows)

    def places(self, label: str, nodes: Tensor) -> Tensor:
        """Where some nodes of the whole graph, all of them in here, stand in here."""
        return nodes if self.rows is None else torch.searchsorted(self.rows[label], nodes)

    @cached_property
    def patterns(self) -> dict[EdgeType, Pattern]:
        """Each message's edges as a pattern."""
        return {
            m.edge_type: Pattern.of(m.edge_index, self.nodes[m.target], self.nodes[m.source]) for m in self.messages
        }

    @cached_property
    def joint_patterns(self) -> dict[tuple[EdgeType, ...], Pattern]:
        """Patterns of several messages laid side by side, kept by whoever makes them (HGT)."""
        return {}


class _SparseProduct(torch.autograd.Function):
    """``A @ H`` with both orientations of A given, so that the backward pass is a fast CSR product as well."""

    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, forward: Tensor, backward: Tensor, h: Tensor) -> Tensor:
        ctx.save_for_backward(backward)
        return propagate(forward, h)

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, *gradients: Tensor) -> tuple[None, None, Tensor]:
        (backward,) = ctx.saved_tensors  # type: ignore[attr-defined]
        return None, None, propagate(backward, gradients[0].contiguous())


class _WeightedProduct(torch.autograd.Function):
    """``w · A @ H``; nothing but H is kept for the way back.

    The gradient of w is ⟨G, A H⟩ = ⟨Aᵀ G, H⟩, and Aᵀ G is what H's own gradient needs: on a large graph what every
    relation says to every node, layer by layer, would otherwise be most of the memory of a step.
    """

    @staticmethod
    def forward(
        ctx: torch.autograd.function.FunctionCtx, forward: Tensor, backward: Tensor, h: Tensor, weight: Tensor
    ) -> Tensor:
        ctx.save_for_backward(backward, h, weight)
        return propagate(forward, h).mul_(weight)

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, *gradients: Tensor) -> tuple[None, None, Tensor, Tensor]:
        backward, h, weight = ctx.saved_tensors  # type: ignore[attr-defined]
        back = propagate(backward, gradients[0].contiguous())
        of_weight = torch.einsum("ij,ij->i", back, h).sum()
        return None, None, back.mul_(weight), of_weight


def tower_input(
    adjacencies: Adjacencies,
    device: torch.device,
    without: dict[str, sp.csr_matrix] | None = None,
    *,
    relations: tuple[str, ...] = (),
    whole: TowerInput | None = None,
) -> TowerInput:
    """The tensors of one snapshot. ``without`` takes edges out of a relation (those that are to be predicted).

    ``relations``: those of RELATED_TO that are told apart, the others stay one. ``whole``: the same snapshot's input
    with nothing taken out, of which is kept what ``without`` does not touch.
    """
    graph, without = adjacencies.snapshot.graph, without or {}
    messages: list[Message] = []
    degree = {label: torch.zeros(graph.count(label), device=device) for label in LABELS}
    for name, raw in _matrices(adjacencies, relations).items():
        source, target = ENDS[name.partition(":")[0]]
        if whole is not None and name not in without:
            messages += [message for message in whole.messages if message.name[:-1] == name]
        else:
            raw = _less(raw, without.get(name))
            messages += _both_ways(name, source, target, raw, device)
        if raw.nnz and (label := {"engaged": "Post", "follows": "User", "mentions": "Entity"}.get(name)):
            degree[label] = torch.from_numpy(degrees(raw, 0)).to(device)
    if whole is not None:
        return TowerInput(messages, whole.text, degree, whole.nodes)
    text = {label: graph.data[label].x.to(device) for label in LABELS if "x" in graph.data[label]}
    return TowerInput(messages, text, degree, {label: graph.count(label) for label in LABELS})


def tower_relations(adjacencies: Adjacencies) -> tuple[str, ...]:
    """The relations of RELATED_TO that are worth telling apart at this moment; none where there is but one."""
    found = _by_relation(adjacencies)
    if len(found) < 2:
        return ()
    ranked = sorted(found, key=lambda name: (-len(found[name][0]), name))
    return tuple(name for name in ranked[:MOST_RELATIONS] if name and len(found[name][0]) >= FEWEST_EDGES)


def degrees(matrix: sp.csr_matrix, axis: int) -> npt.NDArray[np.float32]:
    """Sums along an axis."""
    return np.asarray(matrix.sum(axis=axis), dtype=np.float32).ravel()


def csr_of(row: Tensor, column: Tensor, values: Tensor, shape: tuple[int, int]) -> Tensor:
    """A torch CSR matrix with int32 indices from its entries, in any order, each pair once."""
    order = torch.argsort(row * shape[1] + column)
    start = torch.zeros(shape[0] + 1, dtype=torch.int32, device=row.device)
    start[1:] = torch.bincount(row, minlength=shape[0]).cumsum(0)
    return torch.sparse_csr_tensor(
        start,
        column.index_select(0, order).int(),
        values.index_select(0, order),
        size=shape,
        check_invariants=False,
    )


def _matrices(adjacencies: Adjacencies, relations: tuple[str, ...]) -> dict[str, sp.csr_matrix]:
    """The relations that there are, as they are; of RELATED_TO each one told apart, as ``related:NAME``."""
    found: dict[str, sp.csr_matrix] = {}
    apart = _by_relation(adjacencies) if relations else {}
    for name in RELATIONS:
        raw = adjacencies.raw(name)
        if name == "related" and apart:
            shape = raw.shape
            typed = {r: pair_matrix(*apart[r], shape) for r in relations if r in apart}
            others = [pair for r, pair in apart.items() if r not in relations]
            rest = [np.concatenate(ends) for ends in zip(*others, strict=True)] or [np.zeros(0, np.int64)] * 2
            one_way = pair_matrix(rest[0], rest[1], shape)
            raw = sp.csr_matrix(one_way + one_way.T)
            found |= {f"related:{r}": matrix for r, matrix in typed.items() if matrix.nnz}
        if raw.nnz:
            found[name] = raw
    return found


def _by_relation(adjacencies: Adjacencies) -> dict[str, tuple[Int64, Int64]]:
    """Ends of the RELATED_TO edges until the snapshot's moment by their ``relation``; empty where none is known."""
    snapshot = adjacencies.snapshot
    found: dict[str, tuple[Int64, Int64]] = {}
    for edge in snapshot.graph.relation("RELATED_TO"):
        store = snapshot.graph.data[edge]
        if "relation" not in store:
            continue
        known = store.time.numpy() <= snapshot.now
        source, target = store.edge_index.numpy()[:, known]
        code = store.relation.numpy()[known]
        for place, name in enumerate(store.relation_names):
            # A name becomes part of a parameter's, where a dot separates.
            mine = code == place
            if mine.any():
                found[name.replace(".", " ")] = (source[mine], target[mine])
    return found


def _less(raw: sp.csr_matrix, gone: sp.csr_matrix | None) -> sp.csr_matrix:
    if gone is None:
        return raw
    left = sp.csr_matrix(raw - raw.multiply(gone))
    left.eliminate_zeros()
    return left


def _both_ways(name: str, source: str, target: str, raw: sp.csr_matrix, device: torch.device) -> list[Message]:
    if not raw.nnz:
        return []
    matrix = normalise(raw, 0.5, 0.5)
    out, back = to_torch(sp.csr_matrix(matrix.T)).to(device), to_torch(matrix).to(device)
    messages = [Message(f"{name}>", source, target, out, back)]
    return messages if name in SYMMETRIC else [*messages, Message(f"{name}<", target, source, back, out)]

"""The towers: linear message passing over all typed relations, ending in one vector per node.

    H(0) = W · text_vector + id_embedding         (the id part is dropped at random while training)
    H(l+1)[dst] = Σ_r  w(l, r) · A_r · H(l)[src]   A_r normalised by the square roots of the degrees at both ends
    h = Σ_l  a(l, label) · H(l),   times (1 + degree)^γ
    score(u, x) = h_u · diag(s_kind) · h_x

Linear as in LightGCN (He et al. 2020), over typed relations with one learned weight per layer and relation. A node
that came after training has no id embedding; its vector follows from its text and its first edges. People have no id
embedding at all: a person is what they did, so a vector can be had for anybody at any moment.

The warm start is spectral: posts begin as the right singular vectors of the normalised engagement matrix, which makes
the untrained towers the ideal low-pass filter of GF-CF (Shen et al. 2021), and W begins as the ridge regression from
text vectors to them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
import torch
from sklearn.utils.extmath import randomized_svd
from threadpoolctl import threadpool_limits
from torch import Tensor, nn

from graphfeed.training.adjacency import ENDS, Adjacencies, normalise, to_torch
from graphfeed.training.links import LINK_KINDS, LinkKind

LABELS = ("User", "Post", "Entity")
RELATIONS = ("engaged", "posted", "follows", "cares", "mentions", "related", "linked", "replied")
"""Relations of ``graphfeed.training.adjacency`` that messages are passed over, each both ways."""
SYMMETRIC = ("related", "linked", "replied")


@dataclass(frozen=True)
class Message:
    """One relation in one direction: ``forward`` is ``[dst, src]``, ``backward`` its transpose, both torch CSR."""

    name: str
    source: str
    target: str
    forward: Tensor
    backward: Tensor


@dataclass(frozen=True)
class TowerInput:
    """Everything that the towers read of one snapshot, on the device."""

    messages: list[Message]
    text: dict[str, Tensor]
    """``[nodes, text width]`` by label."""
    degree: dict[str, Tensor]
    """Engagements of each node ``[nodes]``."""
    nodes: dict[str, int]


class _SparseProduct(torch.autograd.Function):
    """``A @ H`` with both orientations of A given, so that the backward pass is a fast CSR product as well."""

    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, forward: Tensor, backward: Tensor, h: Tensor) -> Tensor:
        ctx.save_for_backward(backward)
        return forward @ h

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, *gradients: Tensor) -> tuple[None, None, Tensor]:
        (backward,) = ctx.saved_tensors  # type: ignore[attr-defined]
        return None, None, backward @ gradients[0].contiguous()


class Towers(nn.Module):
    """See the module's docstring. ``known`` are the nodes by label that have an id embedding (the first ones)."""

    def __init__(self, width: int, known: dict[str, int], text_width: int, names: list[str], layers: int) -> None:
        super().__init__()
        self.width, self.layers = width, layers
        self.config = {"width": width, "known": known, "text_width": text_width, "names": names, "layers": layers}
        self.identity = nn.ParameterDict({label: torch.zeros(count, width) for label, count in known.items() if count})
        self.lift = nn.ParameterDict({label: torch.zeros(text_width, width) for label in LABELS if text_width})
        self.relation = nn.ParameterDict({name: torch.full((layers,), 0.1) for name in names})
        self.depth = nn.ParameterDict({label: torch.zeros(layers + 1) for label in LABELS})
        self.degree_power = nn.ParameterDict({label: torch.zeros(()) for label in LABELS})
        self.kind_scale = nn.ParameterDict({kind: torch.ones(width) for kind in LINK_KINDS})
        self.sharpness = nn.Parameter(torch.zeros(()))
        """Logarithm of the inverse temperature of the softmax."""

    def forward(
        self, given: TowerInput, drop: float = 0.0, generator: torch.Generator | None = None
    ) -> dict[str, Tensor]:
        """Vectors of all nodes by label, ``[nodes, width]``."""
        h = {label: self._start(label, given, drop, generator) for label in LABELS}
        total = {label: self.depth[label][0] * h[label] for label in LABELS}
        for layer in range(self.layers):
            if not self.training and not any(self.depth[label][layer + 1 :].any() for label in LABELS):
                break
            after: dict[str, Tensor] = {}
            for message in given.messages:
                if message.name in self.relation:
                    sent = _SparseProduct.apply(message.forward, message.backward, h[message.source])
                    sent = self.relation[message.name][layer] * sent
                    after[message.target] = after[message.target] + sent if message.target in after else sent
            h = {label: after.get(label, torch.zeros_like(h[label])) for label in LABELS}
            total = {label: total[label] + self.depth[label][layer + 1] * h[label] for label in LABELS}
        return {
            label: total[label] * (1 + given.degree[label]).pow(self.degree_power[label])[:, None] for label in LABELS
        }

    def _start(self, label: str, given: TowerInput, drop: float, generator: torch.Generator | None) -> Tensor:
        start = torch.zeros(given.nodes[label], self.width, device=self.sharpness.device)
        if label in self.lift and label in given.text:
            start = given.text[label] @ self.lift[label]
        if label in self.identity:
            known = self.identity[label][: given.nodes[label]]
            if drop:
                kept = torch.rand(len(known), 1, generator=generator).to(known.device) >= drop
                known = known * kept
            start = start + nn.functional.pad(known, (0, 0, 0, given.nodes[label] - len(known)))
        return start

    def scored(self, users: Tensor, items: Tensor, kind: LinkKind) -> Tensor:
        """Scores ``[users, items]`` of vectors ``[users, width]`` and ``[items, width]``."""
        product: Tensor = (users * self.kind_scale[kind]) @ items.T
        return product


def tower_input(
    adjacencies: Adjacencies, device: torch.device, without: dict[str, sp.csr_matrix] | None = None
) -> TowerInput:
    """The tensors of one snapshot. ``without`` takes edges out of a relation (those that are to be predicted)."""
    graph = adjacencies.snapshot.graph
    messages: list[Message] = []
    degree = {label: torch.zeros(graph.count(label), device=device) for label in LABELS}
    for name in RELATIONS:
        source, target = ENDS[name]
        raw = adjacencies.raw(name)
        if without and name in without:
            raw = sp.csr_matrix(raw - raw.multiply(without[name]))
            raw.eliminate_zeros()
        if not raw.nnz:
            continue
        matrix = normalise(raw, 0.5, 0.5)
        out, back = to_torch(sp.csr_matrix(matrix.T)).to(device), to_torch(matrix).to(device)
        messages.append(Message(f"{name}>", source, target, out, back))
        if name not in SYMMETRIC:
            messages.append(Message(f"{name}<", target, source, back, out))
        if name == "engaged":
            degree["Post"] = torch.from_numpy(_degrees(raw, 0)).to(device)
        elif name == "follows":
            degree["User"] = torch.from_numpy(_degrees(raw, 0)).to(device)
        elif name == "mentions":
            degree["Entity"] = torch.from_numpy(_degrees(raw, 0)).to(device)
    text = {label: graph.data[label].x.to(device) for label in LABELS if "x" in graph.data[label]}
    return TowerInput(messages, text, degree, {label: graph.count(label) for label in LABELS})


def warm_start(adjacencies: Adjacencies, width: int, layers: int, seed: int) -> Towers:
    """Towers that begin as a spectral filter of who engaged with what; see the module's docstring."""
    graph = adjacencies.snapshot.graph
    engaged = adjacencies.raw("engaged")
    width = max(1, min(width, min(engaged.shape) - 1))
    # BLAS threads slow small factorisations down by an order of magnitude.
    with threadpool_limits(1 if engaged.nnz < 100_000 else None):
        _, _, right = randomized_svd(normalise(engaged, 0.5, 0.5), width, n_iter=3, random_state=seed)
    posts = torch.from_numpy(np.ascontiguousarray(right.T, dtype=np.float32)) * float(np.sqrt(graph.count("Post")))
    text_width = graph.data["Post"].x.shape[1] if "x" in graph.data["Post"] else 0
    names = [f"{name}{way}" for name in RELATIONS for way in "><" if not (name in SYMMETRIC and way == "<")]
    towers = Towers(width, {"Post": graph.count("Post"), "Entity": graph.count("Entity")}, text_width, names, layers)
    with torch.no_grad():
        if text_width:
            lift = _ridge(graph.data["Post"].x, posts, torch.from_numpy(_degrees(engaged, 0)))
            for label in LABELS:
                towers.lift[label].copy_(lift if label == "Post" else 0.3 * lift)
            posts = posts - (graph.data["Post"].x @ lift)
        seen = torch.from_numpy(_degrees(engaged, 0) > 0)[:, None]
        towers.identity["Post"].copy_(posts * seen)
        towers.relation["engaged<"].fill_(1.0)
        towers.depth["Post"][0] = 1.0
        towers.depth["User"][1] = 1.0
        towers.depth["User"][0] = 0.1
        towers.depth["Entity"][0] = towers.depth["Entity"][1] = 0.5
        towers.degree_power["Post"].fill_(0.5)
    return towers


def _ridge(x: Tensor, y: Tensor, weight: Tensor, strength: float = 1.0) -> Tensor:
    """``argmin_W Σ_i weight_i |x_i W − y_i|² + strength · |W|²``."""
    weighted = x * weight[:, None]
    solved: Tensor = torch.linalg.solve(weighted.T @ x + strength * torch.eye(x.shape[1]), weighted.T @ y)
    return solved


def _degrees(matrix: sp.csr_matrix, axis: int) -> npt.NDArray[np.float32]:
    return np.asarray(matrix.sum(axis=axis), dtype=np.float32).ravel()

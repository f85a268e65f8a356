"""What a taste rests on: the edges of the graph that the towers' score of one pair goes back to.

    found = explain_taste(model.towers, snapshot, user, post)
    found.reasons[0].share, found.reasons[0].relation, found.reasons[0].ends

Linear or not, the score of a pair is a function of the edges. Integrated gradients (Sundararajan et al. 2017) follow it
from a graph without edges to the graph as it is, all edges growing alike, and give each edge its part; with what the
two have without any edge, the parts are the whole score. For linear towers the way is a polynomial and the integral
exact. For the others it is worked out at ``POINTS`` points, and what an edge does depends on the other edges: their
parts are ``approximate``. They are found by ``torch_geometric.explain``, as an algorithm of its ``Explainer``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch_geometric.explain import Explainer, HeteroExplanation
from torch_geometric.explain.algorithm import ExplainerAlgorithm
from torch_geometric.explain.algorithm.utils import clear_masks, set_hetero_masks, set_masks
from torch_geometric.explain.config import MaskType, ModelMode

from graphfeed.training.adjacency import Adjacencies, half_life_of
from graphfeed.training.links import LINK_KINDS, LinkKind
from graphfeed.training.neural_towers import HGTLayer, NeuralTowers, engagement
from graphfeed.training.snapshot import Snapshot
from graphfeed.training.tower_input import SYMMETRIC, EdgeType, Message, TowerInput, tower_input
from graphfeed.training.tower_part import ALL, surroundings
from graphfeed.training.towers import Towers

POINTS = 20
"""At which gradients are taken, more of them near no edges at all, where norms and attention change fastest."""

Node = tuple[str, int]
"""Label and index."""


@dataclass(frozen=True)
class TasteReason:
    """An edge, and its part in the score of a pair."""

    relation: str
    """As in ``graphfeed.training.adjacency``; of RELATED_TO that are told apart ``related:NAME``."""
    share: float
    """Of the score; both directions in which messages pass the edge are counted together."""
    ends: tuple[Node, Node]
    """The nodes that the edge leads from and to."""


@dataclass(frozen=True)
class Taste:
    """The towers' score of one pair, taken apart."""

    score: float
    alone: float
    """What the score would be without any edge: from their texts and the post's id."""
    approximate: bool
    reasons: tuple[TasteReason, ...]
    """Strongest first. Only what adds to the score: with what takes away from it, they may add up to more than 1."""


def explain_taste(
    towers: Towers, snapshot: Snapshot, user: int, item: int, *, kind: LinkKind = "posts", most: int = 10
) -> Taste:
    """The strongest edges behind the towers' score of ``user`` and ``item`` (node indices) at a moment.

    Works on the surroundings of the two, with all edges that their vectors depend on, on the CPU.
    """
    device = towers.sharpness.device
    label = LINK_KINDS[kind][0]
    adjacencies = Adjacencies(snapshot, None, half_life_of(snapshot))
    given = tower_input(adjacencies, device, relations=towers.relations)
    ends = (torch.tensor([user], device=device), torch.tensor([item], device=device))
    seeds = {"User": ends[0], label: ends[1]} if label != "User" else {"User": torch.cat(ends)}
    neural = isinstance(towers, NeuralTowers)
    part = surroundings(given, seeds, (ALL,) * towers.layers, torch.Generator(device), first_hop=neural)
    places = (int(part.places("User", ends[0])), int(part.places(label, ends[1])))
    pair = _PairScore(towers, part, places, kind)
    was_training = towers.training
    towers.eval()
    by_edge = _by_explainer(pair) if neural else _integrate(pair.at_weight, [m.edge_index for m in part.messages])
    with torch.no_grad():
        whole, alone = (
            float(pair.at_weight([torch.full(m.edge_index.shape[1:], weight, device=device) for m in part.messages]))
            for weight in (1.0, 0.0)
        )
    towers.train(was_training)
    return Taste(whole, alone, neural or towers.normalised, _strongest(part, by_edge, whole, most))


class _PairScore(nn.Module):
    """The score of one pair as a function of the edges."""

    def __init__(self, towers: Towers, part: TowerInput, places: tuple[int, int], kind: LinkKind) -> None:
        super().__init__()
        self.towers, self.part, self.places, self.link_kind = towers, part, places, kind

    def forward(self, x_dict: dict[str, Tensor], edge_index_dict: dict[EdgeType, Tensor]) -> Tensor:
        """``[1]``, as ``torch_geometric.explain`` calls it."""
        assert isinstance(self.towers, NeuralTowers)
        states = self.towers.encode(x_dict, edge_index_dict, engagement(self.part))
        return self._score(self.towers.finish(states, self.part))

    def at_weight(self, weights: list[Tensor]) -> Tensor:
        """``[1]``, with every edge of every message weighed ``[edges]``."""
        if isinstance(self.towers, NeuralTowers):
            masks = {m.edge_type: w for m, w in zip(self.part.messages, weights, strict=True)}
            with _Masks(self, masks):
                return torch.as_tensor(self(self.towers.start(self.part), self.towers.heard(self.part)))
        messages: list[Message] = [
            _Weighed(m.name, m.source, m.target, m.forward, m.backward, weight)
            for m, weight in zip(self.part.messages, weights, strict=True)
        ]
        return self._score(self.towers(replace(self.part, messages=messages)))

    def _score(self, vectors: dict[str, Tensor]) -> Tensor:
        user, item = self.places
        items = vectors[LINK_KINDS[self.link_kind][0]]
        found: Tensor = self.towers.scored(vectors["User"][user : user + 1], items[item : item + 1], self.link_kind)
        return found.reshape(1)


@dataclass(frozen=True)
class _Weighed(Message):
    """A message with a weight on each edge."""

    weight: Tensor

    def passed(self, h: Tensor) -> Tensor:
        """See ``Message.passed``; gathers and scatters, for a gradient by edge."""
        source, target = self.edge_index
        sent = h.index_select(0, source) * (self.forward.values() * self.weight)[:, None]
        return h.new_zeros(self.forward.shape[0], h.shape[1]).index_add(0, target, sent)

    def weighted(self, h: Tensor, weight: Tensor) -> Tensor:
        """See ``Message.weighted``."""
        return weight * self.passed(h)


class _IntegratedEdges(ExplainerAlgorithm):  # type: ignore[misc]
    """Integrated gradients along a weight on all edges, from 0 to 1."""

    def supports(self) -> bool:
        """A score, explained by edges alone."""
        config = self.explainer_config
        by_edges = config.edge_mask_type == MaskType.object and config.node_mask_type is None
        return bool(by_edges and self.model_config.mode == ModelMode.regression)

    def forward(
        self,
        model: nn.Module,
        x: dict[str, Tensor],
        edge_index: dict[EdgeType, Tensor],
        *,
        target: Tensor,
        index: Any = None,
        **kwargs: Any,
    ) -> HeteroExplanation:
        """See ``ExplainerAlgorithm.forward``; ``edge_mask`` holds each edge's part of the score."""

        def score(weights: list[Tensor]) -> Tensor:
            with _Masks(model, dict(zip(edge_index, weights, strict=True))):
                return torch.as_tensor(model(x, edge_index, **kwargs))

        explanation = HeteroExplanation()
        parts = _integrate(score, list(edge_index.values()))
        explanation.set_value_dict("edge_mask", dict(zip(edge_index, parts, strict=True)))
        return explanation


class _Masks:
    """Puts weights on the edges of PyG's layers, for as long as it is entered."""

    def __init__(self, model: nn.Module, weights: dict[EdgeType, Tensor]) -> None:
        self.model, self.weights = model, weights

    def __enter__(self) -> None:
        towers: Any = self.model.towers
        edges = towers.heard(self.model.part)
        weights = {edge_type: self.weights[edge_type] for edge_type in edges}
        set_hetero_masks(self.model, weights, edges, apply_sigmoid=False)
        for layer in towers.convolutions:
            if isinstance(layer, HGTLayer) and edges:
                # HGTConv lays the edges of all types one after the other.
                set_masks(layer, torch.cat(list(weights.values())), torch.cat(list(edges.values()), 1), False)
        message = engagement(self.model.part)  # type: ignore[arg-type]
        if message is not None:
            set_masks(towers.first, self.weights[message.edge_type], message.edge_index, False)

    def __exit__(self, *error: object) -> None:
        clear_masks(self.model)


def _by_explainer(pair: _PairScore) -> list[Tensor]:
    towers = pair.towers
    assert isinstance(towers, NeuralTowers)
    explainer = Explainer(
        pair,
        _IntegratedEdges(),
        explanation_type="model",
        edge_mask_type="object",
        model_config={"mode": "regression", "task_level": "edge", "return_type": "raw"},
    )
    with torch.no_grad():
        start = towers.start(pair.part)
    edges = towers.heard(pair.part)
    found = explainer(start, edges).edge_mask_dict if edges else {}
    return [found.get(m.edge_type, torch.zeros(m.edge_index.shape[1])) for m in pair.part.messages]


def _integrate(score: Any, edges: list[Tensor]) -> list[Tensor]:
    """Each edge's integral of the score's gradient along the way from 0 to 1, by Gauss and Legendre's rule.

    The way is walked as ``t³``, t from 0 to 1; exact for polynomials of the edges' weight up to degree 12.
    """
    total = [torch.zeros(index.shape[1], device=index.device) for index in edges]
    for point, share in zip(*np.polynomial.legendre.leggauss(POINTS), strict=True):
        t = (point + 1) / 2
        weights = [torch.full_like(part, t**3).requires_grad_() for part in total]
        gradients = torch.autograd.grad(score(weights).sum(), weights, allow_unused=True)
        total = [
            part if gradient is None else part + gradient * (share / 2 * 3 * t**2)
            for part, gradient in zip(total, gradients, strict=True)
        ]
    return total


def _strongest(part: TowerInput, by_edge: list[Tensor], score: float, most: int) -> tuple[TasteReason, ...]:
    """Both directions of an edge together, as shares of the score; none where there is no score to share."""
    found: dict[tuple[str, Node, Node], float] = {}
    if score <= 0 or part.rows is None:
        return ()
    rows = {label: index.tolist() for label, index in part.rows.items()}
    for message, values in zip(part.messages, by_edge, strict=True):
        relation = message.name[:-1]
        for place in torch.nonzero(values).flatten().tolist():
            source, target = message.edge_index[:, place].tolist()
            ends = [(message.source, rows[message.source][source]), (message.target, rows[message.target][target])]
            if relation in SYMMETRIC:
                ends.sort()
            elif message.name.endswith("<"):
                ends.reverse()
            key = (relation, ends[0], ends[1])
            found[key] = found.get(key, 0.0) + float(values[place])
    ranked = sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))
    return tuple(TasteReason(key[0], value / score, key[1:]) for key, value in ranked[:most] if value > 0)

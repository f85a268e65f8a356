"""The towers of PyG's layers: HGT (Hu et al. 2020), GAT (Veličković et al. 2018), GraphSAGE (Hamilton et al. 2017).

    H(0)[person] = … + Σ_post A_engaged · H(0)[post]     people have nothing of their own: they are what they did
    H(l+1) = layer(norm(H(l)), typed edges)             between layers ReLU (sage) or ELU (gat); HGT has its own
    h = Σ_l a(l, label) · H(l)                          as the linear towers; a(0) is 1 before training, the others 0.1

So untrained towers are nearly the spectral filter that the linear ones start as, and the layers learn what to add.

The layers are PyG's own modules with their own weights. Only how a message gets from one end of an edge to the other is
ours: over sorted edges, as sparse products (``csr_messages.py``), with the same result in less time. While
``torch_geometric.explain`` works on a layer it goes PyG's way, which knows how to put a mask on an edge.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch_geometric.nn import GATConv, HeteroConv, HGTConv, SAGEConv, SimpleConv

from graphfeed.training.adjacency import ENDS
from graphfeed.training.csr_messages import Pattern, edge_dots, mean_of_sources, softmax_sum
from graphfeed.training.settings import TowerKind
from graphfeed.training.tower_input import ENGAGEMENT, LABELS, EdgeType, Message, TowerInput
from graphfeed.training.towers import Towers

EdgeIndex = dict[EdgeType, Tensor]


class HGTLayer(HGTConv):  # type: ignore[misc]
    """PyG's HGTConv over a pattern of all edges side by side."""

    pattern: Pattern | None = None

    def _construct_src_node_feat(
        self, k_dict: dict[str, Tensor], v_dict: dict[str, Tensor], edge_index_dict: EdgeIndex
    ) -> tuple[Tensor, Tensor, dict[EdgeType, int]]:
        # As PyG has it, edge type by edge type: no list of every row's type, and fewer copies.
        place = torch.arange(self.heads, device=self.k_rel.weight.device) * len(self.edge_types)
        first, rows = dict[EdgeType, int](), 0
        found: tuple[list[Tensor], list[Tensor]] = ([], [])
        for edge_type in edge_index_dict:
            first[edge_type], rows = rows, rows + len(k_dict[edge_type[0]])
            mine = place + self.edge_types_map[edge_type]
            for turned, weight, nodes in zip(
                found, (self.k_rel.weight, self.v_rel.weight), (k_dict, v_dict), strict=True
            ):
                turned.append(torch.bmm(nodes[edge_type[0]].transpose(0, 1), weight.index_select(0, mine)))
        k, v = (torch.cat(turned, dim=1).transpose(0, 1) for turned in found)
        return k, v, first

    def propagate(self, edge_index: Tensor, size: Any = None, **given: Tensor) -> Tensor:
        """The messages; see ``MessagePassing.propagate``."""
        if self.explain or self.pattern is None:
            return torch.as_tensor(super().propagate(edge_index, size=size, **given))
        q, k, v = given["q"], given["k"], given["v"]
        weight = given["edge_attr"].index_select(0, self.pattern.order) / math.sqrt(q.shape[-1])
        heard = softmax_sum(edge_dots(q, k, self.pattern) * weight, v, self.pattern)
        return heard.reshape(-1, self.out_channels)


class GATLayer(GATConv):  # type: ignore[misc]
    """PyG's GATConv over a pattern."""

    pattern: Pattern | None = None

    def edge_updater(self, edge_index: Tensor, size: Any = None, **given: Any) -> Any:
        """Attention of each edge; over a pattern that waits for ``propagate``."""
        if self.explain or self.pattern is None:
            return super().edge_updater(edge_index, size=size, **given)
        return given["alpha"]

    def propagate(self, edge_index: Tensor, size: Any = None, **given: Any) -> Tensor:
        """The messages; see ``MessagePassing.propagate``."""
        if self.explain or self.pattern is None:
            return torch.as_tensor(super().propagate(edge_index, size=size, **given))
        at_source, at_target = given["alpha"]
        logits = at_source.index_select(0, self.pattern.col.long()) + self.pattern.at_target(at_target)
        return softmax_sum(nn.functional.leaky_relu(logits, self.negative_slope), given["x"][0], self.pattern)


class SAGELayer(SAGEConv):  # type: ignore[misc]
    """PyG's SAGEConv (mean) over a pattern."""

    pattern: Pattern | None = None

    def propagate(self, edge_index: Tensor, size: Any = None, **given: Any) -> Tensor:
        """The messages; see ``MessagePassing.propagate``."""
        if self.explain or self.pattern is None:
            return torch.as_tensor(super().propagate(edge_index, size=size, **given))
        return mean_of_sources(given["x"][0], self.pattern)


class FirstHop(SimpleConv):  # type: ignore[misc]
    """The normalised sum over what a person engaged with; no weights."""

    def __init__(self) -> None:
        super().__init__(aggr="sum")

    def forward(self, posts: Tensor, message: Message) -> Tensor:
        """``[people, width]`` of ``[posts, width]``."""
        if not self.explain:
            return message.passed(posts)
        people = posts.new_zeros(message.forward.shape[0], posts.shape[1])
        return torch.as_tensor(super().forward((posts, people), message.edge_index, message.forward.values()))


class NeuralTowers(Towers):
    """See the module's docstring. ``names`` are those of the messages; one that came after training is not passed."""

    def __init__(
        self,
        kind: TowerKind,
        width: int,
        known: dict[str, int],
        text_width: int,
        names: list[str],
        layers: int,
        relations: tuple[str, ...] = (),
        normalised: bool = False,
        heads: int = 2,
    ) -> None:
        self.kind = kind
        super().__init__(width, known, text_width, names, layers, relations, normalised)
        self.config["heads"] = heads
        self.edge_types = [edge_type_of(name) for name in names]
        makers = {"hgt": self._hgt, "gat": self._gat, "sage": self._sage}
        self.convolutions = nn.ModuleList([makers[kind](heads) for _ in range(layers)])
        # The most read posts begin with the longest vectors: attention on them as they are would look at nothing else.
        self.norms = nn.ModuleList([nn.ModuleDict({n: nn.LayerNorm(width) for n in LABELS}) for _ in range(layers)])
        self.first = FirstHop()
        with torch.no_grad():
            self.degree_power["Post"].fill_(0.5)
            for label in LABELS:
                self.depth[label].fill_(0.1)
                self.depth[label][0] = 1.0

    def encode(self, start: dict[str, Tensor], edges: EdgeIndex, message: Message | None) -> list[dict[str, Tensor]]:
        """``H(0), H(1), …`` from texts and ids and edge indices by type; ``message``: engagement to people."""
        if message is not None:
            start = start | {"User": start["User"] + self.first(start["Post"], message)}
        states = [start]
        norms: Any
        for place, (layer, norms) in enumerate(zip(self.convolutions, self.norms, strict=True)):
            before = {label: norms[label](state) for label, state in states[-1].items() if len(state)}
            after = layer(before, edges) if edges else {}
            if self.kind != "hgt" and place + 1 < self.layers:
                bend = nn.functional.relu if self.kind == "sage" else nn.functional.elu
                after = {label: bend(state) for label, state in after.items()}
            # A label that hears nothing stays as it was.
            states.append({label: after.get(label, states[-1][label]) for label in LABELS})
        return states

    def heard(self, given: TowerInput) -> EdgeIndex:
        """The edges that these towers pass messages over."""
        known = set(self.edge_types)
        return {m.edge_type: m.edge_index for m in given.messages if m.edge_type in known}

    def _layers(self, start: dict[str, Tensor], given: TowerInput) -> list[dict[str, Tensor]]:
        edges = self.heard(given)
        self._pass_over(given, edges)
        try:
            return self.encode(start, edges, engagement(given))
        finally:
            # The next input has other edges.
            self._pass_over(None, edges)

    def _pass_over(self, given: TowerInput | None, edges: EdgeIndex) -> None:
        """Give every layer its pattern of these edges, or take it back."""
        layer: Any
        for layer in self.convolutions:
            if self.kind == "hgt":
                layer.pattern = None if given is None else joint_pattern(given, edges)
            else:
                for edge_type, convolution in layer.convs.items():
                    convolution.pattern = None if given is None else given.patterns.get(edge_type)

    def _hgt(self, heads: int) -> Any:
        return HGTLayer(self.width, self.width, (list(LABELS), self.edge_types), heads)

    def _gat(self, heads: int) -> Any:
        def layer() -> GATLayer:
            return GATLayer((self.width, self.width), self.width // heads, heads, add_self_loops=False)

        return HeteroConv({edge_type: layer() for edge_type in self.edge_types}, aggr="sum")

    def _sage(self, heads: int) -> Any:
        return HeteroConv({e: SAGELayer(self.width, self.width) for e in self.edge_types}, aggr="sum")


def engagement(given: TowerInput) -> Message | None:
    """The message from posts to those who engaged with them."""
    return next((message for message in given.messages if message.name == ENGAGEMENT), None)


def edge_type_of(name: str) -> EdgeType:
    """The edge type of a message's name."""
    source, target = ENDS[name.rstrip("<>").partition(":")[0]]
    ends = (source, target) if name.endswith(">") else (target, source)
    blank = torch.zeros(0)
    return Message(name, *ends, blank, blank).edge_type


def joint_pattern(given: TowerInput, edges: EdgeIndex) -> Pattern | None:
    """One pattern of all edges as HGTConv lays them: sources by edge type, targets by label, each after the other."""
    if not edges:
        return None
    key = tuple(edges)
    if key not in given.joint_patterns:
        first, rows = dict[str, int](), 0
        for label in LABELS:
            if given.nodes[label]:
                first[label], rows = rows, rows + given.nodes[label]
        laid, columns = [], 0
        for (source, _, target), index in edges.items():
            laid.append(torch.stack([index[0] + columns, index[1] + first[target]]))
            columns += given.nodes[source]
        given.joint_patterns[key] = Pattern.of(torch.cat(laid, dim=1), rows, columns)
    return given.joint_patterns[key]

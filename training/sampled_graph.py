"""A sampled graph as it grows hop by hop: what ``sampler.py`` fills and hands to PyG."""

from __future__ import annotations

import torch
from torch import Tensor
from torch_geometric.sampler import HeteroSamplerOutput, SamplerOutput

from graphfeed.graph.tensors import EdgeType

ONE: EdgeType = ("", "", "")
"""The only relation of a graph without types; its nodes are of the type ''."""


class Grown:
    """A sample as it grows: nodes by label and edges by relation, in the order in which they were met."""

    def __init__(self, labels: list[str], relations: list[EdgeType], device: torch.device) -> None:
        self._none = torch.zeros(0, dtype=torch.int64, device=device)
        self._nodes: dict[str, list[Tensor]] = {label: [] for label in labels}
        self._batch: dict[str, list[Tensor]] = {label: [] for label in labels}
        self._edges: dict[EdgeType, list[tuple[Tensor, Tensor, Tensor]]] = {edge: [] for edge in relations}
        self._node_counts: dict[str, list[int]] = {label: [] for label in labels}
        self._edge_counts: dict[EdgeType, list[int]] = {edge: [] for edge in relations}
        self._before = dict.fromkeys(labels, 0)
        self._before_edges = dict.fromkeys(relations, 0)

    def add_nodes(self, label: str, nodes: Tensor, batch: Tensor | None) -> None:
        """Append nodes of a label; ``batch``: whose surroundings they are in."""
        self._nodes[label].append(nodes)
        if batch is not None:
            self._batch[label].append(batch)

    def add_edges(self, edge: EdgeType, row: Tensor, column: Tensor, number: Tensor) -> None:
        """Append edges: local numbers of both ends, and numbers in the given graph."""
        self._edges[edge].append((row, column, number))

    def close_seeds(self) -> None:
        """What was added until now are the seeds."""
        for label in self._nodes:
            self._close(label)

    def close_hop(self) -> None:
        """What was added since the last call is one hop."""
        self.close_seeds()
        for edge, parts in self._edges.items():
            total = sum(row.numel() for row, _, _ in parts)
            self._edge_counts[edge].append(total - self._before_edges[edge])
            self._before_edges[edge] = total

    def _close(self, label: str) -> None:
        total = sum(nodes.numel() for nodes in self._nodes[label])
        self._node_counts[label].append(total - self._before[label])
        self._before[label] = total

    def frontier(self, label: str) -> tuple[int, Tensor, Tensor | None]:
        """The nodes that came last: the local number of the first one, the nodes, whose they are."""
        size = self._node_counts[label][-1]
        begin = self._before[label] - size
        batch = self._joined(self._batch[label])[begin:] if self._batch[label] else None
        return begin, self._joined(self._nodes[label])[begin:], batch

    def typed(self) -> HeteroSamplerOutput:
        """As PyG's output on a graph with types."""
        row, column, edge = (
            {name: self._joined([part[i] for part in parts]) for name, parts in self._edges.items()} for i in range(3)
        )
        disjoint = any(self._batch.values())
        return HeteroSamplerOutput(
            node={label: self._joined(parts) for label, parts in self._nodes.items()},
            row=row,
            col=column,
            edge=edge,
            batch={label: self._joined(parts) for label, parts in self._batch.items()} if disjoint else None,
            num_sampled_nodes=self._node_counts,
            num_sampled_edges=self._edge_counts,
        )

    def untyped(self) -> SamplerOutput:
        """As PyG's output on a graph without types."""
        out = self.typed()
        batch = None if out.batch is None else out.batch[""]
        counts = out.num_sampled_nodes[""], out.num_sampled_edges[ONE]
        return SamplerOutput(out.node[""], out.row[ONE], out.col[ONE], out.edge[ONE], batch, *counts)

    def _joined(self, parts: list[Tensor]) -> Tensor:
        if len(parts) > 1:
            parts[:] = [torch.cat(parts)]
        return parts[0] if parts else self._none

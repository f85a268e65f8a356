"""The graph as tensors: store → ``torch_geometric.data.HeteroData``, with times.

``read_graph`` is the one place that builds it. What it promises, beyond PyG's own ``validate``:

- ``data[label].x``      float32 ``[nodes, width]``, the text vectors (absent when nothing was embedded)
- ``data[label].time``   int64 ``[nodes]``, microseconds since 1970, or ``NO_TIME``
- ``data[s, r, t].edge_index``  int64 ``[2, edges]``, **in order of time**
- ``data[s, r, t].time`` int64 ``[edges]``: when the relationship was there to be seen, that is the latest of its own
  time and the times of its two ends; ``NO_TIME`` (which sorts first) when none of them is known
- ``data[s, r, t].count`` float32 ``[edges]``, how often it happened
- ``data[s, r, t].relation`` int64 ``[edges]``, places in ``relation_names``, only where the relation says which it is
- ``data[s, r, t].evidence`` float32 ``[edges]``, ``-log(1 - confidence)``, only where the relation has a confidence

Because edges are in order of time, the graph as it was at a moment is a prefix of every relation: see ``Snapshot``.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import torch
from torch_geometric.data import HeteroData

from graphfeed.graph.links_seen import LinksSeen, read_links_seen
from graphfeed.graph.store import NO_TIME, GraphStore, Relation
from graphfeed.loaders.records import NODE_TYPES, RELATIONSHIP_TYPES

EdgeType = tuple[str, str, str]
Int64 = npt.NDArray[np.int64]


SUREST = 0.99
"""A confidence above counts as this one: nothing is worth infinitely many sayings."""


@dataclass(frozen=True)
class FeedGraph:
    """The tensors and what is needed to speak of their rows by name."""

    data: HeteroData
    ids: dict[str, pa.StringArray]
    """Node ids by label; the position is the row in the tensors."""
    texts: dict[str, list[str]]
    """The text of every node (empty where it has none)."""
    kinds: list[str]
    """Names for ``data["Post"].kind``."""
    held_out: dict[str, torch.Tensor] = field(default_factory=dict)
    """Pairs of a given split by its name, int64 ``[2, pairs]`` (user, post)."""
    links_seen: LinksSeen | None = None
    """Links that the encoder of the text vectors was fine-tuned on; None for one that saw none."""

    def count(self, label: str) -> int:
        """Nodes of a label."""
        return int(self.data[label].num_nodes)

    def relation(self, type_: str) -> list[EdgeType]:
        """The edge types of a relationship type that have edges."""
        return [edge for edge in self.data.edge_types if edge[1] == type_]

    def latest_time(self) -> int:
        """The latest time on any node or edge, or ``NO_TIME``."""
        stores = [*self.data.node_stores, *self.data.edge_stores]
        return max((int(s.time.max()) for s in stores if "time" in s and s.time.numel()), default=NO_TIME)


def read_graph(store: GraphStore) -> FeedGraph:
    """Read a whole store into tensors. HELD_OUT pairs are kept apart, predictions are not read."""
    data = HeteroData()
    ids: dict[str, pa.StringArray] = {}
    texts: dict[str, list[str]] = {}
    kinds: list[str] = []
    for label, node_type in NODE_TYPES.items():
        ids[label] = store.node_ids(label)
        timed = "created_at" in node_type.properties
        columns = [*node_type.text, *(["created_at"] if timed else []), *(["kind"] if label == "Post" else [])]
        rows = store.read_nodes(label, columns)
        data[label].num_nodes = len(ids[label])
        data[label].time = _times(rows["created_at"]) if timed else torch.full((len(rows),), NO_TIME)
        texts[label] = join_texts(rows, node_type.text)
        if (vectors := store.read_vectors(label, "text_vector")) is not None:
            data[label].x = torch.from_numpy(np.array(vectors))
        if label == "Post":
            data[label].kind, kinds = _codes(rows["kind"])
    held_out: dict[str, torch.Tensor] = {}
    for type_ in RELATIONSHIP_TYPES:
        for relation in store.read_relation(type_):
            if type_ == "HELD_OUT":
                held_out = _held_out(relation)
            else:
                add_relation(data, relation)
    graph = FeedGraph(data, ids, texts, kinds, held_out, read_links_seen(store.workspace))
    check_graph(graph)
    return graph


def add_relation(data: HeteroData, relation: Relation) -> None:
    """Add a relation to the tensors, its edges in order of the time since when they can be seen."""
    source, target = relation.source, relation.target
    seen = np.maximum.reduce(
        [
            relation.at,
            data[relation.source_label].time.numpy()[source],
            data[relation.target_label].time.numpy()[target],
        ]
    )
    order = np.argsort(seen, kind="stable")
    store = data[relation.source_label, relation.type, relation.target_label]
    store.edge_index = torch.from_numpy(np.stack([source[order], target[order]]))
    store.time = torch.from_numpy(seen[order])
    store.count = torch.from_numpy(relation.count[order])
    if "confidence" in relation.properties.column_names:
        store.evidence = torch.from_numpy(_evidence(relation.properties["confidence"])[order])
    if "relation" in relation.properties.column_names:
        code, store.relation_names = _codes(relation.properties["relation"])
        store.relation = code[torch.from_numpy(order)]


def _evidence(confidence: pa.ChunkedArray) -> npt.NDArray[np.float32]:
    """``-log(1 - confidence)``: what n independent sayings add up to. Where it is not given: as if certain."""
    sure = np.clip(pc.fill_null(confidence, 1.0).to_numpy(), 0.0, SUREST)
    return np.asarray(-np.log1p(-sure), dtype=np.float32)


def check_graph(graph: FeedGraph) -> None:
    """Hold the promises of this module's docstring. A failure is a fault of graphfeed, not of the data."""
    graph.data.validate(raise_on_error=True)
    for label in graph.data.node_types:
        assert len(graph.ids[label]) == len(graph.texts[label]) == graph.count(label), label
    for edge in graph.data.edge_types:
        time = graph.data[edge].time
        assert time.numel() == graph.data[edge].edge_index.shape[1], edge
        assert bool((time[1:] >= time[:-1]).all()), f"edges of {edge} are not in order of time"


def join_texts(rows: pa.Table, columns: tuple[str, ...]) -> list[str]:
    """The text of each node: its text properties, those that it has, a line each."""
    parts = [pc.fill_null(rows[column], "") for column in columns]
    joined = pc.binary_join_element_wise(*parts, "\n")
    return [str(text) for text in pc.utf8_trim_whitespace(joined).to_pylist()]


def _times(column: pa.ChunkedArray) -> torch.Tensor:
    filled = pc.fill_null(column.cast(pa.int64()), NO_TIME)
    return torch.from_numpy(np.array(filled.to_numpy(), dtype=np.int64))


def _codes(column: pa.ChunkedArray) -> tuple[torch.Tensor, list[str]]:
    encoded = pc.fill_null(column, "").combine_chunks().dictionary_encode()
    return torch.from_numpy(np.array(encoded.indices, dtype=np.int64)), [str(k) for k in encoded.dictionary.to_pylist()]


def _held_out(relation: Relation) -> dict[str, torch.Tensor]:
    split = np.array(relation.properties["split"].to_pylist(), dtype=object)
    pairs = np.stack([relation.source, relation.target])
    return {str(name): torch.from_numpy(pairs[:, split == name]) for name in sorted(set(split))}

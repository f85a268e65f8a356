"""Reading the journal: one state's nodes, relationships and vectors, as arrays.

A node's index counts the nodes of its label in order of insertion and never changes. Parts of nodes carry it (``node``)
with a hash of the row (``content``); parts of relationships hold the indices of their ends, not the ids.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from graphfeed.errors import StoreError
from graphfeed.graph.journal.events import merge_events, times
from graphfeed.graph.journal.manifest import Part, State
from graphfeed.graph.journal.parts import map_vectors, read_table
from graphfeed.graph.measures import MEASURES_SCHEMA, lengthened
from graphfeed.graph.schema import PREDICTION_SCHEMA
from graphfeed.graph.store import NO_TIME, Relation
from graphfeed.loaders.records import NODE_TYPES, RELATIONSHIP_TYPES, TEXT

Integers = npt.NDArray[np.int64]


def node_part_schema(label: str) -> pa.Schema:
    """Columns of a part of nodes."""
    return pa.schema(
        [("node", pa.int64()), ("content", pa.uint64()), ("id", TEXT), *NODE_TYPES[label].properties.items()]
    )


def relationship_part_schema(type_: str) -> pa.Schema:
    """Columns of a part of relationships."""
    properties = RELATIONSHIP_TYPES[type_].properties
    return pa.schema([("source", pa.int64()), ("target", pa.int64()), *properties.items()])


class Journal:
    """What one state of a store holds. Ids are kept once read, everything else is read anew."""

    def __init__(self, folder: Path, state: State) -> None:
        self.folder = folder
        self.state = state
        self._ids: dict[str, pa.StringArray] = {}

    def node_count(self, label: str) -> int:
        """How many nodes a label has."""
        return sum(part.added for part in self.state.of("nodes", label))

    def node_ids(self, label: str) -> pa.StringArray:
        """Ids by index."""
        if label not in self._ids:
            ids = self.read_nodes(label, ["id"])["id"].combine_chunks()
            self._ids[label] = ids if isinstance(ids, pa.Array) else pa.concat_arrays(ids.chunks)
        return self._ids[label]

    def read_nodes(self, label: str, columns: Sequence[str]) -> pa.Table:
        """Properties by index; of several rows for a node the last one counts."""
        self._check_label(label)
        schema = node_part_schema(label)
        unknown = set(columns) - set(schema.names)
        if unknown:
            raise StoreError(f"{label} has no properties {sorted(unknown)}; it has {schema.names[2:]}")
        parts = self.state.of("nodes", label)
        if all(part.added == part.rows for part in parts):
            return self._concat(parts, list(columns), schema)  # every row is a new node: in order as they stand
        rows = self._concat(parts, ["node", *(c for c in columns if c != "node")], schema)
        last = np.empty(self.node_count(label), dtype=np.int64)
        last[rows["node"].to_numpy()] = np.arange(rows.num_rows)
        return rows.select(list(columns)).take(pa.array(last))

    def read_relation(self, type_: str) -> list[Relation]:
        """A relation by pair of labels, its events merged."""
        if type_ not in RELATIONSHIP_TYPES:
            raise StoreError(f"no relationship type {type_!r}; there are: {', '.join(RELATIONSHIP_TYPES)}")
        relations = (self._relation(type_, pair, parts) for pair, parts in self.pairs(type_))
        return [relation for relation in relations if len(relation.source)]

    def pairs(self, type_: str) -> Iterator[tuple[tuple[str, str], list[Part]]]:
        """The parts of a type by pair of labels, in the schema's order."""
        for pair in RELATIONSHIP_TYPES[type_].pairs:
            yield pair, [p for p in self.state.of("relationships", type_, pair[0]) if p.target_label == pair[1]]

    def read_events(self, type_: str, parts: list[Part], columns: Sequence[str]) -> pa.Table:
        """Rows of a type's parts as they were written."""
        return self._concat(parts, list(columns), relationship_part_schema(type_))

    def read_vectors(self, label: str, name: str) -> npt.NDArray[np.float32] | None:
        """``[nodes, width]``, mapped into memory unless nodes came since; zeros for those."""
        self._check_label(label)
        parts = self.state.of("vectors", name, label)
        if not parts:
            return None
        vectors = map_vectors(self.folder, parts[-1])
        missing = self.node_count(label) - len(vectors)
        if not missing:
            return vectors
        return np.concatenate([vectors, np.zeros((missing, vectors.shape[1]), dtype=np.float32)])

    def read_measures(self, label: str) -> pa.Table:
        """Measures by index, null for nodes that came since they were worked out, or for all."""
        parts = self.state.of("measures", label)
        return lengthened(self._concat(parts, MEASURES_SCHEMA.names, MEASURES_SCHEMA), self.node_count(label))

    def read_predictions(self, type_: str) -> pa.Table:
        """Predicted relationships of the generations there are."""
        return self._concat(self.state.of("predictions", type_), PREDICTION_SCHEMA.names, PREDICTION_SCHEMA)

    def _relation(self, type_: str, pair: tuple[str, str], parts: list[Part]) -> Relation:
        definition = RELATIONSHIP_TYPES[type_]
        rows = self.read_events(type_, parts, relationship_part_schema(type_).names)
        source, target = (rows[end].to_numpy().astype(np.int64, copy=False) for end in ("source", "target"))
        at = times(rows["at"]) if "at" in definition.properties else np.full(len(rows), NO_TIME)
        count = np.ones(len(rows), dtype=np.float32)
        if "count" in definition.properties:
            count = rows["count"].fill_null(1).to_numpy().astype(np.float32)
        first, at, count = merge_events(source, target, at, count, [rows[key] for key in definition.key])
        if "count" not in definition.properties:
            count = np.ones(len(first), dtype=np.float32)  # said twice, it is still one
        rest = rows.select([name for name in definition.properties if name not in ("at", "count")])
        if len(first) < len(rows):
            source, target, rest = source[first], target[first], rest.take(pa.array(first))
        return Relation(type_, *pair, source, target, at, count, rest)

    def _concat(self, parts: list[Part], columns: list[str], schema: pa.Schema) -> pa.Table:
        empty = pa.schema([schema.field(name) for name in columns]).empty_table()
        return pa.concat_tables([empty, *(read_table(self.folder, part, columns) for part in parts)])

    @staticmethod
    def _check_label(label: str) -> None:
        if label not in NODE_TYPES:
            raise StoreError(f"no label {label!r}; there are: {', '.join(NODE_TYPES)}")

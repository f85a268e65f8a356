"""Reading a Neo4j database as arrays, in streams: labels, whole relations, vectors.

Nodes are known by their internal ids while one answer is read, and by their place in ``node_ids`` outside. A relation
comes as one record per source with a list for each column, which the driver unpacks four times as fast as a record per
relationship; what is kept are flat arrays.
"""

from __future__ import annotations

import threading
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from graphfeed.errors import StoreError
from graphfeed.graph.journal.events import merge_events
from graphfeed.graph.neo4j import statements
from graphfeed.graph.neo4j.session import Server
from graphfeed.graph.store import NO_TIME, Relation
from graphfeed.loaders.records import NODE_TYPES, RELATIONSHIP_TYPES, TEXT

Integers = npt.NDArray[np.int64]

_LAST = np.iinfo(np.int64).max
_ROWS_AT_ONCE = 10_000
_IDS_AT_ONCE = 2_000
_TEXTS_AT_ONCE = 500  # in one record, which the server holds as a whole
_SPARSE = 8  # internal ids to one of the label: from here on a record for each node is quicker


@dataclass(frozen=True)
class NodeTable:
    """The nodes of a label in the order of ``node_ids``."""

    ids: pa.StringArray
    by_node: Integers
    """Internal ids, sorted."""
    place_of: Integers
    """The place of the node with each of these internal ids."""
    unplaced: int
    """How many, at the end, somebody else wrote: they have no order of their own yet."""
    next_place: int
    """The order that the next node gets."""

    def places(self, nodes: Integers) -> Integers:
        """Places by internal ids, -1 for nodes of another label."""
        if not len(self.by_node):
            return np.full(len(nodes), -1)
        found = np.searchsorted(self.by_node, nodes)
        found[found == len(self.by_node)] = 0
        return np.where(self.by_node[found] == nodes, self.place_of[found], -1)


@dataclass(frozen=True)
class RawRelation:
    """A relation as it is stored."""

    rows: pa.Table
    """``source``, ``target`` (places), ``at``, ``count`` where the type has them, the other properties, ``events``."""
    next_place: int

    def event_rows(self) -> pa.Table:
        """One row per event: a relationship with several has a list of their times."""
        if "at" not in self.rows.column_names:
            return self.rows
        events = self.rows["events"].combine_chunks()
        sizes = np.maximum(events.value_lengths().to_numpy(zero_copy_only=False), 1)
        row = np.repeat(np.arange(len(sizes)), sizes)
        at = self.rows["at"].to_numpy()[row]
        at[np.repeat(events.value_lengths().to_numpy(zero_copy_only=False) > 0, sizes)] = events.flatten().to_numpy()
        stamps = pa.array(at, pa.timestamp("us"), mask=at == NO_TIME)
        return self.rows.take(pa.array(row)).set_column(self.rows.column_names.index("at"), "at", stamps)


class Reader:
    """Reads one database. Labels are kept while ``version`` stays the same."""

    def __init__(self, server: Server, version: Callable[[], str]) -> None:
        self._server, self._version = server, version
        self._guard = threading.Lock()
        self._tables: dict[str, tuple[str, NodeTable]] = {}

    def nodes(self, label: str) -> NodeTable:
        """The nodes of a label."""
        _check_label(label)
        version = self._version()
        with self._guard:
            if label not in self._tables or self._tables[label][0] != version:
                self._tables[label] = (version, self._read_table(label))
            return self._tables[label][1]

    def read_nodes(self, label: str, columns: Sequence[str]) -> pa.Table:
        """See ``GraphStore.read_nodes``."""
        table = self.nodes(label)
        types = {"id": TEXT, **NODE_TYPES[label].properties}
        unknown = set(columns) - set(types)
        if unknown:
            raise StoreError(f"{label} has no properties {sorted(unknown)}; it has {list(types)[1:]}")
        schema = pa.schema([(name, types[name]) for name in columns])
        nodes, batches, rows = array("q"), [], []
        for record in self._server.stream(statements.node_columns(label, tuple(columns))):
            nodes.append(record[0])
            rows.append(record[2:])
            if len(rows) == _ROWS_AT_ONCE:
                batches.append(_batch(label, rows, schema))
                rows = []
        batches.append(_batch(label, rows, schema))
        order, known = _in_order(table, nodes)
        return pa.Table.from_batches(batches, schema).take(pa.array(order[known]))

    def scan_nodes(self, label: str) -> Iterator[pa.Table]:
        """``id`` and properties of all nodes in order, some thousands at a time."""
        table = self.nodes(label)
        schema = pa.schema([("id", TEXT), *NODE_TYPES[label].properties.items()])
        node_at = np.empty(len(table.ids), dtype=np.int64)
        node_at[table.place_of] = table.by_node
        starts = range(0, len(node_at), _TEXTS_AT_ONCE)
        wanted = ({"nodes": node_at[start : start + _TEXTS_AT_ONCE].tolist()} for start in starts)
        answers = self._server.stream_each(statements.nodes_by_internal_id(label), wanted)
        for start, [(found,)] in zip(starts, answers, strict=True):
            records = {node: properties for node, *properties in found}
            nodes = node_at[start : start + _TEXTS_AT_ONCE].tolist()
            ids = table.ids[start : start + _TEXTS_AT_ONCE].to_pylist()
            rows = [(id_, *records[node]) for id_, node in zip(ids, nodes, strict=True) if node in records]
            yield pa.Table.from_batches([_batch(label, rows, schema)], schema)

    def nodes_by_id(self, label: str, ids: pa.StringArray) -> pa.Table:
        """``id`` and properties of some nodes, in any order."""
        schema = pa.schema([("id", TEXT), *NODE_TYPES[label].properties.items()])
        words, batches = ids.to_pylist(), []
        for start in range(0, len(words), _IDS_AT_ONCE):
            some = {"ids": words[start : start + _IDS_AT_ONCE]}
            batches.append(_batch(label, list(self._server.stream(statements.nodes_by_id(label), some)), schema))
        return pa.Table.from_batches(batches, schema)

    def read_relation(self, type_: str) -> list[Relation]:
        """See ``GraphStore.read_relation``."""
        if type_ not in RELATIONSHIP_TYPES:
            raise StoreError(f"no relationship type {type_!r}; there are: {', '.join(RELATIONSHIP_TYPES)}")
        found = []
        for source, target in RELATIONSHIP_TYPES[type_].pairs:
            raw = self.relation(type_, source, target)
            if raw is not None:
                found.append(_merged(type_, source, target, raw.rows))
        return found

    def relation(self, type_: str, source: str, target: str, *, events: bool = False) -> RawRelation | None:
        """One relation as it is stored; None where there are no relationships. ``events``: also the single ones."""
        total = self._server.read(f"MATCH ()-[r:`{type_}`]->() RETURN count(*) AS n")[0]["n"]
        if not total:
            return None
        sources, targets = self.nodes(source), self.nodes(target)
        names = ("source", *statements.relation_columns(type_, events))
        columns: dict[str, Any] = {name: [] if name in ("rest", "events") else array("q") for name in names}
        if total >= len(sources.ids):
            for record in self._grouped(statements.grouped_relation(type_, source, events), sources.by_node, total):
                for column, values in zip(columns.values(), record, strict=True):
                    column.extend(values)
        else:
            for record in self._server.stream(statements.plain_relation(type_, source, events), {"none": NO_TIME}):
                for column, value in zip(columns.values(), record, strict=True):
                    column.append(value)
        next_place = int(np.frombuffer(columns["place"], dtype=np.int64).max(initial=-1)) + 1
        rows = _relation_table(type_, columns, sources, targets)
        return None if rows is None else RawRelation(rows, next_place)

    def _grouped(self, text: str, sources: Integers, total: int) -> Iterator[tuple[Any, ...]]:
        """The relationships of so many sources at a time as have about ``_ROWS_AT_ONCE`` of them."""
        step = max(1, min(_ROWS_AT_ONCE, _ROWS_AT_ONCE * len(sources) // total))
        parts = (sources[start : start + step].tolist() for start in range(0, len(sources), step))
        for records in self._server.stream_each(text, ({"nodes": part, "none": NO_TIME} for part in parts)):
            yield from records

    def read_vectors(self, label: str, name: str) -> npt.NDArray[np.float32] | None:
        """See ``GraphStore.read_vectors``."""
        table = self.nodes(label)
        matrix: npt.NDArray[np.float32] | None = None
        text = f"MATCH (n:`{label}`) WHERE n.`{name}` IS NOT NULL RETURN id(n), n.`{name}`"
        nodes: list[int] = []
        vectors: list[Any] = []

        def keep() -> None:
            nonlocal matrix
            part = np.asarray(vectors, dtype=np.float32)
            if matrix is None:
                matrix = np.zeros((len(table.ids), part.shape[1]), dtype=np.float32)
            places = table.places(np.asarray(nodes, dtype=np.int64))
            matrix[places[places >= 0]] = part[places >= 0]
            nodes.clear()
            vectors.clear()

        try:
            for node, vector in self._server.stream(text):
                nodes.append(node)
                vectors.append(vector)
                if len(nodes) == _IDS_AT_ONCE:
                    keep()
            if nodes:
                keep()
        except (ValueError, IndexError) as error:
            raise StoreError(
                f"the vectors {label}.{name} in {self._server.address.location} are not all of one width; write them"
                " anew (`graphfeed embed`, `graphfeed publish`)"
            ) from error
        return matrix

    def _places(self, label: str) -> Iterator[Sequence[Any]]:
        """Internal id, order and id of all nodes of a label, a range a record if that pays."""
        bounds = self._server.read(statements.id_bounds(label))[0]
        if not bounds["n"] or bounds["most"] - bounds["least"] > _SPARSE * bounds["n"]:
            yield from self._server.stream(statements.node_columns(label, ("id",)))
            return
        starts = range(bounds["least"], bounds["most"] + 1, _IDS_AT_ONCE)
        parts = ({"first": first, "last": min(first + _IDS_AT_ONCE - 1, bounds["most"])} for first in starts)
        for [(rows,)] in self._server.stream_each(statements.ids_between(label), parts):
            yield from rows

    def _read_table(self, label: str) -> NodeTable:
        nodes, places, ids = array("q"), array("q"), []
        for node, place, id_ in self._places(label):
            nodes.append(node)
            places.append(-1 if place is None else place)
            ids.append(id_)
        node, place = np.array(nodes, dtype=np.int64), np.array(places, dtype=np.int64)
        order = np.lexsort((node, np.where(place < 0, _LAST, place)))
        try:
            words = pa.array(ids, pa.string()).take(pa.array(order))
        except pa.ArrowException as error:
            raise StoreError(f"an id of {label} is not text ({error}); graphfeed's ids are") from error
        if self._server.mapping is not None and len(words.unique()) < len(words):
            twice = words.value_counts().to_pylist()
            example = next(pair["values"] for pair in twice if pair["counts"] > 1)
            raise StoreError(f"several {label} nodes have the id {example!r}: name another key in [graph]")
        by_node = np.argsort(node[order])
        return NodeTable(words, node[order][by_node], by_node, int((place < 0).sum()), int(place.max(initial=-1)) + 1)


def _in_order(table: NodeTable, nodes: array[int]) -> tuple[Integers, npt.NDArray[np.bool_]]:
    """For each place, the row that holds its node; and which places have one."""
    places = table.places(np.array(nodes, dtype=np.int64))
    order = np.full(len(table.ids), -1)
    order[places[places >= 0]] = np.flatnonzero(places >= 0)
    return order, order >= 0


def _batch(label: str, rows: list[Any], schema: pa.Schema) -> pa.RecordBatch:
    values = zip(*rows, strict=True) if rows else [[] for _ in schema]
    try:
        return pa.record_batch(
            [pa.array(list(v), field.type) for field, v in zip(schema, values, strict=True)], schema=schema
        )
    except (pa.ArrowException, TypeError) as error:
        raise StoreError(f"a property of {label} is of another type than graphfeed's: {error}") from error


def _relation_table(type_: str, columns: dict[str, Any], sources: NodeTable, targets: NodeTable) -> pa.Table | None:
    """Arrays as they came, to a table in the relation's order; relationships between other labels are left out."""
    # A column is let go as soon as it is used: a large relation is held little more than once.
    source = sources.places(np.frombuffer(columns.pop("source"), dtype=np.int64))
    target = targets.places(np.frombuffer(columns.pop("target"), dtype=np.int64))
    place = np.frombuffer(columns.pop("place"), dtype=np.int64)
    order = np.argsort(np.where(place < 0, _LAST, place), kind="stable")
    del place
    if (source < 0).any() or (target < 0).any():
        order = order[(source[order] >= 0) & (target[order] >= 0)]
    if not len(order):
        return None
    table = {"source": source[order], "target": target[order]}
    for name in ("at", "count"):
        if name in columns:
            table[name] = np.frombuffer(columns.pop(name), dtype=np.int64)[order]
    rest = [n for n in RELATIONSHIP_TYPES[type_].properties if n not in ("at", "count")]
    properties = list(zip(*columns["rest"], strict=True)) if rest else []
    for name, values in zip(rest, properties, strict=True):
        table[name] = pa.array(list(values), RELATIONSHIP_TYPES[type_].properties[name]).take(pa.array(order))
    if "events" in columns:
        table["events"] = pa.array(columns["events"], pa.list_(pa.int64())).take(pa.array(order))
    return pa.table(table)


def _merged(type_: str, source_label: str, target_label: str, rows: pa.Table) -> Relation:
    """The seam's relation. Several relationships between two nodes, which others may have written, become one."""
    definition = RELATIONSHIP_TYPES[type_]
    source, target = rows["source"].to_numpy(), rows["target"].to_numpy()
    none = np.full(len(rows), NO_TIME)
    at = rows["at"].to_numpy() if "at" in definition.properties else none
    ones = np.ones(len(rows), dtype=np.float32)
    count = rows["count"].to_numpy().astype(np.float32) if "count" in definition.properties else ones
    rest = rows.select([name for name in definition.properties if name not in ("at", "count")])
    first, at, count = merge_events(source, target, at, count, [rows[key] for key in definition.key])
    if len(first) < len(rows):
        source, target, rest = source[first], target[first], rest.take(pa.array(first))
    return Relation(type_, source_label, target_label, source, target, at, count, rest)


def _check_label(label: str) -> None:
    if label not in NODE_TYPES:
        raise StoreError(f"no label {label!r}; there are: {', '.join(NODE_TYPES)}")

"""A graph as networkx's ``MultiDiGraph``, and such a graph as a scan.

    graph = to_networkx(store.scan())
    graph.nodes["User:26"]["name"], graph["User:26"]["Post:7"]["LIKED"]["at"]

A node is called ``<label>:<id>`` and has ``label`` and its properties; an edge has ``type``, its properties and
``position``, its place in the order of its type, and its key is the type (with the name of the relation, where several
may join two nodes). What has no value is left out. All of it is in memory: some kilobytes a node, one an edge.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias

import networkx as nx
import pyarrow as pa

from graphfeed.errors import SourceError
from graphfeed.graph.scan import EVENTS, GraphScan, Links, Matrix, links_schema, node_columns_schema
from graphfeed.graph.schema import PREDICTED, Generation
from graphfeed.loaders.records import CHUNK_ROWS, NODE_TYPES, RELATIONSHIP_TYPES, TIME

Graph: TypeAlias = "nx.MultiDiGraph[str]"
Row = dict[str, Any]

_PREDICTED_ENDS = {type_: ends for type_, ends in PREDICTED.items() if "Generation" not in ends}


def to_networkx(scan: GraphScan, *, predictions: bool = False) -> Graph:
    """The observed graph; with ``predictions`` also what the active generation predicts, with rank, score, reasons.

    Times are ``datetime`` without a zone, in UTC.
    """
    graph: Graph = nx.MultiDiGraph()
    for label in NODE_TYPES:
        for rows in scan.nodes(label):
            for row in rows.to_pylist():
                graph.add_node(f"{label}:{row.pop('id')}", label=label, **_known(row))
    for type_, definition in RELATIONSHIP_TYPES.items():
        position = 0
        for links in scan.relationships(type_):
            for row in links.rows.to_pylist():
                source, target = (
                    f"{links.source_label}:{row.pop('source')}",
                    f"{links.target_label}:{row.pop('target')}",
                )
                key = ":".join([type_, *(row[name] for name in definition.key if row[name] is not None)])
                graph.add_edge(source, target, key, type=type_, position=position, **_known(row))
                position += 1
    if predictions:
        _add_predictions(graph, scan)
    return graph


class NetworkxScan:
    """``GraphScan`` of a networkx graph as ``to_networkx`` makes them. Raises SourceError for any other."""

    folder: Path | None = None

    def __init__(self, graph: Any, where: str) -> None:
        self.where = where
        self.left_out: Counter[str] = Counter()
        """What a store has no place for, with how often it was found."""
        if not (graph.is_directed() and graph.is_multigraph()):
            raise SourceError(f"{where} is no directed multigraph; graphfeed's graphs are")
        self._nodes: dict[str, list[Row]] = {label: [] for label in NODE_TYPES}
        self._edges: dict[tuple[str, str, str], list[tuple[int, Row]]] = {}
        for name, data in graph.nodes(data=True):
            self._add_node(name, data)
        for number, (source, target, data) in enumerate(graph.edges(data=True)):
            self._add_edge(source, target, data, number)

    def nodes(self, label: str) -> Iterator[pa.Table]:
        """See ``GraphScan.nodes``."""
        schema = node_columns_schema(NODE_TYPES[label].properties)
        for start in range(0, len(self._nodes[label]), CHUNK_ROWS):
            yield self._table(self._nodes[label][start : start + CHUNK_ROWS], schema, label)

    def relationships(self, type_: str) -> Iterator[Links]:
        """See ``GraphScan.relationships``."""
        for pair in RELATIONSHIP_TYPES[type_].pairs:
            rows = [row for _, row in sorted(self._edges.get((type_, *pair), []), key=lambda edge: edge[0])]
            for start in range(0, len(rows), CHUNK_ROWS):
                yield Links(type_, *pair, self._table(rows[start : start + CHUNK_ROWS], links_schema(type_), type_))

    def vectors(self, label: str, name: str) -> Matrix | None:
        """None: such a graph has no vectors."""
        return None

    def generations(self) -> list[Generation]:
        """None are in it."""
        return []

    def predictions(self, type_: str) -> Iterator[pa.Table]:
        """None are in it."""
        return iter(())

    def check(self) -> None:
        """It does not change."""

    def _add_node(self, name: object, data: Row) -> None:
        label, colon, id_ = str(name).partition(":")
        if not colon or not id_ or label not in NODE_TYPES or data.get("label") != label:
            raise SourceError(
                f"{self.where}: the node {name!r} with the label {data.get('label')!r} is none of graphfeed's: a node"
                f" is called LABEL:ID and has a label, one of {', '.join(NODE_TYPES)}"
            )
        self._nodes[label].append({"id": id_, **self._kept(data, NODE_TYPES[label].properties, ("label",), label)})

    def _add_edge(self, source: str, target: str, data: Row, number: int) -> None:
        type_, ends = data.get("type"), (source.partition(":")[0], target.partition(":")[0])
        if type_ in PREDICTED:
            self.left_out[f"predictions ({type_})"] += 1
            return
        if type_ not in RELATIONSHIP_TYPES or ends not in RELATIONSHIP_TYPES[type_].pairs:
            raise SourceError(
                f"{self.where}: the edge from {source!r} to {target!r} of type {type_!r} is none of graphfeed's: types"
                f" are {', '.join(RELATIONSHIP_TYPES)}, each between labels of its own"
            )
        properties = {**RELATIONSHIP_TYPES[type_].properties, EVENTS: pa.list_(TIME)}
        row = self._kept(data, properties, ("type", "position", "edge_id", "id"), type_)
        if "count" in RELATIONSHIP_TYPES[type_].properties:
            row.setdefault("count", 1)
        position = data.get("position", number)
        if not isinstance(position, int):
            raise SourceError(f"{self.where}: an edge's position is a whole number, found {position!r}")
        ids = {"source": source.partition(":")[2], "target": target.partition(":")[2]}
        self._edges.setdefault((type_, *ends), []).append((position, {**ids, **row}))

    def _kept(self, data: Row, properties: dict[str, pa.DataType], own: tuple[str, ...], name: str) -> Row:
        self.left_out.update(f"{name}.{key}" for key in data if key not in properties and key not in own)
        return {key: self._value(data[key], kind, key) for key, kind in properties.items() if key in data}

    def _value(self, value: Any, kind: pa.DataType, key: str) -> Any:
        try:
            if pa.types.is_list(kind):
                parts = json.loads(value) if isinstance(value, str) else value
                if parts is not None and not isinstance(parts, list):
                    raise ValueError("no list")
                return parts if parts is None else [self._value(part, kind.value_type, key) for part in parts]
            return _time(value) if pa.types.is_timestamp(kind) and isinstance(value, str) else value
        except ValueError as error:
            raise SourceError(f"{self.where}: {key} cannot be {value!r:.80}: expected {kind} ({error})") from error

    def _table(self, rows: list[Row], schema: pa.Schema, name: str) -> pa.Table:
        columns = {}
        for field in schema:
            try:
                columns[field.name] = pa.array([row.get(field.name) for row in rows], field.type)
            except (pa.ArrowException, TypeError, UnicodeError, OverflowError) as error:
                raise SourceError(
                    f"{self.where}: {field.name} of {name} is not all of the type {field.type}: {error}"
                ) from error
        return pa.table(columns, schema)


def _add_predictions(graph: Graph, scan: GraphScan) -> None:
    active = next((g.id for g in scan.generations() if g.active), None)
    for type_, (source, target) in _PREDICTED_ENDS.items():
        for rows in scan.predictions(type_):
            for row in rows.to_pylist():
                if row.pop("generation") == active:
                    ends = f"{source}:{row.pop('source')}", f"{target}:{row.pop('target')}"
                    graph.add_edge(*ends, type_, type=type_, **row)


def _known(row: Row) -> Row:
    return {name: value for name, value in row.items() if value is not None}


def _time(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    return at if at.tzinfo is None else at.astimezone(UTC).replace(tzinfo=None)

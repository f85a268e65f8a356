"""A whole graph as a stream: what is copied, exported, imported, and held against what came of it.

    scan = store.scan()
    for label in NODE_TYPES:
        for rows in scan.nodes(label):
            ...

A store gives one of itself (``GraphStore.scan``); an exported folder and a networkx graph are read as one. Nodes and
relationships come in their order, some thousands at a time, so that texts never are in memory as a whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from graphfeed.graph.journal.events import merge_events, relationship_groups, times
from graphfeed.graph.schema import Generation
from graphfeed.graph.store import NO_TIME
from graphfeed.loaders.records import CHUNK_ROWS, RELATIONSHIP_TYPES, TEXT, TIME

Int64 = npt.NDArray[np.int64]
Matrix = npt.NDArray[np.float32]

EVENTS = "events"
"""Column of a relationship's own times, where it stands for several events (else null)."""


@dataclass(frozen=True)
class Links:
    """Some relationships of one type between two labels."""

    type: str
    source_label: str
    target_label: str
    rows: pa.Table
    """The columns of ``links_schema(type)``; one row per relationship, in order of first appearance."""


class GraphScan(Protocol):
    """A graph as it is at one moment."""

    where: str
    """What is read, as a person would name it."""
    folder: Path | None
    """Where the encoder of the text vectors is named (``encoder.json``); None where there are no vectors."""

    def nodes(self, label: str) -> Iterator[pa.Table]:
        """All nodes of a label in order: ``id`` and the label's properties."""
        ...

    def relationships(self, type_: str) -> Iterator[Links]:
        """All relationships of an observed type in order."""
        ...

    def vectors(self, label: str, name: str) -> Matrix | None:
        """A vector property, ``[nodes, width]`` in the order of ``nodes``; None where it was never written."""
        ...

    def generations(self) -> list[Generation]:
        """The published generations, the active one first."""
        ...

    def predictions(self, type_: str) -> Iterator[pa.Table]:
        """Predicted relationships (``PREDICTION_SCHEMA``) of these generations, in no order of their own."""
        ...

    def check(self) -> None:
        """Raise StoreError where the graph was changed since the scan began: what was read is then no one moment's."""
        ...


def node_columns_schema(properties: dict[str, pa.DataType]) -> pa.Schema:
    """Columns of a scan's nodes."""
    return pa.schema([("id", TEXT), *properties.items()])


def links_schema(type_: str) -> pa.Schema:
    """Columns of a scan's relationships: ``source``, ``target`` (ids), the properties, and ``events`` with times."""
    properties = RELATIONSHIP_TYPES[type_].properties
    events = [(EVENTS, pa.list_(TIME))] if "at" in properties else []
    return pa.schema([("source", TEXT), ("target", TEXT), *properties.items(), *events])


def links_of_events(
    type_: str,
    pair: tuple[str, str],
    ids: tuple[pa.StringArray, pa.StringArray],
    ends: tuple[Int64, Int64],
    rows: pa.Table,
) -> Iterator[Links]:
    """Events in order of appearance as relationships: ``at`` the earliest, ``count`` the sum, ``events`` the times.

    ``ends``: positions of each event's source and target in ``ids``. ``rows``: the type's properties.
    """
    first, columns = _merged(type_, *ends, rows)
    for start in range(0, len(first), CHUNK_ROWS):
        part = first[start : start + CHUNK_ROWS]
        found = {
            name: words.take(pa.array(end[part]))
            for name, words, end in zip(("source", "target"), ids, ends, strict=True)
        }
        for name in RELATIONSHIP_TYPES[type_].properties:
            found[name] = (
                columns[name][start : start + CHUNK_ROWS] if name in columns else rows[name].take(pa.array(part))
            )
        if "at" in found:
            found[EVENTS] = columns[EVENTS][start : start + CHUNK_ROWS]
        yield Links(type_, *pair, pa.table(found, links_schema(type_)))


def events_of_links(links: Links) -> pa.Table:
    """Rows for ``Change.write_relationships``: one per event. Of several the first has what is left of the count."""
    rows = links.rows
    if EVENTS not in rows.column_names:
        return rows
    events = rows[EVENTS].combine_chunks()
    rows = rows.drop_columns([EVENTS])
    if events.null_count == len(events):
        return rows
    known = pc.fill_null(pc.list_value_length(events), 0).to_numpy(zero_copy_only=False).astype(np.int64)
    sizes = np.maximum(known, 1)
    row = np.repeat(np.arange(len(sizes)), sizes)
    at = times(rows["at"])[row]
    at[np.repeat(known > 0, sizes)] = times(pa.chunked_array([events.flatten()]))
    rows = rows.take(pa.array(row))
    rows = rows.set_column(rows.column_names.index("at"), "at", _stamps(at))
    if "count" in rows.column_names:
        rest = rows["count"].fill_null(1).to_numpy() - (sizes[row] - 1)
        count = np.where(np.r_[True, row[1:] != row[:-1]], rest, 1)
        rows = rows.set_column(rows.column_names.index("count"), "count", pa.array(count))
    return rows


def _merged(type_: str, source: Int64, target: Int64, rows: pa.Table) -> tuple[Int64, dict[str, pa.Array]]:
    """The first event of each relationship, and the columns that are made from all of its events."""
    definition = RELATIONSHIP_TYPES[type_]
    timed, counted = "at" in definition.properties, "count" in definition.properties
    at = times(rows["at"]) if timed else np.full(len(source), NO_TIME)
    keys = [rows[key] for key in definition.key]
    first, earliest, _ = merge_events(source, target, at, np.ones(len(source), dtype=np.float32), keys)
    several = len(first) < len(source)
    group = relationship_groups(source, target, keys) if several else first
    columns: dict[str, pa.Array] = {}
    if counted:
        count = rows["count"].fill_null(1).to_numpy()
        total = np.bincount(group, weights=count, minlength=len(first)) if several else count
        columns["count"] = pa.array(np.rint(total).astype(np.int64))
    if timed:
        columns["at"] = _stamps(earliest)
        columns[EVENTS] = _times_of_groups(at, group) if several else pa.nulls(len(first), pa.list_(TIME))
    return first, columns


def _times_of_groups(at: Int64, group: Int64) -> pa.ListArray:
    """The times of each relationship's events, null where it is a single one."""
    kept = ~pd.DataFrame({"group": group, "at": at}).duplicated().to_numpy()
    at, group = at[kept], group[kept]
    sizes = np.bincount(group)
    in_order = at[np.argsort(group, kind="stable")]
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32)
    lists = pa.ListArray.from_arrays(pa.array(offsets), _stamps(in_order))
    return pc.if_else(pa.array(sizes > 1), lists, pa.scalar(None, lists.type))


def _stamps(at: Int64) -> pa.Array:
    return pa.array(at, TIME, mask=at == NO_TIME)

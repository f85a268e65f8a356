"""Rows that are given to a change, checked before a store writes them; what every store does alike.

Text is UTF-8, times lie in the years 1 to 9999, vectors and scores are finite, lists hold no nulls (they are dropped:
no list in Neo4j can hold one), and both ends of a prediction are in the graph.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import repeat
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from graphfeed.errors import StoreError
from graphfeed.graph.journal.events import EventSet, content_hashes, event_hashes, times
from graphfeed.graph.schema import PREDICTED, PREDICTION_SCHEMA, VECTORS
from graphfeed.graph.store import NO_TIME
from graphfeed.loaders.records import NODE_TYPES, RELATIONSHIP_TYPES, TEXT

Integers = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

_FIRST_TIME, _LAST_TIME = -62_135_596_800_000_000, 253_402_300_799_999_999  # years 1 and 9999: what datetime can hold


class NodeKeys:
    """The ids of a label and where they stand, with a hash of each node's content. Grows with the change."""

    def __init__(self, ids: pa.ChunkedArray | pa.StringArray, content: npt.NDArray[np.uint64]) -> None:
        self.index: dict[str, int] = dict(zip(ids.to_pylist(), range(len(ids)), strict=True))
        self.content = content
        self.given = np.zeros(len(ids), dtype=np.bool_)
        """Written by this change, other than implied."""

    def find(self, ids: pa.ChunkedArray) -> Integers:
        """Index of each id, -1 for those not in the graph."""
        return np.fromiter(map(self.index.get, ids.to_pylist(), repeat(-1)), np.int64, len(ids))

    def insert(self, ids: pa.ChunkedArray) -> tuple[Integers, int]:
        """Index of each id; ids not there yet get the next ones. Also the number of nodes before."""
        before = len(self.index)
        words = ids.to_pylist()
        found = np.fromiter(map(self.index.get, words, repeat(-1)), np.int64, len(words))
        for position in np.flatnonzero(found < 0):
            found[position] = self.index.setdefault(words[position], len(self.index))
        if len(self.index) > len(self.content):
            size = max(len(self.index), 2 * len(self.content))
            self.content, self.given = (_grown(array, size) for array in (self.content, self.given))
        return found, before

    def choose(self, nodes: Integers, before: int, implied: bool) -> tuple[Mask, Mask]:
        """Of rows with the indices ``nodes``: which are duplicates, and which may have to be written."""
        repeated = pd.Index(nodes).duplicated()
        if implied:
            return np.zeros(len(nodes), dtype=np.bool_), ~repeated & (nodes >= before)
        duplicate = repeated | self.given[nodes]
        self.given[nodes] = True
        return duplicate, ~duplicate

    def changed(self, nodes: Integers, rows: pa.Table, before: int, wanted: Mask) -> Integers:
        """Positions of the wanted rows that are new or differ from what is there; their content is kept in mind."""
        content = content_hashes(rows)
        chosen = np.flatnonzero(wanted & ((nodes >= before) | (self.content[nodes] != content)))
        self.content[nodes[chosen]] = content[chosen]
        return chosen


class Events:
    """The events of one relationship type between two labels: those of earlier changes, and this change's."""

    def __init__(self) -> None:
        self.before, self.now = EventSet(), EventSet()

    def take(self, hashes: npt.NDArray[np.uint64]) -> tuple[Mask, Integers]:
        """Which rows were given before in this change, and the positions of those that no change has written."""
        duplicate = pd.Index(hashes).duplicated() | self.now.contains(hashes)
        self.now.add(hashes[~duplicate])
        return duplicate, np.flatnonzero(~duplicate & ~self.before.contains(hashes))


def node_rows(label: str, rows: pa.Table) -> pa.Table:
    """Rows for ``write_nodes``: ``id`` and the label's properties. Raises StoreError."""
    rows = aligned(rows, pa.schema([("id", TEXT), *properties_of(label, NODE_TYPES, "label").items()]), label)
    if rows.num_rows and (rows["id"].null_count or pc.any(pc.equal(rows["id"], "")).as_py()):
        raise StoreError(f"a node of label {label} has no id; every row needs a non-empty one")
    return rows


def relationship_rows(type_: str, source_label: str, target_label: str, rows: pa.Table) -> pa.Table:
    """Rows for ``write_relationships``: ``source``, ``target`` and the type's properties. Raises StoreError."""
    properties = properties_of(type_, RELATIONSHIP_TYPES, "relationship type")
    pairs = RELATIONSHIP_TYPES[type_].pairs
    if (source_label, target_label) not in pairs:
        raise StoreError(f"{type_} does not join {source_label} to {target_label}; it joins {pairs}")
    return aligned(rows, pa.schema([("source", TEXT), ("target", TEXT), *properties.items()]), type_)


def vector_rows(
    label: str, name: str, vectors: npt.NDArray[np.float32], nodes: Callable[[], int]
) -> npt.NDArray[np.float32]:
    """A matrix for ``write_vectors``, in one piece; ``nodes`` says how many rows it needs. Raises StoreError."""
    properties_of(label, NODE_TYPES, "label")
    if name not in VECTORS:
        raise StoreError(f"no vector property {name!r}; there are: {', '.join(VECTORS)}")
    expected = nodes()
    vectors = np.ascontiguousarray(vectors, dtype=np.float32)
    if vectors.ndim != 2 or len(vectors) != expected:
        raise StoreError(
            f"{label}.{name} needs one row per node: expected {expected} rows, found shape {vectors.shape}"
        )
    # A sum is NaN or infinite if any part is: no mask of the matrix's size unless something is wrong.
    if not np.isfinite(np.sum(vectors, dtype=np.float64)):
        bad = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
        raise StoreError(f"{label}.{name} has NaN or infinity in {len(bad)} rows, the first at index {bad[0]}")
    return vectors


def prediction_rows(type_: str, rows: pa.Table, keys_of: Callable[[str], NodeKeys]) -> tuple[pa.Table, list[Integers]]:
    """Rows for ``write_predictions`` and the indices of both ends (-1 for a Generation). Raises StoreError."""
    if type_ not in PREDICTED:
        raise StoreError(f"no predicted relationship type {type_!r}; there are: {', '.join(PREDICTED)}")
    rows = aligned(rows, PREDICTION_SCHEMA, type_)
    if any(rows[name].null_count for name in PREDICTION_SCHEMA.names):
        raise StoreError(f"a prediction of type {type_} lacks a value; every column needs one")
    if not pc.all(pc.is_finite(rows["score"]), min_count=0).as_py():
        raise StoreError(f"a prediction of type {type_} has a score that is NaN or infinite")
    ends = []
    for end, label in zip(("source", "target"), PREDICTED[type_], strict=True):
        if label == "Generation":
            found = np.full(rows.num_rows, -1)
            unknown = pc.not_equal(rows[end], rows["generation"]).to_numpy()
        else:
            found = keys_of(label).find(rows[end])
            unknown = found < 0
        if unknown.any():
            first = rows[end][int(np.flatnonzero(unknown)[0])].as_py()
            raise StoreError(f"a prediction of type {type_} has a {end} that is not in the graph: {label} {first!r}")
        ends.append(found)
    return rows, ends


def properties_of(name: str, types: dict[str, Any], what: str) -> dict[str, pa.DataType]:
    """The properties of a label or relationship type. Raises StoreError for one that is not known."""
    if name not in types:
        raise StoreError(f"no {what} {name!r}; there are: {', '.join(types)}")
    properties: dict[str, pa.DataType] = types[name].properties
    return properties


def aligned(rows: pa.Table, schema: pa.Schema, what: str) -> pa.Table:
    """The schema's columns in its order and types, checked; other columns are left out."""
    missing = set(schema.names) - set(rows.column_names)
    if missing:
        raise StoreError(f"rows of {what} lack the columns {sorted(missing)}; expected {schema.names}")
    try:
        rows = rows.select(schema.names).cast(schema)
        rows.validate(full=True)
    except (pa.ArrowException, UnicodeError) as error:
        raise StoreError(
            f"rows of {what} cannot be stored: {error}; expected {schema.names} as UTF-8 text, times and numbers"
        ) from error
    for position, field in enumerate(schema):
        if pa.types.is_timestamp(field.type) and rows.num_rows:
            bounds = pc.min_max(rows[field.name].cast(pa.int64()))
            low, high = bounds["min"].as_py(), bounds["max"].as_py()
            if low is not None and (low < _FIRST_TIME or high > _LAST_TIME):
                raise StoreError(f"rows of {what} have a time in {field.name} outside the years 1 to 9999")
        if pa.types.is_list(field.type):
            rows = rows.set_column(position, field, _without_nulls(rows[field.name]))
    return rows


def hashes_of_events(rows: pa.Table, key: tuple[str, ...]) -> npt.NDArray[np.uint64]:
    """One hash per event: source and target (indices), ``at`` and the key properties."""
    at = times(rows["at"]) if "at" in rows.column_names else np.full(rows.num_rows, NO_TIME)
    source, target = (rows[end].to_numpy().astype(np.int64, copy=False) for end in ("source", "target"))
    return event_hashes(source, target, at, [rows[name] for name in key])


def _without_nulls(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Lists without the nulls that they hold; a null in place of a list stays."""
    chunks = []
    for chunk in column.chunks:
        values = chunk.flatten()
        if values.null_count:
            kept = pc.is_valid(values)
            sizes = np.bincount(
                pc.list_parent_indices(chunk).filter(kept).to_numpy(zero_copy_only=False), minlength=len(chunk)
            )
            offsets = pa.array(np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32))
            chunk = pa.ListArray.from_arrays(offsets, values.filter(kept), mask=chunk.is_null())
        chunks.append(chunk)
    return pa.chunked_array(chunks, type=column.type)


def _grown(array: npt.NDArray[Any], size: int) -> npt.NDArray[Any]:
    grown = np.zeros(size, dtype=array.dtype)
    grown[: len(array)] = array
    return grown

"""Writing the journal: one change's nodes, relationships, vectors and predictions, until they are committed."""

from __future__ import annotations

from dataclasses import replace
from itertools import repeat
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from graphfeed.errors import NotPublishedError, StoreError
from graphfeed.graph.journal import Journal, node_part_schema, relationship_part_schema
from graphfeed.graph.journal_events import EventSet, content_hashes, event_hashes, times
from graphfeed.graph.journal_manifest import Part, State
from graphfeed.graph.journal_parts import TableWriter, write_vectors
from graphfeed.graph.schema import PREDICTED, PREDICTION_SCHEMA, VECTORS, Generation
from graphfeed.graph.store import NO_TIME, Written
from graphfeed.loaders.records import NODE_TYPES, RELATIONSHIP_TYPES, TEXT

Integers = npt.NDArray[np.int64]

_FIRST_TIME, _LAST_TIME = -62_135_596_800_000_000, 253_402_300_799_999_999  # years 1 and 9999: what datetime can hold


class NodeKeys:
    """The ids of a label and where they stand, with a hash of each node's content. Grows with the change."""

    def __init__(self, journal: Journal, label: str) -> None:
        rows = journal.read_nodes(label, ["id", "content"])
        self.index: dict[str, int] = dict(zip(rows["id"].to_pylist(), range(rows.num_rows), strict=True))
        self.content: npt.NDArray[np.uint64] = rows["content"].to_numpy().copy()
        self.given = np.zeros(rows.num_rows, dtype=np.bool_)
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


class JournalChange:
    """A change in the making. ``finish`` gives the state that it leads to."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._folder: Path = journal.folder
        self._number = journal.state.number + 1
        self._keys: dict[str, NodeKeys] = {}
        self._before: dict[tuple[str, str, str], EventSet] = {}
        self._now: dict[tuple[str, str, str], EventSet] = {}
        self._writers: dict[tuple[str, str, str, str, str], TableWriter] = {}
        self._vectors: dict[tuple[str, str], Part] = {}
        self._generations = list(journal.state.generations)

    def write_nodes(self, label: str, rows: pa.Table, *, implied: bool = False) -> Written:
        """See ``Change.write_nodes``."""
        rows = _aligned(rows, pa.schema([("id", TEXT), *_properties(label, NODE_TYPES, "label").items()]), label)
        if rows.num_rows and (rows["id"].null_count or pc.any(pc.equal(rows["id"], "")).as_py()):
            raise StoreError(f"a node of label {label} has no id; every row needs a non-empty one")
        keys = self._keys_of(label)
        nodes, before = keys.insert(rows["id"])
        repeated = pd.Index(nodes).duplicated()
        if implied:
            duplicate = np.zeros(len(nodes), dtype=np.bool_)
            wanted = ~repeated & (nodes >= before)
        else:
            duplicate = repeated | keys.given[nodes]
            wanted = ~duplicate
            keys.given[nodes] = True
        content = content_hashes(rows.drop_columns(["id"]))
        wanted &= (nodes >= before) | (keys.content[nodes] != content)
        chosen = np.flatnonzero(wanted)
        # New nodes get their indices in the order of their first rows, so they stand in order here.
        keys.content[nodes[chosen]] = content[chosen]
        if len(chosen):
            part = {"node": pa.array(nodes[chosen]), "content": pa.array(content[chosen])}
            kept = rows.take(pa.array(chosen))
            table = pa.table({**part, **{name: kept[name] for name in kept.column_names}}, node_part_schema(label))
            self._writer("nodes", label, table.schema).write(table, int((nodes[chosen] >= before).sum()))
        return Written(len(nodes) - int(duplicate.sum()), np.flatnonzero(duplicate), np.empty(0, dtype=np.int64))

    def write_relationships(self, type_: str, source_label: str, target_label: str, rows: pa.Table) -> Written:
        """See ``Change.write_relationships``."""
        properties = _properties(type_, RELATIONSHIP_TYPES, "relationship type")
        definition = RELATIONSHIP_TYPES[type_]
        if (source_label, target_label) not in definition.pairs:
            raise StoreError(f"{type_} does not join {source_label} to {target_label}; it joins {definition.pairs}")
        rows = _aligned(rows, pa.schema([("source", TEXT), ("target", TEXT), *properties.items()]), type_)
        source = self._keys_of(source_label).find(rows["source"])
        target = self._keys_of(target_label).find(rows["target"])
        known = np.flatnonzero((source >= 0) & (target >= 0))
        rows = rows.take(pa.array(known))
        table = pa.table(
            {"source": source[known], "target": target[known], **{name: rows[name] for name in properties}},
            relationship_part_schema(type_),
        )
        hashes = _hashes(table, definition.key)
        before, now = self._events_of(type_, source_label, target_label)
        duplicate = pd.Index(hashes).duplicated() | now.contains(hashes)
        now.add(hashes[~duplicate])
        fresh = np.flatnonzero(~duplicate & ~before.contains(hashes))
        if len(fresh):
            writer = self._writer("relationships", type_, table.schema, source_label, target_label)
            writer.write(table.take(pa.array(fresh)) if len(fresh) < len(table) else table, len(fresh))
        dangling = np.flatnonzero((source < 0) | (target < 0))
        return Written(len(known) - int(duplicate.sum()), known[duplicate], dangling)

    def write_vectors(self, label: str, name: str, vectors: npt.NDArray[np.float32]) -> None:
        """See ``Change.write_vectors``."""
        _properties(label, NODE_TYPES, "label")
        if name not in VECTORS:
            raise StoreError(f"no vector property {name!r}; there are: {', '.join(VECTORS)}")
        nodes = len(self._keys[label].index) if label in self._keys else self._journal.node_count(label)
        vectors = np.ascontiguousarray(vectors, dtype=np.float32)
        if vectors.ndim != 2 or len(vectors) != nodes:
            raise StoreError(
                f"{label}.{name} needs one row per node: expected {nodes} rows, found shape {vectors.shape}"
            )
        # A sum is NaN or infinite if any part is: no mask of the matrix's size unless something is wrong.
        if not np.isfinite(np.sum(vectors, dtype=np.float64)):
            bad = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
            raise StoreError(f"{label}.{name} has NaN or infinity in {len(bad)} rows, the first at index {bad[0]}")
        if (label, name) in self._vectors:
            (self._folder / self._vectors[label, name].file).unlink(missing_ok=True)
        file = self._file("vectors", name, label, suffix="npy")
        part = Part(file, "vectors", name, label, "", 0, 0, self._number, 0, 0, 0)
        self._vectors[label, name] = write_vectors(self._folder, part, vectors)

    def write_predictions(self, type_: str, rows: pa.Table) -> None:
        """See ``Change.write_predictions``."""
        if type_ not in PREDICTED:
            raise StoreError(f"no predicted relationship type {type_!r}; there are: {', '.join(PREDICTED)}")
        rows = _aligned(rows, PREDICTION_SCHEMA, type_)
        if any(rows[name].null_count for name in PREDICTION_SCHEMA.names):
            raise StoreError(f"a prediction of type {type_} lacks a value; every column needs one")
        if not pc.all(pc.is_finite(rows["score"]), min_count=0).as_py():
            raise StoreError(f"a prediction of type {type_} has a score that is NaN or infinite")
        for end, label in zip(("source", "target"), PREDICTED[type_], strict=True):
            if label == "Generation":
                unknown = pc.not_equal(rows[end], rows["generation"]).to_numpy()
            else:
                unknown = self._keys_of(label).find(rows[end]) < 0
            if unknown.any():
                first = rows[end][int(np.flatnonzero(unknown)[0])].as_py()
                raise StoreError(
                    f"a prediction of type {type_} has a {end} that is not in the graph: {label} {first!r}"
                )
        for generation in rows["generation"].unique().to_pylist():
            chosen = rows.filter(pc.equal(rows["generation"], generation))
            writer = self._writer("predictions", type_, PREDICTION_SCHEMA, *PREDICTED[type_], generation=generation)
            writer.write(chosen, len(chosen))

    def activate(self, generation: Generation) -> None:
        """See ``Change.activate``."""
        if generation.id in {g.id for g in self._generations}:
            raise StoreError(f"the generation {generation.id!r} is there already; give the new one another id")
        former = [replace(g, active=False) for g in self._generations if g.active]
        self._generations = [*former, replace(generation, active=True)]

    def rollback(self) -> Generation:
        """See ``Change.rollback``."""
        former = [g for g in self._generations if not g.active]
        if not former:
            raise NotPublishedError("there is no generation before the active one to go back to")
        restored = replace(former[-1], active=True)
        self._generations = [restored]
        return restored

    def finish(self) -> State:
        """Close and sync all parts; the state that they make, without an index. Unchanged if nothing was written."""
        state = self._journal.state
        written = [writer.close() for writer in self._writers.values()]
        live = {generation.id for generation in self._generations}
        new = live - {generation.id for generation in state.generations}
        stray = sorted({p.generation for p in written if p.generation} - new)
        if stray:
            raise StoreError(f"predictions were written for {stray}, which the change did not activate")
        replaced = set(self._vectors)
        parts = [
            p
            for p in state.parts
            if not (p.kind == "vectors" and (p.source_label, p.name) in replaced)
            and (not p.generation or p.generation in live)
        ]
        parts += [*written, *self._vectors.values()]
        if tuple(parts) == state.parts and tuple(self._generations) == state.generations:
            return state
        observed = any(p.kind in ("nodes", "relationships") for p in written)
        return replace(
            state,
            number=self._number,
            observed=self._number if observed else state.observed,
            parts=tuple(parts),
            generations=tuple(self._generations),
        )

    def abort(self) -> None:
        """Close the files written so far. Whoever holds the lock sweeps away what the manifest does not name."""
        for writer in self._writers.values():
            writer.abort()

    def _keys_of(self, label: str) -> NodeKeys:
        if label not in self._keys:
            self._keys[label] = NodeKeys(self._journal, label)
        return self._keys[label]

    def _events_of(self, type_: str, source_label: str, target_label: str) -> tuple[EventSet, EventSet]:
        key = (type_, source_label, target_label)
        if key not in self._before:
            before = EventSet()
            names = RELATIONSHIP_TYPES[type_].key
            columns = ["source", "target", *(n for n in ("at", *names) if n in RELATIONSHIP_TYPES[type_].properties)]
            for part in dict(self._journal.pairs(type_))[source_label, target_label]:
                before.add(_hashes(self._journal.read_events(type_, [part], columns), names))
            self._before[key], self._now[key] = before, EventSet()
        return self._before[key], self._now[key]

    def _writer(
        self, kind: str, name: str, schema: pa.Schema, source: str = "", target: str = "", *, generation: str = ""
    ) -> TableWriter:
        key = (kind, name, source, target, generation)
        if key not in self._writers:
            file = self._file(kind, name, source, target, str(len(self._writers)))
            part = Part(file, kind, name, source, target, 0, 0, self._number, 0, 0, 0, generation)
            self._writers[key] = TableWriter(self._folder, part, schema)
        return self._writers[key]

    def _file(self, *words: str, suffix: str = "arrow") -> str:
        return "-".join([f"{self._number:06}", *(word.lower() for word in words if word)]) + f".{suffix}"


def _properties(name: str, types: dict[str, Any], what: str) -> dict[str, pa.DataType]:
    if name not in types:
        raise StoreError(f"no {what} {name!r}; there are: {', '.join(types)}")
    properties: dict[str, pa.DataType] = types[name].properties
    return properties


def _aligned(rows: pa.Table, schema: pa.Schema, what: str) -> pa.Table:
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
    for field in schema:
        if pa.types.is_timestamp(field.type) and rows.num_rows:
            bounds = pc.min_max(rows[field.name].cast(pa.int64()))
            low, high = bounds["min"].as_py(), bounds["max"].as_py()
            if low is not None and (low < _FIRST_TIME or high > _LAST_TIME):
                raise StoreError(f"rows of {what} have a time in {field.name} outside the years 1 to 9999")
    return rows


def _hashes(rows: pa.Table, key: tuple[str, ...]) -> npt.NDArray[np.uint64]:
    at = times(rows["at"]) if "at" in rows.column_names else np.full(rows.num_rows, NO_TIME)
    source, target = (rows[end].to_numpy().astype(np.int64, copy=False) for end in ("source", "target"))
    return event_hashes(source, target, at, [rows[name] for name in key])


def _grown(array: npt.NDArray[Any], size: int) -> npt.NDArray[Any]:
    grown = np.zeros(size, dtype=array.dtype)
    grown[: len(array)] = array
    return grown

"""Writing the journal: one change's nodes, relationships, vectors and predictions, until they are committed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from graphfeed.errors import NotPublishedError, StoreError
from graphfeed.graph.incoming_rows import (
    Events,
    NodeKeys,
    hashes_of_events,
    node_rows,
    prediction_rows,
    relationship_rows,
    vector_rows,
)
from graphfeed.graph.journal.manifest import Part, State
from graphfeed.graph.journal.parts import TableWriter, write_vectors
from graphfeed.graph.journal.reading import Journal, node_part_schema, relationship_part_schema
from graphfeed.graph.measures import measure_rows
from graphfeed.graph.schema import PREDICTED, PREDICTION_SCHEMA, Generation
from graphfeed.graph.store import Written
from graphfeed.loaders.records import RELATIONSHIP_TYPES


class JournalChange:
    """A change in the making. ``finish`` gives the state that it leads to."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._folder: Path = journal.folder
        self._number = journal.state.number + 1
        self._keys: dict[str, NodeKeys] = {}
        self._events: dict[tuple[str, str, str], Events] = {}
        self._writers: dict[tuple[str, str, str, str, str], TableWriter] = {}
        self._vectors: dict[tuple[str, str], Part] = {}
        self._measures: dict[str, Part] = {}
        self._generations = list(journal.state.generations)

    def write_nodes(self, label: str, rows: pa.Table, *, implied: bool = False) -> Written:
        """See ``Change.write_nodes``."""
        rows = node_rows(label, rows)
        keys = self._keys_of(label)
        nodes, before = keys.insert(rows["id"])
        duplicate, wanted = keys.choose(nodes, before, implied)
        # New nodes get their indices in the order of their first rows, so they stand in order here.
        chosen = keys.changed(nodes, rows.drop_columns(["id"]), before, wanted)
        if len(chosen):
            part = {"node": pa.array(nodes[chosen]), "content": pa.array(keys.content[nodes[chosen]])}
            kept = rows.take(pa.array(chosen))
            table = pa.table({**part, **{name: kept[name] for name in kept.column_names}}, node_part_schema(label))
            self._writer("nodes", label, table.schema).write(table, int((nodes[chosen] >= before).sum()))
        return Written(len(nodes) - int(duplicate.sum()), np.flatnonzero(duplicate), np.empty(0, dtype=np.int64))

    def write_relationships(self, type_: str, source_label: str, target_label: str, rows: pa.Table) -> Written:
        """See ``Change.write_relationships``."""
        rows = relationship_rows(type_, source_label, target_label, rows)
        source = self._keys_of(source_label).find(rows["source"])
        target = self._keys_of(target_label).find(rows["target"])
        known = np.flatnonzero((source >= 0) & (target >= 0))
        rows = rows.take(pa.array(known)).drop_columns(["source", "target"])
        table = pa.table(
            {"source": source[known], "target": target[known], **{name: rows[name] for name in rows.column_names}},
            relationship_part_schema(type_),
        )
        events = self._events_of(type_, source_label, target_label)
        duplicate, fresh = events.take(hashes_of_events(table, RELATIONSHIP_TYPES[type_].key))
        if len(fresh):
            writer = self._writer("relationships", type_, table.schema, source_label, target_label)
            writer.write(table.take(pa.array(fresh)) if len(fresh) < len(table) else table, len(fresh))
        dangling = np.flatnonzero((source < 0) | (target < 0))
        return Written(len(known) - int(duplicate.sum()), known[duplicate], dangling)

    def write_vectors(self, label: str, name: str, vectors: npt.NDArray[np.float32]) -> None:
        """See ``Change.write_vectors``."""
        vectors = vector_rows(label, name, vectors, lambda: self._node_count(label))
        if (label, name) in self._vectors:
            (self._folder / self._vectors[label, name].file).unlink(missing_ok=True)
        file = self._file("vectors", name, label, suffix="npy")
        part = Part(file, "vectors", name, label, "", 0, 0, self._number, 0, 0, 0)
        self._vectors[label, name] = write_vectors(self._folder, part, vectors)

    def write_measures(self, label: str, rows: pa.Table) -> None:
        """See ``Change.write_measures``."""
        rows = measure_rows(label, rows, self._node_count(label))
        if label in self._measures:
            (self._folder / self._measures[label].file).unlink(missing_ok=True)
        part = Part(self._file("measures", label), "measures", label, label, "", 0, 0, self._number, 0, 0, 0)
        writer = TableWriter(self._folder, part, rows.schema)
        writer.write(rows, rows.num_rows)
        self._measures[label] = writer.close()

    def write_predictions(self, type_: str, rows: pa.Table) -> None:
        """See ``Change.write_predictions``."""
        rows, _ = prediction_rows(type_, rows, self._keys_of)
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
            and not (p.kind == "measures" and p.name in self._measures)
            and (not p.generation or p.generation in live)
        ]
        parts += [*written, *self._vectors.values(), *self._measures.values()]
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

    def _node_count(self, label: str) -> int:
        return len(self._keys[label].index) if label in self._keys else self._journal.node_count(label)

    def _keys_of(self, label: str) -> NodeKeys:
        if label not in self._keys:
            rows = self._journal.read_nodes(label, ["id", "content"])
            self._keys[label] = NodeKeys(rows["id"], rows["content"].to_numpy().copy())
        return self._keys[label]

    def _events_of(self, type_: str, source_label: str, target_label: str) -> Events:
        key = (type_, source_label, target_label)
        if key not in self._events:
            events = self._events[key] = Events()
            names = RELATIONSHIP_TYPES[type_].key
            columns = ["source", "target", *(n for n in ("at", *names) if n in RELATIONSHIP_TYPES[type_].properties)]
            for part in dict(self._journal.pairs(type_))[source_label, target_label]:
                events.before.add(hashes_of_events(self._journal.read_events(type_, [part], columns), names))
        return self._events[key]

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

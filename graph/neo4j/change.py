"""A change of a Neo4j database in the making: rows are checked against the graph and spooled, the server is only read.

What an earlier change wrote is known by reading it: of nodes their ids, and the properties of those given again; of a
relationship type its events, when the first rows of that type come.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

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
from graphfeed.graph.journal.events import EventSet, content_hashes, merge_events, relationship_groups, times
from graphfeed.graph.measures import measure_rows
from graphfeed.graph.neo4j.reads import Reader
from graphfeed.graph.neo4j.spool import Plan, Spool, Step, vector_table
from graphfeed.graph.schema import PREDICTED, Generation
from graphfeed.graph.store import NO_TIME, Written
from graphfeed.loaders.records import RELATIONSHIP_TYPES

if TYPE_CHECKING:
    from collections.abc import Sequence

Integers = npt.NDArray[np.int64]
_Triple = tuple[str, str, str]


class Neo4jChange:
    """See ``graphfeed.graph.store.Change``. ``finish`` ends the spool and gives the plan."""

    def __init__(self, spool: Spool, reader: Reader, what: str, generations: Sequence[Generation]) -> None:
        self._spool, self._reader = spool, reader
        self._plan = Plan(spool.folder.name, what)
        self._labels: dict[str, _Label] = {}
        self._relations: dict[_Triple, _Relation] = {}
        self._vectors: dict[tuple[str, str], Step] = {}
        self._measures: dict[str, Step] = {}
        self._predicted: set[str] = set()
        self._before = [g.id for g in generations]
        self._generations = sorted(generations, key=lambda g: g.active)  # the active one last
        self._published: dict[str, Generation] = {}
        self._changed = False

    def write_nodes(self, label: str, rows: pa.Table, *, implied: bool = False) -> Written:
        """See ``Change.write_nodes``."""
        rows = node_rows(label, rows)
        known = self._label(label)
        nodes, before = known.keys.insert(rows["id"])
        duplicate, wanted = known.keys.choose(nodes, before, implied)
        content = rows.drop_columns(["id"])
        if not implied:
            known.load_content(np.unique(nodes[wanted & (nodes < known.there)]))
        chosen = known.keys.changed(nodes, content, before, wanted)
        if len(chosen):
            kept = rows.take(pa.array(chosen))
            place = pa.array(known.place(nodes[chosen]))
            self._spool.write(f"nodes-{label}.arrow", kept.add_column(1, "place", place))
            known.note(nodes[chosen])
        return Written(len(nodes) - int(duplicate.sum()), np.flatnonzero(duplicate), np.empty(0, dtype=np.int64))

    def write_relationships(self, type_: str, source_label: str, target_label: str, rows: pa.Table) -> Written:
        """See ``Change.write_relationships``."""
        rows = relationship_rows(type_, source_label, target_label, rows)
        source = self._label(source_label).keys.find(rows["source"])
        target = self._label(target_label).keys.find(rows["target"])
        known = np.flatnonzero((source >= 0) & (target >= 0))
        rows = rows.take(pa.array(known)).drop_columns(["source", "target"])
        table = pa.table(
            {"source": source[known], "target": target[known], **{name: rows[name] for name in rows.column_names}}
        )
        relation = self._relation((type_, source_label, target_label))
        duplicate, fresh = relation.events.take(hashes_of_events(table, RELATIONSHIP_TYPES[type_].key))
        self._spool.write(relation.file, table.take(pa.array(fresh)) if len(fresh) < len(table) else table)
        dangling = np.flatnonzero((source < 0) | (target < 0))
        return Written(len(known) - int(duplicate.sum()), known[duplicate], dangling)

    def write_vectors(self, label: str, name: str, vectors: npt.NDArray[np.float32]) -> None:
        """See ``Change.write_vectors``."""
        vectors = vector_rows(label, name, vectors, lambda: len(self._label(label).keys.index))
        file = f"vectors-{label}-{name}.arrow"
        self._spool.drop(file)
        if vectors.shape[1] == 0 or not len(vectors):
            return
        step = 4096
        for start in range(0, len(vectors), step):
            part = vectors[start : start + step]
            self._spool.write(file, vector_table(part, np.arange(start, start + len(part))))
        self._vectors[label, name] = Step("vectors", name, label, "", file, *self._spool.close_file(file))

    def write_measures(self, label: str, rows: pa.Table) -> None:
        """See ``Change.write_measures``."""
        rows = measure_rows(label, rows, len(self._label(label).keys.index))
        file = f"measures-{label}.arrow"
        self._spool.drop(file)
        self._spool.write(file, rows.add_column(0, "node", pa.array(np.arange(rows.num_rows))))
        if rows.num_rows:
            self._measures[label] = Step("measures", label, label, "", file, *self._spool.close_file(file))

    def write_predictions(self, type_: str, rows: pa.Table) -> None:
        """See ``Change.write_predictions``."""
        rows, (source, target) = prediction_rows(type_, rows, lambda label: self._label(label).keys)
        if not rows.num_rows:
            return
        self._predicted |= set(rows["generation"].unique().to_pylist())
        rest = rows.drop_columns(["source", "target"])
        ends = {"source": pa.array(source), "target": pa.array(target)}
        self._spool.write(
            f"predictions-{type_}.arrow", pa.table({**ends, **{name: rest[name] for name in rest.column_names}})
        )

    def activate(self, generation: Generation) -> None:
        """See ``Change.activate``."""
        if generation.id in self._before or generation.id in self._published:
            raise StoreError(f"the generation {generation.id!r} is there already; give the new one another id")
        self._published[generation.id] = replace(generation, active=True)
        former = [replace(g, active=False) for g in self._generations[-1:] if g.active]
        self._generations = [*former, self._published[generation.id]]
        self._changed = True

    def rollback(self) -> Generation:
        """See ``Change.rollback``."""
        former = [g for g in self._generations if not g.active]
        if not former:
            raise NotPublishedError("there is no generation before the active one to go back to")
        restored = replace(former[-1], active=True)
        self._generations = [restored]
        self._changed = True
        return restored

    def finish(self) -> Plan:
        """End the files; the plan of what is to be done with them. Raises StoreError where it does not add up."""
        live = [g.id for g in self._generations]
        new = set(live) & set(self._published)
        stray = sorted(self._predicted - new)
        if stray:
            raise StoreError(f"predictions were written for {stray}, which the change did not activate")
        plan = self._plan
        for label, known in self._labels.items():
            self._end("order", label, "", "", self._order_file(label, known))
            self._end("nodes", label, "", "", known.newest(self._spool, f"nodes-{label}.arrow"))
        for (type_, source, target), relation in self._relations.items():
            made, more = relation.split(self._spool)
            self._end("relationships", type_, source, target, made)
            self._end("events", type_, source, target, more)
        plan.observed = bool(plan.steps)
        plan.steps += [*self._vectors.values(), *self._measures.values()]
        for type_ in PREDICTED:
            self._end("predictions", type_, *PREDICTED[type_], f"predictions-{type_}.arrow")
        if self._changed:
            plan.live = live
            plan.published = [asdict(self._published[id_]) for id_ in live if id_ in new]
        if not plan.empty:
            for label in sorted({end for step in plan.steps for end in (step.source, step.target)} & set(self._labels)):
                self._spool.write(f"ids-{label}.arrow", pa.table({"id": list(self._labels[label].keys.index)}))
                self._spool.close_file(f"ids-{label}.arrow")
            self._spool.commit(plan)
        return plan

    def _end(self, kind: str, name: str, source: str, target: str, file: str) -> None:
        batches, rows = self._spool.close_file(file)
        if rows:
            self._plan.steps.append(Step(kind, name, source, target, file, batches, rows))

    def _order_file(self, label: str, known: _Label) -> str:
        """Nodes that somebody else wrote get their place when a change adds nodes, so that they keep it."""
        file = f"order-{label}.arrow"
        if len(known.keys.index) > known.there and known.unplaced:
            places = np.arange(known.there - known.unplaced, known.there)
            ids = known.ids.slice(known.there - known.unplaced)
            self._spool.write(file, pa.table({"id": ids, "place": pa.array(known.place(places))}))
        return file

    def _label(self, label: str) -> _Label:
        if label not in self._labels:
            self._labels[label] = _Label(self._reader, label)
        return self._labels[label]

    def _relation(self, triple: _Triple) -> _Relation:
        if triple not in self._relations:
            self._relations[triple] = _Relation(self._reader, *triple)
        return self._relations[triple]


class _Label:
    """What a change knows of a label."""

    def __init__(self, reader: Reader, label: str) -> None:
        table = reader.nodes(label)
        self._reader, self._name = reader, label
        self.ids = table.ids
        self.there = len(table.ids)
        self.unplaced = table.unplaced
        self._next = table.next_place
        self.keys = NodeKeys(table.ids, np.zeros(self.there, dtype=np.uint64))
        self._loaded = np.zeros(self.there, dtype=np.bool_)
        self._row = np.empty(0, dtype=np.int64)  # of each node, the last of the rows that were spooled
        self._rows, self._again = 0, False

    def note(self, nodes: Integers) -> None:
        """Rows of these nodes were spooled."""
        if (more := len(self.keys.index) - len(self._row)) > 0:
            self._row = np.append(self._row, np.full(max(more, len(self._row)), -1))
        self._again |= bool((self._row[nodes] >= 0).any()) or len(np.unique(nodes)) < len(nodes)
        self._row[nodes] = self._rows + np.arange(len(nodes))
        self._rows += len(nodes)

    def newest(self, spool: Spool, file: str) -> str:
        """The spooled file, or another without the rows of nodes that came again: batches go in no fixed order."""
        if not self._again:
            return file
        spool.close_file(file)
        newest, start = f"newest-{file}", 0
        for batch in spool.batches(file):
            nodes = batch["place"].to_numpy() - self.place(np.zeros(1, dtype=np.int64))[0]
            last = self._row[nodes] == start + np.arange(len(nodes))
            spool.write(newest, pa.Table.from_batches([batch.filter(pa.array(last))]))
            start += len(nodes)
        spool.drop(file)
        return newest

    def place(self, nodes: Integers) -> Integers:
        """The order that nodes get by their indices."""
        return nodes - (self.there - self.unplaced) + self._next

    def load_content(self, nodes: Integers) -> None:
        """Make known what the server holds of nodes that are given again."""
        wanted = nodes[~self._loaded[nodes]]
        if len(wanted):
            rows = self._reader.nodes_by_id(self._name, self.ids.take(pa.array(wanted)))
            found = self.keys.find(rows["id"])
            self.keys.content[found] = content_hashes(rows.drop_columns(["id"]))
            self._loaded[wanted] = True


class _Relation:
    """What a change knows of a relationship type between two labels."""

    def __init__(self, reader: Reader, type_: str, source: str, target: str) -> None:
        self._type = type_
        self.file = f"rows-{type_}-{source}-{target}.arrow"
        self.events = Events()
        self._pairs = EventSet()
        self._next = 0
        found = reader.relation(type_, source, target, events=True)
        if found is not None:
            key = RELATIONSHIP_TYPES[type_].key
            self._next = found.next_place
            self._pairs.add(self._pair_hashes(found.rows))
            self.events.before.add(hashes_of_events(found.event_rows(), key))

    def split(self, spool: Spool) -> tuple[str, str]:
        """The rows as relationships: a file of those to be made and one of more events of those that are there."""
        made, more = self.file.replace("rows-", "relationships-"), self.file.replace("rows-", "events-")
        if spool.close_file(self.file)[1]:
            rows = spool.read(self.file)
            old = self._pairs.contains(self._pair_hashes(rows))
            self._next += self._write(spool, made, rows.filter(pa.array(~old)), self._next)
            self._write(spool, more, rows.filter(pa.array(old)), 0)
            spool.drop(self.file)
        return made, more

    def _write(self, spool: Spool, file: str, rows: pa.Table, place: int) -> int:
        """Write events as relationships; how many they are. ``at`` is the earliest, ``count`` the sum."""
        if not rows.num_rows:
            return 0
        definition = RELATIONSHIP_TYPES[self._type]
        source, target = (rows[end].to_numpy().astype(np.int64, copy=False) for end in ("source", "target"))
        at = times(rows["at"]) if "at" in definition.properties else np.full(len(rows), NO_TIME)
        count = np.ones(len(rows), dtype=np.float32)
        if "count" in definition.properties:
            count = rows["count"].fill_null(1).to_numpy().astype(np.float32)
        keys = [rows[key] for key in definition.key]
        first, earliest, total = merge_events(source, target, at, count, keys)
        columns: dict[str, Any] = {
            "source": source[first],
            "target": target[first],
            "place": np.arange(place, place + len(first)),
            "events": _lists(at, relationship_groups(source, target, keys), len(first)),
        }
        for name in definition.properties:
            if name == "at":
                columns[name] = pa.array(earliest, pa.timestamp("us"), mask=earliest == NO_TIME)
            elif name == "count":
                columns[name] = np.rint(total).astype(np.int64)
            else:
                columns[name] = rows[name].take(pa.array(first))
        # Those of one node together: the server keeps them as a list, whose first one each new one changes.
        spool.write(file, pa.table(columns).take(pa.array(np.argsort(columns["source"], kind="stable"))))
        return len(first)

    def _pair_hashes(self, rows: pa.Table) -> npt.NDArray[np.uint64]:
        key = RELATIONSHIP_TYPES[self._type].key
        return hashes_of_events(rows.select(["source", "target", *key]), key)


def _lists(at: Integers, group: Integers, size: int) -> pa.ListArray:
    """The times of each relationship's events."""
    order = np.argsort(group, kind="stable")
    offsets = np.concatenate([[0], np.cumsum(np.bincount(group, minlength=size))]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(at[order]))

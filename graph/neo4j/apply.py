"""Applying a spooled change to a Neo4j database, batch by batch, so that it can be taken up again wherever it stopped.

A change that fits into one batch is one transaction: seen whole or not at all. A larger one takes a transaction per
batch (see ``lanes``). Predictions wait under a generation that no reader sees, and a last small transaction makes it
the active one.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from functools import partial
from typing import Any

import neo4j
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from graphfeed.errors import StoreError
from graphfeed.graph.neo4j import statements
from graphfeed.graph.neo4j.lanes import BEGIN, END, Lanes
from graphfeed.graph.neo4j.lock import WriteLock
from graphfeed.graph.neo4j.schema import State, drop_vector_index, make_vector_index
from graphfeed.graph.neo4j.session import Server
from graphfeed.graph.neo4j.spool import BATCH_ROWS, Spool, Step
from graphfeed.graph.neo4j.values import quiet, split_time
from graphfeed.graph.neo4j.vectors import SpooledVectors
from graphfeed.graph.schema import PREDICTED, Generation
from graphfeed.graph.store import NO_TIME

Integers = npt.NDArray[np.int64]
_Run = Callable[[str, dict[str, Any]], list[Any]]

_IDS_AT_ONCE = 10_000


class Applier:
    """Applies one spool."""

    def __init__(self, server: Server, spool: Spool, state: State, lock: WriteLock) -> None:
        self._server, self._spool, self.plan, self._lock = server, spool, spool.plan(), lock
        self._began = state.change == self.plan.change
        self.sent = False
        """Whether its only or its first transaction was sent: without an answer, that one may be in."""
        self._ids: dict[str, pa.ChunkedArray] = {}
        self._nodes: dict[str, Integers] = {}
        self._vectors = {step: SpooledVectors(spool, step) for step in self.plan.steps if step.kind == "vectors"}

    @property
    def begun(self) -> bool:
        """Whether some of the change may be in the database."""
        return self._began

    def apply(self) -> None:
        """Do all of it. Raises StoreError or a kind of it; then ``begun`` says whether it has to be finished later."""
        self._lock.check()
        for vectors in self._vectors.values():
            drop_vector_index(self._server, vectors.label, vectors.name)
        self.sent = True
        if not self._began and self._small():
            self._server.write(self._at_once)
        else:
            with Lanes(self._server, self.plan.change, self._begin()) as lanes:
                self._in_batches(lanes)
            self._server.write(self._last)
        for vectors in self._vectors.values():
            make_vector_index(self._server, vectors.label, vectors.name, vectors.indexed, vectors.width)

    def _small(self) -> bool:
        rows = sum(step.rows for step in self.plan.steps)
        return rows <= BATCH_ROWS and all(step.batches == 1 for step in self.plan.steps)

    def _at_once(self, transaction: neo4j.ManagedTransaction) -> None:
        self._nodes.clear()  # what a former try found was rolled back with it
        plan, run = self.plan, _runner(transaction)
        taken = run(
            "MATCH (s:GraphfeedStore {id: 'store', fence: $fence}) WHERE s.change IS NULL"
            " AND coalesce(s.last, '') <> $change SET s.last = $change, s.observed = s.observed + $observed RETURN 1",
            {"change": plan.change, "observed": int(plan.observed), "fence": self._lock.token},
        )
        if not taken:
            if not run("MATCH (s:GraphfeedStore {last: $change}) RETURN 1", {"change": plan.change}):
                raise self._overtaken()
            return  # the answer to the commit was lost, not the commit
        self._hide(run)
        for step in plan.steps:
            for batch in self._spool.batches(step.file):
                self.write(step, batch, run)
        self._switch(run)

    def _begin(self) -> list[int]:
        """Mark the database: this change is being applied. How many batches of each lane are in."""
        writer = f"{self.plan.what!r}, process {os.getpid()} on {socket.gethostname()}, {self._spool.folder}"
        known = {"change": self.plan.change, "writer": writer, "fence": self._lock.token, "lanes": self.plan.lanes}

        def mark(transaction: neo4j.ManagedTransaction) -> list[int]:
            run = _runner(transaction)
            if not run(
                "MATCH (s:GraphfeedStore {id: 'store', fence: $fence}) WHERE s.change IS NULL OR s.change = $change"
                " SET s.change = $change, s.writer = $writer RETURN 1",
                known,
            ):
                raise self._overtaken()
            self._hide(run)
            return run(BEGIN, known)

        applied = self._server.write(mark)
        self._began = True
        return applied

    def _overtaken(self) -> StoreError:
        return StoreError(
            f"another process began a change of {self._server.address.location} before this one was written: run it"
            " again, nothing gets in twice"
        )

    def _in_batches(self, lanes: Lanes) -> None:
        """One step after the other: relationships need their nodes."""
        first = 0
        for step in self.plan.steps:
            lanes.run(range(first, first + step.batches), partial(self._batch, step, first))
            first += step.batches

    def _batch(self, step: Step, first: int, transaction: neo4j.ManagedTransaction, number: int) -> None:
        self.write(step, self._spool.batch(step.file, number - first), _runner(transaction))

    def _last(self, transaction: neo4j.ManagedTransaction) -> None:
        plan, run = self.plan, _runner(transaction)
        taken = run(
            "MATCH (s:GraphfeedStore {id: 'store', change: $change}) SET s.last = $change, s.change = null,"
            " s.writer = null, s.observed = s.observed + $observed RETURN 1",
            {"change": plan.change, "observed": int(plan.observed)},
        )
        if taken:
            run(END, {"change": plan.change})
            self._switch(run)

    def _hide(self, run: _Run) -> None:
        """Make the nodes of new generations, unseen."""
        for generation in self.plan.generations():
            run("MERGE (g:GraphfeedHidden {id: $id}) SET g += $properties", generation_parameters(generation))
            for name in ("created_at", "now"):
                seconds, nanoseconds = split_time(getattr(generation, name))
                run(
                    f"MATCH (g:GraphfeedHidden {{id: $id}}) SET g.{name} ="
                    " datetime({epochSeconds: $seconds, nanosecond: $nanoseconds})",
                    {"id": generation.id, "seconds": seconds, "nanoseconds": nanoseconds},
                )

    def _switch(self, run: _Run) -> None:
        """Show the new generations, hide those that go, and name the active one."""
        live = self.plan.live
        if live is not None:
            for text in statements.SWITCH:
                run(text, {"live": live, "active": live[-1]})

    def write(self, step: Step, batch: pa.RecordBatch, run: _Run) -> None:
        """One batch."""
        if step.kind == "nodes":
            run(statements.write_nodes(step.name), {"rows": _values(batch)})
        elif step.kind == "order":
            run(statements.order_nodes(step.name), {"rows": _values(batch)})
        elif step.kind == "vectors":
            vectors, nodes = self._vectors[step], self._find(step.source, batch.column("node").to_numpy(), run)
            run(vectors.statement(), {"rows": vectors.rows(nodes, batch)})
        elif step.kind == "measures":
            nodes = self._find(step.source, batch.column("node").to_numpy(), run)
            run(statements.write_measures(step.source), {"rows": _values(batch.set_column(0, "node", pa.array(nodes)))})
        else:
            self._write_relationships(step, batch, run)

    def _write_relationships(self, step: Step, batch: pa.RecordBatch, run: _Run) -> None:
        ends = [
            pa.array(np.full(batch.num_rows, -1))
            if label == "Generation"
            else pa.array(self._find(label, batch.column(column).to_numpy(), run))
            for column, label in enumerate((step.source, step.target))
        ]
        rest = {name: batch.column(name) for name in batch.schema.names[2:]}
        if step.kind == "predictions":
            rows = _values(pa.record_batch({"a": ends[0], "b": ends[1], **rest}))
            run(statements.create_predictions(step.name), {"rows": rows})
            return
        events = rest.pop("events")
        if step.kind == "relationships":
            several = pa.array(events.value_lengths().to_numpy() > 1)
            rest = {"place": rest.pop("place"), "events": pa.compute.if_else(several, events, None), **rest}
            text = statements.create_relationships(step.name, step.source, step.target)
        else:
            count = rest.get("count", pa.nulls(batch.num_rows))
            rest = {"events": events, "count": count, "at": rest["at"]}
            text = statements.add_events(step.name, step.source, step.target)
        run(text, {"rows": _values(pa.record_batch({"a": ends[0], "b": ends[1], **rest})), "none": NO_TIME})

    def _find(self, label: str, indices: Integers, run: _Run) -> Integers:
        """Internal ids of nodes by their indices; looked up by id where they are not known yet."""
        if label not in self._ids:
            self._ids[label] = self._spool.read(f"ids-{label}.arrow")["id"]
        if label not in self._nodes:
            self._nodes[label] = np.full(len(self._ids[label]), -1)
        nodes = self._nodes[label]
        wanted = np.unique(indices[nodes[indices] < 0])
        for start in range(0, len(wanted), _IDS_AT_ONCE):
            some = wanted[start : start + _IDS_AT_ONCE]
            ids = self._ids[label].take(pa.array(some)).to_pylist()
            places, internal = run(statements.internal_ids(label), {"ids": ids})[0]
            nodes[some[places]] = internal
        found: Integers = nodes[indices]
        if np.any(found < 0):
            lost = self._ids[label][int(indices[found < 0][0])].as_py()
            raise StoreError(f"the {label} {lost!r} was removed from the database during the change: run it again")
        return found


def sweep(server: Server, hidden: tuple[str, ...]) -> None:
    """Remove generations that no reader sees, with their relationships, some at a time."""
    for id_ in hidden:
        for type_ in PREDICTED:
            if type_ != "TRENDING":
                source = PREDICTED[type_][0]
                counted = server.read(
                    f"MATCH (n:`{source}`) WITH count(*) AS nodes"
                    f" MATCH ()-[r:`{type_}`]->() RETURN nodes, count(*) AS n"
                )
                if counted:  # as many nodes a transaction as have about a batch of relationships
                    nodes = max(1, min(1_000, BATCH_ROWS * counted[0]["nodes"] // counted[0]["n"]))
                    server.command(statements.delete_predictions(type_), {"id": id_, "nodes": nodes})
        server.command("MATCH (g:GraphfeedHidden {id: $id}) DETACH DELETE g", {"id": id_})


def generation_parameters(generation: Generation) -> dict[str, Any]:
    """What ``_hide`` sets, without the times."""
    properties = {"model": generation.model, "encoder": generation.encoder, "metrics": generation.metrics}
    return {"id": generation.id, "properties": {**properties, "kinds": list(generation.kinds), "active": False}}


def _runner(transaction: neo4j.ManagedTransaction) -> _Run:
    def run(text: str, parameters: dict[str, Any]) -> list[Any]:
        rows = transaction.run(text, quiet(parameters)).values()
        return [row[0] if len(row) == 1 else row for row in rows]

    return run


def _values(batch: pa.RecordBatch) -> list[list[Any]]:
    """Rows as lists, each time as seconds and nanoseconds."""
    columns: list[Any] = []
    for column in batch.columns:
        if pa.types.is_timestamp(column.type):
            at = column.cast(pa.int64())
            known = at.is_valid().to_numpy(zero_copy_only=False)
            whole = at.fill_null(0).to_numpy(zero_copy_only=False)
            for part in (whole // 1_000_000, whole % 1_000_000 * 1_000):
                columns.append(pa.array(part, mask=~known).to_pylist())
        else:
            columns.append(column.to_pylist())
    return list(map(list, zip(*columns, strict=True)))

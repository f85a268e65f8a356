"""The store on a Neo4j server: ``open_store("neo4j://host:7687")``.

The server is the truth. A change is checked and spooled on this machine first, then applied (``apply``); a folder
of this machine, the workspace, keeps models, caches and the spool. See docs/store.md.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from graphfeed.errors import QueryError, StoreError, StoreUnreachableError
from graphfeed.graph.journal.parts import disk_errors
from graphfeed.graph.kept_vectors import kept_vectors
from graphfeed.graph.mapping.check import bound_mapping, missing_indexes, sizes
from graphfeed.graph.mapping.cypher import CypherMapping
from graphfeed.graph.mapping.roles import GraphMapping
from graphfeed.graph.nearest import check_names
from graphfeed.graph.neo4j import statements
from graphfeed.graph.neo4j.address import Address, Credentials
from graphfeed.graph.neo4j.apply import Applier, sweep
from graphfeed.graph.neo4j.bulk import BulkFiles, bulk_load
from graphfeed.graph.neo4j.change import Neo4jChange
from graphfeed.graph.neo4j.in_place import NO_LOADING, InPlaceChange
from graphfeed.graph.neo4j.lock import WriteLock
from graphfeed.graph.neo4j.nearest import nearest
from graphfeed.graph.neo4j.reads import Reader
from graphfeed.graph.neo4j.rights import refusal
from graphfeed.graph.neo4j.scan import Neo4jScan
from graphfeed.graph.neo4j.schema import State, ensure_schema, missing_constraints, read_state
from graphfeed.graph.neo4j.schema import give_up as forget_change
from graphfeed.graph.neo4j.session import Server
from graphfeed.graph.neo4j.spool import Spool
from graphfeed.graph.neo4j.values import MICROSECONDS
from graphfeed.graph.query_files import find_query
from graphfeed.graph.schema import Generation
from graphfeed.graph.store import Counts, Relation, Row, SetupReport, Value
from graphfeed.loaders.records import NODE_TYPES, RELATIONSHIP_TYPES

_QUOTED = re.compile(r"""'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|`[^`]*`|//[^\n]*|/\*.*?\*/""", re.S)
_FILES = re.compile(r"\bLOAD\s+CSV\b", re.I)


class Neo4jStore:
    """``GraphStore`` over a Neo4j database. See ``graphfeed.graph.store`` for what the methods promise."""

    dialect = "neo4j"

    def __init__(self, location: str, create: bool = False, mapping: GraphMapping | None = None) -> None:
        """Connect; with ``create`` set the database up if it is not; ``mapping``: of a graph that is used in place.

        Raises StoreError for an address that is none or a database without a graph, StoreUnreachableError.
        """
        address = Address.parse(location)
        self.location = address.location
        if mapping is not None and create:
            raise StoreError(f"{self.location} {NO_LOADING}")
        self._closed = False
        self._server = Server(address, Credentials.find(address))
        try:
            self.workspace = address.workspace(self._server.database)
            with disk_errors(self.workspace):
                self.workspace.mkdir(parents=True, exist_ok=True)
            if mapping is not None:
                self._server.mapping = CypherMapping(bound_mapping(self._server, mapping))
            self._reader = Reader(self._server, self.version)
            state = read_state(self._server)
            if state is None:
                if create:
                    ensure_schema(self._server, text=False)
                elif not sum(self.counts().nodes.values()):
                    raise StoreError(
                        f"no graph in {self.location}: `graphfeed load SOURCE PATH --store {self.location}` makes one"
                    )
        except BaseException:
            self.close()
            raise

    @contextmanager
    def change(self, what: str) -> Iterator[Neo4jChange]:
        """See ``GraphStore.change``. What an interrupted change left undone is done first."""
        self._check_open()
        in_place = self._server.mapping is not None  # nothing was loaded, which would have set it up
        if missing_constraints(self._server) or (in_place and read_state(self._server) is None):
            ensure_schema(self._server, text=False)
        with WriteLock(self._server, what) as lock:
            self._finish_former(lock)
            spool = Spool.begin(self.workspace / "spool", secrets.token_hex(8))
            try:
                kind = Neo4jChange if self._server.mapping is None else InPlaceChange
                change = kind(spool, self._reader, what, self.generations())
                yield change
                plan = change.finish()
            except BaseException:
                spool.remove()
                raise
            if plan.empty:
                spool.remove()
            else:
                self._apply(spool, lock)

    def bulk(self, say: Callable[[str], None]) -> AbstractContextManager[BulkFiles]:
        """See ``GraphStore.bulk``."""
        self._check_open()
        return bulk_load(self._server, self.workspace, say)

    def setup(self, *, give_up: bool = False) -> SetupReport:
        """See ``GraphStore.setup``. Constraints, full-text indexes and vector indexes."""
        self._check_open()
        report = ensure_schema(self._server)
        if self._server.mapping is not None:
            report = replace(report, missing=tuple(missing_indexes(self._server, self._server.mapping.mapping)))
        if not give_up:
            return report
        with WriteLock(self._server, "give up an interrupted change"):
            forgotten = forget_change(self._server)
            shutil.rmtree(self.workspace / "spool", ignore_errors=True)
            self._sweep()
        gone = (f"gave up the interrupted change ({forgotten})",) if forgotten else ()
        return replace(report, made=(*report.made, *gone))

    def run(self, query: str, **parameters: Value) -> list[Row]:
        """See ``GraphStore.run``."""
        self._check_open()
        found = find_query(query, self.dialect)
        found.check(parameters)
        return self._server.read(found.text, parameters)

    def cypher(self, text: str, parameters: Mapping[str, Value] | None = None) -> list[Row]:
        """See ``GraphStore.cypher``. The server itself refuses to write; files are refused here."""
        self._check_open()
        if _FILES.search(_QUOTED.sub(" ", text)):
            raise QueryError("a query can only read the graph: LOAD CSV reads files")
        return self._server.read(text, parameters, as_is=True)

    def node_ids(self, label: str) -> pa.StringArray:
        """See ``GraphStore.node_ids``."""
        self._check_open()
        return self._reader.nodes(label).ids

    def read_nodes(self, label: str, columns: Sequence[str]) -> pa.Table:
        """See ``GraphStore.read_nodes``."""
        self._check_open()
        return self._reader.read_nodes(label, columns)

    def read_relation(self, type_: str) -> list[Relation]:
        """See ``GraphStore.read_relation``."""
        self._check_open()
        return self._reader.read_relation(type_)

    def read_vectors(self, label: str, name: str) -> npt.NDArray[np.float32] | None:
        """See ``GraphStore.read_vectors``. Those of a graph that may only be read lie in the workspace."""
        self._check_open()
        check_names(label, name)
        kept = kept_vectors(self.workspace, label, name, self.node_ids(label))
        return self._reader.read_vectors(label, name) if kept is None else kept

    def read_vector(self, label: str, name: str, id_: str) -> npt.NDArray[np.float32] | None:
        """See ``GraphStore.read_vector``."""
        self._check_open()
        check_names(label, name)
        rows = self._server.read(f"MATCH (n:`{label}` {{id: $id}}) RETURN n.`{name}` AS vector", {"id": id_})
        if not rows or rows[0]["vector"] is None:
            return None
        vector = np.asarray(rows[0]["vector"], dtype=np.float32)
        return vector if vector.any() else None

    def nearest(
        self,
        label: str,
        name: str,
        vector: npt.NDArray[np.float32],
        limit: int,
        *,
        keep: Callable[[str], bool] | None = None,
    ) -> list[tuple[str, float]]:
        """See ``GraphStore.nearest``."""
        self._check_open()
        check_names(label, name)
        return nearest(self._server, self._reader, label, name, vector, limit, keep)

    def counts(self) -> Counts:
        """See ``GraphStore.counts``. From the server's own counts, whatever the size."""
        self._check_open()
        found = {row["name"]: row["n"] for row in self._server.read(statements.counts())}
        return Counts(
            {label: found[label] for label in statements.COUNTED_NODES},
            {type_: found[type_] for type_ in statements.COUNTED_RELATIONSHIPS},
        )

    def version(self) -> str:
        """See ``GraphStore.version``. What others add or remove shows in the counts."""
        if self._server.mapping is not None:  # by the server's own counts: the roles' own would read every relationship
            mapping = self._server.mapping.mapping
            rows = self._server.read(sizes(mapping), as_is=True)
            word = hashlib.sha256(repr([row["n"] for row in rows]).encode()).hexdigest()[:8]
            return f"{mapping.fingerprint()}-{word}"
        counts, state = self.counts(), read_state(self._server)
        seen = [counts.nodes[label] for label in NODE_TYPES]
        seen += [counts.relationships[type_] for type_ in RELATIONSHIP_TYPES]
        word = hashlib.sha256(repr(seen).encode()).hexdigest()[:8]
        return f"{state.store}-{state.observed}-{word}" if state else word

    def generations(self) -> list[Generation]:
        """See ``GraphStore.generations``."""
        self._check_open()
        rows = self._server.read(
            f"MATCH (g:Generation) RETURN g.id AS id, {MICROSECONDS.format('g.created_at')} AS created_at,"
            f" {MICROSECONDS.format('g.now')} AS now, g.model AS model, g.encoder AS encoder, g.metrics AS metrics,"
            " g.kinds AS kinds, g.active AS active ORDER BY g.active DESC, created_at DESC"
        )
        return [Generation(**{**row, "kinds": tuple(row["kinds"])}) for row in rows]

    def scan(self) -> Neo4jScan:
        """See ``GraphStore.scan``."""
        self._check_open()
        return Neo4jScan(self, self._server, self._reader)

    @property
    def mapping(self) -> GraphMapping | None:
        """See ``GraphStore.mapping``."""
        return None if self._server.mapping is None else self._server.mapping.mapping

    def refusal(self, what: str) -> str | None:
        """See ``GraphStore.refusal``."""
        self._check_open()
        return refusal(self._server, what)

    def close(self) -> None:
        """See ``GraphStore.close``."""
        self._closed = True
        self._server.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _state(self) -> State:
        state = read_state(self._server)
        if state is None:
            raise StoreError(f"{self.location} was emptied meanwhile: open it again")
        return state

    def _apply(self, spool: Spool, lock: WriteLock) -> None:
        applier = Applier(self._server, spool, self._state(), lock)
        try:
            applier.apply()
        except StoreError as error:
            said = f"{error}" if str(error).endswith("?") else f"{error}."
            if not applier.begun:
                if not applier.sent or not isinstance(error, StoreUnreachableError):
                    spool.remove()
                    raise
                # The spool stays: where the answer was lost and not the transaction, the next change applies it.
                raise type(error)(
                    f"{said} Whether the change has begun is not known: run it again, nothing gets in twice"
                ) from error
            raise type(error)(
                f"{said} The change was applied in part and is kept in {spool.folder}: the next change from here"
                " finishes it first"
            ) from error
        spool.remove()
        self._sweep()
        if applier.plan.observed:
            ensure_schema(self._server)  # the full-text indexes, where this was the first load

    def _finish_former(self, lock: WriteLock) -> None:
        """Apply what an interrupted change left in its spool, and remove generations that nobody sees."""
        state = self._state()
        if state.change is not None:
            spool = Spool.find(self.workspace / "spool", state.change)
            if spool is None:
                raise StoreError(
                    f"a change of {self.location} was interrupted half way ({state.writer}) and its spool is not here:"
                    " run any change from where it began, to finish it; or, where the spool is lost,"
                    " `graphfeed setup --give-up` and then do it again"
                )
            self._apply(spool, lock)
        elif state.hidden:
            sweep(self._server, state.hidden)

    def _sweep(self) -> None:
        hidden = self._state().hidden
        if hidden:
            sweep(self._server, hidden)

    def _check_open(self) -> None:
        if self._closed:
            raise StoreError(f"the store {self.location} is closed")

"""A Neo4j database as a stream. Also of a graph that is used in place, in the names of its roles."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from graphfeed.errors import StoreError
from graphfeed.graph.neo4j import statements
from graphfeed.graph.neo4j.reads import RawRelation, Reader
from graphfeed.graph.neo4j.session import Server
from graphfeed.graph.scan import EVENTS, Links, Matrix, links_of_events
from graphfeed.graph.schema import PREDICTION_SCHEMA, Generation
from graphfeed.graph.store import NO_TIME
from graphfeed.loaders.records import RELATIONSHIP_TYPES, TIME

if TYPE_CHECKING:
    from graphfeed.graph.neo4j.store import Neo4jStore

_ROWS_AT_ONCE = 10_000


class Neo4jScan:
    """``GraphScan`` of a server, which others may write to meanwhile: ``check`` sees it."""

    def __init__(self, store: Neo4jStore, server: Server, reader: Reader) -> None:
        self.where: str = store.location
        self.folder: Path | None = store.workspace
        self._store, self._server, self._reader = store, server, reader
        self._began = self._moment()

    def nodes(self, label: str) -> Iterator[pa.Table]:
        """See ``GraphScan.nodes``."""
        return self._reader.scan_nodes(label)

    def relationships(self, type_: str) -> Iterator[Links]:
        """See ``GraphScan.relationships``. Holds one type's arrays."""
        for pair in RELATIONSHIP_TYPES[type_].pairs:
            raw = self._reader.relation(type_, *pair, events=True)
            if raw is not None:
                rows = _event_rows(raw, "count" in RELATIONSHIP_TYPES[type_].properties)
                source, target = rows["source"].to_numpy(), rows["target"].to_numpy()
                ids = (self._reader.nodes(pair[0]).ids, self._reader.nodes(pair[1]).ids)
                properties = rows.select(list(RELATIONSHIP_TYPES[type_].properties))
                yield from links_of_events(type_, pair, ids, (source, target), properties)

    def vectors(self, label: str, name: str) -> Matrix | None:
        """See ``GraphScan.vectors``. Holds one label's matrix."""
        return self._store.read_vectors(label, name)

    def generations(self) -> list[Generation]:
        """See ``GraphScan.generations``."""
        return self._store.generations()

    def predictions(self, type_: str) -> Iterator[pa.Table]:
        """See ``GraphScan.predictions``."""
        records = self._server.stream(statements.predictions(type_), {"live": [g.id for g in self.generations()]})
        while rows := list(islice(records, _ROWS_AT_ONCE)):
            columns: list[Any] = [list(values) for values in zip(*rows, strict=True)]
            arrays = [pa.array(c, field.type) for c, field in zip(columns, PREDICTION_SCHEMA, strict=True)]
            yield pa.table(arrays, schema=PREDICTION_SCHEMA)

    def check(self) -> None:
        """See ``GraphScan.check``."""
        if self._moment() != self._began:
            raise StoreError(f"{self.where} was changed while it was read: do it again")

    def _moment(self) -> tuple[str, list[Generation]]:
        return self._store.version(), self._store.generations()


def _event_rows(raw: RawRelation, counted: bool) -> pa.Table:
    """One row per event, times as times; a relationship's count stands at its first one."""
    if EVENTS not in raw.rows.column_names:
        return raw.rows
    sizes = raw.rows[EVENTS].combine_chunks().value_lengths().to_numpy(zero_copy_only=False)
    if not (sizes > 1).any():
        at = raw.rows["at"].to_numpy()
        return raw.rows.set_column(raw.rows.column_names.index("at"), "at", pa.array(at, TIME, mask=at == NO_TIME))
    rows = raw.event_rows()
    if counted:
        later = np.ones(len(rows), dtype=np.bool_)
        later[np.concatenate([[0], np.cumsum(np.maximum(sizes, 1))[:-1]])] = False
        count = np.where(later, 0, rows["count"].to_numpy())
        rows = rows.set_column(rows.column_names.index("count"), "count", pa.array(count))
    return rows

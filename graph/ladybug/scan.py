"""The embedded store as a stream: one state of the journal, a record batch at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

import numpy as np
import pyarrow as pa

from graphfeed.errors import StoreError
from graphfeed.graph.journal.parts import read_batches
from graphfeed.graph.journal.reading import Journal
from graphfeed.graph.scan import Int64, Links, Matrix, links_of_events
from graphfeed.graph.schema import PREDICTION_SCHEMA, Generation
from graphfeed.loaders.records import CHUNK_ROWS, NODE_TYPES, RELATIONSHIP_TYPES

_BATCHES_KEPT = 8  # of rewritten nodes, while they are put in order


class JournalScan:
    """``GraphScan`` of an embedded store. What others write meanwhile is not in it, and mostly does not disturb it."""

    def __init__(self, journal: Journal, folder: Path, number: Callable[[], int]) -> None:
        """``number``: of the store's current state."""
        self.where = str(folder)
        self.folder: Path | None = folder
        self._journal, self._number = journal, number

    def nodes(self, label: str) -> Iterator[pa.Table]:
        """See ``GraphScan.nodes``."""
        columns = ["id", *NODE_TYPES[label].properties]
        parts = self._journal.state.of("nodes", label)
        with self._reading():
            if any(part.added < part.rows for part in parts):
                yield from self._rewritten(label, columns)
                return
            for part in parts:
                for batch in read_batches(self._journal.folder, part, columns):
                    yield pa.Table.from_batches([batch])

    def relationships(self, type_: str) -> Iterator[Links]:
        """See ``GraphScan.relationships``. Holds one type's arrays."""
        properties = list(RELATIONSHIP_TYPES[type_].properties)
        for pair, parts in self._journal.pairs(type_):
            if not parts:
                continue
            with self._reading():
                rows = self._journal.read_events(type_, parts, ["source", "target", *properties])
                source, target = (rows[end].to_numpy().astype(np.int64, copy=False) for end in ("source", "target"))
                ids = (self._journal.node_ids(pair[0]), self._journal.node_ids(pair[1]))
                yield from links_of_events(type_, pair, ids, (source, target), rows.select(properties))

    def vectors(self, label: str, name: str) -> Matrix | None:
        """See ``GraphScan.vectors``. Mapped into memory."""
        with self._reading():
            return self._journal.read_vectors(label, name)

    def generations(self) -> list[Generation]:
        """See ``GraphScan.generations``."""
        return list(reversed(self._journal.state.generations))

    def predictions(self, type_: str) -> Iterator[pa.Table]:
        """See ``GraphScan.predictions``."""
        with self._reading():
            for part in self._journal.state.of("predictions", type_):
                for batch in read_batches(self._journal.folder, part, PREDICTION_SCHEMA.names):
                    yield pa.Table.from_batches([batch])

    def check(self) -> None:
        """See ``GraphScan.check``. It is one state, whatever came after it."""

    def _rewritten(self, label: str, columns: list[str]) -> Iterator[pa.Table]:
        """Nodes some of which were written again: of the rows for a node the last one counts."""
        folder, parts = self._journal.folder, self._journal.state.of("nodes", label)
        sizes: list[int] = []
        last = np.empty(self._journal.node_count(label), dtype=np.int64)
        places: list[tuple[int, int]] = []  # of the batches: part, and place in it
        for number, part in enumerate(parts):
            for place, batch in enumerate(read_batches(folder, part, ["node"])):
                last[batch.column("node").to_numpy()] = sum(sizes) + np.arange(batch.num_rows)
                sizes.append(batch.num_rows)
                places.append((number, place))
        starts = np.concatenate([[0], np.cumsum(sizes)])

        @lru_cache(maxsize=_BATCHES_KEPT)
        def batch_of(number: int) -> pa.RecordBatch:
            part, place = places[number]
            return next(read_batches(folder, parts[part], columns, only=place))

        for start in range(0, len(last), CHUNK_ROWS):
            yield _taken(last[start : start + CHUNK_ROWS], starts, batch_of)

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """A file that a later change removed is missing for a reason that can be named."""
        try:
            yield
        except StoreError as error:
            if self._number() == self._journal.state.number:
                raise
            raise StoreError(f"{self.where} was changed while it was read: do it again") from error


def _taken(rows: Int64, starts: Int64, batch_of: Callable[[int], pa.RecordBatch]) -> pa.Table:
    """Rows by their positions in a sequence of batches, in the order asked for."""
    batches = np.searchsorted(starts, rows, side="right") - 1
    order = np.argsort(batches, kind="stable")
    found = []
    for number in np.unique(batches):
        wanted = rows[order[batches[order] == number]] - starts[number]
        found.append(batch_of(int(number)).take(pa.array(wanted)))
    back = np.empty(len(rows), dtype=np.int64)
    back[order] = np.arange(len(rows))
    return pa.Table.from_batches(found).take(pa.array(back))

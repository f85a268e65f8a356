"""The embedded store: a folder, with nothing to install and no server.

    manifest.sqlite   what is true: the journal's files, the generations, the index's name
    journal/          every row that was ever acknowledged, in files that never change
    index-<n>.lbug    the same as a Ladybug database, for Cypher; rebuilt from the journal whenever it is not right

A change writes its files, builds the next index and then flips the manifest, so that rows, generation and index are
seen together or not at all. Any number of processes read; one writes at a time.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from filelock import FileLock, Timeout

from graphfeed.errors import StoreBusyError, StoreError, StoreFormatError
from graphfeed.graph.journal.change import JournalChange
from graphfeed.graph.journal.manifest import IndexMark, Manifest, State, sync_folder
from graphfeed.graph.journal.parts import checksum, disk_errors, require_space
from graphfeed.graph.journal.reading import Journal
from graphfeed.graph.ladybug.index import build_index, check_reading
from graphfeed.graph.ladybug.scan import JournalScan
from graphfeed.graph.ladybug.shared import SharedIndex
from graphfeed.graph.nearest import check_names, check_width, nearest_exactly, query_vector
from graphfeed.graph.query_files import find_query
from graphfeed.graph.schema import PREDICTED, Generation
from graphfeed.graph.store import Counts, Loadable, Relation, Row, SetupReport, Value
from graphfeed.loaders.records import NODE_TYPES, RELATIONSHIP_TYPES

_MANIFEST, _JOURNAL, _LOCK, _WRITER = "manifest.sqlite", "journal", "write.lock", "writer.json"
_OURS = (_MANIFEST, _JOURNAL, _LOCK, _WRITER)
_REPAIR_WAIT_SECONDS = 120.0  # for a writer to finish, when the index has to be rebuilt
_TRIES = 5  # to open files that another process replaced meanwhile


class LadybugStore:
    """``GraphStore`` over a folder. See ``graphfeed.graph.store`` for what the methods promise."""

    dialect = "ladybug"

    def __init__(self, folder: Path, create: bool = False) -> None:
        """Open the store in a folder; with ``create`` make it if it is not there.

        Raises StoreError if there is none, StoreFormatError for something else or of a newer format.
        """
        self.location = str(folder)
        self.workspace = folder
        self._folder = folder
        self._closed = False
        self._guard = threading.Lock()
        self._view: tuple[Journal, SharedIndex | None] | None = None
        if not (folder / _MANIFEST).exists():
            self._make(create)
        self._manifest = Manifest(folder / _MANIFEST)

    @contextmanager
    def change(self, what: str) -> Iterator[JournalChange]:
        """See ``GraphStore.change``."""
        self._check_open()
        with self._writing(what):
            state = self._manifest.read()
            self._sweep(state)
            change = JournalChange(Journal(self._folder / _JOURNAL, state))
            try:
                yield change
                self._commit(state, change.finish())
            except BaseException:
                change.abort()
                with suppress(StoreError):
                    self._sweep(self._manifest.read())  # what it names stays, even if the error came after the flip
                raise

    def run(self, query: str, **parameters: Value) -> list[Row]:
        """See ``GraphStore.run``."""
        found = find_query(query, self.dialect)
        found.check(parameters)
        return self._execute(found.text, parameters)

    def cypher(self, text: str, parameters: Mapping[str, Value] | None = None) -> list[Row]:
        """See ``GraphStore.cypher``."""
        check_reading(text, parameters or {})
        return self._execute(text, parameters or {})

    def node_ids(self, label: str) -> pa.StringArray:
        """See ``GraphStore.node_ids``."""
        return self._journal().node_ids(label)

    def read_nodes(self, label: str, columns: Sequence[str]) -> pa.Table:
        """See ``GraphStore.read_nodes``."""
        return self._journal().read_nodes(label, columns)

    def read_relation(self, type_: str) -> list[Relation]:
        """See ``GraphStore.read_relation``."""
        return self._journal().read_relation(type_)

    def read_vectors(self, label: str, name: str) -> npt.NDArray[np.float32] | None:
        """See ``GraphStore.read_vectors``. Mapped into memory, so read-only."""
        for _ in range(_TRIES):
            journal = self._journal()
            try:
                return journal.read_vectors(label, name)
            except StoreError:
                if self._manifest.number() == journal.state.number:
                    raise
        return self._journal().read_vectors(label, name)

    def read_vector(self, label: str, name: str, id_: str) -> npt.NDArray[np.float32] | None:
        """See ``GraphStore.read_vector``."""
        check_names(label, name)
        vectors = self.read_vectors(label, name)
        place = -1 if vectors is None else pc.index(self.node_ids(label), id_).as_py()
        return vectors[place] if vectors is not None and place >= 0 and vectors[place].any() else None

    def nearest(
        self,
        label: str,
        name: str,
        vector: npt.NDArray[np.float32],
        limit: int,
        *,
        keep: Callable[[str], bool] | None = None,
    ) -> list[tuple[str, float]]:
        """See ``GraphStore.nearest``. Exact."""
        check_names(label, name)
        vector, vectors = query_vector(vector, limit), self.read_vectors(label, name)
        if vectors is None:
            return []
        check_width(label, name, vectors.shape[1], len(vector))
        return nearest_exactly(self.node_ids(label), vectors, vector, limit, keep)

    def bulk(self, say: Callable[[str], None]) -> AbstractContextManager[Loadable]:
        """See ``GraphStore.bulk``."""
        raise StoreError("--bulk is for a Neo4j server; the embedded store loads as fast without it")

    def setup(self, *, give_up: bool = False) -> SetupReport:
        """See ``GraphStore.setup``. A folder needs nothing, and an interrupted change leaves nothing behind."""
        self._check_open()
        return SetupReport((), (f"the folder {self._folder}",))

    def counts(self) -> Counts:
        """See ``GraphStore.counts``."""
        index = self._journal().state.index
        if index is not None:
            return index.counts
        names = [*RELATIONSHIP_TYPES, *PREDICTED]
        return Counts(dict.fromkeys([*NODE_TYPES, "Generation"], 0), dict.fromkeys(names, 0))

    def version(self) -> str:
        """See ``GraphStore.version``."""
        state = self._journal().state
        return f"{state.store}-{state.observed}"

    @property
    def mapping(self) -> None:
        """See ``GraphStore.mapping``."""
        return None

    def refusal(self, what: str) -> str | None:
        """See ``GraphStore.refusal``."""
        return None

    def generations(self) -> list[Generation]:
        """See ``GraphStore.generations``."""
        return list(reversed(self._journal().state.generations))

    def scan(self) -> JournalScan:
        """See ``GraphStore.scan``."""
        return JournalScan(self._journal(), self._folder, self._manifest.number)

    def close(self) -> None:
        """See ``GraphStore.close``."""
        with self._guard:
            if self._closed:
                return
            self._closed = True
            if self._view is not None and self._view[1] is not None:
                self._view[1].release()
            self._view = None
            self._manifest.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _make(self, create: bool) -> None:
        folder = self._folder
        if folder.exists() and not folder.is_dir():
            raise StoreFormatError(f"{folder} is a file; a store is a folder")
        others = [f.name for f in folder.iterdir() if not f.name.startswith(_OURS)] if folder.exists() else []
        if others:
            raise StoreFormatError(
                f"{folder} is not a graphfeed store: it has no {_MANIFEST} but holds {sorted(others)[0]!r}; choose"
                " an empty or a new folder"
            )
        if not create:
            raise StoreError(f"no store at {folder}: `graphfeed load SOURCE PATH --store {folder}` makes one")
        with disk_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
            (folder / _JOURNAL).mkdir(exist_ok=True)
        with self._writing("make the store", wait=_REPAIR_WAIT_SECONDS):
            if not (folder / _MANIFEST).exists():
                with disk_errors(folder / _MANIFEST):
                    Manifest.create(folder / _MANIFEST)

    @contextmanager
    def _writing(self, what: str, wait: float = 0.0) -> Iterator[None]:
        """Hold the write lock. The system lets go of it when a process ends, however it ends."""
        lock = FileLock(self._folder / _LOCK, timeout=wait, thread_local=False)
        try:
            lock.acquire()
        except Timeout:
            raise StoreBusyError(
                f"{self._folder} is being written to by another process{self._other()}; wait for it to end"
            ) from None
        except OSError as error:
            raise StoreError(f"{self._folder} cannot be written to: {error}") from error
        try:
            with disk_errors(self._folder / _WRITER):
                (self._folder / _WRITER).write_text(json.dumps({"pid": os.getpid(), "what": what}), encoding="utf-8")
            yield
        finally:
            (self._folder / _WRITER).unlink(missing_ok=True)
            lock.release()

    def _other(self) -> str:
        with suppress(OSError, ValueError, KeyError, TypeError):
            writer = json.loads((self._folder / _WRITER).read_text(encoding="utf-8"))
            return f" (process {writer['pid']}: {writer['what']})"
        return ""

    def _commit(self, before: State, after: State) -> None:
        """Build the index that belongs to the new state if it needs one, then make the state the current one."""
        if after == before:
            return
        kinds = {part.kind for part in set(after.parts) ^ set(before.parts)}
        if before.index is None or kinds - {"vectors"} or after.generations != before.generations:
            after = self._with_index(after)
        self._manifest.write(after)
        self._sweep(after)

    def _with_index(self, state: State) -> State:
        number = state.indexes + 1
        path = self._folder / f"index-{number}.lbug"
        new = path.with_suffix(".new")
        raw = sum(part.raw for part in state.parts if part.kind != "vectors")
        require_space(self._folder, 5 * raw // 2)  # Ladybug keeps a relationship's properties at both its ends
        counts = build_index(new, Journal(self._folder / _JOURNAL, state))
        with disk_errors(path):
            with new.open("rb+") as file:
                os.fsync(file.fileno())
            new.rename(path)
            sync_folder(self._folder)
            status = path.stat()
            mark = IndexMark(path.name, status.st_size, status.st_mtime_ns, checksum(path), counts)
        return replace(state, indexes=number, index=mark)

    def _sweep(self, state: State) -> None:
        """Remove what no state names: left by a killed writer, or replaced. Under the write lock only."""
        wanted = {part.file for part in state.parts}
        files = [f for f in (self._folder / _JOURNAL).iterdir() if f.name not in wanted]
        current = state.index.file if state.index else None
        files += [f for f in self._folder.glob("index-*") if f.name != current]
        for file in files:
            with suppress(OSError):
                file.unlink()

    def _execute(self, text: str, parameters: Mapping[str, Value]) -> list[Row]:
        shared = self._index()
        try:
            return shared.index.run(text, parameters)
        finally:
            shared.release()

    def _journal(self) -> Journal:
        self._check_open()
        number = self._manifest.number()
        with self._guard:
            if self._view is None or self._view[0].state.number != number:
                if self._view is not None and self._view[1] is not None:
                    self._view[1].release()
                self._view = (Journal(self._folder / _JOURNAL, self._manifest.read()), None)
            return self._view[0]

    def _index(self) -> SharedIndex:
        """The current index, held for the caller, who releases it."""
        journal = self._journal()
        with self._guard:
            if self._view is not None and self._view[0] is journal and self._view[1] is not None:
                return self._view[1].hold()
        for _ in range(_TRIES):
            shared = SharedIndex.open(self._folder, journal.state.index)
            if shared is None:
                self._repair(journal.state)
                journal = self._journal()
                continue
            with self._guard:
                if self._view is not None and self._view[0] is journal and self._view[1] is None:
                    self._view = (journal, shared.hold())
            return shared
        raise StoreError(f"the index of {self._folder} could not be opened, nor built anew; is its disk sound?")

    def _repair(self, seen: State) -> None:
        """Build the index anew, unless someone else did meanwhile."""
        if self._manifest.number() != seen.number:
            return
        with self._writing("rebuild the index", wait=_REPAIR_WAIT_SECONDS):
            state = self._manifest.read()
            if state.index == seen.index:
                state = self._with_index(replace(state, number=state.number + 1))
                self._manifest.write(state)
                self._sweep(state)

    def _check_open(self) -> None:
        if self._closed:
            raise StoreError(f"the store {self._folder} is closed")

"""The manifest of an embedded store: a small SQLite database that says which files are the truth.

A change is one SQLite transaction here, after its files were written and synced: whatever the manifest does not name
was never acknowledged and is swept away by the next writer.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from graphfeed.errors import StoreError, StoreFormatError
from graphfeed.graph.schema import Generation
from graphfeed.graph.store import Counts

FORMAT = 1
"""Version of a store's folder. A store of a newer one is refused."""

_APPLICATION = 0x67667374  # "gfst": SQLite's own mark of whose file this is
_TABLES = """
CREATE TABLE state (number INTEGER NOT NULL, store TEXT NOT NULL, observed INTEGER NOT NULL, indexes INTEGER NOT NULL,
                    index_mark TEXT NOT NULL);
CREATE TABLE part (position INTEGER PRIMARY KEY, record TEXT NOT NULL);
CREATE TABLE generation (position INTEGER PRIMARY KEY, record TEXT NOT NULL);
"""


@dataclass(frozen=True)
class Part:
    """One file of the journal."""

    file: str
    kind: str
    """``nodes``, ``relationships``, ``vectors``, ``measures`` or ``predictions``."""
    name: str
    """The label, the relationship's type or the vector's name."""
    source_label: str
    """Label at the source; for vectors the label."""
    target_label: str
    rows: int
    added: int
    """Rows that are new nodes; the others replace earlier ones. For the other kinds the same as ``rows``."""
    change: int
    size: int
    """In bytes."""
    checksum: int
    """CRC-32 of the file."""
    raw: int
    """Bytes of the rows in memory, uncompressed."""
    generation: str = ""


@dataclass(frozen=True)
class IndexMark:
    """The index file that belongs to a state, and how to know it again."""

    file: str
    size: int
    modified: int
    """Time of last change in nanoseconds; when it differs, ``checksum`` decides."""
    checksum: int
    counts: Counts


@dataclass(frozen=True)
class State:
    """Everything the manifest says, at one moment."""

    number: int
    """Counts the changes, of whatever kind."""
    store: str
    """Random word made with the store: tells two stores with the same number of changes apart."""
    observed: int
    """Number of the last change to the observed graph."""
    indexes: int
    """How many index files were made; names the next one."""
    index: IndexMark | None
    parts: tuple[Part, ...] = ()
    generations: tuple[Generation, ...] = field(default=())
    """Oldest first."""

    def of(self, kind: str, name: str, source_label: str | None = None) -> list[Part]:
        """The parts of one kind and name, oldest first."""
        return [
            p
            for p in self.parts
            if p.kind == kind and p.name == name and (source_label is None or p.source_label == source_label)
        ]


class Manifest:
    """An open manifest. Safe to use from several threads."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        with _translated(self.path):
            self._database = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
            try:
                self._check_format()
                self._database.execute("PRAGMA synchronous=FULL")
            except BaseException:
                self._database.close()
                raise

    @staticmethod
    def create(path: Path) -> None:
        """Make an empty manifest, whole or not at all."""
        new = path.with_name(f"{path.name}.new")
        new.unlink(missing_ok=True)
        with _translated(new):
            database = sqlite3.connect(new, isolation_level=None)
            database.execute("PRAGMA journal_mode=WAL")
            database.executescript(
                f"BEGIN; PRAGMA application_id={_APPLICATION}; PRAGMA user_version={FORMAT}; {_TABLES} COMMIT"
            )
            database.execute("INSERT INTO state VALUES (0, ?, 0, 0, 'null')", (uuid.uuid4().hex[:12],))
            database.close()
        new.rename(path)
        sync_folder(path.parent)

    def number(self) -> int:
        """Number of the current state: cheap, to notice a change by someone else."""
        with _translated(self.path), self._lock:
            return int(self._database.execute("SELECT number FROM state").fetchone()[0])

    def read(self) -> State:
        """The current state."""
        with _translated(self.path), self._lock:
            self._database.execute("BEGIN")
            try:
                number, store, observed, indexes, mark = self._database.execute("SELECT * FROM state").fetchone()
                parts = self._database.execute("SELECT record FROM part ORDER BY position").fetchall()
                generations = self._database.execute("SELECT record FROM generation ORDER BY position").fetchall()
            finally:
                self._database.execute("COMMIT")
        return State(
            number,
            store,
            observed,
            indexes,
            _mark(json.loads(mark)),
            tuple(Part(**json.loads(record)) for (record,) in parts),
            tuple(_generation(json.loads(record)) for (record,) in generations),
        )

    def write(self, state: State) -> None:
        """Replace the state, whole or not at all; synced when this returns."""
        mark = json.dumps(asdict(state.index) if state.index else None)
        with _translated(self.path), self._lock:
            self._database.execute("BEGIN IMMEDIATE")
            try:
                self._database.execute(
                    "UPDATE state SET number=?, observed=?, indexes=?, index_mark=?",
                    (state.number, state.observed, state.indexes, mark),
                )
                for table, records in (("part", state.parts), ("generation", state.generations)):
                    self._database.execute(f"DELETE FROM {table}")
                    self._database.executemany(
                        f"INSERT INTO {table} (record) VALUES (?)", [(json.dumps(asdict(r)),) for r in records]
                    )
                self._database.execute("COMMIT")
            except BaseException:
                if self._database.in_transaction:
                    self._database.execute("ROLLBACK")
                raise

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._database.close()

    def _check_format(self) -> None:
        application = self._database.execute("PRAGMA application_id").fetchone()[0]
        version = self._database.execute("PRAGMA user_version").fetchone()[0]
        if application != _APPLICATION:
            raise StoreFormatError(f"{self.path} is not the manifest of a graphfeed store; choose another folder")
        if version > FORMAT:
            raise StoreFormatError(
                f"{self.path.parent} was made by a newer graphfeed (store format {version}, this one reads up to"
                f" {FORMAT}); upgrade graphfeed, or load the data again into another folder"
            )


def sync_folder(folder: Path) -> None:
    """Make renames and deletions in a folder last (fsync of the directory)."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _mark(record: dict[str, Any] | None) -> IndexMark | None:
    return None if record is None else IndexMark(**{**record, "counts": Counts(**record["counts"])})


def _generation(record: dict[str, Any]) -> Generation:
    return Generation(**{**record, "kinds": tuple(record["kinds"])})


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        raise StoreError(f"the manifest {path} cannot be used: {error}") from error
    except sqlite3.Error as error:
        raise StoreFormatError(
            f"{path} is damaged or not the manifest of a graphfeed store ({error}); load the data again into another"
            " folder"
        ) from error

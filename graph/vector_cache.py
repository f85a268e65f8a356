"""Vectors that were computed once, kept by what they were computed from: text, encoder and the encoder's revision.

One SQLite file in the store's workspace. Every ``put`` is one transaction: a process killed in the middle leaves what
was put before. It is a cache: a file that is damaged or of another layout is put aside and a new one begun.

    with VectorCache(folder / "text_vectors.sqlite") as cache:
        known = cache.get(encoder.name, encoder.revision, keys)  # {key: vector}
        cache.put(encoder.name, encoder.revision, {key: vector})
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt

from graphfeed.errors import StoreError

Vector = npt.NDArray[np.float32]

_LAYOUT = 1
_KEYS_AT_ONCE = 900  # SQLite takes 999 parameters at least
_WAIT_SECONDS = 60.0  # for another process's batch
_TABLES = """
    CREATE TABLE encoder (id INTEGER PRIMARY KEY, name TEXT NOT NULL, revision TEXT NOT NULL, UNIQUE (name, revision));
    CREATE TABLE vector (
        encoder INTEGER NOT NULL REFERENCES encoder, text BLOB NOT NULL, vector BLOB NOT NULL, UNIQUE (encoder, text)
    );
"""


def text_key(text: str) -> bytes:
    """The SHA-256 of a text, 32 bytes."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


class VectorCache:
    """Vectors by text, encoder and revision. Several processes may have it open."""

    def __init__(self, file: Path) -> None:
        """Open the cache, or begin one. Raises StoreError where the file can be neither read nor made."""
        self._file = file
        with self._errors_named():
            try:
                self._database = _open(file)
            except sqlite3.DatabaseError as error:
                if isinstance(error, sqlite3.OperationalError):  # locked, no permission, disk full: not the content
                    raise
                _put_aside(file)
                self._database = _open(file)

    def get(self, encoder: str, revision: str, keys: Sequence[bytes]) -> dict[bytes, Vector]:
        """The vectors there are, by key; float32 ``[width]``, not to be written to."""
        found: dict[bytes, Vector] = {}
        with self._errors_named():
            number = self._number(encoder, revision)
            for start in range(0, len(keys) if number is not None else 0, _KEYS_AT_ONCE):
                some = keys[start : start + _KEYS_AT_ONCE]
                marks = ",".join("?" * len(some))
                rows = self._database.execute(
                    f"SELECT text, vector FROM vector WHERE encoder = ? AND text IN ({marks})", (number, *some)
                )
                found.update((key, np.frombuffer(vector, "<f4")) for key, vector in rows)
        return found

    def put(self, encoder: str, revision: str, vectors: Mapping[bytes, Vector]) -> None:
        """Keep vectors, all or none of them. One that is there already stays."""
        with self._errors_named(), self._database:
            self._database.execute("BEGIN IMMEDIATE")
            self._database.execute("INSERT OR IGNORE INTO encoder (name, revision) VALUES (?, ?)", (encoder, revision))
            number = self._number(encoder, revision)
            self._database.executemany(
                "INSERT OR IGNORE INTO vector VALUES (?, ?, ?)",
                ((number, key, np.ascontiguousarray(vector, "<f4").tobytes()) for key, vector in vectors.items()),
            )

    def close(self) -> None:
        """Give the file back. Calling it twice is fine."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _number(self, encoder: str, revision: str) -> int | None:
        row = self._database.execute(
            "SELECT id FROM encoder WHERE name = ? AND revision = ?", (encoder, revision)
        ).fetchone()
        return None if row is None else int(row[0])

    @contextmanager
    def _errors_named(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise StoreError(
                f"the cache of text vectors {self._file} cannot be used: {error}; check its permissions and the free"
                " space, or delete it: it only saves time"
            ) from error


def _open(file: Path) -> sqlite3.Connection:
    file.parent.mkdir(parents=True, exist_ok=True)
    database = sqlite3.connect(file, timeout=_WAIT_SECONDS, isolation_level=None)
    try:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = NORMAL")
        with database:
            database.execute("BEGIN IMMEDIATE")
            (layout,) = database.execute("PRAGMA user_version").fetchone()
            if layout == 0:
                for statement in filter(str.strip, _TABLES.split(";")):
                    database.execute(statement)
                database.execute(f"PRAGMA user_version = {_LAYOUT}")
            elif layout != _LAYOUT:
                raise sqlite3.DatabaseError(f"layout {layout}, expected {_LAYOUT}")
    except BaseException:
        database.close()
        raise
    return database


def _put_aside(file: Path) -> None:
    file.replace(file.with_name(file.name + ".damaged"))
    for suffix in ("-wal", "-shm"):
        file.with_name(file.name + suffix).unlink(missing_ok=True)

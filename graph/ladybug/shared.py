"""Index files that are open in this process: one handle for each, shared by all stores that read it."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import ClassVar

from graphfeed.errors import StoreError
from graphfeed.graph.journal.manifest import IndexMark
from graphfeed.graph.journal.parts import checksum
from graphfeed.graph.ladybug.index import LadybugIndex

Key = tuple[Path, int, int, int]
"""An index file and its mark: a folder made anew has the same names."""


class SharedIndex:
    """An open index file, shared by all stores of this process that read it, closed by the last one."""

    _open: ClassVar[dict[Key, SharedIndex]] = {}
    _guard: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self, key: Key) -> None:
        self.index = LadybugIndex(key[0])
        self.key = key
        self.users = 0

    @classmethod
    def open(cls, folder: Path, mark: IndexMark | None) -> SharedIndex | None:
        """The index with that mark, held for the caller; None if it is missing, changed or does not open."""
        if mark is None:
            return None
        key = ((folder / mark.file).resolve(), mark.size, mark.modified, mark.checksum)
        with cls._guard:
            shared = cls._open.get(key)
            if shared is None:
                if not _intact(key[0], mark):
                    return None
                try:
                    shared = cls._open[key] = cls(key)
                except StoreError:
                    return None
            shared.users += 1
            return shared

    def hold(self) -> SharedIndex:
        """One more user."""
        with self._guard:
            self.users += 1
        return self

    def release(self) -> None:
        """One user less."""
        with self._guard:
            self.users -= 1
            if self.users == 0:
                self._open.pop(self.key, None)
                self.index.close()


def _intact(path: Path, mark: IndexMark) -> bool:
    try:
        status = path.stat()
        return status.st_size == mark.size and (status.st_mtime_ns == mark.modified or checksum(path) == mark.checksum)
    except OSError:
        return False

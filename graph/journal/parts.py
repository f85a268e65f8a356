"""The files of the journal: written once, synced, renamed, and never changed.

Tables are Arrow IPC files (lz4), one per change and type, a record batch per chunk; vectors are ``.npy`` files, so that
they can be mapped into memory as they are.
"""

from __future__ import annotations

import errno
import mmap
import os
import shutil
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from threading import Lock

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from graphfeed.errors import StoreError
from graphfeed.graph.journal.manifest import Part, sync_folder

_SPARE_BYTES = 64 << 20
"""Left free on the disk for SQLite, logs and everyone else."""

_checked: set[tuple[str, int, int]] = set()  # (path, size, modified) of the parts whose checksum was right
_checked_lock = Lock()


class TableWriter:
    """Writes one part, chunk by chunk. ``close`` gives the part."""

    def __init__(self, folder: Path, part: Part, schema: pa.Schema) -> None:
        self._folder, self._part, self._schema = folder, part, schema
        self._path = folder / f"{part.file}.new"
        self._rows = self._added = self._raw = 0
        with disk_errors(self._path):
            self._sink = self._path.open("wb")
            self._writer = pa.ipc.new_file(self._sink, schema, options=pa.ipc.IpcWriteOptions(compression="lz4"))

    def write(self, rows: pa.Table, added: int) -> None:
        """Add rows, ``added`` of which are new nodes."""
        require_space(self._folder, rows.nbytes)
        with disk_errors(self._path):
            self._writer.write_table(rows.combine_chunks())
        self._rows += rows.num_rows
        self._added += added
        self._raw += rows.nbytes

    def close(self) -> Part:
        """Sync and rename the file."""
        with disk_errors(self._path):
            self._writer.close()
            self._sink.flush()
            os.fsync(self._sink.fileno())
            self._sink.close()
        return _finish(self._folder, replace(self._part, rows=self._rows, added=self._added, raw=self._raw))

    def abort(self) -> None:
        """Close the file as it is; nothing names it."""
        with suppress(OSError, pa.ArrowException):  # the disk may be full
            self._sink.close()


def write_vectors(folder: Path, part: Part, vectors: npt.NDArray[np.float32]) -> Part:
    """Write a matrix ``[nodes, width]`` as one part."""
    require_space(folder, vectors.nbytes)
    path = folder / f"{part.file}.new"
    with disk_errors(path), path.open("wb") as sink:
        np.save(sink, vectors)
        sink.flush()
        os.fsync(sink.fileno())
    return _finish(folder, replace(part, rows=len(vectors), added=len(vectors), raw=vectors.nbytes))


def read_table(folder: Path, part: Part, columns: Sequence[str]) -> pa.Table:
    """Some columns of a part, in the order asked for. Raises StoreError naming the part if it is damaged."""
    path = _check(folder, part)
    try:
        with pa.memory_map(str(path)) as source:
            names = pa.ipc.open_file(source).schema.names
            wanted = sorted({names.index(name) for name in columns})
            options = pa.ipc.IpcReadOptions(included_fields=wanted)
            return pa.ipc.open_file(source, options=options).read_all().select(list(columns))
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _damaged(path, str(error)) from error


def read_batches(folder: Path, part: Part, columns: Sequence[str], only: int | None = None) -> Iterator[pa.RecordBatch]:
    """The same, a record batch at a time, as they were written; or ``only`` the one at a place."""
    path = _check(folder, part)
    try:
        with pa.memory_map(str(path)) as source:
            names = pa.ipc.open_file(source).schema.names
            options = pa.ipc.IpcReadOptions(included_fields=sorted({names.index(name) for name in columns}))
            reader = pa.ipc.open_file(source, options=options)
            for number in range(reader.num_record_batches) if only is None else [only]:
                yield reader.get_batch(number).select(list(columns))
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _damaged(path, str(error)) from error


def map_vectors(folder: Path, part: Part) -> npt.NDArray[np.float32]:
    """A matrix of vectors, mapped into memory (read-only)."""
    path = _check(folder, part)
    try:
        return np.asarray(np.load(path, mmap_mode="r"), dtype=np.float32)
    except (OSError, ValueError) as error:
        raise _damaged(path, str(error)) from error


def checksum(path: Path) -> int:
    """CRC-32 of a whole file."""
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_size == 0:
            return 0
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content, memoryview(content) as view:
            value = 0
            for start in range(0, len(view), 1 << 24):
                value = zlib.crc32(view[start : start + (1 << 24)], value)
            return value


def require_space(folder: Path, needed: int) -> None:
    """Raise StoreError unless so many bytes are free, and some to spare."""
    free = shutil.disk_usage(folder).free
    if free < needed + _SPARE_BYTES:
        raise StoreError(
            f"not enough space on the disk of {folder}: {(needed + _SPARE_BYTES) >> 20} MiB needed, {free >> 20} MiB"
            " free; make room and try again (the store is as it was)"
        )


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Translate what a full or failing disk raises."""
    try:
        yield
    except (OSError, pa.ArrowException) as error:
        number = getattr(error, "errno", None)
        reason = "the disk is full" if number == errno.ENOSPC else str(error)
        raise StoreError(f"{path} could not be written: {reason} (the store is as it was)") from error


def _finish(folder: Path, part: Part) -> Part:
    new, path = folder / f"{part.file}.new", folder / part.file
    with disk_errors(path):
        value = checksum(new)
        new.rename(path)
        sync_folder(folder)
        status = path.stat()
    with _checked_lock:
        _checked.add((str(path), status.st_size, status.st_mtime_ns))
    return replace(part, size=status.st_size, checksum=value)


def _check(folder: Path, part: Part) -> Path:
    path = folder / part.file
    try:
        status = path.stat()
    except FileNotFoundError:
        raise _damaged(path, "the file is missing") from None
    if status.st_size != part.size:
        raise _damaged(path, f"it has {status.st_size} bytes where {part.size} were written")
    mark = (str(path), status.st_size, status.st_mtime_ns)
    if mark not in _checked:
        if checksum(path) != part.checksum:
            raise _damaged(path, "its checksum is wrong")
        with _checked_lock:
            _checked.add(mark)
    return path


def _damaged(path: Path, reason: str) -> StoreError:
    return StoreError(
        f"the store's part {path} is damaged: {reason}; bring the file back from a copy, or load the data again into"
        " another folder"
    )

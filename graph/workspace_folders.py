"""Folders of the workspace that hold what was worked out of one state of the graph, to be read again until it changes.

    graph = kept(store.workspace / "questions", "graph", store.version(), write, read)

``write`` fills a new folder, which gets its name when it is complete: a reader sees a whole one or none. What belongs
to another state is removed. Everything there can be made again.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pyarrow as pa

from graphfeed.graph.journal.parts import disk_errors

T = TypeVar("T")

UNREADABLE = (OSError, ValueError, KeyError, pa.ArrowException)
"""What a damaged folder makes its reader raise."""
_IDS = pa.schema([("id", pa.large_string())])


def find_folder(place: Path, name: str, state: str) -> Path | None:
    """The folder of that name for that state of the graph; None where it was not made yet."""
    wanted = _path(place, name, state)
    return wanted if wanted.is_dir() else None


def kept_folder(place: Path, name: str, state: str, write: Callable[[Path], None]) -> Path:
    """The folder of that name for that state of the graph, filled by ``write`` where it is not there yet."""
    wanted = _path(place, name, state)
    if wanted.is_dir():
        return wanted
    new = place / f"new-{name}-{os.getpid()}-{secrets.token_hex(4)}"
    with disk_errors(new):
        new.mkdir(parents=True)
        try:
            write(new)
            if not wanted.is_dir():
                new.rename(wanted)
        except OSError:
            if not wanted.is_dir():  # somebody else was faster
                raise
        finally:
            shutil.rmtree(new, ignore_errors=True)
    for old in place.glob(f"{name}-*"):
        if old != wanted:
            shutil.rmtree(old, ignore_errors=True)
    return wanted


def kept(place: Path, name: str, state: str, write: Callable[[Path], None], read: Callable[[Path], T]) -> T:
    """What ``read`` makes of such a folder; one that is damaged, or that another process swept away, is made again."""
    folder = kept_folder(place, name, state, write)
    try:
        return read(folder)
    except UNREADABLE:
        shutil.rmtree(folder, ignore_errors=True)
        return read(kept_folder(place, name, state, write))


def keep_ids(file: Path, ids: pa.StringArray) -> None:
    """Write ids, to be mapped into memory."""
    with pa.OSFile(str(file), "wb") as sink, pa.ipc.new_file(sink, _IDS) as writer:
        writer.write_batch(pa.record_batch([ids.cast(pa.large_string())], schema=_IDS))


def kept_ids(file: Path) -> pa.LargeStringArray:
    """Ids as they were written."""
    with pa.memory_map(str(file)) as source:
        return pa.ipc.open_file(source).get_batch(0).column(0)


def _path(place: Path, name: str, state: str) -> Path:
    return place / f"{name}-{hashlib.sha256(state.encode()).hexdigest()[:16]}"

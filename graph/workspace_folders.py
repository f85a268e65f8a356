"""Folders of the workspace that hold what was worked out of one state of the graph, to be read again until it changes.

    folder = kept_folder(store.workspace / "questions", "words-post", store.version(), write)

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

import pyarrow as pa

from graphfeed.graph.journal_parts import disk_errors

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

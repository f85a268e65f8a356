"""Loading: from a loader's chunks into a store, in one change, with every row accounted for.

report = ingest(store, open_loader("pairs", Path("gowalla")))
print(report.files["train.txt"].kept)
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from graphfeed.errors import StoreError
from graphfeed.graph.store import Change, Counts, Loadable, Written
from graphfeed.loaders.records import CHUNK_ROWS, RELATIONSHIP_TYPES, Chunk, Loader, Nodes
from graphfeed.loaders.rejected import Rejects

_ENOUGH_ROWS = CHUNK_ROWS // 2  # to be written without waiting for more


@dataclass(frozen=True)
class FileReport:
    """What became of one file's rows."""

    read: int
    kept: int
    """Rows whose main record is in the graph, as the store counted them."""
    rejected: int
    passed_over: int
    """Rows outside the graph, not counted as read."""
    records_rejected: int
    """Records left out that a row yielded beside its main one; the row itself was kept."""


@dataclass(frozen=True)
class LoadReport:
    """What a load did."""

    source: str
    files: dict[str, FileReport]
    reasons: dict[str, int]
    """Rows and records left out, by reason."""
    records: dict[str, int]
    """Records that the graph holds, by label or relationship type: all that loader's rows said, nodes that are only
    referred to left out. Several events between two nodes are one relationship in ``graph``."""
    graph: Counts
    """The whole graph afterwards."""
    rejected_file: Path | None
    """Where the rows and records left out stand; None where there are none."""
    seconds: float = field(compare=False)

    @property
    def read(self) -> int:
        """Rows read."""
        return sum(file.read for file in self.files.values())

    @property
    def kept(self) -> int:
        """Rows kept."""
        return sum(file.kept for file in self.files.values())

    @property
    def rejected(self) -> int:
        """Rows rejected."""
        return sum(file.rejected for file in self.files.values())

    def check(self) -> None:
        """Raise StoreError unless every file's rows read are those kept and those rejected.

        Kept rows are counted by the store, read and rejected ones by the loader, so that this can fail.
        """
        for name, file in self.files.items():
            if file.read != file.kept + file.rejected:
                raise StoreError(
                    f"{name}: read {file.read} rows, but kept {file.kept} and rejected {file.rejected}: "
                    "a fault in graphfeed; the store was left as it was. Please report it."
                )


Progress = Callable[[str, int], None]
"""Called with a file's name and how many of its records were handed to the store just now."""


def ingest(
    store: Loadable,
    loader: Loader,
    *,
    strict: bool = False,
    rejected: Path | None = None,
    progress: Progress | None = None,
) -> LoadReport:
    """Load everything a loader yields into a store, whole or not at all.

    What cannot be used goes to ``rejected`` (default: rejected.csv in the store's workspace; an older one is replaced).

    Raises RejectedRowError under ``strict``, SourceError and ConfigError from the loader; the store is then unchanged.
    """
    began = time.monotonic()
    path = rejected or store.workspace / "rejected.csv"
    path.unlink(missing_ok=True)
    kept: Counter[str] = Counter()
    records: Counter[str] = Counter()
    with Rejects(path, strict=strict) as rejects:
        with store.change(f"load {loader.name}") as change:
            for together in _together(loader.chunks(rejects)):
                for chunk, written in _write(change, together):
                    _reject(chunk, written, rejects)
                    if chunk.primary:
                        kept[chunk.file] += written.kept
                    if not (isinstance(chunk, Nodes) and chunk.implied):
                        records[_type(chunk)] += written.kept
                    if progress is not None:
                        progress(chunk.file, chunk.rows.num_rows)
            files = _files(rejects, kept)
            report = LoadReport(loader.name, files, {}, {}, Counts({}, {}), None, 0.0)
            report.check()
        found = path if rejects.reasons else None
        seconds = time.monotonic() - began
        return LoadReport(loader.name, files, dict(rejects.reasons), dict(records), store.counts(), found, seconds)


def _files(rejects: Rejects, kept: Counter[str]) -> dict[str, FileReport]:
    names = dict.fromkeys([*rejects.rows_read, *rejects.rows_passed_over, *kept, *rejects.records_rejected])
    return {
        name: FileReport(
            rejects.rows_read[name],
            kept[name],
            rejects.rows_rejected[name],
            rejects.rows_passed_over[name],
            rejects.records_rejected[name],
        )
        for name in names
    }


def _type(chunk: Chunk) -> str:
    return chunk.label if isinstance(chunk, Nodes) else chunk.type


def _together(chunks: Iterator[Chunk]) -> Iterator[list[Chunk]]:
    """Small chunks of one kind that follow each other, as many small files give them: a store takes each write with a
    millisecond of its own."""
    waiting: list[Chunk] = []
    rows = 0
    for chunk in chunks:
        if waiting and _kind(chunk) != _kind(waiting[0]):
            yield waiting
            waiting, rows = [], 0
        waiting.append(chunk)
        rows += chunk.rows.num_rows
        if rows >= _ENOUGH_ROWS:
            yield waiting
            waiting, rows = [], 0
    if waiting:
        yield waiting


def _kind(chunk: Chunk) -> tuple[object, ...]:
    if isinstance(chunk, Nodes):
        return (chunk.label, chunk.implied)
    return (chunk.type, chunk.source_label, chunk.target_label)


def _write(change: Change, chunks: list[Chunk]) -> list[tuple[Chunk, Written]]:
    """Write chunks of one kind; what became of each."""
    first = chunks[0]
    rows = pa.concat_tables([chunk.rows for chunk in chunks]).drop_columns(["line"])
    if isinstance(first, Nodes):
        written = change.write_nodes(first.label, rows, implied=first.implied)
    else:
        written = change.write_relationships(first.type, first.source_label, first.target_label, rows)
    return [(first, written)] if len(chunks) == 1 else list(zip(chunks, _shares(chunks, written), strict=True))


def _shares(chunks: list[Chunk], written: Written) -> list[Written]:
    """What became of each chunk's rows, from what became of all of them."""
    shares = []
    start = 0
    for chunk in chunks:
        end = start + chunk.rows.num_rows
        duplicates, dangling = (
            found[(found >= start) & (found < end)] - start for found in (written.duplicates, written.dangling)
        )
        shares.append(Written(end - start - len(duplicates) - len(dangling), duplicates, dangling))
        start = end
    if (kept := sum(share.kept for share in shares)) != written.kept:
        raise StoreError(
            f"{chunks[0].file} and others: of {start} rows the store kept {written.kept}, but named as left out all"
            f" but {kept}: a fault in graphfeed; the store was left as it was. Please report it."
        )
    return shares


def _reject(chunk: Chunk, written: Written, rejects: Rejects) -> None:
    """Turn what the store did not take into rejections, in the order of the lines."""
    for reason, positions in (("dangling key", written.dangling), ("duplicate", written.duplicates)):
        if len(positions):
            _reject_all(chunk, reason, positions, rejects)


def _reject_all(chunk: Chunk, reason: str, positions: npt.NDArray[np.int64], rejects: Rejects) -> None:
    for row in chunk.rows.take(pa.array(np.sort(positions))).to_pylist():
        shown = ", ".join(f"{name}={value}" for name, value in row.items() if value is not None and name != "line")
        rejects.reject(chunk.file, row["line"], reason, _detail(chunk, reason, row), shown, primary=chunk.primary)


def _detail(chunk: Chunk, reason: str, row: dict[str, object]) -> str:
    if isinstance(chunk, Nodes):
        return f"{chunk.label} {row['id']!r} was given before in this load"
    ends = f"{chunk.source_label} {row['source']!r} to {chunk.target_label} {row['target']!r}"
    if reason == "dangling key":
        return f"{chunk.type} from {ends}: one of them is not in the graph"
    when = f" at {row['at']}" if "at" in RELATIONSHIP_TYPES[chunk.type].properties and row["at"] is not None else ""
    return f"{chunk.type} from {ends}{when} was given before in this load"

"""Loading: from a loader's chunks into a store, in one change, with every row accounted for.

report = ingest(store, open_loader("pairs", Path("gowalla")))
print(report.files["train.txt"].kept)
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from graphfeed.errors import StoreError
from graphfeed.graph.store import Change, Counts, Loadable, Written
from graphfeed.loaders.records import RELATIONSHIP_TYPES, Chunk, Loader, Nodes
from graphfeed.loaders.rejected import Rejects


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
            for chunk in loader.chunks(rejects):
                written = _write(change, chunk)
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


def _write(change: Change, chunk: Chunk) -> Written:
    rows = chunk.rows.drop_columns(["line"])
    if isinstance(chunk, Nodes):
        return change.write_nodes(chunk.label, rows, implied=chunk.implied)
    return change.write_relationships(chunk.type, chunk.source_label, chunk.target_label, rows)


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

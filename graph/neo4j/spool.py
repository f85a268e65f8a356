"""A change of a Neo4j database before it is applied: files in the workspace, and a plan of what to do with them.

    spool/<change>/plan.json         what the change is, and its steps in order; without it the change is not whole
    spool/<change>/<step>.arrow      rows, one record batch per transaction

Nothing touches the server until the plan is written. From then on the change can be applied again from the start, by
this process or a later one: the server counts the batches that it has (``lanes``).
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa

from graphfeed.errors import StoreError
from graphfeed.graph.journal.parts import disk_errors, require_space
from graphfeed.graph.neo4j.lanes import LANES
from graphfeed.graph.schema import Generation

BATCH_ROWS = 10_000
"""Rows of one transaction. Larger ones were no faster; each row takes a few kilobytes of the server's heap until the
commit, so that ten thousand need some tens of megabytes, and the smallest server (512 MB) has them."""
BATCH_BYTES = 2 << 20
"""Of a transaction's rows as Arrow holds them: long texts and vectors make a batch shorter."""

_PLAN = "plan.json"
_FORMAT = 2


@dataclass(frozen=True)
class Step:
    """Rows of one kind: nodes, order, relationships, events, vectors, measures, predictions."""

    kind: str
    name: str
    """Label or relationship type; of vectors, the property."""
    source: str
    """Label of the start, or of the vectors."""
    target: str
    file: str
    batches: int
    rows: int


@dataclass
class Plan:
    """What a change does, in order."""

    change: str
    what: str
    observed: bool = False
    """Whether it touches the observed graph."""
    steps: list[Step] = field(default_factory=list)
    published: list[dict[str, Any]] = field(default_factory=list)
    """Generations that it makes, as ``Generation``'s fields; the last one is the active one."""
    live: list[str] | None = None
    """Ids of the generations that are there afterwards, the active one last; None where nothing changes."""
    lanes: int = LANES
    """Over how many connections its batches go."""

    @property
    def empty(self) -> bool:
        """Whether there is nothing to do."""
        return not self.steps and self.live is None

    @property
    def batches(self) -> int:
        """Transactions that its steps take."""
        return sum(step.batches for step in self.steps)

    def generations(self) -> list[Generation]:
        """What ``published`` says."""
        return [Generation(**{**fields, "kinds": tuple(fields["kinds"])}) for fields in self.published]


class Spool:
    """One change's folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._writers: dict[str, tuple[Any, Any, list[int]]] = {}

    @classmethod
    def begin(cls, spools: Path, change: str) -> Self:
        """A new folder; those that were never finished are removed. Under the write lock only."""
        for old in spools.iterdir() if spools.is_dir() else ():
            shutil.rmtree(old, ignore_errors=True)
        with disk_errors(spools):
            (spools / change).mkdir(parents=True)
        return cls(spools / change)

    @classmethod
    def find(cls, spools: Path, change: str) -> Self | None:
        """A finished spool, to be applied; None where there is none."""
        return cls(spools / change) if (spools / change / _PLAN).is_file() else None

    def write(self, file: str, rows: pa.Table) -> None:
        """Add rows to a file, cut into batches."""
        if not rows.num_rows:
            return
        require_space(self.folder, rows.nbytes)
        with disk_errors(self.folder / file):
            if file not in self._writers:
                sink = (self.folder / file).open("wb")
                options = pa.ipc.IpcWriteOptions(compression="lz4")
                self._writers[file] = (sink, pa.ipc.new_file(sink, rows.schema, options=options), [0, 0])
            _, writer, count = self._writers[file]
            rows = rows.combine_chunks()
            size = max(1, min(BATCH_ROWS, int(BATCH_BYTES / max(rows.nbytes / rows.num_rows, 1))))
            for start in range(0, rows.num_rows, size):
                writer.write_table(rows.slice(start, size), max_chunksize=size)
                count[0] += 1
            count[1] += rows.num_rows

    def close_file(self, file: str) -> tuple[int, int]:
        """End a file: its batches and rows, none where nothing was written."""
        if file not in self._writers:
            return 0, 0
        sink, writer, (batches, rows) = self._writers.pop(file)
        with disk_errors(self.folder / file):
            writer.close()
            sink.close()
        return batches, rows

    def batches(self, file: str) -> Iterator[pa.RecordBatch]:
        """The batches of a file that was ended, mapped into memory."""
        with pa.memory_map(str(self.folder / file)) as source:
            reader = pa.ipc.open_file(source)
            for number in range(reader.num_record_batches):
                yield reader.get_batch(number)

    def batch(self, file: str, number: int) -> pa.RecordBatch:
        """One of them."""
        with pa.memory_map(str(self.folder / file)) as source:
            return pa.ipc.open_file(source).get_batch(number)

    def read(self, file: str) -> pa.Table:
        """A whole file that was ended."""
        with pa.memory_map(str(self.folder / file)) as source:
            return pa.ipc.open_file(source).read_all()

    def drop(self, file: str) -> None:
        """Remove a file that was only needed on the way."""
        (self.folder / file).unlink(missing_ok=True)

    def commit(self, plan: Plan) -> None:
        """Write the plan: from now on the change can be applied."""
        text = json.dumps({**asdict(plan), "format": _FORMAT})
        new = self.folder / f"{_PLAN}.new"
        with disk_errors(new):
            new.write_text(text, encoding="utf-8")
            new.rename(self.folder / _PLAN)

    def plan(self) -> Plan:
        """The plan that was written."""
        content = json.loads((self.folder / _PLAN).read_text(encoding="utf-8"))
        if content.pop("format") != _FORMAT:
            raise StoreError(
                f"the change in {self.folder} was left by another version of graphfeed: finish it with that one, or"
                " drop it with `graphfeed setup --give-up` and do it again"
            )
        return Plan(**{**content, "steps": [Step(**step) for step in content["steps"]]})

    def remove(self) -> None:
        """Remove the folder with all that is in it."""
        for sink, _, _ in self._writers.values():
            sink.close()
        self._writers.clear()
        shutil.rmtree(self.folder, ignore_errors=True)


def vector_table(matrix: np.ndarray[Any, np.dtype[np.float32]], nodes: np.ndarray[Any, np.dtype[np.int64]]) -> pa.Table:
    """A matrix as rows of a spool: ``node`` (index) and ``vector``."""
    width = matrix.shape[1]
    values = pa.FixedSizeListArray.from_arrays(pa.array(matrix.reshape(-1)), width)
    return pa.table({"node": pa.array(nodes), "vector": values})

"""What the loaders' tests share: reading a loader to its end without a store."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from graphfeed.loaders.records import Chunk, Loader, Nodes, node_schema, relationship_schema
from graphfeed.loaders.rejected import Rejects


@dataclass
class Reading:
    """Everything a loader yielded and set aside."""

    rejects: Rejects
    records: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    """By label or relationship type; nodes that are only referred to under ``implied LABEL``."""
    primary: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    """Primary records by file."""
    chunks: list[Chunk] = field(default_factory=list)


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., Reading]:
    """Read a loader to its end; checks what every chunk must be."""

    def read_all(loader: Loader, *, strict: bool = False) -> Reading:
        with Rejects(tmp_path / "rejected" / "rejected.csv", strict=strict) as rejects:
            reading = Reading(rejects)
            for chunk in loader.chunks(rejects):
                _check(chunk)
                name = chunk.label if isinstance(chunk, Nodes) else chunk.type
                implied = isinstance(chunk, Nodes) and chunk.implied
                reading.records[f"implied {name}" if implied else name] += chunk.rows.to_pylist()
                reading.primary[chunk.file] += chunk.rows.num_rows if chunk.primary else 0
                reading.chunks.append(chunk)
        for file, rows in rejects.rows_read.items():
            assert rows == reading.primary[file] + rejects.rows_rejected[file], file
        return reading

    return read_all


def _check(chunk: Chunk) -> None:
    schema = node_schema(chunk.label) if isinstance(chunk, Nodes) else relationship_schema(chunk.type)
    assert chunk.rows.schema.equals(schema)
    for column in ("id",) if isinstance(chunk, Nodes) else ("source", "target"):
        assert chunk.rows[column].null_count == 0
        assert "" not in chunk.rows[column].to_pylist()

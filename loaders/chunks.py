"""Columns of Python values or Arrow arrays as the typed chunks that loaders yield; what is not given is null."""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from graphfeed.loaders.implied import first_rows
from graphfeed.loaders.records import CHUNK_ROWS, RELATIONSHIP_TYPES, TEXT, Nodes, Relationships, node_schema
from graphfeed.loaders.records import relationship_schema as schema_of

T = TypeVar("T")
_OBJECTS = 200_000
Lines = Sequence[int] | npt.NDArray[np.int64]
"""The line of each row, 1-based."""


def make_nodes(label: str, file: str, lines: Lines, *, primary: bool = True, **columns: Any) -> Nodes:
    """A chunk of nodes: ``make_nodes("Post", "mult.dat", [1, 2], id=["0", "1"], kind="article")``.

    A column has a value for each row (a sequence, or an Arrow array), or is one text or number for every row.
    """
    return Nodes(label, _table(node_schema(label), lines, columns), file, primary)


def make_implied(label: str, file: str, lines: Lines, **columns: Any) -> Nodes:
    """Nodes that rows refer to, each once; repetitions are allowed in ``columns``."""
    ids = columns["id"] if isinstance(columns["id"], pa.Array) else pa.array(columns["id"], TEXT)
    rows = first_rows(pa.table({"id": ids, "row": np.arange(len(ids))}))["row"].combine_chunks()
    columns["id"] = ids
    if len(rows) < len(ids):  # before the other columns are made: often a few nodes of many rows
        columns = {name: _taken(column, rows) for name, column in columns.items()}
        lines = np.asarray(lines)[rows.to_numpy()]
    return Nodes(label, _table(node_schema(label), lines, columns), file, primary=False, implied=True)


def make_relationships(type_: str, file: str, lines: Lines, *, primary: bool = True, **columns: Any) -> Relationships:
    """A chunk of relationships, ``columns`` with ``source`` and ``target``."""
    table = _table(schema_of(type_), lines, columns)
    return Relationships(type_, *RELATIONSHIP_TYPES[type_].pairs[0], table, file, primary)


def after_users(chunk: Nodes | Relationships, platform: str | None = None) -> Iterator[Nodes | Relationships]:
    """A chunk of what people did, after the people, of whom no file says anything."""
    assert isinstance(chunk, Relationships)
    users = chunk.rows["source"].combine_chunks()
    yield make_implied("User", chunk.file, chunk.rows["line"].to_pylist(), id=users, platform=platform)
    yield chunk


def batches(rows: Iterable[T], size: int = CHUNK_ROWS) -> Iterator[list[T]]:
    """Lists of at most ``size`` rows, as they come."""
    stream = iter(rows)
    while batch := list(islice(stream, size)):
        yield batch


@contextmanager
def rarely_collected() -> Iterator[None]:
    """Look for reference cycles more rarely meanwhile: objects of JSON have none, and Python goes through all of them
    for every seven hundred new ones, which takes a sixth of such a load."""
    before = gc.get_threshold()
    gc.set_threshold(max(before[0], _OBJECTS), *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _taken(column: Any, rows: pa.Array) -> Any:
    """Some rows of a column as loaders give them."""
    if column is None or isinstance(column, str | float | int):
        return column
    return column.take(rows) if isinstance(column, pa.Array) else [column[row] for row in rows.to_pylist()]


def _table(schema: pa.Schema, lines: Lines, columns: dict[str, Any]) -> pa.Table:
    rows = len(lines)
    given = {**columns, "line": lines}
    arrays = []
    for field in schema:
        column = given.get(field.name)
        if column is None:
            arrays.append(pa.nulls(rows, field.type))
        elif isinstance(column, str | float | int):
            arrays.append(pa.repeat(pa.scalar(column, field.type), rows))
        else:
            arrays.append(column if isinstance(column, pa.Array) else pa.array(column, field.type))
    return pa.table(arrays, schema=schema)

"""Columns of Python values or Arrow arrays as the typed chunks that loaders yield; what is not given is null."""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from graphfeed.loaders.implied import first_rows
from graphfeed.loaders.records import CHUNK_ROWS, RELATIONSHIP_TYPES, Chunk, Nodes, Relationships, node_schema
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
    rows = first_rows(_table(node_schema(label), lines, columns))
    return Nodes(label, rows, file, primary=False, implied=True)


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


def merged(chunks: Iterable[Chunk], rows: int = CHUNK_ROWS) -> Iterator[Chunk]:
    """The same records in fewer chunks of about so many rows, nodes before what refers to them.

    A store takes each chunk with some milliseconds of its own: many small files would be mostly that. Chunks of one
    kind and file become one, and nodes that are only referred to over all files, since they are never set aside.
    """
    held: dict[tuple[object, ...], list[Chunk]] = {}
    waiting = 0
    for chunk in chunks:
        held.setdefault(_kind(chunk), []).append(chunk)
        waiting += chunk.rows.num_rows
        if waiting >= rows:
            yield from _joined(held)
            held, waiting = {}, 0
    yield from _joined(held)


def _kind(chunk: Chunk) -> tuple[object, ...]:
    """What chunks that may be joined have in common."""
    if isinstance(chunk, Nodes):
        return (chunk.label, "") if chunk.implied else (chunk.label, chunk.file, chunk.primary)
    return (chunk.type, chunk.source_label, chunk.target_label, chunk.file, chunk.primary)


def _joined(held: dict[tuple[object, ...], list[Chunk]]) -> Iterator[Chunk]:
    groups = sorted(held.values(), key=lambda group: not isinstance(group[0], Nodes))
    for first, *others in groups:
        if others:
            rows = pa.concat_tables([first.rows, *(chunk.rows for chunk in others)])
            first = replace(first, rows=first_rows(rows) if isinstance(first, Nodes) and first.implied else rows)
        yield first


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

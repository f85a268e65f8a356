"""Rows of Python values, as databases and data frames give them, as blocks of Arrow columns."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa

from graphfeed.loaders.delimited import Block
from graphfeed.loaders.records import TEXT
from graphfeed.loaders.values import Complain, Mask


def value_block(columns: Mapping[str, Sequence[Any]], rows: int, first_line: int, complain: Complain) -> Block:
    """A block of columns of Python values, ``first_line`` being the number of its first row.

    Rows with text or bytes that are not UTF-8 are left out and complained about.
    """
    readable = np.ones(rows, bool)
    for values in columns.values():
        if not _all_encodable(values):
            readable &= [_is_encodable(value) for value in values]
    lines = np.arange(first_line, first_line + rows)
    for row in np.flatnonzero(~readable).tolist():
        shown = shown_values(columns, row)
        complain(int(lines[row]), "wrong encoding", "some of its bytes are not UTF-8", shown)
    if not readable.all():
        kept = np.flatnonzero(readable).tolist()
        columns = {name: [values[row] for row in kept] for name, values in columns.items()}
    found = {name: as_array(values) for name, values in columns.items()}
    return Block(found, lines[readable], partial(shown_values, columns))


def as_array(values: Sequence[Any]) -> pa.Array:
    """Values of one column in the type that they have, as text where they have several or one of their own."""
    if not any(isinstance(value, Decimal | memoryview) for value in values):
        try:
            found = pa.array(values)
            if not _is_odd(found.type):
                return found
        except (pa.ArrowException, OverflowError, TypeError, ValueError):
            pass
    return pa.array([None if value is None else as_word(value) for value in values], TEXT)


def table_blocks(table: pa.Table, columns: Sequence[str], rows: int, complain: Complain) -> Iterator[Block]:
    """An Arrow table in blocks of so many rows; those whose text is not UTF-8 are left out and complained about."""
    chosen = pa.table({name: _usual(table[name]) for name in dict.fromkeys(columns)})
    start = 1
    for batch in chosen.to_batches(rows):
        readable = np.ones(batch.num_rows, bool)
        for column in batch.columns:
            readable &= _readable(column)
        lines = np.arange(start, start + batch.num_rows)
        start += batch.num_rows
        for row in np.flatnonzero(~readable).tolist():
            complain(int(lines[row]), "wrong encoding", "some of its bytes are not UTF-8", shown_row(batch, row))
        kept = batch if readable.all() else batch.filter(pa.array(readable))
        found = {name: kept.column(position) for position, name in enumerate(kept.schema.names)}
        yield Block(found, lines[readable], partial(shown_row, kept))


def shown_row(batch: pa.RecordBatch, row: int) -> str:
    """A row as JSON, for a person to read."""
    return shown_values({name: [cell.as_py()] for name, cell in _cells(batch, row)}, 0)


def shown_values(columns: Mapping[str, Sequence[Any]], row: int) -> str:
    """A row as JSON, for a person to read."""
    found = {name: values[row] for name, values in columns.items()}
    return json.dumps(found, ensure_ascii=False, default=str).encode("utf-8", "backslashreplace").decode()


def _cells(batch: pa.RecordBatch, row: int) -> Iterator[tuple[str, pa.Scalar]]:
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        binary = pa.types.is_string(column.type)  # text that is not UTF-8 can only be shown as bytes
        yield name, (column.view(pa.binary()) if binary else column)[row]


def _usual(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column in the type that files give: other libraries have several kinds of strings and lists."""
    type_ = column.type
    if pa.types.is_dictionary(type_):
        return _usual(column.cast(type_.value_type))
    if pa.types.is_large_string(type_) or pa.types.is_string_view(type_):
        return column.cast(TEXT)
    if pa.types.is_large_list(type_) or pa.types.is_list(type_) or pa.types.is_fixed_size_list(type_):
        return column.cast(pa.list_(TEXT))
    if pa.types.is_decimal(type_) or _is_odd(type_):
        return pa.chunked_array([as_array(chunk.to_pylist()) for chunk in column.chunks], TEXT)
    return column


def _readable(column: pa.Array) -> Mask:
    if pa.types.is_string(column.type):
        try:
            column.validate(full=True)
        except pa.ArrowInvalid:
            column = column.view(pa.binary())
    if not (pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type)):
        return np.ones(len(column), bool)
    return np.array([value is None or _is_encodable(value) for value in column.to_pylist()], bool)


def _is_odd(type_: pa.DataType) -> bool:
    """Types that no property has and Arrow writes in a way of its own."""
    return bool(
        pa.types.is_null(type_)
        or pa.types.is_struct(type_)
        or pa.types.is_map(type_)
        or pa.types.is_time(type_)
        or pa.types.is_duration(type_)
        or isinstance(type_, pa.BaseExtensionType)
    )


def as_word(value: Any) -> str | None:
    """A value as text; None for a number that is none."""
    if isinstance(value, Decimal):
        if not value.is_finite():
            return None
        return str(int(value)) if value == value.to_integral_value() else format(value, "f")
    if isinstance(value, bytes | memoryview):
        return bytes(value).decode()
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict | list | tuple):
        return json.dumps(value, ensure_ascii=False, default=str)
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 2**53 else str(value) if value == value else None
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _all_encodable(values: Sequence[Any]) -> bool:
    """Whether nothing in a column can be wrong: the usual case, found quickly."""
    if any(isinstance(value, bytes | memoryview) for value in values):
        return False
    try:
        "".join([value for value in values if isinstance(value, str)]).encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_encodable(value: Any) -> bool:
    try:
        if isinstance(value, str):
            value.encode()
        elif isinstance(value, bytes | memoryview):
            bytes(value).decode()
    except UnicodeError:
        return False
    return True

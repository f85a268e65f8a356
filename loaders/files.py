"""Table files of every kind as blocks of columns: CSV, TSV (``delimited``), JSON Lines, Parquet; gzip where it fits."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from graphfeed.errors import ConfigError, SourceError
from graphfeed.loaders.delimited import Block, DelimitedFile, Dialect
from graphfeed.loaders.near import near_match
from graphfeed.loaders.records import TEXT
from graphfeed.loaders.values import Complain

SUFFIXES = (".csv", ".tsv", ".csv.gz", ".tsv.gz", ".jsonl", ".ndjson", ".jsonl.gz", ".ndjson.gz", ".parquet")
"""The kinds of files there are, by the end of the name."""

_PARQUET_ROWS = 20_000


def kind_of(path: Path) -> str:
    """``csv``, ``tsv``, ``jsonl`` or ``parquet``. Raises ConfigError for any other name."""
    name = path.name.lower()
    if not name.endswith(SUFFIXES):
        raise ConfigError(f"{path.name}: expected a file that ends in one of {', '.join(SUFFIXES)}")
    kind = name.removesuffix(".gz").rpartition(".")[2]
    return "jsonl" if kind == "ndjson" else kind


@contextmanager
def open_bytes(path: Path) -> Iterator[BinaryIO]:
    """Open a file for reading, unpacked where its name ends in .gz.

    Raises SourceError where it is absent, empty, or cannot be read or unpacked to its end (also while it is read).
    """
    if not path.is_file():
        raise SourceError(f"{path} is not there: expected a file")
    if path.stat().st_size == 0:
        raise SourceError(f"{path} is empty")
    try:
        with gzip.open(path) if path.name.lower().endswith(".gz") else path.open("rb") as opened:
            stream = cast(BinaryIO, opened)
            try:
                yield stream
            except (EOFError, gzip.BadGzipFile, zlib.error) as error:
                what = f"{path} cannot be unpacked after {stream.tell():,} bytes of text: {error}"
                raise SourceError(f"{what}. The file may have been cut off: fetch it again.") from error
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror or error}") from error


def column_names(path: Path, dialect: Dialect) -> list[str]:
    """The names of a file's columns; of JSON Lines, those of the first lines."""
    kind = kind_of(path)
    if kind == "parquet":
        return list(_open_parquet(path).schema_arrow.names)
    with open_bytes(path) as stream:
        if kind == "jsonl":
            names: dict[str, None] = {}
            for line in islice(stream, 1000):
                value = _json(line)
                if isinstance(value, dict):
                    names.update(dict.fromkeys(value))
            return list(names)
        return DelimitedFile(stream, path.name, dialect, lambda *_: None).header


def read_blocks(
    path: Path, columns: Sequence[str], keys: Sequence[str], dialect: Dialect, complain: Complain
) -> Iterator[Block]:
    """The rows of a file, with the named columns only, in blocks of bounded size.

    ``keys`` are the columns a row of JSON Lines must have; it may leave out the others. ``complain`` gets the
    lines that cannot be read.

    Raises ConfigError for a column that the file does not have, SourceError for a file that cannot be read.
    """
    kind = kind_of(path)
    if kind == "parquet":
        yield from _parquet_blocks(path, columns, complain)
        return
    with open_bytes(path) as stream:
        if kind == "jsonl":
            yield from _json_blocks(path.name, stream, columns, keys, complain)
        else:
            file = DelimitedFile(stream, path.name, dialect, complain)
            check_columns(path.name, columns, file.header)
            yield from file.blocks(columns)


def check_columns(file: str, wanted: Sequence[str], found: Sequence[str]) -> None:
    """Raise ConfigError for a wanted column that is not there, or is there twice."""
    for name in wanted:
        if name not in found:
            raise ConfigError(
                f"{file} has no column {name!r}{near_match(name, found)} Its columns are: {', '.join(found)}."
            )
        if list(found).count(name) > 1:
            raise ConfigError(f"{file} has {list(found).count(name)} columns named {name!r}: rename all but one")


def _open_parquet(path: Path) -> pq.ParquetFile:
    if not path.is_file():
        raise SourceError(f"{path} is not there: expected a file")
    try:
        return pq.ParquetFile(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise SourceError(f"{path} cannot be read as Parquet: {str(error).splitlines()[0]}") from error


def _parquet_blocks(path: Path, columns: Sequence[str], complain: Complain) -> Iterator[Block]:
    file = _open_parquet(path)
    check_columns(path.name, columns, file.schema_arrow.names)
    line = 1
    try:
        for batch in file.iter_batches(_PARQUET_ROWS, columns=list(dict.fromkeys(columns)), use_threads=False):
            readable = _readable(batch)
            for row in np.flatnonzero(~readable).tolist():
                complain(line + row, "wrong encoding", "some of its bytes are not UTF-8", _shown_row(batch, row))
            lines = np.arange(line, line + batch.num_rows)[readable]
            line += batch.num_rows
            batch = batch.filter(pa.array(readable))
            found = {name: batch.column(batch.schema.get_field_index(name)) for name in columns}
            yield Block(found, lines, partial(_shown_row, batch))
    except (pa.ArrowInvalid, OSError) as error:
        raise SourceError(f"{path}, after row {line - 1}: cannot be read: {str(error).splitlines()[0]}") from error


def _readable(batch: pa.RecordBatch) -> npt.NDArray[np.bool_]:
    """Rows whose bytes, in columns that hold text as bytes, are UTF-8."""
    readable = np.ones(batch.num_rows, bool)
    for column in batch.columns:
        if pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type):
            readable &= [value is None or _is_utf8(value) for value in column.to_pylist()]
    return readable


def _is_utf8(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


def _shown_row(batch: pa.RecordBatch, row: int) -> str:
    return json.dumps(batch.slice(row, 1).to_pylist()[0], ensure_ascii=False, default=str)


def _json_blocks(
    file: str, stream: BinaryIO, columns: Sequence[str], keys: Sequence[str], complain: Complain
) -> Iterator[Block]:
    seen: dict[str, None] = {}
    for start, lines in _line_groups(stream):
        rows: list[dict[str, Any]] = []
        numbers: list[int] = []
        for number, line in enumerate(lines, start):
            if not line.strip():
                continue
            row = _json_row(number, line, keys, seen, complain)
            if row is not None:
                rows.append(row)
                numbers.append(number)
        check_columns(file, keys if seen else [], list(seen))
        found = {name: _json_column([row.get(name) for row in rows]) for name in columns}
        if rows:
            yield Block(found, np.array(numbers, np.int64), partial(_numbered_line, lines, start, numbers))
    check_columns(file, columns if seen else [], list(seen))


def _numbered_line(lines: list[bytes], start: int, numbers: list[int], row: int) -> str:
    return _text(lines[numbers[row] - start])


def _line_groups(stream: BinaryIO) -> Iterator[tuple[int, list[bytes]]]:
    """Groups of lines of bounded size, each with the number of its first line."""
    start = 1
    while lines := stream.readlines(2_000_000):
        if start == 1:
            lines[0] = lines[0].removeprefix(b"\xef\xbb\xbf")
        yield start, lines
        start += len(lines)


def _json(line: bytes) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return None


def _json_row(
    number: int, line: bytes, keys: Sequence[str], seen: dict[str, None], complain: Complain
) -> dict[str, Any] | None:
    """One line as a dictionary; complains and returns None where it is none or lacks a key column.

    ``seen`` is filled with the names of the columns there are.
    """
    shown = _text(line)
    try:
        value: Any = json.loads(line)
    except UnicodeDecodeError as error:
        complain(number, "wrong encoding", f"not UTF-8 at byte {error.start + 1}", shown)
        return None
    except json.JSONDecodeError as error:
        reason = "ragged line" if line.endswith(b"\n") else "truncated line"
        complain(number, reason, f"not JSON: {error.msg} at column {error.colno}", shown)
        return None
    if not isinstance(value, dict):
        complain(number, "ragged line", f"expected a JSON object, found {type(value).__name__}", shown)
        return None
    if b"\\ud" in line.lower() and not _encodable(value):
        complain(number, "wrong encoding", "it holds half of a surrogate pair (\\ud800 to \\udfff)", shown)
        return None
    if not value.keys() <= seen.keys():
        seen.update(dict.fromkeys(value))
    if missing := [name for name in keys if name not in value]:
        near = near_match(missing[0], list(value))
        complain(number, "unknown column", f"it has no {missing[0]!r}{near} It has: {', '.join(value)}", shown)
        return None
    return value


def _encodable(value: Any) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def _json_column(values: list[Any]) -> pa.Array:
    """Values of any kind as strings, or as lists of strings where one of them is a list."""
    if any(isinstance(value, list) for value in values):
        return pa.array(
            [None if v is None else [_scalar(w) for w in (v if isinstance(v, list) else [v])] for v in values],
            pa.list_(TEXT),
        )
    return pa.array([_scalar(value) for value in values], TEXT)


def _scalar(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return str(value) if isinstance(value, float) else json.dumps(value, ensure_ascii=False)


def _text(line: bytes) -> str:
    return line.decode("utf-8", "backslashreplace").rstrip("\r\n")[:500]

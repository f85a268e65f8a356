"""From the cells of a table file to the types of the graph's schema.

Cells arrive as Arrow arrays: strings from CSV, whatever the file says from Parquet and JSON Lines. Nothing is guessed
from a whole column: a cell means the same wherever it stands.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from graphfeed.loaders.records import TEXT, TIME

Mask = npt.NDArray[np.bool_]

NO_VALUE = ("", "NULL", "null", "\\N")
"""What databases write into a date or number cell that has no value."""

_EPOCH = r"^[+-]?\d{9,}(\.\d+)?$"  # fewer digits are a year or a date like 20180312
_MICROSECONDS = ((1e11, 1e6), (1e14, 1e3), (1e17, 1.0), (np.inf, 1e-3))  # below: seconds, milli-, micro-, nanoseconds
_BOOLEANS = {"true": True, "t": True, "yes": True, "1": True, "false": False, "f": False, "no": False, "0": False}


@dataclass(frozen=True)
class Converted:
    """A column in its final type; ``bad`` marks the cells that could not be converted (null in ``values``)."""

    values: pa.Array
    bad: Mask
    reason: str
    expected: str


def convert(
    cells: pa.Array, type_: pa.DataType, *, date_format: str | None = None, split: str | None = None
) -> Converted:
    """Convert the cells of one column to a type of ``records``. Missing and empty cells become null, not bad.

    A time without a zone is UTC. ``date_format`` is a strptime format; without it ISO 8601 and epoch seconds,
    milliseconds, microseconds or nanoseconds (told apart by their size) are understood.
    """
    if pa.types.is_list(type_):
        return Converted(as_lists(cells, split), np.zeros(len(cells), bool), "", "")
    if type_ == TEXT:
        return Converted(as_text(cells), np.zeros(len(cells), bool), "", "")
    if type_ == TIME:
        expected = f"a date like {date_format!r}" if date_format else "an ISO 8601 date or epoch seconds"
        return Converted(*_times(cells, date_format), "bad date", expected)
    if type_ == pa.bool_():
        return Converted(*_booleans(cells), "bad number", "true or false")
    expected = "a whole number" if pa.types.is_integer(type_) else "a number"
    return Converted(*_numbers(cells, type_), "bad number", expected)


def as_text(cells: pa.Array) -> pa.Array:
    """Cells as strings; empty ones become null. Whole numbers lose their fraction (pandas makes 26 to 26.0)."""
    if pa.types.is_dictionary(cells.type):
        cells = cells.dictionary_decode()
    if pa.types.is_floating(cells.type):
        cells = pc.if_else(pc.is_finite(cells), cells, pa.scalar(None, cells.type))
        whole = pc.and_(pc.equal(cells, pc.round(cells)), pc.less(pc.abs(cells), 2.0**53))
        as_whole = pc.if_else(whole, cells, pa.scalar(0, cells.type)).cast(pa.int64())
        return pc.if_else(whole, as_whole.cast(TEXT), cells.cast(TEXT))
    if pa.types.is_nested(cells.type):
        return pa.array([None if v is None else str(v) for v in cells.to_pylist()], TEXT)
    if pa.types.is_binary(cells.type) or pa.types.is_large_binary(cells.type):
        cells = cells.cast(pa.binary())
    text = cells if cells.type == TEXT else cells.cast(TEXT)
    return pc.if_else(pc.equal(text, ""), pa.scalar(None, TEXT), text)


ID_BYTES = 4_000
"""What an id may have at most, in UTF-8: databases refuse longer keys (Neo4j from 8,000 bytes on)."""


def as_ids(cells: pa.Array, prefix: str = "") -> pa.Array:
    """Cells as ids: without the white space around them, after ``prefix``; null where nothing is left."""
    text = as_text(pc.utf8_trim_whitespace(as_text(cells)))
    return pc.binary_join_element_wise(prefix, text, "") if prefix else text


def too_long(ids: pa.Array) -> npt.NDArray[np.bool_]:
    """Which ids have more than ``ID_BYTES``."""
    return np.asarray(pc.fill_null(pc.greater(pc.binary_length(ids), ID_BYTES), False))


def as_lists(cells: pa.Array, split: str | None) -> pa.Array:
    """Cells as lists of strings without white space around them: list cells as they are, others cut at ``split``."""
    if pa.types.is_list(cells.type) or pa.types.is_large_list(cells.type):
        found = cells.cast(pa.list_(TEXT))
    else:
        text = as_text(cells)
        found = (
            pc.split_pattern(text, split) if split else pa.array([v and [v] for v in text.to_pylist()], pa.list_(TEXT))
        )
    return pa.array(
        [v and [w for part in v if part and (w := part.strip())] for v in found.to_pylist()], pa.list_(TEXT)
    )


def _missing(text: pa.Array) -> Mask:
    return np.asarray(pc.or_(pc.is_null(text), pc.is_in(text, pa.array(NO_VALUE))))


def _times(cells: pa.Array, date_format: str | None) -> tuple[pa.Array, Mask]:
    if pa.types.is_timestamp(cells.type) or pa.types.is_date(cells.type):
        zoned = cells.cast(pa.timestamp("us", getattr(cells.type, "tz", None)), safe=False)
        return zoned.cast(TIME), np.zeros(len(cells), bool)
    text = pc.utf8_trim_whitespace(as_text(cells))
    missing = _missing(text)
    if date_format:
        stamps = pd.to_datetime(text.to_pandas(), format=date_format, utc=True, errors="coerce")
        return _checked(_microseconds(stamps), missing)
    # pandas would take "now" and "today" for dates
    digits = np.asarray(pc.fill_null(pc.match_substring_regex(text, r"^[+-]?\d"), False))
    epoch = np.asarray(pc.fill_null(pc.match_substring_regex(text, _EPOCH), False))
    stamps = pd.to_datetime(text.to_pandas().where(digits & ~epoch), format="ISO8601", utc=True, errors="coerce")
    times = _microseconds(stamps)
    if epoch.any():
        numbers = np.asarray(text.filter(pa.array(epoch)).cast(pa.float64()))
        factor = np.select([abs(numbers) < bound for bound, _ in _MICROSECONDS], [f for _, f in _MICROSECONDS])
        with np.errstate(invalid="ignore"):
            scaled = np.round(numbers * factor)
        times[epoch] = np.where(abs(scaled) < 2**62, scaled, np.iinfo(np.int64).min).astype(np.int64)
    left = np.flatnonzero(digits & ~epoch & (times == np.iinfo(np.int64).min))
    for position in left:
        times[position] = _rare_iso(text[int(position)].as_py())
    return _checked(times, missing)


def _microseconds(stamps: pd.Series[pd.Timestamp]) -> npt.NDArray[np.int64]:
    """Microseconds since 1970; the smallest int64 stands for "not a time"."""
    return stamps.dt.tz_localize(None).to_numpy(dtype="datetime64[us]").view(np.int64).copy()


def _checked(times: npt.NDArray[np.int64], missing: Mask) -> tuple[pa.Array, Mask]:
    nothing = times == np.iinfo(np.int64).min
    return pa.array(times, pa.int64(), mask=nothing | missing).cast(TIME), nothing & ~missing


def _rare_iso(text: str) -> int:
    """Forms of ISO 8601 that pandas does not read: week dates, a comma before the fraction, a small z."""
    try:
        moment = datetime.fromisoformat(text.upper())
    except ValueError:
        return int(np.iinfo(np.int64).min)
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def _numbers(cells: pa.Array, type_: pa.DataType) -> tuple[pa.Array, Mask]:
    text = pc.utf8_trim_whitespace(as_text(cells))
    missing = _missing(text)
    whole = pa.types.is_integer(type_)
    numbers = pd.to_numeric(text.to_pandas().mask(missing), errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    bad = ~np.isfinite(numbers)
    if whole:
        with np.errstate(invalid="ignore"):
            bad |= (numbers != np.round(numbers)) | (abs(numbers) >= 2**53)
    numbers = np.where(bad, 0, numbers)
    return pa.array(numbers.astype(np.int64) if whole else numbers, type_, mask=bad | missing), bad & ~missing


def _booleans(cells: pa.Array) -> tuple[pa.Array, Mask]:
    text = pc.utf8_lower(pc.utf8_trim_whitespace(as_text(cells)))
    missing = _missing(text)
    found = [_BOOLEANS.get(v) if v is not None else None for v in text.to_pylist()]
    bad = np.array([v is None for v in found], bool) & ~missing
    return pa.array(found, pa.bool_()), bad


def where_any(cells: pa.Array, allowed: tuple[str, ...]) -> Mask:
    """Rows whose cell, as text, is one of the allowed values (an empty value stands for a missing cell)."""
    text = pc.fill_null(as_text(cells), "")
    return np.asarray(pc.is_in(text, pa.array(allowed, TEXT)))


Complain = Callable[[int, str, str, str], None]
"""Says that a line cannot be read: line, reason, detail, the line as it stands."""

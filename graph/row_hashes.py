"""A short word for what a stream of rows holds, whatever the sizes of its chunks: to know that nothing was lost.

    digest = Digest()
    for rows in scan.nodes("User"):
        digest.add(rows)
    digest.rows, digest.word

A property without a value adds nothing, so that a column that only a newer schema has changes no word.
"""

from __future__ import annotations

import hashlib
import zlib

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

UInt64 = npt.NDArray[np.uint64]

_VECTORS_AT_ONCE = 4_096


class Digest:
    """Rows in their order, or, with ``ordered=False``, in any."""

    def __init__(self, *, ordered: bool = True) -> None:
        self.rows = 0
        self._hash = hashlib.blake2b(digest_size=8) if ordered else None
        self._sum = 0

    def add(self, rows: pa.Table) -> None:
        """Count the rows in."""
        hashes = row_hashes(rows)
        self.rows += rows.num_rows
        if self._hash is not None:
            self._hash.update(hashes.astype("<u8").tobytes())
        else:
            self._sum = (self._sum + int(hashes.sum(dtype=np.uint64))) % 2**64

    @property
    def word(self) -> str:
        """Sixteen letters: equal for equal rows, and for others only once in 10^19 times."""
        return self._hash.hexdigest() if self._hash is not None else f"{self._sum:016x}"


def vectors_word(vectors: npt.NDArray[np.float32]) -> str:
    """The same for a matrix of vectors."""
    found = hashlib.blake2b(repr(vectors.shape).encode(), digest_size=8)
    for start in range(0, len(vectors), _VECTORS_AT_ONCE):
        part = np.ascontiguousarray(vectors[start : start + _VECTORS_AT_ONCE], dtype="<f4") + np.float32(0)
        found.update(part.tobytes())  # the sum makes -0 to 0: they are equal
    return found.hexdigest()


def row_hashes(rows: pa.Table) -> UInt64:
    """One hash per row over its columns, by name: text, numbers, times, truth values and lists of these."""
    value = np.zeros(rows.num_rows, dtype=np.uint64)
    for name in rows.column_names:
        column = rows[name].combine_chunks()
        if isinstance(column, pa.ChunkedArray):
            column = pa.concat_arrays(column.chunks)
        part = _mixed(_hashes(column) ^ np.uint64(zlib.crc32(name.encode()) * 0x9E3779B1))
        value += np.where(column.is_valid().to_numpy(zero_copy_only=False), part, np.uint64(0))
    return _mixed(value)


def _hashes(column: pa.Array) -> UInt64:
    """One hash per value; anything where it is null."""
    kind = column.type
    if pa.types.is_fixed_size_list(kind):
        return _list_hashes(column.cast(pa.list_(kind.value_type)))
    if pa.types.is_list(kind):
        return _list_hashes(column)
    if pa.types.is_string(kind):
        encoded = column.dictionary_encode()  # ends of relationships are said again and again
        words = np.asarray(encoded.dictionary.to_numpy(zero_copy_only=False), dtype=object)
        by_word = pd.util.hash_array(words, categorize=False).astype(np.uint64)
        places = encoded.indices.fill_null(0).to_numpy(zero_copy_only=False)
        return by_word[places] if len(by_word) else np.zeros(len(column), dtype=np.uint64)
    if pa.types.is_floating(kind):
        numbers = pc.fill_null(column, 0.0).to_numpy(zero_copy_only=False).astype(np.float64) + 0.0
        numbers[np.isnan(numbers)] = np.nan
        return _mixed(numbers.view(np.uint64))
    whole = column.cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
    return _mixed(whole.view(np.uint64))


def _list_hashes(column: pa.Array) -> UInt64:
    """Of the parts and their places: a list's hash is their sum."""
    sizes = pc.fill_null(pc.list_value_length(column), 0).to_numpy(zero_copy_only=False).astype(np.int64)
    ends = np.cumsum(sizes)
    values = column.flatten()
    place = np.arange(len(values)) - np.repeat(ends - sizes, sizes)
    known = values.is_valid().to_numpy(zero_copy_only=False)
    parts = np.where(known, _hashes(values), np.uint64(1)) ^ _mixed(place.astype(np.uint64))
    sums = np.concatenate([np.zeros(1, dtype=np.uint64), np.cumsum(_mixed(parts), dtype=np.uint64)])
    return _mixed(sums[ends] - sums[ends - sizes] + sizes.astype(np.uint64))


def _mixed(values: UInt64) -> UInt64:
    """SplitMix64's finaliser (Steele, Lea and Flood, OOPSLA 2014)."""
    values = values + np.uint64(0x9E3779B97F4A7C15)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    result: UInt64 = values ^ (values >> np.uint64(31))
    return result

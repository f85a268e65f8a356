"""Events and relationships: one relationship stands for all the events between its two ends.

An event is known again by a 64-bit hash of source, target, time and key, so that 8 bytes an event are enough to load
the same data twice. Among ten million events of one type, the chance that any two share a hash is three in a million.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from graphfeed.graph.store import NO_TIME

Integers = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]
Mask = npt.NDArray[np.bool_]


class EventSet:
    """A growing set of hashes, as a few sorted arrays whose sizes fall off geometrically."""

    def __init__(self) -> None:
        self._runs: list[Hashes] = []

    def contains(self, hashes: Hashes) -> Mask:
        """Which of the hashes are in the set."""
        found = np.zeros(len(hashes), dtype=np.bool_)
        for run in self._runs:
            place = np.searchsorted(run, hashes)
            place[place == len(run)] = 0
            found |= run[place] == hashes
        return found

    def add(self, hashes: Hashes) -> None:
        """Add hashes, which may be in any order."""
        if not len(hashes):
            return
        run = np.sort(hashes)
        while self._runs and len(self._runs[-1]) < 2 * len(run):
            run = np.sort(np.concatenate([self._runs.pop(), run]), kind="stable")
        self._runs.append(run)


def event_hashes(source: Integers, target: Integers, at: Integers, keys: list[pa.ChunkedArray]) -> Hashes:
    """One hash per event. ``at`` holds ``NO_TIME`` where there is none; ``keys`` are text columns."""
    value = _mix(source.view(np.uint64))
    value = _mix(value ^ _mix(target.view(np.uint64) + np.uint64(0x51ED270B)))
    value = _mix(value ^ _mix(at.view(np.uint64) + np.uint64(0xA5CB3B1D)))
    for key in keys:
        value = _mix(value ^ text_hashes(key))
    return value


def text_hashes(column: pa.ChunkedArray) -> Hashes:
    """One hash per text; null has its own."""
    words = column.to_numpy(zero_copy_only=False) if isinstance(column, pa.Array) else column.to_numpy()
    values: Hashes = pd.util.hash_array(np.asarray(words, dtype=object), categorize=False).astype(np.uint64, copy=True)
    values[
        column.is_null().to_numpy(zero_copy_only=False) if isinstance(column, pa.Array) else column.is_null().to_numpy()
    ] = 1
    return values


def content_hashes(rows: pa.Table) -> Hashes:
    """One hash per row over all its columns (text, lists of text, times), to know an unchanged node again."""
    value = np.zeros(rows.num_rows, dtype=np.uint64)
    for name in rows.column_names:
        column = rows[name]
        if pa.types.is_list(column.type):
            column = pc.binary_join(_marked(column), "\x1f")
        if pa.types.is_string(column.type):
            part = text_hashes(column)
        else:
            part = _mix(times(column).view(np.uint64))
        value = _mix(value ^ part)
    return value


def times(column: pa.ChunkedArray) -> Integers:
    """Microseconds since 1970, ``NO_TIME`` for null."""
    result: Integers = column.cast(pa.int64()).fill_null(NO_TIME).to_numpy().astype(np.int64, copy=False)
    return result


def merge_events(
    source: Integers, target: Integers, at: Integers, count: npt.NDArray[np.float32], keys: list[pa.ChunkedArray]
) -> tuple[Integers, Integers, npt.NDArray[np.float32]]:
    """Events to relationships: ``(first, at, count)``, one entry per relationship in order of first appearance.

    ``first`` is the position of its first event, ``at`` the earliest time (``NO_TIME`` only if none has one), ``count``
    the sum.
    """
    pairs = (source << 32) | target
    pairs.sort()
    if not (pairs[1:] == pairs[:-1]).any():  # nothing to merge: far cheaper to see than to group
        return np.arange(len(source)), at, count
    del pairs
    group = relationship_groups(source, target, keys)
    size = int(group.max()) + 1 if len(group) else 0
    if size == len(group):
        return np.arange(size), at, count
    first = np.empty(size, dtype=np.int64)
    first[group[::-1]] = np.arange(len(group))[::-1]  # the last assignment stays: the first event
    last = np.iinfo(np.int64).max
    earliest = np.full(size, last, dtype=np.int64)
    np.minimum.at(earliest, group, np.where(at == NO_TIME, last, at))
    earliest[earliest == last] = NO_TIME
    return first, earliest, np.bincount(group, weights=count, minlength=size).astype(np.float32)


def relationship_groups(source: Integers, target: Integers, keys: list[pa.ChunkedArray]) -> Integers:
    """The relationship that each event belongs to, counted in order of first appearance."""
    group, _ = pd.factorize((source << 32) | target)
    for key in keys:
        code, words = pd.factorize(np.asarray(key.to_numpy(), dtype=object), use_na_sentinel=False)
        group, _ = pd.factorize(group * max(len(words), 1) + code)
    return np.asarray(group, dtype=np.int64)


def _marked(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Lists of text whose parts cannot be mistaken when joined: each ends with its length, null has a mark."""
    chunks = []
    for chunk in column.chunks:
        values = chunk.flatten()
        length = pc.binary_length(values).cast(pa.string())
        marked = pc.binary_join_element_wise(values, length, "\x1e", null_handling="replace", null_replacement="\x1d")
        sizes = pc.fill_null(pc.list_value_length(chunk), 0).to_numpy(zero_copy_only=False)
        offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32)
        mask = chunk.is_null()
        # A list without parts and no list at all differ by the mark of null.
        chunks.append(pa.ListArray.from_arrays(pa.array(offsets), marked, mask=mask))
    return pa.chunked_array(chunks, type=pa.list_(pa.string()))


def _mix(values: Hashes) -> Hashes:
    """SplitMix64's finaliser (Steele, Lea and Flood, OOPSLA 2014)."""
    values = values + np.uint64(0x9E3779B97F4A7C15)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    result: Hashes = values ^ (values >> np.uint64(31))
    return result

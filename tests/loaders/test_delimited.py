"""The fast and the careful way through a CSV file give the same rows, and both stay within a block of memory."""

from __future__ import annotations

import csv
import io
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphfeed.loaders import delimited
from graphfeed.loaders.delimited import DelimitedFile, Dialect
from graphfeed.loaders.files import read_blocks

HEADER = ["a", "b", "c"]
CELL = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0\r"), max_size=8)


def rows_of(data: bytes, complaints: list[tuple[int, str]]) -> list[tuple[int, list[str]]]:
    """Line and cells of all rows."""
    file = DelimitedFile(
        io.BytesIO(data), "x.csv", Dialect(), lambda line, reason, *_: complaints.append((line, reason))
    )
    found = []
    for block in file.blocks(file.header):
        columns = [block.columns[name].to_pylist() for name in file.header]
        found += list(zip(block.lines.tolist(), map(list, zip(*columns, strict=True)), strict=True))
    return found


@settings(max_examples=150, deadline=None)
@given(
    rows=st.lists(st.lists(CELL, min_size=3, max_size=3), max_size=12),
    end=st.sampled_from(["\n", "\r\n"]),
    piece=st.integers(1, 40),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
def test_what_csv_writes_is_read_back(rows: list[list[str]], end: str, piece: int, quoting: int) -> None:
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator=end, quoting=quoting)
    writer.writerows([HEADER, *rows])
    complaints: list[tuple[int, str]] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(delimited, "BLOCK_BYTES", piece)
        found = rows_of(stream.getvalue().encode(), complaints)
    assert complaints == []
    assert [cells for _, cells in found] == rows
    starts = io.StringIO(stream.getvalue(), newline="").readlines()
    for line, cells in found:
        if cells[0] and not set(cells[0]) & set('"\r\n,'):
            assert cells[0] in starts[line - 1]


LINES = [b"1,2,3", b"1,2", b"", b"1,2,3,4", b"x,\xff,y", b"\xe5\xa5\xbd,,", b",,"]
QUOTED = [
    b'"1","2","3"',
    b'1,"2,3"',
    b'"a""b",2,3',
    b'"open,2,3',
    b'1,2",3',
    b'1,"2"x,3',
    b'"",2,3',
    b'1,"two',
    b'lines",3',
]


def both_ways(lines: list[bytes], piece: int) -> list[tuple[list[tuple[int, list[str]]], list[tuple[int, str]]]]:
    """Rows and complaints with the fast way and without it."""
    data = b"\n".join([b"a,b,c", *lines]) + b"\n"
    results = []
    for fast in (True, False):
        complaints: list[tuple[int, str]] = []
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(delimited, "BLOCK_BYTES", piece)
            if not fast:
                patch.setattr(DelimitedFile, "_read_clean", lambda *_: None)
            results.append((rows_of(data, complaints), complaints))
    return results


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(LINES), max_size=12), st.integers(1, 30))
def test_fast_and_careful_agree(lines: list[bytes], piece: int) -> None:
    fast, careful = both_ways(lines, piece)
    assert fast == careful
    good = [number for number, line in enumerate(lines, 2) if line in (b"1,2,3", b"\xe5\xa5\xbd,,", b",,")]
    assert [line for line, _ in fast[0]] == good
    assert len(fast[1]) == len([line for line in lines if line]) - len(good)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(LINES + QUOTED * 2), max_size=8), st.integers(1, 60))
def test_fast_and_careful_agree_on_quotation_marks(lines: list[bytes], piece: int) -> None:
    fast, careful = both_ways(lines, piece)
    assert fast == careful


def test_a_quotation_mark_that_never_closes_costs_one_line() -> None:
    lines = [f"{n},text,x" for n in range(20_000)]
    lines[500] = '500,"open,x'
    complaints: list[tuple[int, str]] = []
    found = rows_of("\n".join(["a,b,c", *lines]).encode(), complaints)
    assert complaints == [(502, "ragged line")]
    assert len(found) == 19_999


def test_memory_is_bounded_by_the_block(tmp_path: Path) -> None:
    path = tmp_path / "big.csv"
    with path.open("w") as stream:
        stream.write("a,b,c\n")
        for start in range(0, 600_000, 1000):
            stream.write("".join(f"user{n},post{n},2024-05-01T12:00:00Z\n" for n in range(start, start + 1000)))
            if start % 100_000 == 0:
                stream.write('"quoted",so the careful way,is taken\n')
    size = path.stat().st_size
    tracemalloc.start()
    rows = blocks = 0
    for block in read_blocks(path, HEADER, [], Dialect(), lambda *_: None):
        rows += len(block.lines)
        blocks += 1
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert rows == 600_006
    assert blocks >= size / 2.1e6
    assert peak < 60e6 < 5 * size

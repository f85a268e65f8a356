"""CSV and TSV in blocks of columns: as fast as Arrow reads where a block is clean, line by line where it is not.

A block is clean when it is UTF-8, each of its lines is one row with the columns of the header, and quotation marks, if
any, stand around whole cells. Any other block goes through Python's ``csv``, which says what is wrong with which line:
both give the same rows.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv

from graphfeed.errors import SourceError
from graphfeed.loaders.values import Complain

BLOCK_BYTES = 2_000_000


@dataclass(frozen=True)
class Block:
    """Some rows of a file, by column."""

    columns: dict[str, pa.Array]
    lines: npt.NDArray[np.int64]
    """Line of each row (1-based; the header is line 1)."""
    raw: Callable[[int], str]
    """A row as it stands in the file, by its position in the block."""


@dataclass(frozen=True)
class Dialect:
    """How the cells of a file are separated and written."""

    separator: str = ","
    encoding: str = "utf-8"


class DelimitedFile:
    """One CSV or TSV stream, read once. ``header`` is known after construction.

    Raises SourceError for an empty file or one whose first line cannot be a header.
    """

    def __init__(self, stream: BinaryIO, file: str, dialect: Dialect, complain: Complain) -> None:
        self.file = file
        self._dialect = dialect
        self._complain = complain
        self._pieces = _whole_lines(stream)
        self._first, self._unfinished = next(self._pieces, (b"", False))
        if self._first.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise SourceError(f"{file} is UTF-16: save it as UTF-8")
        self._first = self._first.removeprefix(b"\xef\xbb\xbf")
        self._broken = False  # whether the piece that is read has bytes that cannot be decoded
        lines = self._lines(self._first)
        reader = self._reader(lines)
        try:
            self.header: list[str] = [name.strip() for name in next(reader, [])]
        except csv.Error as error:
            raise SourceError(f"{file}, line 1: the header cannot be read: {error}") from error
        if not any(self.header):
            raise SourceError(f"{file} is empty: expected a first line with the names of the columns")
        self._line = 1 + reader.line_num
        skipped = "".join(lines[: reader.line_num])
        self._first = self._first[
            len(skipped.encode("utf-8" if self._is_utf8 else dialect.encoding, "surrogateescape")) :
        ]

    @property
    def _is_utf8(self) -> bool:
        return self._dialect.encoding.lower().replace("_", "-") in ("utf-8", "utf8", "utf-8-sig")

    def blocks(self, columns: Sequence[str]) -> Iterator[Block]:
        """The rows that can be read, with the named columns only; the others are complained about."""
        wanted = {name: self.header.index(name) for name in columns}
        carried: list[str] = []  # lines of a quoted cell that goes on in the next piece
        pieces = self._pieces
        piece, unfinished = self._first, self._unfinished
        more = True
        while more:
            upcoming = next(pieces, None)
            more = upcoming is not None
            block = None
            if not carried:
                block = self._read_clean(piece, wanted)
            if block is None:
                lines = carried + self._lines(piece)
                block, carried = self._read_by_line(lines, wanted, last=not more, unfinished=unfinished)
            if len(block.lines):
                yield block
            if upcoming is not None:
                piece, unfinished = upcoming

    def _read_clean(self, piece: bytes, wanted: dict[str, int]) -> Block | None:
        """The fast way; None where the piece is not clean."""
        quoted = b'"' in piece
        if not piece.strip() or (quoted and not _quoted_plainly(piece, self._dialect.separator.encode())):
            return None
        if len(self.header) == 1:  # Arrow would take a blank line for a row
            return None
        rows = piece.count(b"\n") + (not piece.endswith(b"\n"))
        trouble: list[object] = []

        def note(row: object) -> str:
            trouble.append(row)
            return "skip"

        names = [str(position) for position in range(len(self.header))]
        include = [str(position) for position in wanted.values()]
        try:
            data = piece if self._is_utf8 else piece.decode(self._dialect.encoding).encode()
            data.decode()  # columns that are not wanted are not checked by Arrow
            table = pyarrow.csv.read_csv(
                pa.BufferReader(data),
                pyarrow.csv.ReadOptions(column_names=names, use_threads=False, block_size=len(data) + 1),
                pyarrow.csv.ParseOptions(
                    delimiter=self._dialect.separator,
                    quote_char='"' if quoted else False,
                    invalid_row_handler=note,
                    ignore_empty_lines=True,  # then the number of rows tells
                ),
                pyarrow.csv.ConvertOptions(
                    include_columns=include, column_types=dict.fromkeys(include, pa.string()), strings_can_be_null=False
                ),
            )
        except (UnicodeDecodeError, pa.ArrowInvalid):
            return None
        if trouble or table.num_rows != rows:
            return None
        start, self._line = self._line, self._line + rows
        columns = {name: table[str(position)].combine_chunks() for name, position in wanted.items()}
        return Block(columns, np.arange(start, start + rows), lambda row: self._lines(piece)[row].rstrip("\r\n"))

    def _read_by_line(
        self, lines: list[str], wanted: dict[str, int], *, last: bool, unfinished: bool
    ) -> tuple[Block, list[str]]:
        """The careful way. Returns the rows and the lines of a cell that is still open at the end of the piece.

        A row that comes out wrong over several lines may have swallowed good ones by a stray quotation mark: only its
        first line is set aside, and reading goes on at the next.
        """
        rows: list[list[str]] = []
        spans: list[tuple[int, int]] = []
        start, begin, carried = self._line, 0, 0
        self._broken = _has_surrogate("".join(lines))
        while begin < len(lines):
            offset, reader = begin, self._reader(lines[begin:])
            try:
                for row in reader:
                    end = offset + reader.line_num
                    if self._usable(row, lines, begin, end, at_end=last and unfinished and end == len(lines)):
                        rows.append(row)
                        spans.append((begin, end))
                    elif end > begin + 1:
                        begin += 1
                        break
                    begin = end
            except csv.Error as error:
                if "unexpected end" in str(error) and not last:
                    carried = len(lines) - begin
                    break
                reason = "truncated line" if last and begin == len(lines) - 1 else "ragged line"
                shown = _shown(lines[begin].rstrip("\r\n"))
                self._complain(start + begin, reason, f"its quotation marks do not match up: {error}", shown)
                begin += 1
        self._line = start + len(lines) - carried
        numbers = np.array([start + first for first, _ in spans], np.int64)
        columns = {name: pa.array([row[position] for row in rows], pa.string()) for name, position in wanted.items()}
        block = Block(columns, numbers, lambda row: "".join(lines[slice(*spans[row])]).rstrip("\r\n"))
        return block, lines[len(lines) - carried :]

    def _usable(self, row: list[str], lines: list[str], begin: int, end: int, *, at_end: bool) -> bool:
        """Whether a row has the header's columns in the right encoding; complains if not. A blank line is no row."""
        if not row:
            return False
        if len(row) != len(self.header):
            reason = "truncated line" if at_end and len(row) < len(self.header) else "ragged line"
            detail = f"expected {len(self.header)} columns, found {len(row)}"
        elif self._broken and _has_surrogate("".join(row)):
            reason, detail = "wrong encoding", f"some of its bytes are not {self._dialect.encoding}"
        else:
            return True
        self._complain(self._line + begin, reason, detail, _shown(lines[begin].rstrip("\r\n")))
        return False

    def _lines(self, piece: bytes) -> list[str]:
        text = piece.decode("utf-8" if self._is_utf8 else self._dialect.encoding, "surrogateescape")
        return io.StringIO(text, newline="").readlines()

    def _reader(self, lines: list[str]) -> csv._reader:  # type: ignore[name-defined]
        return csv.reader(lines, delimiter=self._dialect.separator, strict=True)


def _whole_lines(stream: BinaryIO) -> Iterator[tuple[bytes, bool]]:
    """Pieces of about ``BLOCK_BYTES`` cut after a line feed, and whether the piece's last line lacks its own."""
    rest = b""
    while read := stream.read(BLOCK_BYTES):
        cut = read.rfind(b"\n") + 1
        if not cut:
            rest += read
            continue
        yield rest + read[:cut], False
        rest = read[cut:]
    if rest:
        yield rest, True


def _quoted_plainly(piece: bytes, separator: bytes) -> bool:
    """Whether every quotation mark opens or closes a whole cell, so that there is only one way to read them."""
    if b'""' in piece:
        return False
    opening = piece.count(separator + b'"') + piece.count(b'\n"') + piece.startswith(b'"')
    closing = piece.count(b'"' + separator) + piece.count(b'"\n') + piece.count(b'"\r\n') + piece.endswith(b'"')
    return opening == closing and opening + closing == piece.count(b'"')


def _has_surrogate(text: str) -> bool:
    """Whether bytes of the text could not be decoded."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def _shown(text: str) -> str:
    """Text with undecodable bytes written as \\xNN, so that it can be printed."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")[:500]

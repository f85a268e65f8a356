"""Rows that cannot be used: set aside with file, line and reason, and counted, so that read = kept + rejected."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from graphfeed.errors import RejectedRowError

REASONS = (
    "unknown column",
    "empty id",
    "long id",
    "bad date",
    "bad number",
    "wrong encoding",
    "ragged line",
    "truncated line",
    "dangling key",
    "duplicate",
)


class Rejects:
    """Counts rows by file and writes the unusable ones to a CSV file (columns file, line, reason, detail, row).

    The file is made at the first rejection; without one there is no file. With ``strict`` the first rejection raises.
    """

    def __init__(self, path: Path, *, strict: bool = False) -> None:
        self.path = path
        self.strict = strict
        self.rows_read: Counter[str] = Counter()
        """Rows read by file."""
        self.rows_rejected: Counter[str] = Counter()
        """Rows set aside by file."""
        self.records_rejected: Counter[str] = Counter()
        """Records that a row yielded beside its main one and that could not be used, by file; the row is kept."""
        self.rows_passed_over: Counter[str] = Counter()
        """Rows outside the graph, by file: nothing is wrong with them, and they are not counted as read."""
        self.reasons: Counter[str] = Counter()
        self._stream: TextIO | None = None

    def read(self, file: str, rows: int = 1) -> None:
        """Count rows that were read from a file, usable or not."""
        self.rows_read[file] += rows

    def pass_over(self, file: str, rows: int = 1) -> None:
        """Count rows that are no part of the graph (votes of another kind): not read, not rejected."""
        self.rows_passed_over[file] += rows

    def reject(self, file: str, line: int, reason: str, detail: str, row: str = "", *, primary: bool = True) -> None:
        """Set one row aside.

        ``line`` is 1-based (the header is line 1); ``detail`` says what was expected and found; ``row`` is the row as
        it stood, cut to 500 characters. ``primary=False`` is for a record beside the row's main one.

        Raises RejectedRowError under ``strict``.
        """
        if reason not in REASONS:
            raise ValueError(f"unknown reason {reason!r}: expected one of {', '.join(REASONS)}")
        if self.strict:
            raise RejectedRowError(f"{file}, line {line}: {reason}: {detail}. (--strict stops at the first such row.)")
        (self.rows_rejected if primary else self.records_rejected)[file] += 1
        self.reasons[reason] += 1
        if self._stream is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._stream = self.path.open("w", encoding="utf-8", newline="")
            csv.writer(self._stream).writerow(["file", "line", "reason", "detail", "row"])
        csv.writer(self._stream).writerow([file, line, reason, detail, row[:500]])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None

"""How far a long step is: bars on a terminal, otherwise a line now and then. Always on stderr."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

_SECONDS = 10.0  # between two lines where there is no terminal


class ProgressBars:
    """Takes every kind of progress that the stages report; used as a context manager around a stage.

    ``steps`` is a ``graphfeed.training.ranker.Progress``; ``counts`` and ``records`` are for embedding and loading.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bars: Progress | None = None
        self._tasks: dict[str, TaskID] = {}
        self._said: dict[str, float] = {}
        self._records: dict[str, int] = {}

    def steps(self, what: str, done: int, total: int, word: str) -> None:
        """What is being done, steps done, steps in all (0: unknown), and a word on how it goes."""
        if self._bars is None:
            self._line(what, f"{done:,} of {total:,}" if total else f"{done:,}", word)
            return
        if what not in self._tasks:
            for earlier in self._tasks.values():
                self._bars.update(earlier, visible=False)
            self._tasks[what] = self._bars.add_task(what, total=total or None, word="")
        self._bars.update(self._tasks[what], completed=done, total=total or None, word=word, visible=True)

    def counts(self, done: int, total: int) -> None:
        """Texts encoded."""
        self.steps("embed", done, total, "texts")

    def records(self, file: str, more: int) -> None:
        """Records of a file handed to the store just now."""
        self._records[file] = self._records.get(file, 0) + more
        self.steps(file, self._records[file], 0, "records")

    def fetched(self, file: str, done: int, total: int) -> None:
        """Bytes of a file that lies elsewhere."""
        self.steps(f"fetch {file}", done, total, "bytes")

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            columns = (
                SpinnerColumn(),
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
                TextColumn("{task.fields[word]}"),
            )
            self._bars = Progress(*columns, console=self._console, transient=True)
            self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bars is not None:
            self._bars.stop()
            self._bars = None

    def _line(self, what: str, how_far: str, word: str) -> None:
        now = time.monotonic()
        began = self._said.setdefault(what, now)  # nothing is said of what is done within the first seconds
        if now - began >= _SECONDS:
            self._said[what] = now
            self._console.print(f"  {what}: {how_far} {word}", highlight=False, markup=False, soft_wrap=True)

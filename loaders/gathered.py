"""Records of many files under way together: small archives become chunks of the usual size.

To turn a few hundred rows into typed columns takes as long as to turn some thousands, so the rows of several files are
collected first. A row's place is a number that holds its file and its line; ``Places.by_file`` parts them again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa

from graphfeed.loaders.collect import Collector
from graphfeed.loaders.files import open_bytes
from graphfeed.loaders.records import Chunk, Nodes
from graphfeed.loaders.rejected import Rejects
from graphfeed.loaders.values import Mask

_LINE_BITS = 40  # of a place: what is above them is the file's number
_LINES = (1 << _LINE_BITS) - 1


class Places:
    """Where the rows of some files stand, in one number each."""

    def __init__(self) -> None:
        self._files: list[str] = []

    def begin(self, file: str) -> int:
        """The place of a file's line 0: a line's place is this plus its number."""
        self._files.append(file)
        return (len(self._files) - 1) << _LINE_BITS

    def of(self, place: int) -> tuple[str, int]:
        """File and line of a place."""
        return self._files[place >> _LINE_BITS], place & _LINES

    def by_file(self, chunk: Chunk) -> Iterator[Chunk]:
        """A chunk whose lines are places, as one for each file; nodes that are only referred to stay together."""
        places = chunk.rows["line"].to_numpy()
        files = places >> _LINE_BITS
        column = chunk.rows.column_names.index("line")
        rows = chunk.rows.set_column(column, chunk.rows.schema.field(column), pa.array(places & _LINES))
        if isinstance(chunk, Nodes) and chunk.implied:
            yield replace(chunk, rows=rows, file=self._files[files[0]])
            return
        if (files[1:] < files[:-1]).any():
            order = np.argsort(files, kind="stable")
            files, rows = files[order], rows.take(pa.array(order))
        cuts = [0, *(np.flatnonzero(np.diff(files)) + 1).tolist(), len(files)]
        for start, end in pairwise(cuts):
            yield replace(chunk, rows=rows.slice(start, end - start), file=self._files[files[start]])


@dataclass
class Gathering(Collector):
    """A collector whose lines are places."""

    places: Places = field(default_factory=Places)

    def __len__(self) -> int:
        return len(self._lines)

    def _reject(self, bad: Mask, reason: str, detail: str, good: Mask, rejects: Rejects) -> None:
        for position in np.flatnonzero(bad & good).tolist():
            row = " ".join(f'{key}="{value}"' for key, value in self._raw[position].items())
            file, line = self.places.of(self._lines[position])
            rejects.reject(file, line, reason, detail, row, primary=self.primary)
        good &= ~bad


def holds_any(path: Path, words: tuple[bytes, ...]) -> bool:
    """Whether any of the words, of 16 bytes at most, stands in a file."""
    with open_bytes(path) as stream:
        tail = b""
        while piece := stream.read(4_000_000):
            window = tail + piece
            if any(word in window for word in words):
                return True
            tail = piece[-16:]
    return False

"""``sequences``: a file with a user id and then item ids on each line, in the order in which the user took to them.

There are no times, only the order, so the dates are made: everybody's last act is at ``end``, each earlier one
``step_days`` before the next. An act is (User)-[:LIKED]->(Post) and a row.

``attributes``: a JSON object of item ids and lists of attributes; an item MENTIONS its attributes, which are entities.
``text``: an item's id, then its text. Where that file has other ids, ``text_sequences`` has the same sequences with
them, line by line, which tells which item is which.

Memory holds a chunk, the users' ids, the attributes, and with ``text_sequences`` the items' ids.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import zip_longest
from pathlib import Path

import numpy as np
import pyarrow as pa

from graphfeed.errors import ConfigError, SourceError
from graphfeed.loaders.chunks import after_users, batches, make_implied, make_relationships
from graphfeed.loaders.collect import Collector
from graphfeed.loaders.fieldlines import shown_line
from graphfeed.loaders.files import open_bytes
from graphfeed.loaders.records import CHUNK_ROWS, TIME, Chunk
from graphfeed.loaders.rejected import Rejects
from graphfeed.loaders.texts import text_chunks
from graphfeed.loaders.values import ID_BYTES

END = "2000-01-01"
_DAY = 86_400_000_000
_FIRST = -62_135_596_800_000_000  # the year 1, microseconds since 1970


class SequencesLoader:
    """Loads one file of sequences and what there is about its items.

    ``end``: an ISO 8601 date, the moment of everybody's last act. ``step_days``: between two acts, days, above 0.
    Raises ConfigError for options that do not fit.
    """

    name = "sequences"

    def __init__(
        self,
        path: Path,
        *,
        attributes: Path | None = None,
        text: Path | None = None,
        text_sequences: Path | None = None,
        end: str = END,
        step_days: float = 1.0,
    ) -> None:
        if text_sequences is not None and text is None:
            raise ConfigError("text_sequences says which item a text belongs to, and needs the texts (text)")
        if not 0 < step_days * _DAY < 2**62:
            raise ConfigError(f"step_days takes a number of days above 0, found {step_days:g}")
        self.path, self._attributes = path, attributes
        self._text, self._text_sequences = text, text_sequences
        self._end, self._step = _microseconds(end), max(round(step_days * _DAY), 1)

    def chunks(self, rejects: Rejects) -> Iterator[Chunk]:
        """Read the files as a stream; see ``Loader.chunks``.

        Raises SourceError where a file has no row at all, or the two files of sequences do not agree.
        """
        if self.path.is_dir():
            there = ", ".join(sorted(p.name for p in self.path.iterdir() if p.is_file())) or "no file"
            raise SourceError(f"{self.path} is a folder: expected a file of sequences; in it there is: {there}")
        if self._text is not None:
            known_as = None if self._text_sequences is None else _same_items(self.path, self._text_sequences)
            yield from text_chunks(self._text, rejects, known_as)
        yield from self._sequences(rejects)
        if self._attributes is not None:
            yield from _attributes(self._attributes, rejects)

    def _sequences(self, rejects: Rejects) -> Iterator[Chunk]:
        seen: set[str] = set()
        users: list[str] = []
        items: list[str] = []
        lines: list[int] = []
        back: list[int] = []  # how many acts come after this one
        rows = 0
        with open_bytes(self.path) as stream:
            for number, line in enumerate(stream, 1):
                words = line.removeprefix(b"\xef\xbb\xbf").split() if number == 1 else line.split()
                rows += max(len(words) - 1, 0)
                user, *found = self._usable(number, line, words, seen, rejects) or [""]
                if user and not found:
                    yield make_implied("User", self.path.name, [number], id=[user])
                users += [user] * len(found)
                items += found
                lines += [number] * len(found)
                back += range(len(found) - 1, -1, -1)
                if len(users) >= CHUNK_ROWS:
                    yield from self._acts(users, items, lines, back)
                    users, items, lines, back = [], [], [], []
        yield from self._acts(users, items, lines, back)
        if not rows:
            raise SourceError(f"{self.path} has no act: expected lines of a user id and item ids, in order")

    def _usable(
        self, number: int, line: bytes, words: list[bytes], seen: set[str], rejects: Rejects
    ) -> list[str] | None:
        """The user and the items of a line; None where it is blank or rejected whole, for a gap would change the
        order."""
        if not words:
            return None
        rows = max(len(words) - 1, 1) if words[0].decode("utf-8", "replace") in seen else len(words) - 1
        fault, found = None, []
        try:
            found = [word.decode() for word in words]
            if any(len(word) > ID_BYTES for word in words):
                fault = "long id", f"an id has more than {ID_BYTES:,} bytes"
            elif found[0] in seen:
                fault = "duplicate", f"user {found[0][:100]!r} has a line before: which comes first is not known"
        except UnicodeDecodeError:
            fault = "wrong encoding", "some of its bytes are not UTF-8"
        rejects.read(self.path.name, rows)
        if fault is None:
            seen.add(found[0])
            return found
        for _ in range(rows):
            rejects.reject(self.path.name, number, *fault, shown_line(line))
        return None

    def _acts(self, users: list[str], items: list[str], lines: list[int], back: list[int]) -> Iterator[Chunk]:
        if not users:
            return
        if self._end - max(back) * self._step < _FIRST:
            raise ConfigError(
                f"{max(back) + 1:,} acts, {self._step / _DAY:g} days apart, do not lie between the year 1 and the end:"
                " choose smaller steps (step_days)"
            )
        at = pa.array(self._end - np.array(back, np.int64) * self._step, pa.int64()).cast(TIME)
        yield make_implied("Post", self.path.name, lines, id=items)
        yield from after_users(make_relationships("LIKED", self.path.name, lines, source=users, target=items, at=at))


def _microseconds(end: str) -> int:
    try:
        moment = datetime.fromisoformat(end)
    except ValueError as error:
        raise ConfigError(f"end takes an ISO 8601 date like {END}, found {end!r}") from error
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def _same_items(path: Path, other: Path) -> dict[str, str]:
    """The items of ``path`` by the ids that they have in ``other``, the same sequences line by line.

    Raises SourceError for the first line where they do not agree.
    """
    known_as: dict[bytes, bytes] = {}
    other_of: dict[bytes, bytes] = {}
    with open_bytes(path) as stream, open_bytes(other) as other_stream:
        for number, (line, other_line) in enumerate(zip_longest(stream, other_stream, fillvalue=b""), 1):
            items, others = line.split()[1:], other_line.split()[1:]
            if len(items) != len(others):
                raise SourceError(
                    f"{other}, line {number}: expected {len(items)} items as in that line of {path.name}, found"
                    f" {len(others)}: these are other sequences"
                )
            for item, name in zip(items, others, strict=True):
                if known_as.setdefault(name, item) != item or other_of.setdefault(item, name) != name:
                    raise SourceError(
                        f"{other}, line {number}: {shown_line(name)} stands where {path.name} has {shown_line(item)},"
                        " and elsewhere for another item: these are other sequences"
                    )
    pairs = ((name, item) for name, item in known_as.items() if len(item) <= ID_BYTES)
    return {name.decode("utf-8", "replace"): item.decode("utf-8", "replace") for name, item in pairs}


def _attributes(path: Path, rejects: Rejects) -> Iterator[Chunk]:
    """An item's attributes, a row each. The file is one JSON object, read whole."""
    with open_bytes(path) as stream:
        try:
            found = json.loads(stream.read())
        except ValueError as error:
            raise SourceError(f"{path} is not readable as JSON: {error}") from error
    if not isinstance(found, dict):
        raise SourceError(f"{path}: expected an object of items and their attributes, found {type(found).__name__}")
    mentions = Collector(path.name, ("source", "target", "confidence", "said_by"), type="MENTIONS")
    for batch in batches(found.items(), CHUNK_ROWS // 10):
        for item, listed in batch:
            attributes = listed if isinstance(listed, list) else [None]
            rejects.read(path.name, len(attributes))
            for attribute in attributes:
                if isinstance(attribute, str | int) and not isinstance(attribute, bool):
                    mentions.add(1, {"item": item, "attribute": str(attribute)}, item, str(attribute), 1.0, "data")
                else:
                    detail = "expected a list of attributes, each a number or a word"
                    rejects.reject(path.name, 1, "ragged line", detail, json.dumps({item: listed}))
        for chunk in mentions.take(rejects)[0]:
            lines, ids = chunk.rows["line"].to_pylist(), chunk.rows["target"].combine_chunks()
            yield make_implied("Entity", path.name, lines, id=ids, kind="attribute")
            yield chunk

"""lastfm-2k's dated taggings: what people did (COMMENTED), and what an artist is called (MENTIONS)."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Self

import pandas as pd
import pyarrow as pa

from graphfeed.loaders.chunks import after_users, batches, make_implied, make_relationships
from graphfeed.loaders.collect import Collector
from graphfeed.loaders.fieldlines import LineForm, field_lines
from graphfeed.loaders.hetrec_split import PLATFORM, PublishedSplit
from graphfeed.loaders.records import CHUNK_ROWS, TEXT, Chunk
from graphfeed.loaders.rejected import Rejects

_BY_DAY = LineForm(("userID", "artistID", "tagID", "day", "month", "year"), "\t", heading=True)
_BY_STAMP = LineForm(("userID", "artistID", "tagID", "timestamp"), "\t", heading=True)
_FILES = (("user_taggedartists-timestamps.dat", _BY_STAMP), ("user_taggedartists.dat", _BY_DAY))
_BEGAN = datetime(2002, 1, 1, tzinfo=UTC)


class Taggings:
    """One reading of the taggings' file. Tags of one person for one artist at one time are one act, and one row; what
    is more of it is passed over as a row, and counts for MENTIONS."""

    def __init__(self, path: Path, form: LineForm, split: PublishedSplit | None) -> None:
        self.path, self.form, self._split = path, form, split
        self._acts: set[tuple[str, str, datetime]] = set()
        self._said: list[tuple[str, str, str, int]] = []
        """Artist, tag and user, with the line."""

    @classmethod
    def find(cls, folder: Path, split: PublishedSplit | None) -> Self | None:
        """The taggings of a folder, those with exact times where both files are there; None where none is."""
        there = [(folder / file, form) for file, form in _FILES if (folder / file).is_file()]
        return cls(*there[0], split) if there else None

    def chunks(self, rejects: Rejects, artists: Collection[str], *, with_tags: bool) -> Iterator[Chunk]:
        """COMMENTED as the file is read, then MENTIONS; ``with_tags``: also the tags, which no file names.

        ``artists``: those that are known. What people say of others is left out of MENTIONS: their rows are rejected.
        """
        file = self.path.name
        commented = Collector(file, ("source", "target", "at"), type="COMMENTED")
        for batch in batches(field_lines(self.path, self.form, rejects, self._is_row)):
            for line, fields in batch:
                at = _time(*fields[3:])
                if at is None or at < _BEGAN:
                    what = "no date" if at is None else "older than Last.fm, which began in 2002"
                    rejects.reject(file, line, "bad date", f"{' '.join(fields[3:])} is {what}", "  ".join(fields))
                else:
                    raw = dict(zip(self.form.fields, fields, strict=True))
                    commented.add(line, raw, fields[0], fields[1], at.isoformat())
            for chunk in commented.take(rejects)[0]:
                yield from after_users(chunk, PLATFORM)
        yield from self._mentions(artists, with_tags=with_tags)

    def _is_row(self, line: int, fields: list[str]) -> bool:
        """Whether a line is an act of its own. What it says of the artist is kept in mind."""
        user, artist, tag = fields[:3]
        at = _time(*fields[3:])
        if at is None or at < _BEGAN:
            return True  # to be rejected
        if self._split is not None and (user, artist) in self._split.test_pairs:
            return False
        if user and artist and tag:
            self._said.append((artist, tag, user, line))
        if self._split is not None and (user, artist) not in self._split.train_pairs:
            return False
        before = len(self._acts)
        self._acts.add((user, artist, at))
        return len(self._acts) > before

    def _mentions(self, artists: Collection[str], *, with_tags: bool) -> Iterator[Chunk]:
        said = pd.DataFrame(self._said, columns=["artist", "tag", "user", "line"])
        said = said[said["artist"].isin(artists)]
        people = said.drop_duplicates(["artist", "tag", "user"]).groupby(["artist", "tag"], sort=False)["line"]
        mentions = people.agg(["size", "min"]).reset_index()
        mentions["confidence"] = mentions["size"] / (mentions["size"] + 1)
        for start in range(0, len(mentions), CHUNK_ROWS):
            part = mentions.iloc[start : start + CHUNK_ROWS]
            lines, targets = part["min"].to_numpy(), pa.array(part["tag"], TEXT)
            if with_tags:
                yield make_implied("Entity", self.path.name, lines, id=targets, kind="tag")
            sources, confidence = pa.array(part["artist"], TEXT), part["confidence"].to_numpy()
            yield make_relationships(
                "MENTIONS", self.path.name, lines, primary=False,
                source=sources, target=targets, confidence=confidence, said_by="data",
            )  # fmt: skip


@lru_cache(maxsize=100_000)
def _time(*words: str) -> datetime | None:
    """A moment from day, month and year, or from milliseconds since 1970; None where they are no date."""
    try:
        numbers = [int(word) for word in words]
        if len(numbers) == 1:
            return datetime.fromtimestamp(numbers[0] / 1000, UTC)
        day, month, year = numbers
        return datetime(year, month, day, tzinfo=UTC)
    except (ValueError, OverflowError, OSError):
        return None

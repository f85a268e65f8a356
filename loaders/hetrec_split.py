"""A published split of lastfm-2k, as SocialLGN's: a user and an item per line, their ids often renumbered from 0.

The numbers are those of the data where ``userReindex.json`` and ``itemReindex.json`` (old id to new number) beside the
train file turn them back, or without these files. Both are held against the data: its pairs are the split's.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from graphfeed.errors import SourceError
from graphfeed.loaders.chunks import after_users, batches
from graphfeed.loaders.collect import Collector
from graphfeed.loaders.fieldlines import LineForm, field_lines
from graphfeed.loaders.records import Chunk
from graphfeed.loaders.rejected import Rejects

Pair = tuple[str, str]
"""User and item."""

PLATFORM = "last.fm"

_PAIRS = LineForm(("user", "item"))
_FITTING_SHARE = 0.5  # of wrong numbers hardly any fits by chance: the data holds 0.3 % of all pairs


class PublishedSplit:
    """The two files. ``train_pairs`` and ``test_pairs`` are filled by ``chunks``."""

    def __init__(self, train: Path, test: Path) -> None:
        self.train, self.test = train, test
        self.train_pairs: set[Pair] = set()
        self.test_pairs: set[Pair] = set()

    def chunks(self, counts: Mapping[Pair, int], rejects: Rejects) -> Iterator[Chunk]:
        """LIKED with their counts from the train file, HELD_OUT from the test file.

        A pair that is not in the data is rejected. Raises SourceError where fewer than half of a file's pairs are in
        it, or a pair is in both files.
        """
        old_ids = [_old_ids(self.train.parent / f"{what}Reindex.json") for what in ("user", "item")]
        if (old_ids[0] is None) != (old_ids[1] is None):
            raise SourceError(
                f"{self.train.parent} has only one of userReindex.json and itemReindex.json: both are needed, or none"
            )
        users, items = (ids.get if ids is not None else _itself for ids in old_ids)
        liked = Collector(self.train.name, ("source", "target", "count"), type="LIKED")
        held_out = Collector(self.test.name, ("source", "target", "split"), type="HELD_OUT")
        for path, collector, pairs in (
            (self.train, liked, self.train_pairs),
            (self.test, held_out, self.test_pairs),
        ):
            rows = 0
            for batch in batches(field_lines(path, _PAIRS, rejects)):
                rows += len(batch)
                for line, (user, item) in batch:
                    pair = (users(user) or "", items(item) or "")
                    count = counts.get(pair)
                    if count is None:
                        detail = "the data has no such pair of a user and an artist"
                        rejects.reject(path.name, line, "dangling key", detail, f"{user},{item}")
                    else:
                        pairs.add(pair)
                        collector.add(
                            line, {"user": user, "item": item}, *pair, "test" if collector is held_out else count
                        )
                for chunk in collector.take(rejects)[0]:
                    yield from after_users(chunk, PLATFORM)
            self._check(path, rows, len(pairs), renumbered=old_ids[0] is not None)

    def _check(self, path: Path, rows: int, found: int, *, renumbered: bool) -> None:
        if not rows:
            raise SourceError(f"{path} has no pair: expected lines of one user id and one item id")
        if found < rows * _FITTING_SHARE:
            why = "by userReindex.json and itemReindex.json" if renumbered else "as they stand"
            raise SourceError(
                f"{path}: only {found:,} of its {rows:,} pairs are in the data, with the ids {why}: they are other ids."
                " A split without its own data can be loaded with `pairs`."
            )
        if both := self.train_pairs & self.test_pairs:
            user, item = min(both)
            raise SourceError(
                f"{path}: {len(both):,} of its pairs are in {self.train} as well, one of them user {user} and artist"
                f" {item}: a test pair must not be trained on"
            )


def _itself(id_: str) -> str | None:
    return id_


def _old_ids(path: Path) -> dict[str, str] | None:
    """Old id by new number; None where there is no such file. Raises SourceError for one that says it twice."""
    if not path.is_file():
        return None
    try:
        new_numbers = json.loads(path.read_bytes())
    except ValueError as error:
        raise SourceError(f"{path} is not readable as JSON: {error}") from error
    if not isinstance(new_numbers, dict):
        raise SourceError(f"{path}: expected an object of old ids and new numbers, found {type(new_numbers).__name__}")
    old_ids = {str(number): old for old, number in new_numbers.items()}
    if len(old_ids) != len(new_numbers):
        twice = len(new_numbers) - len(old_ids)
        raise SourceError(f"{path}: {twice:,} new numbers stand for several old ids: the split cannot be turned back")
    return old_ids

"""What the columns of a table file seem to be, from their names and the first rows."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import pyarrow as pa

from graphfeed.loaders.delimited import Dialect
from graphfeed.loaders.files import SUFFIXES, column_names, kind_of, read_blocks
from graphfeed.loaders.records import TIME
from graphfeed.loaders.values import as_text, convert
from graphfeed.loaders.vocabulary import IRREGULAR, LABELS

_ID = re.compile(r"(id|ids|key|uuid|guid|hash|no|nr)$|^id")
_SAMPLE_ROWS = 2_000


@dataclass(frozen=True)
class Column:
    """One column: its name and the values of its first rows ("" for a missing one)."""

    name: str
    values: list[str]
    is_list: bool = False

    @cached_property
    def words(self) -> list[str]:
        """The name's words, in the singular: ``userIds`` gives user, id."""
        return words_of(self.name)

    @cached_property
    def filled(self) -> list[str]:
        """Values that are there."""
        return [value for value in self.values if value]

    @property
    def has_gaps(self) -> bool:
        """Whether some rows have no value."""
        return len(self.filled) < len(self.values)

    @property
    def is_id(self) -> bool:
        """Whether the name says that it is a key."""
        return bool(self.words) and bool(_ID.search(self.words[-1])) and self.words[-1] not in LABELS

    @property
    def is_unique(self) -> bool:
        """Whether every row of the sample has its own value."""
        return not self.has_gaps and len(set(self.filled)) == len(self.filled)

    @cached_property
    def noun(self) -> str | None:
        """The kind of thing that the column names: user of ``userId``, parent of ``in_reply_to``."""
        if self.words[:2] in (["in", "reply"], ["reply", "to"]) or self.words[:1] == ["parent"]:
            return "parent"
        return next((word for word in reversed(self.words) if word in LABELS), None)

    @property
    def label(self) -> str | None:
        """The label of ``noun``."""
        return LABELS[self.noun] if self.noun else None

    @cached_property
    def is_date(self) -> bool:
        """Whether all values are dates; bare numbers only where the name says so too."""
        if not self.filled:
            return False
        named = bool({"at", "date", "time", "timestamp", "created", "updated", "on"} & set(self.words))
        if not named and any(value.replace(".", "").isdigit() for value in self.filled):
            return False
        return not convert(pa.array(self.filled), TIME).bad.any()

    @cached_property
    def separator(self) -> str | None:
        """What separates the items of a list in its cells; None for single values."""
        for mark in ("|", ";", ","):
            parts = [value.split(mark) for value in self.filled]
            if sum(len(p) > 1 for p in parts) * 10 >= len(parts) > 0 and all(len(w) <= 40 for p in parts for w in p):
                return mark
        return None

    def few_values(self, most: int) -> list[str]:
        """The distinct values where there are at most ``most``, otherwise none."""
        distinct = sorted(set(self.filled))
        return distinct if len(distinct) <= most else []


@dataclass(frozen=True)
class Table:
    """One file of a folder."""

    file: str
    columns: list[Column]
    words: list[str] = field(default_factory=list)
    """The words of the file's name."""

    @property
    def noun(self) -> str | None:
        """What its rows seem to be, by its name."""
        return self.words[-1] if self.words and self.words[-1] in LABELS else None

    @property
    def label(self) -> str | None:
        """The label of ``noun``."""
        return LABELS[self.noun] if self.noun else None

    @cached_property
    def own_id(self) -> Column | None:
        """The column that identifies its rows."""
        for names in (["id"], [self.noun, "id"], [self.noun], ["uuid"], ["key"]):
            for column in self.columns:
                if column.words == names and column.is_unique and column.filled:
                    return column
        return None

    def find(self, *names: str, date: bool | None = None) -> Column | None:
        """The first column that has one of the names as its name or last words, in the order of the names."""
        for name in names:
            for column in self.columns:
                if (column.words == name.split() or column.words[-1:] == [name]) and date in (None, column.is_date):
                    return column
        return None


def words_of(name: str) -> list[str]:
    """``postIds`` and ``post_ids`` give post, id."""
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
    return [_singular(word) for word in re.findall(r"[^\W_]+", parted.lower())]


def _singular(word: str) -> str:
    if word in IRREGULAR:
        return IRREGULAR[word]
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith("s") and not word.endswith("ss") and len(word) > 2 and word not in ("alias", "aliases"):
        return word[:-1]
    return word


def survey(folder: Path) -> list[Table]:
    """All table files of a folder with their columns, from the first rows of each."""
    return [_survey_file(path) for path in sorted(folder.iterdir()) if path.name.lower().endswith(SUFFIXES)]


def _survey_file(path: Path) -> Table:
    dialect = Dialect("\t" if kind_of(path) == "tsv" else ",")
    names = list(dict.fromkeys(column_names(path, dialect)))
    found: dict[str, list[str]] = {name: [] for name in names}
    lists: set[str] = set()
    for block in read_blocks(path, names, [], dialect, lambda *_: None):
        for name, cells in block.columns.items():
            if pa.types.is_list(cells.type) or pa.types.is_large_list(cells.type):
                lists.add(name)
            found[name] += [value or "" for value in as_text(cells[:_SAMPLE_ROWS]).to_pylist()]
        break
    stem = path.name.partition(".")[0]
    return Table(path.name, [Column(name, values, name in lists) for name, values in found.items()], words_of(stem))

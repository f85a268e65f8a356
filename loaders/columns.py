"""What the columns of a table file seem to be, from their names and the first rows."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import pyarrow as pa

from graphfeed.loaders.delimited import Dialect
from graphfeed.loaders.draft_times import Times, is_other_time, is_time_name, nearly_all, times_of
from graphfeed.loaders.files import SUFFIXES, column_names, kind_of, read_blocks
from graphfeed.loaders.values import as_text
from graphfeed.loaders.vocabulary import ACT_OF, IRREGULAR, LABELS, PROPERTIES, TIMES

_ID = re.compile(r"(id|ids|key|uuid|guid|hash|no|nr)$|^id")
_SAMPLE_ROWS = 2_000

_LISTED = {
    "User": "user person member author account profile customer reader",
    "Post": "post article item question thread story news product book movie film song track video page recipe game",
}
"""A file named like these lists them, also under an id of another name; other nouns (follower, reply) may be a tie."""


@dataclass(frozen=True)
class Column:
    """One column: its name and the values of its first rows ("" for a missing one)."""

    name: str
    values: list[str]
    is_list: bool = False
    given_noun: str | None = None
    """What it names where its own name does not say: it is called like the id of a file of such things."""

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

    @property
    def repeated(self) -> int:
        """How many rows have no value, or one that another row has too."""
        return len(self.values) - len(set(self.filled))

    @property
    def is_nearly_unique(self) -> bool:
        """Whether nearly every row has its own value: some exports have a row twice."""
        return bool(self.filled) and nearly_all(self.repeated, len(self.values))

    @cached_property
    def noun(self) -> str | None:
        """The kind of thing that the column names: user of ``userId``, parent of ``in_reply_to``."""
        if self.given_noun:
            return self.given_noun
        if self.words[:2] in (["in", "reply"], ["reply", "to"]) or self.words[:1] == ["parent"]:
            return "parent"
        return next((word for word in reversed(self.words) if word in LABELS), None)

    @property
    def label(self) -> str | None:
        """The label of ``noun``."""
        return LABELS[self.noun] if self.noun else None

    @property
    def is_time_named(self) -> bool:
        """Whether the name says that it is a time."""
        return is_time_name(self.words)

    @cached_property
    def times(self) -> Times | None:
        """How nearly all of its values are times; None where they are not. Bare numbers only where the name says so."""
        return times_of(self.filled, named=self.is_time_named)

    @property
    def is_date(self) -> bool:
        """Whether its values are times."""
        return self.times is not None

    @cached_property
    def refers(self) -> bool:
        """Whether it points to things: it is named after them, and its values are short."""
        if self.noun is None or {"count", "number", "total", "num"} & set(self.words):
            return False
        short = all(len(value) <= 80 or self.label == "Entity" for value in self.filled)
        plain = self.is_id or self.words[-1] == self.noun or self.noun == "parent" or self.given_noun is not None
        is_text = self.label == "Post" and not self.is_id and any(" " in value for value in self.filled)
        return plain and short and not is_text

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

    @property
    def own_id(self) -> Column | None:
        """The column that identifies its rows."""
        return self._own[0] if self._own else None

    @property
    def own_id_doubt(self) -> str:
        """Why ``own_id`` may be another column; empty where its name says enough."""
        return self._own[1] if self._own else ""

    @cached_property
    def _own(self) -> tuple[Column, str] | None:
        for names in (["id"], [self.noun, "id"], [self.noun], ["uuid"], ["key"]):
            for column in self.columns:
                # a column `tag` of tags.csv may well be what each row is about: it has to be its own in every row
                if column.words == names and (
                    column.is_unique and column.filled if names == [self.noun] else column.is_nearly_unique
                ):
                    return column, _repeats(column)
        return self._own_by_label() if self.noun in _LISTED.get(self.label or "", "").split() else None

    def _own_by_label(self) -> tuple[Column, str] | None:
        """The id of a file that is named like people or posts: ``member_id`` of users.csv, else a column of its own."""
        has_properties = any(self.find(*names) for names in PROPERTIES[self.label or ""].values())
        is_tie = not has_properties and sum(column.refers for column in self.columns) > 1
        if is_tie or {LABELS[word] for word in self.words if word in LABELS} != {self.label}:
            return None
        ids = [column for column in self.columns if column.is_id and column.is_nearly_unique and not column.is_date]
        for column in ids:
            if column.label == self.label:
                return column, _repeats(column)
        for column in ids:
            if column.label is None:
                return column, _repeats(column) or f"its name does not say that it is the {self.noun}'s"
        for column in self.columns:
            is_short = all(len(value) <= 80 for value in column.filled)
            is_own = column.label in (None, self.label) and not column.is_date and not column.is_list
            if column.filled and column.is_unique and is_short and is_own:
                return column, "no column is named as an id, and this is the first whose values all differ"
        return None

    @property
    def act(self) -> str | None:
        """The word of its name that says what somebody did: like of ``user_likes.csv``."""
        return next((word for word in reversed(self.words) if word in ACT_OF), None)

    @property
    def is_act(self) -> bool:
        """Whether, for all its own ids, it still is a list of who did what: likes.csv with an id column."""
        named = set(self.words) & set(ACT_OF) - {"comment", "reply", "answer", "review"}
        return bool(named) and any(column.refers and column.label == "User" for column in self.columns)

    @cached_property
    def time(self) -> Column | None:
        """The column that says when it was."""
        return self.find(*TIMES, date=True) or next(
            (column for column in self.columns if column.is_date and not is_other_time(column.words)), None
        )

    @property
    def time_doubt(self) -> str:
        """Why ``time`` may be another column, or none; empty where its name and all its cells say that it is one."""
        if self.time is None or self.time.times is None:
            return ""
        times, doubts = self.time.times, []
        if not self.time.is_time_named:
            doubts.append("the only clue is that its cells are times")
        if times.odd:
            odd = f"{len(times.odd):,} of {times.of:,} cells looked at are not times in this form"
            doubts.append(f"{odd} ({shown(times.odd[0])}), and their rows are rejected")
        return "; ".join(doubts)

    def find(self, *names: str, date: bool | None = None) -> Column | None:
        """The first column that has one of the names as its name or last words, in the order of the names."""
        for name in names:
            for column in self.columns:
                if (column.words == name.split() or column.words[-1:] == [name]) and date in (None, column.is_date):
                    return column
        return None


def shown(text: str) -> str:
    """The beginning of a cell as it can stand in a comment of a TOML file."""
    return "".join(mark if mark.isprintable() else " " for mark in text[:60])


def _repeats(column: Column) -> str:
    rows = f"{column.repeated:,} of {len(column.values):,} rows looked at"
    return f"{rows} have no value of their own, and are rejected" if column.repeated else ""


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

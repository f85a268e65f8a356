"""Whether the cells of a column are times, and in which form: for a draft, so nearly all of them are enough."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pyarrow as pa

from graphfeed.loaders.records import TIME
from graphfeed.loaders.values import NO_VALUE, convert

_WORDS = {
    "time": "at date time timestamp created updated on ts when published posted joined registered since",
    "other": "updated modified edited deleted birth birthday birthdate born dob due last expiry",
}
_DATE = re.compile(
    r"\s*(\w{3},? )?(\d{1,2}[./-]\d{1,2}[./-]\d{4}|\d{4}/\d{1,2}/\d{1,2}|[^\W\d]{3,9} \d{1,2},? "
    r"|\d{1,2} [^\W\d]{3,9} \d{4})"
)
_DAYS = ("%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y", "%Y/%m/%d", "%d-%m-%Y", "%m-%d-%Y", "%d %b %Y", "%d %B %Y", "%b %d, %Y")
_CLOCKS = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")
_DATE_FORMATS = (
    *(day + clock for day in (*_DAYS, "%B %d, %Y") for clock in _CLOCKS),
    *("%a, %d %b %Y %H:%M:%S %z", "%a, %d %b %Y %H:%M:%S %Z", "%a %b %d %H:%M:%S %z %Y"),
)


@dataclass(frozen=True)
class Times:
    """How the cells of a column are times."""

    date_format: str | None
    """A strptime format; None: ISO 8601 or epoch."""
    odd: list[str]
    """Cells that are not times in this form."""
    of: int
    """So many cells were looked at."""
    also: str | None = None
    """Another format that all the cells are in as well: nothing says which is meant."""


def nearly_all(odd: int, of: int) -> bool:
    """Whether so few of a column's cells are odd that the others say what it is: some are always wrong."""
    return odd * 10 <= of


def is_time_name(words: list[str]) -> bool:
    """Whether the words of a column's name say that it is a time."""
    return not set(words).isdisjoint(_WORDS["time"].split())


def is_other_time(words: list[str]) -> bool:
    """Whether they say that it is not when something began: a birthday, the last change."""
    return not set(words).isdisjoint(_WORDS["other"].split())


def times_of(cells: list[str], *, named: bool) -> Times | None:
    """How nearly all cells are times; None where they are not. Bare numbers only where the column is ``named`` so."""
    values = [value for value in cells if value.strip() not in NO_VALUE]
    if not values:
        return None
    odd = _odd(values, None)
    if not named:
        not_times = set(odd)
        odd = [value for value in values if value in not_times or value.strip().replace(".", "").isdigit()]
    if nearly_all(len(odd), len(values)):
        return Times(None, odd, len(values))
    if not nearly_all(sum(not _DATE.match(value) for value in values), len(values)):
        return None
    found = {date_format: _odd(values, date_format) for date_format in _DATE_FORMATS}
    best = min(found, key=lambda date_format: len(found[date_format]))
    swapped = best.translate(str.maketrans("dm", "md"))
    also = swapped if swapped != best and len(found.get(swapped, values)) == len(found[best]) else None
    return Times(best, found[best], len(values), also) if nearly_all(len(found[best]), len(values)) else None


def _odd(values: list[str], date_format: str | None) -> list[str]:
    bad = convert(pa.array(values), TIME, date_format=date_format).bad
    return [value for value, is_bad in zip(values, bad.tolist(), strict=True) if is_bad]

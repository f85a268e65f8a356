"""What a report is made of: sections with a finding, pictures, and the tables behind them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawn

    from graphfeed.report.figures import Frame

Cell = str | int | float | None

# Control characters break XML; marks that turn the direction of writing would turn what follows a name, too.
_UNWANTED = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True)
class Figure:
    """A picture, drawn once for wide screens and once for phones."""

    name: str
    """Of the PNG file and of the element in the page: letters and hyphens."""
    title: str
    alt: str
    """What there is to see, for those who do not see it."""
    draw: Callable[[Frame], Drawn]
    tips: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """By an artist's gid: what to show at each of its points."""


@dataclass(frozen=True)
class Table:
    """The numbers behind a picture. Numbers stand on the right."""

    title: str
    columns: tuple[str, ...]
    rows: Sequence[Sequence[Cell]]
    open: bool = False
    """Shown at once; else on a click."""


@dataclass(frozen=True)
class Missing:
    """What else could be there, and the command that brings it."""

    what: str
    command: str


@dataclass(frozen=True)
class Answer:
    """A recommendation in words: a title, and reasons with the share of the score that each has."""

    rank: int
    title: str
    reasons: Sequence[tuple[str, float | None]]


@dataclass(frozen=True)
class Portrait:
    """One person: their picture and what is recommended to them."""

    heading: str
    text: str
    figure: Figure | None
    answers: Sequence[Answer]


@dataclass(frozen=True)
class Section:
    """One chapter of the report. ``finding`` is its heading: a sentence that says what there is to see."""

    name: str
    title: str
    finding: str
    text: Sequence[str] = ()
    figures: Sequence[Figure] = ()
    tables: Sequence[Table] = ()
    portraits: Sequence[Portrait] = ()
    missing: Sequence[Missing] = ()

    def pictures(self) -> list[Figure]:
        """All pictures, those of portraits too."""
        return [*self.figures, *(p.figure for p in self.portraits if p.figure)]


@dataclass(frozen=True)
class Tile:
    """A large number at the top."""

    value: str
    label: str


def clean(text: str, most: int = 80) -> str:
    """A text from the graph on one line of at most so many characters, without what would break a page."""
    line = " ".join(_UNWANTED.sub(" ", text[: 20 * most]).split())
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"


def many(count: int, one: str, more: str | None = None) -> str:
    """``1 post``, ``2,000 posts``."""
    return f"{count:,} {one if count == 1 else more or one + 's'}"


def per_cent(share: float) -> str:
    """A share as a person reads it: ``34 %``, ``0.4 %``."""
    value = 100 * share
    return f"{value:.1f} %" if 0 < value < 1 else f"{value:.0f} %"

"""Lines of a fixed number of fields without quotation marks, as research data is published.

    form = LineForm(("head", "relation", "tail"))
    for line, (head, relation, tail) in field_lines(path, form, rejects): ...

Such files are not CSV: a quotation mark is a character as any other one, and fields are separated by tabs, commas or
blanks, whichever a line has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from graphfeed.errors import SourceError
from graphfeed.loaders.files import open_bytes
from graphfeed.loaders.rejected import Rejects

ENDS_AND_FIELDS = ("user", "userid", "user_id", "friend", "friendid", "friend_id", "item", "itemid", "item_id")
HEADINGS = frozenset((*ENDS_AND_FIELDS, "head", "relation", "tail", "entity", "entityid", "entity_id", "text"))
"""Words that make a first line a heading where there may be one."""
SHOWN = 500


@dataclass(frozen=True)
class LineForm:
    """What the lines of a file look like."""

    fields: tuple[str, ...]
    """Their names, in order."""
    separator: str | None = None
    """Between the fields; None: tabs where a line has any, else commas, else white space."""
    heading: bool = False
    """The first line must name exactly the fields; False: it may be a heading of other words (``HEADINGS``)."""
    text_last: bool = False
    """The last field goes on to the end of the line, whatever stands in it, and may be absent."""
    fallback: str | None = None
    """The encoding of lines that are not UTF-8; None: they are set aside."""


def field_lines(
    path: Path,
    form: LineForm,
    rejects: Rejects,
    passes: Callable[[int, list[str]], bool] | None = None,
    *,
    file: str | None = None,
    rows_are_entries: bool = False,
) -> Iterator[tuple[int, list[str]]]:
    """Line (1-based) and fields, white space around them left out, of every line that has the fields.

    Every line that is not blank and no heading counts as a row read; those of another form are rejected. Lines
    for which ``passes`` (line and fields) is False are no part of the graph: passed over. ``file`` is the name in
    counts and messages, else the path's. ``rows_are_entries``: a line holds several rows, which the caller counts.

    Raises SourceError for a file that is absent or empty, has no row, or not the heading that it must have.
    """
    rows = passed_over = rejected = 0
    file = file or path.name
    with open_bytes(path) as stream:
        for number, line in enumerate(stream, 1):
            if number == 1:
                line = line.removeprefix(b"\xef\xbb\xbf")
                if _is_heading(path, line, form):
                    continue
            if not line.strip():
                continue
            rows += 1
            text = _decoded(line, form.fallback)
            found = None if text is None else _fields(text, form)
            if found is not None and len(found) == len(form.fields):
                if passes is None or passes(number, found):
                    yield number, found
                else:
                    passed_over += 1
            else:
                rejected += 1
                _reject(file, number, line, found, form, rejects)
    rejects.read(file, rejected if rows_are_entries else rows - passed_over)
    if passed_over:
        rejects.pass_over(file, passed_over)
    if not rows:
        raise SourceError(f"{path} has no row: expected lines of {', '.join(form.fields)}")


def shown_line(line: bytes) -> str:
    """A line as it can be printed."""
    return line.decode("utf-8", "backslashreplace").rstrip()[:SHOWN]


def _is_heading(path: Path, line: bytes, form: LineForm) -> bool:
    words = _fields(line.decode("utf-8", "replace"), form)
    if not form.heading:
        return any(word.lower() in HEADINGS for word in words)
    if tuple(words) != form.fields:
        expected = ", ".join(form.fields)
        raise SourceError(f"{path}, line 1: expected the columns {expected}, found: {shown_line(line)[:100]!r}")
    return True


def _decoded(line: bytes, fallback: str | None) -> str | None:
    try:
        return line.decode()
    except UnicodeDecodeError:
        return line.decode(fallback) if fallback else None


def _fields(text: str, form: LineForm) -> list[str]:
    if form.text_last:
        words = text.split(form.separator, len(form.fields) - 1)
        words += [""] * (len(form.fields) - len(words) == 1)
    elif form.separator is not None:
        words = text.split(form.separator)
    elif "\t" in text:
        words = text.rstrip("\r\n").split("\t")
    else:
        words = text.split("," if "," in text else None)
    return list(map(str.strip, words))


def _reject(file: str, number: int, line: bytes, found: list[str] | None, form: LineForm, rejects: Rejects) -> None:
    if found is None:
        rejects.reject(file, number, "wrong encoding", "some of its bytes are not UTF-8", shown_line(line))
        return
    is_cut = not line.endswith(b"\n") and len(found) < len(form.fields)
    detail = f"expected {len(form.fields)} fields ({', '.join(form.fields)}), found {len(found)}"
    rejects.reject(file, number, "truncated line" if is_cut else "ragged line", detail, shown_line(line))

"""Lines that begin with a count and go on with so many entries, as citeulike's files: ``4 193 11908 12727 14760``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from graphfeed.errors import SourceError
from graphfeed.loaders.fieldlines import shown_line
from graphfeed.loaders.files import open_bytes
from graphfeed.loaders.rejected import Rejects


def counted_lines(
    path: Path, rejects: Rejects, *, ids: bool = True, itself: bool = True, primary: bool = True
) -> Iterator[tuple[int, list[str] | None]]:
    """Line (1-based) and entries of every line, whose place in the file is its id; None where it cannot be used.

    A line that cannot be used is rejected with as many rows as it says or seems to hold; the entries of the others are
    counted as read. ``ids``: the entries are whole numbers, without zeros before them. ``itself`` False: an entry that
    is the line's own id is passed over. ``primary`` False: a line is one row, which the caller counts, and which is
    kept in any case; its entries are beside it.

    Raises SourceError for a file that is absent or empty, or no line of which begins with the count of its entries.
    """
    usable = False
    with open_bytes(path) as stream:
        for number, line in enumerate(stream, 1):
            words = line.removeprefix(b"\xef\xbb\xbf").split() if number == 1 else line.split()
            fault = _fault(line, words, ids)
            if fault is None:
                usable = True
                own = "" if itself else str(number - 1)
                entries = [entry for word in words[1:] if (entry := word.decode()) != own]
                if primary:
                    rejects.read(path.name, len(entries))
                if len(entries) < len(words) - 1:
                    rejects.pass_over(path.name, len(words) - 1 - len(entries))
                yield number, entries
                continue
            rows = max(len(words) - 1, 1) if primary else 1
            if primary:
                rejects.read(path.name, rows)
            for _ in range(rows):
                rejects.reject(path.name, number, *fault, shown_line(line), primary=primary)
            yield number, None
    if not usable:
        raise SourceError(f"{path}: no line begins with the count of its entries: expected lines like '2 14664 1888'")


def _fault(line: bytes, words: list[bytes], ids: bool) -> tuple[str, str] | None:
    """Reason and detail why a line cannot be used."""
    try:
        text = line.decode()
    except UnicodeDecodeError:
        return "wrong encoding", "some of its bytes are not UTF-8"
    if not words or not is_number(words[0]):
        return "ragged line", f"expected the count of its entries first, found {text.strip()[:20]!r}"
    if int(words[0]) != len(words) - 1:
        reason = "truncated line" if not line.endswith(b"\n") and len(words) <= int(words[0]) else "ragged line"
        return reason, f"it says that it has {int(words[0]):,} entries, and has {len(words) - 1:,}"
    if ids and not all(map(is_number, words[1:])):
        wrong = next(word.decode() for word in words[1:] if not is_number(word))
        return "bad number", f"expected whole numbers, found {wrong[:50]!r}"
    return None


def is_number(word: str | bytes) -> bool:
    """Whether a word is a whole number, written in the one way that makes it an id."""
    return word.isascii() and word.isdigit() and len(word) < 19 and str(int(word)) == _as_text(word)


def _as_text(word: str | bytes) -> str:
    return word if isinstance(word, str) else word.decode()

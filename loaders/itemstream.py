"""The items of a long list inside a JSON file, one after the other, without reading the file as a whole.

    for number, item in json_items(stream, "outbox.json", "orderedItems", complain): ...

The list is the file's own, or the value of a key of the object that the file is.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

import orjson

from graphfeed.errors import SourceError

Complain = Callable[[int, str, str, str], None]
"""Takes the number of an item, reason, detail, and the item as it stands."""

_WHOLE = 32_000_000  # bytes: a smaller file is read as a whole, by a faster reader
_READ = 4_000_000  # bytes at a time
_LONGEST = 64_000_000  # characters of one item: beyond it the file is no such list
_DECODER = json.JSONDecoder()
_BLANK = re.compile(r"[\s,]*")


def json_items(stream: BinaryIO, file: str, keys: tuple[str, ...], complain: Complain) -> Iterator[tuple[int, Any]]:
    """Number (from 1 on) and value of every item.

    ``keys`` name the list in an object, the first that is there. An item that the file ends in, and one with bytes
    that are not UTF-8, is complained about. Raises SourceError where there is no such list, or it is no JSON.
    """
    beginning = stream.read(_WHOLE)
    if len(beginning) < _WHOLE and (items := _whole_list(beginning, keys)) is not None:
        yield from enumerate(items, 1)
        return
    text = _Text(stream, beginning)
    text.skip_to_list(file, keys)
    number = 0
    while True:
        text.skip_blank()
        if text.at_end():
            complain(number + 1, "truncated line", "the file ends within the list: it was cut off", "")
            return
        if text.peek() == "]":
            return
        number += 1
        try:
            item = text.take()
        except json.JSONDecodeError as error:
            if not text.finished:
                raise SourceError(f"{file}: item {number} of its list is no JSON: {error.msg}") from error
            reason = "truncated line" if text.was_cut(error) else "ragged line"
            complain(number, reason, f"no JSON: {error.msg}", text.rest()[:500])
            return
        if text.suspicious and not is_encodable(item):
            complain(number, "wrong encoding", "some of its text is not UTF-8", shown_item(item))
            continue
        yield number, item


def _whole_list(data: bytes, keys: tuple[str, ...]) -> list[Any] | None:
    """The list in a whole file; None where anything is wrong with it: the careful reading says what."""
    try:
        found = orjson.loads(data.removeprefix(codecs.BOM_UTF8))
    except orjson.JSONDecodeError:
        return None
    lists = [found] if isinstance(found, list) else [found.get(key) for key in keys] if isinstance(found, dict) else []
    return next((items for items in lists if isinstance(items, list)), None)


def is_encodable(value: Any) -> bool:
    """Whether all text in a value can be written as UTF-8."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def shown_item(item: Any) -> str:
    """A value as JSON, for a person to read."""
    return json.dumps(item, ensure_ascii=False, default=str)[:500].encode("utf-8", "backslashreplace").decode()


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


class _Text:
    """A window on the text of a stream."""

    def __init__(self, stream: BinaryIO, beginning: bytes) -> None:
        self._stream, self._beginning = stream, beginning
        self._decode = codecs.getincrementaldecoder("utf-8-sig")("surrogateescape").decode
        self._text, self._place = "", 0
        self.finished = False
        self.suspicious = False
        """Whether the window may hold something that is not UTF-8."""
        self._more()

    def _more(self) -> None:
        read, self._beginning = self._beginning or self._stream.read(_READ), b""
        self.finished = not read
        self._text = self._text[self._place :] + self._decode(read, self.finished)
        self._place = 0
        self.suspicious = "\\ud" in self._text or "\\uD" in self._text or not _is_utf8(self._text)

    def at_end(self) -> bool:
        return self._place >= len(self._text)

    def peek(self) -> str:
        return self._text[self._place]

    def rest(self) -> str:
        return self._text[self._place :].encode("utf-8", "backslashreplace").decode()

    def was_cut(self, error: json.JSONDecodeError) -> bool:
        """Whether what is wrong is that the text ends."""
        return error.pos >= len(self._text) or error.msg.startswith("Unterminated")

    def skip_blank(self) -> None:
        while True:
            self._place = _BLANK.match(self._text, self._place).end()  # type: ignore[union-attr]
            if self._place < len(self._text) or self.finished:
                return
            self._more()

    def take(self) -> Any:
        """The value that begins here. Raises JSONDecodeError where the text has none, with all of it read."""
        while True:
            try:
                value, end = _DECODER.raw_decode(self._text, self._place)
                if end < len(self._text) or self.finished:  # a number at the edge might go on
                    self._place = end
                    return value
            except json.JSONDecodeError:
                if self.finished or len(self._text) - self._place > _LONGEST:
                    raise
            except RecursionError as error:
                raise json.JSONDecodeError("nested too deeply", self._text, self._place) from error
            self._more()

    def skip_to_list(self, file: str, keys: tuple[str, ...]) -> None:
        """Go behind the bracket that opens the list. Values of other keys before it are read over."""
        expected = f"expected JSON with a list {' or '.join(map(repr, keys))}" if keys else "expected a JSON list"
        self.skip_blank()
        if not self.at_end() and self.peek() == "[":
            self._place += 1
            return
        if self.at_end() or self.peek() != "{":
            raise SourceError(f"{file}: {expected}, found {self.rest()[:50]!r}")
        self._place += 1
        while True:
            self.skip_blank()
            if self.at_end() or self.peek() == "}":
                raise SourceError(f"{file}: {expected}; there is none")
            try:
                key = self.take()
                self._skip_colon(file)
                if key in keys and self.peek() == "[":
                    self._place += 1
                    return
                self.take()
            except (json.JSONDecodeError, IndexError) as error:
                raise SourceError(f"{file} is no JSON: {expected}, found {self.rest()[:50]!r}") from error

    def _skip_colon(self, file: str) -> None:
        self.skip_blank()
        if self.at_end() or self.peek() != ":":
            raise SourceError(f"{file} is no JSON: expected a colon, found {self.rest()[:50]!r}")
        self._place += 1
        self.skip_blank()

"""Names found in texts: longest match at word boundaries, whatever the case, in one pass (Aho and Corasick 1975).

    index = NameIndex([Name("Dutch oven", entity=0)])
    index.find("Two Dutch ovens")                  # [(0, 5)]: which surface, and where in read_as("Two Dutch ovens")

A text is read as tokens, each between two spaces of its own: `` two  dutch  ovens ``. A token is a word, a single sign
of punctuation, or a single character of a script that is written without spaces. A name is read in the same way, so
that a match can only begin and end where a token does; of matches that overlap the longest counts.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from operator import itemgetter

from ahocorasick_rs import AhoCorasick, Implementation, MatchKind

_APART = '!"#$%&()*+,./:;<=>?@[\\]^`{|}~“”«»„…–—'
_APOSTROPHES = "’‘ʼ"
_JOINTS = "-_‐‑"
# Scripts without spaces, and Hangul, whose particles stand on the noun. Not Katakana: its words are runs of it.
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3041-\u309f\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af"
    "\uf900-\ufaff\U00020000-\U0003ffff"
)
_RUN = re.compile(f"[{_UNSPACED}]+")
_IN_BRACKETS = re.compile(r"(?<=\w)\s*[(\[][^()\[\]]*[)\]]\s*$")
_Match = tuple[int, int, int]  # surface, begin and end in the text as it is read
_CAPITALS = 4
"""A name of at most so many letters and digits, all in capitals, is found only where the text has capitals, too."""


@dataclass(frozen=True)
class Name:
    """One name of one entity."""

    text: str
    entity: int
    """Index in ``node_ids("Entity")``."""


@dataclass(frozen=True)
class Surface:
    """One way to write a name, with all entities that it may stand for."""

    text: str
    """As it was given."""
    read: str
    """As it is looked for: see ``read_as``."""
    entities: tuple[int, ...]
    name: str
    """The name that it is, or is a form of, as it was given."""

    @property
    def capitals(self) -> bool:
        """Whether only capitals count (``IT``, ``US``)."""
        return _is_acronym(self.text.removesuffix("'s"))

    @property
    def words(self) -> list[str]:
        """Its tokens."""
        return self.read.split()


class NameIndex:
    """All names, ready to be looked for."""

    def __init__(self, names: Iterable[Name]) -> None:
        self.surfaces = list(_surfaces(names))
        self._automaton = AhoCorasick(
            [surface.read for surface in self.surfaces],
            matchkind=MatchKind.Standard,
            implementation=Implementation.ContiguousNFA,
            store_patterns=False,
        )
        self._capitals = {i for i, surface in enumerate(self.surfaces) if surface.capitals}

    def find(self, text: str) -> list[tuple[int, int]]:
        """Which surfaces are found, in order, and where each begins in ``read_as(text)``."""
        found = self._automaton.find_matches_as_indexes(read_as(text), overlapping=True)
        if len(found) > 1:
            found = _longest(found)
        if self._capitals and any(i in self._capitals for i, _, _ in found):
            return [(i, at) for i, at, _ in found if i not in self._capitals or self._in_capitals(i, at, text)]
        return [(i, at) for i, at, _ in found]

    def _in_capitals(self, surface: int, at: int, text: str) -> bool:
        wanted = self.surfaces[surface].text.removesuffix("'s")
        return wanted in text and excerpt(text, at, self.surfaces[surface])[1].startswith(wanted)


def read_as(text: str) -> str:
    """A text, or a name, as it is compared: case folded, NFKC, each token between two spaces; "" for none.

    Hyphens and underscores are spaces; a possessive ``'s`` is a part of its word without the apostrophe.
    """
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    text = text.casefold()
    for sign in _JOINTS:
        text = text.replace(sign, " ")
    for sign in _APOSTROPHES:
        text = text.replace(sign, "'")
    for sign in _APART:
        if sign in text:
            text = text.replace(sign, f" {sign} ")
    text = text.replace("'", " ' ")
    if not text.isascii():
        text = _beyond_ascii(text)
    tokens = text.split()
    return f" {'  '.join(tokens)} ".replace("  '  s ", "s ") if tokens else ""


def excerpt(text: str, at: int, surface: Surface, width: int = 40) -> tuple[str, str, str]:
    """What stands before a match, the match, and what follows, as it is written: ``at`` as ``NameIndex.find`` says."""
    plain = unicodedata.normalize("NFKC", text)
    solid = [i for i, c in enumerate(plain) for _ in c.casefold() if _is_solid(c)]
    before = sum(map(_is_solid, read_as(text)[:at]))
    first, last = solid[before], solid[before + sum(map(_is_solid, surface.read)) - 1] + 1
    start, end = max(first - width, 0), min(last + width, len(plain))
    left = ("…" if start else "") + plain[start:first]
    right = plain[last:end] + ("…" if end < len(plain) else "")
    return tuple(re.sub(r"\s+", " ", part) for part in (left, plain[first:last], right))  # type: ignore[return-value]


def forms(name: str) -> Iterator[str]:
    """Other ways to write a name: without a bracket at its end, in the plural or singular (English), its possessive."""
    bare = _IN_BRACKETS.sub("", name).strip()
    if bare != name:
        yield bare
    word = re.search(r"[A-Za-z]{3,}$", bare)
    if word is not None and not _is_acronym(bare):
        for other in _numbers(word[0]):
            yield bare[: word.start()] + other
    if bare[-1:].isalpha():
        yield f"{bare}'s"


def _numbers(word: str) -> Iterator[str]:
    """The plural of a word, and its singular if it looks like a plural."""
    low = word.lower()
    if low.endswith(("ices", "sses", "shes", "ches", "xes", "zes")):
        yield word[:-2] if not low.endswith("ices") else word[:-4] + "ix"
    elif low.endswith("ies") and len(low) > 4:
        yield word[:-3] + "y"
    elif low.endswith("s") and not low.endswith(("ss", "us", "is")) and len(low) > 3:
        yield word[:-1]
    elif low.endswith("is"):
        yield word[:-2] + "es"
    elif low.endswith(("ix", "ex")):
        yield word[:-2] + "ices"
        yield word + "es"
    elif low.endswith(("s", "x", "z", "ch", "sh")):
        yield word + "es"
    elif low.endswith("y") and low[-2] not in "aeiou":
        yield word[:-1] + "ies"
    else:
        yield word + "s"


def _longest(found: list[_Match]) -> list[_Match]:
    """Of matches that overlap, the longest, and what then does not overlap it; the first of equally long ones."""
    kept: list[_Match] = []
    together: list[_Match] = []
    end = 0
    for match in sorted(found, key=itemgetter(1)):
        if match[1] >= end and together:
            kept += together if len(together) == 1 else _apart(together)
            together = []
        together.append(match)
        end = max(end, match[2])
    return kept + (together if len(together) == 1 else _apart(together))


def _apart(matches: list[_Match]) -> list[_Match]:
    kept: list[_Match] = []
    for match in sorted(matches, key=lambda m: (m[1] - m[2], m[1])):
        if all(match[2] <= start or match[1] >= end for _, start, end in kept):
            kept.append(match)
    return sorted(kept, key=itemgetter(1))


def _surfaces(names: Iterable[Name]) -> Iterator[Surface]:
    """Every way to write a name once. What somebody called a thing goes before a form of another name."""
    said: dict[str, tuple[str, str, dict[int, None]]] = {}
    formed: dict[str, tuple[str, str, dict[int, None]]] = {}
    for name in names:
        if read := read_as(name.text):
            said.setdefault(read, (name.text, name.text, {}))[2][name.entity] = None
            for form in forms(name.text):
                formed.setdefault(read_as(form), (form, name.text, {}))[2][name.entity] = None
    for read, (text, of, entities) in {**formed, **said}.items():
        if _is_name(read):
            yield Surface(text.strip(), read, tuple(entities), of.strip())


def _is_name(read: str) -> bool:
    """A single letter is none, but 人 may be one; signs alone are none."""
    signs = read.replace(" ", "")
    return (len(signs) > 1 and any(map(str.isalnum, signs))) or not signs.isascii()


def _is_acronym(name: str) -> bool:
    return len(name) <= _CAPITALS and name.isalnum() and name.isupper() and sum(map(str.isalpha, name)) > 1


def _is_solid(character: str) -> bool:
    return not (character.isspace() or character in _JOINTS or character in _APOSTROPHES or character == "'")


def _beyond_ascii(text: str) -> str:
    """Characters of scripts without spaces, and signs, set apart; combining marks stay with the letter before them."""
    sign, mark, before_mark = _patterns()
    text = _RUN.sub(lambda run: f" {' '.join(run[0])} ", text)
    text = sign.sub(r" \g<0> ", text)
    return before_mark.sub("", text) if mark.search(text) else text


@cache
def _patterns() -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str]]:
    # Beyond U+FFFF a set of characters is no longer a table, and many times as slow: the few marks there are signs.
    marks = "".join(chr(i) for i in range(0x300, 0x10000) if unicodedata.category(chr(i))[0] == "M")
    patterns = (f"[^\x00-\x7f\\w\\s{marks}]", f"[{marks}]", f" +(?=[{marks}])")
    sign, mark, before_mark = (re.compile(pattern) for pattern in patterns)
    return sign, mark, before_mark

"""The project's one way of cutting a text into terms: for TF-IDF vectors and for full-text search.

A term is a lower-cased word of two or more letters without its accents, an identifier, a number, or, in scripts that
put no spaces between words (Chinese, Japanese, Korean, Thai, ...), a character or a pair of neighbouring characters.
"""

from __future__ import annotations

import re
import unicodedata
from itertools import pairwise

# Han, kana, bopomofo and Hangul; Thai and Lao; Myanmar; Khmer.
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u3100-\u312f\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff"
)
_UNSPACED_RUN = re.compile(f"[{_UNSPACED}]+")
# Python's \w has no vowel signs and points; without them Hindi, Arabic and Hebrew words fall apart.
_LETTER = "\\w\u0591-\u05c7\u064b-\u065f\u0670\u0900-\u0963\u0966-\u0dff"
TERM = rf"\d+(?:\.\d+)+|[{_LETTER}]{{2,}}|\d|[{_UNSPACED}]"
"""The pattern of a term in a ``plain`` text."""
_FOUND = re.compile(TERM)
_ACCENTS = re.compile("[\u0300-\u036f]")


def terms(text: str) -> list[str]:
    """The terms of a text in their order, each as often as it occurs."""
    found: list[str] = _FOUND.findall(plain(text))
    return found


def plain(text: str) -> str:
    """Lower case, without accents and compatibility forms, characters and pairs of unspaced scripts set apart."""
    text = text.lower()
    if text.isascii():
        return text
    text = unicodedata.normalize("NFD", unicodedata.normalize("NFKC", text).lower())
    text = unicodedata.normalize("NFC", _ACCENTS.sub("", text))
    return _UNSPACED_RUN.sub(_set_apart, text)


def _set_apart(run: re.Match[str]) -> str:
    characters = run.group()
    pairs = map("".join, pairwise(characters))
    return f" {' '.join(characters)} {' '.join(pairs)} "

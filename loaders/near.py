"""The end of a message about a name that is not known: what was probably meant."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def near_match(name: str, known: Iterable[str]) -> str:
    """``: did you mean 'title'?``, or a full stop where nothing is near."""
    by_lower = {word.lower(): word for word in known}
    close = get_close_matches(name.lower(), list(by_lower), n=1, cutoff=0.6)
    return f": did you mean {by_lower[close[0]]!r}?" if close else "."

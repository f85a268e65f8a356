"""Cypher cut into tokens, so that names in it can be told from strings, comments and parameters."""

from __future__ import annotations

import re
from dataclasses import dataclass

_TOKEN = re.compile(
    r"""
    (?P<space>\s+)
  | (?P<comment>//[^\n]*|/\*.*?(?:\*/|\Z))
  | (?P<string>'(?:\\.|[^'\\])*(?:'|\Z)|"(?:\\.|[^"\\])*(?:"|\Z))
  | (?P<quoted>`(?:``|[^`])*(?:`|\Z))
  | (?P<parameter>\$(?:\w+|`(?:``|[^`])*`))
  | (?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)
  | (?P<name>[^\W\d]\w*)
  | (?P<symbol>.)
    """,
    re.X | re.S,
)


@dataclass(frozen=True)
class Token:
    """A piece of a text. All pieces together are the text."""

    kind: str
    """space, comment, string, quoted (in backticks), parameter, number, name or symbol."""
    text: str

    @property
    def silent(self) -> bool:
        """Whether it only stands between others."""
        return self.kind in ("space", "comment")

    @property
    def name(self) -> str | None:
        """The name that it is, without backticks; None where it is none."""
        if self.kind == "name":
            return self.text
        return self.text[1:-1].replace("``", "`") if self.kind == "quoted" else None


def tokens_of(text: str) -> list[Token]:
    """Every text has tokens, also one that is no Cypher."""
    return [Token(str(found.lastgroup), found[0]) for found in _TOKEN.finditer(text)]

"""Named Cypher queries, one statement per file in ``queries/``.

A file's header is three comment entries::

    // Posts to recommend to one user, best first.
    // params: user, limit
    // returns: id, rank, score

``name.cypher`` serves every store; what cannot be shared is ``name.neo4j.cypher`` and ``name.ladybug.cypher``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

from graphfeed.errors import QueryError

_PARAMETER = re.compile(r"\$([A-Za-z_]\w*)")
_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.S)


@dataclass(frozen=True)
class Query:
    """One query file."""

    name: str
    purpose: str
    params: tuple[str, ...]
    returns: tuple[str, ...]
    text: str

    def check(self, given: Iterable[str]) -> None:
        """Raise QueryError unless exactly the declared parameters are given (Ladybug takes a missing one silently)."""
        names = set(given)
        missing, unexpected = set(self.params) - names, names - set(self.params)
        if missing or unexpected:
            raise QueryError(
                f"query {self.name!r} takes the parameters {list(self.params)}"
                + (f"; missing: {sorted(missing)}" if missing else "")
                + (f"; not known: {sorted(unexpected)}" if unexpected else "")
            )


@cache
def load_queries(dialect: str) -> dict[str, Query]:
    """All queries for one dialect, by name."""
    texts: dict[str, str] = {}
    for file in sorted((f for f in _folder().iterdir() if f.name.endswith(".cypher")), key=lambda f: f.name):
        name, _, own = file.name.removesuffix(".cypher").partition(".")
        if own in ("", dialect):
            texts[name] = file.read_text(encoding="utf-8")  # name.cypher sorts before name.<dialect>.cypher
    return {name: parse_query(name, text) for name, text in texts.items()}


def find_query(name: str, dialect: str) -> Query:
    """One query by name. Raises QueryError with the names there are."""
    queries = load_queries(dialect)
    if name not in queries:
        raise QueryError(f"no query file named {name!r}; there are: {', '.join(sorted(queries))}")
    return queries[name]


def parse_query(name: str, text: str) -> Query:
    """Read a file's header and hold its parameters against the text."""
    purpose, declared = [], {"params": "", "returns": ""}
    for line in text.splitlines():
        if not line.startswith("//"):
            break
        words = line[2:].strip()
        key, colon, rest = words.partition(":")
        if colon and key in declared:
            declared[key] = rest
        else:
            purpose.append(words)
    params = tuple(word.strip() for word in declared["params"].split(",") if word.strip())
    returns = tuple(word.strip() for word in declared["returns"].split(",") if word.strip())
    used = set(_PARAMETER.findall(_COMMENT.sub("", text)))
    if not purpose or not returns:
        raise QueryError(f"query file {name!r} needs a header: purpose, '// params:' and '// returns:' lines")
    if used != set(params):
        raise QueryError(f"query file {name!r} declares the parameters {sorted(params)} and uses {sorted(used)}")
    return Query(name, " ".join(purpose), params, returns, text)


def _folder() -> Traversable:
    return files("graphfeed") / "queries"

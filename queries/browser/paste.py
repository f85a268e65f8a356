"""A query file as a text that runs as it is: its values written out in place of the parameters.

Only for texts that a person sees and starts in Neo4j Browser, where one statement is all that a guide, a saved query or
a first command may be. Everything that graphfeed runs itself sends values as parameters.
"""

from __future__ import annotations

import re

from graphfeed.graph.mapping.cypher import CypherMapping
from graphfeed.graph.query_files import find_query
from graphfeed.graph.store import GraphStore

_PART = re.compile(
    r"""(?P<other>//[^\n]*|/\*.*?\*/|'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*")|\$(?P<name>[A-Za-z_]\w*)""", re.S
)
_ESCAPES = {"\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f"}


def literal(value: str | int) -> str:
    """A value as Cypher writes it. Every backslash is doubled, so no escape of the value's own is left to be read."""
    if isinstance(value, int):
        return str(value)
    return "'" + "".join(_ESCAPES.get(letter, letter) for letter in value) + "'"


def paste_text(store: GraphStore, name: str, **values: str | int) -> str:
    """A query file with values for all its parameters, without its header, in the labels and types of the graph."""
    query = find_query(name, store.dialect)
    query.check(values)
    text = query.text if store.mapping is None else CypherMapping(store.mapping).rewrite(query.text)
    lines = text.splitlines()
    begin = next(i for i, line in enumerate(lines) if not line.startswith("//"))
    body = "\n".join(lines[begin:]).strip()
    return _PART.sub(lambda part: part["other"] or literal(values[part["name"]]), body)

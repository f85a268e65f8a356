"""Values between Python and Neo4j: rows as Python's own objects, and times as numbers that lose nothing.

A time travels as whole seconds and nanoseconds since 1970 (``split_time``) and is made a zoned DATETIME in UTC on the
server; as an array it comes back as microseconds (``MICROSECONDS``), in a row as a ``datetime`` without a zone, in UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC
from typing import Any

import neo4j.graph
import neo4j.time

MICROSECONDS = "{0}.epochMillis * 1000 + {0}.microsecond % 1000"
"""Cypher for a DATETIME as microseconds since 1970; null stays null. (``epochSeconds`` is one too high before 1970.)"""


class Quiet(list[Any]):
    """A list that does not write out what it holds. The driver writes every parameter out for its log, whether or not
    anybody listens: a batch of vectors took longer for that than to be sent, and no log needs the values."""

    def __repr__(self) -> str:
        return f"<{len(self)} values>"


def quiet(parameters: Mapping[str, Any] | None) -> dict[str, Any]:
    """Parameters whose lists are ``Quiet``."""
    return {n: Quiet(v) if isinstance(v, (list, tuple)) else v for n, v in (parameters or {}).items()}


def split_time(at: int | None) -> tuple[int, int] | tuple[None, None]:
    """Microseconds since 1970 as seconds and nanoseconds, the latter never negative."""
    return (None, None) if at is None else (at // 1_000_000, at % 1_000_000 * 1_000)


def plain(value: Any) -> Any:
    """A value of a record as Python's own: times without a zone, in UTC; nodes and relationships as dicts.

    A node is its properties with ``_label``; a relationship likewise; a path is ``_nodes`` and ``_rels``.
    """
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    if isinstance(value, list):
        return [plain(part) for part in value]
    if isinstance(value, dict):
        return {name: plain(part) for name, part in value.items()}
    if isinstance(value, neo4j.time.DateTime):
        native = value.to_native()
        return native if native.tzinfo is None else native.astimezone(UTC).replace(tzinfo=None)
    if isinstance(value, (neo4j.time.Date, neo4j.time.Time)):
        return value.to_native()
    if isinstance(value, neo4j.graph.Node):
        return {"_label": ":".join(sorted(value.labels)), **plain(dict(value.items()))}
    if isinstance(value, neo4j.graph.Relationship):
        return {"_label": value.type, **plain(dict(value.items()))}
    if isinstance(value, neo4j.graph.Path):
        return {"_nodes": [plain(n) for n in value.nodes], "_rels": [plain(r) for r in value.relationships]}
    return str(value) if isinstance(value, neo4j.time.Duration) else value

"""What a Neo4j database holds: its labels and relationship types, their properties, keys and ends. Changes nothing.

Counts are the database's own and exact; properties and ends are those of the first nodes and relationships of each
label and type, so that a graph of any size is looked at in a moment.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from graphfeed.errors import StoreError
from graphfeed.graph.mapping.names import quote
from graphfeed.graph.mapping.roles import OWN_LABELS, OWN_TYPES
from graphfeed.graph.neo4j.address import Address, Credentials
from graphfeed.graph.neo4j.session import Server
from graphfeed.graph.schema import VECTORS

SAMPLE = 1_000
_OWN_PROPERTIES = [name for vector in VECTORS for name in (vector, f"{vector}_search")]
_SHOWN = 24  # characters of an example


@dataclass(frozen=True)
class PropertySeen:
    """One property of the nodes or relationships that were looked at."""

    kind: str
    """Cypher's type: STRING, INTEGER, ZONED DATETIME, LIST<STRING NOT NULL>, …; several with a |."""
    share: float
    """Of those looked at, how many have it."""
    distinct: bool
    """Whether no two have the same value."""
    least: Any
    most: Any

    @property
    def words(self) -> str:
        """Type and range, for a person."""
        kind = (
            self.kind.lower().replace(" not null", "").replace("zoned datetime", "datetime").replace("string", "text")
        )
        if "text" in kind or self.least is None or kind.startswith("list"):
            return kind
        low, high = str(self.least)[:_SHOWN], str(self.most)[:_SHOWN]
        return f"{kind} {low}" if low == high else f"{kind} {low} to {high}"


@dataclass(frozen=True)
class LabelSeen:
    """One label."""

    name: str
    count: int
    properties: dict[str, PropertySeen]
    unique: tuple[str, ...]
    """Properties that a constraint holds unique."""
    within: tuple[str, ...]
    """Labels that all nodes looked at have, too, and others besides them: this one is a kind of those."""


@dataclass(frozen=True)
class TypeSeen:
    """One relationship type."""

    name: str
    count: int
    properties: dict[str, PropertySeen]
    ends: tuple[tuple[frozenset[str], frozenset[str]], ...]
    """Labels of start and end, the most frequent pair first."""


@dataclass(frozen=True)
class Inspection:
    """What a database holds, without what graphfeed wrote."""

    location: str
    labels: dict[str, LabelSeen] = field(default_factory=dict)
    types: dict[str, TypeSeen] = field(default_factory=dict)


def inspect_database(location: str) -> Inspection:
    """Look at the database at an address. Raises StoreError where there is none, or nothing in it."""
    address = Address.parse(location)
    server = Server(address, Credentials.find(address))
    try:
        unique = _unique(server)
        names = [r["label"] for r in server.read("CALL db.labels() YIELD label RETURN label ORDER BY label")]
        counts = {n: _count(server, f"(n:{quote(n)})") for n in names if n not in OWN_LABELS}
        labels = {n: _label(server, n, counts, unique.get(n, ())) for n in counts if counts[n]}
        types = [
            r["type"]
            for r in server.read("CALL db.relationshipTypes() YIELD relationshipType AS type RETURN type ORDER BY type")
        ]
        seen = {n: _type(server, n) for n in types if n not in OWN_TYPES}
        if not labels:
            raise StoreError(f"{address.location} holds no nodes: there is nothing to map")
        return Inspection(address.location, labels, {n: s for n, s in seen.items() if s.count})
    finally:
        server.close()


def _count(server: Server, pattern: str) -> int:
    return int(server.read(f"MATCH {pattern} RETURN count(*) AS n")[0]["n"])


def _unique(server: Server) -> dict[str, tuple[str, ...]]:
    """By label, the properties that are unique on their own."""
    rows = server.read(
        "SHOW CONSTRAINTS YIELD type, labelsOrTypes, properties"
        " WHERE type IN ['UNIQUENESS', 'NODE_PROPERTY_UNIQUENESS', 'NODE_KEY'] AND size(properties) = 1"
        " RETURN labelsOrTypes[0] AS label, properties[0] AS property"
    )
    found: dict[str, tuple[str, ...]] = {}
    for row in rows:
        found[row["label"]] = (*found.get(row["label"], ()), row["property"])
    return found


def _label(server: Server, name: str, counts: dict[str, int], unique: tuple[str, ...]) -> LabelSeen:
    sample = f"MATCH (n:{quote(name)}) WITH n LIMIT $sample"
    beside = server.read(f"{sample} UNWIND labels(n) AS label RETURN label, count(*) AS n", {"sample": SAMPLE})
    looked = min(SAMPLE, counts[name])
    within = tuple(
        row["label"]
        for row in beside
        if row["n"] == looked and counts.get(row["label"], 0) > counts[name] and row["label"] != name
    )
    return LabelSeen(name, counts[name], _properties(server, sample), unique, within)


def _type(server: Server, name: str) -> TypeSeen:
    count = _count(server, f"()-[n:{quote(name)}]->()")
    sample = f"MATCH (a)-[n:{quote(name)}]->(b) WITH a, n, b LIMIT $sample"
    rows = server.read(f"{sample} RETURN labels(a) AS source, labels(b) AS target", {"sample": SAMPLE})
    ends = Counter((frozenset(row["source"]), frozenset(row["target"])) for row in rows)
    return TypeSeen(name, count, _properties(server, sample), tuple(pair for pair, _ in ends.most_common()))


def _properties(server: Server, sample: str) -> dict[str, PropertySeen]:
    rows = server.read(
        f"{sample} WITH collect(n) AS found UNWIND found AS n UNWIND keys(n) AS name WITH size(found) AS total, n, name"
        " WHERE NOT name IN $own WITH total, name, n[name] AS value"
        " RETURN name, total, count(*) AS n, count(DISTINCT value) AS different,"
        " collect(DISTINCT valueType(value)) AS kinds, min(value) AS least, max(value) AS most ORDER BY name",
        {"sample": SAMPLE, "own": _OWN_PROPERTIES},
    )
    return {
        row["name"]: PropertySeen(
            " | ".join(sorted({kind.removesuffix(" NOT NULL") for kind in row["kinds"]})),
            row["n"] / row["total"],
            row["different"] == row["n"],
            row["least"],
            row["most"],
        )
        for row in rows
    }

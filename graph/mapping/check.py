"""A mapping held against the graph that it is for: names that are not there, and types that it leaves open."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from graphfeed.errors import ConfigError, StoreError
from graphfeed.graph.mapping.names import quote
from graphfeed.graph.mapping.roles import GraphMapping, Key, NodeEntry, Property, RelationshipEntry, TimeForm
from graphfeed.graph.neo4j.session import Server
from graphfeed.loaders.near import near_match
from graphfeed.loaders.records import NODE_TYPES, RELATIONSHIP_TYPES, TIME

_FORMS: dict[str, TimeForm] = {
    "ZONED DATETIME": "datetime",
    "LOCAL DATETIME": "localdatetime",
    "DATE": "date",
    "STRING": "text",
}
_LAST_YEAR = 9_999
_FIRST_MILLIS = 100_000_000_000  # as seconds the year 5138, as milliseconds 1973

Form = TimeForm | None


class _Names(NamedTuple):
    """What the database calls things."""

    labels: list[str]
    types: list[str]
    properties: list[str]


def bound_mapping(server: Server, mapping: GraphMapping) -> GraphMapping:
    """The mapping with every type that was left out. Raises ConfigError for a name that the graph does not have."""
    row = server.read(
        "CALL db.labels() YIELD label WITH collect(label) AS labels"
        " CALL db.relationshipTypes() YIELD relationshipType WITH labels, collect(relationshipType) AS types"
        " CALL db.propertyKeys() YIELD propertyKey RETURN labels, types, collect(propertyKey) AS properties"
    )
    names = _Names(**row[0]) if row else _Names([], [], [])
    _refuse_strangers(server)
    where = f"[graph] and {server.address.location}"
    nodes = {role: tuple(_node(server, role, e, names, where) for e in each) for role, each in mapping.nodes.items()}
    relationships = {
        role: tuple(_relationship(server, role, e, names, where) for e in each)
        for role, each in mapping.relationships.items()
    }
    return GraphMapping(nodes=nodes, relationships=relationships)


def missing_indexes(server: Server, mapping: GraphMapping) -> list[str]:
    """For each key that no index finds, the statement that makes one; the user's to type, or not."""
    rows = server.read(
        "SHOW INDEXES YIELD type, labelsOrTypes, properties WHERE type = 'RANGE' RETURN labelsOrTypes, properties"
    )
    there = {(label, row["properties"][0]) for row in rows for label in row["labelsOrTypes"] or []}
    return [
        f"no index on {entry.label}.{entry.id.property}, so that every look-up by id reads all of {entry.label}:"
        f" CREATE CONSTRAINT FOR (n:{quote(entry.label)}) REQUIRE n.{quote(entry.id.property)} IS UNIQUE"
        for entries in mapping.nodes.values()
        for entry in entries
        if (entry.label, entry.id.property) not in there
    ]


def sizes(mapping: GraphMapping) -> str:
    """Cypher for how many there are of each of the user's labels and types, from the database's own counts."""
    labels = sorted({entry.label for entries in mapping.nodes.values() for entry in entries})
    types = sorted({entry.type for entries in mapping.relationships.values() for entry in entries})
    parts = [f"MATCH (n:{quote(label)}) RETURN count(*) AS n" for label in labels]
    parts += [f"MATCH ()-[r:{quote(type_)}]->() RETURN count(*) AS n" for type_ in types]
    return " UNION ALL ".join(parts)


def _node(server: Server, role: str, entry: NodeEntry, names: _Names, where: str) -> NodeEntry:
    _there("label", entry.label, names.labels, f"{where}: {role}")
    place = f"{where}: {role} ({entry.label})"
    pattern = f"(n:{quote(entry.label)})"
    _there("property", entry.id.property, names.properties, place)
    form = entry.id.as_
    if form is None:
        found = _first(server, pattern, entry.id.property)
        if found is None:
            raise ConfigError(f"{place}: no node has the key {entry.id.property!r}")
        if found[0] not in ("STRING", "INTEGER"):
            raise ConfigError(f"{place}: the key {entry.id.property!r} is {found[0]}; an id is text or a whole number")
        form = "text" if found[0] == "STRING" else "integer"
    key = Key(property=entry.id.property, as_=form, prefix=entry.id.prefix)
    properties = _properties(server, pattern, entry.properties, NODE_TYPES[role].properties, names, place)
    return NodeEntry(label=entry.label, id=key, properties=properties)


def _relationship(server: Server, role: str, entry: RelationshipEntry, names: _Names, where: str) -> RelationshipEntry:
    _there("relationship type", entry.type, names.types, f"{where}: {role}")
    place = f"{where}: {role} ({entry.type})"
    for condition in entry.where:
        _there("property", condition.property, names.properties, place)
    pattern = f"()-[n:{quote(entry.type)}]->()"
    known = RELATIONSHIP_TYPES[role].properties
    properties = _properties(server, pattern, entry.properties, known, names, place)
    return entry.model_copy(update={"properties": properties})


def _properties(
    server: Server, pattern: str, given: dict[str, Property], known: dict[str, Any], names: _Names, place: str
) -> dict[str, Property]:
    found = {}
    for name, source in given.items():
        if source.property is not None:
            _there("property", source.property, names.properties, place)
            if known[name] == TIME and source.as_ is None:
                first = _first(server, pattern, source.property)
                source = source.model_copy(update={"as_": _form(first, f"{place}: {source.property!r}")})
        found[name] = source
    return found


def _form(first: tuple[str, Any] | None, place: str) -> TimeForm:
    """How a time is stored, by the first one that there is."""
    if first is None:
        return "datetime"
    kind, value = first
    if kind in ("INTEGER", "FLOAT"):
        if 0 < value <= _LAST_YEAR:
            return "year"
        return "epoch_millis" if abs(value) >= _FIRST_MILLIS else "epoch_seconds"
    if kind not in _FORMS:
        raise ConfigError(f"{place} is {kind}; a time is one of {', '.join(_FORMS)} or a number")
    return _FORMS[kind]


def _first(server: Server, pattern: str, name: str) -> tuple[str, Any] | None:
    """Type and value of a property where it is first there."""
    rows = server.read(
        f"MATCH {pattern} WHERE n.{quote(name)} IS NOT NULL"
        f" RETURN valueType(n.{quote(name)}) AS kind, n.{quote(name)} AS value LIMIT 1",
        as_is=True,
    )
    return (str(rows[0]["kind"]).removesuffix(" NOT NULL"), rows[0]["value"]) if rows else None


def _there(kind: str, name: str, known: Iterable[str], place: str) -> None:
    if name not in known:
        raise ConfigError(
            f"{place}: the graph has no {kind} {name!r}{near_match(name, known)} `graphfeed inspect` shows them"
        )


def _refuse_strangers(server: Server) -> None:
    """Publishing would take somebody else's nodes of that label for its own, and remove them."""
    rows = server.read("MATCH (g:Generation) WHERE g.kinds IS NULL OR g.metrics IS NULL RETURN count(*) AS n")
    if rows[0]["n"]:
        raise StoreError(
            f"{server.address.location} has {rows[0]['n']} nodes labelled Generation that are not graphfeed's, which"
            " keeps its published predictions under that label: give yours another one. Nothing was changed"
        )

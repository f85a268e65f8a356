"""A mapping's entries as Cypher: names in backticks, values as literals, and what stands for a role's property.

Names and constants come from graphfeed.toml, and ``roles`` lets none through that holds a backslash.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphfeed.graph.mapping.roles import Condition, Key, NodeEntry, Property, RelationshipEntry
from graphfeed.loaders.records import NODE_TYPES, RELATIONSHIP_TYPES, TIME

_TIMES = {
    "localdatetime": "datetime({{datetime: {0}, timezone: 'Z'}})",
    "date": "datetime({{date: {0}, timezone: 'Z'}})",
    "text": "datetime({0})",
    "epoch_seconds": "datetime({{epochSeconds: toInteger({0})}})",
    "epoch_millis": "datetime({{epochMillis: toInteger({0})}})",
    "year": "datetime({{year: toInteger({0})}})",
}


def quote(name: str) -> str:
    """A label, type, property or variable as it stands in a text."""
    return "`" + name.replace("`", "``") + "`"


def literal(value: Any) -> str:
    """A constant of a configuration as it stands in a text."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(literal, value))}]"
    return repr(value) if isinstance(value, (int, float)) else "'" + str(value).replace("'", "\\'") + "'"


def absent(role: str) -> str:
    """The name that stands for a role that nothing plays: nobody's."""
    return quote(f"graphfeed: no {role}")


def node_value(variable: str, role: str, name: str, entries: Sequence[NodeEntry]) -> str:
    """The value of a role's property, ``id`` included, of a node with one of its labels."""
    if name == "id":
        parts = [id_value(variable, entry.id) for entry in entries]
    else:
        parts = [_node_property(variable, role, name, entry) for entry in entries]
    if not parts:
        return "(null)"
    if len(set(parts)) == 1:
        return parts[0]
    cases = [f"WHEN {variable}:{quote(e.label)} THEN {part}" for e, part in zip(entries, parts, strict=True)]
    return f"(CASE {' '.join(cases)} END)"


def relationship_value(variable: str, name: str, entries: Sequence[tuple[str, RelationshipEntry]]) -> str:
    """The value of a property of a relationship that plays one of several roles."""
    parts = [_relationship_property(variable, role, name, entry) for role, entry in entries]
    if not parts:
        return "(null)"
    if len(set(parts)) == 1:
        return parts[0]
    cases = [
        f"WHEN {' AND '.join([_is_type(variable, entry.type), *conditions(variable, entry.where)])} THEN {part}"
        for (_, entry), part in zip(entries, parts, strict=True)
    ]
    return f"(CASE {' '.join(cases)} END)"


def id_value(variable: str, key: Key) -> str:
    """A node's id as graphfeed knows it: text."""
    stored = f"{variable}.{quote(key.property)}"
    value = f"toString({stored})" if key.as_ == "integer" else stored
    return f"({literal(key.prefix)} + {value})" if key.prefix else value


def key_value(given: str, key: Key) -> str:
    """An id as the user's key holds it, so that the key's index finds it; null where it cannot be one."""
    rest = f"substring({given}, {len(key.prefix)})" if key.prefix else given
    value = f"toInteger({rest})" if key.as_ == "integer" else rest
    return f"CASE WHEN {given} STARTS WITH {literal(key.prefix)} THEN {value} END" if key.prefix else value


def same_key(entries: Sequence[NodeEntry]) -> bool:
    """Whether one lookup serves all labels of a role."""
    return len({entry.id for entry in entries}) == 1


def lookup(variable: str, given: str, entries: Sequence[NodeEntry]) -> str:
    """The condition that a node with one of several labels has an id: each label's own index is asked."""
    parts = [
        f"MATCH (gf_node:{quote(e.label)} {{{quote(e.id.property)}: {key_value(given, e.id)}}}) RETURN id(gf_node)"
        for e in entries
    ]
    return f"id({variable}) IN COLLECT {{ {' UNION ALL '.join(p + ' AS gf_id' for p in parts)} }}"


def chosen(variable: str, entries: Sequence[RelationshipEntry], others: Sequence[str] = ()) -> str:
    """The condition that a relationship fulfils one of the entries; empty where their types alone say it.

    ``others``: further types that count whatever they hold.
    """
    wholes = [*others, *(entry.type for entry in entries if not entry.where)]
    partly = [entry for entry in entries if entry.where and entry.type not in wholes]
    if not partly:
        return ""
    alone = len({entry.type for entry in partly}) == 1 and not wholes
    ways = [_is_type(variable, type_) for type_ in dict.fromkeys(wholes)]
    for entry in partly:
        words = conditions(variable, entry.where)
        ways.append(" AND ".join(words if alone else [_is_type(variable, entry.type), *words]))
    return ways[0] if len(ways) == 1 else "(" + ") OR (".join(ways) + ")"


def conditions(variable: str, where: Sequence[Condition]) -> list[str]:
    """An entry's conditions; a property that is not there fulfils none."""
    return [
        f"{variable}.{quote(condition.property)} {operator} {literal(value)}"
        for condition in where
        for operator, value in condition.comparisons()
    ]


def _is_type(variable: str, type_: str) -> str:
    return f"type({variable}) = {literal(type_)}"


def _node_property(variable: str, role: str, name: str, entry: NodeEntry) -> str:
    return _value(variable, entry.properties.get(name), NODE_TYPES[role].properties[name] == TIME)


def _relationship_property(variable: str, role: str, name: str, entry: RelationshipEntry) -> str:
    known = RELATIONSHIP_TYPES[role].properties
    return _value(variable, entry.properties.get(name), known.get(name) == TIME)


def _value(variable: str, source: Property | None, is_time: bool) -> str:
    if source is None:
        return "(null)"
    if source.property is None:
        return f"({literal(source.value)})"
    stored = f"{variable}.{quote(source.property)}"
    if not is_time:
        return f"toStringOrNull({stored})" if source.as_ == "text" else stored
    if source.as_ in (None, "datetime"):
        return stored
    return f"(CASE WHEN {stored} IS NOT NULL THEN {_TIMES[source.as_].format(stored)} END)"

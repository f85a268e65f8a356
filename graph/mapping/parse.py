"""Reading ``[graph]`` of graphfeed.toml: ``parse_graph``. Every error says where, and what was probably meant."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa
from pydantic import ValidationError

from graphfeed.errors import ConfigError
from graphfeed.graph.mapping.roles import (
    OWN_LABELS,
    OWN_TYPES,
    Condition,
    GraphMapping,
    Key,
    NodeEntry,
    Property,
    RelationshipEntry,
    as_list,
)
from graphfeed.graph.schema import VECTORS
from graphfeed.loaders.near import near_match
from graphfeed.loaders.records import NODE_TYPES, RELATIONSHIP_TYPES, TIME


def parse_graph(data: Mapping[str, Any], where: str) -> GraphMapping:
    """Read ``[graph]``. Raises ConfigError for the first thing that cannot be, with what was probably meant."""
    _known(data, ("nodes", "relationships"), f"{where}: [graph]")
    nodes: dict[str, tuple[NodeEntry, ...]] = {}
    relationships: dict[str, tuple[RelationshipEntry, ...]] = {}
    for role, place, raw in _entries(data, "nodes", NODE_TYPES, where):
        allowed = NODE_TYPES[role].properties
        for one in _each(raw, "label"):
            nodes[role] = (*nodes.get(role, ()), _entry(NodeEntry, one, allowed, place))
    for role, place, raw in _entries(data, "relationships", RELATIONSHIP_TYPES, where):
        allowed = RELATIONSHIP_TYPES[role].properties
        for one in _each(raw, "type"):
            found = _entry(RelationshipEntry, one, allowed, place)
            relationships[role] = (*relationships.get(role, ()), found)
    mapping = GraphMapping(nodes=nodes, relationships=relationships)
    _check_whole(mapping, where)
    return mapping


def own_mapping() -> GraphMapping:
    """Every role played by its own name: graphfeed's own schema."""
    return parse_graph(
        {
            "nodes": {
                label: {"label": label, "id": {"property": "id", "as": "text"}}
                | {name: _own(name, kind) for name, kind in node.properties.items()}
                for label, node in NODE_TYPES.items()
            },
            "relationships": {
                type_: {"type": type_, **{name: _own(name, kind) for name, kind in found.properties.items()}}
                for type_, found in RELATIONSHIP_TYPES.items()
            },
        },
        "graphfeed",
    )


def _each(raw: dict[str, Any], key: str) -> list[dict[str, Any]]:
    """One entry for each of several labels or types."""
    return [{**raw, key: name} for name in as_list(raw[key])] if key in raw else [raw]


def _own(name: str, kind: pa.DataType) -> dict[str, str]:
    return {"property": name, "as": "datetime"} if kind == TIME else {"property": name}


def _entries(
    data: Mapping[str, Any], section: str, roles: Mapping[str, Any], where: str
) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Role, place for messages and raw entry, of every entry of a section."""
    given = data.get(section, {})
    if not isinstance(given, Mapping):
        raise ConfigError(f"{where}: [graph.{section}] holds a table for each role, found {given!r}")
    _known(given, tuple(roles), f"{where}: [graph.{section}]")
    for role, found in given.items():
        entries = as_list(found)
        for number, raw in enumerate(entries, 1):
            place = f"{where}: [graph.{section}.{role}]" + (f" {number}" if len(entries) > 1 else "")
            if not isinstance(raw, Mapping):
                raise ConfigError(f"{place}: expected a table, found {raw!r}")
            yield role, place, dict(raw)


def _entry(model: type[Any], raw: dict[str, Any], allowed: Mapping[str, pa.DataType], place: str) -> Any:
    own = [name for name in model.model_fields if name != "properties"]
    _known(raw, (*own, *allowed), place)
    properties = {name: value for name, value in raw.items() if name in allowed}
    try:
        entry = model.model_validate({**{n: v for n, v in raw.items() if n in own}, "properties": properties})
    except ValidationError as error:
        raise ConfigError(f"{place}: {_finding(error)}") from error
    for name, source in entry.properties.items():
        if allowed[name] == TIME and source.value is not None:
            raise ConfigError(f"{place}: {name} is a time, which cannot be the same for all: leave it out instead")
        if allowed[name] != TIME and source.as_ not in (None, "text"):
            raise ConfigError(f"{place}: {name} is no time: as = {source.as_!r} is not for it")
    return entry


def _known(data: Mapping[str, Any], known: tuple[str, ...], where: str) -> None:
    for key in data:
        if key not in known:
            raise ConfigError(f"{where}: unknown key {key!r}{near_match(key, known)} Known are: {', '.join(known)}.")


def _finding(error: ValidationError) -> str:
    # Of what may be of several types the finding that is graphfeed's own says most.
    finding = min(error.errors(), key=lambda found: found["type"] != "value_error")
    place = ".".join(str(step) for step in finding["loc"] if step != "properties" and not _inner(step))
    if finding["type"] == "missing":
        return f"the key {place!r} is missing"
    if finding["type"] == "extra_forbidden":
        known = [name.strip("_") for model in (Key, Property, Condition) for name in model.model_fields]
        return f"unknown key {place!r}{near_match(str(finding['loc'][-1]), known)}"
    words = str(finding["ctx"]["error"]) if finding["type"] == "value_error" else finding["msg"]
    return f"{place}: {words}" if place else words


def _inner(step: Any) -> bool:
    """Whether a step of a finding's place is pydantic's own: a number in a list, one type of several."""
    return isinstance(step, int) or "[" in step or step in ("bool", "int", "float")


def _check_whole(mapping: GraphMapping, where: str) -> None:
    """What no entry alone can show."""
    if "User" not in mapping.nodes or "Post" not in mapping.nodes:
        raise ConfigError(
            f"{where}: [graph.nodes] needs at least User and Post: people, and what is recommended to them"
        )
    played: dict[str, str] = {}
    for role, entries in mapping.nodes.items():
        for entry in entries:
            if entry.label in OWN_LABELS:
                raise ConfigError(f"{where}: the label {entry.label} is graphfeed's own: it cannot play {role}")
            if entry.label in played:
                raise ConfigError(
                    f"{where}: the label {entry.label} plays {played[entry.label]} and {role}; it can play one, once"
                )
            played[entry.label] = role
            taken = [p.property for p in entry.properties.values() if p.property in VECTORS]
            if taken or entry.id.property in VECTORS:
                raise ConfigError(f"{where}: the properties {' and '.join(VECTORS)} are graphfeed's own")
    for role, found in mapping.relationships.items():
        source, target = RELATIONSHIP_TYPES[role].pairs[0]
        for end in (source, target):
            if end not in mapping.nodes:
                raise ConfigError(f"{where}: {role} is from {source} to {target}, and [graph.nodes.{end}] is missing")
        for one in found:
            if one.type in OWN_TYPES:
                raise ConfigError(f"{where}: the type {one.type} is graphfeed's own: it cannot play {role}")
    for ends in {RELATIONSHIP_TYPES[role].pairs[0] for role in mapping.relationships}:
        if ends[0] == ends[1]:
            roles = [role for role in mapping.relationships if RELATIONSHIP_TYPES[role].pairs[0] == ends]
            if len({one.reversed for role in roles for one in mapping.relationships[role]}) > 1:
                raise ConfigError(
                    f"{where}: {', '.join(roles)} join {ends[0]} with {ends[1]}, some of them reversed and some not;"
                    " a pattern between alike nodes has one direction: leave one out"
                )

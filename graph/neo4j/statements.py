"""The Cypher that the Neo4j store writes and reads with, made from the schema.

Labels, types and properties stand in the texts because Neo4j plans by them; they come from the schema alone, never from
data. Values are parameters: rows are lists, in the order of ``node_columns`` and so on.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import pyarrow as pa

from graphfeed.graph.neo4j.values import MICROSECONDS
from graphfeed.graph.schema import MEASURES, PREDICTED
from graphfeed.loaders.records import NODE_TYPES, RELATIONSHIP_TYPES

ORDER = "feed_position"
"""On nodes and relationships: their place in the order of first appearance. Those without it come after the others."""

SWITCH = (
    "MATCH (g:Generation) WHERE NOT g.id IN $live SET g:GraphfeedHidden REMOVE g:Generation",
    "MATCH (g:GraphfeedHidden) WHERE g.id IN $live SET g:Generation REMOVE g:GraphfeedHidden",
    "MATCH (g:Generation) SET g.active = (g.id = $active)",
)
"""Show the generations ``$live`` and no others, with ``$active`` as the active one."""

COUNTED_NODES = (*NODE_TYPES, "Generation")
COUNTED_RELATIONSHIPS = (*RELATIONSHIP_TYPES, *PREDICTED)


@cache
def counts() -> str:
    """Everything that there is of every label and type, from the database's own counts."""
    nodes = [f"MATCH (n:`{label}`) WITH count(*) AS n RETURN '{label}' AS name, n" for label in COUNTED_NODES]
    relationships = [
        f"MATCH ()-[r:`{t}`]->() WITH count(*) AS n RETURN '{t}' AS name, n" for t in COUNTED_RELATIONSHIPS
    ]
    return "\nUNION ALL\n".join([*nodes, *relationships])


@cache
def node_columns(label: str, columns: Sequence[str]) -> str:
    """All nodes of a label: internal id, order, and properties, times as microseconds."""
    types = NODE_TYPES[label].properties
    parts = [
        MICROSECONDS.format(f"n.`{name}`") if name in types and pa.types.is_timestamp(types[name]) else f"n.`{name}`"
        for name in columns
    ]
    wanted = ", ".join(f"{part} AS `{name}`" for part, name in zip(parts, columns, strict=True))
    return f"MATCH (n:`{label}`) WHERE n.id IS NOT NULL RETURN id(n) AS node, n.{ORDER} AS place" + (
        f", {wanted}" if wanted else ""
    )


@cache
def nodes_by_id(label: str) -> str:
    """Properties of the nodes with the given ids, in the order of ``node_types``."""
    types = NODE_TYPES[label].properties
    parts = [MICROSECONDS.format(f"n.`{p}`") if pa.types.is_timestamp(t) else f"n.`{p}`" for p, t in types.items()]
    return f"UNWIND $ids AS id MATCH (n:`{label}` {{id: id}}) RETURN id AS id, {', '.join(parts)}"


@cache
def nodes_by_internal_id(label: str) -> str:
    """The nodes with the given internal ids as one record: ``[internal id, properties …]`` of each."""
    types = NODE_TYPES[label].properties
    parts = [MICROSECONDS.format(f"n.`{p}`") if pa.types.is_timestamp(t) else f"n.`{p}`" for p, t in types.items()]
    return (
        f"UNWIND $nodes AS node MATCH (n:`{label}`) WHERE id(n) = node"
        f" RETURN collect([{', '.join(['node', *parts])}]) AS rows"
    )


@cache
def id_bounds(label: str) -> str:
    """The least and the greatest internal id of a label, and how many nodes it has."""
    return f"MATCH (n:`{label}`) WHERE n.id IS NOT NULL RETURN min(id(n)) AS least, max(id(n)) AS most, count(*) AS n"


@cache
def ids_between(label: str) -> str:
    """``[internal id, order, id]`` of the nodes of a label with these internal ids, as one record."""
    return (
        f"UNWIND range($first, $last) AS node MATCH (n:`{label}`) WHERE id(n) = node AND n.id IS NOT NULL"
        f" RETURN collect([node, n.{ORDER}, n.id]) AS rows"
    )


@cache
def internal_ids(label: str) -> str:
    """Places in ``$ids``, and internal ids of the nodes with these ids, as one record of two lists."""
    return (
        f"UNWIND range(0, size($ids) - 1) AS i MATCH (n:`{label}` {{id: $ids[i]}})"
        " RETURN collect(i) AS places, collect(id(n)) AS nodes"
    )


@cache
def write_nodes(label: str) -> str:
    """Rows ``[id, order, properties …]``, a time as two values: made, or all their properties replaced."""
    sets, place = [], 2
    for name, kind in NODE_TYPES[label].properties.items():
        sets.append(f"n.`{name}` = {_value(kind, place)}")
        place += _width(kind)
    return (
        f"UNWIND $rows AS row MERGE (n:`{label}` {{id: row[0]}}) ON CREATE SET n.{ORDER} = row[1] SET {', '.join(sets)}"
    )


@cache
def write_measures(label: str) -> str:
    """Rows ``[internal id, measures …]``: replace what was worked out for nodes."""
    sets = ", ".join(f"n.`{name}` = row[{place}]" for place, name in enumerate(MEASURES, 1))
    return f"UNWIND $rows AS row MATCH (n:`{label}`) WHERE id(n) = row[0] SET {sets}"


@cache
def order_nodes(label: str) -> str:
    """Rows ``[id, order]``: give nodes that somebody else wrote their place."""
    return f"UNWIND $rows AS row MATCH (n:`{label}` {{id: row[0]}}) SET n.{ORDER} = row[1]"


@cache
def create_relationships(type_: str, source: str, target: str) -> str:
    """Rows ``[source, target, order, events, properties …]`` with internal ids."""
    properties = [f"{ORDER}: row[2]"]
    place = 4
    for name, kind in RELATIONSHIP_TYPES[type_].properties.items():
        properties.append(f"`{name}`: {_value(kind, place)}")
        place += _width(kind)
    if "at" in RELATIONSHIP_TYPES[type_].properties:
        properties.append("events: row[3]")
    return f"{_ends(source, target)} CREATE (a)-[:`{type_}` {{{', '.join(properties)}}}]->(b)"


@cache
def add_events(type_: str, source: str, target: str) -> str:
    """Rows ``[source, target, events, count, seconds, nanoseconds]``: more events of relationships that are there."""
    old = f"coalesce({MICROSECONDS.format('r.at')}, $none)"
    at = "datetime({epochSeconds: row[4], nanosecond: row[5]})"
    count = ", r.count = coalesce(r.count, 1) + row[3]" if "count" in RELATIONSHIP_TYPES[type_].properties else ""
    return (
        f"{_ends(source, target)} MATCH (a)-[r:`{type_}`]->(b) WITH row, head(collect(r)) AS r"
        f" SET r.events = coalesce(r.events, [{old}]) + row[2]{count}"
        f" SET r.at = CASE WHEN row[4] IS NULL THEN r.at WHEN r.at IS NULL OR {at} < r.at THEN {at} ELSE r.at END"
    )


@cache
def create_predictions(type_: str) -> str:
    """Rows ``[source, target, rank, score, generation, reasons]`` with internal ids."""
    source, target = PREDICTED[type_]
    ends = _ends(source, target)
    if source == "Generation":
        ends = f"UNWIND $rows AS row MATCH (a:GraphfeedHidden {{id: row[4]}}) MATCH (b:`{target}`) WHERE id(b) = row[1]"
    return f"{ends} CREATE (a)-[:`{type_}` {{rank: row[2], score: row[3], generation: row[4], reasons: row[5]}}]->(b)"


@cache
def predictions(type_: str) -> str:
    """Predictions of the generations ``$live``, in the order of ``PREDICTION_SCHEMA``."""
    source, target = PREDICTED[type_]
    return (
        f"MATCH (a:`{source}`)-[r:`{type_}`]->(b:`{target}`) WHERE r.generation IN $live"
        " RETURN a.id AS source, b.id AS target, r.rank AS rank, r.score AS score, r.generation AS generation,"
        " r.reasons AS reasons"
    )


@cache
def delete_predictions(type_: str) -> str:
    """One generation's relationships of one type, some nodes at a time. Walks the sources: no index to keep up."""
    return (
        f"MATCH (a:`{PREDICTED[type_][0]}`)"
        f" CALL (a) {{ MATCH (a)-[r:`{type_}`]->() WHERE r.generation = $id DELETE r }} IN TRANSACTIONS OF $nodes ROWS"
    )


@cache
def grouped_relation(type_: str, source: str, events: bool) -> str:
    """A relation of the sources ``$nodes`` as one record with a list for each column: a record costs the driver more
    than a hundred numbers."""
    columns = [("source", "node"), *_relation_columns(type_, events)]
    wanted = ", ".join(f"collect({part}) AS `{name}`" for name, part in columns)
    return f"UNWIND $nodes AS node MATCH (a:`{source}`) WHERE id(a) = node MATCH (a)-[r:`{type_}`]->(b) RETURN {wanted}"


@cache
def plain_relation(type_: str, source: str, events: bool) -> str:
    """A relation as one record per relationship: for one that few of the sources have."""
    columns = [f"{part} AS `{name}`" for name, part in _relation_columns(type_, events)]
    return f"MATCH (a:`{source}`)-[r:`{type_}`]->(b) RETURN id(a) AS source, {', '.join(columns)}"


def relation_columns(type_: str, events: bool) -> list[str]:
    """Names of the columns of both, after ``source``."""
    return [name for name, _ in _relation_columns(type_, events)]


def _relation_columns(type_: str, events: bool) -> list[tuple[str, str]]:
    properties = RELATIONSHIP_TYPES[type_].properties
    columns = [("target", "id(b)"), ("place", f"coalesce(r.{ORDER}, -1)")]
    if "at" in properties:
        columns.append(("at", f"coalesce({MICROSECONDS.format('r.at')}, $none)"))
    if "count" in properties:
        columns.append(("count", "coalesce(r.count, 1)"))
    rest = [name for name in properties if name not in ("at", "count")]
    if rest:  # in a list of their own, for collect() leaves nulls out
        columns.append(("rest", f"[{', '.join(f'r.`{name}`' for name in rest)}]"))
    if events and "at" in properties:
        columns.append(("events", "coalesce(r.events, [])"))
    return columns


def _ends(source: str, target: str) -> str:
    return f"UNWIND $rows AS row MATCH (a:`{source}`) WHERE id(a) = row[0] MATCH (b:`{target}`) WHERE id(b) = row[1]"


def _value(kind: pa.DataType, place: int) -> str:
    if pa.types.is_timestamp(kind):
        return f"CASE WHEN row[{place}] IS NULL THEN null ELSE datetime.fromepoch(row[{place}], row[{place + 1}]) END"
    return f"row[{place}]"


def _width(kind: pa.DataType) -> int:
    return 2 if pa.types.is_timestamp(kind) else 1

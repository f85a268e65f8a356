"""What a Neo4j database needs beside its data: constraints, full-text and vector indexes, and nodes of graphfeed's own.

    (:GraphfeedStore)   what is true of the store: its format, the number of changes, a change that is being applied;
                        and how far that one is, one node a lane (see ``lanes``)
    (:GraphfeedLock)    what the writer holds
    (:GraphfeedHidden)  a generation that is not published yet, or is being removed

``ensure_schema`` makes what is missing and leaves alone what is there under any name.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

import neo4j

from graphfeed.errors import StoreError, StoreFormatError
from graphfeed.graph.neo4j.session import Server
from graphfeed.graph.store import SetupReport
from graphfeed.loaders.records import NODE_TYPES

FORMAT = 1
_KEYED = (*NODE_TYPES, "Generation", "GraphfeedStore", "GraphfeedLock")
_SEARCHED = {"User": ("name", "about"), "Post": ("title", "text"), "Entity": ("name", "aliases", "text")}
_EXAMPLES = 3


@dataclass(frozen=True)
class State:
    """The node ``(:GraphfeedStore)``."""

    store: str
    """A word that tells this store from others."""
    observed: int
    """Changes of the observed graph so far."""
    change: str | None
    """The change that is being applied, or was when its writer died."""
    writer: str
    """Who applies it, in words."""
    hidden: tuple[str, ...]
    """Generations that are being written or removed."""


def read_state(server: Server) -> State | None:
    """None where graphfeed has not set up the database. Raises StoreFormatError for a newer format."""
    rows = server.read(
        "MATCH (s:GraphfeedStore {id: 'store'}) OPTIONAL MATCH (g:GraphfeedHidden)"
        " RETURN s.format AS format, s.store AS store, s.observed AS observed, s.change AS change,"
        " s.writer AS writer, collect(g.id) AS hidden"
    )
    if not rows:
        return None
    row = rows[0]
    if row["format"] != FORMAT:
        raise StoreFormatError(
            f"{server.address.location} was written by a newer graphfeed (format {row['format']}, this one knows"
            f" {FORMAT}): use that one"
        )
    return State(row["store"], row["observed"], row["change"], row["writer"] or "", tuple(row["hidden"]))


def missing_constraints(server: Server) -> list[str]:
    """Labels whose ids are not held unique yet. One statement."""
    rows = server.read(
        "SHOW CONSTRAINTS YIELD type, labelsOrTypes, properties"
        " WHERE type IN ['UNIQUENESS', 'NODE_PROPERTY_UNIQUENESS', 'NODE_KEY'] AND properties = ['id']"
        " RETURN labelsOrTypes[0] AS label"
    )
    there = {row["label"] for row in rows}
    return [label for label in _keyed(server) if label not in there]


def ensure_schema(server: Server, *, text: bool = True, distinct: bool = False) -> SetupReport:
    """Make what is missing. Raises StoreError where the data forbids a constraint; then nothing was made.

    Without ``text`` the full-text indexes wait: a first load is faster when they are made after it. ``distinct``: no
    label holds an id twice, that is known and need not be looked at.
    """
    made, missing = [], missing_constraints(server)
    if missing and not distinct and server.read("MATCH (n) RETURN 1 AS one LIMIT 1"):
        for label in missing:
            _refuse_duplicates(server, label)
    for label in missing:
        server.command(
            f"CREATE CONSTRAINT graphfeed_{label.lower()}_id IF NOT EXISTS FOR (n:`{label}`) REQUIRE n.id IS UNIQUE"
        )
        made.append(f"unique {label}.id")
    searched = _searched(server)
    if text and server.mapping is None:
        made += [make_text_index(server, label) for label in _SEARCHED if label not in searched]
    if missing or read_state(server) is None:
        server.write(
            lambda transaction: transaction.run(
                "MERGE (s:GraphfeedStore {id: 'store'})"
                " ON CREATE SET s.format = $format, s.store = $store, s.observed = 0"
                " MERGE (l:GraphfeedLock {id: 'lock'})",
                format=FORMAT,
                store=secrets.token_hex(4),
            ).consume()
        )
    there = [f"unique {label}.id" for label in _keyed(server) if label not in missing]
    there += [f"full text of {label} ({', '.join(_SEARCHED[label])})" for label in _SEARCHED if label in searched]
    hidden = ("GraphfeedStore", "GraphfeedLock")
    return SetupReport(*(tuple(w for w in words if not any(h in w for h in hidden)) for words in (made, there)))


def make_text_index(server: Server, label: str) -> str:
    """Make it where it is missing, and say what it is; the server fills it in the background."""
    properties = ", ".join(f"n.`{name}`" for name in _SEARCHED[label])
    server.command(
        f"CREATE FULLTEXT INDEX graphfeed_{label.lower()}_text IF NOT EXISTS FOR (n:`{label}`) ON EACH"
        f" [{properties}] OPTIONS {{indexConfig: {{`fulltext.eventually_consistent`: true}}}}"
    )
    return f"full text of {label} ({', '.join(_SEARCHED[label])})"


def give_up(server: Server) -> str | None:
    """Forget a change that was being applied: who did, in words; None where there is none. Under the write lock only.

    What it wrote of the observed graph stays; its predictions are hidden, to be swept away.
    """

    def forget(transaction: neo4j.ManagedTransaction) -> list[list[str]]:
        rows = transaction.run(
            "MATCH (s:GraphfeedStore {id: 'store'}) WHERE s.change IS NOT NULL"
            " SET s.observed = s.observed + 1 RETURN s.writer"
        ).values()
        transaction.run("MATCH (s:GraphfeedStore) WHERE s.change IS NOT NULL SET s.change = null, s.writer = null")
        return rows

    rows = server.write(forget)
    return str(rows[0][0]) if rows else None


def vector_index(label: str, name: str) -> str:
    """The name of the vector index of a property of a label."""
    return f"graphfeed_{label.lower()}_{name}"


def vector_indexes(server: Server) -> dict[str, tuple[str, int, str]]:
    """graphfeed's vector indexes: name to property, width and state."""
    rows = server.read(
        "SHOW VECTOR INDEXES YIELD name, properties, options, state WHERE name STARTS WITH 'graphfeed_'"
        " RETURN name, properties[0] AS property, options.indexConfig['vector.dimensions'] AS width, state"
    )
    return {row["name"]: (row["property"], int(row["width"] or 0), row["state"]) for row in rows}


def drop_vector_index(server: Server, label: str, name: str) -> None:
    """Remove it if it is there: rows are written faster without it, and one of another width would not take them."""
    server.command(f"DROP INDEX {vector_index(label, name)} IF EXISTS")


def make_vector_index(server: Server, label: str, name: str, property_: str, width: int) -> None:
    """Make it; the server fills it in the background.

    Without quantization: rounding to 8 bits puts vectors in the wrong order whose longer dimension is large. An index
    has one label: a role that several labels play has none.
    """
    if len(server.labels(label)) != 1:
        return
    server.command(
        f"CREATE VECTOR INDEX {vector_index(label, name)} IF NOT EXISTS FOR (n:`{label}`) ON (n.`{property_}`)"
        f" OPTIONS {{indexConfig: {{`vector.dimensions`: {int(width)}, `vector.similarity_function`: 'cosine',"
        " `vector.quantization.enabled`: false}}"
    )


def _keyed(server: Server) -> tuple[str, ...]:
    """The labels whose ids graphfeed holds unique: in a graph that is used in place, its own only."""
    return _KEYED if server.mapping is None else tuple(label for label in _KEYED if label not in NODE_TYPES)


def _searched(server: Server) -> set[str]:
    rows = server.read("SHOW FULLTEXT INDEXES YIELD name RETURN name")
    names = {row["name"] for row in rows}
    return {label for label in _SEARCHED if f"graphfeed_{label.lower()}_text" in names}


def _refuse_duplicates(server: Server, label: str) -> None:
    rows = server.read(
        f"MATCH (n:`{label}`) WHERE n.id IS NOT NULL WITH n.id AS id, count(*) AS times WHERE times > 1"
        " RETURN id, times ORDER BY times DESC, id LIMIT $limit",
        {"limit": _EXAMPLES},
    )
    if rows:
        examples: Sequence[str] = [f"{row['id']!r} ({row['times']} nodes)" for row in rows]
        raise StoreError(
            f"{server.address.location} holds several {label} nodes with the same id, for instance"
            f" {', '.join(examples)}; graphfeed needs {label}.id to be unique: merge them, or take away their label."
            " Nothing was changed"
        )

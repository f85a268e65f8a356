"""May this user write to this database? Asked before anything is done, by doing it and taking it back.

What publishing does is tried once in a transaction that is rolled back: the server's own answer says what is missing,
whether the whole database is read-only or one privilege was not granted (privileges are Neo4j Enterprise's).
"""

from __future__ import annotations

import secrets
from contextlib import suppress

from neo4j import exceptions as driver_errors

from graphfeed.graph.mapping.names import quote
from graphfeed.graph.neo4j.schema import missing_constraints
from graphfeed.graph.neo4j.session import Server
from graphfeed.graph.schema import MEASURES, PREDICTED, VECTORS
from graphfeed.loaders.records import NODE_TYPES

_SECONDS = 30.0
_FORBIDDEN = "Neo.ClientError.Security.Forbidden"
_READ_ONLY = ("ReadOnly", "WriteOnReadOnlyAccessDatabase", "ForbiddenOnReadOnlyDatabase", "AccessMode")
_PROBE = (
    "CREATE (g:GraphfeedHidden {id: $id}) SET g:Generation REMOVE g:GraphfeedHidden",
    "MATCH (u:User) WITH u LIMIT 1 CALL db.create.setNodeVectorProperty(u, 'graph_vector', [0.0])",
    "MATCH (p:Post) WITH p LIMIT 1 CALL db.create.setNodeVectorProperty(p, 'graph_vector', [0.0])",
    "MATCH (u:User) WITH u LIMIT 1 MATCH (p:Post) WITH u, p LIMIT 1 CREATE (u)-[r:RECOMMENDED {rank: 0}]->(p) DELETE r",
)
_SCHEMA_PROBE = "CREATE CONSTRAINT graphfeed_generation_id IF NOT EXISTS FOR (n:Generation) REQUIRE n.id IS UNIQUE"


def refusal(server: Server, what: str) -> str | None:
    """Why ``what`` cannot be done by this user, as a sentence with what to type; None where it can."""
    steps = [_PROBE] if not missing_constraints(server) else [(_SCHEMA_PROBE,), _PROBE]
    for statements in steps:
        session, transaction = server.begin({}, seconds=_SECONDS)
        try:
            for text in statements:
                transaction.run(server.text(text), {"id": f"probe-{secrets.token_hex(8)}"}).consume()
        except driver_errors.Neo4jError as error:
            found = in_words(server, what, error.code or "", error.message or "")
            if found is None:
                with server.errors():
                    raise
            return found
        finally:
            for thing in (transaction, session):  # closing a transaction rolls it back
                with suppress(driver_errors.Neo4jError, driver_errors.DriverError, OSError):
                    thing.close()
    return None


def in_words(server: Server, what: str, code: str, message: str) -> str | None:
    """A server's refusal as a sentence; None for another error."""
    where, said = server.address.location, " ".join(message.split()).rstrip(".")
    if code.startswith(_FORBIDDEN) and "read-only" not in said and "read only" not in said:
        return (
            f"{what} writes to {where}, and the user lacks a privilege for it: {said}. An administrator can"
            f" give it to a role of the user's:\n{grants(server)}"
        )
    if any(word in code for word in _READ_ONLY) or "read-only" in said or "read only" in said:
        return (
            f"{what} writes to {where}, and the database is read-only: {said}. Its administrator can allow it"
            " (server.databases.read_only, or ALTER DATABASE … SET ACCESS READ WRITE)"
        )
    return None


def grants(server: Server, role: str = "graphfeed_writer") -> str:
    """All that publishing and embedding need beyond reading, one statement a line."""
    graph = f"ON GRAPH {quote(server.database)}"
    labels = ", ".join(quote(label) for role_ in NODE_TYPES for label in server.labels(role_))
    own = "Generation, GraphfeedHidden, GraphfeedStore, GraphfeedLock"
    worked_out = ", ".join([*(name for vector in VECTORS for name in (vector, f"{vector}_search")), *MEASURES])
    to = f"TO {role};"
    return "\n".join(
        [
            f"  GRANT MATCH {{*}} {graph} {to}",
            *(f"  GRANT {kind} {graph} NODES {own} {to}" for kind in ("CREATE", "DELETE")),
            f"  GRANT SET PROPERTY {{*}} {graph} NODES {own} {to}",
            f"  GRANT SET LABEL Generation, GraphfeedHidden {graph} {to}",
            f"  GRANT REMOVE LABEL Generation, GraphfeedHidden {graph} {to}",
            f"  GRANT SET PROPERTY {{{worked_out}}} {graph} NODES {labels} {to}",
            *(f"  GRANT {kind} {graph} RELATIONSHIPS {', '.join(PREDICTED)} {to}" for kind in ("CREATE", "DELETE")),
            f"  GRANT SET PROPERTY {{*}} {graph} RELATIONSHIPS {', '.join(PREDICTED)} {to}",
            *(
                f"  GRANT {kind} MANAGEMENT ON DATABASE {quote(server.database)} {to}"
                for kind in ("NAME", "CONSTRAINT", "INDEX")
            ),
        ]
    )

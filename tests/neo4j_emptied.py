"""An empty database for a test that needs one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import neo4j
import pytest
from tests.neo4j_fixture import Neo4jServer


def ask(server: Neo4jServer, text: str, **parameters: Any) -> list[dict[str, Any]]:
    """Run a statement as somebody else would, past graphfeed."""
    auth = (server.username, server.password)
    with (
        neo4j.GraphDatabase.driver(server.uri, auth=auth, notifications_min_severity="OFF") as driver,
        driver.session() as session,
    ):
        return session.run(text, parameters).data()


def empty(server: Neo4jServer) -> str:
    """Delete all nodes; constraints stay. The address."""
    ask(server, "MATCH (n) CALL (n) { DETACH DELETE n } IN TRANSACTIONS OF 500 ROWS")
    return server.uri


@pytest.fixture
def location(neo4j_server: Neo4jServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of an empty database, with a workspace of the test's own."""
    monkeypatch.setenv("NEO4J_USERNAME", neo4j_server.username)
    monkeypatch.setenv("NEO4J_PASSWORD", neo4j_server.password)
    monkeypatch.setenv("GRAPHFEED_WORKSPACE", str(tmp_path / "workspace"))
    return empty(neo4j_server)

"""The planted town on both stores, once for all tests that ask it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.neo4j_emptied import empty
from tests.neo4j_fixture import Neo4jServer
from tests.queries.planted_town import make_town

from graphfeed.graph.store import GraphStore


@pytest.fixture(scope="module", params=["ladybug", "neo4j"])
def town(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GraphStore]:
    """The town, to be asked."""
    folder = tmp_path_factory.mktemp("town")
    if request.param == "ladybug":
        with make_town(folder / "feed") as made:
            yield made
        return
    server: Neo4jServer = request.getfixturevalue("neo4j_server")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("NEO4J_USERNAME", server.username)
        patched.setenv("NEO4J_PASSWORD", server.password)
        patched.setenv("GRAPHFEED_WORKSPACE", str(folder / "workspace"))
        with make_town(empty(server)) as made:
            yield made

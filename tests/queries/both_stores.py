"""A world for the queries, made on the store that a fixture's parameter names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.neo4j_emptied import empty
from tests.neo4j_fixture import Neo4jServer

from graphfeed.graph.store import GraphStore


@contextmanager
def made_on(
    request: pytest.FixtureRequest, folder: Path, make: Callable[[str | Path], GraphStore]
) -> Iterator[GraphStore]:
    """``make`` is given a folder of its own, or with the parameter ``neo4j`` the address of an emptied server."""
    if request.param == "ladybug":
        with make(folder / "feed") as made:
            yield made
        return
    server: Neo4jServer = request.getfixturevalue("neo4j_server")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("NEO4J_USERNAME", server.username)
        patched.setenv("NEO4J_PASSWORD", server.password)
        patched.setenv("GRAPHFEED_WORKSPACE", str(folder / "workspace"))
        with make(empty(server)) as made:
            yield made

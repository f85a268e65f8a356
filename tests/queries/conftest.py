"""The planted town on both stores, once for all tests that ask it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.queries.both_stores import made_on
from tests.queries.planted_town import make_town

from graphfeed.graph.store import GraphStore


@pytest.fixture(scope="module", params=["ladybug", "neo4j"])
def town(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GraphStore]:
    """The town, to be asked."""
    folder = tmp_path_factory.mktemp("town")
    with made_on(request, folder, make_town) as made:
        yield made

"""Stores that several modules of tests read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.graph.exchange_world import fill

from graphfeed.graph.store import GraphStore, open_store


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GraphStore]:
    """An embedded store with everything in it that is hard to carry; not to be changed."""
    with open_store(tmp_path_factory.mktemp("exchange") / "full", create=True) as store:
        fill(store)
        yield store


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[GraphStore]:
    """An embedded store with nothing in it."""
    with open_store(tmp_path / "empty", create=True) as store:
        yield store

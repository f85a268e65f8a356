"""A store that a test opens again, and a small graph in it: for both stores, where ``location`` says which.

from tests.reopened import feed as feed
from tests.reopened import open_again as open_again
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.store_rows import Open, links, nodes, publish

from graphfeed.graph.store import GraphStore, open_store


@pytest.fixture
def open_again(location: str) -> Iterator[Open]:
    opened: list[GraphStore] = []

    def again() -> GraphStore:
        opened.append(open_store(location, create=True))
        return opened[-1]

    yield again
    for store in opened:
        store.close()


@pytest.fixture
def feed(open_again: Open) -> GraphStore:
    """Two users, a post, a LIKED, one generation."""
    store = open_again()
    with store.change("load") as change:
        change.write_nodes("User", nodes("User", ["ann", "bo"], name=["Ann", "Bo"]))
        change.write_nodes("Post", nodes("Post", ["p"]))
        change.write_relationships("LIKED", "User", "Post", links("LIKED", [("ann", "p")], at=[5]))
    publish(store, "g1", [("bo", "p")])
    return store

"""Copying into an empty Neo4j by its own importer: equal as any other copy, also what the importer reads otherwise."""

from __future__ import annotations

import pytest
from tests.graph.exchange_world import state_of
from tests.graph.test_neo4j_bulk import own_server as own_server

from graphfeed.errors import StoreError
from graphfeed.graph.exchange.transfer import TransferSettings, transfer
from graphfeed.graph.store import GraphStore, open_store


def test_a_copy_by_the_importer_is_equal(full: GraphStore, own_server: str) -> None:
    said: list[str] = []
    bulk = TransferSettings(bulk=said.append)
    with open_store(own_server, create=True) as target:
        report = transfer(full.scan(), target, bulk)
        assert state_of(target) == state_of(full)
        assert (report.found, report.generations) == ("nothing", ("g1", "g'2"))
        assert said
        with pytest.raises(StoreError, match="leave --bulk out"):
            transfer(full.scan(), target, bulk)
        assert transfer(full.scan(), target).found == "the same graph"

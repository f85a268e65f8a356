"""Copying from store to store: equal, order included; interrupted and taken up again; refused where it would harm."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from tests.graph.exchange_world import IDS, fill, load_first, load_second, predictions_of, publish, state_of
from tests.graph.test_kill import kill_round
from tests.graph.test_mapped_store import described, mapping
from tests.neo4j_emptied import empty
from tests.neo4j_fixture import Neo4jServer
from tests.other_shape import write_other_shape
from tests.queries.toy import make_toy
from tests.store_rows import links, nodes

from graphfeed.errors import SourceError, StoreError
from graphfeed.graph.exchange import transfer as transferring
from graphfeed.graph.exchange.contents import Contents, contents_of
from graphfeed.graph.exchange.transfer import TransferSettings, transfer
from graphfeed.graph.scan import GraphScan
from graphfeed.graph.store import GraphStore, open_store
from graphfeed.graph.tensors import read_graph

ROOT = Path(__file__).parents[2]
MERGE = TransferSettings(merge=True)

Make = Callable[[str], GraphStore]


@pytest.fixture
def make(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """Open an empty store: "neo4j" the server, any other word a folder."""
    opened: list[GraphStore] = []

    def one(name: str) -> GraphStore:
        place: str | Path = tmp_path / name
        if name == "neo4j":
            server: Neo4jServer = request.getfixturevalue("neo4j_server")
            monkeypatch.setenv("NEO4J_USERNAME", server.username)
            monkeypatch.setenv("NEO4J_PASSWORD", server.password)
            monkeypatch.setenv("GRAPHFEED_WORKSPACE", str(tmp_path / "workspace"))
            place = empty(server)
        opened.append(open_store(place, create=True))
        return opened[-1]

    yield one
    for store in opened:
        store.close()


@pytest.fixture(params=["embedded", "neo4j"])
def target(request: pytest.FixtureRequest, make: Make) -> GraphStore:
    """An empty store of each kind."""
    return make(request.param)


@pytest.fixture
def full(make: Make) -> GraphStore:
    """An embedded store with everything in it."""
    store = make("full")
    fill(store)
    return store


@pytest.mark.parametrize("way", [("b",), ("neo4j",), ("neo4j", "c")])
def test_a_copy_is_equal(full: GraphStore, make: Make, way: tuple[str, ...]) -> None:
    wanted, source = state_of(full), full
    for name in way:
        target = make(name)
        report = transfer(source.scan(), target)
        assert state_of(target) == wanted
        assert report.found == "nothing"
        assert report.left_out == ()
        assert report.checksum == contents_of(full.scan()).word
        assert report.generations == ("g1", "g'2")
        assert report.nodes == {"User": 10, "Post": 11, "Entity": 10}
        source = target
    version = target.version()
    with target.change("the same loads again") as change:
        load_first(change)
        change.write_nodes("Post", nodes("Post", ["new", IDS[3]], title=["New", "other"], created_at=[5, None]))
        load_second(change)
    assert contents_of(target.scan()).relationship_counts == contents_of(full.scan()).relationship_counts
    counted = {r.type: r.count.tolist() for r in target.read_relation("VIEWED")}
    assert counted == {r.type: r.count.tolist() for r in full.read_relation("VIEWED")}  # no event counts twice
    assert target.version() != version  # only for the node that was rewritten twice


def test_a_copy_without_what_is_not_wanted(full: GraphStore, target: GraphStore) -> None:
    transfer(full.scan(), target, TransferSettings(vectors=False, predictions=False))
    assert target.generations() == []
    assert target.read_vectors("Post", "text_vector") is None
    assert state_of(target)["encoder"] is None
    report = transfer(full.scan(), target)  # what was missing is added
    assert report.found == "the same graph"
    assert report.generations == ("g1", "g'2")
    assert state_of(target) == state_of(full)
    again = transfer(full.scan(), target)
    assert (again.vectors, again.generations) == ((), ())


def test_another_graph_is_left_alone(full: GraphStore, target: GraphStore) -> None:
    with target.change("load") as change:
        change.write_nodes("User", nodes("User", ["somebody"]))
    before = state_of(target)
    with pytest.raises(StoreError, match=r"holds a graph already \(1 nodes, 0 relationships\).*--merge"):
        transfer(full.scan(), target)
    assert state_of(target) == before
    report = transfer(full.scan(), target, MERGE)
    assert report.found == "another graph"
    assert report.left_out == (transferring.DIFFERENT,)
    assert target.node_ids("User").to_pylist() == ["somebody", *IDS]
    assert target.read_vectors("Post", "text_vector") is None
    assert target.generations() == []
    assert len(target.read_relation("VIEWED")[0].source) == len(full.read_relation("VIEWED")[0].source)


def test_merging_keeps_a_copy_up_to_date(full: GraphStore, target: GraphStore) -> None:
    transfer(full.scan(), target)
    with full.change("more") as change:
        change.write_nodes("User", nodes("User", ["late"]))
        change.write_relationships(
            "LIKED", "User", "Post", links("LIKED", [("late", "new"), (IDS[0], IDS[1])], at=[1, 2])
        )
    with full.change("publish") as change:
        publish(change, "g3", 3)
    with pytest.raises(StoreError, match="--merge"):
        transfer(full.scan(), target)
    report = transfer(full.scan(), target, MERGE)
    assert report.left_out == ()
    assert report.generations == ("g3",)
    assert state_of(target) == state_of(full)
    with full.change("rollback") as change:
        change.rollback()
    with pytest.raises(StoreError, match="same graph with other predictions"):
        transfer(full.scan(), target)
    transfer(full.scan(), target, MERGE)
    assert [(g.id, g.active) for g in target.generations()] == [("g'2", True)]
    assert predictions_of(target.scan()) == predictions_of(full.scan())


def test_nothing_is_not_copied(make: Make, target: GraphStore) -> None:
    with pytest.raises(StoreError, match="holds no graph"):
        transfer(make("nothing").scan(), target)


class Broken:
    """A scan that goes wrong: with a row that does not hold together, or an error when all but the end is read."""

    def __init__(self, scan: GraphScan, **instead: Any) -> None:
        self._scan, self._instead = scan, instead

    def __getattr__(self, name: str) -> Any:
        return self._instead.get(name) or getattr(self._scan, name)


def test_a_source_that_does_not_hold_together_is_refused(full: GraphStore, target: GraphStore) -> None:
    scan = full.scan()
    twice = Broken(scan, nodes=lambda label: (pa.concat_tables([rows, rows]) for rows in scan.nodes(label)))
    with pytest.raises(SourceError, match="User of 'a' was there before; nothing was written"):
        transfer(twice, target)
    fewer = Broken(scan, nodes=lambda label: (rows.slice(1) for rows in scan.nodes(label)))
    with pytest.raises(SourceError, match="has an end that is no node"):
        transfer(fewer, target)
    assert sum(target.counts().nodes.values()) == 0


def test_a_change_of_the_source_meanwhile_is_seen(full: GraphStore, target: GraphStore, make: Make) -> None:
    def late() -> None:
        raise StoreError("it was changed while it was read: do it again")

    with pytest.raises(StoreError, match="while it was read"):
        transfer(Broken(full.scan(), check=late), target)
    assert sum(target.counts().nodes.values()) == 0
    assert target.generations() == []
    transfer(full.scan(), target)
    assert state_of(target) == state_of(full)


def test_what_is_read_back_is_held_against_what_was_sent(
    full: GraphStore, target: GraphStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def after_somebody_else(scan: GraphScan) -> Contents:
        with target.change("somebody else") as change:
            change.write_nodes("User", nodes("User", [IDS[0]], name=["other"]))
        return contents_of(target.scan())

    monkeypatch.setattr(transferring, "contents_of", after_somebody_else)
    with pytest.raises(StoreError, match="User: 10 found, 10 sent, with other properties"):
        transfer(full.scan(), target)


def test_contents_know_order_and_properties(full: GraphStore) -> None:
    contents = contents_of(full.scan())
    assert contents == contents_of(full.scan())
    with full.change("a name") as change:
        change.write_nodes("User", nodes("User", [IDS[0]], name=["other"]))
    later = contents_of(full.scan())
    assert contents != later
    assert contents.node_counts == later.node_counts


COPIER = """
import sys
sys.path.insert(0, sys.argv[1])
from graphfeed.graph.exchange.transfer import transfer
from graphfeed.graph.store import open_store
with open_store(sys.argv[2]) as source, open_store(sys.argv[3], create=True) as target:
    transfer(source.scan(), target, progress=lambda name, rows: print(name, flush=True))
"""
PEOPLE, LIKES = 5_000, 60_000


@pytest.fixture
def large(make: Make) -> GraphStore:
    """A store that takes some seconds to copy to a server."""
    store = make("large")
    people = [f"u{i}" for i in range(PEOPLE)]
    with store.change("load") as change:
        change.write_nodes("User", nodes("User", people, name=people))
        change.write_nodes("Post", nodes("Post", people, title=people))
        pairs = [(f"u{i % PEOPLE}", f"u{(i * 7 + i // PEOPLE) % PEOPLE}") for i in range(LIKES)]
        change.write_relationships("LIKED", "User", "Post", links("LIKED", pairs, at=range(LIKES)))
    return store


@pytest.mark.parametrize(("after", "delay"), [(1, 0.0), (3, 0.05), (3, 0.4), (3, 1.5)])
def test_a_copy_that_was_killed_is_taken_up_again(
    large: GraphStore, target: GraphStore, tmp_path: Path, after: int, delay: float
) -> None:
    if target.dialect != "neo4j":
        delay = min(delay, 0.1)  # it is done sooner
    arguments = [str(ROOT), large.location, target.location]
    kill_round(COPIER, arguments, delay, tmp_path / "printed", after)
    if target.dialect != "neo4j":
        assert sum(target.counts().nodes.values()) == 0
    report = transfer(large.scan(), target)
    assert (report.nodes["User"], report.relationships["LIKED"]) == (PEOPLE, LIKES)
    assert contents_of(target.scan()) == contents_of(large.scan())
    assert target.counts() == large.counts()
    assert transfer(large.scan(), target).found == "the same graph"


def test_a_graph_that_is_used_in_place_is_copied(
    neo4j_server: Neo4jServer, make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEO4J_USERNAME", neo4j_server.username)
    monkeypatch.setenv("NEO4J_PASSWORD", neo4j_server.password)
    monkeypatch.setenv("GRAPHFEED_WORKSPACE", str(tmp_path / "workspace"))
    empty(neo4j_server)
    write_other_shape(neo4j_server)
    target = make("copied")
    with open_store(neo4j_server.uri, mapping=mapping()) as mapped, make_toy(tmp_path / "toy", publish=False) as plain:
        report = transfer(mapped.scan(), target)
        assert described(read_graph(target)) == described(read_graph(plain))
        assert report.nodes == {"User": 4, "Post": 11, "Entity": 2}
        with pytest.raises(StoreError, match="used in place"):
            transfer(target.scan(), mapped, MERGE)
    empty(neo4j_server)

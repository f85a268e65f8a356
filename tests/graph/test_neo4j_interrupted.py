"""Changes of a Neo4j database that are interrupted: finished by the next one, or overtaken by it."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from neo4j import ManagedTransaction
from tests.cut_connection import Cable
from tests.neo4j_emptied import location as location
from tests.neo4j_fixture import Neo4jServer
from tests.reopened import feed as feed
from tests.reopened import open_again as open_again
from tests.store_contract import SEEN, links, nodes, publish

from graphfeed.errors import StoreError, StoreUnreachableError
from graphfeed.graph.neo4j import apply as neo4j_apply
from graphfeed.graph.neo4j import session as neo4j_session
from graphfeed.graph.neo4j import spool as neo4j_spool
from graphfeed.graph.neo4j.apply import Applier
from graphfeed.graph.neo4j.faults import DatabaseStoppedError
from graphfeed.graph.neo4j.lock import WriteLock
from graphfeed.graph.neo4j.spool import Step
from graphfeed.graph.store import GraphStore, open_store

ROOT = Path(__file__).parents[2]
LIKED = "MATCH (u:User)-[r:LIKED]->(p:Post) RETURN u.id AS user, p.id AS post, r.count AS n ORDER BY user, post"
FORTY = [f"u{i}" for i in range(40)]


@pytest.fixture
def ten_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches of ten rows."""
    monkeypatch.setattr(neo4j_spool, "BATCH_ROWS", 10)
    monkeypatch.setattr(neo4j_apply, "BATCH_ROWS", 10)


_KILLED = """
import os, signal, sys
from graphfeed.graph.neo4j import apply as neo4j_apply
from graphfeed.graph.neo4j import spool as neo4j_spool
from graphfeed.graph.store import open_store
from tests.store_rows import links, nodes, publish
neo4j_spool.BATCH_ROWS = neo4j_apply.BATCH_ROWS = 10
apply, last = neo4j_apply.Applier._batch, neo4j_apply.Applier._last
def counted(applier, step, first, transaction, number):
    if number == int(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)
    apply(applier, step, first, transaction, number)
def ended(applier, transaction):
    if sys.argv[3] == "-1":
        os.kill(os.getpid(), signal.SIGKILL)
    last(applier, transaction)
neo4j_apply.Applier._batch = counted
neo4j_apply.Applier._last = ended
with open_store(sys.argv[1]) as store:
    users = [f"u{i}" for i in range(40)]
    if sys.argv[2] == "load":
        with store.change("the load") as change:
            change.write_nodes("User", nodes("User", users))
            change.write_relationships("LIKED", "User", "Post", links("LIKED", [(u, "p") for u in users] * 2,
                                       at=list(range(80))))
            change.write_relationships("LIKED", "User", "Post", links("LIKED", [("ann", "p")], at=[99]))
    else:
        publish(store, "g2", [(u, "p") for u in users], 2)
"""


def _killed(location: str, what: str, batch: int) -> None:
    command = [sys.executable, "-c", _KILLED, location, what, str(batch)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == -9, done.stderr


@pytest.mark.parametrize("batch", [0, 3, 6, 8, -1])
def test_a_load_that_was_killed_is_finished_by_the_next_change(feed: GraphStore, location: str, batch: int) -> None:
    _killed(location, "load", batch)
    assert [r["user"] for r in feed.cypher(SEEN)] == ["bo"]
    with feed.change("anything"):
        pass
    assert feed.node_ids("User").to_pylist() == ["ann", "bo", *(f"u{i}" for i in range(40))]
    assert [r["n"] for r in feed.cypher(LIKED)] == [2] * 41
    liked = feed.read_relation("LIKED")[0]
    assert liked.source.tolist() == [0, *range(2, 42)]
    assert liked.at.tolist() == [5, *range(40)]
    version = feed.version()
    with feed.change("the same") as change:
        rows = links("LIKED", [(f"u{i}", "p") for i in range(40)] * 2, at=list(range(80)))
        assert change.write_relationships("LIKED", "User", "Post", rows).kept == 80
    assert feed.version() == version


@pytest.mark.parametrize("batch", [0, 2, -1])
def test_a_publish_that_was_killed_leaves_the_former_one(feed: GraphStore, location: str, batch: int) -> None:
    with feed.change("load") as change:
        change.write_nodes("User", nodes("User", [f"u{i}" for i in range(40)]))
    _killed(location, "publish", batch)
    assert [(r["generation"], r["user"]) for r in feed.cypher(SEEN)] == [("g1", "bo")]
    assert [g.id for g in feed.generations()] == ["g1"]
    with feed.change("anything"):
        pass
    assert [g.id for g in feed.generations()] == ["g2", "g1"]
    assert len(feed.cypher(SEEN)) == 40
    assert feed.counts().relationships["RECOMMENDED"] == 41


def test_an_interrupted_change_of_elsewhere_is_named_and_can_be_given_up(
    feed: GraphStore, location: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with feed.change("load") as change:
        change.write_nodes("User", nodes("User", [f"u{i}" for i in range(40)]))
    _killed(location, "publish", 2)
    monkeypatch.setenv("GRAPHFEED_WORKSPACE", str(tmp_path / "another machine"))
    with open_store(location) as other:
        assert [r["user"] for r in other.cypher(SEEN)] == ["bo"]
        with pytest.raises(StoreError, match=r"'publish g2', process \d+ on .*--give-up"), other.change("next"):
            pass
        (gone,) = other.setup(give_up=True).made
        assert "'publish g2'" in gone
        assert other.counts().relationships["RECOMMENDED"] == 1
        publish(other, "g2", [("ann", "p")], 2)
        assert [r["user"] for r in other.cypher(SEEN)] == ["ann"]


@pytest.mark.usefixtures("ten_rows")
def test_a_connection_that_breaks(
    feed: GraphStore, neo4j_server: Neo4jServer, location: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(neo4j_session, "RETRY_SECONDS", 1.0)
    with Cable(neo4j_server.uri) as cable, open_store(cable.uri) as store:
        apply = Applier._batch

        def cut(applier: Applier, step: Step, first: int, transaction: ManagedTransaction, number: int) -> None:
            if number == 2:
                cable.cut()
            apply(applier, step, first, transaction, number)

        with monkeypatch.context() as patched:
            patched.setattr(Applier, "_batch", cut)
            with pytest.raises(StoreUnreachableError, match="the next change from here finishes it first"):
                _load(store, FORTY)
        with pytest.raises(StoreUnreachableError, match="no server answers"):
            store.counts()
    with feed.change("anything"):
        pass
    assert feed.counts().nodes["User"] == 42


def _load(store: GraphStore, users: list[str]) -> None:
    with store.change("the load") as change:
        change.write_nodes("User", nodes("User", users))


def test_a_full_disk_of_the_client_changes_nothing(feed: GraphStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(folder: Path, wanted: int) -> None:
        raise StoreError(f"{folder} has no space for {wanted} bytes")

    with monkeypatch.context() as patched:
        patched.setattr(neo4j_spool, "require_space", full)
        with pytest.raises(StoreError, match="no space"):
            _load(feed, FORTY)
    assert feed.counts().nodes["User"] == 2
    _load(feed, FORTY)
    assert feed.counts().nodes["User"] == 42


# Overtaken: what a writer sent before its process died may reach the database after the next writer has the lock.


@pytest.mark.parametrize("people", [5, 40])
@pytest.mark.usefixtures("ten_rows")
def test_what_a_dead_writer_sent_late_begins_nothing(
    feed: GraphStore, location: str, monkeypatch: pytest.MonkeyPatch, people: int
) -> None:
    users = [f"u{i}" for i in range(people)]

    apply = Applier.apply

    def late(applier: Applier) -> None:
        applier._lock.__exit__(None, None, None)  # the connection that held the lock is gone
        monkeypatch.setattr(Applier, "apply", apply)
        with open_store(location) as other, other.change("the next") as change:
            change.write_nodes("User", nodes("User", ["cy"]))
        monkeypatch.setattr(WriteLock, "check", lambda _lock: None)
        apply(applier)

    monkeypatch.setattr(Applier, "apply", late)
    with pytest.raises(StoreError, match=r"another process began a change .* nothing gets in twice"):
        _load(feed, users)
    assert feed.node_ids("User").to_pylist() == ["ann", "bo", "cy"]
    _load(feed, users)
    assert feed.counts().nodes["User"] == 3 + people


@pytest.mark.usefixtures("ten_rows")
def test_a_change_whose_beginning_got_no_answer_is_finished_or_done_again(
    feed: GraphStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = Applier._begin

    def unheard(applier: Applier) -> list[int]:
        begin(applier)
        applier._began = False
        raise StoreUnreachableError("the server does not answer")

    with monkeypatch.context() as patched:
        patched.setattr(Applier, "_begin", unheard)
        with pytest.raises(StoreUnreachableError, match="not known: run it again, nothing gets in twice"):
            _load(feed, FORTY)
    assert feed.counts().nodes["User"] == 2
    _load(feed, FORTY)
    assert feed.node_ids("User").to_pylist() == ["ann", "bo", *FORTY]


# Lanes


@pytest.mark.usefixtures("ten_rows")
def test_a_batch_that_fails_stops_the_others_and_all_is_finished_later(
    feed: GraphStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    users = [f"u{i}" for i in range(400)]
    apply = Applier._batch
    sent, ahead = [], threading.Event()

    def failing(applier: Applier, step: Step, first: int, transaction: ManagedTransaction, number: int) -> None:
        sent.append(number)
        if number == 9:
            ahead.set()
        if number == 4:
            assert ahead.wait(30), "the other lane goes on by itself"
            raise StoreError("the fourth batch is not to be had")
        apply(applier, step, first, transaction, number)

    with monkeypatch.context() as patched:
        patched.setattr(Applier, "_batch", failing)
        with pytest.raises(StoreError, match=r"fourth batch .* the next change from here finishes it first"):
            _load(feed, users)
    assert len(sent) < 40
    before = feed.counts().nodes["User"]
    assert before < 402
    assert (before - 2) % 10 == 0
    with feed.change("anything"):
        pass
    assert feed.node_ids("User").to_pylist() == ["ann", "bo", *users]


@pytest.mark.usefixtures("ten_rows")
@pytest.mark.parametrize("following", [DatabaseStoppedError, StoreUnreachableError])
def test_of_two_lanes_errors_the_cause_is_told(
    following: type[StoreError], feed: GraphStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever comes first: a full disk stops the database, and the other lane hears of that alone."""
    followed = threading.Event()

    def failing(applier: Applier, step: Step, first: int, transaction: ManagedTransaction, number: int) -> None:
        if number % 2 == 0:
            followed.set()
            raise following("the database is stopped")
        assert followed.wait(30)
        time.sleep(0.2)
        raise StoreError("the disk is full")

    monkeypatch.setattr(Applier, "_batch", failing)
    with pytest.raises(StoreError, match=r"the disk is full.*the next change from here finishes it first"):
        _load(feed, FORTY)


@pytest.mark.usefixtures("ten_rows")
def test_a_node_that_is_referred_to_and_then_given_is_as_it_was_given(
    feed: GraphStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply, steps = Applier._batch, []

    def backwards(applier: Applier, step: Step, first: int, transaction: ManagedTransaction, number: int) -> None:
        steps.append(step)
        time.sleep(0.3 if number % 2 == 0 else 0)  # the second lane is well ahead
        apply(applier, step, first, transaction, number)

    monkeypatch.setattr(Applier, "_batch", backwards)
    with feed.change("the load") as change:
        change.write_nodes("User", nodes("User", [*FORTY, "ann"]), implied=True)
        change.write_nodes("User", nodes("User", FORTY, name=[f"first {u}" for u in FORTY]))
        change.write_nodes("User", nodes("User", ["bo", "u1"], name=["Bob", "given twice"]))
    assert sum(step.rows for step in set(steps)) == 41, "each node is sent once"
    assert feed.read_nodes("User", ["id", "name"]).to_pylist() == [
        {"id": "ann", "name": "Ann"},
        {"id": "bo", "name": "Bob"},
        *({"id": u, "name": f"first {u}"} for u in FORTY),
    ]

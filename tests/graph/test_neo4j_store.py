"""The store on a Neo4j server: the contract of all stores, and what only a server can go through."""

from __future__ import annotations

import logging
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.cut_connection import Cable
from tests.neo4j_emptied import ask, empty
from tests.neo4j_fixture import Neo4jServer
from tests.reopened import feed as feed
from tests.reopened import open_again as open_again
from tests.store_contract import SEEN, StoreContract, links, nodes, publish

from graphfeed.errors import QueryError, StoreBusyError, StoreError, StoreUnreachableError
from graphfeed.graph.neo4j import apply as neo4j_apply
from graphfeed.graph.neo4j import nearest as neo4j_nearest
from graphfeed.graph.neo4j import session as neo4j_session
from graphfeed.graph.neo4j import spool as neo4j_spool
from graphfeed.graph.neo4j.reads import Reader
from graphfeed.graph.neo4j.store import Neo4jStore
from graphfeed.graph.query_files import find_query
from graphfeed.graph.store import GraphStore, open_store

ROOT = Path(__file__).parents[2]
LIKED = "MATCH (u:User)-[r:LIKED]->(p:Post) RETURN u.id AS user, p.id AS post, r.count AS n ORDER BY user, post"


@pytest.fixture
def location(neo4j_server: Neo4jServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of an empty database."""
    monkeypatch.setenv("NEO4J_USERNAME", neo4j_server.username)
    monkeypatch.setenv("NEO4J_PASSWORD", neo4j_server.password)
    monkeypatch.setenv("GRAPHFEED_WORKSPACE", str(tmp_path / "workspace"))
    return empty(neo4j_server)


class TestNeo4jStore(StoreContract):
    """The contract, on a real server."""


# Opening


def test_an_empty_database_is_no_store(location: str) -> None:
    with pytest.raises(StoreError, match="graphfeed load SOURCE PATH --store"):
        open_store(location)


def test_wrong_password(location: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEO4J_PASSWORD", "not-the-password")
    with pytest.raises(StoreUnreachableError, match="refuses the user and password of NEO4J_USERNAME") as found:
        open_store(location)
    assert "not-the-password" not in str(found.value)


def test_no_password(location: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NEO4J_PASSWORD")
    with pytest.raises(StoreUnreachableError, match="set NEO4J_USERNAME and NEO4J_PASSWORD"):
        open_store(location)


@pytest.mark.parametrize("scheme", ["bolt", "neo4j"])
def test_unreachable(scheme: str) -> None:
    began = time.monotonic()
    with pytest.raises(StoreUnreachableError, match=r"no server answers at .*://127\.0\.0\.1:9"):
        open_store(f"{scheme}://127.0.0.1:9")
    assert time.monotonic() - began < 10


def test_no_such_database(location: str) -> None:
    with pytest.raises(StoreUnreachableError, match="no database 'nowhere'"):
        open_store(f"{location}/nowhere", create=True)


def test_the_password_is_nowhere(
    feed: GraphStore, neo4j_server: Neo4jServer, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    caplog.set_level(logging.DEBUG)
    with open_store(neo4j_server.uri) as store:
        shown = f"{store!r} {vars(store)} {vars(store._server)}"  # type: ignore[attr-defined]
        publish(store, "g2", [("ann", "p")])
    written = [f.read_bytes() for f in (tmp_path / "workspace").rglob("*") if f.is_file()]
    assert neo4j_server.password not in shown + caplog.text
    assert not any(neo4j_server.password.encode() in content for content in written)


def test_duplicates_in_the_data_forbid_a_constraint(location: str, neo4j_server: Neo4jServer) -> None:
    for row in ask(neo4j_server, "SHOW CONSTRAINTS YIELD name RETURN name"):
        ask(neo4j_server, f"DROP CONSTRAINT {row['name']}")
    ask(neo4j_server, "UNWIND ['x', 'x', 'y'] AS id CREATE (:Entity {id: id})")
    with pytest.raises(StoreError, match=r"several Entity nodes with the same id, for instance 'x' \(2 nodes\)"):
        open_store(location, create=True)
    assert ask(neo4j_server, "SHOW CONSTRAINTS YIELD name RETURN name") == []
    ask(neo4j_server, "MATCH (e:Entity {id: 'x'}) WITH e LIMIT 1 DELETE e")
    with open_store(location, create=True) as store:
        assert store.node_ids("Entity").to_pylist() == ["x", "y"] or store.counts().nodes["Entity"] == 2
        assert store.setup().made == ()
        assert "unique Entity.id" in store.setup().there


# One writer


_WRITER = """
import sys, time
from graphfeed.graph.store import open_store
with open_store(sys.argv[1]) as store, store.change("the long load"):
    print("in", flush=True)
    time.sleep(60)
"""


def test_a_second_writer_is_told_who_is_at_work_and_a_killed_one_lets_go(feed: GraphStore, location: str) -> None:
    writer = subprocess.Popen([sys.executable, "-c", _WRITER, location], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert writer.stdout is not None
    assert writer.stdout.readline() == "in\n"
    began = time.monotonic()
    with pytest.raises(StoreBusyError, match=rf"process {writer.pid} on .*the long load"), feed.change("another"):
        pass
    assert time.monotonic() - began < 2
    writer.kill()
    writer.wait()
    until = time.monotonic() + 5
    while True:
        try:
            with feed.change("now") as change:
                change.write_nodes("User", nodes("User", ["cy"]))
            break
        except StoreBusyError:
            assert time.monotonic() < until
    assert feed.node_ids("User").to_pylist() == ["ann", "bo", "cy"]


# Interrupted


_KILLED = """
import os, signal, sys
from graphfeed.graph.neo4j import apply as neo4j_apply
from graphfeed.graph.neo4j import spool as neo4j_spool
from graphfeed.graph.store import open_store
from tests.store_rows import links, nodes, publish
neo4j_spool.BATCH_ROWS = neo4j_apply.BATCH_ROWS = 10
apply, last = neo4j_apply._Batch.__call__, neo4j_apply.Applier._last
def counted(batch, transaction):
    if batch._number == int(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)
    apply(batch, transaction)
def ended(applier, transaction):
    if sys.argv[3] == "-1":
        os.kill(os.getpid(), signal.SIGKILL)
    last(applier, transaction)
neo4j_apply._Batch.__call__ = counted
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


def test_a_connection_that_breaks(
    feed: GraphStore, neo4j_server: Neo4jServer, location: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(neo4j_spool, "BATCH_ROWS", 10)
    monkeypatch.setattr(neo4j_apply, "BATCH_ROWS", 10)
    monkeypatch.setattr(neo4j_session, "RETRY_SECONDS", 1.0)
    with Cable(neo4j_server.uri) as cable, open_store(cable.uri) as store:
        apply = neo4j_apply._Batch.__call__

        def cut(batch: neo4j_apply._Batch, transaction: object) -> None:
            if batch._number == 2:
                cable.cut()
            apply(batch, transaction)  # type: ignore[arg-type]

        with monkeypatch.context() as patched:
            patched.setattr(neo4j_apply._Batch, "__call__", cut)
            with pytest.raises(StoreUnreachableError, match="the next change from here finishes it first"):
                _load_forty(store)
        with pytest.raises(StoreUnreachableError, match="no server answers"):
            store.counts()
    with feed.change("anything"):
        pass
    assert feed.counts().nodes["User"] == 42


def _load_forty(store: GraphStore) -> None:
    with store.change("the load") as change:
        change.write_nodes("User", nodes("User", [f"u{i}" for i in range(40)]))


def test_a_full_disk_of_the_client_changes_nothing(feed: GraphStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(folder: Path, wanted: int) -> None:
        raise StoreError(f"{folder} has no space for {wanted} bytes")

    with monkeypatch.context() as patched:
        patched.setattr(neo4j_spool, "require_space", full)
        with pytest.raises(StoreError, match="no space"):
            _load_forty(feed)
    assert feed.counts().nodes["User"] == 2
    _load_forty(feed)
    assert feed.counts().nodes["User"] == 42


# What others write


def test_what_others_write_is_read_and_keeps_its_place(feed: GraphStore, neo4j_server: Neo4jServer) -> None:
    version = feed.version()
    ask(neo4j_server, "MATCH (p:Post {id: 'p'}) CREATE (:User {id: 'eve', name: 'Eve'})-[:LIKED]->(p)")
    assert feed.version() != version
    assert feed.node_ids("User").to_pylist() == ["ann", "bo", "eve"]
    assert feed.read_relation("LIKED")[0].source.tolist() == [0, 2]
    with feed.change("more") as change:
        change.write_nodes("User", nodes("User", ["cy", "eve"], name=["Cy", "Evelyn"]))
        change.write_relationships("LIKED", "User", "Post", links("LIKED", [("eve", "p"), ("cy", "p")], at=[7, 8]))
    assert feed.node_ids("User").to_pylist() == ["ann", "bo", "eve", "cy"]
    assert feed.cypher(LIKED) == [
        {"user": "ann", "post": "p", "n": 1},
        {"user": "cy", "post": "p", "n": 1},
        {"user": "eve", "post": "p", "n": 2},
    ]


@pytest.mark.parametrize(
    "text",
    [
        "LOAD CSV FROM 'file:///etc/passwd' AS x RETURN x",
        "CREATE INDEX FOR (n:X) ON (n.y)",
        "CREATE USER mallory SET PASSWORD 'abcdefgh'",
        "MATCH (u:User) CALL (u) { SET u.name = 'x' } IN TRANSACTIONS",
        "CALL db.createLabel('X')",
    ],
)
def test_cypher_leaves_files_users_and_the_schema_alone(feed: GraphStore, text: str) -> None:
    with pytest.raises(QueryError):
        feed.cypher(text)


KEYED = ("recommend", "explain", "explain_paths", "people", "interests", "similar", "trending", "find_user", "post")


@pytest.mark.parametrize("name", [*KEYED, "names", "active_generation"])
def test_queries_with_a_key_scan_no_label(feed: GraphStore, neo4j_server: Neo4jServer, name: str) -> None:
    assert isinstance(feed, Neo4jStore)
    with feed.change("so many that a scan costs something") as change:
        for label in ("User", "Post", "Entity"):
            change.write_nodes(label, nodes(label, [f"{label} {i}" for i in range(300)]))
    ask(neo4j_server, "CALL db.prepareForReplanning(60)")  # what it knows is of an empty database
    query = find_query(name, "neo4j")
    values = {"limit": 3, "depth": 9, "users": ["a"], "posts": ["p"], "entities": ["e"]}
    operators = _operators(_plan(feed, query.text, {word: values.get(word, "x") for word in query.params}))
    scans = {operator for operator in operators if "Scan" in operator}
    if name == "active_generation":  # it has no key, and there are two generations at most
        assert scans == {"NodeByLabelScan"}
    else:
        assert not scans, operators
        assert any("UniqueIndexSeek" in operator for operator in operators)


def _plan(store: Neo4jStore, text: str, parameters: dict[str, Any]) -> dict[str, Any]:
    with store._server._session("READ") as session:
        return session.run(f"EXPLAIN {text}", parameters).consume().plan or {}  # type: ignore[arg-type]


def _operators(plan: dict[str, Any]) -> list[str]:
    return [plan["operatorType"].split("@")[0], *(o for child in plan.get("children", []) for o in _operators(child))]


# Nearest


@pytest.mark.parametrize("unit", [True, False])
def test_nearest_by_the_index(
    feed: GraphStore, neo4j_server: Neo4jServer, monkeypatch: pytest.MonkeyPatch, unit: bool
) -> None:
    vectors = np.random.default_rng(0).standard_normal((300, 8)).astype(np.float32)
    vectors *= np.linspace(0.5, 2, 300, dtype=np.float32)[:, None]
    if unit:
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    ids = [f"e{i}" for i in range(300)]
    with feed.change("embed") as change:
        change.write_nodes("Entity", nodes("Entity", ids))
        change.write_vectors("Entity", "graph_vector", vectors)
    ask(neo4j_server, "CALL db.awaitIndexes(60)")
    monkeypatch.setattr(Reader, "read_vectors", None)  # nothing but the index
    for query in vectors[:5]:
        best = sorted(range(300), key=lambda i, q=query: -float(vectors[i] @ q))  # type: ignore[misc]
        assert [id_ for id_, _ in feed.nearest("Entity", "graph_vector", query, 10)] == [ids[i] for i in best[:10]]
        odd = feed.nearest("Entity", "graph_vector", query, 10, keep=lambda id_: int(id_[1:]) % 10 == 1)
        assert [id_ for id_, _ in odd] == [ids[i] for i in best if i % 10 == 1][:10]
        np.testing.assert_allclose([s for _, s in odd], [vectors[int(i[1:])] @ query for i, _ in odd], rtol=1e-5)


def test_nearest_on_the_calendar_release(
    neo4j_release_2026: Neo4jServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEO4J_USERNAME", neo4j_release_2026.username)
    monkeypatch.setenv("NEO4J_PASSWORD", neo4j_release_2026.password)
    monkeypatch.setenv("GRAPHFEED_WORKSPACE", str(tmp_path / "workspace"))
    vectors = np.eye(4, dtype=np.float32) * np.array([[1], [2], [3], [4]], dtype=np.float32)
    with open_store(empty(neo4j_release_2026), create=True) as store:
        with store.change("load") as change:
            change.write_nodes("Post", nodes("Post", ["a", "b", "c", "d"], created_at=[-1, None, 0, 7]))
            change.write_vectors("Post", "text_vector", vectors)
        ask(neo4j_release_2026, "CALL db.awaitIndexes(60)")
        assert isinstance(store, Neo4jStore)
        rows = neo4j_nearest._by_index(store._server, "Post", "text_vector", np.array([1, 1, 1, 0, 0], np.float32), 2)
        assert [row["id"] for row in rows] == ["c", "b"]
        found = store.nearest("Post", "text_vector", np.array([1, 1, 1, 0], np.float32), 2)
        assert found == [("c", 3.0), ("b", 2.0)]
        np.testing.assert_array_equal(store.read_vectors("Post", "text_vector"), vectors)

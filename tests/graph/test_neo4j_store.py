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
from tests.neo4j_emptied import ask, empty
from tests.neo4j_emptied import location as location
from tests.neo4j_fixture import Neo4jServer
from tests.reopened import feed as feed
from tests.reopened import open_again as open_again
from tests.store_contract import StoreContract, links, nodes, publish

from graphfeed.errors import QueryError, StoreBusyError, StoreError, StoreUnreachableError
from graphfeed.graph.neo4j import nearest as neo4j_nearest
from graphfeed.graph.neo4j.reads import Reader
from graphfeed.graph.neo4j.store import Neo4jStore
from graphfeed.graph.query_files import find_query
from graphfeed.graph.store import GraphStore, open_store

ROOT = Path(__file__).parents[2]
LIKED = "MATCH (u:User)-[r:LIKED]->(p:Post) RETURN u.id AS user, p.id AS post, r.count AS n ORDER BY user, post"


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
    assert time.monotonic() - began < 20


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
    assert time.monotonic() - began < 30  # not when the other one ends
    writer.kill()
    writer.wait()
    until = time.monotonic() + 60
    while True:
        try:
            with feed.change("now") as change:
                change.write_nodes("User", nodes("User", ["cy"]))
            break
        except StoreBusyError:
            assert time.monotonic() < until
    assert feed.node_ids("User").to_pylist() == ["ann", "bo", "cy"]


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


KEYED = (
    "recommend",
    "explain",
    "explain_paths",
    "kept_back",
    "people",
    "interests",
    "similar",
    "trending",
    "find_user",
    "post",
)


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
            change.write_nodes("Entity", nodes("Entity", ["x", "y", "z"]))
            change.write_vectors("Post", "text_vector", vectors)
            change.write_vectors("Entity", "text_vector", np.array([[1, 0], [0.6, 0.8], [-1, 0]], np.float32))
        ask(neo4j_release_2026, "CALL db.awaitIndexes(60)")
        assert isinstance(store, Neo4jStore)
        rows = neo4j_nearest._by_index(store._server, "Post", "text_vector", np.array([1, 1, 1, 0, 0], np.float32), 2)
        assert [id_ for id_, _, _ in rows] == ["c", "b"]
        with monkeypatch.context() as patched:
            patched.setattr(neo4j_nearest, "QueryError", ZeroDivisionError)  # the first way has to do
            near = store.nearest("Entity", "text_vector", np.array([2, 0], np.float32), 2)
        assert near == [("x", pytest.approx(2.0)), ("y", pytest.approx(1.2))]
        found = store.nearest("Post", "text_vector", np.array([1, 1, 1, 0], np.float32), 2)
        assert found == [("c", 3.0), ("b", 2.0)]
        np.testing.assert_array_equal(store.read_vectors("Post", "text_vector"), vectors)

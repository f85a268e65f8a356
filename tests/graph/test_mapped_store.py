"""A graph that is there, used in place: a community in another shape gives the same answers, and is left alone."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import neo4j
import numpy as np
import pytest
from tests.neo4j_emptied import ask, empty
from tests.neo4j_fixture import Neo4jServer, cannot_be_had, running
from tests.other_shape import MAPPING, write_other_shape
from tests.queries.test_query_files import CASES
from tests.queries.toy import NOW, make_toy, publish_toy
from tests.store_rows import links, nodes, publish

from graphfeed.errors import ConfigError, StoreError
from graphfeed.feed import Feed
from graphfeed.graph.embed import embed
from graphfeed.graph.mapping.cypher import CypherMapping
from graphfeed.graph.mapping.parse import parse_graph
from graphfeed.graph.mapping.roles import GraphMapping
from graphfeed.graph.neo4j import rights as neo4j_rights
from graphfeed.graph.neo4j.address import Address, Credentials
from graphfeed.graph.neo4j.server import LTS, ServerSettings, java_way, missing
from graphfeed.graph.neo4j.session import Server
from graphfeed.graph.neo4j.store import Neo4jStore
from graphfeed.graph.query_files import find_query, load_queries
from graphfeed.graph.store import GraphStore, open_store
from graphfeed.graph.tensors import FeedGraph, read_graph

SCANS = ("NodeByLabelScan", "AllNodesScan", "UnionNodeByLabelsScan", "NodeIndexScan")


def mapping(text: str = MAPPING) -> GraphMapping:
    return parse_graph(tomllib.loads(text)["graph"], "graphfeed.toml")


@pytest.fixture(scope="module")
def server(neo4j_server: Neo4jServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Neo4jServer]:
    """The other shape, with the toy's two generations published into it."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("NEO4J_USERNAME", neo4j_server.username)
        patched.setenv("NEO4J_PASSWORD", neo4j_server.password)
        patched.setenv("GRAPHFEED_WORKSPACE", str(tmp_path_factory.mktemp("mapped")))
        empty(neo4j_server)
        write_other_shape(neo4j_server)
        with open_store(neo4j_server.uri, mapping=mapping()) as store:
            for number, generation in enumerate(("g1", "g2")):
                with store.change(f"publish {generation}") as change:
                    publish_toy(change, generation, created_at=NOW + 400 * 86_400_000_000 + number)
        yield neo4j_server


@pytest.fixture(scope="module")
def mapped(server: Neo4jServer) -> Iterator[GraphStore]:
    with open_store(server.uri, mapping=mapping()) as store:
        yield store


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GraphStore]:
    with make_toy(tmp_path_factory.mktemp("toy") / "feed") as store:
        yield store


@pytest.mark.parametrize(("name", "parameters"), [case[:2] for case in CASES])
def test_every_query_answers_alike(
    mapped: GraphStore, plain: GraphStore, name: str, parameters: dict[str, Any]
) -> None:
    assert mapped.run(name, **parameters) == plain.run(name, **parameters)


@pytest.mark.parametrize("name", ["neighbourhood", "recommendation_paths", "captions"])
def test_the_pictures_are_drawn(mapped: GraphStore, name: str) -> None:
    given = {"user": "ann", "post": "bread2", "limit": 5}
    assert mapped.run(name, **{p: given[p] for p in find_query(name, "neo4j").params})


def test_counts_and_generations(mapped: GraphStore, plain: GraphStore) -> None:
    assert mapped.counts() == plain.counts()
    assert mapped.generations() == plain.generations()


def test_the_tensors_are_alike(mapped: GraphStore, plain: GraphStore) -> None:
    ours, theirs = read_graph(mapped), read_graph(plain)
    assert set(ours.data.edge_types) == set(theirs.data.edge_types)
    assert described(ours) == described(theirs)
    for type_ in ("REPLIES_TO", "LINKS_TO", "BLOCKED", "MENTIONS", "INTERESTED_IN"):
        properties = [s.read_relation(type_)[0].properties for s in (mapped, plain)]
        assert sorted(map(repr, properties[0].to_pylist())) == sorted(map(repr, properties[1].to_pylist())), type_


def described(graph: FeedGraph) -> dict[str, Any]:
    """A graph by ids, whatever the order of its nodes."""
    found: dict[str, Any] = {}
    for label, ids in graph.ids.items():
        kinds = [graph.kinds[k] for k in graph.data["Post"].kind] if label == "Post" else [""] * len(ids)
        found[label] = sorted(
            zip(ids.to_pylist(), graph.texts[label], kinds, graph.data[label].time.tolist(), strict=True)
        )
    for source, type_, target in graph.data.edge_types:
        edges = graph.data[source, type_, target]
        a, b = (graph.ids[end].take(edges.edge_index[i].numpy()).to_pylist() for i, end in enumerate((source, target)))
        found[type_] = sorted(zip(a, b, edges.time.tolist(), edges.count.tolist(), strict=True))
    return found


def test_a_readers_own_cypher_is_in_the_graphs_names(mapped: GraphStore) -> None:
    assert mapped.cypher("MATCH (m:Member {login: 'ann'}) RETURN m.called AS name") == [{"name": "Ann Example"}]
    assert mapped.cypher("MATCH (u:User {id: 'ann'}) RETURN u.name AS name") == [{"name": "Not Ann"}]


@pytest.mark.parametrize(
    "name", [n for n, q in load_queries("neo4j").items() if {"user", "post", "users"} & {*q.params}]
)
def test_keys_are_found_by_their_index(server: Neo4jServer, mapped: GraphStore, name: str) -> None:
    query = find_query(name, "neo4j")
    assert mapped.mapping is not None
    text = CypherMapping(mapped.mapping).rewrite(query.text)
    given = {"user": "ann", "post": "bread2", "limit": 5, "depth": 9, "generation": "g2", "live": True}
    given |= {"users": ["ann"], "posts": ["bread2"], "entities": ["rye"]}
    with neo4j.GraphDatabase.driver(server.uri, auth=(server.username, server.password)) as driver:
        found = driver.execute_query(f"EXPLAIN {text}", {p: given[p] for p in query.params}).summary.plan
    operators = list(operators_of(found))
    if name != "newest_eligible":  # reads all posts, as it says
        assert not [o for o in operators if o.startswith(SCANS)], operators


def operators_of(plan: Any) -> Iterator[str]:
    yield str(plan["operatorType"])
    for child in plan.get("children", []):
        yield from operators_of(child)


def test_nearest_with_one_label_and_with_several(mapped: GraphStore) -> None:
    embed(mapped, "tfidf")
    for label, id_ in (("User", "bob"), ("Post", "bread2"), ("Entity", "rye")):
        vectors, ids = mapped.read_vectors(label, "text_vector"), mapped.node_ids(label).to_pylist()
        assert vectors is not None
        assert mapped.nearest(label, "text_vector", vectors[ids.index(id_)], 1)[0][0] == id_


def test_nothing_is_loaded_into_it(server: Neo4jServer, mapped: GraphStore) -> None:
    with pytest.raises(StoreError, match="used in place"):
        Feed(server.uri, mapping()).load("sample")
    with pytest.raises(StoreError, match="nothing is loaded"), mapped.change("load") as change:
        change.write_nodes("User", nodes("User", ["new"]))
    with pytest.raises(StoreError, match="nothing is loaded"), mapped.change("load") as change:
        change.write_relationships("LIKED", "User", "Post", links("LIKED", [("ann", "ask")]))


def test_the_version_is_that_of_graph_and_mapping(server: Neo4jServer, mapped: GraphStore) -> None:
    before = mapped.version()
    with open_store(server.uri, mapping=mapping(MAPPING.replace("equals = 4", "equals = 2"))) as other:
        assert other.version() != before
    ask(server, "CREATE (:Member {login: 'zoe'})")
    changed = mapped.version()
    ask(server, "MATCH (m:Member {login: 'zoe'}) DELETE m")
    assert changed != before
    assert mapped.version() == before


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('label = "Tag"', 'label = "Tags"', "no label 'Tags': did you mean 'Tag'?"),
        ('type = "TAGGED"', 'type = "TAGED"', "no relationship type 'TAGED': did you mean 'TAGGED'?"),
        ('name = "shown"', 'name = "shwon"', "no property 'shwon': did you mean 'shown'?"),
        ('id = "login"', 'id = "shown"', "no node has the key 'shown'"),
    ],
)
def test_names_that_are_not_there(server: Neo4jServer, old: str, new: str, message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        open_store(server.uri, mapping=mapping(MAPPING.replace(old, new, 1)))
    assert message in str(raised.value)


def test_a_key_that_is_not_unique(server: Neo4jServer) -> None:
    ask(server, "CREATE (:Tag {word: 'bread2', shown: 'Bread'})")
    other = mapping(MAPPING.replace('id = "word"', 'id = "shown"'))
    with (
        open_store(server.uri, mapping=other) as store,
        pytest.raises(StoreError, match="several Entity nodes have the id 'Bread'"),
    ):
        store.node_ids("Entity")
    ask(server, "MATCH (t:Tag {word: 'bread2'}) DELETE t")


def test_somebody_elses_generations_are_not_touched(server: Neo4jServer) -> None:
    ask(server, "CREATE (:Generation {name: 'Boomers'})")
    try:
        with pytest.raises(StoreError, match="1 nodes labelled Generation that are not graphfeed's"):
            open_store(server.uri, mapping=mapping())
    finally:
        ask(server, "MATCH (g:Generation {name: 'Boomers'}) DELETE g")


def test_setup_says_which_index_is_missing(server: Neo4jServer) -> None:
    with open_store(server.uri, mapping=mapping(MAPPING.replace('id = "word"', 'id = "shown"'))) as store:
        report = store.setup()
    assert ["Tag.shown" in word and "CREATE CONSTRAINT" in word for word in report.missing] == [True]


def test_a_folder_takes_no_mapping(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="name the server"):
        open_store(tmp_path / "feed", mapping=mapping())


def test_a_missing_privilege_is_said_with_what_to_type(mapped: GraphStore, server: Neo4jServer) -> None:
    assert mapped.refusal("publish") is None
    assert ask(server, "MATCH (n:GraphfeedHidden) RETURN n") == []
    assert isinstance(mapped, Neo4jStore)
    address = Address.parse(server.uri)
    link = Server(address, Credentials.find(address))
    link.mapping = CypherMapping(mapping())
    said = "Create node with labels 'GraphfeedHidden' on database 'neo4j' is not allowed for user 'reader'."
    words = neo4j_rights.in_words(link, "publish", "Neo.ClientError.Security.Forbidden", said)
    link.close()
    assert words is not None
    assert "lacks a privilege for it: Create node with labels 'GraphfeedHidden'" in words
    assert "GRANT SET PROPERTY {text_vector" in words
    assert "NODES `Member`, `Question`, `Answer`, `Tag` TO" in words


def test_what_was_there_stays_as_it_is(server: Neo4jServer) -> None:
    """Publishes, and therefore comes after those that look at what the toy has published."""
    own = ["text_vector", "graph_vector", "text_vector_search", "graph_vector_search"]
    text = (
        "MATCH (n) WHERE NOT n:Generation AND NOT n:GraphfeedStore AND NOT n:GraphfeedLock AND NOT n:GraphfeedHidden"
        " RETURN elementId(n) AS id, labels(n) AS labels, [k IN keys(n) WHERE NOT k IN $own | [k, toString(n[k])]] AS p"
        " ORDER BY id"
    )
    edges = (
        "MATCH (a)-[r]->(b) WHERE r.generation IS NULL RETURN elementId(r) AS id, type(r) AS type, keys(r) AS keys,"
        " elementId(a) AS a, elementId(b) AS b ORDER BY id"
    )
    constraints = "SHOW CONSTRAINTS YIELD labelsOrTypes AS l, properties AS p RETURN l, p ORDER BY l, p"
    before = [ask(server, text, own=own), ask(server, edges), ask(server, constraints)]
    with open_store(server.uri, mapping=mapping()) as store:
        assert embed(store, "tfidf").aside == ""
        vectors = {label: store.read_vectors(label, "text_vector") for label in ("User", "Post", "Entity")}
        publish(store, "g3", [("ann", "oven")])
    assert [ask(server, text, own=own), ask(server, edges), ask(server, constraints)] == before
    assert all(found is not None and found.any() for found in vectors.values())


@pytest.mark.timeout(400)
def test_a_read_only_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Vectors go into the workspace, reading works, publishing says what is missing before it does anything."""
    if sentence := missing(ServerSettings(release=LTS.name, way="java")):
        cannot_be_had(f"needs a server that it can start as read-only: {sentence}")
    monkeypatch.setenv("GRAPHFEED_WORKSPACE", str(tmp_path / "workspace"))
    home = tmp_path / "neo4j"
    with running(home, LTS.name) as server:
        write_other_shape(server)
    text = java_way.configuration_text
    monkeypatch.setattr(java_way, "configuration_text", lambda s: text(s) + "server.databases.read_only=neo4j\n")
    with running(home, LTS.name) as server:
        monkeypatch.setenv("NEO4J_USERNAME", server.username)
        monkeypatch.setenv("NEO4J_PASSWORD", server.password)
        with Feed(server.uri, mapping()) as feed:
            report = feed.embed("tfidf")
            assert "read-only" in report.aside
            vectors = feed.store.read_vectors("Post", "text_vector")
            assert vectors is not None
            assert np.all(vectors.any(axis=1))
            assert feed.embed("tfidf").written == ()
            assert feed.graph().data["Post"].x.shape == vectors.shape
            with pytest.raises(StoreError, match=r"nothing was done: publish writes to .* the database is read-only"):
                feed.publish()
        assert ask(server, "MATCH (n) WHERE n:Generation OR n:GraphfeedStore RETURN n") == []

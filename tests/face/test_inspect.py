"""``graphfeed inspect``: what it makes of graphs that it never saw, and the page that goes the whole way on one."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.neo4j_emptied import ask, empty
from tests.neo4j_fixture import Neo4jServer

import graphfeed
from graphfeed.cli import main
from graphfeed.config import read_config
from graphfeed.errors import StoreError
from graphfeed.feed import Feed
from graphfeed.graph.mapping.parse import parse_graph
from graphfeed.graph.store import open_store

DOCS = Path(__file__).resolve().parents[2] / "docs"
RUN = """
[embed]
encoder = "tfidf"

[split]
window_days = 60

[train]
parts = ["time"]
mixture = { questions = 40, negatives = 40, ridge = [0.001] }

[evaluate]
baselines = false

[publish]
now = "latest"
top = 10

"""
FORUM = """
CREATE (a:User {uuid: 'a', display_name: 'Ada Example', reputation: 12}),
  (b:User {uuid: 'b', display_name: 'Bo Example'}),
  (q:Question {uuid: 'q1', title: 'Why?', body: 'Why is that?', creation_date: 1600000000}),
  (r:Question {uuid: 'q2', title: 'How?', body: 'How so?', creation_date: 1600086400}),
  (s:Answer {uuid: 'x', body: 'So.', is_accepted: true}), (t:Tag {name: 'neo4j'}), (:Setting {key: 'theme'}),
  (a)-[:ASKED]->(q), (b)-[:ASKED]->(r), (b)-[:PROVIDED]->(s), (s)-[:ANSWERED]->(q), (q)-[:TAGGED]->(t),
  (r)-[:TAGGED]->(t), (a)-[:UPVOTED {at: datetime('2020-09-13T12:26:40Z')}]->(s),
  (b)-[:FOLLOWS {since: date('2020-01-01')}]->(a), (r)-[:SEE]->(q), (a)-[:WATCHES]->(t)
"""


@pytest.fixture
def server(neo4j_server: Neo4jServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Neo4jServer]:
    monkeypatch.setenv("NEO4J_USERNAME", neo4j_server.username)
    monkeypatch.setenv("NEO4J_PASSWORD", neo4j_server.password)
    monkeypatch.setenv("GRAPHFEED_WORKSPACE", str(tmp_path / "workspace"))
    for name in ("GRAPHFEED_STORE", "GRAPHFEED_CONFIG"):
        monkeypatch.setenv(name, "")
    monkeypatch.chdir(tmp_path)
    empty(neo4j_server)
    yield neo4j_server
    empty(neo4j_server)


def run(*words: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(words)
    return int(ended.value.code or 0)


def make_movies(server: Neo4jServer) -> None:
    """What docs/movies.cypher says, statement by statement, as Browser and cypher-shell take it."""
    for statement in re.split(r";\s*\n", (DOCS / "movies.cypher").read_text(encoding="utf-8")):
        if statement.strip():
            ask(server, statement)


def roles(text: str) -> dict[str, Any]:
    """For each role the labels or types, a reversed one with a minus."""
    graph = tomllib.loads(text)["graph"]
    found: dict[str, Any] = {}
    for section in graph.values():
        for role, entries in section.items():
            for entry in entries if isinstance(entries, list) else [entries]:
                name = entry.get("label") or ("-" if entry.get("reversed") else "") + entry["type"]
                found.setdefault(role, []).append(name)
    return found


def test_movies(server: Neo4jServer) -> None:
    make_movies(server)
    text = Feed(server.uri).inspect()
    assert roles(text) == {
        "User": ["User"],
        "Post": ["Movie"],
        "Entity": ["Genre", "Person"],
        "MENTIONS": ["-ACTED_IN", "-DIRECTED", "IN_GENRE"],
        "LIKED": ["RATED"],
        "DISLIKED": ["RATED"],
    }
    graph = tomllib.loads(text)["graph"]
    assert graph["nodes"]["Post"]["id"] == {"property": "movieId", "as": "integer"}
    assert graph["nodes"]["Post"]["created_at"] == {"property": "released", "as": "text"}
    assert graph["relationships"]["LIKED"][0]["where"] == {"property": "rating", "at_least": 4}
    assert graph["relationships"]["LIKED"][0]["at"] == {"property": "timestamp", "as": "epoch_seconds"}
    assert "(User)-[:RATED]->(Movie)   7,609" in text
    with open_store(server.uri, mapping=parse_graph(graph, "here")) as store:
        counts = store.counts()
        assert counts.nodes == {"User": 200, "Post": 300, "Entity": 148, "Generation": 0}
        assert (counts.relationships["LIKED"], counts.relationships["DISLIKED"]) == (4570, 746)
        assert store.run("find_user", user="17") == [{"id": "17", "name": "Rolf Applegarth"}]
        assert {id_.partition("-")[0] for id_ in store.node_ids("Entity").to_pylist()} == {"genre", "person"}


def test_a_forum(server: Neo4jServer) -> None:
    ask(server, FORUM)
    before = ask(server, "MATCH (n) RETURN count(n) AS n, sum(size(keys(n))) AS k")
    text = Feed(server.uri).inspect()
    assert roles(text) == {
        "User": ["User"],
        "Post": ["Answer", "Question"],
        "Entity": ["Tag"],
        "REPLIES_TO": ["ANSWERED"],
        "POSTED": ["ASKED", "PROVIDED"],
        "FOLLOWS": ["FOLLOWS"],
        "LINKS_TO": ["SEE"],
        "MENTIONS": ["TAGGED"],
        "LIKED": ["UPVOTED"],
        "INTERESTED_IN": ["WATCHES"],
    }
    graph = tomllib.loads(text)["graph"]
    assert graph["nodes"]["User"]["name"] == "display_name"
    assert graph["nodes"]["Post"][0]["id"] == {"property": "uuid", "prefix": "answer-"}
    assert graph["nodes"]["Post"][1]["created_at"] == {"property": "creation_date", "as": "epoch_seconds"}
    assert graph["relationships"]["FOLLOWS"][0]["at"] == {"property": "since", "as": "date"}
    assert "#   (Setting): joined to neither people nor posts" in text
    assert "GUESS: no constraint holds it unique" in text
    assert ask(server, "MATCH (n) RETURN count(n) AS n, sum(size(keys(n))) AS k") == before
    with open_store(server.uri, mapping=parse_graph(graph, "here")) as store:
        [asked] = store.read_relation("POSTED")
        assert len(asked.source) == 3


def test_what_cannot_be_made_out(server: Neo4jServer, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="holds no nodes"):
        Feed(server.uri).inspect()
    ask(server, "CREATE (:Rock {id: 1})-[:LIES_ON]->(:Rock {id: 2})")
    with pytest.raises(StoreError, match="no label looks like people"):
        Feed(server.uri).inspect()
    with pytest.raises(StoreError, match="the store is the folder"):
        Feed(tmp_path / "feed").inspect()


def test_the_command(server: Neo4jServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ask(server, FORUM)
    assert run("inspect", "--store", server.uri, "--write", "graphfeed.toml") == 0
    assert read_config(tmp_path / "graphfeed.toml").store.location == server.uri
    assert run("inspect", "--store", server.uri, "--write", "graphfeed.toml") == 1
    assert "--force replaces it" in capsys.readouterr().err
    assert run("status") == 0
    assert "2 User, 3 Post, 1 Entity" in capsys.readouterr().out
    assert run("inspect", "--query", "find_user") == 0
    assert "MATCH (u:User {`uuid`: $user})" in capsys.readouterr().out
    assert run("load", "sample") == 1
    assert "used in place" in capsys.readouterr().err
    (tmp_path / "graphfeed.toml").rename(tmp_path / "other.toml")
    assert run("--config", "other.toml", "status") == 0
    assert "2 User, 3 Post, 1 Entity" in capsys.readouterr().out


def test_run_does_all_stages_but_loading(
    server: Neo4jServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_movies(server)
    config = tmp_path / "conf" / "graphfeed.toml"
    config.parent.mkdir()
    head = Feed(server.uri).inspect().partition("\n[embed]")[0]
    config.write_text(head + RUN, encoding="utf-8")
    assert run("run", str(config)) == 0, capsys.readouterr().err
    with graphfeed.open(config=config) as feed:
        assert feed.recommend("17", limit=3)[0].origin == "predicted"
    capsys.readouterr()
    assert run("run", str(config)) == 0
    assert "done: nothing had changed" in capsys.readouterr().err
    config.write_text(head + RUN + '[[load]]\nsource = "sample"\n', encoding="utf-8")
    assert run("run", str(config)) == 1
    assert "has both a [[load]] and a [graph]" in capsys.readouterr().err

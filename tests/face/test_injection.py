"""Cypher injection: words that would break out of a query, as ids, names, texts and arguments, on every store.

Whatever is loaded comes back letter by letter, every command answers or says a sentence, and nothing is changed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.neo4j_emptied import empty
from tests.queries.toy import NOW
from typer.testing import CliRunner

import graphfeed
from graphfeed.cli import app
from graphfeed.graph.store import open_store

BREAKERS = [
    "'",
    '"',
    "`",
    "\\",
    "\\'",
    "'}) DETACH DELETE n //",
    '"}) MATCH (n) DETACH DELETE n //',
    "`) DETACH DELETE n //",
    "\\u0027}) DETACH DELETE n //",
    "\\u0060) DETACH DELETE n //",
    "*/ MATCH (n) DETACH DELETE n /*",
    "a'; MATCH (n) DETACH DELETE n; //",
    "$user",
    "{id: 'x'}",
    "%27%7D",
    "\u2019 \u02bc \uff07",
    "line\u2028separator",
    "--help",
    "-1",
    "x" * 4_000,
]
LONG = "'" * 1_000_000
MAPPING = """
[[nodes]]
file = "people.jsonl"
label = "User"
id = "id"
name = "name"
about = "about"

[[nodes]]
file = "posts.jsonl"
label = "Post"
id = "id"
title = "title"
text = "text"
kind = "kind"
created_at = "at"

[[nodes]]
file = "topics.jsonl"
label = "Entity"
id = "id"
name = "name"
kind = "kind"

[[relationships]]
file = "likes.jsonl"
type = "LIKED"
source = "user"
target = "post"
at = "at"

[[relationships]]
file = "about.jsonl"
type = "MENTIONS"
source = "post"
target = "topic"
"""


def write_world(folder: Path) -> None:
    """Everybody and everything is called by a breaker; everybody liked what comes before and after."""
    at = "2026-01-0{}T00:00:00"
    count = range(len(BREAKERS))
    files = {
        "people": [{"id": b, "name": b, "about": b + LONG} for b in BREAKERS],
        "posts": [{"id": b, "title": b, "text": LONG + b, "kind": b, "at": at.format(1)} for b in BREAKERS],
        "topics": [{"id": b, "name": b, "kind": b} for b in BREAKERS],
        "likes": [
            {"user": BREAKERS[i], "post": BREAKERS[(i + step) % len(BREAKERS)], "at": at.format(1 + step)}
            for i in count
            for step in (1, 2, 5)
        ],
        "about": [{"post": b, "topic": b} for b in BREAKERS],
    }
    for name, rows in files.items():
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / f"{name}.jsonl").write_text(text, encoding="utf-8")
    (folder / "graphfeed.toml").write_text(MAPPING, encoding="utf-8")


@pytest.fixture(scope="module", params=["embedded", "neo4j"])
def location(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A published store of that world."""
    folder = tmp_path_factory.mktemp("injection")
    write_world(folder)
    with pytest.MonkeyPatch.context() as patch:
        found = str(folder / "feed")
        if request.param == "neo4j":
            server = request.getfixturevalue("neo4j_server")
            found = empty(server)
            patch.setenv("NEO4J_USERNAME", server.username)
            patch.setenv("NEO4J_PASSWORD", server.password)
            patch.setenv("GRAPHFEED_WORKSPACE", str(folder / "workspace"))
        with graphfeed.open(found) as feed:
            report = feed.load("tables", folder, mapping=folder / "graphfeed.toml")
            assert (report.read, report.rejected) == (7 * len(BREAKERS), 0)
            publish_all(found)
        yield found
        if request.param == "neo4j":
            empty(server)


def publish_all(location: str) -> None:
    """Every post for everybody, with reasons that name everything."""
    import pyarrow as pa

    from graphfeed.graph.schema import PREDICTED, PREDICTION_SCHEMA, Generation

    with open_store(location) as store, store.change("publish") as change:
        for type_, ends in PREDICTED.items():
            if "Generation" in ends:
                continue
            rows = [
                {
                    "source": source,
                    "target": target,
                    "rank": rank,
                    "score": 1 / rank,
                    "generation": "g",
                    "reasons": json.dumps([{"type": "topic", "share": 0.5, "path": [source, target, target, target]}]),
                }
                for source in BREAKERS
                for rank, target in enumerate((t for t in BREAKERS if t != source), 1)
            ]
            change.write_predictions(type_, pa.Table.from_pylist(rows, PREDICTION_SCHEMA))
        change.activate(Generation("g", NOW, NOW, "model", "encoder", "{}", tuple(BREAKERS), active=True))


def state(location: str) -> dict[str, object]:
    with open_store(location) as store:
        return {
            "counts": store.counts(),
            "people": store.node_ids("User").to_pylist(),
            "names": store.read_nodes("User", ["name"])["name"].to_pylist(),
            "kinds": store.read_nodes("Post", ["kind"])["kind"].to_pylist(),
            "texts": store.read_nodes("Post", ["text"])["text"].to_pylist(),
        }


def test_what_was_loaded_comes_back(location: str) -> None:
    found = state(location)
    assert found["people"] == found["names"] == found["kinds"] == BREAKERS
    assert found["texts"] == [LONG + b for b in BREAKERS]


COMMANDS: dict[str, Callable[[str], list[str]]] = {
    "recommend": lambda word: ["recommend", "--", word],
    "explain": lambda word: ["explain", "--", word, word],
    "similar": lambda word: ["similar", "--", word],
    "people": lambda word: ["people", "--", word],
    "interests": lambda word: ["interests", "--", word],
}


@pytest.mark.parametrize("command", COMMANDS)
def test_arguments_are_values(command: str, location: str) -> None:
    before = state(location)
    for word in [*BREAKERS, "nobody' OR 1=1 //", LONG[:100_000]]:
        name, *rest = COMMANDS[command](word)
        result = CliRunner().invoke(app, [name, "--store", location, "--json", *rest])
        assert isinstance(result.exception, (type(None), SystemExit, graphfeed.GraphfeedError)), word[:40]
        assert len(str(result.exception)) < 1_000
        if word in BREAKERS:
            assert result.exit_code == 0, (word[:40], result.output[:300])
            if command not in ("explain",):
                assert len(json.loads(result.stdout)) > 0
    assert state(location) == before


def test_a_reader_s_own_cypher_cannot_write(location: str) -> None:
    before = state(location)
    for text in (
        "MATCH (n) DETACH DELETE n",
        "MATCH (n) SET n.name = 'x'",
        "CREATE (:User {id: 'x'})",
        "MATCH (u:User) CALL { CREATE (:User) } RETURN u",
        "MATCH (n) RETURN n; MATCH (m) DETACH DELETE m",
        "DROP CONSTRAINT graphfeed_user_id",
        "LOAD CSV FROM 'file:///etc/passwd' AS row RETURN row",
        "CALL db.createLabel('x')",
    ):
        result = CliRunner().invoke(app, ["cypher", text, "--store", location])
        assert result.exit_code != 0, text
        assert isinstance(result.exception, graphfeed.GraphfeedError), (text, result.exception)
    assert state(location) == before

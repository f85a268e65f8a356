"""The blocks of the pages that speak to Neo4j, on the tests' server in place of the pages' addresses."""

from __future__ import annotations

import random
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.docs.pages import ROOT, SHOWN, blocks
from tests.docs.terminal import Terminal
from tests.docs.test_blocks import on_server
from tests.neo4j_emptied import ask, empty
from tests.neo4j_fixture import Neo4jServer
from tests.readme_worlds import make_dump

from graphfeed.graph.mapping.parse import parse_graph

MOVIES = ROOT / "docs" / "existing-graph.md"
ADDRESSES = ("neo4j://127.0.0.1:7687", "neo4j://host:7687", "neo4j://graph.example.org:7687")
SHORTENED = {
    "train": ("--epochs", "0", "--window-days", "60"),
    "evaluate": ("--no-baselines",),
    "publish": ("--top", "20"),
}
"""What the way of existing-graph.md is shortened by here."""
QUICK = {"embed": ("--encoder", "tfidf"), "train": ("--epochs", "0")}
"""The README's commands are run without it on the embedded store."""
PAGES = [page for page in SHOWN if page != MOVIES and any(on_server(b) and b.runs for b in blocks(page))]


@pytest.fixture
def server(neo4j_server: Neo4jServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Neo4jServer]:
    """Empty before and after; its password lies where the pages look for it."""
    for file in (tmp_path / "password.txt", tmp_path / ".local/share/graphfeed/neo4j/password"):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(neo4j_server.password, encoding="utf-8")
    monkeypatch.setenv("GRAPHFEED_WORKSPACE", str(tmp_path / "workspace"))
    monkeypatch.setenv("HOME", str(tmp_path))
    empty(neo4j_server)
    yield neo4j_server
    empty(neo4j_server)


def terminal(
    server: Neo4jServer, folder: Path, patch: pytest.MonkeyPatch, **how: dict[str, tuple[str, ...]]
) -> Terminal:
    there = dict.fromkeys(ADDRESSES, server.uri)
    there["NEO4J_USERNAME=neo4j"] = f"NEO4J_USERNAME={server.username}"
    made = Terminal(folder, patch, stands_for=there, **how)
    patch.setenv("NEO4J_USERNAME", server.username)
    patch.setenv("NEO4J_PASSWORD", server.password)
    return made


@pytest.mark.timeout(600)
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page(page: Path, server: Neo4jServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_dump(tmp_path / "dumps" / "quantumcomputing", random.Random(0))
    user = terminal(server, tmp_path, monkeypatch, shortened=QUICK)
    for block in blocks(page):
        if on_server(block):
            user.type(block)
    if "load" in user.ran:
        assert ask(server, "MATCH (u:User {id: '26'}) RETURN u.name AS name") == [{"name": "Example 26"}]


@pytest.mark.timeout(600)
def test_a_graph_that_is_already_there(server: Neo4jServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for statement in re.split(r";\s*\n", (ROOT / "docs" / "movies.cypher").read_text(encoding="utf-8")):
        if statement.strip():
            ask(server, statement)
    user = terminal(server, tmp_path, monkeypatch, shortened=SHORTENED)
    for block in blocks(MOVIES):
        user.type(block)
        if block.mark == "graph":
            written = tomllib.loads((tmp_path / "graphfeed.toml").read_text(encoding="utf-8"))
            assert parse_graph(tomllib.loads(block.text)["graph"], block.place) == parse_graph(written["graph"], "it")
        elif block.mark == "example":
            parse_graph(tomllib.loads(block.text)["graph"], block.place)
    assert user.ran == ["inspect", "status", "embed", "train", "evaluate", "publish", "recommend", "inspect"]
    assert ask(server, "MATCH (:User {userId: 17})-[r:RECOMMENDED]->(m:Movie) RETURN count(r) AS n")[0]["n"] > 10

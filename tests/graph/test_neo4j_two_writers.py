"""Two processes publish to one Neo4j database at the same moment: one wins, the other says who is at it."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.neo4j_emptied import empty
from tests.neo4j_fixture import Neo4jServer
from tests.store_rows import SEEN, nodes, publish

from graphfeed.graph.store import GraphStore, open_store

ROOT = Path(__file__).parents[2]


@pytest.fixture
def feed(neo4j_server: Neo4jServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GraphStore]:
    """Two users, a post, one generation."""
    monkeypatch.setenv("NEO4J_USERNAME", neo4j_server.username)
    monkeypatch.setenv("NEO4J_PASSWORD", neo4j_server.password)
    monkeypatch.setenv("GRAPHFEED_WORKSPACE", str(tmp_path / "workspace"))
    with open_store(empty(neo4j_server), create=True) as store:
        with store.change("load") as change:
            change.write_nodes("User", nodes("User", ["ann", "bo"]))
            change.write_nodes("Post", nodes("Post", ["p"]))
        publish(store, "g1", [("bo", "p")])
        yield store


_PUBLISHER = """
import sys
from graphfeed.errors import StoreBusyError
from graphfeed.graph.store import open_store
from tests.store_rows import generation, predictions
name = sys.argv[2]
with open_store(sys.argv[1]) as store:
    print("ready", flush=True)
    for number in range(int(sys.argv[3])):
        sys.stdin.readline()
        id_ = f"{name}{number}"
        try:
            with store.change(f"publish {id_}") as change:
                change.write_predictions("RECOMMENDED", predictions(id_, [("ann", "p"), ("bo", "p")]))
                change.activate(generation(id_, 10 + number))
                print("in", flush=True)
                sys.stdin.readline()
            print("done", flush=True)
        except StoreBusyError as error:
            print(f"busy: {error}", flush=True)
"""
_ROUNDS = 8


def test_of_two_publishes_at_once_one_wins_and_the_other_says_who(feed: GraphStore) -> None:
    location = feed.location
    both = {
        name: subprocess.Popen(
            [sys.executable, "-c", _PUBLISHER, location, name, str(_ROUNDS)],
            **{"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "cwd": ROOT, "bufsize": 1},
        )
        for name in ("left", "right")
    }

    def tell(name: str) -> None:
        both[name].stdin.write("go\n")  # type: ignore[union-attr]

    def hear(name: str) -> str:
        return both[name].stdout.readline().strip()  # type: ignore[union-attr]

    try:
        assert [hear(name) for name in both] == ["ready", "ready"]
        for number in range(_ROUNDS):
            for name in both:
                tell(name)
            heard = {name: hear(name) for name in both}
            (winner,) = [name for name, word in heard.items() if word == "in"]
            (sentence,) = [word for word in heard.values() if word != "in"]
            who = rf"process {both[winner].pid} on .*: publish {winner}{number}\); wait for it to end"
            assert re.search(rf"busy: {re.escape(location)} is being written to by another process \({who}", sentence)
            tell(winner)
            assert hear(winner) == "done"
            assert {(r["generation"], r["user"]) for r in feed.cypher(SEEN)} == {
                (f"{winner}{number}", "ann"),
                (f"{winner}{number}", "bo"),
            }
            assert feed.counts().relationships["RECOMMENDED"] == (3 if number == 0 else 4)
    finally:
        for child in both.values():
            child.kill()
            child.communicate()

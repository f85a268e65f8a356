"""The commands and methods that ask the whole graph: search, trending, who, path, communities, central, cold."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.face.test_injection import BREAKERS, LONG, location, state
from tests.queries.planted_town import NOW, make_town
from tests.store_rows import links, nodes
from typer.testing import CliRunner

import graphfeed
from graphfeed.cli import app
from graphfeed.graph.store import open_store

__all__ = ["location"]  # a fixture


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("town") / "feed"
    make_town(folder).close()
    return str(folder)


def said(town: str, *words: str) -> str:
    result = CliRunner().invoke(app, [words[0], "--store", town, *words[1:]])
    assert result.exit_code == 0, (words, result.output, result.exception)
    return result.stdout


def as_json(town: str, *words: str) -> Any:
    return json.loads(said(town, *words, "--json"))


def test_commands_answer_as_the_methods_do(town: str) -> None:
    with graphfeed.open(town) as feed:
        assert as_json(town, "search", "bread", "--for", "ben") == feed.search("bread", user="ben").to_dict()
        assert as_json(town, "trending", "--now", "latest") == [t.to_dict() for t in feed.trending(now="latest")]
        assert as_json(town, "trending", "--now", "latest", "--entities") == [
            t.to_dict() for t in feed.trending(now=NOW, entities=True)
        ]
        assert as_json(town, "who", "bakery") == [reader.to_dict() for reader in feed.who("bakery")]
        assert as_json(town, "path", "bread", "chess") == [path.to_dict() for path in feed.path("bread", "chess")]
        assert as_json(town, "communities") == feed.communities().to_dict()
        assert as_json(town, "central", "--posts") == [one.to_dict() for one in feed.central("Post")]
        people, posts = feed.cold("User", few=2), feed.cold("Post", few=2)
        assert as_json(town, "cold", "--few", "2") == [people.to_dict(), posts.to_dict()]
        assert as_json(town, "cold", "--few", "2", "--people") == [people.to_dict()]


def test_what_a_person_reads(town: str) -> None:
    found = said(town, "search", "opening", "--by", "text", "--for", "ben")
    assert "1  The opening of the bakery  article, bakery  words 2, person 1" in found
    assert "Bread from eight in the morning." in found
    found = said(town, "search", "zzz", "--by", "text")
    assert found == "nothing is found among the posts; --people and --entities search those\n"
    assert said(town, "search", "zzz", "--by", "text", "--people") == "nothing is found among the people\n"
    found = said(town, "trending", "--now", "latest", "-k", "1")
    assert "1  The knight's fork  article, fork  " in found
    assert "(4 acts by 4 people)" in found
    assert "with 3 posts)" in said(town, "trending", "--now", "latest", "--entities")
    found = said(town, "who", "late", "-k", "1")
    assert "engaged with what reads like it" in found
    assert "it reads like “" in found
    assert "number 1 in their list" in said(town, "who", "bakery")
    found = said(town, "path", "bread", "chess", "-k", "1")
    assert "4 steps" in found
    assert (
        "Bread (bread)\n     → is a topic of “A loaf for beginners” (loaf)\n     → was liked by Cleo Example (cleo)"
        in found
    )
    assert "→ viewed “The knight's fork” (fork)\n     → is about Chess (chess)" in found
    assert "wrote" in said(town, "path", "ada", "loaf")
    assert "no path of 6 steps or fewer joins them" in said(town, "path", "ada", "lonely")
    found = said(town, "communities")
    assert "2 communities, modularity 0." in found
    assert "6 nodes without any relationship" in found
    assert "most important people: Ada Example (ada)" in found
    assert "‰" in said(town, "central", "--entities")
    found = said(town, "cold", "--people", "--few", "1")
    assert "1 of 7 people (14%) are cold; of these" in found
    assert "1  Gus Example  gus  0 engagements; says nothing about themselves" in found


def test_what_has_no_name_is_called_by_its_text_or_once_by_its_id(tmp_path: Path) -> None:
    with open_store(tmp_path / "feed", create=True) as made, made.change("load") as change:
        change.write_nodes("User", nodes("User", ["u1"]))
        change.write_nodes("Post", nodes("Post", ["p1", "p2"], text=["Words " * 30, None]))
        liked = links("LIKED", [("u1", "p1"), ("u1", "p2")], at=[NOW, NOW - 1])
        change.write_relationships("LIKED", "User", "Post", liked)
    store = str(tmp_path / "feed")
    beginning = "Words Words Words Words Words Words Words Words Words Words Words Words Words W…"
    for words in (["trending", "--now", "latest"], ["central", "--posts"], ["cold", "--posts"]):
        first, second = sorted(line for line in said(store, *words).splitlines() if line.startswith(("  1 ", "  2 ")))
        if words[0] == "cold":
            first, second = second, first
        assert beginning in first, words
        assert (first.count("p1"), second.split()[1], second.count("p2")) == (1, "p2", 1), words
    assert said(store, "central").startswith("  1  u1  community 0  ")
    assert "most important people: u1\n" in said(store, "communities")
    assert "person u1\n     → liked “Words" in said(store, "path", "u1", "p1")


def test_importance_that_says_nothing_is_not_called_importance(tmp_path: Path) -> None:
    people = [f"u{n}" for n in range(9)]
    with open_store(tmp_path / "feed", create=True) as made, made.change("load") as change:
        change.write_nodes("User", nodes("User", people))
        change.write_nodes("Post", nodes("Post", ["p1"]))
        liked = [(person, "p1") for person in people]
        change.write_relationships("LIKED", "User", "Post", links("LIKED", liked))
    store = str(tmp_path / "feed")
    assert said(store, "central").endswith("nothing leads to one in particular.\n")
    assert "most important" not in said(store, "communities")
    assert "equally" not in said(store, "central", "--posts")
    assert "most important posts: p1\n" in said(store, "communities", "--posts")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["search", ""], "the text to search for is empty"),
        (["search", "x", "--by", "magic"], "goes by both, text, vector, found 'magic'"),
        (["search", "x", "--people", "--entities"], "exclude each other"),
        (["search", "x", "--for", "nobody"], "no person has the id 'nobody'"),
        (["trending", "--now", "soon"], "--now takes clock, latest or a date"),
        (["trending", "--half-life-days", "0"], "above 0"),
        (["trending", "--entity", "nothing"], "no entity has the id or the name 'nothing'"),
        (["who", "nothing"], "no post has the id 'nothing'"),
        (["path", "ada", "nothing"], "no person, post or entity has the id 'nothing'"),
        (["path", "ada", "ben", "--longest", "9"], "1 to 6 steps at most, found 9"),
        (["central", "--people", "--posts"], "exclude each other"),
        (["cold", "--people", "--posts"], "exclude each other"),
    ],
)
def test_one_clear_sentence(town: str, words: list[str], sentence: str) -> None:
    result = CliRunner().invoke(app, [words[0], "--store", town, *words[1:]])
    assert result.exit_code != 0
    assert isinstance(result.exception, graphfeed.GraphfeedError)
    assert sentence in str(result.exception)
    assert "\n" not in str(result.exception)


LIGHT = """
import sys
from graphfeed.cli import app
from typer.testing import CliRunner
for words in (["search", "bread", "--by", "text"], ["trending"], ["who", "bakery"], ["path", "ada", "ben"], ["cold"]):
    result = CliRunner().invoke(app, [words[0], "--store", sys.argv[1], *words[1:]])
    assert result.exit_code == 0, result.output
print([name for name in ("torch", "sklearn", "transformers", "networkx", "neo4j", "sknetwork") if name in sys.modules])
result = CliRunner().invoke(app, ["communities", "--store", sys.argv[1]])
result = CliRunner().invoke(app, ["search", "bread", "--store", sys.argv[1]])
result = CliRunner().invoke(app, ["search", "loaf", "--store", sys.argv[1]])
assert result.exit_code == 0 and "meaning" in result.output, result.output
print([name for name in ("torch", "transformers") if name in sys.modules])
"""


def test_asking_loads_nothing_heavy(town: str) -> None:
    done = subprocess.run([sys.executable, "-c", LIGHT, town], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["[]", "[]"]


QUESTIONS = {
    "search": lambda word: ["search", "--by", "text", "--", word],
    "search-for": lambda word: ["search", "--by", "text", f"--for={word}", "topic"],
    "search-kind": lambda word: ["search", "--by", "text", f"--kind={word}", "line"],
    "trending": lambda word: ["trending", f"--entity={word}", "--now", "2026-01-09"],
    "who": lambda word: ["who", "--", word],
    "path": lambda word: ["path", "--", f"User:{word}", f"Post:{word}"],
}


@pytest.mark.parametrize("command", QUESTIONS)
def test_arguments_are_values(command: str, location: str) -> None:
    before = state(location)
    for word in [*BREAKERS, "nobody' OR 1=1 //", LONG[:100_000]]:
        name, *rest = QUESTIONS[command](word)
        result = CliRunner().invoke(app, [name, "--store", location, "--json", *rest])
        assert isinstance(result.exception, (type(None), SystemExit, graphfeed.GraphfeedError)), word[:40]
        assert len(str(result.exception)) < 1_000
        if word in BREAKERS and command != "search":  # most of them hold no word to search for
            assert result.exit_code == 0, (word[:40], result.output[:300], result.exception)
            if command in ("trending", "who", "path"):
                assert len(json.loads(result.stdout)) > 0
    assert state(location) == before


def test_the_whole_can_be_asked_there(location: str) -> None:
    before = state(location)
    for words in (["communities"], ["central", "--entities"], ["cold"]):
        result = CliRunner().invoke(app, [words[0], "--store", location, "--json", *words[1:]])
        assert result.exit_code == 0, (words, result.exception)
    assert state(location) == before

"""The commands export, import and copy, and the methods of ``Feed``, on both stores."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.face.test_injection import BREAKERS, LONG, publish_all, write_world
from tests.graph.exchange_world import fill, state_of
from tests.neo4j_emptied import empty
from typer.testing import CliRunner

import graphfeed
from graphfeed.cli import app
from graphfeed.errors import ConfigError, SourceError, StoreError
from graphfeed.graph.embed import CACHE_FILE
from graphfeed.graph.exchange.transfer import TransferSettings
from graphfeed.graph.store import open_store
from graphfeed.graph.vector_cache import VectorCache, text_key


def run(*arguments: str, fails: type[BaseException] | None = None) -> str:
    """What a command printed."""
    result = CliRunner().invoke(app, list(arguments))
    if fails is None:
        assert result.exit_code == 0, (result.output, result.exception)
    else:
        assert isinstance(result.exception, fails), (result.output, result.exception)
        return str(result.exception)
    return result.output


@pytest.fixture
def feed(tmp_path: Path) -> str:
    with open_store(tmp_path / "feed", create=True) as store:
        fill(store)
    return str(tmp_path / "feed")


def state(location: str) -> dict[str, object]:
    with open_store(location) as store:
        return state_of(store)


def test_export_and_import(feed: str, tmp_path: Path) -> None:
    out, again = str(tmp_path / "out"), str(tmp_path / "again")
    said = run("export", out, "--store", feed)
    assert "11  nodes/Post.parquet" in said
    assert f"wrote {out}" in said
    assert "not in it: the trained model" in said
    said = run("import", out, "--store", again)
    assert "10 User, 11 Post, 10 Entity" in said
    assert "vectors: User.text_vector" in said
    assert "published: g1, g'2" in said
    assert "read back and found equal: checksum " in said
    assert state(again) == state(feed)
    assert "held this graph already; nothing to do" in run("import", out, "--store", again)
    assert "--force" in run("export", out, "--store", feed, fails=ConfigError)
    run("export", out, "--store", feed, "--force")


def test_as_json(feed: str, tmp_path: Path) -> None:
    said = json.loads(run("export", str(tmp_path / "a.json"), "--store", feed, "--json"))
    assert (said["format"], said["rows"]["User"]) == ("json", 10)
    said = json.loads(run("import", str(tmp_path / "a.json"), "--store", str(tmp_path / "b"), "--json"))
    assert said["nodes"] == {"User": 10, "Post": 11, "Entity": 10}
    assert any("predictions (RECOMMENDED)" in sentence for sentence in said["left_out"])
    said = json.loads(run("copy", "--from", feed, "--to", str(tmp_path / "c"), "--json"))
    assert said["generations"] == ["g1", "g'2"]
    assert said["per_second"] > 0


def test_copy(feed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with VectorCache(Path(feed) / CACHE_FILE) as cache:
        cache.put("words", "1", {text_key("a"): [1.0, 2.0]})
    other = str(tmp_path / "other")
    monkeypatch.setenv("GRAPHFEED_STORE", feed)
    assert "next: graphfeed status" in run("copy", "--to", other)
    assert state(other) == state(feed)
    with VectorCache(Path(other) / CACHE_FILE) as cache:
        assert list(cache.get("words", "1", [text_key("a")])) == [text_key("a")]
    assert "one store" in run("copy", "--to", f"{feed}/../feed", fails=ConfigError)
    assert "no store at" in run("copy", "--from", str(tmp_path / "none"), "--to", other, fails=StoreError)
    full = str(tmp_path / "sample")
    run("load", "sample", "--store", full)
    assert "--merge" in run("copy", "--to", full, fails=StoreError)
    said = run("copy", "--to", full, "--merge")
    assert "this was added to it" in said
    assert "left out: the store holds other things" in said
    assert "Neo4j" in run("copy", "--to", str(tmp_path / "new"), "--bulk", fails=StoreError)


def test_a_cache_that_is_damaged_stays_behind(feed: str, tmp_path: Path) -> None:
    (Path(feed) / CACHE_FILE).write_text("no database")
    run("copy", "--from", feed, "--to", str(tmp_path / "other"))
    assert not list((tmp_path / "other").glob(f"{CACHE_FILE}*"))


def test_from_python(feed: str, tmp_path: Path) -> None:
    with graphfeed.open(feed) as ours, graphfeed.open(tmp_path / "other") as other:
        assert ours.to_pandas(["User"])["User"].shape == (10, 6)
        assert graphfeed.to_networkx(ours).number_of_nodes() == ours.to_networkx().number_of_nodes() == 31
        assert ours.copy_to(other).found == "nothing"
        assert ours.export(tmp_path / "out").format == "parquet"
        report = other.import_from(tmp_path / "out", TransferSettings(merge=True))
        assert report.found == "the same graph"
        with pytest.raises(SourceError, match="there is no"):
            other.import_from(tmp_path / "nothing")


@pytest.fixture(params=["embedded", "neo4j"])
def odd(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A published store in which everything is called by words that would break out of a query."""
    write_world(tmp_path)
    location = str(tmp_path / "odd")
    if request.param == "neo4j":
        server = request.getfixturevalue("neo4j_server")
        location = empty(server)
        monkeypatch.setenv("NEO4J_USERNAME", server.username)
        monkeypatch.setenv("NEO4J_PASSWORD", server.password)
        monkeypatch.setenv("GRAPHFEED_WORKSPACE", str(tmp_path / "workspace"))
    with graphfeed.open(location) as feed:
        feed.load("tables", tmp_path, mapping=tmp_path / "graphfeed.toml")
    publish_all(location)
    yield location
    if request.param == "neo4j":
        empty(request.getfixturevalue("neo4j_server"))


def test_words_that_would_break_out_are_carried(odd: str, tmp_path: Path) -> None:
    before = state(odd)
    run("export", str(tmp_path / "out"), "--store", odd)
    run("import", str(tmp_path / "out"), "--store", str(tmp_path / "imported"))
    run("copy", "--from", odd, "--to", str(tmp_path / "copied"))
    for name in ("imported", "copied"):
        assert state(str(tmp_path / name)) == before
    for word in [*BREAKERS[:-1], LONG[:100_000]]:
        for command in (
            ["import", "--store", odd, "--", word],
            ["export", "--store", odd, "--format", word, "--", str(tmp_path / "x")],
            ["export", "--store", odd, "--", f"{tmp_path}/no/such\0{word}"],
            ["copy", "--from", odd, "--to", f"nowhere://{word}"],
        ):
            result = CliRunner().invoke(app, command)
            assert result.exit_code != 0
            assert isinstance(result.exception, (SystemExit, graphfeed.GraphfeedError)), (command[0], word[:40])
            assert len(str(result.exception)) < 1_000
    assert state(odd) == before

"""``graphfeed report`` on both stores, on a graph used in place, and on words that would break out of a query."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from lxml import html
from tests.face.test_injection import BREAKERS, location, state  # noqa: F401
from tests.face.test_report import commands, findings, page_of, without_the_moment
from tests.neo4j_emptied import empty
from tests.neo4j_fixture import Neo4jServer
from tests.other_shape import MAPPING, write_other_shape
from tests.queries.toy import NOW, make_toy, publish_toy
from typer.testing import CliRunner

from graphfeed.cli import app
from graphfeed.errors import UnknownNodeError
from graphfeed.feed import Feed
from graphfeed.graph.mapping.parse import parse_graph
from graphfeed.report.section import clean


def test_arguments_and_names_are_values(location: str, tmp_path: Path) -> None:  # noqa: F811
    before = state(location)
    for name, words in (("first", BREAKERS[:10]), ("second", BREAKERS[10:])):
        target = tmp_path / f"{name}'`$user.html"
        users = [f"--user={word}" for word in words]
        result = CliRunner().invoke(
            app, ["report", "--store", location, "-o", str(target), "--title", BREAKERS[5], *users]
        )
        assert result.exit_code == 0, result.output
        page = html.parse(str(target), html.HTMLParser(encoding="utf-8")).getroot()
        assert page.findtext(".//h1") == BREAKERS[5]
        assert page.xpath("//section[@id='paths']//h3/bdi/text()") == [clean(word) for word in words]
    for word in ("nobody' OR 1=1 //", "`" * 100_000):
        result = CliRunner().invoke(app, ["report", "--store", location, "-o", str(tmp_path / "no"), f"--user={word}"])
        assert isinstance(result.exception, UnknownNodeError)
        assert len(str(result.exception)) < 1_000
    assert not (tmp_path / "no").exists()
    assert state(location) == before


def as_on_neo4j(server: Neo4jServer, monkeypatch: pytest.MonkeyPatch, folder: Path, mapping: str | None = None) -> Feed:
    monkeypatch.setenv("NEO4J_USERNAME", server.username)
    monkeypatch.setenv("NEO4J_PASSWORD", server.password)
    monkeypatch.setenv("GRAPHFEED_WORKSPACE", str(folder / "workspace"))
    import tomllib

    return Feed(server.uri, parse_graph(tomllib.loads(mapping)["graph"], "here") if mapping else None)


def test_both_stores_give_the_same_page(
    neo4j_server: Neo4jServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vectors = np.random.default_rng(0).normal(size=(11, 6)).astype(np.float32)
    pages = []
    on_neo4j = as_on_neo4j(neo4j_server, monkeypatch, tmp_path)
    for place in (tmp_path / "feed", empty(neo4j_server)):
        make_toy(place).close()
        with Feed(place) if place != neo4j_server.uri else on_neo4j as feed:
            with feed.store.change("vectors") as change:
                order = {id_: i for i, id_ in enumerate(sorted(feed.store.node_ids("Post").to_pylist()))}
                ids = feed.store.node_ids("Post").to_pylist()
                change.write_vectors("Post", "text_vector", vectors[[order[id_] for id_ in ids]])
            pages.append(page_of(feed, tmp_path, title="toy"))
    assert without_the_moment(pages[0]) == without_the_moment(pages[1])
    found = findings(pages[0])
    assert found["contents"] == "4 people, 11 posts and 2 topics are joined by 17 observed relationships."
    assert found["exposure"].startswith("The most shown tenth of 3 authors has ")
    assert "Ann Example" in pages[0].xpath("string(//section[@id='paths'])")
    empty(neo4j_server)


def test_a_graph_that_is_used_in_place(
    neo4j_server: Neo4jServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty(neo4j_server)
    write_other_shape(neo4j_server)
    with as_on_neo4j(neo4j_server, monkeypatch, tmp_path, MAPPING) as feed:
        feed.setup()
        loaded = page_of(feed, tmp_path)
        with feed.store.change("publish") as change:
            publish_toy(change, "g2", created_at=NOW)
        page = page_of(feed, tmp_path)
    assert findings(loaded)["contents"].startswith("4 people, 11 posts and 2 topics are joined by ")
    assert "graphfeed publish" in commands(loaded)
    assert findings(page)["exposure"].startswith("The most shown tenth of 3 authors has ")
    assert "Second rise" in page.xpath("string(//section[@id='paths'])")
    empty(neo4j_server)

"""Neo4j Browser itself, in a headless Chromium, on a real server: the guide, the style, the pictures, saved queries.

The pictures that it took lie in pytest's temporary folder. Skipped where there is no Chromium, with the reason; with
GRAPHFEED_BROWSER_REQUIRED=1, as in continuous integration, it fails there.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from benchmarks.pictures import BrowserPage, chromium, headless, served, window
from tests.neo4j_emptied import empty
from tests.neo4j_fixture import Neo4jServer
from tests.queries.toy import make_toy

from graphfeed.graph.query_files import find_query
from graphfeed.graph.store import GraphStore
from graphfeed.queries.browser import BrowserServer
from graphfeed.queries.browser.style import parse_style, read_style

if TYPE_CHECKING:
    from playwright.sync_api import Browser

REQUIRED_VARIABLE = "GRAPHFEED_BROWSER_REQUIRED"
STYLE = parse_style(read_style())
ANN, BOB, RISE = "Ann Example", "Bob Example", "Second rise"


def cannot_be_had(sentence: str) -> None:
    if os.environ.get(REQUIRED_VARIABLE) == "1":
        pytest.fail(sentence)
    pytest.skip(sentence)


@pytest.fixture(scope="module")
def store(neo4j_server: Neo4jServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GraphStore]:
    if find_spec("playwright") is None:
        cannot_be_had("the dev extra's playwright is not installed")
    if chromium() is None:
        cannot_be_had("no Chromium can be had: apt-get install chromium, or playwright install chromium")
    if neo4j_server.http is None:
        cannot_be_had("the server of NEO4J_URI does not say where its Browser is: run without NEO4J_URI")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("NEO4J_USERNAME", neo4j_server.username)
        patched.setenv("NEO4J_PASSWORD", neo4j_server.password)
        patched.setenv("GRAPHFEED_WORKSPACE", str(tmp_path_factory.mktemp("workspace")))
        with make_toy(empty(neo4j_server)) as made:
            yield made


@pytest.fixture(scope="module")
def content(store: GraphStore, neo4j_server: Neo4jServer) -> Iterator[BrowserServer]:
    dbms = neo4j_server.uri.replace("://", f"://{neo4j_server.username}@")
    assert neo4j_server.http is not None
    with served(store, dbms, neo4j_server.http, "ann") as server:
        yield server


@pytest.fixture(scope="module")
def browser(store: GraphStore) -> Iterator[Browser]:
    with headless() as found:
        yield found


@pytest.fixture(scope="module")
def page(browser: Browser, content: BrowserServer, neo4j_server: Neo4jServer) -> BrowserPage:
    """What somebody sees who has run `graphfeed browse ann` and typed the password."""
    found = window(browser)
    found.connect(f"{content.address}/start", neo4j_server.password)
    return found


def colour(selector: str) -> str:
    return STYLE[selector]["color"]


def test_a_persons_neighbourhood_is_drawn_at_once_and_styled(page: BrowserPage, tmp_path: Path) -> None:
    drawn = page.drawn()
    page.picture(tmp_path / "person.png")
    colours = {node["caption"]: node["colour"] for node in drawn["nodes"]}
    assert colours[ANN] == colours[BOB] == colour("node.User")
    assert colours["Bread"] == colour("node.Entity")
    assert {node["colour"] for node in drawn["nodes"]} == {colour(f"node.{x}") for x in ("User", "Post", "Entity")}
    predicted = [line for line in drawn["relationships"] if line["colour"] == colour("relationship.RECOMMENDED")]
    assert sorted(line["caption"] for line in predicted) == ["no. 1", "no. 4", "no. 5"]
    assert len(drawn["nodes"]) == 9
    assert len(drawn["relationships"]) == 10


def test_the_guide_opens_and_draws_a_recommendations_paths(page: BrowserPage, tmp_path: Path) -> None:
    page.open_guide()
    page.picture(tmp_path / "guide.png")
    page.turn_to("Why was this recommended?")
    page.run_in_guide()
    drawn = page.drawn()
    page.picture(tmp_path / "why.png")
    captions = [node["caption"] for node in drawn["nodes"]]
    assert len(captions) == 4
    assert {ANN, BOB} <= set(captions)
    assert sorted(line["caption"] for line in drawn["relationships"]) == ["liked", "liked", "no. 1", "saved"]


def test_the_saved_queries_are_there(page: BrowserPage) -> None:
    names = page.saved()
    assert names.index("Recommendations with reasons") < names.index("Similar posts")


def test_in_a_browser_of_ones_own_the_commands_work(
    browser: Browser, content: BrowserServer, neo4j_server: Neo4jServer, tmp_path: Path
) -> None:
    """Browser as Neo4j serves it: style and guide by address, and a file of queries/ pasted with its parameters set."""
    dbms = neo4j_server.uri.replace("://", f"://{neo4j_server.username}@")
    page = window(browser)
    page.connect(f"{neo4j_server.http}/browser/?dbms={dbms}", neo4j_server.password)
    page.type(f":style {content.address}/style.grass")
    page.type(f":play {content.address}/guide.html")
    page.page.get_by_role("heading", name="What is in this graph").wait_for()
    page.type(":param user => 'ann';\n:param limit => 2;\n:param depth => 9;")
    page.page.wait_for_timeout(3000)  # three commands, one after the other
    page.type(find_query("recommend", "neo4j").text)
    page.page.locator("[data-testid=frame]").first.get_by_text(RISE).first.wait_for()
    page.type(find_query("neighbourhood", "neo4j").text)
    drawn = page.drawn()
    page.picture(tmp_path / "own.png")
    # And, as Browser is set here, whatever else joins the nodes.
    seen = {line["colour"] for line in drawn["relationships"]}
    assert {colour(f"relationship.{type_}") for type_ in ("RECOMMENDED", "LIKED", "POSTED")} <= seen
    assert {node["colour"] for node in drawn["nodes"]} >= {colour("node.User"), colour("node.Post")}

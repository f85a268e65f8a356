"""The documentation as a site: built strictly, and read in a headless Chromium as files, with the network off.

Without a Chromium the second half is skipped, with the reason; with GRAPHFEED_BROWSER_REQUIRED=1 it fails.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from benchmarks.pictures import chromium, headless
from lxml import html
from tests.docs.pages import DOCS, ROOT
from tests.queries.test_browser_page import cannot_be_had

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

MADE = ("readme", "contributing", "changelog", "benchmarks", "notebooks/analysts", "notebooks/researchers")
"""Pages that are no Markdown files of docs/."""
LOADED = "//script/@src | //img/@src | //iframe/@src | //link[not(contains('canonical prev next', @rel))]/@href"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(out)]
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    return out


def names() -> list[str]:
    return [*(page.stem for page in DOCS), *MADE]


def test_every_page_is_there_and_in_the_navigation(site: Path) -> None:
    index = html.parse(str(site / "index.html"))
    led_to = {str(target).removesuffix(".html") for target in index.xpath("//nav//a/@href")}
    assert set(names()) <= led_to
    made = {str(file.relative_to(site).with_suffix("")) for file in site.rglob("*.html")} - {"404"}
    assert made == set(names())
    assert (site / "cofacts.toml").is_file()
    assert not list(site.rglob("*.py"))


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    for name in names():
        page = site / f"{name}.html"
        for target in map(str, html.parse(str(page)).xpath(LOADED)):
            if not target.startswith("data:"):
                assert "//" not in target, f"{name}: {target}"
                assert (page.parent / target.partition("?")[0]).is_file(), f"{name}: {target}"
    for style in site.rglob("*.css"):
        text = re.sub(r"url\((\"?)data:", "", style.read_text(encoding="utf-8"))
        assert not re.search(r"(@import|url\()[^;)]*//", text), style.name


def test_links_out_of_docs_lead_to_pages(site: Path) -> None:
    """And in the repository they lead to the files: ``tests/test_readme.py`` holds that."""
    for name, target in (
        ("index", "readme.html"), ("quality", "benchmarks.html"), ("benchmarks", "quality.html"),
        ("readme", "sources.html"), ("report", "notebooks/analysts.html"),
    ):  # fmt: skip
        assert target in html.parse(str(site / f"{name}.html")).xpath("//article//a/@href"), name


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if find_spec("playwright") is None:
        cannot_be_had("the dev extra's playwright is not installed")
    if chromium() is None:
        cannot_be_had("no Chromium can be had: apt-get install chromium, or playwright install chromium")
    with headless() as running:
        yield running


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page that counts what it asks of the network."""
    context = browser.new_context(viewport={"width": 390, "height": 844}, color_scheme="dark")
    made, asked = context.new_page(), list[str]()
    made.on("request", lambda request: asked.append(request.url))
    yield made
    context.close()
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:", "about:"))] == []


def test_on_a_phone_in_the_dark_nothing_sticks_out(site: Path, page: Page) -> None:
    for name in names():
        page.goto((site / f"{name}.html").as_uri())
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
    red, green, blue = map(
        int, re.findall(r"\d+", page.evaluate("getComputedStyle(document.body).backgroundColor"))[:3]
    )
    assert max(red, green, blue) < 80


def test_the_search_finds_without_a_server(site: Path, page: Page) -> None:
    page.set_viewport_size({"width": 1280, "height": 900})
    page.goto((site / "index.html").as_uri())
    page.keyboard.press("s")
    page.keyboard.type("personalised pagerank louvain")
    page.wait_for_selector(".md-search-result__item", state="attached", timeout=60_000)
    assert any("questions.html" in str(a.get_attribute("href")) for a in page.query_selector_all(".md-search-result a"))

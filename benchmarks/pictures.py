"""Neo4j Browser in a headless Chromium, driven as a person would; and the README's pictures made with it.

    graphfeed demo --store neo4j://127.0.0.1:7687          # the sample community, published
    python -m benchmarks.pictures --user gideon-wrackham

Needs the dev extra's playwright, and a Chromium: Debian's, or one of `playwright install chromium`.
"""

from __future__ import annotations

import argparse
import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import graphfeed
from graphfeed.graph.store import GraphStore
from graphfeed.queries.browser import BrowserServer, find_subject, make_pages

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

IMAGES = Path(__file__).resolve().parents[1] / "docs" / "images"
_CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    # Browser would fetch fonts and a changelog: nothing outside of this machine is asked.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)
_WAIT = 60_000
_SETTLE = 4_000
"""Milliseconds: the longest wait for something to appear, and until a drawing has come to rest."""


class BrowserPage:
    """One page with Neo4j Browser in it."""

    def __init__(self, page: Page) -> None:
        self.page = page
        page.set_default_timeout(_WAIT)

    def connect(self, start: str, password: str) -> None:
        """Open an address that leads to Browser, and fill in its form."""
        self.page.goto(start)
        self.page.fill("input[type=password]", password)
        self.page.click("[data-testid=connect]")
        self.page.get_by_text("You are connected as user").wait_for()

    def type(self, command: str) -> None:
        """Paste a text into the editor and run it."""
        frames = self.page.locator("[data-testid=frame]").count()
        self.page.click("[data-testid=activeEditor] .monaco-editor")
        self.page.keyboard.insert_text(command)
        self.page.keyboard.press("Control+Enter")
        self.page.wait_for_function(
            "before => document.querySelectorAll('[data-testid=frame]').length > before", arg=frames
        )

    def open_guide(self) -> None:
        """By the icon on the left, as a person would."""
        self.page.click("[data-testid=navigationGuides]")
        self.page.get_by_text("graphfeed: your graph").first.click()
        self.page.wait_for_selector("[data-testid=guideNextSlide]")

    def turn_to(self, heading: str) -> None:
        """Turn the guide's pages until one with this heading is there."""
        while not self.page.locator("[data-testid=guidesDrawer] h3", has_text=heading).is_visible():
            self.page.click("[data-testid=guideNextSlide]")

    def run_in_guide(self) -> None:
        """Click the triangle of the first query of the guide's page."""
        frames = self.page.locator("[data-testid=frame]").count()
        self.page.locator("[data-testid=guidesDrawer] pre.runnable .fa-play-circle-o").first.click()
        self.page.wait_for_function(
            "before => document.querySelectorAll('[data-testid=frame]').length > before", arg=frames
        )

    def saved(self) -> list[str]:
        """What can be read when graphfeed's folder of saved queries is open."""
        self.page.click("[data-testid=navigationFavorites]")
        self.page.get_by_text("graphfeed", exact=True).first.click()
        self.page.get_by_text("Recommendations with reasons").first.wait_for()
        return self.page.locator("body").inner_text().splitlines()

    def drawn(self) -> dict[str, Any]:
        """The newest picture, when it has come to rest: captions and colours of nodes, relationships by colour."""
        frame = self.page.locator("[data-testid=frame]").first
        frame.locator("svg g.node").first.wait_for()
        self.page.wait_for_timeout(_SETTLE)
        found: dict[str, Any] = frame.evaluate(_READ_PICTURE)
        return found

    def fit(self) -> None:
        """Fit the newest picture into its frame."""
        frame = self.page.locator("[data-testid=frame]").first
        frame.get_by_label("zoom-to-fit").or_(frame.locator("[class*=oom] button").last).last.click()
        self.page.wait_for_timeout(_SETTLE // 2)

    def hide_legend(self) -> None:
        """Close the column that says what the colours are; pictures that follow have it closed, too."""
        frame = self.page.locator("[data-testid=frame]").first
        frame.get_by_label("Collapse the node properties display").first.click()

    def scroll_up(self) -> None:
        """To the newest frame."""
        self.page.evaluate("document.querySelectorAll('*').forEach(part => { part.scrollTop = 0 })")

    def picture(self, file: Path) -> None:
        """A picture of the whole window."""
        file.parent.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=file)


_READ_PICTURE = """frame => ({
  nodes: [...frame.querySelectorAll('svg g.node')].map(node => ({
    caption: [...node.querySelectorAll('text')].map(t => t.textContent.trim()).join(' '),
    colour: node.querySelector('circle.b-outline').getAttribute('fill'),
  })),
  relationships: [...frame.querySelectorAll('svg g.relationship')].map(line => ({
    caption: line.querySelector('text')?.textContent.trim(),
    colour: line.querySelector('path').getAttribute('fill'),
  })),
})"""


def chromium() -> str | None:
    """The path of a Chromium; None where there is none."""
    from playwright.sync_api import sync_playwright

    found = next((path for name in _CHROMIUM if (path := shutil.which(name))), None)
    if found:
        return found
    with sync_playwright() as playwright:
        own = playwright.chromium.executable_path
    return own if Path(own).exists() else None


@contextmanager
def headless() -> Iterator[Browser]:
    """A Chromium that nobody sees. One at a time in a program."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=[*_ARGUMENTS])
        try:
            yield browser
        finally:
            browser.close()


def window(browser: Browser, width: int = 1280, height: int = 800) -> BrowserPage:
    """A fresh window that remembers nothing."""
    return BrowserPage(browser.new_context(viewport={"width": width, "height": height}).new_page())


@contextmanager
def served(store: GraphStore, dbms: str, http: str, user: str | None = None) -> Iterator[BrowserServer]:
    """What ``graphfeed browse`` serves, on any free port."""
    subject = find_subject(store, user)
    with BrowserServer(0, {}, http) as server:
        server.pages = make_pages(store, subject, server.address, {"dbms": dbms})
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server
        finally:
            server.shutdown()


def main() -> None:
    """Write docs/images/browser-person.png and browser-why.png."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--store", default="neo4j://127.0.0.1:7687")
    parser.add_argument("--browser", default="http://127.0.0.1:7474")
    parser.add_argument("--user", help="else the person who did most")
    given = parser.parse_args()
    name, password = os.environ.get("NEO4J_USERNAME", "neo4j"), os.environ["NEO4J_PASSWORD"]
    dbms = given.store.replace("://", f"://{name}@")
    with (
        graphfeed.open(given.store) as feed,
        served(feed.store, dbms, given.browser, given.user) as server,
        headless() as browser,
    ):
        page = window(browser, 1480)
        page.connect(f"{server.address}/start", password)
        page.drawn()
        page.page.locator("[data-testid=frame] [title=Fullscreen]").first.click()
        page.fit()
        page.picture(IMAGES / "browser-person.png")
        page.hide_legend()
        page.page.locator("[data-testid=frame] [title='Close fullscreen']").first.click()
        page.page.set_viewport_size({"width": 1280, "height": 800})
        page.open_guide()
        page.turn_to("Why was this recommended?")
        page.run_in_guide()
        page.drawn()
        page.fit()
        page.scroll_up()
        page.picture(IMAGES / "browser-why.png")
    for file in sorted(IMAGES.glob("browser-*.png")):
        print(f"wrote {file.name}, {file.stat().st_size // 1000} KB")


if __name__ == "__main__":
    main()

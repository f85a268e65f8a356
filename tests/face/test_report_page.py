"""The report's page in a headless Chromium with the network off: on a desk, on a phone, and with hostile texts in it.

Skipped where there is no Chromium, with the reason; with GRAPHFEED_BROWSER_REQUIRED=1, as in continuous integration, it
fails there. The pictures that it took lie in pytest's temporary folder.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from benchmarks.pictures import chromium, headless
from tests.face.conftest import Told
from tests.face.test_report import SECTIONS
from tests.queries.test_browser_page import cannot_be_had
from tests.queries.toy import NOW, predictions

import graphfeed
from graphfeed.graph.schema import Generation
from graphfeed.graph.store import open_store

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

WIDTHS = (1280, 390)
OVERFLOW = """() => [...document.querySelectorAll('body *')].filter(e => {
  const box = e.getBoundingClientRect();
  return box.width && (box.right > innerWidth + 1 || box.left < -1) && !e.closest('.scroll, svg');
}).map(e => e.outerHTML.slice(0, 80))"""
CONTRAST = """() => {
  const linear = v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const luminance = colour => {
    const [red, green, blue] = colour.match(/[\\d.]+/g).slice(0, 3).map(v => linear(v / 255));
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const behind = luminance(getComputedStyle(document.body).backgroundColor);
  const texts = document.querySelectorAll('h1, h2, p, a, th, td, figcaption, summary, dt, svg text');
  return [...texts].filter(e => e.getClientRects().length).map(e => {
    const style = getComputedStyle(e), front = luminance(e.closest('svg') ? style.fill : style.color);
    return [(Math.max(front, behind) + 0.05) / (Math.min(front, behind) + 0.05), e.textContent.slice(0, 40)];
  }).sort((a, b) => a[0] - b[0])[0];
}"""
TEXT_SIZE = """() => Math.min(...[...document.querySelectorAll('svg text')].filter(e => e.getClientRects().length)
  .map(e => parseFloat(getComputedStyle(e).fontSize) * Math.hypot(e.getScreenCTM().a, e.getScreenCTM().b)))"""

HOSTILE = [
    "<script>window.hit = 1</script>",
    "</title></style></svg><img src=x onerror='window.hit = 2'>",
    "<svg onload=alert(1)><!-- ",
    "\"' onmouseover='window.hit = 3' x=\"",
    "javascript:window.hit=4",
    "{{ 7 * 7 }}{% raw %}",
    "]]><script>window.hit = 5</script>&lt;b&gt;",
    "\u202eevil\u2066 \x07\x1b[31m $\\frac{1}{0}$",
    "https://example.org/beacon.png",
    "x" * 3_000,
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if find_spec("playwright") is None:
        cannot_be_had("the dev extra's playwright is not installed")
    if chromium() is None:
        cannot_be_had("no Chromium can be had: apt-get install chromium, or playwright install chromium")
    with headless() as found:
        yield found


class Visit:
    """A page opened with the network off, and what it complained of and asked for."""

    def __init__(self, browser: Browser, file: Path, width: int, scheme: str = "light") -> None:
        context = browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme=scheme,  # type: ignore[arg-type]
            offline=True,
        )
        self.page: Page = context.new_page()
        self.said: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("dialog", lambda dialog: (self.said.append(dialog.message), dialog.dismiss()))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(file.as_uri())


@pytest.fixture(scope="module")
def whole(sample_run: tuple[Path, Told], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    with graphfeed.open(shutil.copytree(sample_run[0] / "feed", folder / "feed")) as feed:
        feed.evaluate()
        return feed.report(folder / "report.html").path


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_it_can_be_read(browser: Browser, whole: Path, tmp_path: Path, width: int, scheme: str) -> None:
    visit = Visit(browser, whole, width, scheme)
    page = visit.page
    assert [s.get_attribute("id") for s in page.query_selector_all("section")] == SECTIONS
    assert all(page.locator(f"section#{name} h2").is_visible() for name in SECTIONS)
    page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true })")
    page.screenshot(path=tmp_path / f"{scheme}-{width}.png", full_page=True)
    assert visit.said == []
    assert [url for url in visit.asked if not url.startswith(("file:", "data:"))] == []
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert page.evaluate(OVERFLOW) == []
    contrast, text = page.evaluate(CONTRAST)
    assert contrast >= 4.5, text
    assert page.evaluate(TEXT_SIZE) >= 10
    shown = page.locator("svg:visible")
    assert shown.count() == page.locator("figure").count() > 8
    assert {s.get_attribute("class") for s in shown.all()} == {"wide" if width > 640 else "narrow"}


def test_links_in_the_page_lead_to_its_sections(browser: Browser, whole: Path) -> None:
    page = Visit(browser, whole, 390).page
    for name in SECTIONS:
        page.click(f"nav a[href='#{name}']")
        assert page.locator(f"section#{name}").evaluate("e => Math.abs(e.getBoundingClientRect().top) < innerHeight")
    first = page.locator("details").first
    first.locator("summary").press("Enter")
    assert first.locator("table").is_visible()


def write_hostile(folder: Path) -> Path:
    """A published community in which everybody and everything is called by a hostile text."""
    at, texts = "2026-01-01T00:00:00", range(len(HOSTILE))
    files = {
        "people": [{"id": f"u{i}{HOSTILE[i][:40]}".strip(), "name": HOSTILE[i]} for i in texts],
        "posts": [
            {"id": f"p{i}{HOSTILE[i][:40]}".strip(), "title": HOSTILE[i], "kind": HOSTILE[i][:60], "at": at}
            for i in texts
        ],
        "topics": [{"id": f"e{i}", "name": HOSTILE[i], "kind": HOSTILE[i][:60]} for i in texts],
    }
    people, posts = ([row["id"] for row in files[name]] for name in ("people", "posts"))
    count = len(HOSTILE)
    files["likes"] = [{"u": people[i], "p": posts[(i + s) % count], "at": at} for i in texts for s in (0, 1)]
    files["about"] = [{"p": posts[i], "e": f"e{(i + s) % count}"} for i in texts for s in (0, 1)]
    for name, rows in files.items():
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows), encoding="utf-8")
    node = '[[nodes]]\nfile = "{}.jsonl"\nlabel = "{}"\nid = "id"\n'
    edge = '[[relationships]]\nfile = "{}.jsonl"\ntype = "{}"\nsource = "{}"\ntarget = "{}"\n'
    mapping = node.format("people", "User") + 'name = "name"\n'
    mapping += node.format("posts", "Post") + 'title = "title"\nkind = "kind"\ncreated_at = "at"\n'
    mapping += node.format("topics", "Entity") + 'name = "name"\nkind = "kind"\n'
    mapping += edge.format("likes", "LIKED", "u", "p") + 'at = "at"\n' + edge.format("about", "MENTIONS", "p", "e")
    (folder / "graphfeed.toml").write_text(mapping, encoding="utf-8")
    store = folder / "</title><script>window.hit = 6</script>".replace("/", "_")
    with graphfeed.open(store) as feed:
        feed.load("tables", folder, mapping=folder / "graphfeed.toml")
        feed.embed("tfidf")
    with open_store(store) as opened, opened.change("publish") as change:
        for i, user in enumerate(people):
            path = [user, posts[i], f"e{(i + 1) % count}", posts[(i + 2) % count]]
            rows = [(user, posts[(i + 2) % count], 1)]
            reasons = [
                {"type": "topic", "share": 0.5, "path": path},
                {"type": HOSTILE[0], "share": 0.1, "path": [user]},
            ]
            change.write_predictions("RECOMMENDED", predictions(rows, "g", reasons))
        change.activate(Generation("g", NOW, NOW, HOSTILE[0], HOSTILE[1], "{}", (), active=True))
    return store


@pytest.mark.parametrize("width", WIDTHS)
def test_what_the_graph_says_stays_text(browser: Browser, tmp_path: Path, width: int) -> None:
    with graphfeed.open(write_hostile(tmp_path)) as feed:
        users = [str(row["id"]) for row in feed.cypher("MATCH (u:User) RETURN u.id AS id ORDER BY id")]
        made = feed.report(tmp_path / "report.html", users=users, png=tmp_path / "png")
    assert len(made.pictures) > len(HOSTILE)
    visit = Visit(browser, made.path, width)
    page = visit.page
    page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true })")
    for element in page.query_selector_all("svg use")[:20]:
        element.dispatch_event("mouseover")
    page.screenshot(path=tmp_path / "hostile.png", full_page=True)
    assert visit.said == []
    assert [url for url in visit.asked if not url.startswith(("file:", "data:"))] == []
    assert page.evaluate("window.hit") is None
    assert page.evaluate("document.querySelectorAll('script, img, iframe, object, [onload], [onerror]').length") == 0
    assert (
        page.evaluate(
            "[...document.querySelectorAll('*')].flatMap(e => [...e.attributes]).filter(a => /^on/.test(a.name)).length"
        )
        == 0
    )
    assert page.evaluate("document.documentElement.scrollWidth") == width
    shown = page.inner_text("body")
    assert HOSTILE[0] in shown
    assert "{{ 7 * 7 }}" in shown
    assert "\u202e" not in shown

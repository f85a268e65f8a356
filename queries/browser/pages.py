"""What is served to Browser, by path: the start page, its script, the style and the guide."""

from __future__ import annotations

import json
from importlib.resources import files
from string import Template
from typing import Any
from urllib.parse import urlencode

from graphfeed.graph.store import GraphStore
from graphfeed.queries.browser.guide import ACTS, Subject, render_guide
from graphfeed.queries.browser.paste import paste_text
from graphfeed.queries.browser.saved import FOLDER, favourites
from graphfeed.queries.browser.style import style_for, write_style

START, SCRIPT, STYLE, GUIDE = "/start", "/start.js", "/style.grass", "/guide.html"
_TITLE = "graphfeed: your graph and its recommendations"

Pages = dict[str, tuple[str, bytes]]
"""Path → content type and content."""


def make_pages(store: GraphStore, subject: Subject, address: str, dbms: dict[str, str], *, draw: bool = True) -> Pages:
    """All pages for one person.

    ``address``: where they will be served, without a slash at its end. ``dbms``: how Browser's form is filled, as
    arguments of its URL; never a password. ``draw``: begin with the person's picture, else with the guide.
    """
    style, guide_url = style_for(store), address + GUIDE
    first = paste_text(store, "neighbourhood", user=subject.user, limit=ACTS) if draw else f":guide {guide_url}"
    seed = {
        # autoComplete would draw every relationship between the nodes of a picture, those of old generations too.
        "settings": {"initCmd": first, "autoComplete": False, "playImplicitInitCommands": True},
        "grass": style,
        "documents": favourites(store, subject, address + STYLE, guide_url),
        "folders": [{"id": FOLDER, "name": FOLDER}],
        "guides": [{"currentSlide": 0, "title": _TITLE, "identifier": guide_url}],
        "open": "/browser/?" + urlencode(dbms, safe=":/@"),
    }
    texts = {
        START: ("text/html", Template(_read("start.html")).substitute(seed=_inside_html(seed))),
        SCRIPT: ("text/javascript", _read("start.js")),
        STYLE: ("text/plain", write_style(style)),
        GUIDE: ("text/html", render_guide(store, subject, address + STYLE)),
    }
    return {path: (f"{kind}; charset=utf-8", text.encode()) for path, (kind, text) in texts.items()}


def _inside_html(value: Any) -> str:
    """JSON that no text in it can end early: a script element is read up to the next "</script"."""
    return json.dumps(value).replace("<", "\\u003c")


def _read(name: str) -> str:
    return (files("graphfeed") / "queries" / "browser" / name).read_text(encoding="utf-8")

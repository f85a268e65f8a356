"""HTML to plain text, for the texts that get a vector: words, code and formulas stay, markup and layout go."""

from __future__ import annotations

from lxml import etree, html

_HEADINGS = frozenset(f"h{level}" for level in range(1, 7))
_BLOCKS = _HEADINGS | frozenset(
    ("address", "article", "blockquote", "br", "dd", "div", "dl", "dt", "figure", "hr", "img", "li", "ol", "p", "pre")
)
_BLOCKS |= frozenset(("section", "table", "td", "th", "tr", "ul"))
_SILENT = frozenset(("script", "style", "head", "template"))
_PARSER = html.HTMLParser(remove_comments=True, remove_pis=True, no_network=True, encoding="utf-8")


def plain_text(markup: str | None) -> str | None:
    """The text of an HTML fragment with single spaces; None where nothing is left. Broken markup is no error."""
    if not markup or not markup.strip():
        return None
    if "<" not in markup and "&" not in markup:
        return " ".join(markup.split()) or None
    try:
        root = html.document_fromstring(f"<body>{markup}</body>".encode("utf-8", "replace"), parser=_PARSER)
    except (etree.ParserError, etree.XMLSyntaxError):  # lxml says so where there is no element at all
        return None
    pieces: list[str] = []
    _collect(root, pieces)
    return " ".join("".join(pieces).split()) or None


def one_line(text: str | None) -> str | None:
    """Text without markup, with single spaces; None where nothing is left."""
    return (" ".join(text.split()) or None) if text else None


def _collect(root: html.HtmlElement, pieces: list[str]) -> None:
    """Texts in the order of the document, with a space wherever a new line or box begins or ends."""
    silent: html.HtmlElement | None = None
    for event, element in etree.iterwalk(root, events=("start", "end")):
        gap = " " if element.tag in _BLOCKS else ""
        if event == "start":
            if silent is None and element.tag in _SILENT:
                silent = element
            if silent is None:
                pieces.append(gap + (element.text or ""))
        else:
            if element is silent:
                silent = None
            if silent is None:
                pieces.append(gap + (element.tail or ""))

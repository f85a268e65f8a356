"""The HTML of short posts as plain text, quickly: most of it has nothing but paragraphs, links and line breaks."""

from __future__ import annotations

import html
import re

from graphfeed.loaders.markup import plain_text

_GAPS = re.compile(r"<(?:/?p|br)(?:\s[^<>]*)?/?>")
_INLINE = re.compile(r"</?(?:a|span)(?:\s[^<>]*)?>")


def post_text(markup: str | None) -> str | None:
    """What ``plain_text`` gives; other elements than paragraphs, breaks, links and spans take its slower way."""
    if not markup:
        return None
    if "<" not in markup and "&" not in markup:
        return " ".join(markup.split()) or None
    text = _INLINE.sub("", _GAPS.sub(" ", markup))
    if "<" in text or ">" in text:
        return plain_text(markup)
    return " ".join(html.unescape(text).split()) or None

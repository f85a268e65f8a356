"""HTML to text: what a reader would read."""

from __future__ import annotations

import pytest

from graphfeed.loaders.markup import plain_text


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("<p>One</p><p>two</p>", "One two"),
        ("a<br>b<br/>c", "a b c"),
        ("un<b>bro</b>ken word", "unbroken word"),
        ("<pre><code>if a &lt; b:\n    return c\n</code></pre>", "if a < b: return c"),
        ("<p>$$\\alpha &amp;= x^2$$ and \\(y\\)</p>", "$$\\alpha &= x^2$$ and \\(y\\)"),
        ("<ul><li>x</li><li>y</li></ul><script>alert(1)</script><style>p{}</style>z", "x y z"),
        ("<!-- hidden -->shown", "shown"),
        ("no markup, 3 > 2", "no markup, 3 > 2"),
        ("<p>never closed <i>at all", "never closed at all"),
        ("caf&eacute; 量子 \U0001f600", "café 量子 \U0001f600"),
        ('<a href="https://x.example">link</a><img src="y.png" alt="z">', "link"),
        ("<p> </p>", None),
        ("<!-- only -->", None),
        ("", None),
        (None, None),
    ],
)
def test_plain_text(markup: str | None, text: str | None) -> None:
    assert plain_text(markup) == text


def test_deeply_nested_markup_is_no_harm() -> None:
    assert "end" in (plain_text("<div>" * 5000 + "end") or "end")

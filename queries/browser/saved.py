"""The saved queries that stand in Browser's list of favourites, written for one person and one post."""

from __future__ import annotations

from graphfeed.graph.store import GraphStore
from graphfeed.queries.browser.guide import ACTS, Subject
from graphfeed.queries.browser.paste import paste_text

FOLDER = "graphfeed"
_LIMIT = 10

Favourite = dict[str, str]


def saved_queries(store: GraphStore, subject: Subject) -> list[tuple[str, str]]:
    """Titles and texts, in the order in which somebody new wants them."""
    user, post = subject.user, subject.post
    return [
        ("Picture: one person and what is recommended", paste_text(store, "neighbourhood", user=user, limit=ACTS)),
        ("Picture: why one post is recommended", paste_text(store, "recommendation_paths", user=user, post=post)),
        ("Recommendations with reasons", paste_text(store, "recommend", user=user, depth=_LIMIT + 20, limit=_LIMIT)),
        ("Why was this recommended", paste_text(store, "explain", user=user, post=post)),
        ("People whom somebody may know", paste_text(store, "people", user=user, limit=_LIMIT)),
        ("Interests", paste_text(store, "interests", user=user, limit=_LIMIT)),
        ("Similar posts", paste_text(store, "similar", post=post, limit=_LIMIT)),
        ("Short paths between a person and a post", paste_text(store, "explain_paths", user=user, post=post)),
        ("What is published", paste_text(store, "active_generation")),
        ("The people who did most", paste_text(store, "busiest_users", limit=_LIMIT)),
    ]


def favourites(store: GraphStore, subject: Subject, style_url: str, guide_url: str) -> list[Favourite]:
    """As Browser keeps them: the name is the comment in the first line. The same id replaces what was there."""
    texts = [
        ("The guide", f":guide {guide_url}"),
        ("The colours", f":style {style_url}"),
        *saved_queries(store, subject),
    ]
    return [
        {"id": f"graphfeed-{number:02}", "folder": FOLDER, "content": f"// {title}\n{text}"}
        for number, (title, text) in enumerate(texts)
    ]

"""The guide: a walk through the graph and one person's recommendations, with queries that run where they stand.

``guide.html`` is the text; what it leaves open is filled from the graph: counts, a real person, their recommendations.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from string import Template

from graphfeed.errors import NotPublishedError
from graphfeed.graph.schema import PREDICTED
from graphfeed.graph.store import GraphStore
from graphfeed.queries import lookup
from graphfeed.queries.answers import Recommendation
from graphfeed.queries.browser.paste import paste_text
from graphfeed.queries.nearness import unknown_node
from graphfeed.queries.wording import Names

ACTS = 6
"""Acts and recommendations in the picture of a person: more than that, and nobody can read it."""
_LISTED = 5
_TRIED = 20  # recommendations among which the one with the most paths is explained


@dataclass(frozen=True)
class Subject:
    """Whom the guide and the pictures are about."""

    user: str
    name: str
    post: str
    """The recommendation that is explained."""
    title: str
    because: tuple[tuple[str, float | None], ...]
    """Its reasons in words, with their shares."""


def find_subject(store: GraphStore, user: str | None = None) -> Subject:
    """A person, by id or the one who did most, and the recommendation of theirs whose reasons have the most to draw.

    Raises UnknownNodeError, and NotPublishedError where nothing is predicted for that person.
    """
    if user is None:
        busiest = store.run("busiest_users", limit=1) or [{"id": ""}]
        user = str(busiest[0]["id"])
    found = store.run("find_user", user=user)
    if not found:
        raise unknown_node(store, "User", user)
    answers = [answer for answer in lookup.recommend(store, user, _TRIED) if answer.origin == "predicted"]
    if not answers:
        raise NotPublishedError(
            f"nothing is predicted for {user!r}, so there is nothing to draw: `graphfeed status` names people to try"
        )
    best = max(answers[:_TRIED], key=_drawn)
    names = Names.of(store, [best])
    sentences = tuple(names.sentences(best))
    return Subject(user, found[0]["name"] or user, best.id, names.of_answer(best) or best.id, sentences)


def _drawn(answer: Recommendation) -> tuple[int, int]:
    """More of the paths that a picture can show first, then the higher place."""
    return sum(len(reason.path) > 2 and reason.type != "similar_text" for reason in answer.reasons), -answer.rank


def render_guide(store: GraphStore, subject: Subject, style_url: str) -> str:
    """The guide as HTML."""
    counts = store.counts()
    ranked = sorted(counts.relationships.items(), key=lambda pair: -pair[1])
    user, post = subject.user, subject.post
    answers = lookup.recommend(store, user, _LISTED)
    names = Names.of(store, answers)
    listed = (
        f"<li><b>{escape(names.of_answer(answer) or answer.id)}</b>{_reasons(names.sentences(answer))}</li>"
        for answer in answers
    )
    queries = {
        "draw_person": paste_text(store, "neighbourhood", user=user, limit=ACTS),
        "list_recommendations": paste_text(store, "recommend", user=user, depth=_LISTED + 20, limit=_LISTED),
        "draw_reasons": paste_text(store, "recommendation_paths", user=user, post=post),
        "list_people": paste_text(store, "people", user=user, limit=_LISTED),
        "list_interests": paste_text(store, "interests", user=user, limit=_LISTED),
        "list_similar": paste_text(store, "similar", post=post, limit=_LISTED),
        "list_generations": paste_text(store, "active_generation"),
    }
    page = (files("graphfeed") / "queries" / "browser" / "guide.html").read_text(encoding="utf-8")
    return Template(page).substitute(
        {name: _runnable(text) for name, text in queries.items()},
        style=escape(style_url),
        name=escape(subject.name),
        user=escape(user),
        post=escape(subject.title),
        because=_reasons(subject.because),
        recommendations="\n".join(listed),
        nodes=_counted(counts.nodes.items()),
        observed=_counted(most for most in ranked if most[0] not in PREDICTED),
        predicted=_counted(most for most in ranked if most[0] in PREDICTED),
    )


def _runnable(text: str) -> str:
    return f'<pre class="pre-scrollable code runnable">{escape(text)}</pre>'


def _reasons(sentences: Iterable[tuple[str, float | None]]) -> str:
    lines = (f"<li>{share or 0:.0%} {escape(sentence)}</li>" for sentence, share in sentences)
    return f"<ul>{''.join(lines)}</ul>"


def _counted(pairs: Iterable[tuple[str, int]]) -> str:
    return ", ".join(f"{number:,} <code>{escape(name)}</code>" for name, number in pairs if number)

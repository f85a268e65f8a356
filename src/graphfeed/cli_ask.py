"""The commands that ask: recommend, explain, similar, people, interests, status, cypher."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from graphfeed.options import Debug, Json, Limit, Store, note, open_feed, out

User = Annotated[str, typer.Argument(help="Id of a person.")]
Post = Annotated[str, typer.Argument(help="Id of a post.")]
_NOT_YET = "nothing is published for {!r}: they came after the last `graphfeed publish`, or had done nothing by then"


def add_commands(app: typer.Typer) -> None:
    """Add the commands of this module."""
    for function, example in (
        (recommend, "graphfeed recommend 26 --limit 5 --json"),
        (explain, "graphfeed explain 26 4125"),
        (similar, "graphfeed similar 4125"),
        (people, "graphfeed people 26"),
        (interests, "graphfeed interests 26"),
        (status, "graphfeed status --json"),
        (cypher, 'graphfeed cypher "MATCH (p:Post) RETURN p.kind AS kind, count(*) AS posts"'),
    ):
        app.command(epilog=f"Example: {example}")(function)


def recommend(user: User, limit: Limit = 10, store: Store = None, as_json: Json = False, debug: Debug = False) -> None:
    """Posts for a person, best first, each with its reasons."""
    with open_feed(store) as feed:
        found = feed.recommend(user, limit)
        if found and not any(r.origin == "predicted" for r in found):
            from graphfeed.queries.lookup import knows_user

            if knows_user(feed.store, user):
                note(f"nothing was predicted for {user!r} yet: these are recently popular and new posts")
            else:
                note(f"no person has the id {user!r}: these are the recently popular posts")
        if len(found) < limit and not as_json:
            note(f"there are only {len(found)} posts that {user!r} has not met yet")
        _answer(feed.store, found, as_json)


def explain(user: User, post: Post, store: Store = None, as_json: Json = False, debug: Debug = False) -> None:
    """Why a post is recommended to a person: the paths, and the share of the score that each has."""
    with open_feed(store) as feed:
        found = feed.explain(user, post)
        if as_json:
            print(json.dumps(found.to_dict(), indent=2))
            return
        from graphfeed.show import show_explanation

        show_explanation(out(), feed.store, found)


def similar(post: Post, limit: Limit = 10, store: Store = None, as_json: Json = False, debug: Debug = False) -> None:
    """Posts like one post, most alike first."""
    with open_feed(store) as feed:
        found = feed.similar(post, limit)
        if not found:
            note(f"nothing is like {post!r} by what is published, and it has no text vector (`graphfeed embed`)")
        _answer(feed.store, found, as_json)


def people(user: User, limit: Limit = 10, store: Store = None, as_json: Json = False, debug: Debug = False) -> None:
    """People whom a person may know, best first."""
    with open_feed(store) as feed:
        found = feed.people(user, limit)
        if not found:
            note(_NOT_YET.format(user))
        _answer(feed.store, found, as_json)


def interests(user: User, limit: Limit = 10, store: Store = None, as_json: Json = False, debug: Debug = False) -> None:
    """What a person may care about, best first."""
    with open_feed(store) as feed:
        found = feed.interests(user, limit)
        if not found:
            note(_NOT_YET.format(user))
        _answer(feed.store, found, as_json)


def status(store: Store = None, as_json: Json = False, debug: Debug = False) -> None:
    """What is in the store: counts, text vectors, the model, what is published."""
    with open_feed(store) as feed:
        found = feed.status()
    if as_json:
        print(json.dumps(found, indent=2))
        return
    from graphfeed.show import show_status

    show_status(out(), found)


def cypher(
    text: Annotated[str, typer.Argument(help="A query that reads the graph.")],
    store: Store = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Run a Cypher query of your own; it can only read."""
    with open_feed(store) as feed:
        rows = feed.cypher(text)
    if as_json:
        print(json.dumps(rows, indent=2, default=str))
        return
    from graphfeed.show import show_rows

    show_rows(out(), rows)


def _answer(store: Any, found: Sequence[Any], as_json: bool) -> None:
    if as_json:
        print(json.dumps([answer.to_dict() for answer in found], indent=2))
        return
    from graphfeed.show import show_answers

    show_answers(out(), store, found)

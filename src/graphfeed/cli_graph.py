"""The commands that ask about the graph as a whole: path, communities, central, cold."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from graphfeed.cli_search import Entities, People, Posts, chosen_label
from graphfeed.options import Debug, Json, Limit, Store, note, open_feed, out

if TYPE_CHECKING:
    from graphfeed.queries.question_answers import Label

Seed = Annotated[int, typer.Option("--seed", min=0, help="Seed of the communities.")]


def add_commands(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command(epilog="Example: graphfeed path User:26 Post:4125")(path)
    app.command(epilog="Example: graphfeed communities --limit 5")(communities)
    app.command(epilog="Example: graphfeed central --posts")(central)
    app.command(epilog="Example: graphfeed cold --people")(cold)


def path(
    a: Annotated[str, typer.Argument(help="A node: User:ID, Post:ID, Entity:ID, or an id that only one label has.")],
    b: Annotated[str, typer.Argument(help="Another one.")],
    limit: Limit = 3,
    longest: Annotated[int, typer.Option("--longest", help="At most so many steps (1 to 6).")] = 6,
    predictions: Annotated[
        bool, typer.Option("--predictions", help="What is published may be the first and the last step.")
    ] = False,
    store: Store = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """How two nodes hang together: the shortest paths, those through rarer nodes first."""
    from graphfeed.queries.paths import paths

    with open_feed(store) as feed:
        found = paths(feed.store, a, b, limit, longest=longest, predictions=predictions, say=None if as_json else note)
    if as_json:
        print(json.dumps([one.to_dict() for one in found], indent=2))
        return
    from graphfeed.show_questions import show_paths

    show_paths(out(), found, longest)


def communities(
    limit: Limit = 10,
    people: People = False,
    posts: Posts = False,
    entities: Entities = False,
    seed: Seed = 0,
    store: Store = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """The largest communities, their most important people (or posts, or entities) and what they are about."""
    from graphfeed.queries.whole import communities as ask

    label = chosen_label("User", people=people, posts=posts, entities=entities)
    with open_feed(store) as feed:
        found = ask(feed.store, limit, label=label, seed=seed, say=None if as_json else note)
    if as_json:
        print(json.dumps(found.to_dict(), indent=2))
        return
    from graphfeed.show_questions import show_communities

    show_communities(out(), found, label)


def central(
    limit: Limit = 10,
    people: People = False,
    posts: Posts = False,
    entities: Entities = False,
    seed: Seed = 0,
    store: Store = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """The most important people (or posts, or entities) by PageRank."""
    from graphfeed.queries.whole import central as ask

    label = chosen_label("User", people=people, posts=posts, entities=entities)
    with open_feed(store) as feed:
        found = ask(feed.store, label, limit, seed=seed, say=None if as_json else note)
    if as_json:
        print(json.dumps([one.to_dict() for one in found], indent=2))
        return
    from graphfeed.show_questions import show_central

    show_central(out(), found)


def cold(
    limit: Limit = 10,
    people: People = False,
    posts: Posts = False,
    few: Annotated[int, typer.Option("--few", min=1, help="Fewer engagements than this are few.")] = 3,
    store: Store = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """People and posts that the model knows little about, and why; one of the two with --people or --posts."""
    from graphfeed.queries.whole import cold as ask

    chosen_label("Post", people=people, posts=posts)
    labels: list[Label] = ["User"] if people else ["Post"] if posts else ["User", "Post"]
    with open_feed(store) as feed:
        found = [ask(feed.store, label, limit, few=few) for label in labels]
    if as_json:
        print(json.dumps([one.to_dict() for one in found], indent=2))
        return
    from graphfeed.show_questions import show_cold

    for one in found:
        show_cold(out(), one)

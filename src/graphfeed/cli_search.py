"""The commands that look for something: search, trending, who."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, cast

import typer

from graphfeed.errors import ConfigError
from graphfeed.options import Debug, Json, Limit, Store, note, open_feed, out

if TYPE_CHECKING:
    from graphfeed.queries.question_answers import Label
    from graphfeed.queries.searching import By

People = Annotated[bool, typer.Option("--people", help="People.")]
Posts = Annotated[bool, typer.Option("--posts", help="Posts.")]
Entities = Annotated[bool, typer.Option("--entities", help="Entities.")]


def add_commands(app: typer.Typer) -> None:
    """Add the commands of this module."""
    for function, example in (
        (search, 'graphfeed search "error correction" --for 26'),
        (trending, "graphfeed trending --half-life-days 3"),
        (who, "graphfeed who 4125"),
    ):
        app.command(epilog=f"Example: {example}")(function)


def search(
    text: Annotated[str, typer.Argument(help="What to look for: words, or a whole text.")],
    limit: Limit = 10,
    by: Annotated[str, typer.Option("--by", help="text (the words), vector (their meaning), or both, fused.")] = "both",
    user: Annotated[str | None, typer.Option("--for", metavar="USER", help="What suits this person rises.")] = None,
    kind: Annotated[
        list[str] | None, typer.Option("--kind", help="Only of this kind, such as question; may be given again.")
    ] = None,
    people: People = False,
    entities: Entities = False,
    store: Store = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Posts that a text is about, or people, or entities: by words, by meaning, or both."""
    from graphfeed.queries.searching import search as ask

    label, wanted, say = (
        chosen_label("Post", people=people, entities=entities),
        cast("By", by),
        None if as_json else note,
    )
    with open_feed(store) as feed:
        found = ask(feed.store, text, limit, by=wanted, user=user, label=label, kinds=kind or (), say=say)
    for sentence in found.notes if not as_json else ():
        note(sentence)
    if as_json:
        print(json.dumps(found.to_dict(), indent=2))
        return
    from graphfeed.show_questions import show_search

    show_search(out(), found)


def trending(
    limit: Limit = 10,
    entity: Annotated[
        str | None, typer.Option("--entity", metavar="ID", help="Only posts about this entity, by id or name.")
    ] = None,
    entities: Annotated[bool, typer.Option("--entities", help="Entities in place of posts.")] = False,
    half_life_days: Annotated[
        float, typer.Option("--half-life-days", help="After so many days an engagement counts half.")
    ] = 7.0,
    now: Annotated[
        str | None, typer.Option("--now", help="The moment to look from: clock, latest (engagement) or a date.")
    ] = None,
    store: Store = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Posts that people engage with just now, or entities: each act counts half as much after every half-life."""
    from graphfeed.queries.decayed import trending as ask
    from graphfeed.trend_moment import trend_moment

    with open_feed(store) as feed:
        moment = trend_moment(feed.store, now)
        found = ask(feed.store, limit, now=moment.at, half_life_days=half_life_days, entity=entity, entities=entities)
    if as_json:
        print(json.dumps([trend.to_dict() for trend in found], indent=2))
        return
    from graphfeed.show_questions import show_trends

    note(f"at {moment.shown} ({moment.why}), half-life {half_life_days:g} days")
    show_trends(out(), found)


def who(
    post: Annotated[str, typer.Argument(help="Id of a post.")],
    limit: Limit = 10,
    store: Store = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Who would care about a post: people to whom it is recommended, then readers of what reads like it."""
    from graphfeed.queries.audience import audience

    with open_feed(store) as feed:
        found = audience(feed.store, post, limit, say=None if as_json else note)
        if as_json:
            print(json.dumps([reader.to_dict() for reader in found], indent=2))
            return
        from graphfeed.show_questions import show_readers

        show_readers(out(), feed.store, found)


def chosen_label(otherwise: Label, *, people: bool = False, posts: bool = False, entities: bool = False) -> Label:
    """The label that the options name. Raises ConfigError for several."""
    choices: tuple[tuple[Label, bool], ...] = (("User", people), ("Post", posts), ("Entity", entities))
    given = [name for name, said in choices if said]
    if len(given) > 1:
        raise ConfigError("--people, --posts and --entities exclude each other: give one of them")
    return given[0] if given else otherwise

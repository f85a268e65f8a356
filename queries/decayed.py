"""What people engage with just now: ``trending(store)``, also about one entity, or entities in place of posts."""

from __future__ import annotations

import math
from datetime import UTC, datetime

from graphfeed.errors import ConfigError, UnknownNodeError
from graphfeed.graph.store import GraphStore
from graphfeed.queries.question_answers import Trend

HALF_LIFE_DAYS = 7.0
_DAY = 86_400.0
_LONGEST_DAYS = 100_000.0


def trending(
    store: GraphStore,
    limit: int = 10,
    *,
    now: int,
    half_life_days: float = HALF_LIFE_DAYS,
    entity: str | None = None,
    entities: bool = False,
) -> list[Trend]:
    """Posts by engagement, each act counting half as much after every half-life; ``limit`` at most, best first.

    ``now``: microseconds since 1970; what happened later does not count. ``entity``: only posts about the one with this
    id or name. ``entities``: entities by the engagement with the posts about them. An engagement without a time never
    counts. Raises ConfigError, and UnknownNodeError for an entity that is not in the graph.
    """
    if limit < 1:
        raise ConfigError(f"the number of results must be 1 or more, found {limit}")
    if not (math.isfinite(half_life_days) and 0 < half_life_days <= _LONGEST_DAYS):
        raise ConfigError(f"the half-life is a number of days above 0, found {half_life_days:g}")
    if entity is not None and entities:
        raise ConfigError("trending shows either entities or the posts about one entity: leave one of the two away")
    given = {"now": now // 1_000, "half_life": half_life_days * _DAY, "limit": limit}
    if entities:
        rows = store.run("decayed_entities", **given)
    elif entity is not None:
        rows = store.run("decayed_posts_about", entity=find_entity(store, entity), **given)
    else:
        rows = store.run("decayed_posts", **given)
    return [
        Trend(
            row["id"],
            rank,
            row["score"],
            row["name" if entities else "title"],
            row["kind"],
            row["acts"],
            row["people"],
            row.get("posts"),
        )
        for rank, row in enumerate((row for row in rows if row["score"] > 0), 1)
    ]


def latest_act(store: GraphStore) -> int | None:
    """When somebody last engaged with something, microseconds since 1970; None where no engagement has a time."""
    (row,) = store.run("latest_act")
    at: datetime | None = row["at"]
    return None if at is None else round(at.replace(tzinfo=UTC).timestamp() * 1_000_000)


def find_entity(store: GraphStore, text: str) -> str:
    """The id of the entity that a text names, by id or by name. Raises UnknownNodeError, also where several fit."""
    rows = store.run("find_entity", text=text, limit=4)
    if rows and (rows[0]["id"] == text or len(rows) == 1):
        return str(rows[0]["id"])
    shown = text if len(text) <= 100 else text[:99] + "…"
    if rows:
        ids = ", ".join(repr(row["id"]) for row in rows)
        raise UnknownNodeError(f"several entities are called {shown!r}: give the id of one, such as {ids}")
    raise UnknownNodeError(f"no entity has the id or the name {shown!r}; `graphfeed search TEXT --entities` finds some")

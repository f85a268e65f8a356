"""Reading what was published: one function per question, each a query file or two.

    recommend(store, "u1")           posts for a person
    explain(store, "u1", "p7")       why this post
    similar(store, "p7")             posts like it
    people(store, "u1")              whom they may know
    interests(store, "u1")           what they may care about

All raise NotPublishedError before anything was published and UnknownNodeError for a node that is not in the graph; only
``recommend`` answers a person whom it does not know, with what is popular.
"""

from __future__ import annotations

from datetime import timedelta

from graphfeed.errors import ConfigError, NotPublishedError
from graphfeed.graph.store import GraphStore, Row
from graphfeed.queries.answers import (
    Explanation,
    Interest,
    Origin,
    Person,
    Reason,
    Recommendation,
    SimilarPost,
    read_reasons,
)
from graphfeed.queries.nearness import unknown_node

_SPARE = 20  # predictions looked at beyond those asked for: few have been met since they were published
_EVERYTHING = 1_000_000_000
_CLOCK_TOLERANCE = timedelta(days=1)  # a generation made for a moment further back than that was made for the past


def recommend(store: GraphStore, user: str, limit: int = 10) -> list[Recommendation]:
    """The best posts for a person, ``limit`` of them as long as there are so many that they may see.

    Where the predictions do not suffice, recently popular posts follow, then the newest ones (``origin`` says which is
    which). A person who is not in the graph gets the popular ones: see ``knows_user``.
    """
    _check_limit(limit)
    rows = store.run("recommend", user=user, depth=limit + _SPARE, limit=limit)
    if len(rows) < limit:
        rows = store.run("recommend", user=user, depth=_EVERYTHING, limit=limit)
    found = [
        Recommendation(
            row["id"], rank, row["score"], read_reasons(row["reasons"]), row["title"], row["kind"], "predicted"
        )
        for rank, row in enumerate(rows, 1)
    ]
    if len(found) < limit:
        _fill_up(store, user, limit, found)
    return found


def knows_user(store: GraphStore, user: str) -> bool:
    """Whether the person is in the graph."""
    return bool(store.run("find_user", user=user))


def explain(store: GraphStore, user: str, post: str) -> Explanation:
    """The published reasons; for a pair that is not recommended the short paths that connect the two.

    Both with what keeps the post from the person since, or anyway.
    """
    rows = store.run("explain", user=user, post=post)
    kept_back = tuple(sorted(row["act"] for row in store.run("kept_back", user=user, post=post)))
    if rows:
        row = rows[0]
        return Explanation(user, post, True, row["rank"], row["score"], read_reasons(row["reasons"]), kept_back)
    _active_generation(store)
    _require_user(store, user)
    _require_post(store, post)
    paths = store.run("explain_paths", user=user, post=post)
    reasons = tuple(Reason(p["type"], None, tuple(p["path"])) for p in paths)
    return Explanation(user, post, False, None, None, reasons, kept_back)


def similar(store: GraphStore, post: str, limit: int = 10) -> list[SimilarPost]:
    """Posts like one post, most alike first; for one that came after publishing, those whose texts are nearest."""
    _check_limit(limit)
    rows = store.run("similar", post=post, limit=limit)
    if not rows:
        _active_generation(store)
        _require_post(store, post)
        return _alike_in_text(store, post, limit)
    return [
        SimilarPost(row["id"], rank, row["score"], row["title"], row["kind"], read_reasons(row["reasons"]))
        for rank, row in enumerate(rows, 1)
    ]


def _alike_in_text(store: GraphStore, post: str, limit: int) -> list[SimilarPost]:
    vector = store.read_vector("Post", "text_vector", post)
    if vector is None:
        return []
    found = store.nearest("Post", "text_vector", vector, limit, keep=lambda id_: id_ != post)
    rows = [(id_, score, store.run("post", id=id_)[0]) for id_, score in found if score > 0]
    return [
        SimilarPost(id_, rank, score, row["title"], row["kind"], (Reason("similar_text", 1.0, (post, id_)),))
        for rank, (id_, score, row) in enumerate(rows, 1)
    ]


def people(store: GraphStore, user: str, limit: int = 10) -> list[Person]:
    """People whom a person may know, best first."""
    _check_limit(limit)
    rows = store.run("people", user=user, limit=limit)
    if not rows:
        _active_generation(store)
        _require_user(store, user)
    return [
        Person(row["id"], rank, row["score"], row["name"], read_reasons(row["reasons"]))
        for rank, row in enumerate(rows, 1)
    ]


def interests(store: GraphStore, user: str, limit: int = 10) -> list[Interest]:
    """Entities that a person may care about, best first."""
    _check_limit(limit)
    rows = store.run("interests", user=user, limit=limit)
    if not rows:
        _active_generation(store)
        _require_user(store, user)
    return [
        Interest(row["id"], rank, row["score"], row["name"], row["kind"], read_reasons(row["reasons"]))
        for rank, row in enumerate(rows, 1)
    ]


def _fill_up(store: GraphStore, user: str, limit: int, found: list[Recommendation]) -> None:
    """Add popular posts, then the newest ones, until there are ``limit`` or nothing is left."""
    generation = _active_generation(store)
    alone = not found
    popular = store.run("trending", user=user, generation=generation["id"], limit=limit + len(found))
    _append(found, popular, "popular", limit, ceiling=None if alone else min(0.0, found[-1].score))
    if len(found) < limit:
        live = generation["created_at"] - generation["now"] < _CLOCK_TOLERANCE
        query = {"user": user, "generation": generation["id"], "live": live, "limit": limit + len(found)}
        rest = store.run("newest_eligible", **query)
        _append(found, rest, "newest", limit, ceiling=min(0.0, found[-1].score) if found else 0.0)


def _append(found: list[Recommendation], rows: list[Row], origin: Origin, limit: int, ceiling: float | None) -> None:
    there = {r.id for r in found}
    for row in rows:
        if len(found) == limit:
            return
        if row["id"] in there:
            continue
        reason = Reason("popular" if origin == "popular" else "new", 1.0, (row["id"],))
        score = row["score"] if ceiling is None else ceiling
        found.append(Recommendation(row["id"], len(found) + 1, score, (reason,), row["title"], row["kind"], origin))


def _active_generation(store: GraphStore) -> Row:
    rows = store.run("active_generation")
    if not rows:
        raise NotPublishedError(
            f"nothing is published in {store.location} yet: run `graphfeed train` and `graphfeed publish` first"
        )
    return rows[0]


def _require_user(store: GraphStore, user: str) -> None:
    if not knows_user(store, user):
        raise unknown_node(store, "User", user)


def _require_post(store: GraphStore, post: str) -> None:
    if not store.run("post", id=post):
        raise unknown_node(store, "Post", post)


def _check_limit(limit: int) -> None:
    if limit < 1:
        raise ConfigError(f"the number of results must be 1 or more, found {limit}")

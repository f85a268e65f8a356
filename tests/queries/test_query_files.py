"""Every query file, run on the toy community: its exact rows, and the columns that its header declares."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.queries.both_stores import made_on
from tests.queries.toy import DAY, NOW, START, make_toy

from graphfeed.errors import QueryError
from graphfeed.graph.query_files import load_queries, parse_query
from graphfeed.graph.store import GraphStore

ALL_POSTS = ["fresh", "spam", "chess1", "oven", "bread3", "bread2", "bread1", "ask"]
"""Questions that existed at the generation's moment, newest first."""

CASES: list[tuple[str, dict[str, Any], list[dict[str, Any]]]] = [
    # The ids, in order, of what each query finds; other columns are held against the header below.
    (
        "recommend",
        {"user": "ann", "depth": 9, "limit": 10},
        [{"id": "bread2", "rank": 1}, {"id": "bread3", "rank": 4}, {"id": "chess1", "rank": 5}],
    ),
    (
        "recommend",
        {"user": "ann", "depth": 9, "limit": 1},
        [{"id": "bread2", "score": 1.0, "generation": "g2", "title": "Second rise"}],
    ),
    ("recommend", {"user": "bob", "depth": 9, "limit": 10}, [{"id": "oven", "rank": 2}]),  # chess1 is hidden
    ("recommend", {"user": "ann", "depth": 4, "limit": 10}, [{"id": "bread2"}, {"id": "bread3"}]),
    ("recommend", {"user": "nobody", "depth": 9, "limit": 10}, []),
    ("trending", {"user": "ann", "generation": "g2", "limit": 10}, [{"id": "bread2", "rank": 4}]),
    (
        "trending",
        {"user": "nobody", "generation": "g2", "limit": 3},
        [{"id": "bread1"}, {"id": "oven"}, {"id": "spam"}],
    ),
    ("trending", {"user": "nobody", "generation": "g1", "limit": 3}, [{"id": "oven", "score": 1.0}]),
    (
        "newest_eligible",
        {"user": "ann", "generation": "g2", "live": False, "limit": 20},
        [{"id": p} for p in ("fresh", "chess1", "bread3", "bread2", "undated")],
    ),
    (
        "newest_eligible",
        {"user": "nobody", "generation": "g2", "live": True, "limit": 20},
        [{"id": p, "kind": "question"} for p in ("future", *ALL_POSTS, "undated")],
    ),
    ("explain", {"user": "ann", "post": "bread3"}, [{"rank": 4, "score": 0.25, "generation": "g2"}]),
    ("explain", {"user": "ann", "post": "fresh"}, []),
    (
        "explain_paths",
        {"user": "ann", "post": "bread2"},
        [
            {"type": "people_you_follow", "path": ["ann", "bob", "bread2"]},
            {"type": "people_like_you", "path": ["ann", "bread1", "bob", "bread2"]},
            {"type": "topic", "path": ["ann", "bread1", "bread", "bread2"]},
        ],
    ),
    (
        "explain_paths",
        {"user": "ann", "post": "bread3"},
        [
            {"type": "followed_author", "path": ["ann", "bob", "bread3"]},
            {"type": "interest", "path": ["ann", "rye", "bread3"]},
            {"type": "linked", "path": ["ann", "bread1", "bread3"]},
        ],
    ),
    ("explain_paths", {"user": "ann", "post": "reply"}, [{"type": "conversation", "path": ["ann", "ask", "reply"]}]),
    ("explain_paths", {"user": "cat", "post": "spam"}, []),
    ("kept_back", {"user": "ann", "post": "ask"}, [{"act": "wrote it"}]),
    ("kept_back", {"user": "ann", "post": "spam"}, [{"act": "blocked or muted its author"}]),
    ("kept_back", {"user": "bob", "post": "chess1"}, [{"act": "disliked or hid it"}]),
    ("kept_back", {"user": "ann", "post": "bread1"}, [{"act": "engaged with it"}]),
    ("kept_back", {"user": "ann", "post": "bread2"}, []),
    ("similar", {"post": "bread1", "limit": 5}, [{"id": "bread2", "rank": 1}, {"id": "bread3", "rank": 2}]),
    ("people", {"user": "ann", "limit": 5}, [{"id": "cat", "rank": 2, "name": None}]),  # bob followed, mallory blocked
    ("interests", {"user": "ann", "limit": 5}, [{"id": "bread", "rank": 2, "name": "Bread", "kind": "tag"}]),
    ("active_generation", {}, [{"id": "g2", "model": "linear", "encoder": "words", "kinds": ["question"]}]),
    ("find_user", {"user": "ann"}, [{"id": "ann", "name": "Ann Example"}]),
    ("find_user", {"user": "Ann"}, []),
    ("post", {"id": "ask"}, [{"kind": "question", "title": "Why is my loaf flat?", "text": "ask text"}]),
    ("near_users", {"text": "B", "limit": 3}, [{"id": "bob", "name": "Bob Example"}]),
    ("near_users", {"text": "EXAMPLE", "limit": 2}, [{"id": "ann"}, {"id": "bob"}]),
    ("near_posts", {"text": "bre", "limit": 2}, [{"id": "bread1"}, {"id": "bread2"}]),
    (
        "names",
        {"users": ["ann", "x"], "posts": ["reply", "ask"], "entities": ["rye"]},
        [
            {"label": "User", "id": "ann", "name": "Ann Example"},
            {"label": "Post", "id": "reply", "name": "reply text"},
            {"label": "Post", "id": "ask", "name": "Why is my loaf flat?"},
            {"label": "Entity", "id": "rye", "name": "Rye"},
        ],
    ),
    ("shown_posts", {"depth": 1}, [{"id": "bread2", "lists": 1}, {"id": "chess1", "lists": 1}]),
    (
        "shown_posts",
        {"depth": 9},
        [
            {"id": "chess1", "lists": 2},
            {"id": "bread1", "lists": 1},
            {"id": "bread2"},
            {"id": "bread3"},
            {"id": "oven"},
            {"id": "spam"},
        ],
    ),
    (
        "found",
        {"users": ["ann"], "posts": ["ask"], "entities": ["rye"]},
        [
            {"label": "User", "id": "ann", "name": "Ann Example", "kind": "", "text": None},
            {"label": "Post", "id": "ask", "kind": "question", "text": "ask text"},
            {"label": "Entity", "id": "rye", "name": "Rye", "kind": "tag"},
        ],
    ),
    (
        "person",
        {"user": "bob"},
        [
            {"what": "recommended", "id": "chess1", "rank": 1},
            {"what": "recommended", "id": "oven", "rank": 2},
            {"what": "barred", "id": "chess1", "rank": 0},
        ],
    ),
    (
        "audience",
        {"post": "chess1", "limit": 5},
        [{"id": "bob", "rank": 1, "score": 1.0}, {"id": "ann", "name": "Ann Example", "rank": 5}],
    ),
    ("barred_readers", {"post": "spam"}, [{"id": "ann"}]),
    ("barred_readers", {"post": "chess1"}, [{"id": "bob"}]),
    ("latest_act", {}, [{"at": datetime.fromtimestamp(START / 10**6, UTC).replace(tzinfo=None)}]),
    (
        "decayed_posts",
        {"now": (START + DAY) // 1_000, "half_life": 86_400.0, "limit": 3},
        [
            {"id": "bread1", "score": 1.0, "acts": 2, "people": 2, "title": "Starter basics"},
            {"id": "oven", "score": 1.0, "acts": 2, "people": 2},
            {"id": "bread2", "score": 0.5, "acts": 1, "people": 1},
        ],
    ),
    ("decayed_posts", {"now": START // 1_000 - 1, "half_life": 86_400.0, "limit": 3}, []),
    (
        "decayed_posts_about",
        {"entity": "bread", "now": START // 1_000, "half_life": 86_400.0, "limit": 3},
        [{"id": "bread1", "score": 2.0, "kind": "question"}, {"id": "bread2", "score": 1.0}],
    ),
    (
        "decayed_entities",
        {"now": START // 1_000, "half_life": 86_400.0, "limit": 3},
        [{"id": "bread", "name": "Bread", "kind": "tag", "score": 3.0, "acts": 3, "people": 2, "posts": 2}],
    ),
    ("find_entity", {"text": "RYE", "limit": 2}, [{"id": "rye", "name": "Rye", "kind": "tag"}]),
    (
        "communities",
        {},
        [{"community": 0, "label": label, "nodes": n} for label, n in (("User", 4), ("Post", 11), ("Entity", 2))],
    ),
    (
        "central",
        {"label": "User", "community": -1, "limit": 2},
        [{"id": "ann", "kind": "", "pagerank": 0.25, "community": 0}, {"id": "bob"}],
    ),
    ("central", {"label": "Post", "community": 0, "limit": 1}, [{"id": "ask", "kind": "question"}]),
    ("central", {"label": "Post", "community": 1, "limit": 1}, []),
    (
        "community_topics",
        {"community": 0, "limit": 3},
        [{"id": "bread", "name": "Bread", "kind": "tag", "community": 0}, {"id": "rye", "pagerank": 0.25}],
    ),
    (
        "cold_people",
        {"few": 2, "limit": 5},
        [
            {"id": "mallory", "acts": 0, "few_acts": True, "new": False, "no_text": True, "no_follows": True},
            {"id": "cat", "name": None, "acts": 1, "reasons": 3},
        ],
    ),
    (
        "cold_posts",
        {"few": 1, "limit": 2},
        [
            {"id": "future", "acts": 0, "few_acts": True, "new": True, "no_entity": True, "no_author": True},
            {"id": "chess1", "new": False, "no_text": False, "reasons": 3},
        ],
    ),
    (
        "cold_counts",
        {"few": 1},
        [
            {"label": "User", "nodes": 1, "few_acts": True, "no_follows": True},
            {"label": "User", "nodes": 2, "few_acts": False, "no_follows": True},
            {"label": "User", "nodes": 1, "few_acts": False, "no_follows": False},
            {"label": "Post", "nodes": 3, "few_acts": True, "no_entity": True, "no_author": True, "new": False},
            {"label": "Post", "nodes": 2, "few_acts": True, "no_entity": True, "no_author": False},
            {"label": "Post", "nodes": 1, "few_acts": True, "no_entity": False, "no_author": False},
            {"label": "Post", "nodes": 1, "few_acts": True, "new": True},
            {"label": "Post", "nodes": 2, "few_acts": False, "no_entity": False, "no_author": True},
            {"label": "Post", "nodes": 1, "few_acts": False, "no_entity": True, "no_author": True},
        ],
    ),
    (
        "predicted_around",
        {"label": "Post", "id": "bread2"},
        [
            {"type": "RECOMMENDED", "forward": False, "label": "User", "id": "ann"},
            {"type": "SIMILAR_TO", "forward": False, "label": "Post", "id": "bread1"},
        ],
    ),
    ("predicted_around", {"label": "Entity", "id": "rye"}, [{"type": "MAY_LIKE", "label": "User", "id": "ann"}]),
    ("busiest_users", {"limit": 2}, [{"id": "ann", "acts": 2}, {"id": "bob", "acts": 2}]),
]


ONLY_NEO4J = {"captions", "neighbourhood", "recommendation_paths"}
"""What Neo4j Browser draws, and how it is to call it: tested in test_browse.py."""


@pytest.fixture(scope="module", params=["ladybug", "neo4j"])
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GraphStore]:
    folder = tmp_path_factory.mktemp("toy")
    with made_on(request, folder, make_toy) as made:
        yield made


@pytest.mark.parametrize(("name", "parameters", "expected"), CASES, ids=lambda v: v if isinstance(v, str) else "")
def test_rows_and_columns(
    store: GraphStore, name: str, parameters: dict[str, Any], expected: list[dict[str, Any]]
) -> None:
    rows = store.run(name, **parameters)
    assert [{key: row[key] for key in want} for row, want in zip(rows, expected, strict=False)] == expected
    assert len(rows) == len(expected)
    declared = load_queries(store.dialect)[name].returns
    assert all(tuple(row) == declared for row in rows)


def test_the_parts_of_a_union_come_in_their_order(store: GraphStore) -> None:
    text = " UNION ALL ".join(f"UNWIND range(1, 100000) AS x RETURN {part} AS part" for part in (1, 2, 3))
    for _ in range(5):
        parts = [row["part"] for row in store.cypher(text)]
        assert parts == sorted(parts)


def test_every_file_is_tested(store: GraphStore) -> None:
    assert {name for name, _, rows in CASES if rows} == set(load_queries(store.dialect)) - ONLY_NEO4J


def test_both_dialects_have_the_same_queries_but_for_pictures() -> None:
    assert set(load_queries("ladybug")) == set(load_queries("neo4j")) - ONLY_NEO4J


def test_moments_are_kept(store: GraphStore) -> None:
    (row,) = store.run("active_generation")
    assert row["now"] == datetime.fromtimestamp(NOW / 10**6, UTC).replace(tzinfo=None)


def test_parameters_are_held_against_the_header(store: GraphStore) -> None:
    with pytest.raises(QueryError, match=r"missing: \['limit'\]"):
        store.run("recommend", user="ann", depth=9)
    with pytest.raises(QueryError, match=r"not known: \['usr'\]"):
        store.run("recommend", user="ann", depth=9, limit=3, usr="ann")


def test_a_header_that_does_not_fit_is_refused() -> None:
    with pytest.raises(QueryError, match="declares the parameters"):
        parse_query("odd", "// Something.\n// params: user\n// returns: id\nRETURN $other AS id")
    with pytest.raises(QueryError, match="needs a header"):
        parse_query("odd", "RETURN 1 AS id")

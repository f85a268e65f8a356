"""A small community whose right answers can be read off, with two published generations.

    ann   engaged with bread1 (liked) and oven (viewed), follows bob, blocked mallory, wrote ask
    bob   engaged with bread1 and bread2 and wrote bread3; mallory wrote spam; cat only viewed oven

Predictions for ann, best first: bread2, spam (by mallory: never shown), bread1 (seen: never shown), bread3, chess1.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa

from graphfeed.graph.schema import PREDICTION_SCHEMA, Generation
from graphfeed.graph.store import Change, GraphStore, open_store
from graphfeed.loaders.records import NODE_TYPES, RELATIONSHIP_TYPES, node_schema, relationship_schema

DAY = 86_400 * 10**6
START = 1_600_000_000 * 10**6
NOW = START + 30 * DAY

USERS = {"ann": "Ann Example", "bob": "Bob Example", "cat": None, "mallory": "Mallory Example"}
POSTS = {  # title, kind, day
    "ask": ("Why is my loaf flat?", "question", 1),
    "bread1": ("Starter basics", "question", 2),
    "bread2": ("Second rise", "question", 3),
    "bread3": ("Rye at home", "question", 4),
    "oven": ("Which oven?", "question", 5),
    "chess1": ("Openings", "question", 6),
    "spam": ("Buy now", "question", 7),
    "reply": (None, "answer", 8),
    "fresh": ("Just asked", "question", 9),
    "undated": ("No date", "question", None),
    "future": ("From later", "question", 60),
}
ENTITIES = {"bread": "Bread", "rye": "Rye"}

EDGES: list[tuple[str, str, str, str, list[tuple[Any, ...]]]] = [
    ("LIKED", "User", "Post", "at count", [("ann", "bread1", START, 1), ("bob", "bread1", START, 1)]),
    ("SAVED", "User", "Post", "at count", [("bob", "bread2", START, 1)]),
    ("VIEWED", "User", "Post", "at count", [("ann", "oven", START, 2), ("cat", "oven", START, 1)]),
    ("HID", "User", "Post", "at count", [("bob", "chess1", START, 1)]),
    ("POSTED", "User", "Post", "at", [("ann", "ask", START), ("bob", "bread3", START), ("mallory", "spam", START)]),
    ("FOLLOWS", "User", "User", "at", [("ann", "bob", START)]),
    ("BLOCKED", "User", "User", "at said_by", [("ann", "mallory", START, "data")]),
    ("REPLIES_TO", "Post", "Post", "kind at", [("reply", "ask", "answer", START)]),
    ("LINKS_TO", "Post", "Post", "kind at", [("bread1", "bread3", "related", START)]),
    (
        "MENTIONS",
        "Post",
        "Entity",
        "confidence said_by",
        [(post, "bread", 1.0, "data") for post in ("bread1", "bread2")] + [("bread3", "rye", 1.0, "data")],
    ),
    ("INTERESTED_IN", "User", "Entity", "weight stated at", [("ann", "rye", 1.0, True, None)]),
]

REASON = {"type": "people_like_you", "share": 0.75, "path": ["ann", "bread1", "bob", "bread2"]}
RECOMMENDED = {  # generation → user → posts, best first
    "g1": {"ann": ["chess1"]},
    "g2": {"ann": ["bread2", "spam", "bread1", "bread3", "chess1"], "bob": ["chess1", "oven"]},
}
TRENDING = {"g1": ["oven"], "g2": ["bread1", "oven", "spam", "bread2", "ask"]}


def make_toy(folder: Path | str, *, publish: bool = True, live: bool = False) -> GraphStore:
    """The community in a new store, a folder or an empty database's address.

    ``live``: published by the clock rather than for a moment of the past.
    """
    store = open_store(folder, create=True)
    with store.change("toy") as change:
        _write_nodes(change, "User", [{"id": id_, "name": name} for id_, name in USERS.items()])
        posts = [
            {"id": id_, "title": title, "kind": kind, "text": f"{id_} text", "created_at": _day(day)}
            for id_, (title, kind, day) in POSTS.items()
        ]
        _write_nodes(change, "Post", posts)
        _write_nodes(change, "Entity", [{"id": id_, "name": name, "kind": "tag"} for id_, name in ENTITIES.items()])
        for type_, source, target, properties, rows in EDGES:
            names = ["source", "target", *properties.split()]
            write_edges(change, type_, source, target, [dict(zip(names, row, strict=True)) for row in rows])
        made = NOW if live else NOW + 400 * DAY
        if publish:
            publish_toy(change, "g1", created_at=made)
    if publish:
        with store.change("publish g2") as change:
            publish_toy(change, "g2", created_at=made + 1)
    return store


def publish_toy(change: Change, generation: str, *, created_at: int) -> None:
    """Publish what the tables above say for a generation."""
    pairs = [(u, p, r) for u, posts in RECOMMENDED[generation].items() for r, p in enumerate(posts, 1)]
    change.write_predictions("RECOMMENDED", predictions(pairs, generation))
    trending = [(generation, post, rank) for rank, post in enumerate(TRENDING[generation], 1)]
    change.write_predictions("TRENDING", predictions(trending, generation, []))
    change.write_predictions("SIMILAR_TO", predictions([("bread1", "bread2", 1), ("bread1", "bread3", 2)], generation))
    known = [("ann", "bob", 1), ("ann", "cat", 2), ("ann", "mallory", 3)]
    change.write_predictions("MAY_KNOW", predictions(known, generation))
    change.write_predictions("MAY_LIKE", predictions([("ann", "rye", 1), ("ann", "bread", 2)], generation))
    for label, nodes in (("User", len(USERS)), ("Post", len(POSTS)), ("Entity", len(ENTITIES))):
        change.write_measures(label, pa.table({"community": [0] * nodes, "pagerank": [0.25] * nodes}))
    change.activate(
        Generation(generation, created_at, NOW, "linear", "words", '{"ndcg@10": 0.5}', ("question",), active=True)
    )


def predictions(
    rows: list[tuple[str, str, int]], generation: str, reasons: list[dict[str, Any]] | None = None
) -> pa.Table:
    """Predicted relationships; the score falls with the rank."""
    text = json.dumps([REASON] if reasons is None else reasons)
    return pa.Table.from_pylist(
        [
            {"source": s, "target": t, "rank": r, "score": 1 / r, "generation": generation, "reasons": text}
            for s, t, r in rows
        ],
        PREDICTION_SCHEMA,
    )


def write_edges(change: Change, type_: str, source: str, target: str, rows: list[dict[str, Any]]) -> None:
    """Relationships of one type from rows that need not have all its properties."""
    assert type_ in RELATIONSHIP_TYPES
    change.write_relationships(type_, source, target, pa.Table.from_pylist(rows, relationship_schema(type_)))


def _write_nodes(change: Change, label: str, rows: list[dict[str, Any]]) -> None:
    assert label in NODE_TYPES
    change.write_nodes(label, pa.Table.from_pylist(rows, node_schema(label)))


def _day(day: int | None) -> int | None:
    return None if day is None else START + day * DAY

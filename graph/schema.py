"""What graphfeed writes into the graph, beside the observed types of ``graphfeed.loaders.records``.

    (:Generation {active: true})  names the set of predictions that readers see
    (User)-[:RECOMMENDED]->(Post)   what the user will engage with
    (User)-[:MAY_KNOW]->(User)      whom they may know
    (User)-[:MAY_LIKE]->(Entity)    what they care about
    (Post)-[:SIMILAR_TO]->(Post)    posts like this one
    (Generation)-[:TRENDING]->(Post) what an unknown user gets: the recently popular posts of that generation

Every one of these relationships carries ``generation``; a query reads only those of the active one.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from graphfeed.loaders.records import TEXT, TIME

VECTORS = ("text_vector", "graph_vector")
"""Properties on nodes, float32, one width per label and name."""

MEASURES: dict[str, pa.DataType] = {"community": pa.int64(), "pagerank": pa.float64()}
"""Properties on nodes of every label that ``graphfeed communities`` and ``central`` work out from the whole graph."""

PREDICTED: dict[str, tuple[str, str]] = {
    "RECOMMENDED": ("User", "Post"),
    "MAY_KNOW": ("User", "User"),
    "MAY_LIKE": ("User", "Entity"),
    "SIMILAR_TO": ("Post", "Post"),
    "TRENDING": ("Generation", "Post"),
}
"""Predicted relationships and the labels at their ends."""

PREDICTION_SCHEMA = pa.schema(
    [
        ("source", TEXT),
        ("target", TEXT),
        ("rank", pa.int64()),  # 1 is the best
        ("score", pa.float64()),
        ("generation", TEXT),
        ("reasons", TEXT),  # JSON: [{"type": str, "share": float, "path": [node id, ...]}, ...], strongest first
    ]
)

GENERATION_PROPERTIES: dict[str, pa.DataType] = {
    "created_at": TIME,
    "now": TIME,  # the moment the predictions are for
    "model": TEXT,
    "encoder": TEXT,
    "metrics": TEXT,  # JSON object
    "kinds": pa.list_(TEXT),  # kinds of posts that are recommended; empty: all
    "active": pa.bool_(),
}


@dataclass(frozen=True)
class Generation:
    """One published set of predictions. Times are microseconds since 1970, UTC."""

    id: str
    created_at: int
    now: int
    model: str
    encoder: str
    metrics: str
    kinds: tuple[str, ...]
    active: bool = False

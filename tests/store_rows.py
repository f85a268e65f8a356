"""Rows for the stores' tests, in a line each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa

from graphfeed.graph.schema import PREDICTION_SCHEMA, Generation
from graphfeed.graph.store import GraphStore
from graphfeed.loaders.records import node_schema, relationship_schema

Open = Callable[[], GraphStore]
"""Opens one more handle on the store of the test."""

ODD_TEXTS = ["", "ä, 日本語 🦉", "quote \" and ' and \\", "line\nand\ttab", "zero\x00inside", "x" * 1_000_000, None]


def nodes(label: str, ids: Sequence[str | None], **columns: Sequence[Any]) -> pa.Table:
    """Rows for ``write_nodes``; what is not given is null."""
    return _rows(node_schema(label), len(ids), id=ids, **columns)


def links(type_: str, pairs: Sequence[tuple[str, str]], **columns: Sequence[Any]) -> pa.Table:
    """Rows for ``write_relationships``; what is not given is null."""
    source, target = [s for s, _ in pairs], [t for _, t in pairs]
    return _rows(relationship_schema(type_), len(pairs), source=source, target=target, **columns)


def _rows(schema: pa.Schema, size: int, **columns: Sequence[Any]) -> pa.Table:
    filled = {"line": range(2, size + 2), **columns}
    return pa.table({f.name: list(filled.get(f.name, [None] * size)) for f in schema}, schema)


def predictions(generation: str, pairs: Sequence[tuple[str, str]], score: float = 0.5) -> pa.Table:
    """Rows for ``write_predictions``, ranked in the order given, the reasons naming their generation."""
    rows = [
        {
            "source": s,
            "target": t,
            "rank": i + 1,
            "score": score,
            "generation": generation,
            "reasons": f'["{generation}"]',
        }
        for i, (s, t) in enumerate(pairs)
    ]
    return pa.Table.from_pylist(rows, PREDICTION_SCHEMA)


def generation(id_: str, number: int = 1) -> Generation:
    """A generation published at second ``number``."""
    return Generation(id_, number * 1_000_000, 5, "linear", "minilm", '{"ndcg@10": 0.5}', ("question", "article"))


def publish(store: GraphStore, id_: str, pairs: Sequence[tuple[str, str]], number: int = 1) -> None:
    """Publish RECOMMENDED pairs as one generation."""
    with store.change(f"publish {id_}") as change:
        change.write_predictions("RECOMMENDED", predictions(id_, pairs))
        change.activate(generation(id_, number))


SEEN = (
    "MATCH (g:Generation) WHERE g.active MATCH (u:User)-[r:RECOMMENDED]->(p:Post) WHERE r.generation = g.id"
    " RETURN g.id AS generation, u.id AS user, p.id AS post, r.rank AS rank, r.reasons AS reasons ORDER BY user, rank"
)
"""What a reader sees: the active generation's recommendations."""

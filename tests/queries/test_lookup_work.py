"""A lookup's work does not grow with the community: what Ladybug's plan passes on is a small part of what is stored."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest

from graphfeed.graph.query_files import find_query
from graphfeed.graph.schema import PREDICTED, PREDICTION_SCHEMA, Generation
from graphfeed.graph.store import GraphStore, open_store
from graphfeed.loaders.records import RELATIONSHIP_TYPES, node_schema, relationship_schema

NODES, ROWS, RECEIVERS, TOP = 3_000, 6_000, 600, 5
SMALL = NODES // 6
KEYED: dict[str, dict[str, Any]] = {
    "recommend": {"user": "User 7", "depth": TOP, "limit": 3},
    "trending": {"user": "User 7", "generation": "g", "limit": 3},
    "explain": {"user": "User 7", "post": "Post 7"},
    "explain_paths": {"user": "User 7", "post": "Post 7"},
    "kept_back": {"user": "User 7", "post": "Post 7"},
    "person": {"user": "User 7"},
    "barred_readers": {"post": "Post 7"},
    "audience": {"post": "Post 7", "limit": 3},
    "people": {"user": "User 7", "limit": 3},
    "interests": {"user": "User 7", "limit": 3},
    "similar": {"post": "Post 7", "limit": 3},
    "predicted_around": {"label": "Post", "id": "Post 7"},
    "names": {"users": ["User 7"], "posts": ["Post 7"], "entities": ["Entity 7"]},
    "found": {"users": ["User 7"], "posts": ["Post 7"], "entities": ["Entity 7"]},
    "find_user": {"user": "User 7"},
    "post": {"id": "Post 7"},
    "active_generation": {},
}


@pytest.fixture(scope="module")
def community(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GraphStore]:
    """Every type of relationship is there: where one is empty, Ladybug may go through the nodes, which costs little."""
    random = np.random.default_rng(0)
    ids = {label: np.array([f"{label} {i}" for i in range(NODES)]) for label in ("User", "Post", "Entity")}
    with open_store(tmp_path_factory.mktemp("community") / "feed", create=True) as store:
        with store.change("a community") as change:
            for label, names in ids.items():
                change.write_nodes(label, _rows(node_schema(label), id=names))
            for type_, kind in RELATIONSHIP_TYPES.items():
                for source, target in kind.pairs:
                    ends = {"source": random.choice(ids[source], ROWS), "target": random.choice(ids[target], ROWS)}
                    change.write_relationships(type_, source, target, _rows(relationship_schema(type_), **ends))
            for type_, (source, target) in PREDICTED.items():
                givers = np.array(["g"]) if source == "Generation" else ids[source][:RECEIVERS]
                predictions = {
                    "source": np.repeat(givers, TOP),
                    "target": np.concatenate([random.choice(ids[target], TOP, replace=False) for _ in givers]),
                    "rank": np.tile(np.arange(1, TOP + 1), len(givers)),
                    "score": np.tile(np.linspace(1.0, 0.1, TOP), len(givers)),
                    "generation": np.repeat(["g"], TOP * len(givers)),
                    "reasons": np.repeat(["[]"], TOP * len(givers)),
                }
                change.write_predictions(type_, pa.table(predictions, schema=PREDICTION_SCHEMA))
            change.activate(Generation("g", 0, 0, "linear", "none", "{}", (), active=True))
        yield store


@pytest.mark.parametrize("name", KEYED)
def test_a_lookup_reads_a_small_part_of_the_graph(community: GraphStore, name: str) -> None:
    statement = "\n".join(line for line in find_query(name, "ladybug").text.splitlines() if not line.startswith("//"))
    profile = " ".join(
        str(value) for row in community.cypher(f"PROFILE {statement}", KEYED[name]) for value in row.values()
    )
    passed_on = [int(tuples) for tuples in re.findall(r"NumOutputTuples: (\d+)", profile)]
    assert passed_on
    assert max(passed_on) < SMALL


def _rows(schema: pa.Schema, **columns: npt.NDArray[np.str_]) -> pa.Table:
    size = len(next(iter(columns.values())))
    return pa.table({f.name: columns[f.name] if f.name in columns else pa.nulls(size, f.type) for f in schema}, schema)

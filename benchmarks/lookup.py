"""How fast ``recommend`` answers on a graph with a million RECOMMENDED relationships, in one process.

    python -m benchmarks.lookup                 # 10,000 people × 100 predictions, 50,000 posts
    python -m benchmarks.lookup --generations 2 # with the former generation kept, as it is from the second publish on

A lookup is ten posts with their reasons: titles, exclusion of what the person has met or blocked, and the JSON of the
reasons read. The store is built in a temporary folder and removed. Prints one JSON object; times are milliseconds.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from graphfeed.graph.schema import PREDICTION_SCHEMA, Generation
from graphfeed.graph.store import GraphStore, open_store
from graphfeed.loaders.records import node_schema, relationship_schema
from graphfeed.queries.lookup import recommend

START = 1_500_000_000 * 10**6
ENGAGEMENTS = 300_000  # of each of two types

Names = npt.NDArray[np.str_]


def main() -> None:
    """Build, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=10_000)
    parser.add_argument("--posts", type=int, default=50_000)
    parser.add_argument("--top", type=int, default=100, help="predictions per person")
    parser.add_argument("--generations", type=int, default=1)
    parser.add_argument("--lookups", type=int, default=2_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, open_store(Path(folder) / "feed", create=True) as store:
        random = np.random.default_rng(0)
        people = np.array([f"u{i}" for i in range(options.people)])
        posts = np.array([f"p{i}" for i in range(options.posts)])
        write_community(store, people, posts, random)
        for number in range(options.generations):
            publish(store, people, posts, options.top, f"g{number}", random)
        print(json.dumps({**vars(options), **measure(store, people, options.lookups, random)}))


def measure(store: GraphStore, people: Names, lookups: int, random: np.random.Generator) -> dict[str, float]:
    """Milliseconds of single lookups for people drawn at random, after fifty to warm up."""
    milliseconds = []
    for number in range(lookups + 50):
        user = str(people[random.integers(len(people))])
        began = time.perf_counter()
        found = recommend(store, user, 10)
        if number >= 50:
            milliseconds.append((time.perf_counter() - began) * 1_000)
        assert len(found) == 10
        assert len(found[0].reasons) == 3
    quantiles = np.percentile(milliseconds, [50, 95, 99])
    return {name: round(float(q), 2) for name, q in zip(("p50", "p95", "p99"), quantiles, strict=True)}


def write_community(store: GraphStore, people: Names, posts: Names, random: np.random.Generator) -> None:
    """People, posts, who wrote them, 600,000 engagements and 1,000 blocks."""
    with store.change("community") as change:
        change.write_nodes("User", _rows(node_schema("User"), id=people, name=people))
        change.write_nodes("Post", _rows(node_schema("Post"), id=posts, title=posts))
        authors = people[random.integers(0, len(people), len(posts))]
        change.write_relationships("POSTED", "User", "Post", _ends("POSTED", authors, posts))
        for type_ in ("LIKED", "VIEWED"):
            source = people[random.integers(0, len(people), ENGAGEMENTS)]
            target = posts[random.integers(0, len(posts), ENGAGEMENTS)]
            change.write_relationships(type_, "User", "Post", _ends(type_, source, target))
        ends = people[random.integers(0, len(people), (2, 1_000))]
        change.write_relationships("BLOCKED", "User", "User", _ends("BLOCKED", *ends))


def publish(
    store: GraphStore, people: Names, posts: Names, top: int, generation: str, random: np.random.Generator
) -> None:
    """One generation: ``top`` posts for every person, each with three reasons."""
    target = np.concatenate([random.choice(len(posts), top, replace=False) for _ in people])
    size = len(target)
    reasons = [
        json.dumps(
            [
                {
                    "type": "people_like_you",
                    "share": 0.5,
                    "path": [f"u{i // top}", f"p{i % 97}", f"u{i % 89}", f"p{t}"],
                },
                {"type": "author", "share": 0.2, "path": [f"u{i // top}", f"p{i % 83}", f"u{i % 79}", f"p{t}"]},
                {"type": "new", "share": 0.1, "path": [f"p{t}"]},
            ]
        )
        for i, t in enumerate(target)
    ]
    rank = np.tile(np.arange(1, top + 1), len(people))
    columns = [np.repeat(people, top), posts[target], rank, 1 / rank, [generation] * size, reasons]
    with store.change("publish") as change:
        change.write_predictions("RECOMMENDED", pa.table(columns, schema=PREDICTION_SCHEMA))
        change.activate(Generation(generation, START, START, "linear", "none", "{}", (), active=True))


def _ends(type_: str, source: Names, target: Names) -> pa.Table:
    return _rows(relationship_schema(type_), source=source, target=target)


def _rows(schema: pa.Schema, **columns: Names) -> pa.Table:
    size = len(next(iter(columns.values())))
    return pa.table({f.name: columns[f.name] if f.name in columns else pa.nulls(size, f.type) for f in schema}, schema)


if __name__ == "__main__":
    main()

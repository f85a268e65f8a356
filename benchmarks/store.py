"""Speed of the embedded store: ``python -m benchmarks.store [--nodes N] [--relationships N] [--json FILE]``.

Loads users, posts and LIKED relationships in chunks of 50,000 rows, publishes RECOMMENDED with reasons, and looks up
the ten best of random users. Everything is generated from a fixed seed.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from rich.console import Console
from rich.table import Table

from graphfeed.graph.schema import Generation
from graphfeed.graph.store import GraphStore, open_store
from graphfeed.loaders.records import CHUNK_ROWS, TEXT, node_schema, relationship_schema

_LOOKUP = """MATCH (g:Generation {active: true}) MATCH (:User {id: $user})-[r:RECOMMENDED]->(p:Post)
WHERE r.generation = g.id RETURN p.id AS id, r.rank AS rank, r.score AS score, r.reasons AS reasons
ORDER BY rank LIMIT 10"""
_LOOKUPS = 2_000
_BEST = 20  # recommendations of one user


def main() -> None:
    """Measure, print a table, and write the figures with ``--json``."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nodes", type=int, default=200_000, help="users and posts together")
    parser.add_argument("--relationships", type=int, default=1_000_000, help="LIKED, and as many RECOMMENDED")
    parser.add_argument("--vectors", type=int, default=384, help="width of the users' text vectors; 0: none")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(Path(folder) / "feed", options.nodes, options.relationships, options.vectors)
    table = Table("what", "figure", "unit", title=f"{options.nodes:,} nodes, {options.relationships:,} relationships")
    for name, (value, unit) in figures.items():
        table.add_row(name, f"{value:,.2f}" if value < 100 else f"{value:,.0f}", unit)
    Console().print(table)
    if options.json:
        options.json.write_text(json.dumps({name: value for name, (value, _) in figures.items()}, indent=1) + "\n")


def measure(folder: Path, nodes: int, relationships: int, width: int) -> dict[str, tuple[float, str]]:
    """Figures by name: value and unit."""
    rng, half = np.random.default_rng(0), nodes // 2
    figures: dict[str, tuple[float, str]] = {}
    with open_store(folder, create=True) as store:
        write = _seconds(lambda: _load(store, half, relationships, rng))
        figures["load"] = write, "s"
        figures["load rate"] = (nodes + relationships) / write, "rows/s"
        figures["relationship rate, all told"] = relationships / write, "rows/s"
        figures["the same again"] = _seconds(lambda: _load(store, half, relationships, np.random.default_rng(0))), "s"
        publish = _seconds(lambda: _publish(store, half, relationships, rng))
        figures["publish"] = publish, "s"
        figures["publish rate"] = relationships / publish, "rows/s"
        if width:
            vectors = rng.random((half, width), dtype=np.float32)
            figures["write vectors"] = _seconds(lambda: _embed(store, vectors)), "s"
            figures["read vectors"] = _seconds(lambda: store.read_vectors("User", "text_vector")), "s"
        figures["read relation"] = _seconds(lambda: store.read_relation("LIKED")), "s"
    store = open_store(folder)
    figures["open, to the first answer"] = 1_000 * _seconds(lambda: store.cypher(_LOOKUP, {"user": "u0"})), "ms"
    users = rng.integers(0, max(relationships // _BEST, 1), _LOOKUPS)
    times = [_seconds(lambda u=u: store.cypher(_LOOKUP, {"user": f"u{u}"})) for u in users]  # type: ignore[misc]
    for quantile in (50, 95, 99):
        figures[f"lookup p{quantile}"] = 1_000 * float(np.percentile(times, quantile)), "ms"
    store.close()
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    figures["size on disk"] = size / 2**20, "MiB"
    figures["peak memory"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10, "MiB"
    return figures


def _load(store: GraphStore, half: int, relationships: int, rng: np.random.Generator) -> None:
    with store.change("benchmark: load") as change:
        for label, prefix in (("User", "u"), ("Post", "p")):
            for rows in node_chunks(label, prefix, half):
                change.write_nodes(label, rows)
        for rows in relationship_chunks(half, relationships, rng):
            change.write_relationships("LIKED", "User", "Post", rows)


def _publish(store: GraphStore, half: int, relationships: int, rng: np.random.Generator) -> None:
    with store.change("benchmark: publish") as change:
        for numbers in _chunks(relationships):
            posts = rng.integers(0, half, len(numbers))
            reasons = _words('[{"type": "topic", "share": 0.41, "path": ["u1", "e', posts, '", "p7"]}]')
            change.write_predictions(
                "RECOMMENDED",
                pa.table(
                    {
                        "source": _words("u", numbers // _BEST % half),
                        "target": _words("p", posts),
                        "rank": numbers % _BEST + 1,
                        "score": rng.random(len(numbers)),
                        "generation": pa.repeat("g1", len(numbers)),
                        "reasons": reasons,
                    }
                ),
            )
        change.activate(Generation("g1", 0, 0, "benchmark", "none", "{}", ()))


def _embed(store: GraphStore, vectors: npt.NDArray[np.float32]) -> None:
    with store.change("benchmark: embed") as change:
        change.write_vectors("User", "text_vector", vectors)


def node_chunks(label: str, prefix: str, size: int) -> Iterator[pa.Table]:
    schema = node_schema(label)
    for numbers in _chunks(size):
        columns = {f.name: pa.nulls(len(numbers), f.type) for f in schema}
        columns |= {f.name: _words(f"{f.name} of ", numbers) for f in schema if f.type == TEXT}
        yield pa.table({**columns, "id": _words(prefix, numbers)}, schema)


def relationship_chunks(half: int, size: int, rng: np.random.Generator) -> Iterator[pa.Table]:
    schema = relationship_schema("LIKED")
    for numbers in _chunks(size):
        columns = {f.name: pa.nulls(len(numbers), f.type) for f in schema}
        source, target = (_words(prefix, rng.integers(0, half, len(numbers))) for prefix in ("u", "p"))
        at = pa.array(rng.integers(0, 10**15, len(numbers)), pa.timestamp("us"))
        yield pa.table({**columns, "source": source, "target": target, "at": at}, schema)


def _chunks(size: int) -> Iterator[npt.NDArray[np.int64]]:
    for start in range(0, size, CHUNK_ROWS):
        yield np.arange(start, min(start + CHUNK_ROWS, size))


def _words(before: str, numbers: npt.NDArray[np.int64], after: str = "") -> pa.Array:
    return pc.binary_join_element_wise(before, pa.array(numbers).cast(TEXT), after, "")


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()

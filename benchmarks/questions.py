"""How fast the questions to the whole graph answer, each of them in one process that stays open.

    python -m benchmarks.questions                          # 100,000 posts, 10,000 people, 600,000 engagements
    python -m benchmarks.questions --encoder all-MiniLM-L6-v2 --posts 20000
    python -m benchmarks.questions --store neo4j://127.0.0.1:7687   # an empty database

A community of ``graphfeed simulate``, with a text vector for every post and a published list of a hundred posts for
every person. The vectors are drawn at random, as wide as the encoder's and of length 1: encoding 100,000 texts would
take the most time and change none of what is measured. The text of a question is encoded within what is measured.
``first`` is the first question, which reads what is then kept. Prints one JSON object; times are milliseconds.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.lookup import publish
from graphfeed.graph.embed import ENCODER_FILE, node_texts
from graphfeed.graph.encoder import TERM_ENCODER, TermEncoder, open_encoder
from graphfeed.graph.ingest import ingest
from graphfeed.graph.question_vectors import keep_terms
from graphfeed.graph.store import GraphStore, open_store
from graphfeed.loaders.simulate import SimulatedCommunity, Simulation
from graphfeed.queries.audience import audience
from graphfeed.queries.decayed import latest_act, trending
from graphfeed.queries.paths import paths
from graphfeed.queries.searching import search
from graphfeed.queries.whole import cold, communities

_FITTED = 5_000  # texts that tfidf learns its terms from here
_SLOW = 5  # questions to the whole graph, each


def main() -> None:
    """Build, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=10_000)
    parser.add_argument("--posts", type=int, default=100_000)
    parser.add_argument("--edges", type=int, default=600_000)
    parser.add_argument("--encoder", default=TERM_ENCODER)
    parser.add_argument("--questions", type=int, default=300)
    parser.add_argument("--store", help="an empty Neo4j database; else a folder that is removed")
    parser.add_argument("--keep", type=Path, help="a folder for the store, used again when it is there")
    options = parser.parse_args()
    place: AbstractContextManager[str] = (
        nullcontext(str(options.keep)) if options.keep else tempfile.TemporaryDirectory()
    )
    with place as folder:
        location = options.store or str(Path(folder) / "feed")
        ready = options.keep is not None and (Path(location) / ENCODER_FILE).exists()
        with open_store(location, create=True) as store:
            random = np.random.default_rng(0)
            if not ready:
                build(store, options, random)
            print(json.dumps({**{k: str(v) for k, v in vars(options).items() if v}, **measure(store, options, random)}))


def build(store: GraphStore, options: argparse.Namespace, random: np.random.Generator) -> None:
    """The community, its vectors, an encoder for questions, and one generation."""
    ingest(store, SimulatedCommunity(Simulation(options.people, options.posts, options.edges)))
    encoder = open_encoder(options.encoder)
    encoder.fit(node_texts(store, "Post")[:_FITTED])
    if isinstance(encoder, TermEncoder):
        keep_terms(store.workspace, encoder)
    with store.change("vectors") as change:
        for label in ("User", "Post"):
            vectors = random.standard_normal((len(store.node_ids(label)), encoder.width), dtype=np.float32)
            vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
            change.write_vectors(label, "text_vector", vectors)
    mark = {"name": encoder.name, "revision": encoder.revision, "width": encoder.width}
    (store.workspace / ENCODER_FILE).write_text(json.dumps(mark), encoding="utf-8")
    people, posts = (np.array(store.node_ids(label).to_pylist()) for label in ("User", "Post"))
    publish(store, people, posts, 100, "g0", random)


def measure(store: GraphStore, options: argparse.Namespace, random: np.random.Generator) -> dict[str, Any]:
    """Quantiles by question."""
    people, posts = (store.node_ids(label).to_pylist() for label in ("User", "Post"))
    titles = store.read_nodes("Post", ["title"])["title"].to_pylist()

    def text(number: int) -> str:
        words = titles[random.integers(len(titles))].split()[:3]
        return " ".join([*words, str(number)])  # no question is asked twice: none comes from what is kept

    def node(among: list[str]) -> str:
        return str(among[random.integers(len(among))])

    now = latest_act(store) or 0
    many = options.questions
    return {
        "search by words": timed(lambda i: search(store, text(i), by="text"), many),
        "search fused": timed(lambda i: search(store, text(i)), many),
        "search fused, for one person": timed(lambda i: search(store, text(i), user=node(people)), many),
        "who": timed(lambda _: audience(store, node(posts)), many),
        "path between people": timed(lambda _: paths(store, node(people), node(people)), many),
        "path from a person to a post": timed(lambda _: paths(store, node(people), node(posts)), many),
        "trending": timed(lambda _: trending(store, now=now), _SLOW),
        "cold": timed(lambda _: cold(store, "Post"), _SLOW),
        "communities": timed(lambda _: communities(store), _SLOW),
    }


def timed(ask: Callable[[int], object], times: int) -> dict[str, float]:
    """Milliseconds of the first call, and quantiles of those after it and ten more (fewer of few)."""
    milliseconds: list[float] = []
    for number in range(times + 1):
        began = time.perf_counter()
        ask(number)
        milliseconds.append((time.perf_counter() - began) * 1_000)
    after: npt.NDArray[np.float64] = np.array(milliseconds[min(10, times // 2) + 1 :])
    quantiles = np.percentile(after, [50, 95, 99])
    rest = {name: round(float(q), 2) for name, q in zip(("p50", "p95", "p99"), quantiles, strict=True)}
    return {"first": round(milliseconds[0], 1), **rest}


if __name__ == "__main__":
    main()

"""Speed of the Neo4j store against the plain driver, on one server, in one run.

    python -m benchmarks.neo4j_server                                       # a server of its own, in a temporary folder
    python -m benchmarks.neo4j_server --nodes 20000 --relationships 100000  # a quick look

"By hand" is what a careful person writes with the driver: a uniqueness constraint first, then batches of 10,000 rows
through ``UNWIND … MERGE`` (nodes) and ``UNWIND … MATCH … MERGE`` (relationships); vectors in batches of 1,000. Both
write the same rows, under other labels; a tenth of them goes first, unmeasured, for the server is slow in its first
minute. By hand is without ``neo4j-rust-ext``; the store uses it where it is installed. Ratios are by hand / ours. Needs
what `graphfeed neo4j start` needs; several minutes and some gigabytes.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import neo4j
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from rich.console import Console
from rich.table import Table

from benchmarks import lookup
from benchmarks.machine import describe_machine
from benchmarks.store import node_chunks, relationship_chunks
from graphfeed.graph.neo4j.server import server
from graphfeed.graph.neo4j.server.home import Home
from graphfeed.graph.neo4j.server.settings import ServerSettings
from graphfeed.graph.store import GraphStore, open_store
from graphfeed.queries.lookup import recommend

BY_HAND = 10_000
VECTORS_BY_HAND = 1_000
CLIENTS = 8

Figures = dict[str, float]


def main() -> None:
    """Start a server, measure, print a table, and write the figures with ``--json``."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nodes", type=int, default=200_000, help="users and posts together")
    parser.add_argument("--relationships", type=int, default=1_000_000, help="LIKED, and as many RECOMMENDED")
    parser.add_argument("--vectors", type=int, default=50_000, help="vectors of 384")
    parser.add_argument("--parts", default="load,read,vectors,lookup,bulk", help="what to measure, with commas")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    options = parser.parse_args()
    figures: Figures = {}
    ports = _free_ports()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_DATA_HOME"] = folder  # the server's home and the stores' workspaces
        settings = ServerSettings(
            home=Path(folder) / "graphfeed" / "neo4j",
            bolt_port=ports[0],
            http_port=ports[1],
            heap="2g",
            page_cache="1g",
        )
        info = server.start(settings, print)
        try:
            for part in options.parts.split(","):
                figures |= PARTS[part](info.uri, Home(settings.home).password, options)
        finally:
            server.stop(settings.home)
    table = Table(
        "what", "figure", title=f"Neo4j {info.version}: {options.nodes:,} nodes, {options.relationships:,} each"
    )
    for name, value in figures.items():
        table.add_row(name, f"{value:,.2f}" if value < 100 else f"{value:,.0f}")
    Console().print(table)
    if options.json:
        found = {
            "server": info.version,
            **vars(options),
            "json": None,
            "figures": figures,
            "machine": describe_machine(),
        }
        options.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def measure_load(uri: str, password: str, options: argparse.Namespace) -> Figures:
    """Nodes and relationships: by hand, then ours."""
    half = options.nodes // 2
    hand = _by_hand("load_by_hand", uri, password, half, options.relationships)
    figures = {
        "nodes by hand, rows/s": options.nodes / hand["nodes"],
        "relationships by hand, rows/s": options.relationships / hand["relationships"],
    }
    with open_store(uri, create=True) as store:
        ours = _seconds(lambda: _load(store, half, 0))
        figures["nodes, rows/s"] = options.nodes / ours
        figures["nodes, ratio"] = hand["nodes"] / ours
        ours = _seconds(lambda: _load(store, 0, options.relationships, half))
        figures["relationships, rows/s"] = options.relationships / ours
        figures["relationships, ratio"] = hand["relationships"] / ours
    figures["load by hand, s"] = hand["nodes"] + hand["relationships"]
    return figures


def measure_read(uri: str, password: str, options: argparse.Namespace) -> Figures:
    """A whole relation as arrays, against streaming the same numbers with the driver."""
    text = "MATCH (a:User)-[r:LIKED]->(b:Post) RETURN id(a), id(b), r.at.epochMillis"

    def stream() -> int:
        with _driver(uri, password) as driver, driver.session(fetch_size=10_000) as session:
            return sum(1 for _ in session.run(text))

    with open_store(uri) as store:
        store.node_ids("User"), store.node_ids("Post")
        plain, ours = [], []
        for _ in range(3):
            plain.append(_seconds(stream))
            ours.append(_seconds(lambda: store.read_relation("LIKED")))
    code = (
        "import sys\nfrom pathlib import Path\nfrom graphfeed.graph.store import open_store\n"
        "def kib(name):\n"
        "    lines = Path('/proc/self/status').read_text().splitlines()\n"
        "    return next(int(line.split()[1]) for line in lines if line.startswith(name))\n"
        "with open_store(sys.argv[1]) as store:\n"
        "    store.node_ids('User'), store.node_ids('Post')\n"
        "    Path('/proc/self/clear_refs').write_text('5')\n"  # forget the peak so far
        "    before = kib('VmRSS'); r = store.read_relation('LIKED')[0]\n"
        "arrays = sum(a.nbytes for a in (r.source, r.target, r.at, r.count)) + r.properties.nbytes\n"
        "print((kib('VmHWM') - before) * 1024 / arrays)"
    )
    memory = subprocess.run([sys.executable, "-c", code, uri], capture_output=True, text=True, check=True)
    return {
        "reading by the plain driver, rows/s": options.relationships / min(plain),
        "reading, rows/s": options.relationships / min(ours),
        "reading, time / the driver's": min(ours) / min(plain),
        "reading, memory / the arrays'": float(memory.stdout),
    }


def measure_vectors(uri: str, password: str, options: argparse.Namespace) -> Figures:
    """Vectors of 384: by hand as lists, then ours. The warm-up is a tenth."""
    size = min(options.vectors, options.nodes // 2)
    vectors = _unit_vectors(options.nodes // 2)

    hand = _by_hand("vectors_by_hand", uri, password, size)["vectors"] / size

    def write() -> None:
        with store.change("benchmark: vectors") as change:
            change.write_vectors("User", "text_vector", vectors)

    with open_store(uri) as store:
        ours = _seconds(write) / len(vectors)
        read = _seconds(lambda: store.read_vectors("User", "text_vector")) / len(vectors)
    figures = {"vectors by hand, rows/s": 1 / hand, "vectors, rows/s": 1 / ours, "vectors, ratio": hand / ours}
    return {**figures, "reading vectors, rows/s": 1 / read}


def measure_lookup(uri: str, password: str, options: argparse.Namespace) -> Figures:
    """``recommend`` for 10 with reasons, for eight clients at once, each a process with a store of its own."""
    random = np.random.default_rng(1)
    people = np.array([f"u{i}" for i in range(min(10_000, options.nodes // 2))])
    posts = np.array([f"p{i}" for i in range(min(50_000, options.nodes // 2))])
    with open_store(uri, create=True) as store:
        top = max(1, options.relationships // len(people))
        publish = _seconds(lambda: lookup.publish(store, people, posts, min(top, 100), "g0", random))
    figures = {"publishing, rows/s": min(top, 100) * len(people) / publish}
    # The first round warms the server: Java compiles what it has run often enough.
    for name, pause in ((None, 0.0), ("asking all the time", 0.0), ("each ten times a second", 0.1)):
        code = f"from benchmarks.neo4j_server import client; client({uri!r}, {len(people)}, {pause})"
        clients = [
            subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(CLIENTS)
        ]
        times = np.array([t for c in clients for t in json.loads(c.communicate()[0].splitlines()[-1])])
        if name is None:
            continue
        for quantile in (50, 95, 99):
            figures[f"lookup, 8 clients {name}, p{quantile}, ms"] = float(np.percentile(times, quantile))
    return figures


def client(uri: str, people: int, pause: float) -> None:
    """One client: prints the milliseconds of its lookups as JSON. All clients ask for the same 20 seconds."""
    random = np.random.default_rng(os.getpid())
    with open_store(uri) as store:
        for _ in range(20):
            recommend(store, f"u{random.integers(people)}", 10)
        time.sleep(5)  # until the others are there too
        times, end = [], time.perf_counter() + 20
        while time.perf_counter() < end:
            time.sleep(pause * random.random() * 2)
            began = time.perf_counter()
            recommend(store, f"u{random.integers(people)}", 10)
            times.append((time.perf_counter() - began) * 1_000)
    print(json.dumps(times))


def measure_bulk(uri: str, password: str, options: argparse.Namespace) -> Figures:
    """The same rows as in ``load`` by the importer, into the emptied server; the server's stop and start included."""
    home = Home(Path(os.environ["XDG_DATA_HOME"]) / "graphfeed" / "neo4j")
    served = home.served
    assert served is not None
    server.reset(home.folder)
    settings = ServerSettings(
        home.folder, served.bolt_port, served.http_port, heap=served.heap, page_cache=served.page_cache
    )
    server.start(settings, print)
    half = options.nodes // 2
    said: dict[str, float] = {}

    def load() -> None:
        with (
            open_store(uri, create=True) as store,
            store.bulk(lambda words: said.update({words: time.perf_counter()})) as files,
            files.change("benchmark: bulk") as change,
        ):
            _write_nodes(change, half)
            _write_relationships(change, half, options.relationships)

    said["files"] = time.perf_counter()
    load()
    ended = time.perf_counter()
    said = {words.split()[0]: at for words, at in said.items()}
    return {
        "bulk, s": ended - said["files"],
        "bulk, writing the files, s": said["stopping"] - said["files"],
        "bulk, importing, s": said["starting"] - said["importing"],
        "bulk, stopping and starting the server, s": ended - said["starting"] + said["importing"] - said["stopping"],
    }


PARTS: dict[str, Callable[[str, str, argparse.Namespace], Figures]] = {
    "load": measure_load,
    "read": measure_read,
    "vectors": measure_vectors,
    "lookup": measure_lookup,
    "bulk": measure_bulk,
}


def _load(store: GraphStore, nodes: int, relationships: int, half: int = 0) -> None:
    with store.change("benchmark: load") as change:
        _write_nodes(change, nodes)
        _write_relationships(change, half, relationships)


def _write_nodes(change: Any, half: int) -> None:
    for label, prefix in (("User", "u"), ("Post", "p")):
        for rows in node_chunks(label, prefix, half):
            change.write_nodes(label, rows)


def _write_relationships(change: Any, half: int, size: int) -> None:
    for rows in relationship_chunks(half, size, np.random.default_rng(0)) if size else ():
        change.write_relationships("LIKED", "User", "Post", rows)


def load_by_hand(driver: neo4j.Driver, half: int, relationships: int) -> Figures:
    """Seconds for nodes and for relationships; a tenth goes first."""
    for label in ("HandUser", "HandPost"):
        driver.execute_query(f"CREATE CONSTRAINT FOR (n:{label}) REQUIRE n.id IS UNIQUE")
    _nodes_by_hand(driver, half // 10)
    _relationships_by_hand(driver, half // 10, relationships // 10)
    nodes = _seconds(lambda: _nodes_by_hand(driver, half))
    return {"nodes": nodes, "relationships": _seconds(lambda: _relationships_by_hand(driver, half, relationships))}


def vectors_by_hand(driver: neo4j.Driver, size: int) -> Figures:
    """Seconds for so many vectors; a tenth goes first."""
    vectors = _unit_vectors(size)

    def write(count: int) -> None:
        for start in range(0, count, VECTORS_BY_HAND):
            numbers = range(start, min(start + VECTORS_BY_HAND, count))
            rows = [{"id": f"u{i}", "vector": vectors[i].tolist()} for i in numbers]
            driver.execute_query(
                "UNWIND $rows AS row MATCH (n:HandUser {id: row.id}) SET n.vector = row.vector", rows=rows
            )

    write(size // 10)
    return {"vectors": _seconds(lambda: write(size))}


def _by_hand(what: str, uri: str, password: str, *sizes: int) -> Figures:
    """In a process of its own, whose driver is the plain one: without ``neo4j-rust-ext``."""
    code = (
        "import sys, os, json; sys.modules['neo4j._rust'] = None\n"
        "from benchmarks import neo4j_server as b\n"
        f"with b._driver({uri!r}, os.environ['BY_HAND']) as driver: print(json.dumps(b.{what}(driver, *{sizes})))"
    )
    environment = {**os.environ, "BY_HAND": password}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def _unit_vectors(size: int) -> npt.NDArray[np.float32]:
    vectors = np.random.default_rng(0).standard_normal((size, 384)).astype(np.float32)
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


def _nodes_by_hand(driver: neo4j.Driver, half: int) -> None:
    for label, role, prefix in (("HandUser", "User", "u"), ("HandPost", "Post", "p")):
        for rows in _batches(node_chunks(role, prefix, half)):
            driver.execute_query(f"UNWIND $rows AS row MERGE (n:{label} {{id: row.id}}) SET n += row", rows=rows)


def _relationships_by_hand(driver: neo4j.Driver, half: int, size: int) -> None:
    text = (
        "UNWIND $rows AS row MATCH (a:HandUser {id: row.source}) MATCH (b:HandPost {id: row.target})"
        " MERGE (a)-[r:HAND_LIKED]->(b) SET r.at = row.at"
    )
    for rows in _batches(relationship_chunks(half, size, np.random.default_rng(0))):
        driver.execute_query(text, rows=rows)


def _batches(tables: Iterator[pa.Table]) -> Iterator[list[dict[str, Any]]]:
    for table in tables:
        for start in range(0, table.num_rows, BY_HAND):
            rows = table.slice(start, BY_HAND).to_pylist()
            yield [{name: value for name, value in row.items() if value is not None} for row in rows]


def _driver(uri: str, password: str) -> neo4j.Driver:
    return neo4j.GraphDatabase.driver(uri, auth=("neo4j", password), notifications_min_severity="OFF")


def _free_ports() -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()

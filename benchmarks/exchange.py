"""Speed of copying, exporting and importing: relationships a second, everything told (reading, writing, checking).

    python -m benchmarks.exchange                             # 1,000,000 relationships, a Neo4j of its own
    python -m benchmarks.exchange --relationships 200000 --parts embedded,neo4j

The graph is that of ``benchmarks.store``: people, posts and LIKED with times; with ``--vectors`` text vectors too. Each
copy goes into an empty store and is read back and held against the source, as the command does it; ``of which checked``
is that part's share. A tenth of the graph goes to the server first, unmeasured: it is slow in its first minute.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import neo4j
import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.machine import describe_machine
from benchmarks.neo4j_server import _free_ports
from benchmarks.store import _load
from graphfeed.graph.exchange.contents import contents_of
from graphfeed.graph.exchange.export import export, open_export
from graphfeed.graph.exchange.transfer import TransferSettings, transfer
from graphfeed.graph.neo4j.server import server
from graphfeed.graph.neo4j.server.home import Home
from graphfeed.graph.neo4j.server.settings import ServerSettings
from graphfeed.graph.store import GraphStore, open_store

Figures = dict[str, float]


def main() -> None:
    """Measure, print a table, and write the figures with ``--json``."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nodes", type=int, default=100_000, help="users and posts together")
    parser.add_argument("--relationships", type=int, default=1_000_000, help="LIKED")
    parser.add_argument("--vectors", type=int, default=0, help="width of the users' text vectors; 0: none")
    parser.add_argument("--parts", default="embedded,files,neo4j,bulk", help="what to measure, with commas")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    options = parser.parse_args()
    figures: Figures = {}
    with tempfile.TemporaryDirectory() as name, ExitStack() as open_things:
        folder = Path(name)
        os.environ["XDG_DATA_HOME"] = name  # the server's home and the stores' workspaces
        source = open_things.enter_context(open_store(folder / "source", create=True))
        _load(source, options.nodes // 2, options.relationships, np.random.default_rng(0))
        if options.vectors:
            vectors = np.random.default_rng(0).random((options.nodes // 2, options.vectors), dtype=np.float32)
            with source.change("benchmark: vectors") as change:
                change.write_vectors("User", "text_vector", vectors)
        began = time.perf_counter()
        rows = sum(contents_of(source.scan()).relationship_counts.values())
        figures["reading and hashing alone, relationships/s"] = rows / (time.perf_counter() - began)
        for part in options.parts.split(","):
            figures |= PARTS[part](source, folder, options)
    figures["peak memory of this process, MiB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    table = Table("what", "figure", title=f"{options.nodes:,} nodes, {options.relationships:,} relationships")
    for what, value in figures.items():
        table.add_row(what, f"{value:,.2f}" if value < 100 else f"{value:,.0f}")
    Console().print(table)
    if options.json:
        found = {**vars(options), "json": None, "figures": figures, "machine": describe_machine()}
        options.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def measure_embedded(source: GraphStore, folder: Path, options: argparse.Namespace) -> Figures:
    """From a folder into a folder."""
    with open_store(folder / "copy", create=True) as target:
        return {"embedded to embedded, relationships/s": transfer(source.scan(), target).per_second}


def measure_files(source: GraphStore, folder: Path, options: argparse.Namespace) -> Figures:
    """Into a Parquet folder and back."""
    report = export(source, folder / "out", "parquet")
    written = sum(n for file, n in report.rows.items() if file.startswith("relationships/"))
    size = sum(file.stat().st_size for file in (folder / "out").rglob("*") if file.is_file())
    with open_store(folder / "imported", create=True) as target:
        read = transfer(open_export(folder / "out"), target, what="import").per_second
    return {
        "export as parquet, relationships/s": written / report.seconds,
        "its size, MiB": size / 2**20,
        "import of parquet, relationships/s": read,
    }


def measure_neo4j(source: GraphStore, folder: Path, options: argparse.Namespace) -> Figures:
    """Into a server by Cypher, and back into a folder."""
    return _on_a_server(source, folder, options, lambda target: _there_and_back(source, folder, target))


def measure_bulk(source: GraphStore, folder: Path, options: argparse.Namespace) -> Figures:
    """Into an empty server by its own importer."""

    def copy(target: GraphStore) -> Figures:
        said = {"begun": time.perf_counter()}
        settings = TransferSettings(bulk=lambda words: said.update({words.split()[0]: time.perf_counter()}))
        report = transfer(source.scan(), target, settings)
        ended = time.perf_counter()
        began = time.perf_counter()
        contents_of(target.scan())
        checked = time.perf_counter() - began
        importing = said["starting"] - said["importing"]
        return {
            "embedded to Neo4j with --bulk, relationships/s": report.per_second,
            "of which writing the files, s": said["stopping"] - said["begun"],
            "of which the importer, s": importing,
            "of which stopping, starting and checking, s": ended - said["stopping"] - importing,
            "reading the copy once more, s": checked,
        }

    return _on_a_server(source, folder, options, copy, warm=False)


PARTS: dict[str, Callable[[GraphStore, Path, argparse.Namespace], Figures]] = {
    "embedded": measure_embedded,
    "files": measure_files,
    "neo4j": measure_neo4j,
    "bulk": measure_bulk,
}


def _there_and_back(source: GraphStore, folder: Path, target: GraphStore) -> Figures:
    there = transfer(source.scan(), target)
    began = time.perf_counter()
    contents_of(target.scan())
    checked = time.perf_counter() - began
    with open_store(folder / "back", create=True) as back:
        home = transfer(target.scan(), back)
    return {
        "embedded to Neo4j, relationships/s": there.per_second,
        "of which checked": checked / there.seconds,
        "Neo4j to embedded, relationships/s": home.per_second,
    }


def _on_a_server(
    source: GraphStore,
    folder: Path,
    options: argparse.Namespace,
    measure: Callable[[GraphStore], Figures],
    *,
    warm: bool = True,
) -> Figures:
    """A server of its own, warmed up by a tenth of the graph under the same labels, and emptied."""
    ports = _free_ports()
    settings = ServerSettings(
        home=folder / "graphfeed" / "neo4j", bolt_port=ports[0], http_port=ports[1], heap="1g", page_cache="512m"
    )
    info = server.start(settings, print)
    try:
        if warm:
            with open_store(info.uri, create=True) as store:
                _load(store, options.nodes // 20, options.relationships // 10, np.random.default_rng(1))
            _empty(info.uri, info.username, Home(settings.home).password)
        with open_store(info.uri, create=True) as store:
            return measure(store)
    finally:
        server.reset(settings.home)


def _empty(uri: str, username: str, password: str) -> None:
    with neo4j.GraphDatabase.driver(uri, auth=(username, password)) as driver, driver.session() as session:
        session.run("MATCH (n) CALL (n) { DETACH DELETE n } IN TRANSACTIONS OF 2000 ROWS").consume()
        for record in session.run("SHOW FULLTEXT INDEXES YIELD name").values():  # an empty store has none yet
            session.run(f"DROP INDEX `{record[0]}`").consume()


if __name__ == "__main__":
    main()

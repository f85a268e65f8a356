"""A real Neo4j server for the tests that need one: that of NEO4J_URI, else one of our own for the whole session.

``GRAPHFEED_NEO4J_RELEASE`` (5.26 or 2026) chooses; else the LTS release where it can run, else the calendar one. Where
no server can be had, the tests that ask for one are skipped and say why; with GRAPHFEED_NEO4J_REQUIRED=1 they fail.
"""

from __future__ import annotations

import os
import random
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import neo4j
import pytest

from graphfeed.graph.neo4j.server import CALENDAR, LTS, ServerSettings, missing, start, stop

REQUIRED_VARIABLE = "GRAPHFEED_NEO4J_REQUIRED"
RELEASE_VARIABLE = "GRAPHFEED_NEO4J_RELEASE"
_NO_CLIENTS = (15_000, 32_000)
"""Ports below those that systems give to connections that go out (Linux 32,768 on, others 49,152 on)."""
_DRAWN = random.SystemRandom()  # two test processes draw at once


@dataclass(frozen=True)
class Neo4jServer:
    """A server that answers, and how to get in. ``http`` is None for a server of NEO4J_URI."""

    uri: str
    username: str
    password: str
    http: str | None = None


@pytest.fixture(scope="session")
def neo4j_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Neo4jServer]:
    """One server for the session. Tests share it, so each cleans up what it wrote, or begins by deleting all."""
    if uri := os.environ.get("NEO4J_URI"):
        server = Neo4jServer(uri, os.environ.get("NEO4J_USERNAME", "neo4j"), os.environ.get("NEO4J_PASSWORD", ""))
        _refuse_data(server)
        yield server
        return
    with running(tmp_path_factory.mktemp("neo4j"), _release()) as server:
        yield server


@pytest.fixture(scope="session")
def neo4j_release_2026(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Neo4jServer]:
    """A server of the calendar release, beside the other; skipped where no Java runs it, also in CI."""
    if sentence := missing(ServerSettings(release=CALENDAR.name)):
        pytest.skip(f"needs Neo4j {CALENDAR.version}: {sentence}")
    with running(tmp_path_factory.mktemp("neo4j-2026"), CALENDAR.name) as server:
        yield server


def _refuse_data(server: Neo4jServer) -> None:
    """The tests delete everything: a database that somebody uses is not for them."""
    with neo4j.GraphDatabase.driver(server.uri, auth=(server.username, server.password)) as driver:
        nodes = driver.execute_query("MATCH (n) RETURN count(n) AS n").records[0]["n"]
    if nodes:
        pytest.fail(f"NEO4J_URI names a database with {nodes:,} nodes, and the tests delete all: name an empty one")


def _release() -> str:
    """The release for this session; skips, or fails where a server is required, when none can be run."""
    wanted = os.environ.get(RELEASE_VARIABLE)
    lacking = {
        name: missing(ServerSettings(release=name)) for name in ([wanted] if wanted else [LTS.name, CALENDAR.name])
    }
    able = [name for name, sentence in lacking.items() if sentence is None]
    if able:
        return able[0]
    cannot_be_had(f"no Neo4j server can be had: NEO4J_URI is not set, and {next(iter(lacking.values()))}")
    raise AssertionError


def cannot_be_had(sentence: str) -> None:
    """Skip, saying so; under GRAPHFEED_NEO4J_REQUIRED=1, which continuous integration sets, fail."""
    if os.environ.get(REQUIRED_VARIABLE) == "1":
        pytest.fail(sentence)
    pytest.skip(sentence)


@contextmanager
def running(home: Path, release: str) -> Iterator[Neo4jServer]:
    """A server of our own on free ports, stopped at the end."""
    bolt, http = free_ports(2)
    settings = ServerSettings(
        home=home, release=release, bolt_port=bolt, http_port=http, heap="768m", page_cache="128m", timeout_seconds=180
    )
    try:
        info = start(settings, say=print)
        yield Neo4jServer(info.uri, info.username, info.password_file.read_text(encoding="utf-8").strip(), info.http)
    finally:
        stop(home)


def free_ports(count: int) -> list[int]:
    """Ports that nobody has at this moment, and that no client is given: a server takes seconds until it listens."""
    links: list[socket.socket] = []
    try:
        while len(links) < count:
            link = socket.socket()
            try:
                link.bind(("127.0.0.1", _DRAWN.randrange(*_NO_CLIENTS)))
            except OSError:
                link.close()
            else:
                links.append(link)
        return [int(link.getsockname()[1]) for link in links]
    finally:
        for link in links:
            link.close()

"""A development server as a user has it: started, asked, killed, stopped, reset. No mocks: the real Neo4j."""

from __future__ import annotations

import io
import json
import os
import signal
import socket
import stat
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from neo4j import GraphDatabase
from neo4j.exceptions import AuthError
from tests.neo4j_fixture import Neo4jServer, cannot_be_had, free_ports

from graphfeed.cli import main
from graphfeed.errors import ServerError
from graphfeed.graph.neo4j.server import CALENDAR, LTS, ServerInfo, ServerSettings, missing, reset, start, status, stop
from graphfeed.graph.neo4j.server.choice import choose_way
from graphfeed.graph.neo4j.server.class_archive import options_for_server, options_with_archive
from graphfeed.graph.neo4j.server.home import Home
from graphfeed.graph.neo4j.server.jars import jar_folder
from graphfeed.graph.neo4j.server.java import find_javas
from graphfeed.graph.neo4j.server.java_way import JavaWay, command_line

pytestmark = pytest.mark.timeout(600)


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[ServerSettings]:
    """For a small server in a folder with a blank in its name, on free ports; stopped at the end."""
    bolt, http = free_ports(2)
    chosen = ServerSettings(
        home=tmp_path / "a home", bolt_port=bolt, http_port=http, heap="512m", page_cache="64m", timeout_seconds=180
    )
    if sentence := missing(chosen):
        cannot_be_had(sentence)
    yield chosen
    stop(chosen.home)


def run_cli(*words: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["neo4j", *words])
    return int(ended.value.code or 0)


def count(settings: ServerSettings, query: str = "MATCH (n) RETURN count(n) AS n") -> int:
    info = status(settings.home)
    auth = (info.username, info.password_file.read_text(encoding="utf-8"))
    with GraphDatabase.driver(info.uri, auth=auth) as driver:
        return int(driver.execute_query(query).records[0]["n"])


class Watcher(threading.Thread):
    """Reads the arguments of every process, over and over, as anybody on the machine can."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.seen: set[str] = set()
        self.done = threading.Event()

    def run(self) -> None:
        while not self.done.is_set():
            self.seen |= {command_line(int(p.name)) for p in Path("/proc").iterdir() if p.name.isdigit()}
            time.sleep(0.01)


def test_the_life_of_a_server(settings: ServerSettings) -> None:
    home = settings.home
    watcher = Watcher()
    watcher.start()
    told: list[str] = []
    info = start(settings, told.append)
    watcher.done.set()
    watcher.join()
    assert info.running
    assert info.answers
    assert info.version in {LTS.version, CALENDAR.version}
    assert any("starting Neo4j Community" in line for line in told)

    password = info.password_file.read_text(encoding="utf-8")
    assert len(password) > 24
    assert stat.S_IMODE(info.password_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert password not in json.dumps(info.to_dict())
    if info.way == "java" and Path("/proc").is_dir():
        assert any("admin.arguments" in line for line in watcher.seen), "the watcher saw the tool at work"
        assert any(f"--home-dir={home}" in line for line in watcher.seen)
        assert not [line for line in watcher.seen if password in line]
        texts = [p for p in home.rglob("*") if p.is_file() and p.suffix in {".conf", ".log", ".out", ".arguments"}]
        assert texts
        assert not [p for p in texts if password in p.read_text(encoding="utf-8", errors="replace")]

    with GraphDatabase.driver(info.uri, auth=("neo4j", "wrong")) as driver, pytest.raises(AuthError):
        driver.verify_connectivity()
    with urllib.request.urlopen(info.browser, timeout=10) as page:
        assert b"Neo4j Browser" in page.read()
    with socket.socket() as link:  # for this machine alone
        link.settimeout(2)
        assert link.connect_ex((_address_of_this_machine(), info.bolt_port)) != 0

    assert count(settings, "CREATE (n:Left) RETURN 1 AS n") == 1
    again = start(settings, told.append)
    assert again == info
    assert "runs already" in told[-1]

    _kill(info)
    recovered = start(settings, told.append)
    assert any("ended without being stopped" in line for line in told) == (info.way == "java")
    assert count(settings) == 1
    assert info.password_file.read_text(encoding="utf-8") == password

    assert stop(home)
    assert not status(home).running
    assert recovered.handle is not None
    assert info.way != "java" or not command_line(int(recovered.handle))
    assert not stop(home)

    (home / "plugins" / "mine.txt").write_text("kept", encoding="utf-8")
    assert reset(home)
    assert not status(home).running
    assert not (home / "data").exists()
    assert (home / "plugins" / "mine.txt").exists()
    assert not reset(home)
    assert start(settings).running
    assert count(settings) == 0


def _address_of_this_machine() -> str:
    """One that others would use; nothing is sent for it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
        try:
            link.connect(("192.0.2.1", 9))
        except OSError:
            return "127.0.0.2"
        return str(link.getsockname()[0])


def _kill(info: ServerInfo) -> None:
    """As power cuts and the system's want of memory do; the process of a container is not ours to kill."""
    if info.way == "java":
        assert info.handle is not None
        os.kill(int(info.handle), signal.SIGKILL)
        while status(info.home).running:
            time.sleep(0.05)


def test_the_commands(
    settings: ServerSettings, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    home = f"--home={settings.home}"
    ports = (f"--bolt-port={settings.bolt_port}", f"--http-port={settings.http_port}")
    assert run_cli("status", home) == 0
    assert "none was ever started" in capfd.readouterr().out
    assert run_cli("start", home, *ports, "--heap=512m", "--page-cache=64m") == 0
    shown = capfd.readouterr()
    password = (settings.home / "password").read_text(encoding="utf-8")
    assert password not in shown.out + shown.err
    assert f"NEO4J_URI=neo4j://127.0.0.1:{settings.bolt_port} NEO4J_USERNAME=neo4j" in shown.out
    assert f"NEO4J_PASSWORD=\"$(cat '{settings.home}/password')\"" in shown.out
    assert f"http://127.0.0.1:{settings.http_port}/browser/" in shown.out
    assert run_cli("status", home, "--json") == 0
    told = json.loads(capfd.readouterr().out)
    assert told["running"] is True
    assert told["answers"] is True
    assert told["password_file"] == str(settings.home / "password")
    assert run_cli("start", home) == 0
    assert "other ones take `graphfeed neo4j stop` first" in capfd.readouterr().err
    assert run_cli("stop", home) == 0
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert run_cli("reset", home) == 1
    assert "nobody answered" in capfd.readouterr().err
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    assert run_cli("reset", home) == 0
    assert "nothing was deleted" in capfd.readouterr().out
    assert (settings.home / "data" / "databases").is_dir()
    assert run_cli("reset", home, "--yes") == 0
    assert not (settings.home / "data").exists()


def test_classes_are_archived_once(settings: ServerSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = replace(settings, way="java")
    if sentence := missing(settings):
        cannot_be_had(sentence)
    way = choose_way(settings, None)
    assert isinstance(way, JavaWay)
    way.fetch(print, lambda *_: None)
    found = jar_folder(way.release)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    jars = jar_folder(way.release)
    jars.mkdir(parents=True)
    for jar in found.glob("*.jar"):
        (jars / jar.name).symlink_to(jar)
    run = settings.home / "run"

    first = start(settings)
    assert f"-XX:ArchiveClassesAtExit={run}" in command_line(int(first.handle or 0))
    stop(settings.home)
    [archive] = jars.glob("*.jsa")
    assert not list(run.glob("*.jsa"))
    second = start(settings)
    if Path("/proc/self/maps").exists():
        assert str(archive) in Path(f"/proc/{second.handle}/maps").read_text(encoding="utf-8")
    assert count(settings) == 0
    stop(settings.home)
    assert list(jars.glob("*.jsa")) == [archive]


def test_an_archive_that_is_none_is_ignored(tmp_path: Path) -> None:
    for java in find_javas():
        [made, quiet] = options_for_server(tmp_path, java, Home(tmp_path / "home"))
        archive = tmp_path / Path(made.partition("=")[2]).name
        archive.write_bytes(b"not an archive")
        [used, _] = options_with_archive(tmp_path, java)
        assert used.endswith(str(archive))
        done = subprocess.run([java.command, used, quiet, "-version"], capture_output=True, text=True, check=True)
        assert not done.stdout
        assert "archive" not in done.stderr


def test_a_server_that_dies_says_why(settings: ServerSettings) -> None:
    hopeless = ServerSettings(
        home=settings.home, bolt_port=settings.bolt_port, http_port=settings.http_port, page_cache="90000g"
    )
    with pytest.raises(ServerError, match=r"ended while it started(.|\n)*memory"):
        start(hopeless)
    assert not status(settings.home).running


def test_the_session_has_a_server(neo4j_server: Neo4jServer) -> None:
    with GraphDatabase.driver(neo4j_server.uri, auth=(neo4j_server.username, neo4j_server.password)) as driver:
        assert driver.execute_query("RETURN 1 AS one").records[0]["one"] == 1


def test_the_calendar_release_runs_too(neo4j_release_2026: Neo4jServer) -> None:
    server = neo4j_release_2026
    with GraphDatabase.driver(server.uri, auth=(server.username, server.password)) as driver:
        found = driver.execute_query("CALL dbms.components() YIELD versions, edition RETURN versions, edition").records[
            0
        ]
    assert (found["versions"], found["edition"]) == ([CALENDAR.version], "community")
    assert server.http is not None
    with urllib.request.urlopen(f"{server.http}/browser/", timeout=10) as page:
        assert b"Neo4j Browser" in page.read()

"""A Neo4j server that dies, fills its disk, runs out of memory or may not be written to: one sentence, nothing lost.

The server is one of this file's own. It runs from jars, for its process is killed with -9, at a moment that the batches
decide which are in. Each test begins with an empty database and leaves the server to the next one as it is.
"""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.neo4j_emptied import ask, empty
from tests.neo4j_fixture import cannot_be_had
from tests.neo4j_own_server import OwnServer
from tests.store_rows import SEEN, links, nodes, publish

from graphfeed.errors import StoreBusyError, StoreError, StoreUnreachableError
from graphfeed.graph.neo4j import apply as neo4j_apply
from graphfeed.graph.neo4j import spool as neo4j_spool
from graphfeed.graph.neo4j.server import LTS, ServerSettings, missing
from graphfeed.graph.neo4j.session import Server
from graphfeed.graph.store import GraphStore, open_store

ROOT = Path(__file__).parents[2]
PEOPLE = [f"u{i}" for i in range(1_500)]
DIED = r"(no server answers at|does not answer, or stopped answering)(.|\n)*The change was applied in part"
"""Whether the kill falls into a transaction or between two."""
ROOM = 400
"""Megabytes of the server's disk: plenty."""
TORN = "internal.dbms.tx_log.fail_on_corrupted_log_files=false\n"
"""What Neo4j itself names when it refuses the end of its log, which a full disk tore."""
LITTLE = 6
"""Megabytes that are left when it is nearly full."""


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnServer]:
    if sentence := missing(ServerSettings(way="java", release=LTS.name)):
        cannot_be_had(f"needs a Neo4j server that runs from jars: {sentence}")
    server = OwnServer(tmp_path_factory.mktemp("own"))
    server.mount(ROOM)
    try:
        yield server
    finally:
        server.close()


@pytest.fixture
def conf() -> str:
    """Lines of neo4j.conf that the server of a test starts with."""
    return ""


@pytest.fixture
def location(own: OwnServer, conf: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of the server, which runs, with an empty database. Batches are small."""
    own.up(conf)
    for name, value in own.environment(tmp_path / "workspace").items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(neo4j_spool, "BATCH_ROWS", 50)
    monkeypatch.setattr(neo4j_apply, "BATCH_ROWS", 50)
    return empty(own.link)


@pytest.fixture
def feed(location: str) -> Iterator[GraphStore]:
    """Two users, a post, a LIKED, one generation."""
    with open_store(location, create=True) as store:
        with store.change("load") as change:
            change.write_nodes("User", nodes("User", ["ann", "bo"]))
            change.write_nodes("Post", nodes("Post", ["p"]))
            change.write_relationships("LIKED", "User", "Post", links("LIKED", [("ann", "p")], at=[5]))
        publish(store, "g1", [("bo", "p")])
        yield store


def _load(store: GraphStore) -> None:
    with store.change("the load") as change:
        change.write_nodes("User", nodes("User", PEOPLE))
        change.write_relationships("LIKED", "User", "Post", links("LIKED", [(u, "p") for u in PEOPLE], at=range(1_500)))


def _check_loaded(store: GraphStore) -> None:
    """All that ``_load`` gave is there, once."""
    assert store.node_ids("User").to_pylist() == ["ann", "bo", *PEOPLE]
    assert store.counts().relationships["LIKED"] == 1_501
    (liked,) = store.read_relation("LIKED")
    assert liked.at.tolist() == [5, *range(1_500)]
    version = store.version()
    _load(store)
    assert store.version() == version, "loading it again found something missing"


# A plain server


def test_an_encrypted_address_of_a_plain_server(location: str) -> None:
    for scheme in ("neo4j+s", "neo4j+ssc", "bolt+s", "bolt+ssc"):
        with pytest.raises(StoreUnreachableError, match=r"does not speak TLS: plain neo4j:// is for such a server"):
            open_store(location.replace("neo4j", scheme))


# Killed


def test_the_server_dies_in_a_load_and_the_command_says_so(feed: GraphStore, own: OwnServer, tmp_path: Path) -> None:
    pairs = tmp_path / "train.txt"
    pairs.write_text("".join(f"{user} {user % 7} {user % 11 + 7}\n" for user in range(3_000)))
    run = (
        "import sys; from graphfeed.graph.neo4j import apply, spool; from graphfeed.cli import main;"
        " apply.BATCH_ROWS = spool.BATCH_ROWS = 50; main()"
    )
    command = [sys.executable, "-c", run, "load", "pairs", str(tmp_path), "--store", own.link.uri]
    killer = own.kill_when(lambda: own.batches_in() >= 3)
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    killer.join()
    assert done.returncode == 1, done.stdout + done.stderr
    (said,) = [line for line in done.stderr.splitlines() if "graphfeed: " in line]
    assert own.link.uri in said
    assert re.search(DIED, said)
    assert "the next change from here finishes it first" in said
    assert "Traceback" not in done.stderr
    own.up()
    assert feed.counts().nodes["User"] >= 52  # the same handle goes on
    assert own.batches_in() >= 3, "the change is still one to be finished"
    assert [r["user"] for r in feed.cypher(SEEN)] == ["bo"]
    with feed.change("anything"):
        pass
    assert feed.counts().nodes["User"] == 3_002
    assert feed.counts().relationships["LIKED"] == 6_001
    again = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert feed.counts().nodes["User"] == 3_002, again.stdout


def test_the_server_dies_in_a_publish_and_the_former_one_stays(feed: GraphStore, own: OwnServer) -> None:
    _load(feed)
    killer = own.kill_when(lambda: own.batches_in() >= 3)
    with pytest.raises(StoreUnreachableError, match=DIED):
        publish(feed, "g2", [(u, "p") for u in PEOPLE], 2)
    killer.join()
    own.up()
    assert [(r["generation"], r["user"]) for r in feed.cypher(SEEN)] == [("g1", "bo")]
    assert [g.id for g in feed.generations()] == ["g1"]
    with feed.change("anything"):
        pass
    assert [g.id for g in feed.generations()] == ["g2", "g1"]
    assert len(feed.cypher(SEEN)) == len(PEOPLE)
    assert feed.counts().relationships["RECOMMENDED"] == len(PEOPLE) + 1
    with feed.change("rollback") as change:
        assert change.rollback().id == "g1"
    assert [(r["generation"], r["user"]) for r in feed.cypher(SEEN)] == [("g1", "bo")]
    assert feed.counts().relationships["RECOMMENDED"] == 1
    _check_loaded(feed)


def test_the_server_dies_while_it_is_read(
    feed: GraphStore, own: OwnServer, location: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with feed.change("more than one fetch brings") as change:
        change.write_nodes("User", nodes("User", [f"v{i}" for i in range(5_000)]))
    slow = "UNWIND range(1, 400000000) AS x WITH x WHERE x % 7 = 9 RETURN count(*) AS slow"
    said: list[str] = []

    def ask_long() -> None:
        with pytest.raises(StoreUnreachableError) as found:
            feed.cypher(slow)
        said.append(str(found.value))

    asking = threading.Thread(target=ask_long)
    asking.start()
    while not ask(own.link, "SHOW TRANSACTIONS YIELD currentQuery WHERE currentQuery ENDS WITH 'slow' RETURN 1 AS n"):
        pass
    stream = Server.stream

    def killed(*arguments: object) -> Iterator[object]:
        for number, record in enumerate(stream(*arguments)):  # type: ignore[arg-type]
            if number == 0:
                own.kill()
            yield record

    with open_store(location) as store, monkeypatch.context() as patched:
        patched.setattr(Server, "stream", killed)
        with pytest.raises(StoreUnreachableError, match=r"no server answers at|stopped answering") as found:
            store.node_ids("User")
        assert location in str(found.value)
    asking.join()
    assert re.search("no server answers at|stopped answering", said[0])


# Memory


@pytest.mark.parametrize("conf", ["db.memory.transaction.total.max=10m\n"])
def test_the_server_runs_out_of_memory(feed: GraphStore, own: OwnServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a query, and in a load that was begun: with more memory it is finished."""
    with pytest.raises(StoreError, match=r"ran out of memory: give the server a larger heap.*transaction\.total\.max"):
        feed.cypher("UNWIND range(1, 3000000) AS x WITH collect(x) AS xs RETURN size(xs)")
    text = "long " * 2_000
    monkeypatch.setattr(neo4j_spool, "BATCH_ROWS", 1_500)
    monkeypatch.setattr(neo4j_spool, "BATCH_BYTES", 1 << 30)
    with (
        pytest.raises(StoreError, match=r"ran out of memory.*the next change from here finishes it"),
        feed.change("long texts") as change,
    ):
        change.write_nodes("User", nodes("User", PEOPLE, about=[text] * len(PEOPLE)))
    assert feed.counts().nodes["User"] == 2
    own.up()
    with feed.change("anything"):
        pass
    assert feed.node_ids("User").to_pylist() == ["ann", "bo", *PEOPLE]


# Disk


def test_the_servers_disk_is_full(feed: GraphStore, own: OwnServer) -> None:
    if sentence := own.mount(own.used_megabytes() + LITTLE):
        pytest.skip(sentence)
    # Neo4j reads what lies behind the tear as lengths of arrays: of such letters they stay small, whatever it meets.
    texts = ["\x01" * 6_000 for _ in PEOPLE]
    # Which one: what fails first may be no transaction but the server's own writing beside them.
    full = r"(could not write to its own disk|stopped its database).*full.*make room.*start the server again"
    try:
        with pytest.raises(StoreError, match=full + ".*finishes it first"), feed.change("long texts") as change:
            change.write_nodes("User", nodes("User", PEOPLE, about=texts))
        stopped = r"stopped its database.*full: make room there, then start the server again"
        with pytest.raises(StoreError, match=stopped):
            feed.counts()
    finally:
        own.mount(ROOM)
        own.down()
    own.up(TORN, heap="3g")  # as the error says of a database that does not open
    assert [r["user"] for r in feed.cypher(SEEN)] == ["bo"]
    assert 2 <= feed.counts().nodes["User"] < 1_502
    with feed.change("anything"):
        pass
    assert feed.node_ids("User").to_pylist() == ["ann", "bo", *PEOPLE]
    assert feed.read_nodes("User", ["about"])["about"].to_pylist() == [None, None, *texts]


# Certificates, and a database that may only be read


def test_a_certificate_of_its_own_and_a_database_that_may_only_be_read(
    feed: GraphStore, own: OwnServer, location: str
) -> None:
    own.up(own.certificate() + "server.databases.read_only=neo4j\n")
    version = feed.version()
    for scheme in ("neo4j+s", "bolt+s"):
        with pytest.raises(StoreUnreachableError, match=r"certificate was not accepted \(self.signed.*\+ssc://"):
            open_store(location.replace("neo4j", scheme))
    for scheme in ("neo4j+ssc", "bolt+ssc"):
        with open_store(location.replace("neo4j", scheme)) as store:
            assert store.counts().nodes["User"] == 2
    said = r"is read-only, nothing was written: its administrator can allow it \(server\.databases\.read_only"
    for what in (lambda: _load(feed), lambda: publish(feed, "g2", [("ann", "p")], 2)):
        with pytest.raises(StoreError, match=said) as found:
            what()
        assert not isinstance(found.value, StoreBusyError)
    assert "the database is read-only" in (feed.refusal("publish") or "")
    with open_store(location, create=True) as store:
        assert store.version() == version
        assert [g.id for g in store.generations()] == ["g1"]
    assert not list((feed.workspace / "spool").glob("*"))

"""The importer's way into Neo4j gives the graph that any other load gives: letter by letter, on a real server."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from tests.neo4j_fixture import cannot_be_had, free_ports
from tests.store_rows import ODD_TEXTS, links, nodes

from graphfeed.cli import main
from graphfeed.errors import ServerError, StoreError
from graphfeed.graph.ingest import ingest
from graphfeed.graph.neo4j.bulk import BulkFiles
from graphfeed.graph.neo4j.server import ServerSettings, bulk_import, missing, reset, start, status, stop
from graphfeed.graph.neo4j.server.home import Home
from graphfeed.graph.neo4j.server.releases import CALENDAR, LTS
from graphfeed.graph.store import Change, GraphStore, open_store
from graphfeed.loaders.records import NODE_TYPES, RELATIONSHIP_TYPES
from graphfeed.loaders.sample import SampleLoader

TEXTS = [text for text in ODD_TEXTS if text is None or "\x00" not in text]
IDS = [f'id {i} ü",;\n' for i in range(len(TEXTS))]


@pytest.fixture(scope="module", params=[LTS.name])
def own_server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a development server, which may be stopped and filled."""
    release = request.param
    if sentence := missing(ServerSettings(way="java", release=release)):
        if release == CALENDAR.name:
            pytest.skip(sentence)  # as elsewhere: only where a Java runs it
        cannot_be_had(sentence)
    with pytest.MonkeyPatch.context() as patch:
        for name in ("NEO4J_URI", "NEO4J_USERNAME", "NEO4J_PASSWORD", "GRAPHFEED_WORKSPACE"):
            patch.delenv(name, raising=False)
        patch.setenv("XDG_DATA_HOME", str(tmp_path_factory.mktemp("data")))
        bolt, http = free_ports(2)
        settings = ServerSettings(
            bolt_port=bolt, http_port=http, way="java", release=release, heap="512m", page_cache="64m"
        )
        info = start(settings)
        try:
            yield info.uri
        finally:
            stop(info.home)


def write_world(change: Change) -> None:
    """Every label and every relationship type with odd values, and events that merge."""
    times = [0, -1, None, 1_600_000_000_123_456, 253_402_300_799_999_999, -62_135_596_800_000_000, 7][: len(IDS)]
    change.write_nodes("User", nodes("User", IDS, name=TEXTS, about=TEXTS[::-1], account=TEXTS, created_at=times))
    change.write_nodes("Post", nodes("Post", IDS, title=TEXTS, text=TEXTS[::-1], created_at=times))
    lists = [["a", "b,c;\"'"], None, ["é", "z"], None, ["one"], None, ["x\ny", "w"]]
    change.write_nodes("Entity", nodes("Entity", IDS, name=TEXTS, aliases=lists[: len(IDS)]))
    values = {
        pa.timestamp("us"): [-1_000_001, None, 5],
        pa.int64(): [3, None, 2],
        pa.float64(): [0.25, None, 1e-30],
        pa.bool_(): [True, None, False],
        pa.string(): ["said 'so'", None, '"'],
    }
    for name, definition in RELATIONSHIP_TYPES.items():
        columns = {p: values[kind] for p, kind in definition.properties.items()}
        for source, target in definition.pairs:
            pairs = [(IDS[0], IDS[1]), (IDS[2], IDS[0]), (IDS[1], IDS[3])]
            change.write_relationships(name, source, target, links(name, pairs, **columns))
    again = links("VIEWED", [(IDS[0], IDS[1])] * 2, at=[7, 9], count=[1, 4])
    change.write_relationships("VIEWED", "User", "Post", again)


def contents(store: GraphStore) -> dict[str, object]:
    found: dict[str, object] = {"counts": store.counts()}
    for label, definition in NODE_TYPES.items():
        found[label] = store.read_nodes(label, ["id", *definition.properties]).to_pylist()
    for name in RELATIONSHIP_TYPES:
        for r in store.read_relation(name):
            arrays = [a.tolist() for a in (r.source, r.target, r.at, r.count)]
            found[f"{name} {r.source_label} {r.target_label}"] = (
                arrays,
                r.properties.to_pylist() if r.properties.column_names else [],
            )
    return found


@pytest.mark.parametrize("own_server", [LTS.name, CALENDAR.name], indirect=True)
def test_the_graph_is_the_same(own_server: str, tmp_path: Path) -> None:
    with open_store(tmp_path / "feed", create=True) as store:
        with store.change("load") as change:
            write_world(change)
        wanted = contents(store)
    said: list[str] = []
    with open_store(own_server, create=True) as store:
        version = store.version()
        with store.bulk(said.append) as files, files.change("load") as change:
            write_world(change)
        assert contents(store) == wanted
        assert store.version() != version
        with store.change("load again") as change:  # what was imported is known again, event by event
            write_world(change)
        assert contents(store) == wanted
        assert not (store.workspace / "bulk").exists()
        with pytest.raises(StoreError, match="holds a graph already"), store.bulk(said.append):
            pass
    assert "importing" in said


def test_an_importer_that_fails_leaves_an_empty_database_that_works(own_server: str, tmp_path: Path) -> None:
    home = Path(os.environ["XDG_DATA_HOME"]) / "graphfeed" / "neo4j"
    (tmp_path / "import.args").write_text('"--nodes=User=/nowhere/nodes.csv"\n"--overwrite-destination=true"\n')
    with pytest.raises(ServerError, match="database import"):
        bulk_import.import_database(home, tmp_path / "import.args", "neo4j", lambda _: None)
    with open_store(own_server, create=True) as store:
        with store.change("load") as change:
            change.write_nodes("User", nodes("User", ["a"]))
        assert store.node_ids("User").to_pylist() == ["a"]


def write_implied(change: Change) -> None:
    """Nodes that are known by their relationships first, some of which are given afterwards; each text one line."""
    change.write_nodes("Post", nodes("Post", ["p0", "p1"], title=["a", "b"]))
    change.write_nodes("User", nodes("User", ["u0", "u1", "u2"], platform=["x"] * 3), implied=True)
    change.write_nodes("User", nodes("User", ["u3", "u1"], name=["three", "one"]))
    change.write_nodes("Post", nodes("Post", ["p2"], title=["c"]))
    change.write_relationships("VIEWED", "User", "Post", links("VIEWED", [("u1", "p2"), ("u3", "p0"), ("u2", "p1")]))


def test_a_node_that_is_implied_and_then_given_is_imported_once(own_server: str, tmp_path: Path) -> None:
    home = Path(os.environ["XDG_DATA_HOME"]) / "graphfeed" / "neo4j"
    settings = running_settings(home)
    reset(home)
    start(settings)
    with open_store(tmp_path / "feed", create=True) as store:
        with store.change("load") as change:
            write_implied(change)
        wanted = contents(store)
    with open_store(own_server, create=True) as store:
        with store.bulk(print) as files:
            with files.change("load") as change:
                write_implied(change)
            assert "multiline" not in files.arguments.read_text(encoding="utf-8")
            assert files.counts().nodes["User"] == 4
        assert contents(store) == wanted


def test_for_a_server_of_somebody_else_the_command_is_said(
    own_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is said is then done by hand, and the graph is there."""
    home = Path(os.environ["XDG_DATA_HOME"]) / "graphfeed" / "neo4j"
    settings = running_settings(home)
    reset(home)
    start(settings)
    monkeypatch.setenv("NEO4J_USERNAME", "neo4j")
    monkeypatch.setenv("NEO4J_PASSWORD", Home(home).password)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert ended(main, "load", "sample", "--bulk", "--store", own_server) == 0
    said = capsys.readouterr().err
    command = re.search(r"neo4j-admin database import full neo4j @(\S+/import\.args)", said)
    assert command
    assert f"graphfeed setup --store {own_server}" in said
    assert "next: graphfeed embed" not in said
    bulk_import.import_database(home, Path(command[1]), "neo4j", print)
    assert ended(main, "setup", "--store", own_server) == 0
    with open_store(tmp_path / "feed", create=True) as store, open_store(own_server) as filled:
        ingest(store, SampleLoader())
        assert contents(filled) == contents(store)


def ended(command: Callable[[list[str]], None], *words: str) -> int | str | None:
    with pytest.raises(SystemExit) as found:
        command(list(words))
    return found.value.code


def running_settings(home: Path) -> ServerSettings:
    info = status(home)
    return ServerSettings(bolt_port=info.bolt_port, http_port=info.http_port, way="java", heap="512m", page_cache="64m")


def fail(files: BulkFiles) -> None:
    with files.change("load") as change:
        write_world(change)
        raise RuntimeError


def test_files_of_a_load_that_fails_are_removed(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError):
        fail(BulkFiles(tmp_path, tmp_path / "bulk"))
    assert not (tmp_path / "bulk").exists()


def test_a_list_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    files = BulkFiles(tmp_path, tmp_path / "bulk")
    with pytest.raises(StoreError, match=r"U\+001F"), files.change("load") as change:
        change.write_nodes("Entity", nodes("Entity", ["x"], aliases=[["a\x1fb"]]))


def test_the_embedded_store_has_no_importer(tmp_path: Path) -> None:
    with open_store(tmp_path / "feed", create=True) as store, pytest.raises(StoreError, match="Neo4j"):
        store.bulk(print)

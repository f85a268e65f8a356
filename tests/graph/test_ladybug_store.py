"""The embedded store: the contract of all stores, and what only a folder can go through."""

from __future__ import annotations

import json
import os
import resource
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tests.reopened import feed as feed
from tests.reopened import open_again as open_again
from tests.store_contract import SEEN, Open, StoreContract, nodes, publish

from graphfeed.errors import StoreError, StoreFormatError
from graphfeed.graph.ladybug.store import LadybugStore
from graphfeed.graph.store import GraphStore, open_store


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "some where" / "feed"


@pytest.fixture
def location(folder: Path) -> str:
    return str(folder)


LIKED = "MATCH (u:User)-[:LIKED]->(p:Post) RETURN u.id AS user, p.id AS post"


class TestLadybugStore(StoreContract):
    """The contract, on a folder."""


# What is in the folder


def test_opening_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="graphfeed load SOURCE PATH --store"):
        open_store(tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreFormatError, match="is a file"):
        open_store(tmp_path / "file", create=True)
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "owl.jpg").write_text("x")
    for create in (False, True):
        with pytest.raises(StoreFormatError, match=r"owl\.jpg"):
            open_store(tmp_path / "pictures", create=create)


def test_opening_another_format(feed: GraphStore, folder: Path) -> None:
    feed.close()
    with sqlite3.connect(folder / "manifest.sqlite") as database:
        database.execute("PRAGMA user_version=99")
    with pytest.raises(StoreFormatError, match="newer graphfeed"):
        open_store(folder)


@pytest.mark.parametrize("content", [b"", b"not a database, but long enough to be looked at" * 100])
def test_opening_a_foreign_manifest(folder: Path, content: bytes) -> None:
    folder.mkdir(parents=True)
    (folder / "manifest.sqlite").write_bytes(content)
    with pytest.raises(StoreFormatError, match=r"manifest\.sqlite"):
        open_store(folder, create=True)


def test_a_killed_creation_is_taken_up(folder: Path) -> None:
    (folder / "journal").mkdir(parents=True)
    (folder / "manifest.sqlite.new").write_bytes(b"half")
    (folder / "write.lock").touch()
    with open_store(folder, create=True) as store:
        assert store.counts().nodes["User"] == 0


def test_replaced_files_go(feed: GraphStore, folder: Path) -> None:
    for number in range(4):
        with feed.change("embed") as change:
            change.write_vectors("User", "text_vector", np.full((2, 2), number, dtype=np.float32))
        publish(feed, f"g{number + 2}", [("ann", "p")])
    assert len(list(folder.glob("index-*"))) == 1
    assert len(list((folder / "journal").glob("*predictions*"))) == 2
    assert len(list((folder / "journal").glob("*.npy"))) == 1


def test_vectors_alone_do_not_build_an_index(feed: GraphStore, folder: Path) -> None:
    before = sorted(folder.glob("index-*"))
    with feed.change("embed") as change:
        change.write_vectors("Post", "graph_vector", np.ones((1, 3), dtype=np.float32))
    assert sorted(folder.glob("index-*")) == before


def test_vectors_are_mapped(feed: GraphStore) -> None:
    with feed.change("embed") as change:
        change.write_vectors("Post", "text_vector", np.ones((1, 3), dtype=np.float32))
    vectors = feed.read_vectors("Post", "text_vector")
    assert vectors is not None
    assert not vectors.flags.owndata


def test_leftovers_of_a_killed_writer_go(feed: GraphStore, folder: Path) -> None:
    left = [folder / "journal" / "000009-nodes-user-0.arrow", folder / "journal" / "x.new", folder / "index-9.new"]
    for file in left:
        file.write_bytes(b"half")
    (folder / "writer.json").write_text(json.dumps({"pid": 1, "what": "died"}))
    with open_store(folder) as store:
        with store.change("nothing"):
            pass
        assert store.cypher(LIKED) == [{"user": "ann", "post": "p"}]
    assert not any(file.exists() for file in left)


# Damage


def _remove(index: Path) -> None:
    index.unlink()


def _truncate(index: Path) -> None:
    os.truncate(index, index.stat().st_size // 2)


def _scramble(index: Path) -> None:
    content = bytearray(index.read_bytes())
    content[: len(content) // 3] = os.urandom(len(content) // 3)
    index.write_bytes(content)


def _replace(index: Path) -> None:
    index.write_bytes(b"\0" * index.stat().st_size)


@pytest.mark.parametrize("harm", [_remove, _truncate, _scramble, _replace])
def test_index_is_rebuilt_by_itself(feed: GraphStore, folder: Path, harm: Callable[[Path], None]) -> None:
    counts, version = feed.counts(), feed.version()
    feed.close()
    (index,) = folder.glob("index-*.lbug")
    harm(index)
    with open_store(folder) as store:
        assert store.cypher(LIKED) == [{"user": "ann", "post": "p"}]
        assert [r["user"] for r in store.cypher(SEEN)] == ["bo"]
        assert (store.counts(), store.version()) == (counts, version)
    (new,) = folder.glob("index-*")
    assert new != index


def test_index_of_another_state_is_rebuilt(feed: GraphStore, folder: Path) -> None:
    """An index that opens but holds something else, put under the right name."""
    (old,) = folder.glob("index-*.lbug")
    content = old.read_bytes()
    publish(feed, "g2", [("ann", "p")])
    feed.close()
    (index,) = folder.glob("index-*.lbug")
    index.write_bytes(content)
    with open_store(folder) as store:
        assert [r["generation"] for r in store.cypher(SEEN)] == ["g2"]


def test_a_copied_store_needs_no_rebuild(feed: GraphStore, folder: Path, tmp_path: Path) -> None:
    feed.close()
    subprocess.run(["cp", "-r", str(folder), str(tmp_path / "copy")], check=True)  # with new times
    (index,) = (tmp_path / "copy").glob("index-*")
    with open_store(tmp_path / "copy") as store:
        assert store.cypher(LIKED) == [{"user": "ann", "post": "p"}]
    assert index.exists()


@pytest.mark.parametrize("part", ["nodes-user", "relationships-liked", "predictions-recommended", "vectors"])
@pytest.mark.parametrize("how", ["flip", "cut", "remove"])
def test_damaged_part_is_named(feed: GraphStore, folder: Path, part: str, how: str) -> None:
    with feed.change("embed") as change:
        change.write_vectors("Post", "text_vector", np.ones((1, 3), dtype=np.float32))
    feed.close()
    (file,) = (folder / "journal").glob(f"*{part}*")
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 0xFF
    if how == "remove":
        file.unlink()
    else:
        file.write_bytes(content if how == "flip" else content[:-9])
    for index in folder.glob("index-*"):
        index.unlink()
    with open_store(folder) as store, pytest.raises(StoreError, match=rf"{file.name} is damaged"):
        _ = store.read_vectors("Post", "text_vector") if part == "vectors" else store.cypher(LIKED)


_FULL_DISK = """
import resource, sys
from pathlib import Path
from graphfeed.errors import StoreError
from graphfeed.graph.store import open_store
from tests.store_contract import nodes
store = open_store(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
try:
    with store.change("too much") as change:
        for chunk in range(20):
            ids = [f"{chunk} {i}" for i in range(1000)]
            change.write_nodes("User", nodes("User", ids, about=ids))
except StoreError as error:
    print(error)
    sys.exit(7)
"""


@pytest.mark.parametrize("limit", [60_000, 400_000])  # bytes a file may have: the journal's part, or the index, fails
def test_write_that_fails_changes_nothing(feed: GraphStore, folder: Path, limit: int) -> None:
    counts = feed.counts()
    done = subprocess.run(
        [sys.executable, "-c", _FULL_DISK, str(folder), str(limit)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 7, done.stderr
    assert feed.counts() == counts
    assert feed.cypher(LIKED) == [{"user": "ann", "post": "p"}]
    with feed.change("again") as change:
        assert change.write_nodes("User", nodes("User", ["0 0"])).kept == 1
    assert feed.counts().nodes["User"] == 3


# Several at once


_READER = """
import sys, time
from graphfeed.graph.store import open_store
query, answers = sys.argv[2], 0
with open_store(sys.argv[1]) as store:
    print("ready", flush=True)
    until = time.time() + 6
    while time.time() < until:
        rows = store.cypher(query)
        (generation,) = {row["generation"] for row in rows}
        assert len(rows) == 50 * int(generation[1:]), (generation, len(rows))
        assert store.read_vectors("User", "text_vector") is not None
        answers += 1
print(answers)
"""


def test_readers_in_other_processes_while_one_writes(open_again: Open, folder: Path) -> None:
    """Every answer is one generation, whole: generation n recommends n posts to each of 50 users."""
    store = open_again()
    users, posts = [f"u{i}" for i in range(50)], [f"p{i}" for i in range(200)]
    with store.change("load") as change:
        change.write_nodes("User", nodes("User", users))
        change.write_nodes("Post", nodes("Post", posts))
        change.write_vectors("User", "text_vector", np.ones((50, 4), dtype=np.float32))
    publish(store, "g1", [(u, posts[0]) for u in users])
    command = [sys.executable, "-c", _READER, str(folder), SEEN]
    readers = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    for reader in readers:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "ready\n"
    number = 1
    while any(reader.poll() is None for reader in readers) and number < len(posts):
        number += 1
        with store.change("embed") as change:
            change.write_vectors("User", "text_vector", np.full((50, 4), number, dtype=np.float32))
        publish(store, f"g{number}", [(u, p) for u in users for p in posts[:number]], number)
    done = [reader.communicate(timeout=60) for reader in readers]
    assert [reader.returncode for reader in readers] == [0, 0], done
    assert number > 3
    assert all(int(answers) > 10 for answers, _ in done)


def test_threads_share_a_store(feed: GraphStore) -> None:
    failures: list[BaseException] = []

    def read() -> None:
        try:
            for _ in range(100):
                assert feed.cypher(LIKED) == [{"user": "ann", "post": "p"}]
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=read) for _ in range(6)]
    for thread in threads:
        thread.start()
    for number in range(3):
        publish(feed, f"h{number}", [("ann", "p")])
    for thread in threads:
        thread.join()
    assert failures == []


def test_many_stores_open_at_once(tmp_path: Path) -> None:
    stores = [LadybugStore(tmp_path / str(i), create=True) for i in range(24)]
    assert all(store.cypher("MATCH (u:User) RETURN u.id AS id") == [] for store in stores)
    for store in stores:
        store.close()


def test_memory_of_a_second_load_does_not_grow_with_texts(open_again: Open) -> None:
    """Loading the same again compares hashes: it must not read the texts that are in the journal."""
    store = open_again()
    ids = [f"p{i}" for i in range(2000)]
    rows = nodes("Post", ids, text=[f"{i} " * 5000 for i in range(2000)])
    with store.change("load") as change:
        change.write_nodes("Post", rows)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with store.change("again") as change:
        for start in range(0, 2000, 100):
            assert change.write_nodes("Post", rows.slice(start, 100)).kept == 100
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 30 << 10  # KiB; the texts are 48 MB

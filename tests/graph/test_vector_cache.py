"""The cache of text vectors: what is put is found, by text, encoder and revision, and outlives a kill."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from graphfeed.errors import StoreError
from graphfeed.graph.vector_cache import VectorCache, text_key

WRITER = """
import sys
import numpy as np
from pathlib import Path
from graphfeed.graph.vector_cache import VectorCache, text_key
with VectorCache(Path(sys.argv[1])) as cache:
    batch = 0
    while True:
        vectors = {text_key(f"{batch}/{i}"): np.full(64, batch, np.float32) for i in range(100)}
        cache.put("e", "1", vectors)
        print(batch, flush=True)
        batch += 1
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "vectors.sqlite"


def test_found_again_after_reopening_and_only_under_its_own_encoder(file: Path) -> None:
    vector = np.array([1.5, -2, 0], np.float32)
    with VectorCache(file) as cache:
        cache.put("one", "a", {text_key("hello"): vector})
    with VectorCache(file) as cache:
        found = cache.get("one", "a", [text_key("hello"), text_key("Hello")])
        assert list(found) == [text_key("hello")]
        assert found[text_key("hello")].tolist() == vector.tolist()
        assert cache.get("one", "b", [text_key("hello")]) == {}
        assert cache.get("two", "a", [text_key("hello")]) == {}


def test_what_is_there_stays_and_a_failing_batch_leaves_nothing(file: Path) -> None:
    with VectorCache(file) as cache:
        cache.put("e", "1", {b"k": np.ones(2, np.float32)})
        cache.put("e", "1", {b"k": np.zeros(2, np.float32)})
        with pytest.raises(ValueError):
            cache.put("e", "1", {b"new": np.ones(2, np.float32), b"bad": "no vector"})  # type: ignore[dict-item]
        assert cache.get("e", "1", [b"k", b"new"]).keys() == {b"k"}
        assert cache.get("e", "1", [b"k"])[b"k"].tolist() == [1, 1]


def test_looking_up_fifty_thousand_takes_under_a_second(file: Path) -> None:
    keys = [text_key(str(i)) for i in range(50_000)]
    rows = np.random.default_rng(0).random((50_000, 384), np.float32)
    with VectorCache(file) as cache:
        for start in range(0, 50_000, 10_000):
            cache.put("e", "1", dict(zip(keys[start : start + 10_000], rows[start:], strict=False)))
        seconds = []
        for _ in range(3):
            started = time.perf_counter()
            found = cache.get("e", "1", keys)
            seconds.append(time.perf_counter() - started)
    assert len(found) == 50_000
    assert found[keys[49_999]].tolist() == rows[49_999].tolist()
    assert min(seconds) < 1


@pytest.mark.parametrize("wait", [0.0, 0.02, 0.05, 0.11])
def test_killed_while_writing_keeps_every_acknowledged_batch_whole(file: Path, wait: float) -> None:
    with subprocess.Popen([sys.executable, "-c", WRITER, str(file)], stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        time.sleep(wait)
        os.kill(writer.pid, signal.SIGKILL)
        acknowledged = 1 + len(writer.stdout.readlines())
    with VectorCache(file) as cache:
        sizes = [len(cache.get("e", "1", [text_key(f"{b}/{i}") for i in range(100)])) for b in range(acknowledged + 2)]
        assert sizes[:acknowledged] == [100] * acknowledged
        assert set(sizes[acknowledged:]) <= {0, 100}
        cache.put("e", "1", {b"after": np.ones(64, np.float32)})
        assert len(cache.get("e", "1", [b"after"])) == 1


def test_two_may_write_in_turns(file: Path) -> None:
    with VectorCache(file) as one, VectorCache(file) as two:
        one.put("e", "1", {b"1": np.ones(2, np.float32)})
        two.put("e", "1", {b"2": np.ones(2, np.float32)})
        assert one.get("e", "1", [b"1", b"2"]).keys() == two.get("e", "1", [b"1", b"2"]).keys() == {b"1", b"2"}


@pytest.mark.parametrize("layout", ["no database at all" * 100, None])
def test_a_file_that_is_no_cache_is_put_aside(file: Path, layout: str | None) -> None:
    if layout is not None:
        file.write_text(layout)
    else:
        with sqlite3.connect(file) as other:
            other.execute("PRAGMA user_version = 99")
        other.close()
    with VectorCache(file) as cache:
        cache.put("e", "1", {b"k": np.ones(2, np.float32)})
        assert len(cache.get("e", "1", [b"k"])) == 1
    assert file.with_name("vectors.sqlite.damaged").exists()


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "occupied").write_text("a file, not a folder")
    with pytest.raises(StoreError, match="occupied"):
        VectorCache(tmp_path / "occupied" / "vectors.sqlite")

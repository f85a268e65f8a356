"""Pairs: users and items in lines, a train and a test file."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from graphfeed.errors import SourceError
from graphfeed.loaders.pairs import PairsLoader


def pairs(reading, type_: str) -> list[tuple[str, str, int]]:
    return [(r["source"], r["target"], r["line"]) for r in reading.records[type_]]


def test_clean_world(tmp_path: Path, read) -> None:
    (tmp_path / "train.txt").write_bytes(b"\xef\xbb\xbf0 10 11\r\n1\t10\n2\n\n3   12 \n")
    (tmp_path / "test.txt").write_text("0 12\n1 11 13")
    reading = read(PairsLoader(tmp_path))
    assert pairs(reading, "LIKED") == [("0", "10", 1), ("0", "11", 1), ("1", "10", 2), ("3", "12", 5)]
    assert pairs(reading, "HELD_OUT") == [("0", "12", 1), ("1", "11", 2), ("1", "13", 2)]
    assert {r["split"] for r in reading.records["HELD_OUT"]} == {"test"}
    assert {r["id"] for r in reading.records["implied User"]} == {"0", "1", "2", "3"}
    assert {r["id"] for r in reading.records["implied Post"]} == {"10", "11", "12", "13"}
    assert reading.rejects.rows_read == {"train.txt": 4, "test.txt": 3}
    assert not any(chunk.primary for chunk in reading.chunks if hasattr(chunk, "label"))


def test_one_file_with_and_without_a_test_file(tmp_path: Path, read) -> None:
    (tmp_path / "a.txt").write_text("0 1\n")
    (tmp_path / "test.txt").write_text("0 2\n")
    assert read(PairsLoader(tmp_path / "a.txt")).records["HELD_OUT"] == []
    assert pairs(read(PairsLoader(tmp_path / "a.txt", test=tmp_path / "test.txt")), "HELD_OUT") == [("0", "2", 1)]
    with pytest.raises(SourceError, match=r"none\.txt is not there"):
        read(PairsLoader(tmp_path / "a.txt", test=tmp_path / "none.txt"))


def test_dirty_world(tmp_path: Path, read) -> None:
    (tmp_path / "train.txt").write_bytes(b"0 1 \xff 2\n\xfe 1 2\n3 4\n")
    reading = read(PairsLoader(tmp_path))
    assert pairs(reading, "LIKED") == [("0", "1", 1), ("0", "2", 1), ("3", "4", 3)]
    assert reading.rejects.reasons == {"wrong encoding": 3}
    assert reading.rejects.rows_read["train.txt"] == 6


def test_absent_empty_and_of_another_kind(tmp_path: Path, read) -> None:
    with pytest.raises(SourceError, match=r"train\.txt is not there"):
        read(PairsLoader(tmp_path))
    (tmp_path / "train.txt").touch()
    with pytest.raises(SourceError, match=r"train\.txt is empty"):
        read(PairsLoader(tmp_path))
    (tmp_path / "train.txt").write_text("user,item\n1,2\n3,4\n")
    with pytest.raises(SourceError, match=r"train\.txt has no pair"):
        read(PairsLoader(tmp_path))


def test_chunks_come_as_the_file_is_read(tmp_path: Path, read) -> None:
    chance = random.Random(1)
    lines = [f"{user} " + " ".join(str(chance.randrange(5000)) for _ in range(100)) for user in range(1600)]
    (tmp_path / "train.txt").write_text("\n".join(lines) + "\n")
    reading = read(PairsLoader(tmp_path))
    sizes = [chunk.rows.num_rows for chunk in reading.chunks if chunk.primary]
    assert sizes == [50_000, 50_000, 50_000, 10_000]

"""KGAT's data sets: a small world with its lists whose graph is known, without them, and with faults."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from graphfeed.errors import SourceError
from graphfeed.graph.ingest import ingest
from graphfeed.graph.store import open_store
from graphfeed.loaders.kgat import KgatLoader
from graphfeed.loaders.pairs import PairsLoader

FILES = {
    "train.txt": "0 0 1\n1 1\n",
    "test.txt": "0 2\n1 0\n",
    "kg_final.txt": "0 0 3\n1 1 3\n2 0 4\n3 1 4\n",
    "user_list.txt": "org_id remap_id\nA1 0\nA2 1\n",
    "item_list.txt": "org_id remap_id freebase_id\nB7 0 m.01\nB 8 1 m.02\nB9 2\n",
    "entity_list.txt": "org_id remap_id\nm.01 0\nm.02 1\nm.03 2\nm.04 3\nm.05 4\n",
    "relation_list.txt": "org_id remap_id\nhttp://rdf.freebase.com/ns/book.genre 0\nauthor 1\n",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "kgat"
    folder.mkdir()
    for name, text in FILES.items():
        (folder / name).write_text(text)
    return folder


def pairs(reading: Any, type_: str) -> set[tuple[str, str]]:
    return {(r["source"], r["target"]) for r in reading.records[type_]}


def test_clean_world(folder: Path, read) -> None:
    reading = read(KgatLoader(folder))
    assert pairs(reading, "LIKED") == {("A1", "B7"), ("A1", "B 8"), ("A2", "B 8")}
    assert pairs(reading, "HELD_OUT") == {("A1", "B9"), ("A2", "B7")}
    assert {r["split"] for r in reading.records["HELD_OUT"]} == {"test"}
    assert {(r["source"], r["relation"], r["target"]) for r in reading.records["RELATED_TO"]} == {
        ("m.01", "book.genre", "m.04"), ("m.02", "author", "m.04"), ("m.03", "book.genre", "m.05"),
        ("m.04", "author", "m.05"),
    }  # fmt: skip
    assert pairs(reading, "MENTIONS") == {("B7", "m.01"), ("B 8", "m.02"), ("B9", "m.03")}
    assert {r["id"]: r["kind"] for r in reading.records["Entity"]} == {
        "m.01": "item", "m.02": "item", "m.03": "item", "m.04": None, "m.05": None,
    }  # fmt: skip
    assert [r["id"] for r in reading.records["Post"]] == ["B7", "B 8", "B9"]
    assert not reading.rejects.reasons


def test_without_lists_it_is_what_pairs_with_kg_makes(folder: Path, read) -> None:
    for file in folder.glob("*_list.txt"):
        file.unlink()
    ours = read(KgatLoader(folder)).records
    theirs = read(PairsLoader(folder, kg=folder / "kg_final.txt")).records
    assert ours == theirs
    assert {(r["source"], r["target"]) for r in ours["MENTIONS"]} == {("0", "0"), ("1", "1"), ("2", "2")}


def test_dirty_world(folder: Path, read, tmp_path: Path) -> None:
    (folder / "train.txt").write_bytes(b"0 0 1\n1 1 77\n9 0\n\xff 1\n")  # no item 77, no user 9
    (folder / "kg_final.txt").write_text("0 0 3\n0 0 3\n0 9 3\n88 0 3\n1 0\n1 1 4")
    people = (b"org_id\tremap_id", b"A1 0", b"A1 5", b"A2 1", b"A3 1", b"\xff 6", b"A4", b"A5 x", b"")
    (folder / "user_list.txt").write_bytes(b"\r\n".join(people))
    (folder / "item_list.txt").write_text(FILES["item_list.txt"] + "x" * 5000 + " 3 m.9\nB")
    reading = read(KgatLoader(folder))
    assert pairs(reading, "LIKED") == {("A1", "B7"), ("A1", "B 8"), ("A2", "B 8")}
    assert reading.rejects.rows_rejected == {
        "train.txt": 3, "kg_final.txt": 3, "user_list.txt": 5, "item_list.txt": 2,
    }  # fmt: skip
    assert reading.rejects.reasons == {
        "dangling key": 4, "wrong encoding": 2, "duplicate": 2, "ragged line": 3, "long id": 1, "truncated line": 1,
    }  # fmt: skip
    with open_store(tmp_path / "feed", create=True) as store:
        report = ingest(store, KgatLoader(folder))
    assert report.reasons["duplicate"] == 3  # a triple twice
    assert report.graph.relationships["RELATED_TO"] == 2


@pytest.mark.parametrize(
    ("gone", "sentence"),
    [
        ("test.txt", r"has no test\.txt, expected a folder of KGAT with .*; there is: entity_list\.txt"),
        ("kg_final.txt", r"has no kg_final\.txt, expected a folder of KGAT"),
    ],
)
def test_absent_files(folder: Path, read, gone: str, sentence: str) -> None:
    (folder / gone).unlink()
    with pytest.raises(SourceError, match=sentence):
        read(KgatLoader(folder))


def test_lists_and_triples_that_cannot_be(folder: Path, read) -> None:
    (folder / "kg_final.txt").write_text("3 1 4\n")
    with pytest.raises(SourceError, match="no head or tail is the id of an item"):
        read(KgatLoader(folder))
    (folder / "entity_list.txt").write_text("m.01 0\n")
    with pytest.raises(SourceError, match=r"entity_list\.txt, line 1: expected the columns org_id remap_id, found"):
        read(KgatLoader(folder))

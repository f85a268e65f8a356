"""citeulike-t: a small world whose graph is known, its split, the same with faults, and the real data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from graphfeed.errors import ConfigError, RejectedRowError, SourceError
from graphfeed.graph.ingest import ingest
from graphfeed.graph.store import open_store
from graphfeed.loaders.citeulike import CiteulikeLoader

FILES = {
    "users.dat": "2 0 2\n1 1\n",
    "mult.dat": "2 1:1 0:3\n0\n1 2:2\n",
    "vocabulary.dat": "owl\nroost\nfjäll\n",
    "tags.dat": "birds\nnight-life\nunused\n",
    "tag-item.dat": "2 0 1\n1 2\n0\n",
    "citations.dat": "2 0 1\n1 0\n0",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "library"
    (folder / "splits_cvae").mkdir(parents=True)
    for name, text in FILES.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def pairs(reading: Any, type_: str) -> list[tuple[str, str, int]]:
    return [(r["source"], r["target"], r["line"]) for r in reading.records[type_]]


def test_clean_world(folder: Path, read) -> None:
    reading = read(CiteulikeLoader(folder))
    assert [(r["id"], r["kind"], r["title"], r["text"]) for r in reading.records["Post"]] == [
        ("0", "article", None, "owl owl owl roost"), ("1", "article", None, None),
        ("2", "article", None, "fjäll fjäll"),
    ]  # fmt: skip
    assert [(r["id"], r["name"], r["kind"]) for r in reading.records["Entity"]] == [
        ("0", "birds", "tag"), ("1", "night-life", "tag"), ("2", "unused", "tag"),
    ]  # fmt: skip
    assert pairs(reading, "SAVED") == [("0", "0", 1), ("0", "2", 1), ("1", "1", 2)]
    assert pairs(reading, "LINKS_TO") == [("0", "1", 1), ("1", "0", 2)]
    assert {r["kind"] for r in reading.records["LINKS_TO"]} == {"citation"}
    assert pairs(reading, "MENTIONS") == [("0", "0", 1), ("1", "0", 1), ("2", "1", 2)]
    assert {(r["confidence"], r["said_by"]) for r in reading.records["MENTIONS"]} == {(1.0, "data")}
    assert [r["id"] for r in reading.records["implied User"]] == ["0", "1"]
    assert reading.rejects.reasons == {}
    assert reading.rejects.rows_passed_over == {"citations.dat": 1}  # an article of itself


def test_split(folder: Path, read) -> None:
    splits = folder / "splits_cvae"
    (splits / "cf-train-1-users.dat").write_text("1 2\n1 1\n0 \n")
    (splits / "cf-test-1-users.dat").write_text("1 0\n0 \n1 0\n")
    reading = read(CiteulikeLoader(folder, split="P1"))
    assert pairs(reading, "SAVED") == [("0", "2", 1), ("1", "1", 2)]
    assert pairs(reading, "HELD_OUT") == [("0", "0", 1), ("2", "0", 3)]
    assert {r["split"] for r in reading.records["HELD_OUT"]} == {"test"}
    assert {r["id"] for r in reading.records["implied User"]} == {"0", "1", "2"}
    (splits / "cf-test-1-users.dat").write_text("1 0\n1 1\n")
    with pytest.raises(SourceError, match=r"user 1 and article 1 are in cf-train-1-users\.dat as well"):
        read(CiteulikeLoader(folder, split="P1"))
    with pytest.raises(SourceError, match=r"cf-train-10-users\.dat is not there"):
        read(CiteulikeLoader(folder, split="P10"))
    with pytest.raises(ConfigError, match=r"unknown split 'P5' of citeulike\. There are: P1, P10\."):
        CiteulikeLoader(folder, split="P5")


def test_dirty_world(folder: Path, read, tmp_path: Path) -> None:
    dirty = {
        "users.dat": b"3 0 2\n1 1\n2 0 x\n1 \xff\n1 77\n2 2 2\n\n2 01 2\n3 0 1",
        "mult.dat": b"3 1:1 0:3 9:1\n2 0:1\n2 2:99999999 0:2\n1 \xff:1\n1 1\n1 0:1\n",
        "vocabulary.dat": b"owl\nroost\n\xff\n",
        "tags.dat": b"birds\n\xff\n\nnight-life\n",
        "tag-item.dat": b"1 0\n1 1\n1 2\n1 0\n",
    }
    for name, content in dirty.items():
        (folder / name).write_bytes(content)
    reading = read(CiteulikeLoader(folder))
    rejects = reading.rejects
    # What is wrong with a bag of words costs its text, not the article; so do words that cannot be read.
    assert [r["text"] for r in reading.records["Post"]] == ["owl owl owl roost", None, "owl owl", None, None, "owl"]
    assert pairs(reading, "SAVED") == [("1", "1", 2), ("4", "77", 5), ("5", "2", 6), ("5", "2", 6)]
    assert rejects.rows_rejected == {"users.dat": 10, "tags.dat": 2}
    assert rejects.records_rejected == {"mult.dat": 5, "vocabulary.dat": 1}
    assert rejects.reasons == {
        "ragged line": 4, "bad number": 7, "wrong encoding": 4, "truncated line": 2, "empty id": 1,
    }  # fmt: skip
    with open_store(tmp_path / "feed", create=True) as store:
        report = ingest(store, CiteulikeLoader(folder))
    assert report.reasons["dangling key"] == 3  # article 77, and the tags without a name
    assert report.reasons["duplicate"] == 1
    assert report.records["SAVED"] == 2
    with pytest.raises(RejectedRowError, match=r"vocabulary\.dat, line 3: wrong encoding"):
        read(CiteulikeLoader(folder), strict=True)


def test_absent_empty_and_of_another_kind(folder: Path, read, tmp_path: Path) -> None:
    (folder / "citations.dat").unlink()
    (folder / "tags.dat").unlink()
    reading = read(CiteulikeLoader(folder))
    assert reading.records["LINKS_TO"] == []
    assert [(r["id"], r["name"]) for r in reading.records["implied Entity"]] == [("0", None), ("1", None), ("2", None)]
    for content, sentence in (
        ("", r"users\.dat is empty"),
        ("user,item\n0,1\n", r"users\.dat: no line begins with the count of its entries"),
    ):
        (folder / "users.dat").write_text(content)
        with pytest.raises(SourceError, match=sentence):
            read(CiteulikeLoader(folder))
    (folder / "mult.dat").unlink()
    with pytest.raises(
        SourceError, match=r"library has no mult\.dat, expected the folder of citeulike-t; there is: tag-item"
    ):
        read(CiteulikeLoader(folder))
    with pytest.raises(SourceError, match=r"has no users\.dat, .* there is: no \.dat file"):
        read(CiteulikeLoader(tmp_path / "nowhere"))


def test_chunks_come_as_the_file_is_read(folder: Path, read) -> None:
    (folder / "users.dat").write_text("2 0 2\n" * 4_500)
    sizes = [c.rows.num_rows for c in read(CiteulikeLoader(folder)).chunks if c.file == "users.dat" and c.primary]
    assert sizes == [4_000, 4_000, 1_000]


@pytest.mark.data
@pytest.mark.parametrize(
    ("split", "saved", "held_out"), [(None, 134_860, 0), ("P1", 7_947, 126_913), ("P10", 53_399, 81_461)]
)
def test_real_data(data_folder: Path, read: Callable[..., Any], split: str | None, saved: int, held_out: int) -> None:
    reading = read(CiteulikeLoader(data_folder / "citeulike-t", split=split))
    found = Counter({name: len(rows) for name, rows in reading.records.items() if not name.startswith("implied")})
    assert found == {
        "Post": 25_975, "Entity": 52_946, "LINKS_TO": 64_346, "MENTIONS": 290_830, "SAVED": saved,
        **({"HELD_OUT": held_out} if split else {}),
    }  # fmt: skip
    assert {r["id"] for r in reading.records["implied User"]} == {str(user) for user in range(7_947)}
    assert reading.rejects.reasons == {}
    assert reading.rejects.rows_passed_over == {"citations.dat": 784}
    texts = [r["text"] for r in reading.records["Post"]]
    assert sum(text is None for text in texts) == 31
    assert sum(len(text.split(" ")) for text in texts if text) == 804_367  # some words hold other blanks
    assert "museum" in texts[0].split()
    links = {(r["source"], r["target"]) for r in reading.records["LINKS_TO"]}
    assert {(target, source) for source, target in links} == links

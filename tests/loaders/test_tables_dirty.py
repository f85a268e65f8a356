"""Table files in which every fault is planted and counted, and files that cannot be read."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.loaders.table_files import POSTS, VOTES, loader, write

from graphfeed.errors import RejectedRowError, SourceError


def test_bytes_in_parquet_are_text_or_rejected(tmp_path: Path, read) -> None:
    pq.write_table(pa.table({"u": [b"a", b"\xff", None], "p": ["x", "x", "x"]}), tmp_path / "v.parquet")
    mapping = '[[relationships]]\nfile="v.parquet"\ntype="VIEWED"\nsource="u"\ntarget="p"\n'
    reading = read(loader(tmp_path, mapping))
    assert [(r["source"], r["line"]) for r in reading.records["VIEWED"]] == [("a", 1)]
    assert reading.rejects.reasons == {"wrong encoding": 1, "empty id": 1}


DIRTY = (
    b"\xef\xbb\xbfpostId,headline,body,createdAt\r\n"
    b"p1,fine,ok,2024-05-01\r\n"  # 2
    b",no id,ok,2024-05-01\r\n"  # 3 empty id
    b"   ,blank id,ok,2024-05-01\r\n"  # 4 empty id
    b"p4,bad date,ok,yesterday\r\n"  # 5 bad date
    b"p5,bad date,ok,2024-13-45\r\n"  # 6 bad date
    b"p6,latin \xe9,ok,2024-05-01\r\n"  # 7 wrong encoding
    b"p7,too few\r\n"  # 8 ragged
    b"p8,too,many,2024-05-01,cells\r\n"  # 9 ragged
    b'p9,"a cell\r\nof three\r\nlines",ok,2024-05-01\r\n'  # 10-12
    b"\r\n"  # 13: blank, no row
    b'p10,"stray quote,ok,2024-05-01\r\n'  # 14 ragged: must not swallow what follows
    b"p11,fine,ok,2024-05-01\r\n"  # 15
    b'p12,"quoted" and not,ok,2024-05-01\r\n'  # 16 ragged
    b"p13,fine,\xe5\xa5\xbd,2024-05-01\r\n"  # 17
    b"p14,trunc"  # 18 truncated
)
DIRTY_REASONS = {"empty id": 2, "bad date": 2, "wrong encoding": 1, "ragged line": 4, "truncated line": 1}


def test_dirty_world(tmp_path: Path, read) -> None:
    (tmp_path / "posts.csv").write_bytes(DIRTY)
    reading = read(loader(tmp_path, POSTS))
    assert {r["id"]: r["line"] for r in reading.records["Post"]} == {"p1": 2, "p9": 10, "p11": 15, "p13": 17}
    assert reading.records["Post"][1]["title"] == "a cell\r\nof three\r\nlines"
    assert reading.rejects.reasons == DIRTY_REASONS
    assert reading.rejects.rows_read["posts.csv"] == 14
    with reading.rejects.path.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert {(int(r["line"]), r["reason"]) for r in rows} == {
        (3, "empty id"), (4, "empty id"), (5, "bad date"), (6, "bad date"), (7, "wrong encoding"), (8, "ragged line"),
        (9, "ragged line"), (14, "ragged line"), (16, "ragged line"), (18, "truncated line"),
    }  # fmt: skip
    by_line = {int(r["line"]): r for r in rows}
    assert by_line[5]["row"] == "p4,bad date,ok,yesterday"
    assert "'createdAt'" in by_line[5]["detail"]
    assert "'yesterday'" in by_line[5]["detail"]
    assert by_line[8]["detail"] == "expected 4 columns, found 2"


def test_a_faulty_line_is_counted_once_however_many_entries_read_the_file(tmp_path: Path, read) -> None:
    write(tmp_path / "votes.csv", "userId,postId,score,createdAt\nu1,p1,1,2024-05-01\nu2,p1\nu3,p1,-1,never\n")
    reading = read(loader(tmp_path, VOTES))
    assert reading.rejects.reasons == {"ragged line": 1, "bad date": 1}
    assert reading.rejects.rows_read["votes.csv"] == 3
    assert [r["id"] for r in reading.records["implied User"]] == ["u1"]  # u3's row is not used, so u3 is not made


def test_strict_stops_at_the_first(tmp_path: Path, read) -> None:
    (tmp_path / "posts.csv").write_bytes(DIRTY)
    with pytest.raises(RejectedRowError, match=r"posts\.csv, line \d+: "):
        read(loader(tmp_path, POSTS), strict=True)


def test_dirty_json_lines(tmp_path: Path, read) -> None:
    (tmp_path / "likes.jsonl").write_bytes(
        b'{"user": "u1", "post": 7}\n'
        b'{"usr": "u2", "post": 7}\n'  # unknown column
        b'{"user": "u3", "post": 7, "more": 1}\n'
        b'{"user": "", "post": 7}\n'  # empty id
        b'{"user": "u5" "post": 7}\n'  # not JSON
        b"[1, 2]\n"  # no object
        b'{"user": "\xff", "post": 7}\n'  # wrong encoding
        b'{"user": "\\ud800", "post": 7}\n'  # wrong encoding
        b'{"user": "u9", "po'
    )
    reading = read(
        loader(tmp_path, '[[relationships]]\nfile="likes.jsonl"\ntype="LIKED"\nsource="user"\ntarget="post"\n')
    )
    assert [(r["source"], r["target"], r["line"]) for r in reading.records["LIKED"]] == [("u1", "7", 1), ("u3", "7", 3)]
    assert reading.rejects.reasons == {
        "unknown column": 1, "empty id": 1, "ragged line": 2, "wrong encoding": 2, "truncated line": 1,
    }  # fmt: skip
    text = reading.rejects.path.read_text(encoding="utf-8")
    assert "did you mean 'usr'?" in text


def test_counts_must_be_whole_and_positive(tmp_path: Path, read) -> None:
    write(tmp_path / "plays.tsv", "u\tp\tn\na\tx\t3\nb\tx\t2.5\nc\tx\tmany\nd\tx\t0\ne\tx\t\n")
    mapping = '[[relationships]]\nfile="plays.tsv"\ntype="VIEWED"\nsource="u"\ntarget="p"\ncount="n"\n'
    reading = read(loader(tmp_path, mapping))
    assert [(r["source"], r["count"]) for r in reading.records["VIEWED"]] == [("a", 3), ("e", None)]
    assert reading.rejects.reasons == {"bad number": 3}


def test_absent_empty_and_unreadable_files(tmp_path: Path, read) -> None:
    one = loader(tmp_path, POSTS)
    with pytest.raises(SourceError, match=r"posts\.csv is not there"):
        read(one)
    (tmp_path / "posts.csv").touch()
    with pytest.raises(SourceError, match=r"posts\.csv is empty"):
        read(one)
    write(tmp_path / "posts.csv", "postId,headline\n", "utf-16")
    with pytest.raises(SourceError, match="UTF-16"):
        read(one)
    gz = loader(tmp_path, POSTS.replace("posts.csv", "posts.csv.gz"))
    packed = gzip.compress(b"postId,headline,body,createdAt\n" + b"1,a,b,\n" * 9999)
    (tmp_path / "posts.csv.gz").write_bytes(packed[:-40])
    with pytest.raises(SourceError, match=r"posts\.csv\.gz cannot be unpacked after"):
        read(gz)
    parquet = loader(tmp_path, POSTS.replace("posts.csv", "posts.parquet"))
    (tmp_path / "posts.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(SourceError, match=r"posts\.parquet cannot be read as Parquet"):
        read(parquet)

"""Table files: a clean world in every format."""

from __future__ import annotations

import csv
import gzip
import io
import json
import tomllib
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.loaders.table_files import POSTS, VOTES, loader, write

from graphfeed.errors import ConfigError
from graphfeed.loaders import open_loader
from graphfeed.loaders.mapping import parse_mapping

NOON = datetime(2024, 5, 1, 12)


@pytest.fixture
def clean(tmp_path: Path) -> Path:
    write(
        tmp_path / "posts.csv",
        "postId,headline,body,createdAt\n"
        "p1,First,Hello,2024-05-01T12:00:00Z\n"
        'p2,"Second, quoted","two\nlines and ""quotes""",2024-05-01T14:00:00+02:00\n'
        "p3,,,\n",
    )
    write(
        tmp_path / "votes.csv",
        "userId,postId,score,createdAt\n"
        "u1,p1,1,2024-05-01T12:00:00Z\nu2,p1,-1,1714564800\nu1,p2,-2,1714564800000\nu3,p3,0,2024-05-01T12:00:00Z\n",
    )
    return tmp_path


def test_clean_world(clean: Path, read) -> None:
    reading = read(loader(clean, POSTS + VOTES))
    first, second, third = reading.records["Post"]
    assert first == {
        "id": "p1", "kind": "article", "title": "First", "text": "Hello", "url": None, "platform": None,
        "created_at": NOON, "line": 2,
    }  # fmt: skip
    assert (second["title"], second["text"]) == ("Second, quoted", 'two\nlines and "quotes"')
    assert second["created_at"] == NOON
    assert (third["title"], third["text"], third["created_at"], third["line"]) == (None, None, None, 5)
    assert reading.records["LIKED"] == [{"source": "u1", "target": "p1", "at": NOON, "count": None, "line": 2}]
    assert [(r["source"], r["target"], r["at"], r["line"]) for r in reading.records["DISLIKED"]] == [
        ("u2", "p1", NOON, 3),
        ("u1", "p2", NOON, 4),
    ]
    assert {r["id"] for r in reading.records["implied User"]} == {"u1", "u2"}  # u3's row is no vote at all
    assert reading.rejects.rows_read == {"posts.csv": 3, "votes.csv": 3}
    assert reading.rejects.rows_passed_over["votes.csv"] == 1
    assert not reading.rejects.path.exists()


def _as_file(folder: Path, name: str, rows: list[dict[str, object]]) -> None:
    path = folder / name
    if name.endswith(".parquet"):
        pq.write_table(pa.Table.from_pylist(rows), path)
        return
    text = io.StringIO(newline="")
    if "json" in name:
        text.writelines(json.dumps(row) + "\n" for row in rows)
    else:
        writer = csv.DictWriter(text, list(rows[0]), delimiter="\t" if ".tsv" in name else ",")
        writer.writeheader()
        writer.writerows(rows)
    data = text.getvalue().encode()
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)


@pytest.mark.parametrize(
    "name", ["v.csv", "v.tsv", "v.csv.gz", "v.tsv.gz", "v.jsonl", "v.ndjson", "v.jsonl.gz", "v.parquet"]
)
def test_every_format_says_the_same(tmp_path: Path, read, name: str) -> None:
    rows = [{"user": n, "post": f"p{n}", "count": n + 1, "at": "2024-05-01T12:00:00Z"} for n in range(20)]
    _as_file(tmp_path, name, rows)
    mapping = f'[[relationships]]\nfile="{name}"\ntype="VIEWED"\nsource="user"\ntarget="post"\nat="at"\ncount="count"\n'
    shift = 1 if name.endswith(".parquet") or "json" in name else 2  # no header
    assert read(loader(tmp_path, mapping)).records["VIEWED"] == [
        {"source": str(n), "target": f"p{n}", "at": NOON, "count": n + 1, "line": n + shift} for n in range(20)
    ]


def test_parquet_types(tmp_path: Path, read) -> None:
    table = pa.table(
        {
            "id": pa.array([1.0, 2.0, None]),  # pandas turns whole numbers with a gap into floats
            "tags": [["a", "b"], [], None],
            "at": pa.array([NOON] * 3, pa.timestamp("ns", "Asia/Taipei")),
            "kind": pa.array(["x", "y", "x"]).dictionary_encode(),
        }
    )
    pq.write_table(table, tmp_path / "posts.parquet")
    mapping = """
[[nodes]]
file = "posts.parquet"
label = "Post"
id = "id"
kind = "kind"
created_at = "at"
[[relationships]]
file = "posts.parquet"
type = "MENTIONS"
source = "id"
target = { column = "tags", create = { kind = { value = "tag" } } }
"""
    reading = read(loader(tmp_path, mapping))
    assert [(r["id"], r["kind"], r["created_at"]) for r in reading.records["Post"]] == [
        ("1", "x", NOON),
        ("2", "y", NOON),
    ]
    assert [(r["source"], r["target"], r["said_by"], r["confidence"]) for r in reading.records["MENTIONS"]] == [
        ("1", "a", "data", 1.0),
        ("1", "b", "data", 1.0),
    ]
    assert reading.rejects.reasons == {"empty id": 1}


def test_lists_prefixes_and_optional_ends(tmp_path: Path, read) -> None:
    write(
        tmp_path / "posts.csv",
        "id,parent,author,tags,aka\n1,,ann,a| b||a,x;y\n2,1,,,\n3,1,ben,c,z\n",
    )
    mapping = """
[[nodes]]
file = "posts.csv"
label = "Post"
id = { column = "id", prefix = "c" }
[[relationships]]
file = "posts.csv"
type = "REPLIES_TO"
source = { column = "id", prefix = "c" }
target = { column = "parent", prefix = "c", optional = true }
[[relationships]]
file = "posts.csv"
type = "POSTED"
source = { column = "author", create = true }
target = { column = "id", prefix = "c" }
[[relationships]]
file = "posts.csv"
type = "MENTIONS"
source = { column = "id", prefix = "c" }
target = { column = "tags", split = "|", create = { name = "tags" } }
"""
    reading = read(loader(tmp_path, mapping))
    assert [r["id"] for r in reading.records["Post"]] == ["c1", "c2", "c3"]
    assert [(r["source"], r["target"]) for r in reading.records["REPLIES_TO"]] == [("c2", "c1"), ("c3", "c1")]
    assert [(r["source"], r["target"]) for r in reading.records["MENTIONS"]] == [
        ("c1", "a"), ("c1", "b"), ("c1", "a"), ("c3", "c"),
    ]  # fmt: skip
    assert reading.rejects.rows_read["posts.csv"] == 3  # each row once, as a post
    assert reading.rejects.records_rejected["posts.csv"] == 1  # post 2 has no author, and that is not optional here
    assert reading.rejects.rows_rejected["posts.csv"] == 0


def test_a_node_referred_to_is_as_old_as_the_earliest_row_in_any_file(tmp_path: Path, read) -> None:
    write(tmp_path / "a.csv", "u,p,at\nu1,x,2024-03-01\nu2,x,2024-02-01\n")
    write(tmp_path / "b.csv", "u,p,at\nu3,x,2024-01-01\n,y,2024-01-05\n")
    entry = """
[[relationships]]
file = "{}"
type = "COMMENTED"
source = {{ column = "u", create = true, optional = true }}
target = {{ column = "p", create = {{ created_at = "at", kind = {{ value = "article" }} }} }}
at = "at"
"""
    reading = read(loader(tmp_path, entry.format("a.csv") + entry.format("b.csv")))
    assert {r["id"]: (r["created_at"], r["kind"]) for r in reading.records["implied Post"]} == {
        "x": (datetime(2024, 1, 1), "article"),
        "y": (datetime(2024, 1, 5), "article"),
    }
    assert reading.rejects.rows_passed_over == {"a.csv": 0, "b.csv": 1}


def test_date_format_separator_and_encoding(tmp_path: Path, read) -> None:
    write(tmp_path / "p.csv", "id;titre;le\n1;été;01.05.2024 12:00\n2;x;2024-05-01\n", "iso-8859-1")
    mapping = """
[[nodes]]
file = "p.csv"
label = "Post"
id = "id"
title = "titre"
created_at = "le"
date_format = "%d.%m.%Y %H:%M"
separator = ";"
encoding = "iso-8859-1"
"""
    reading = read(loader(tmp_path, mapping))
    assert [(r["title"], r["created_at"]) for r in reading.records["Post"]] == [("été", NOON)]
    assert reading.rejects.reasons == {"bad date": 1}


@pytest.mark.parametrize("name", ["posts.csv", "posts.jsonl", "posts.parquet"])
def test_unknown_column_says_which_and_where(tmp_path: Path, read, name: str) -> None:
    _as_file(tmp_path, name, [{"post_id": "1", "headline": "x", "body": "y", "createdAt": "2024-05-01"}])
    with pytest.raises(ConfigError, match=rf"{name} has no column 'postId': did you mean 'post_id'\? .*headline") as e:
        read(loader(tmp_path, POSTS.replace("posts.csv", name)), strict=name != "posts.jsonl")
    assert str(e.value).endswith("createdAt.")


def test_header_only_is_a_file_without_rows(tmp_path: Path, read) -> None:
    write(tmp_path / "posts.csv", "postId,headline,body,createdAt\n")
    assert read(loader(tmp_path, POSTS)).chunks == []


def test_open_loader_knows_its_sources_and_options(tmp_path: Path) -> None:
    mapping = parse_mapping(tomllib.loads(POSTS), "graphfeed.toml")
    assert open_loader("tables", tmp_path, mapping=mapping).name == "tables"
    with pytest.raises(ConfigError, match="unknown source 'table': did you mean 'tables'"):
        open_loader("table", tmp_path)
    with pytest.raises(ConfigError, match="tables has no option 'maping': did you mean 'mapping'"):
        open_loader("tables", tmp_path, maping=mapping)
    with pytest.raises(ConfigError, match="needs a mapping"):
        open_loader("tables", tmp_path)

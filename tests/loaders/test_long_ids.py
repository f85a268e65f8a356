"""An id that no database would take as a key is set aside by every loader, and the rest is kept."""

from __future__ import annotations

from pathlib import Path
from xml.sax.saxutils import quoteattr

import pytest

from graphfeed.loaders.mapping import parse_mapping
from graphfeed.loaders.pairs import PairsLoader
from graphfeed.loaders.stackexchange import StackExchangeLoader
from graphfeed.loaders.tables import TablesLoader
from graphfeed.loaders.values import ID_BYTES

LONG, LONGEST = "é" * (ID_BYTES // 2) + "x", "é" * (ID_BYTES // 2)
MAPPING = {
    "nodes": [{"file": "posts.csv", "label": "Post", "id": "id"}],
    "relationships": [
        {"file": "likes.csv", "type": "LIKED", "source": {"column": "user", "create": True}, "target": "post"}
    ],
}


def test_tables(tmp_path: Path, read) -> None:
    (tmp_path / "posts.csv").write_text(f"id\n{LONG}\n{LONGEST}\n", encoding="utf-8")
    (tmp_path / "likes.csv").write_text(f"user,post\n{LONG},{LONGEST}\nu,{LONGEST}\n", encoding="utf-8")
    reading = read(TablesLoader(tmp_path, parse_mapping(MAPPING, "here")))
    assert reading.rejects.reasons == {"long id": 2}
    assert [r["id"] for r in reading.records["Post"]] == [LONGEST]
    assert [r["source"] for r in reading.records["LIKED"]] == ["u"]


def test_pairs(tmp_path: Path, read) -> None:
    (tmp_path / "train.txt").write_text(f"{LONG} 1 2\nu 3 {LONG} {LONGEST}\n", encoding="utf-8")
    reading = read(PairsLoader(tmp_path))
    assert reading.rejects.reasons == {"long id": 3}
    assert [(r["source"], r["target"]) for r in reading.records["LIKED"]] == [("u", "3"), ("u", LONGEST)]
    assert reading.rejects.rows_read["train.txt"] == 5


@pytest.mark.parametrize("id_", [LONG, "7" * (ID_BYTES + 1)])
def test_stackexchange(tmp_path: Path, read, id_: str) -> None:
    for name, rows in {"Users": ["1", id_], "Posts": [], "Comments": [], "Votes": [], "Tags": []}.items():
        lines = "".join(f"<row Id={quoteattr(row)} DisplayName='x' />" for row in rows)
        (tmp_path / f"{name}.xml").write_text(f"<{name}>{lines}</{name}>", encoding="utf-8")
    reading = read(StackExchangeLoader(tmp_path))
    assert reading.rejects.reasons == {"long id": 1}
    assert [r["id"] for r in reading.records["User"]] == ["1"]

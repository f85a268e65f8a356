"""Rows of several files that are turned into columns together."""

from __future__ import annotations

import csv
from pathlib import Path

from graphfeed.loaders.chunks import make_implied, make_relationships
from graphfeed.loaders.gathered import Gathering, Places, holds_any
from graphfeed.loaders.records import Chunk
from graphfeed.loaders.rejected import Rejects


def _parted(places: Places, chunk: Chunk, column: str) -> list[tuple[str, list[str], list[int]]]:
    return [(c.file, c.rows[column].to_pylist(), c.rows["line"].to_pylist()) for c in places.by_file(chunk)]


def test_rows_keep_file_and_line() -> None:
    places = Places()
    likes = Gathering("", ("source", "target", "at"), type="LIKED", places=places)
    for file, lines in (("a/likes.json", (1, 2)), ("b/likes.json", ()), ("c/likes.json", (7,))):
        begin = places.begin(file)
        for line in lines:
            likes.add(begin + line, {}, f"{file[0]}{line}", "p", None)
    assert len(likes) == 3
    (chunk,), good = likes.take(Rejects(Path("rejected.csv")))
    assert good.all()
    assert len(likes) == 0
    assert _parted(places, chunk, "source") == [("a/likes.json", ["a1", "a2"], [1, 2]), ("c/likes.json", ["c7"], [7])]


def test_what_cannot_be_used_is_named_by_its_own_file_and_line(tmp_path: Path) -> None:
    places = Places()
    posts = Gathering("", ("id", "created_at"), label="Post", places=places)
    posts.add(places.begin("a.json") + 3, {"id": "p1"}, "p1", "2024-05-01")
    posts.add(places.begin("b.json") + 9, {"id": "p2"}, "p2", "yesterday")
    with Rejects(tmp_path / "rejected.csv") as rejects:
        (chunk,), good = posts.take(rejects)
    assert good.tolist() == [True, False]
    assert _parted(places, chunk, "id") == [("a.json", ["p1"], [3])]
    assert rejects.rows_rejected == {"b.json": 1}
    rows = list(csv.DictReader((tmp_path / "rejected.csv").open(encoding="utf-8")))
    assert [(r["file"], r["line"], r["reason"], r["row"]) for r in rows] == [("b.json", "9", "bad date", 'id="p2"')]


def test_rows_in_another_order_than_their_files_are_parted_too() -> None:
    places = Places()
    first, second = places.begin("a.json"), places.begin("b.json")
    at = [second + 1, first + 5, second + 2]
    chunk = make_relationships("POSTED", "", at, source=["x", "y", "z"], target=["p", "q", "r"])
    assert _parted(places, chunk, "source") == [("a.json", ["y"], [5]), ("b.json", ["x", "z"], [1, 2])]


def test_nodes_that_are_only_referred_to_stay_together() -> None:
    places = Places()
    first, second = places.begin("a.json"), places.begin("b.json")
    chunk = make_implied("User", "", [first + 1, second + 2], id=["x", "y"])
    assert _parted(places, chunk, "id") == [("a.json", ["x", "y"], [1, 2])]


def test_words_are_found_where_the_reading_of_a_file_is_cut(tmp_path: Path) -> None:
    for before in (0, 3_999_996, 3_999_999, 4_000_000):
        (tmp_path / "events.jsonl").write_bytes(b" " * before + b'"delete"' + b" " * 20)
        assert holds_any(tmp_path / "events.jsonl", (b'"update"', b'"delete"'))
    (tmp_path / "events.jsonl").write_bytes(b'"create"' * 600_000)
    assert not holds_any(tmp_path / "events.jsonl", (b'"update"', b'"delete"'))

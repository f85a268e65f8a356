"""HetRec 2011's lastfm-2k: a small world whose graph is known, the same with faults, its split, and the real data."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from graphfeed.errors import ConfigError, RejectedRowError, SourceError
from graphfeed.graph.ingest import ingest
from graphfeed.graph.store import open_store
from graphfeed.loaders.hetrec import HetrecLoader

HEADINGS = {
    "artists": "id\tname\turl\tpictureURL",
    "tags": "tagID\ttagValue",
    "user_artists": "userID\tartistID\tweight",
    "user_friends": "userID\tfriendID",
    "user_taggedartists": "userID\tartistID\ttagID\tday\tmonth\tyear",
    "user_taggedartists-timestamps": "userID\tartistID\ttagID\ttimestamp",
}


def write(folder: Path, name: str, *rows: str | bytes) -> None:
    """A file with its heading; a row that is bytes goes in as it is."""
    lines = [row if isinstance(row, bytes) else row.replace(" ", "\t").encode() for row in (*rows,)]
    (folder / f"{name}.dat").write_bytes(b"\n".join([HEADINGS[name].encode(), *lines]) + b"\n")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "radio"
    folder.mkdir()
    write(
        folder,
        "artists",
        b'10\t"Quoted" Quartet\thttp://radio.example/10\tx',
        "11 Bø http://radio.example/11 x",
        "12 C u p",
    )
    write(folder, "tags", "1 jazz", b"2\tfran\xe7ais", "3 unused")
    write(folder, "user_artists", "1 10 500", "1 11 20", "2 10 7", "3 12 1")
    write(folder, "user_friends", "1 2", "2 1", "3 4")
    write(
        folder,
        "user_taggedartists",
        *("1 10 1 1 4 2009", "1 10 2 1 4 2009", "1 10 3 2 4 2009", "2 10 1 29 2 2008", "2 12 2 5 6 2010"),
    )
    return folder


def edges(reading: Any, type_: str, value: str) -> set[tuple[Any, ...]]:
    return {(r["source"], r["target"], r[value]) for r in reading.records[type_]}


def test_clean_world(folder: Path, read) -> None:
    reading = read(HetrecLoader(folder))
    posts = {r["id"]: r for r in reading.records["Post"]}
    assert posts["10"] == {
        "id": "10", "kind": "artist", "title": '"Quoted" Quartet', "text": None, "url": "http://radio.example/10",
        "platform": "last.fm", "created_at": None, "line": 2,
    }  # fmt: skip
    assert posts["11"]["title"] == "Bø"
    assert {(r["id"], r["name"], r["kind"]) for r in reading.records["Entity"]} == {
        ("1", "jazz", "tag"), ("2", "français", "tag"), ("3", "unused", "tag"),
    }  # fmt: skip
    assert edges(reading, "LIKED", "count") == {("1", "10", 500), ("1", "11", 20), ("2", "10", 7), ("3", "12", 1)}
    assert edges(reading, "FOLLOWS", "at") == {("1", "2", None), ("2", "1", None), ("3", "4", None), ("4", "3", None)}
    assert edges(reading, "COMMENTED", "at") == {
        ("1", "10", datetime(2009, 4, 1)), ("1", "10", datetime(2009, 4, 2)), ("2", "10", datetime(2008, 2, 29)),
        ("2", "12", datetime(2010, 6, 5)),
    }  # fmt: skip
    assert {(s, t): c for s, t, c in edges(reading, "MENTIONS", "confidence")} == {
        ("10", "1"): pytest.approx(2 / 3), ("10", "2"): 0.5, ("10", "3"): 0.5, ("12", "2"): 0.5,
    }  # fmt: skip
    assert {r["id"] for r in reading.records["implied User"]} == {"1", "2", "3", "4"}
    assert reading.rejects.reasons == {}
    assert reading.rejects.rows_passed_over == {"user_taggedartists.dat": 1}  # a second tag on the same day
    assert reading.rejects.rows_read["user_taggedartists.dat"] == 4


def test_exact_times_go_before_days(folder: Path, read) -> None:
    write(folder, "user_taggedartists-timestamps", "1 10 1 1238536800000", "1 10 2 1238536800001")
    assert edges(read(HetrecLoader(folder)), "COMMENTED", "at") == {
        ("1", "10", datetime(2009, 3, 31, 22)),
        ("1", "10", datetime(2009, 3, 31, 22, 0, 0, 1000)),
    }


def test_knowledge_graph(folder: Path, read, tmp_path: Path) -> None:
    beside = folder / "kg_ripplenet"
    beside.mkdir()
    (beside / "kg.txt").write_text("0\tmusic.artist.origin\t7\n1\tfilm.actor.film\t8\n0\tfilm.actor.film\t8\n")
    (beside / "item_index2entity_id.txt").write_text("10\t0\n12\t1\n")
    reading = read(HetrecLoader(folder))
    assert edges(reading, "RELATED_TO", "relation") == {
        ("e0", "e7", "music.artist.origin"), ("e1", "e8", "film.actor.film"), ("e0", "e8", "film.actor.film"),
    }  # fmt: skip
    mentions = edges(reading, "MENTIONS", "confidence")
    assert {("10", "e0", 1.0), ("12", "e1", 1.0)} <= mentions
    named = {r["id"]: (r["name"], r["kind"]) for r in reversed(reading.records["implied Entity"])}
    assert named == {
        "e0": ('"Quoted" Quartet', "artist"),
        "e1": ("C", "artist"),
        "e7": (None, None),
        "e8": (None, None),
    }
    again = read(HetrecLoader(folder, kg=beside / "kg.txt", kg_items=beside / "item_index2entity_id.txt"))
    assert again.records == reading.records
    with pytest.raises(ConfigError, match="needs its triples and which entity an artist is"):
        HetrecLoader(folder, kg=beside / "kg.txt")


def split_files(tmp_path: Path, train: str, test: str) -> dict[str, Path]:
    files = {"train": tmp_path / "train_set.txt", "test": tmp_path / "test_set.txt"}
    files["train"].write_text(train)
    files["test"].write_text(test)
    return files


def test_published_split(folder: Path, read, tmp_path: Path) -> None:
    files = split_files(tmp_path, "user,item\n0,0\n1,0\n2,2\n", "user,item\n0,1\n")
    (tmp_path / "userReindex.json").write_text(json.dumps({"1": 0, "2": 1, "3": 2}))
    (tmp_path / "itemReindex.json").write_text(json.dumps({"10": 0, "11": 1, "12": 2}))
    write(folder, "user_taggedartists", "1 10 1 1 4 2009", "1 11 2 1 4 2009", "2 11 1 1 4 2009", "2 12 3 1 5 2009")
    reading = read(HetrecLoader(folder, **files))
    assert edges(reading, "LIKED", "count") == {("1", "10", 500), ("2", "10", 7), ("3", "12", 1)}
    assert edges(reading, "HELD_OUT", "split") == {("1", "11", "test")}
    # What the held-out pair (1, 11) was tagged is nowhere; (2, 11) and (2, 12) are no acts, but are said.
    assert edges(reading, "COMMENTED", "at") == {("1", "10", datetime(2009, 4, 1))}
    assert edges(reading, "MENTIONS", "confidence") == {("10", "1", 0.5), ("11", "1", 0.5), ("12", "3", 0.5)}
    assert reading.rejects.rows_passed_over == {"user_artists.dat": 4, "user_taggedartists.dat": 3}


def test_split_with_the_datas_own_ids_and_faults(folder: Path, read, tmp_path: Path) -> None:
    reading = read(HetrecLoader(folder, **split_files(tmp_path, "1,10\n2,10\n9,10\nx\n", "3 12\n")))
    assert edges(reading, "LIKED", "count") == {("1", "10", 500), ("2", "10", 7)}
    assert edges(reading, "HELD_OUT", "split") == {("3", "12", "test")}
    assert reading.rejects.reasons == {"dangling key": 1, "ragged line": 1}
    for train, test, sentence in (
        ("0,0\n1,1\n1,10\n", "3,12\n", r"train_set.txt: only 1 of its 3 pairs are in the data, with the ids as they"),
        ("1 10 11\n", "3,12\n", r"train_set.txt has no pair: expected lines of one user id and one item id"),
        ("1,10\n", "1,10\n", r"test_set.txt: 1 of its pairs are in .*train_set.txt as well, one of them user 1 and"),
    ):
        with pytest.raises(SourceError, match=sentence):
            read(HetrecLoader(folder, **split_files(tmp_path, train, test)))
    with pytest.raises(ConfigError, match="needs both of its files"):
        HetrecLoader(folder, train=tmp_path / "train_set.txt")


@pytest.mark.parametrize(
    ("user_ids", "item_ids", "sentence"),
    [
        ('{"1": 0}', None, "has only one of userReindex.json and itemReindex.json"),
        ('{"1": 0, "2": 0}', "{}", "userReindex.json: 1 new numbers stand for several old ids"),
        ("[1]", "{}", "userReindex.json: expected an object of old ids and new numbers, found list"),
        ("{", "{}", "userReindex.json is not readable as JSON"),
    ],
)
def test_renumbering_that_cannot_be_turned_back(
    folder: Path, read, tmp_path: Path, user_ids: str, item_ids: str | None, sentence: str
) -> None:
    files = split_files(tmp_path, "0,0\n", "1,1\n")
    (tmp_path / "userReindex.json").write_text(user_ids)
    if item_ids is not None:
        (tmp_path / "itemReindex.json").write_text(item_ids)
    with pytest.raises(SourceError, match=sentence):
        read(HetrecLoader(folder, **files))


def test_dirty_world(folder: Path, read, tmp_path: Path) -> None:
    write(
        folder,
        "artists",
        "10 A u p",
        "11 B u",
        "12 C u p q",
        b"\xff\tD\tu\tp",
        " E u p",
        "13 F u p",
        f"{'9' * 4001} G u p",
    )
    write(
        folder,
        "user_artists",
        "1 10 5",
        "1 10 0",
        f"1 11 {'9' * 5000}",
        "1 99 3",
        "1 10 6",
        b"\xff\t10\t3",
        "2 10 -1",
        "2 10",
    )
    write(folder, "user_friends", "1 1", "1 2", "1 2 3", " 2")
    write(
        folder,
        "user_taggedartists",
        *("1 10 1 31 2 2009", "1 10 1 1 4 1956", "1 10 1 x 4 2009", "1 10 77 1 4 2009", "1 99 1 1 4 2009", "1 10 1 1"),
    )
    reading = read(HetrecLoader(folder))
    rejects = reading.rejects
    assert [r["id"] for r in reading.records["Post"]] == ["10", "ÿ", "13"]  # a name may be ISO-8859-1
    assert rejects.rows_rejected == {
        "artists.dat": 4, "user_artists.dat": 5, "user_friends.dat": 2, "user_taggedartists.dat": 4,
    }  # fmt: skip
    assert rejects.reasons == {
        "ragged line": 5, "empty id": 2, "long id": 1, "bad number": 3, "wrong encoding": 1, "bad date": 3,
    }  # fmt: skip
    assert rejects.rows_passed_over == {"user_friends.dat": 1}
    assert edges(reading, "FOLLOWS", "at") == {("1", "2", None), ("2", "1", None)}
    assert edges(reading, "MENTIONS", "confidence") == {("10", "77", 0.5)}  # of artist 99 nothing is said
    with open_store(tmp_path / "feed", create=True) as store:
        report = ingest(store, HetrecLoader(folder))
    assert report.reasons["dangling key"] == 3  # 1 listened to and tagged artist 99, tag 77 has no name
    assert report.reasons["duplicate"] == 1
    assert report.records["LIKED"] == 1
    with pytest.raises(RejectedRowError, match=r"artists\.dat, line 3: ragged line: expected 4 fields .*, found 3"):
        read(HetrecLoader(folder), strict=True)


def test_absent_empty_and_of_another_kind(folder: Path, read, tmp_path: Path) -> None:
    for name in ("tags", "user_friends", "user_taggedartists"):
        path = folder / f"{name}.dat"
        text = path.read_bytes()
        path.unlink()
        reading = read(HetrecLoader(folder))
        assert (len(reading.records["FOLLOWS"]) == 0) == (name == "user_friends")
        assert {r["kind"] for r in reading.records["implied Entity"]} == ({"tag"} if name == "tags" else set())
        path.write_bytes(text)
    with pytest.raises(
        SourceError, match=r"has no artists\.dat, expected the folder of HetRec .* there is: no \.dat file"
    ):
        read(HetrecLoader(tmp_path))
    for content, sentence in (
        (b"", r"user_artists\.dat is empty"),
        (b"userID\tartistID\tweight\n", r"user_artists\.dat has no row: expected lines of userID, artistID, weight"),
        (
            b"1\t10\t5\n",
            r"user_artists\.dat, line 1: expected the columns userID, artistID, weight, found: '1\\t10\\t5'",
        ),
    ):
        (folder / "user_artists.dat").write_bytes(content)
        with pytest.raises(SourceError, match=sentence):
            read(HetrecLoader(folder))
    (folder / "user_artists.dat").unlink()
    with pytest.raises(
        SourceError, match=r"has no user_artists\.dat, .* there is: artists\.dat, tags\.dat, user_friends"
    ):
        read(HetrecLoader(folder))


def counts(reading: Any) -> dict[str, int]:
    found = Counter({name: len(rows) for name, rows in reading.records.items() if not name.startswith("implied")})
    found["users"] = len({r["id"] for r in reading.records["implied User"]})
    return dict(found)


@pytest.mark.data
def test_real_data(data_folder: Path, read: Callable[..., Any]) -> None:
    reading = read(HetrecLoader(data_folder / "lastfm-2k"))
    assert counts(reading) == {
        "Post": 17_632, "Entity": 11_946, "LIKED": 92_834, "FOLLOWS": 25_434, "COMMENTED": 85_011, "MENTIONS": 112_281,
        "RELATED_TO": 15_518, "users": 1_892,
    }  # fmt: skip
    assert sum(r["count"] for r in reading.records["LIKED"]) == 69_183_975
    assert reading.rejects.reasons == {"bad date": 5}  # in the years 1956, 1957 and 1979
    pairs = {(r["source"], r["target"]) for r in reading.records["FOLLOWS"]}
    assert len({frozenset(pair) for pair in pairs}) == 12_717
    tags = {r["id"]: r["name"] for r in reading.records["Entity"]}
    assert (tags["5457"], tags["11213"]) == ("español", "die Ärzte")
    assert not any("�" in r["name"] for r in reading.records["Entity"])


@pytest.mark.data
def test_real_split(data_folder: Path, read: Callable[..., Any]) -> None:
    """The renumbered split is the data's own pairs, its trust file the data's friends; no act is a test pair's."""
    folder = data_folder / "lastfm-2k"
    split = folder / "sociallgn_split"
    reading = read(HetrecLoader(folder, train=split / "train_set.txt", test=split / "test_set.txt"))
    held_out = {(r["source"], r["target"]) for r in reading.records["HELD_OUT"]}
    liked = {(r["source"], r["target"]) for r in reading.records["LIKED"]}
    assert (len(liked), len(held_out), len(liked | held_out)) == (74_267, 18_567, 92_834)
    commented = {(r["source"], r["target"]) for r in reading.records["COMMENTED"]}
    assert commented <= liked
    assert len(commented) == 16_520
    assert reading.rejects.reasons == {"bad date": 5}
    users = {str(new): old for old, new in json.loads((split / "userReindex.json").read_text()).items()}
    trust = {tuple(users[word] for word in line.split(",")) for line in (split / "trust.txt").read_text().split()[1:]}
    assert trust == {(r["source"], r["target"]) for r in reading.records["FOLLOWS"]}

"""Pairs: users and items in lines, a train and a test file; beside them friends, a knowledge graph, texts."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from graphfeed.errors import ConfigError, RejectedRowError, SourceError
from graphfeed.graph.ingest import ingest
from graphfeed.graph.store import open_store
from graphfeed.loaders.hetrec import HetrecLoader
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


@pytest.fixture
def world(tmp_path: Path) -> Path:
    (tmp_path / "train.txt").write_text("0 10 11\n1 10\n2 12\n")
    return tmp_path


def ends(reading, type_: str) -> set[tuple[str, str]]:
    return {(r["source"], r["target"]) for r in reading.records[type_]}


def test_friends(world: Path, read) -> None:
    file = world / "friends.txt"
    file.write_text("user,friend\n0,1\n1,0\n2,7\n2,2\n")
    reading = read(PairsLoader(world, friends=file))
    assert ends(reading, "FOLLOWS") == {("0", "1"), ("1", "0"), ("2", "7")}
    assert {r["id"] for r in reading.records["implied User"]} == {"0", "1", "2", "7"}
    assert reading.rejects.rows_passed_over == {"friends.txt": 1}
    both = read(PairsLoader(world, friends=file, friends_both_ways=True))
    assert [(r["source"], r["target"]) for r in both.records["FOLLOWS"]] == [
        ("0", "1"), ("1", "0"), ("2", "7"), ("7", "2"),
    ]  # fmt: skip
    with pytest.raises(ConfigError, match="needs a file of friends"):
        PairsLoader(world, friends_both_ways=True)


def test_dirty_friends(world: Path, read) -> None:
    file = world / "friends.txt"
    file.write_bytes(b"0 1\n0\n0 1 2\n\xff 1\n\t1\n" + b"7" * 4_001 + b" 1\n0\t2\n1")
    reading = read(PairsLoader(world, friends=file))
    assert ends(reading, "FOLLOWS") == {("0", "1"), ("0", "2")}
    assert reading.rejects.rows_rejected == {"friends.txt": 6}
    assert reading.rejects.reasons == {
        "ragged line": 2, "wrong encoding": 1, "empty id": 1, "long id": 1, "truncated line": 1,
    }  # fmt: skip
    with pytest.raises(
        RejectedRowError, match=r"friends\.txt, line 2: ragged line: expected 2 fields \(user, friend\)"
    ):
        read(PairsLoader(world, friends=file), strict=True)
    for content, sentence in (("", r"friends\.txt is empty"), ("user friend\n", r"friends\.txt has no row")):
        file.write_text(content)
        with pytest.raises(SourceError, match=sentence):
            read(PairsLoader(world, friends=file))


def test_knowledge_graph_with_a_file_of_its_items(world: Path, read) -> None:
    kg, items = world / "kg.txt", world / "items.txt"
    kg.write_text("e1\tplace of birth\te2\ne3\tgenre\te1\n")
    items.write_text("10\te1\n12\te3\n99\te2\n")
    reading = read(PairsLoader(world, kg=kg, kg_items=items))
    assert {(r["source"], r["target"], r["relation"]) for r in reading.records["RELATED_TO"]} == {
        ("e1", "e2", "place of birth"), ("e3", "e1", "genre"),
    }  # fmt: skip
    assert ends(reading, "MENTIONS") == {("10", "e1"), ("12", "e3"), ("99", "e2")}
    assert {r["id"] for r in reading.records["implied Entity"]} == {"e1", "e2", "e3"}
    with open_store(world / "feed", create=True) as store:
        report = ingest(store, PairsLoader(world, kg=kg, kg_items=items))
    assert report.reasons == {"dangling key": 1}  # no pair names item 99
    assert report.files["items.txt"].rejected == 1
    with pytest.raises(ConfigError, match="needs the triples"):
        PairsLoader(world, kg_items=items)


def test_knowledge_graph_whose_first_entities_are_the_items(world: Path, read) -> None:
    (world / "test.txt").write_text("1 13\n")
    kg = world / "kg_final.txt"
    kg.write_text("10 0 20\n13 1 10\n21 0 20\n")
    reading = read(PairsLoader(world, kg=kg))
    assert ends(reading, "RELATED_TO") == {("10", "20"), ("13", "10"), ("21", "20")}
    assert ends(reading, "MENTIONS") == {("10", "10"), ("13", "13")}
    assert {r["id"] for r in reading.records["implied Entity"]} == {"10", "13", "20", "21"}
    kg.write_text("20 0 21\n")
    with pytest.raises(SourceError, match=r"kg_final\.txt: no head or tail is the id of an item: name a file"):
        read(PairsLoader(world, kg=kg))


def test_dirty_knowledge_graph(world: Path, read) -> None:
    kg = world / "kg.txt"
    kg.write_bytes(b"10\tr\t20\n10\t\t20\n\tr\t20\n10\tr\n\xff\tr\t20\n10\tr\t20\n")
    with open_store(world / "feed", create=True) as store:
        report = ingest(store, PairsLoader(world, kg=kg))
    assert report.reasons == {"empty id": 2, "ragged line": 1, "wrong encoding": 1, "duplicate": 1}
    assert (report.files["kg.txt"].kept, report.files["kg.txt"].rejected) == (1, 5)
    assert report.records["MENTIONS"] == 1


def test_texts(world: Path, read) -> None:
    text = world / "text.txt"
    text.write_bytes(b'10\tA "quoted", long text\tand more\n12\n77\tof a new item\n\xff\tx\n\t\n')
    reading = read(PairsLoader(world, text=text))
    assert [(r["id"], r["text"]) for r in reading.records["Post"]] == [
        ("10", 'A "quoted", long text\tand more'), ("12", None), ("77", "of a new item"),
    ]  # fmt: skip
    assert reading.rejects.reasons == {"wrong encoding": 1}
    with open_store(world / "feed", create=True) as store:
        report = ingest(store, PairsLoader(world, text=text))
        assert report.graph.nodes["Post"] == 4
        rows = store.read_nodes("Post", ["id", "text"])
    assert dict(zip(*rows.to_pydict().values(), strict=True)) == {
        "10": 'A "quoted", long text\tand more', "11": None, "12": None, "77": "of a new item",
    }  # fmt: skip


@pytest.mark.data
def test_lastfm_as_pairs_is_what_hetrec_makes_of_it(data_folder: Path, read, tmp_path: Path) -> None:
    folder = data_folder / "lastfm-2k"
    listened: dict[str, list[str]] = {}
    for line in (folder / "raw" / "user_artists.dat").read_text().splitlines()[1:]:
        user, artist, _ = line.split()
        listened.setdefault(user, []).append(artist)
    pairs_file = tmp_path / "pairs.txt"
    pairs_file.write_text("".join(f"{user} {' '.join(artists)}\n" for user, artists in listened.items()))
    beside = folder / "kg_ripplenet"
    loader = PairsLoader(
        pairs_file,
        friends=folder / "raw" / "user_friends.dat",
        friends_both_ways=True,
        kg=beside / "kg.txt",
        kg_items=beside / "item_index2entity_id.txt",
    )
    reading, other = read(loader), read(HetrecLoader(folder))
    assert not reading.rejects.reasons
    assert (len(reading.records["RELATED_TO"]), len(reading.records["MENTIONS"])) == (15_518, 3_846)
    for type_ in ("LIKED", "FOLLOWS"):
        assert ends(reading, type_) == ends(other, type_)
        assert len(reading.records[type_]) == len(ends(reading, type_))
    for type_ in ("RELATED_TO", "MENTIONS"):
        turned = {tuple(end.removeprefix("e") for end in pair) for pair in ends(other, type_) if "e" in pair[1]}
        assert ends(reading, type_) == turned

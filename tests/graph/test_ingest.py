"""Loading into a store: every row accounted for, whole or not at all, the same graph again from the same files."""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from graphfeed.errors import ConfigError, RejectedRowError, SourceError, StoreError
from graphfeed.graph.ingest import ingest
from graphfeed.graph.journal.change import JournalChange
from graphfeed.graph.store import GraphStore, Written, open_store
from graphfeed.loaders import open_loader
from graphfeed.loaders.chunks import make_nodes, make_relationships
from graphfeed.loaders.mapping import parse_mapping
from graphfeed.loaders.records import Chunk
from graphfeed.loaders.rejected import Rejects

MAPPING = """
[[nodes]]
file = "users.csv"
label = "User"
id = "id"
name = "name"

[[nodes]]
file = "posts.csv"
label = "Post"
id = "id"
title = "title"

[[relationships]]
file = "posts.csv"
type = "POSTED"
source = { column = "author", optional = true }
target = "id"

[[relationships]]
file = "posts.csv"
type = "MENTIONS"
source = "id"
target = { column = "tags", split = "|", create = { name = "tags" } }

[[relationships]]
file = "likes.csv"
type = "LIKED"
source = "user"
target = "post"
at = "at"
"""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[GraphStore]:
    with open_store(tmp_path / "feed", create=True) as opened:
        yield opened


@pytest.fixture
def tables(tmp_path: Path):
    """A folder of tables with two duplicates, three dangling keys and one bad date."""
    folder = tmp_path / "tables"
    folder.mkdir()
    (folder / "users.csv").write_text("id,name\nu1,Ada\nu2,Ben\nu1,Ada again\n")
    (folder / "posts.csv").write_text(
        "id,author,title,tags\np1,u1,Peas,a|b\np2,u9,Beans,b\np3,,Corn,\np4,u2,Kale,b|b\n"
    )
    (folder / "likes.csv").write_text(
        "user,post,at\n"
        "u1,p1,2024-05-01\n"
        "u1,p1,2024-05-02\n"  # another event between the same two
        "u2,p1,2024-05-01\n"
        "u2,p1,2024-05-01\n"  # 5: duplicate
        "u2,p9,2024-05-01\n"  # 6: dangling
        "u8,p1,2024-05-01\n"  # 7: dangling
        "u2,p2,whenever\n"  # 8: bad date
    )
    return open_loader("tables", folder, mapping=parse_mapping(tomllib.loads(MAPPING), "graphfeed.toml"))


def test_dirty_world_is_accounted_for(store: GraphStore, tables) -> None:
    seen: dict[str, int] = {}

    def progress(file: str, records: int) -> None:
        seen[file] = seen.get(file, 0) + records

    report = ingest(store, tables, progress=progress)
    files = {name: (f.read, f.kept, f.rejected, f.passed_over, f.records_rejected) for name, f in report.files.items()}
    assert files == {
        "users.csv": (3, 2, 1, 0, 0),
        "posts.csv": (4, 4, 0, 0, 2),  # an author who is not there, a tag given twice: the posts themselves are kept
        "likes.csv": (7, 3, 4, 0, 0),
    }
    assert (report.read, report.kept, report.rejected) == (14, 9, 5)
    assert report.reasons == {"duplicate": 3, "dangling key": 3, "bad date": 1}
    assert report.records == {"User": 2, "Post": 4, "POSTED": 2, "MENTIONS": 4, "LIKED": 3}
    counts = report.graph
    assert (counts.nodes["User"], counts.nodes["Post"], counts.nodes["Entity"]) == (2, 4, 2)
    assert {t: n for t, n in counts.relationships.items() if n} == {"POSTED": 2, "MENTIONS": 4, "LIKED": 2}
    assert seen["users.csv"] == 3
    assert report.rejected_file is not None
    with report.rejected_file.open(newline="", encoding="utf-8") as stream:
        rows = {(r["file"], int(r["line"]), r["reason"]): r for r in csv.DictReader(stream)}
    assert set(rows) == {
        ("users.csv", 4, "duplicate"), ("posts.csv", 3, "dangling key"), ("posts.csv", 5, "duplicate"),
        ("likes.csv", 5, "duplicate"), ("likes.csv", 6, "dangling key"), ("likes.csv", 7, "dangling key"),
        ("likes.csv", 8, "bad date"),
    }  # fmt: skip
    assert "LIKED from User 'u2' to Post 'p9'" in rows["likes.csv", 6, "dangling key"]["detail"]
    assert "User 'u1' was given before" in rows["users.csv", 4, "duplicate"]["detail"]


def test_loading_twice_gives_the_same_graph(store: GraphStore, tables) -> None:
    first = ingest(store, tables)
    version = store.version()
    relation = store.read_relation("LIKED")[0]
    second = ingest(store, tables)
    assert second == first
    assert store.version() == version
    again = store.read_relation("LIKED")[0]
    assert (again.at.tolist(), again.count.tolist()) == (relation.at.tolist(), relation.count.tolist())


def test_strict_leaves_the_store_as_it_was(store: GraphStore, tables) -> None:
    with pytest.raises(RejectedRowError, match=r"users\.csv, line 4: duplicate"):
        ingest(store, tables, strict=True)
    assert sum(store.counts().nodes.values()) == 0


def test_a_file_that_fails_late_leaves_the_store_as_it_was(store: GraphStore, tables) -> None:
    (tables.folder / "likes.csv").write_text("user,pst,at\nu1,p1,2024-05-01\n")
    with pytest.raises(ConfigError, match=r"likes\.csv has no column 'post': did you mean 'pst'"):
        ingest(store, tables)
    (tables.folder / "likes.csv").unlink()
    with pytest.raises(SourceError, match=r"likes\.csv is not there"):
        ingest(store, tables)
    assert sum(store.counts().nodes.values()) == 0


def test_the_rejected_file_is_of_the_last_load(store: GraphStore, tables, tmp_path: Path) -> None:
    place = tmp_path / "elsewhere" / "left-out.csv"
    assert ingest(store, tables, rejected=place).rejected_file == place
    (tables.folder / "users.csv").write_text("id,name\nu1,Ada\nu2,Ben\nu9,Cleo\n")
    (tables.folder / "posts.csv").write_text("id,author,title,tags\np1,u1,Peas,a\n")
    (tables.folder / "likes.csv").write_text("user,post,at\n")
    assert ingest(store, tables, rejected=place).rejected_file is None
    assert not place.exists()


def test_pairs_given_twice_are_duplicates(store: GraphStore, tmp_path: Path) -> None:
    (tmp_path / "train.txt").write_text("1 10 11 10\n2 10\n1 11 12\n3\n")
    (tmp_path / "test.txt").write_text("1 13 10\n")
    report = ingest(store, open_loader("pairs", tmp_path))
    assert (report.read, report.kept, report.reasons) == (8, 6, {"duplicate": 2})
    assert report.records == {"LIKED": 4, "HELD_OUT": 2}
    assert (report.graph.nodes["User"], report.graph.nodes["Post"]) == (3, 4)


class _Miscounting:
    """A loader that reads a row and says nothing more about it."""

    name = "miscounting"

    def chunks(self, rejects: Rejects) -> Iterator[Chunk]:
        rejects.read("lost.csv")
        yield from ()


def test_a_row_that_gets_lost_is_a_fault(store: GraphStore) -> None:
    with pytest.raises(StoreError, match=r"lost\.csv: read 1 rows, but kept 0 and rejected 0"):
        ingest(store, _Miscounting())


@pytest.mark.data
class _ManyFiles:
    """Small files of one kind, two of which have rows that cannot be used."""

    name = "many files"

    def chunks(self, rejects: Rejects) -> Iterator[Chunk]:
        yield make_nodes("User", "people", [1, 2], id=["u", "v"])
        yield make_nodes("Post", "posts", [1], id=["p"])
        rows = {"a": [("u", "p")], "b": [("v", "p"), ("u", "nobody"), ("u", "p")], "c": [("v", "q"), ("v", "p")]}
        for file, pairs in {"people": ["u", "v"], "posts": ["p"], **rows}.items():
            rejects.read(file, len(pairs))
        for file, likes in rows.items():
            sources, targets = zip(*likes, strict=True)
            lines = range(11, 11 + len(likes))
            yield make_relationships("LIKED", file, lines, source=sources, target=targets)


def test_small_chunks_are_written_together_and_each_file_accounted_for(
    store: GraphStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    writes: list[int] = []
    write = JournalChange.write_relationships

    def counted(self: JournalChange, type_: str, source: str, target: str, rows: pa.Table) -> Written:
        writes.append(rows.num_rows)
        return write(self, type_, source, target, rows)

    monkeypatch.setattr(JournalChange, "write_relationships", counted)
    report = ingest(store, _ManyFiles())
    assert writes == [6]
    assert {name: (f.read, f.kept, f.rejected) for name, f in report.files.items()} == {
        "people": (2, 2, 0), "posts": (1, 1, 0), "a": (1, 1, 0), "b": (3, 1, 2), "c": (2, 0, 2)
    }  # fmt: skip
    assert report.graph.relationships["LIKED"] == 2
    rows = csv.DictReader((store.workspace / "rejected.csv").open(encoding="utf-8"))
    assert [(r["file"], r["line"], r["reason"]) for r in rows] == [
        ("b", "12", "dangling key"), ("b", "13", "duplicate"), ("c", "11", "dangling key"), ("c", "12", "duplicate")
    ]  # fmt: skip


def test_rows_of_several_files_that_get_lost_are_a_fault(store: GraphStore, monkeypatch: pytest.MonkeyPatch) -> None:
    write = JournalChange.write_relationships

    def losing(self: JournalChange, type_: str, source: str, target: str, rows: pa.Table) -> Written:
        written = write(self, type_, source, target, rows)
        return replace(written, kept=written.kept - 1)

    monkeypatch.setattr(JournalChange, "write_relationships", losing)
    with pytest.raises(StoreError, match="a fault in graphfeed"):
        ingest(store, _ManyFiles())
    assert store.counts().nodes["User"] == 0


def test_real_dump(store: GraphStore, data_folder: Path) -> None:
    report = ingest(store, open_loader("stackexchange", data_folder / "stackexchange" / "quantumcomputing"))
    assert report.graph.nodes["User"] == 3461
    assert report.graph.nodes["Post"] == 612 + 1060 + 3413
    assert report.graph.nodes["Entity"] == 154
    # what dangles: bookmarks of four posts, and links to posts that were deleted or lie on another site
    assert report.reasons == {"dangling key": 26}
    assert (report.files["Votes.xml"].kept, report.files["Votes.xml"].rejected) == (706, 4)
    assert (report.files["PostLinks.xml"].kept, report.files["PostLinks.xml"].rejected) == (305, 22)


@pytest.mark.data
def test_cofacts_by_the_mapping_in_the_docs(store: GraphStore, data_folder: Path) -> None:
    config = Path(__file__).parents[2] / "docs" / "cofacts.toml"
    mapping = parse_mapping(tomllib.loads(config.read_text(encoding="utf-8")), config.name)
    report = ingest(store, open_loader("tables", data_folder / "cofacts", mapping=mapping))
    files = {name.partition(".")[0]: (f.read, f.kept, f.rejected, f.passed_over) for name, f in report.files.items()}
    assert files == {
        "replies": (18_916, 18_916, 0, 0),
        "article_replies": (20_071, 20_066, 5, 499),
        "reply_requests": (22_898, 22_898, 0, 7_580),
        "article_reply_feedbacks": (28_547, 28_099, 448, 0),
    }
    assert report.reasons == {"dangling key": 453}  # replies that are not in the data
    assert report.graph.nodes["Post"] == 18_916 + 19_298
    assert report.graph.nodes["Entity"] == 4
    assert store.read_nodes("Post", ["created_at"])["created_at"].null_count == 0


@pytest.mark.data
def test_gowalla(store: GraphStore, data_folder: Path) -> None:
    report = ingest(store, open_loader("pairs", data_folder / "gowalla"))
    assert report.records == {"LIKED": 810_128, "HELD_OUT": 217_242}
    assert (report.graph.nodes["User"], report.graph.nodes["Post"]) == (29_858, 40_981)
    assert report.read / report.seconds > 20_000  # 170,000 on two free cores

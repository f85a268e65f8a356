"""MIND: a small world in its format whose graph is known, and the same with faults."""

from __future__ import annotations

import json
import zipfile
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from graphfeed.errors import SourceError
from graphfeed.graph.ingest import ingest
from graphfeed.graph.store import open_store
from graphfeed.loaders import open_loader
from graphfeed.loaders.mind import MindLoader

MORNING = datetime(2019, 11, 15, 8, 55, 22)


def entity(id_: str, label: str, type_: str = "P", confidence: float = 1.0) -> dict[str, Any]:
    return {
        "Label": label, "Type": type_, "WikidataId": id_, "Confidence": confidence, "OccurrenceOffsets": [3],
        "SurfaceForms": [label],
    }  # fmt: skip


def news(id_: str, title: str, *entities: dict[str, Any], abstract: list[dict[str, Any]] | None = None) -> str:
    cells = (id_, "sports", "football", title, f"On {title}", f"https://n.example/{id_}")
    return "\t".join([*cells, json.dumps(list(entities)), json.dumps(abstract or [])])


def write(folder: Path, news_lines: list[str], behaviors: list[str]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "news.tsv").write_text("\n".join(news_lines) + "\n", encoding="utf-8")
    (folder / "behaviors.tsv").write_text("\n".join(line.replace("|", "\t") for line in behaviors) + "\n")
    return folder


NEWS = [
    news("N1", "Ada wins", entity("Q1", "Ada", confidence=0.8), abstract=[entity("Q1", "Ada", confidence=0.9)]),
    news("N2", "River rises", entity("Q2", "Pelm", "G")),
    news("N3", "A quiet day"),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(
        tmp_path / "mind",
        NEWS,
        [
            "1|U1|11/15/2019 8:55:22 AM|N3|N1-1 N2-0 N3-0",
            "2|U1|11/15/2019 8:55:22 PM|N3|N2-1 N1-0",
            "3|U2|11/16/2019 12:00:00 AM||N2-0",
        ],
    )


def views(reading: Any) -> set[tuple[str, str, datetime | None]]:
    return {(r["source"], r["target"], r["at"]) for r in reading.records["VIEWED"]}


def test_clean_world(folder: Path, read) -> None:
    reading = read(MindLoader(folder))
    assert reading.records["Post"][0] == {
        "id": "N1", "kind": "news", "title": "Ada wins", "text": "On Ada wins", "url": "https://n.example/N1",
        "platform": "msn", "created_at": None, "line": 1,
    }  # fmt: skip
    assert {(r["id"], r["name"], r["kind"]) for r in reading.records["Entity"]} == {
        ("category:sports", "sports", "category"), ("subcategory:football", "football", "subcategory"),
        ("Q1", "Ada", "person"), ("Q2", "Pelm", "place"),
    }  # fmt: skip
    mentions = {(r["source"], r["target"]): r["confidence"] for r in reading.records["MENTIONS"]}
    assert len(mentions) == 8
    assert (mentions["N1", "Q1"], mentions["N2", "category:sports"]) == (0.9, 1.0)
    evening = MORNING.replace(hour=20)
    assert views(reading) == {("U1", "N3", None), ("U1", "N1", MORNING), ("U1", "N2", evening)}
    assert reading.rejects.rows_passed_over == {
        "behaviors.tsv: shown only": 4, "behaviors.tsv: said before": 1,
    }  # fmt: skip
    assert reading.rejects.rows_read == {"news.tsv": 3, "behaviors.tsv": 3}
    assert not reading.rejects.reasons


def test_what_was_clicked_in_train_is_no_history_without_time_in_dev(tmp_path: Path, read) -> None:
    write(tmp_path / "M_train", NEWS, ["1|U1|11/15/2019 8:55:22 AM|N3|N1-1"])
    later = [*NEWS, news("N4", "New")]
    write(tmp_path / "M_dev", later, ["1|U1|11/17/2019 8:55:22 AM|N3 N1 N2|N4-1", "2|U9|11/17/2019 8:55:22 AM||N1 N4"])
    reading = read(MindLoader(tmp_path))
    assert views(reading) == {
        ("U1", "N3", None), ("U1", "N1", MORNING), ("U1", "N2", None), ("U1", "N4", datetime(2019, 11, 17, 8, 55, 22)),
    }  # fmt: skip
    assert [r["id"] for r in reading.records["Post"]] == ["N1", "N2", "N3", "N4"]
    assert reading.rejects.rows_passed_over == {
        "M_dev/news.tsv": 3, "M_dev/behaviors.tsv: said before": 2, "M_dev/behaviors.tsv: shown only": 2,
    }  # fmt: skip


def test_dirty_world(tmp_path: Path, read) -> None:
    lines = [
        *NEWS,
        "N5\tsports\tfootball\ttoo few",  # ragged
        "\tsports\tfootball\tno id\ta\tu\t[]\t[]",  # empty id
        "N6\tsports\tfootball\tbad list\ta\tu\t[{\t[]",  # its entities: a record beside
        "N7\tsports\tfootball\tbad confidence\ta\tu\t" + json.dumps([entity("Q9", "X", confidence=7)]) + "\t[]",
        news("N1", "again"),  # duplicate, found by the store
    ]
    folder = write(
        tmp_path / "mind",
        lines,
        [
            "1|U1|11/15/2019 8:55:22 AM|N3 N3|N1-1 N1-1 N2-7 -1",
            "2|U1|15.11.2019|N3|N1-1 N2-1 N3-0",  # two clicks without a time
            "3||11/15/2019 8:55:22 AM||N1-1",  # nobody
            "4|U2|11/15/2019 8:55:22 AM|N99|N98-1",  # news that are not there
            "5|U2",
        ],
    )
    (folder / "news.tsv").write_bytes((folder / "news.tsv").read_bytes() + b"N8\tx\ty\tcaf\xe9\ta\tu\t[]\t[]\n")
    reading = read(MindLoader(folder))
    assert reading.rejects.rows_rejected == {"news.tsv": 3, "behaviors.tsv": 6}
    assert reading.rejects.records_rejected == {"news.tsv": 2}
    assert reading.rejects.reasons == {
        "ragged line": 4, "empty id": 3, "bad number": 1, "bad date": 2, "wrong encoding": 1,
    }  # fmt: skip
    with open_store(tmp_path / "feed", create=True) as store:
        report = ingest(store, MindLoader(folder))
        assert (report.reasons["dangling key"], report.reasons["duplicate"]) == (2, 1)
        assert report.records["VIEWED"] == 2  # U1's N3 and N1
        again = ingest(store, MindLoader(folder))
        assert again.graph == report.graph
    assert report.read == report.kept + report.rejected


def test_a_zip_is_loaded_as_it_is(folder: Path, tmp_path: Path, read) -> None:
    with zipfile.ZipFile(tmp_path / "M.zip", "w") as packed:
        for file in folder.iterdir():
            packed.write(file, f"MINDsmall_train/{file.name}")
        packed.writestr("MINDsmall_train/entity_embedding.vec", "Q1\t0.1\n")
    reading = read(open_loader("mind", tmp_path / "M.zip"))
    assert len(reading.records["VIEWED"]) == 3
    data = (tmp_path / "M.zip").read_bytes()
    (tmp_path / "M.zip").write_bytes(data[: len(data) // 2])
    with pytest.raises(SourceError, match=r"M\.zip cannot be unpacked: .* fetch it again"):
        read(open_loader("mind", tmp_path / "M.zip"))


def test_what_is_no_folder_of_mind(tmp_path: Path, read) -> None:
    with pytest.raises(SourceError, match=r"has no behaviors\.tsv: expected a folder of MIND"):
        read(MindLoader(tmp_path))
    (tmp_path / "behaviors.tsv").write_text("x")
    with pytest.raises(SourceError, match=r"news\.tsv is not there"):
        read(MindLoader(tmp_path))

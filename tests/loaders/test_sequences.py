"""Sequences: a small world whose dates are known, the same with faults, and the real data."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from graphfeed.errors import ConfigError, RejectedRowError, SourceError
from graphfeed.loaders.sequences import SequencesLoader

END = datetime(2000, 1, 1)
DAY = timedelta(days=1)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "shop.txt"
    file.write_text("u1 a b c\nu2 b\nu3\n\nu4 c a c\n")
    return file


def acts(reading: Any) -> list[tuple[str, str, datetime]]:
    return [(r["source"], r["target"], r["at"]) for r in reading.records["LIKED"]]


def test_clean_world(file: Path, read) -> None:
    reading = read(SequencesLoader(file))
    assert acts(reading) == [
        ("u1", "a", END - 2 * DAY), ("u1", "b", END - DAY), ("u1", "c", END), ("u2", "b", END),
        ("u4", "c", END - 2 * DAY), ("u4", "a", END - DAY), ("u4", "c", END),
    ]  # fmt: skip
    assert {r["id"] for r in reading.records["implied User"]} == {"u1", "u2", "u3", "u4"}
    assert {r["id"] for r in reading.records["implied Post"]} == {"a", "b", "c"}
    assert reading.rejects.rows_read == {"shop.txt": 7}


def test_end_and_step(file: Path, read) -> None:
    reading = read(SequencesLoader(file, end="2024-05-01T14:00:00+02:00", step_days=0.5))
    noon = datetime(2024, 5, 1, 12)
    assert acts(reading)[:3] == [("u1", "a", noon - DAY), ("u1", "b", noon - DAY / 2), ("u1", "c", noon)]
    assert (
        read(SequencesLoader(file, end=datetime(2000, 1, 1, tzinfo=UTC).isoformat())).records
        == read(SequencesLoader(file)).records
    )
    for wrong in (0, -1, float("nan"), float("inf")):
        with pytest.raises(ConfigError, match="step_days takes a number of days above 0, found"):
            SequencesLoader(file, step_days=wrong)
    with pytest.raises(ConfigError, match="end takes an ISO 8601 date like 2000-01-01, found 'soon'"):
        SequencesLoader(file, end="soon")
    with pytest.raises(ConfigError, match=r"3 acts, 400000 days apart, do not lie between the year 1 and the end"):
        read(SequencesLoader(file, step_days=400_000))


def test_attributes_and_texts(file: Path, read, tmp_path: Path) -> None:
    attributes, text, sequences = (tmp_path / name for name in ("about.json", "words.txt", "other.txt"))
    attributes.write_text(json.dumps({"a": [1, 2], "b": ["soap"], "c": []}))
    text.write_text('B9 soap, "mild"\nA9\tcream for hands\nZ9 unseen\nC9\n')
    sequences.write_text("x1 A9 B9 C9\nx2 B9\nx3\n\nx4 C9 A9 C9\n")
    reading = read(SequencesLoader(file, attributes=attributes, text=text, text_sequences=sequences))
    assert {(r["source"], r["target"], r["confidence"]) for r in reading.records["MENTIONS"]} == {
        ("a", "1", 1.0), ("a", "2", 1.0), ("b", "soap", 1.0),
    }  # fmt: skip
    assert {(r["id"], r["kind"]) for r in reading.records["implied Entity"]} == {
        ("1", "attribute"), ("2", "attribute"), ("soap", "attribute"),
    }  # fmt: skip
    assert [(r["id"], r["text"]) for r in reading.records["Post"]] == [
        ("b", 'soap, "mild"'), ("a", "cream for hands"), ("c", None),
    ]  # fmt: skip
    assert reading.rejects.rows_passed_over == {"words.txt": 1}
    text.write_text("a cream\nnew balm\n")
    same_ids = read(SequencesLoader(file, text=text))
    assert [(r["id"], r["text"]) for r in same_ids.records["Post"]] == [("a", "cream"), ("new", "balm")]
    for content, sentence in (
        ("x1 A9 B9\n", r"other\.txt, line 1: expected 3 items as in that line of shop\.txt, found 2"),
        (
            "x1 A9 B9 C9\nx2 A9\nx3\n\nx4 C9 A9 C9\n",
            r"line 2: A9 stands where shop\.txt has b, and elsewhere for another",
        ),
        ("x1 A9 B9 C9\n", r"other\.txt, line 2: expected 1 items as in that line of shop\.txt, found 0"),
    ):
        sequences.write_text(content)
        with pytest.raises(SourceError, match=sentence):
            read(SequencesLoader(file, text=text, text_sequences=sequences))
    with pytest.raises(ConfigError, match="needs the texts"):
        SequencesLoader(file, text_sequences=sequences)


def test_dirty_world(file: Path, read, tmp_path: Path) -> None:
    file.write_bytes(b"\xef\xbb\xbfu1 a b\nu2 a \xff\nu1 c d\nu1\nu3 b " + b"9" * 4_001 + b"\n\xfe a\nu4 d")
    attributes = tmp_path / "about.json"
    attributes.write_text(json.dumps({"a": [1, None, {"b": 1}, True], "b": "soap", "": [1], "c": [" "]}))
    reading = read(SequencesLoader(file, attributes=attributes))
    assert acts(reading) == [("u1", "a", END - DAY), ("u1", "b", END), ("u4", "d", END)]
    assert [(r["source"], r["target"]) for r in reading.records["MENTIONS"]] == [("a", "1")]
    assert reading.rejects.rows_rejected == {"shop.txt": 8, "about.json": 6}
    assert reading.rejects.reasons == {
        "wrong encoding": 3, "duplicate": 3, "long id": 2, "ragged line": 4, "empty id": 2,
    }  # fmt: skip
    with pytest.raises(RejectedRowError, match=r"shop\.txt, line 2: wrong encoding: some of its bytes are not UTF-8"):
        read(SequencesLoader(file), strict=True)


def test_absent_empty_and_of_another_kind(file: Path, read, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"is a folder: expected a file of sequences; in it there is: shop\.txt"):
        read(SequencesLoader(tmp_path))
    attributes = tmp_path / "about.json"
    for content, sentence in (
        (b"", r"about\.json is empty"),
        (b"{", r"about\.json is not readable as JSON"),
        (b"\xff", r"about\.json is not readable as JSON"),
        (b"[1]", r"about\.json: expected an object of items and their attributes, found list"),
    ):
        attributes.write_bytes(content)
        with pytest.raises(SourceError, match=sentence):
            read(SequencesLoader(file, attributes=attributes))
    for content, sentence in (("", "is empty"), ("u1\nu2\n", "has no act: expected lines of a user id and item ids")):
        file.write_text(content)
        with pytest.raises(SourceError, match=rf"shop\.txt {sentence}"):
            read(SequencesLoader(file))
    with pytest.raises(SourceError, match=r"none\.txt is not there"):
        read(SequencesLoader(tmp_path / "none.txt"))


def test_chunks_come_as_the_file_is_read(file: Path, read) -> None:
    file.write_text("".join(f"u{user} {' '.join(map(str, range(100)))}\n" for user in range(1_100)))
    sizes = [chunk.rows.num_rows for chunk in read(SequencesLoader(file)).chunks if chunk.primary]
    assert sizes == [50_000, 50_000, 10_000]


@pytest.mark.data
def test_real_data(data_folder: Path, read: Callable[..., Any]) -> None:
    folder = data_folder / "amazon-beauty"
    loader = SequencesLoader(
        folder / "Beauty.txt",
        attributes=folder / "Beauty_item2attributes.json",
        text=folder / "item_generative_indexing_phase_0.txt",
        text_sequences=folder / "user_sequence.txt",
    )
    reading = read(loader)
    found = Counter({name: len(rows) for name, rows in reading.records.items() if not name.startswith("implied")})
    assert found == {"Post": 12_101, "LIKED": 198_502, "MENTIONS": 45_037}
    assert len({r["id"] for r in reading.records["implied User"]}) == 22_363
    assert len({r["id"] for r in reading.records["implied Entity"]}) == 637
    assert reading.rejects.reasons == {}
    posts = {r["id"]: r["text"] for r in reading.records["Post"]}
    assert posts.keys() == {r["id"] for r in reading.records["implied Post"]}
    assert sum(text is None for text in posts.values()) == 1
    last = Counter(at == END for _, _, at in acts(reading))
    assert last[True] == 22_363  # everybody's last act, and no other

"""Data frames: the same graph from pandas, Polars and Arrow, and what can be wrong with them."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import graphfeed
from graphfeed.errors import ConfigError
from graphfeed.loaders.frames import FramesLoader

NOON = datetime(2024, 5, 1, 12)
PEOPLE = {"id": ["ann", "ben"], "name": ["Ann", None]}
POSTS = {"id": [1, 2], "title": ["One", "Two"], "created_at": [NOON, None]}
TOPICS = {"id": ["t1"], "name": ["Bread"], "aliases": [["loaf", "rye"]]}
LIKED = {"source": ["ann", "ben", "cy"], "target": [1, 2, 1], "at": [NOON, NOON, NOON], "count": [1, 3, 2]}
USER = {"label": "User", "id": "id"}
FRAMES = {"User": PEOPLE, "Post": POSTS, "Entity": TOPICS, "LIKED": LIKED}
KINDS: dict[str, Any] = {
    "pandas": pd.DataFrame,
    "polars": pl.DataFrame,
    "lazy": pl.LazyFrame,
    "arrow": pa.table,
    "categories": lambda columns: pd.DataFrame(columns).astype({"id": "category"} if "name" in columns else {}),
}


@pytest.mark.parametrize("kind", KINDS)
def test_clean_world(read, kind: str) -> None:
    frames = {name: KINDS[kind](columns) for name, columns in FRAMES.items()}
    reading = read(FramesLoader(frames))
    assert [(r["id"], r["name"]) for r in reading.records["User"]] == [("ann", "Ann"), ("ben", None)]
    assert [(r["id"], r["created_at"]) for r in reading.records["Post"]] == [("1", NOON), ("2", None)]
    assert reading.records["Entity"][0]["aliases"] == ["loaf", "rye"]
    assert [(r["source"], r["target"], r["at"], r["count"]) for r in reading.records["LIKED"]] == [
        ("ann", "1", NOON, 1), ("ben", "2", NOON, 3), ("cy", "1", NOON, 2),
    ]  # fmt: skip
    assert not reading.rejects.reasons


def test_ends_that_no_frame_has_are_made(read) -> None:
    reading = read(FramesLoader({"LIKED": pd.DataFrame(LIKED)}))
    assert {r["id"] for r in reading.records["implied User"]} == {"ann", "ben", "cy"}
    assert {r["id"] for r in reading.records["implied Post"]} == {"1", "2"}


def test_a_mapping_of_ones_own_names(read) -> None:
    sales = pl.DataFrame({"buyer": ["a", "b", None], "item": [7, 8, 9], "day": ["2024-05-01", "no", "2024-05-02"]})
    entry = {"frame": "sales", "type": "LIKED", "source": {"column": "buyer", "create": True}, "at": "day"}
    entry["target"] = {"column": "item", "prefix": "i", "create": True}
    reading = read(FramesLoader({"sales": sales, "unused": sales}, {"relationships": [entry]}))
    assert [(r["source"], r["target"]) for r in reading.records["LIKED"]] == [("a", "i7")]
    assert reading.rejects.reasons == {"bad date": 1, "empty id": 1}
    assert reading.rejects.rows_read == {"sales": 3}


def test_mixed_values_and_broken_text(read) -> None:
    frame = pd.DataFrame({"id": [1, "two", 3.0, "x\ud800", None, float("nan")], "name": list("abcdef")})
    reading = read(FramesLoader({"User": frame}))
    assert [r["id"] for r in reading.records["User"]] == ["1", "two", "3"]
    assert reading.rejects.reasons == {"wrong encoding": 1, "empty id": 2}


def test_gaps_in_whole_numbers(read) -> None:
    """pandas makes 26 to 26.0 where a column has a gap."""
    reading = read(FramesLoader({"LIKED": pd.DataFrame({"source": [26, None, 27], "target": [1, 2, 3]})}))
    assert [r["source"] for r in reading.records["LIKED"]] == ["26", "27"]


@pytest.mark.parametrize(
    ("frames", "mapping", "sentence"),
    [
        ({}, None, "there is no data frame to load"),
        ({"Users": pd.DataFrame(PEOPLE)}, None, "the frame 'Users' is no label .*: did you mean 'User'"),
        (
            {"User": pd.DataFrame({"id": [1], "nmae": [2]})},
            None,
            "'nmae' that User has not: did you mean 'name'",
        ),
        ({"User": pd.DataFrame({"name": [2]})}, None, "User has no column 'id'"),
        ({"User": [1, 2]}, None, "the frame 'User' is list: expected a data frame of pandas or Polars"),
        (
            {"User": pd.DataFrame([[1, 2]], columns=["id", "id"])},
            None,
            "'User' cannot be read: Duplicate column",
        ),
        (
            {"a": pd.DataFrame(PEOPLE)},
            {"nodes": [{"frame": "b", "label": "User", "id": "id"}]},
            "there is no frame 'b'",
        ),
        ({"a": pd.DataFrame(PEOPLE)}, {"nodes": [{"file": "a", **USER}]}, "none .* has a 'frame'"),
        ({"a": pd.DataFrame(PEOPLE)}, {}, "the mapping has no"),
    ],
)
def test_what_cannot_be(frames: Any, mapping: Any, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        list(FramesLoader(frames, mapping).chunks(None))  # type: ignore[arg-type]


def test_from_python(tmp_path: Path) -> None:
    with graphfeed.open(tmp_path / "feed") as feed:
        report = feed.load_frames({name: pd.DataFrame(columns) for name, columns in FRAMES.items()})
        assert (report.read, report.kept, report.rejected) == (8, 7, 1)  # cy is no user
        again = feed.load_frames({name: pl.DataFrame(columns) for name, columns in FRAMES.items()})
        assert again.graph == report.graph
        assert report.graph.nodes["User"] == 2

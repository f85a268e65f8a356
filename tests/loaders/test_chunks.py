"""Chunks made of columns, and the collector let alone meanwhile."""

from __future__ import annotations

import gc

import numpy as np
import pyarrow as pa
import pytest

from graphfeed.loaders.chunks import make_implied, rarely_collected
from graphfeed.loaders.records import node_schema


def test_nodes_that_are_referred_to_often_are_there_once_as_where_they_came_first() -> None:
    found = make_implied(
        "Entity",
        "a.csv",
        np.array([4, 5, 6, 7]),
        id=pa.array(["x", "y", "x", "z"]),
        name=["X", "Y", "x", None],
        kind="tag",
    )
    assert found.implied
    assert not found.primary
    assert found.rows.schema == node_schema("Entity")
    rows = [(r["id"], r["name"], r["kind"], r["line"]) for r in found.rows.to_pylist()]
    assert rows == [("x", "X", "tag", 4), ("y", "Y", "tag", 5), ("z", None, "tag", 7)]
    each = make_implied("User", "a.csv", [1, 2], id=["a", "b"], platform=None)
    assert each.rows["id"].to_pylist() == ["a", "b"]
    assert each.rows["platform"].null_count == 2


def test_the_collector_is_as_before_after_a_load_that_failed() -> None:
    before = gc.get_threshold()

    def failing() -> None:
        with rarely_collected():
            assert gc.get_threshold()[0] > before[0]
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        failing()
    assert gc.get_threshold() == before

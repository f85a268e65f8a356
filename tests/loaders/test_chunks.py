"""Chunks joined into fewer ones, and the collector let alone meanwhile."""

from __future__ import annotations

import gc
from itertools import groupby

import pytest

from graphfeed.loaders.chunks import make_implied, make_nodes, make_relationships, merged, rarely_collected
from graphfeed.loaders.records import Chunk, Nodes


def _of_archive(number: int) -> list[Chunk]:
    """What one small archive gives: its user, a post, somebody whom both archives mention, and two likes."""
    file, me = f"archive-{number}/outbox.json", f"u{number}"
    return [
        make_nodes("User", file, [1], id=[me]),
        make_implied("User", file, [2, 3], id=["friend", me]),
        make_nodes("Post", file, [2], id=[f"p{number}"]),
        make_relationships("LIKED", file, [4], source=[me], target=["p0"]),
        make_relationships("LIKED", file, [5], source=["friend"], target=[f"p{number}"]),
    ]


def test_small_chunks_become_few_and_no_row_is_lost_or_leaves_its_file() -> None:
    chunks = [chunk for number in range(3) for chunk in _of_archive(number)]
    found = list(merged(chunks))
    likes = {c.file: c.rows["source"].to_pylist() for c in found if not isinstance(c, Nodes)}
    assert likes == {f"archive-{n}/outbox.json": [f"u{n}", "friend"] for n in range(3)}
    lines = {c.file: c.rows["line"].to_pylist() for c in found if not isinstance(c, Nodes)}
    assert lines == {f"archive-{n}/outbox.json": [4, 5] for n in range(3)}
    implied = [c for c in found if isinstance(c, Nodes) and c.implied]
    assert [c.rows["id"].to_pylist() for c in implied] == [["friend", "u0", "u1", "u2"]]
    assert sorted(c.rows["id"].to_pylist() for c in found if isinstance(c, Nodes) and not c.implied) == [
        ["p0"], ["p1"], ["p2"], ["u0"], ["u1"], ["u2"]
    ]  # fmt: skip


def test_nodes_come_before_what_refers_to_them_in_each_round() -> None:
    chunks = [chunk for number in range(40) for chunk in _of_archive(number)]
    known: set[str] = set()
    rounds = [is_nodes for is_nodes, _ in groupby(isinstance(c, Nodes) for c in merged(chunks, rows=20))]
    for chunk in merged(chunks, rows=20):
        if isinstance(chunk, Nodes):
            known.update(chunk.rows["id"].to_pylist())
        else:
            assert known.issuperset(chunk.rows["source"].to_pylist() + chunk.rows["target"].to_pylist())
    assert len(rounds) > 10, "rows are not held until the end"


def test_the_collector_is_as_before_after_a_load_that_failed() -> None:
    before = gc.get_threshold()

    def failing() -> None:
        with rarely_collected():
            assert gc.get_threshold()[0] > before[0]
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        failing()
    assert gc.get_threshold() == before

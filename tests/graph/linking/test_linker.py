"""Linking a small community whose right links can be read off, on both stores, and a real one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.face.test_injection import BREAKERS
from tests.neo4j_emptied import empty
from tests.other_shape import write_other_shape
from tests.store_rows import links, nodes

from graphfeed.errors import StoreError
from graphfeed.feed import Feed
from graphfeed.graph.linking.linker import link
from graphfeed.graph.linking.mark import inputs_word, links_are_there
from graphfeed.graph.linking.names import read_as
from graphfeed.graph.linking.settings import LinkSettings
from graphfeed.graph.store import GraphStore, open_store
from graphfeed.graph.tensors import read_graph

ENTITIES = {  # name, aliases, kind
    "oven": ("Dutch oven", ["iron casserole", "pot (iron)"], "tool"),
    "rye": ("Rye", None, "grain"),
    "planet": ("Mercury", ["Mercury planet"], "thing"),
    "metal": ("Mercury", ["quicksilver"], "thing"),
    "go": ("Go", None, "game"),
    "bread": ("Bread", [], "grain"),
    "nameless": (None, None, "grain"),
}
POSTS = {  # title, text
    "ovens": ("Two Dutch ovens", "The dutch oven or the dutch-oven?"),
    "once": (None, "I own an iron casserole."),
    "tagged": ("Rye at home", "Rye"),  # the data says so itself
    "sky": ("Seen at dusk", "Mercury is low."),
    "lab": ("Spilt", "Mercury rolled away."),
    "either": ("Hm", "Mercury, of which kind?"),
    "said": ("Spilt again", "Mercury, as the tag says"),
    "board": ("Joseki", "Go is deep"),
    "away": ("Holidays", "We go there"),
    "empty": (None, None),
}
FILLERS = [f"filler {i}" for i in range(30)]
STATED = {("tagged", "rye"), ("said", "metal")}
CERTAIN = {("ovens", "oven"): 0.898, ("once", "oven"): 0.4}
"""Without vectors: 1 - (1 - .8)(1 - .4)(1 - .15), and one name of two words in a text."""


@pytest.fixture(params=["embedded", "neo4j"])
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GraphStore]:
    """The community, on each store."""
    location = str(tmp_path / "feed")
    if request.param == "neo4j":
        server = request.getfixturevalue("neo4j_server")
        monkeypatch.setenv("NEO4J_USERNAME", server.username)
        monkeypatch.setenv("NEO4J_PASSWORD", server.password)
        monkeypatch.setenv("GRAPHFEED_WORKSPACE", str(tmp_path / "workspace"))
        location = empty(server)
    with open_store(location, create=True) as opened:
        with opened.change("test") as change:
            columns = dict(zip(("name", "aliases", "kind"), zip(*ENTITIES.values(), strict=True), strict=True))
            change.write_nodes("Entity", nodes("Entity", list(ENTITIES), **columns))
            posts = {**POSTS, **{id_: (None, f"Of bread, {id_}") for id_ in FILLERS}}
            title, text = zip(*posts.values(), strict=True)
            change.write_nodes(
                "Post", nodes("Post", list(posts), title=title, text=text, created_at=range(1, len(posts) + 1))
            )
            change.write_relationships("MENTIONS", "Post", "Entity", links("MENTIONS", sorted(STATED)))
        yield opened


def embed(store: GraphStore) -> None:
    """Vectors by which sky is the planet's, lab the metal's, and board about the game."""
    axes = {"planet": 0, "metal": 1, "go": 2, "sky": 0, "lab": 1, "said": 0, "board": 2}
    vectors = {}
    for label in ("Post", "Entity"):
        ids = store.node_ids(label).to_pylist()
        vectors[label] = np.array([np.eye(3)[axes[id_]] if id_ in axes else np.ones(3) for id_ in ids], np.float32)
    with store.change("embed") as change:
        for label, values in vectors.items():
            change.write_vectors(label, "text_vector", values)


def mentions(store: GraphStore) -> dict[tuple[str, str], tuple[float | None, str | None]]:
    """All MENTIONS by ids: confidence and said_by."""
    (relation,) = store.read_relation("MENTIONS")
    ids = {label: store.node_ids(label).to_pylist() for label in ("Post", "Entity")}
    said = zip(*(relation.properties[c].to_pylist() for c in ("confidence", "said_by")), strict=True)
    ends = zip(relation.source.tolist(), relation.target.tolist(), strict=True)
    return {(ids["Post"][s], ids["Entity"][t]): what for (s, t), what in zip(ends, said, strict=True)}


def found(rows: list[dict[str, Any]]) -> dict[tuple[str, str], float]:
    return {(row["source"], row["target"]): row["confidence"] for row in rows}


def test_what_is_certain_is_linked_without_vectors(store: GraphStore) -> None:
    report = link(store)
    assert found(report.links.to_pylist()) == pytest.approx(CERTAIN, abs=1e-3)
    assert mentions(store) == {
        **dict.fromkeys(STATED, (None, None)),
        **{pair: (pytest.approx(value, abs=1e-3), "linker") for pair, value in CERTAIN.items()},
    }
    assert (report.texts, report.posts, report.new, report.stated, report.weak) == (39, 2, 2, 1, 0)
    assert (report.stale, report.vectors, report.written) == (0, False, True)
    assert report.top == (("oven", "Dutch oven", 2),)
    hard = {name.name: (name.texts, name.why, name.linked, name.left_out) for name in report.hard}
    assert hard == {
        "Bread": (30, "in 77% of the texts", {}, 30),
        "Mercury": (4, "shared", {}, 4),
        "Go": (2, "a common word", {}, 2),
    }
    assert {(e.post, e.entity, e.match) for e in report.examples} == {
        ("ovens", "oven", "Dutch ovens"),
        ("once", "oven", "iron casserole"),
    }


def test_vectors_decide_what_a_name_does_not_tell(store: GraphStore) -> None:
    embed(store)
    report = link(store)
    pairs = set(found(report.links.to_pylist()))
    assert pairs == {("ovens", "oven"), ("sky", "planet"), ("lab", "metal"), ("board", "go")}
    assert (report.vectors, report.weak) == (True, 1)  # ``once`` lies no closer to the oven than any text
    hard = {name.name: name.linked for name in report.hard}
    assert hard == {"Bread": {}, "Mercury": {"planet": 1, "metal": 1}, "Go": {"go": 1}}
    # What the data says of a post settles the name, whatever the vectors say.
    assert mentions(store)["said", "metal"] == (None, None)
    assert ("said", "planet") not in mentions(store)
    again = link(store, LinkSettings(vectors=False))
    assert (again.new, again.stale, set(found(again.links.to_pylist()))) == (1, 3, set(CERTAIN))


def test_again_writes_nothing_and_more_texts_only_what_is_new(store: GraphStore) -> None:
    assert not links_are_there(store)
    link(store)
    before, version, word = mentions(store), store.version(), inputs_word(store)
    assert link(store).new == 0
    assert (mentions(store), store.version(), inputs_word(store)) == (before, version, word)
    assert links_are_there(store)
    with store.change("more") as change:
        change.write_nodes("Post", nodes("Post", ["late", "once"], title=["Quicksilver", None], text=[None, "sold it"]))
    assert inputs_word(store) != word
    report = link(store)
    assert (report.new, report.stale) == (1, 1)  # that of ``once`` stays, and is told
    assert mentions(store) == {**before, ("late", "metal"): (0.6, "linker")}
    assert links_are_there(store)


def test_a_dry_run_writes_nothing(store: GraphStore) -> None:
    version = store.version()
    report = link(store, dry_run=True)
    assert (report.new, report.written, store.version()) == (2, False, version)
    assert set(mentions(store)) == STATED


def test_settings(store: GraphStore) -> None:
    assert set(found(link(store, LinkSettings(min_confidence=0.5), dry_run=True).links.to_pylist())) == {
        ("ovens", "oven")
    }
    grains = link(store, LinkSettings(kinds=("grain",), max_share=1), dry_run=True)
    assert grains.names == 2
    assert set(found(grains.links.to_pylist())) == {(post, "bread") for post in FILLERS}
    nothing = link(store, LinkSettings(kinds=("no such",)))
    assert (nothing.names, nothing.links.num_rows, nothing.examples, nothing.top) == (0, 0, (), ())


def test_a_link_is_there_from_when_the_post_is(store: GraphStore) -> None:
    link(store)
    graph = read_graph(store)
    edges = graph.data["Post", "MENTIONS", "Entity"]
    posts = graph.ids["Post"].take(edges.edge_index[0].numpy()).to_pylist()
    times = dict(zip(POSTS, range(1, len(POSTS) + 1), strict=True))
    linked = ("ovens", "once", "tagged", "said")
    assert dict(zip(posts, edges.time.tolist(), strict=True)) == {post: times[post] for post in linked}
    evidence = dict(zip(posts, edges.evidence.tolist(), strict=True))
    assert evidence["once"] == pytest.approx(-np.log(0.6), rel=1e-4)
    assert evidence["tagged"] == pytest.approx(-np.log(0.01), rel=1e-3)


def test_names_that_would_break_a_query(store: GraphStore) -> None:
    with store.change("breakers") as change:
        change.write_nodes("Entity", nodes("Entity", BREAKERS, name=BREAKERS))
        change.write_nodes("Post", nodes("Post", BREAKERS, title=BREAKERS, text=["'" * 1_000_000] * len(BREAKERS)))
    report = link(store)
    told = {pair for pair in found(report.links.to_pylist()) if pair[0] in BREAKERS}
    readable = {b for b in BREAKERS if sum(map(str.isalnum, read_as(b))) > 1}
    assert len(readable) > 10
    assert told >= {(b, b) for b in readable if [read_as(x) for x in BREAKERS].count(read_as(b)) == 1}
    assert set(mentions(store)) == STATED | set(found(report.links.to_pylist()))


def test_an_empty_graph_is_no_error(tmp_path: Path) -> None:
    with open_store(tmp_path / "feed", create=True) as store:
        report = link(store)
    assert (report.texts, report.names, report.links.num_rows) == (0, 0, 0)


def test_a_graph_in_place_is_only_looked_at(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.graph.test_mapped_store import mapping

    server = request.getfixturevalue("neo4j_server")
    monkeypatch.setenv("NEO4J_USERNAME", server.username)
    monkeypatch.setenv("NEO4J_PASSWORD", server.password)
    monkeypatch.setenv("GRAPHFEED_WORKSPACE", str(tmp_path))
    empty(server)
    write_other_shape(server)
    with open_store(server.uri, mapping=mapping()) as store:
        before = store.counts()
        with pytest.raises(StoreError, match=r"used in place.*--dry-run"):
            link(store)
        report = link(store, dry_run=True)
        assert (report.stated, report.links.num_rows) == (1, 0)  # “Rye at home” is tagged so
        assert store.counts() == before
    empty(server)


@pytest.mark.data
def test_a_real_community(data_folder: Path, tmp_path: Path) -> None:
    with Feed(tmp_path / "feed") as feed:
        feed.load("stackexchange", data_folder / "stackexchange" / "quantumcomputing")
        report = feed.link()
        assert (report.names, report.texts) == (154, 5085)
        assert 3_500 < report.links.num_rows < 5_000
        rows = feed.store.read_nodes("Post", ["id", "title", "text"]).to_pylist()
        texts = {row["id"]: f"{row['title']}\n{row['text']}".lower() for row in rows}
        shor = [row["source"] for row in report.links.to_pylist() if row["target"] == "shors-algorithm"]
        assert len(shor) > 50
        assert all("shor" in texts[post] and "algorithm" in texts[post] for post in shor)
        assert feed.link().new == 0

"""Exports: a file or folder reads back equal, whatever is in it; what is no export is refused in one sentence."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree
from tests.graph.exchange_world import IDS, fill, predictions_of, state_of
from tests.store_rows import links, nodes
from torch_geometric.data import HeteroData

from graphfeed.errors import ConfigError, GraphfeedError, SourceError, StoreError, StoreFormatError
from graphfeed.graph.exchange import parquet
from graphfeed.graph.exchange.contents import contents_of
from graphfeed.graph.exchange.export import export, format_of, lost_on_import, open_export
from graphfeed.graph.exchange.files import write_graphml, write_json
from graphfeed.graph.exchange.frames import to_pandas
from graphfeed.graph.exchange.manifest import MANIFEST
from graphfeed.graph.exchange.networkx_graph import NetworkxScan, to_networkx
from graphfeed.graph.exchange.transfer import transfer
from graphfeed.graph.row_hashes import Digest, row_hashes, vectors_word
from graphfeed.graph.store import GraphStore, open_store
from graphfeed.graph.tensors import read_graph
from graphfeed.loaders.records import NODE_TYPES, RELATIONSHIP_TYPES


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GraphStore]:
    with open_store(tmp_path_factory.mktemp("exchange") / "full", create=True) as store:
        fill(store)
        yield store


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[GraphStore]:
    with open_store(tmp_path / "empty", create=True) as store:
        yield store


# Parquet


def test_a_parquet_folder_makes_the_same_store(full: GraphStore, empty: GraphStore, tmp_path: Path) -> None:
    report = export(full, tmp_path / "out", "parquet")
    assert report.rows["nodes/Post.parquet"] == 11
    assert report.rows["predictions/RECOMMENDED.parquet"] == 6
    transferred = transfer(open_export(tmp_path / "out"), empty, what="import")
    assert state_of(empty) == state_of(full)
    assert transferred.checksum == contents_of(full.scan()).word
    frame = pd.read_parquet(tmp_path / "out" / "nodes" / "User.parquet")
    assert frame["id"].tolist() == IDS
    assert not (tmp_path / "out.writing").exists()


def test_a_parquet_folder_without_what_is_not_wanted(full: GraphStore, empty: GraphStore, tmp_path: Path) -> None:
    export(full, tmp_path / "out", "parquet", vectors=False, predictions=False)
    assert {file.name for file in (tmp_path / "out").iterdir()} == {MANIFEST, "nodes", "relationships"}
    transfer(open_export(tmp_path / "out"), empty)
    assert empty.generations() == []
    assert contents_of(empty.scan()) == contents_of(full.scan())


def broken_folder(folder: Path, how: str) -> None:
    manifest = folder / MANIFEST
    content = json.loads(manifest.read_text())
    file = folder / "nodes" / "User.parquet"
    rows = pq.read_table(file)
    if how == "truncated":
        file.write_bytes(file.read_bytes()[:-20])
    elif how == "changed":
        pq.write_table(rows.set_column(1, "name", pa.array(["other"] * 10)), file)
    elif how == "fewer":
        pq.write_table(rows.slice(1), file)
    elif how == "twice":
        pq.write_table(pa.concat_tables([rows, rows]), file)
    elif how == "column":
        pq.write_table(rows.append_column("secret", pa.array(["x"] * 10)), file)
    elif how == "missing":
        file.unlink()
    elif how == "newer":
        manifest.write_text(json.dumps({**content, "format": 99}))
    elif how == "elsewhere":
        content["files"]["../../etc/passwd"] = {"rows": 1, "checksum": ""}
        manifest.write_text(json.dumps(content))
    elif how == "words":
        manifest.write_text("not JSON")
    elif how == "other":
        manifest.write_text('{"graphfeed": "something", "format": 1}')
    elif how == "damaged":
        manifest.write_text(json.dumps({**content, "generations": [{"id": "g"}]}))
    else:
        manifest.unlink()


@pytest.mark.parametrize(
    ("how", "kind", "message"),
    [
        ("truncated", SourceError, "User.parquet cannot be read as Parquet"),
        (
            "changed",
            SourceError,
            "User.parquet is not as it was exported: 10 rows found, 10 written, with other content",
        ),
        ("fewer", SourceError, "9 rows found, 10 written"),
        ("twice", SourceError, "User of 'a' was there before"),
        ("column", SourceError, r"does not know: \['secret'\]"),
        ("missing", SourceError, "nodes/User.parquet is missing"),
        ("newer", StoreFormatError, "by a newer graphfeed .format 99"),
        ("elsewhere", SourceError, "names a file that no export has"),
        ("words", SourceError, "is not the manifest"),
        ("other", SourceError, "it names 'something'"),
        ("damaged", SourceError, "is damaged"),
        ("no manifest", SourceError, "is not an export: it has no manifest.json"),
    ],
)
def test_a_folder_that_is_no_whole_export_is_refused(
    full: GraphStore, empty: GraphStore, tmp_path: Path, how: str, kind: type[GraphfeedError], message: str
) -> None:
    export(full, tmp_path / "out", "parquet")
    broken_folder(tmp_path / "out", how)
    with pytest.raises(kind, match=message):
        transfer(open_export(tmp_path / "out"), empty)
    assert sum(empty.counts().nodes.values()) == 0


def test_a_column_of_a_later_schema_is_null(full: GraphStore, empty: GraphStore, tmp_path: Path) -> None:
    """An export that was made before a property was known: its column is not there, its checksum stays."""
    with open_store(tmp_path / "plain", create=True) as plain:
        with plain.change("load") as change:
            change.write_nodes("User", nodes("User", ["a", "b"], name=["A", None]))
        export(plain, tmp_path / "out", "parquet")
        file = tmp_path / "out" / "nodes" / "User.parquet"
        pq.write_table(pq.read_table(file).drop_columns(["account"]), file)
        transfer(open_export(tmp_path / "out"), empty)
        assert contents_of(empty.scan()) == contents_of(plain.scan())


# One file


@pytest.mark.parametrize("name", ["graph.json", "graph.graphml"])
def test_a_file_reads_back_equal(full: GraphStore, tmp_path: Path, name: str) -> None:
    report = export(full, tmp_path / name, format_of(tmp_path / name, None))
    scan = open_export(tmp_path / name)
    assert lost_on_import(scan) == tuple(
        f"3 × predictions ({t})" for t in ("RECOMMENDED", "MAY_KNOW", "MAY_LIKE", "SIMILAR_TO")
    )
    there, wanted = contents_of(scan), contents_of(full.scan())
    assert there.relationship_counts == wanted.relationship_counts
    if name.endswith(".json"):
        assert there == wanted
        assert report.left_out == ("vectors, the former generation and the trained model",)
    else:  # an empty text is none
        for label in NODE_TYPES:
            rows = [row for table in full.scan().nodes(label) for row in table.to_pylist()]
            read = [row for table in scan.nodes(label) for row in table.to_pylist()]
            assert read == [{k: None if v == "" else v for k, v in row.items()} for row in rows]
        assert "empty texts" in report.left_out[1]


def test_graphml_says_what_it_cannot_hold(tmp_path: Path) -> None:
    with open_store(tmp_path / "feed", create=True) as store:
        with store.change("load") as change:
            change.write_nodes("User", nodes("User", ["a"], name=["bell\x07"], about=["form\x0cfeed"]))
        report = export(store, tmp_path / "a.graphml", "graphml")
        assert "2 texts with control characters, which became U+FFFD" in report.left_out
        (rows,) = open_export(tmp_path / "a.graphml").nodes("User")
        assert rows["name"].to_pylist() == ["bell\ufffd"]
        with store.change("load") as change:
            change.write_nodes("User", nodes("User", ["b\x01"]))
        with pytest.raises(SourceError, match="export as parquet"):
            export(store, tmp_path / "b.graphml", "graphml")
        assert sorted(f.name for f in tmp_path.iterdir()) == ["a.graphml", "feed"]


def test_graphml_is_read_by_others(full: GraphStore, tmp_path: Path) -> None:
    export(full, tmp_path / "a.graphml", "graphml", predictions=False)
    tree = etree.parse(tmp_path / "a.graphml")
    names = {"g": "http://graphml.graphdrawing.org/xmlns"}
    ids = tree.xpath("//g:edge/@id", namespaces=names)
    assert len(ids) == len(set(ids)) == sum(contents_of(full.scan()).relationship_counts.values())
    assert len(tree.xpath("//g:node", namespaces=names)) == 31


FOREIGN = {
    "no label": {"nodes": [{"id": "User:a"}]},
    "label": {"nodes": [{"id": "Robot:a", "label": "Robot"}]},
    "number": {"nodes": [{"id": 7, "label": "User"}]},
    "type": {"nodes": [{"id": "User:a", "label": "User"}], "edges": [["User:a", "User:a", {"type": "KICKED"}]]},
    "ends": {"nodes": [{"id": "User:a", "label": "User"}], "edges": [["User:a", "User:a", {"type": "LIKED"}]]},
    "twice": {"nodes": [{"id": "User:a", "label": "User"}, {"id": "User:a", "label": "User"}]},
    "time": {"nodes": [{"id": "User:a", "label": "User", "created_at": "yesterday"}]},
    "text": {"nodes": [{"id": "User:a", "label": "User", "name": 7}]},
    "list": {"nodes": [{"id": "Entity:a", "label": "Entity", "aliases": 7}]},
    "dangling": {"nodes": [{"id": "User:a", "label": "User"}], "edges": [["User:a", "User:b", {"type": "FOLLOWS"}]]},
}


@pytest.mark.parametrize(
    ("what", "format_"), [(w, f) for w in FOREIGN for f in ("json", "graphml") if (w, f) != ("twice", "graphml")]
)
def test_a_foreign_graph_is_refused(empty: GraphStore, tmp_path: Path, what: str, format_: str) -> None:
    path = tmp_path / f"foreign.{format_}"
    content = FOREIGN[what]
    edges = [{"source": s, "target": t, "key": 0, **d} for s, t, d in content.get("edges", [])]
    whole = {"directed": True, "multigraph": True, "graph": {}, "nodes": content["nodes"], "edges": edges}
    path.write_text(json.dumps(whole), encoding="utf-8")
    if format_ == "graphml":
        graph = nx.node_link_graph(whole, edges="edges")
        nx.write_graphml(graph, path)
        if what == "dangling":
            text = path.read_text()
            path.write_text(text.replace('<node id="User:b" />', "").replace('<node id="User:b"/>', ""))
    with pytest.raises(SourceError) as caught:
        transfer(open_export(path), empty)
    assert str(path) in str(caught.value)
    assert sum(empty.counts().nodes.values()) == 0


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.json", "{", "is not node-link JSON"),
        ("a.json", "[1, 2]", "is not node-link JSON"),
        ("a.json", '{"nodes": 5}', "is not node-link JSON"),
        ("a.graphml", "<graphml", "is not GraphML"),
        ("a.graphml", "<html/>", "is not GraphML"),
        ("a.pt", "x", "cannot come back as a graph"),
        ("a.csv", "id", "graphfeed load tables"),
    ],
)
def test_what_is_no_export_is_refused(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(SourceError, match=message):
        open_export(tmp_path / name)
    with pytest.raises(SourceError, match="there is no"):
        open_export(tmp_path / "nothing")


def test_a_repeated_node_of_graphml_is_refused(full: GraphStore, tmp_path: Path) -> None:
    export(full, tmp_path / "a.graphml", "graphml")
    text = (tmp_path / "a.graphml").read_text(encoding="utf-8")
    (tmp_path / "b.graphml").write_text(text.replace('<node id="User:ü 🦉">', '<node id="User:a">'), encoding="utf-8")
    with pytest.raises(SourceError, match="has the node 'User:a' 2 times"):
        open_export(tmp_path / "b.graphml")


# Any graph


any_words = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
xml_words = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Cn"], include_characters="\t\r\n"), min_size=1, max_size=8
)
VALUES: dict[pa.DataType, st.SearchStrategy[Any]] = {
    pa.timestamp("us"): st.datetimes(),
    pa.int64(): st.integers(1, 2**40),
    pa.float64(): st.floats(allow_nan=False, allow_infinity=False),
    pa.bool_(): st.booleans(),
}


def properties(draw: st.DrawFn, types: dict[str, pa.DataType], words: st.SearchStrategy[str]) -> dict[str, Any]:
    values = {**VALUES, pa.string(): words, pa.list_(pa.string()): st.lists(words, max_size=3)}
    found = {name: draw(st.none() | values[kind]) for name, kind in types.items()}
    return {name: value for name, value in found.items() if value is not None}


@st.composite
def graphs(draw: st.DrawFn, words: st.SearchStrategy[str] = any_words) -> Any:
    graph = nx.MultiDiGraph()
    ids: dict[str, list[str]] = {}
    for label, definition in NODE_TYPES.items():
        ids[label] = draw(st.lists(words.filter(bool), min_size=1, max_size=4, unique=True))
        for id_ in ids[label]:
            graph.add_node(f"{label}:{id_}", label=label, **properties(draw, definition.properties, words))
    for type_ in draw(st.lists(st.sampled_from(list(RELATIONSHIP_TYPES)), max_size=4, unique=True)):
        (source, target), *_ = RELATIONSHIP_TYPES[type_].pairs
        ends = st.tuples(st.sampled_from(ids[source]), st.sampled_from(ids[target]))
        for position, (s, t) in enumerate(draw(st.lists(ends, max_size=4, unique=True))):
            row = properties(draw, RELATIONSHIP_TYPES[type_].properties, words)
            graph.add_edge(f"{source}:{s}", f"{target}:{t}", type_, type=type_, position=position, **row)
    return graph


@given(graph=graphs())
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_graph_reads_back_equal(graph: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    scan = NetworkxScan(graph, "a graph")
    wanted, folder = contents_of(scan), tmp_path_factory.mktemp("any")
    parquet.write_parquet(scan, folder / "out")
    assert contents_of(open_export(folder / "out")) == wanted
    write_json(to_networkx(scan), folder / "a.json")
    assert contents_of(open_export(folder / "a.json")) == wanted


@given(graph=graphs(xml_words))
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_graph_of_words_reads_back_equal_as_graphml(graph: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    wanted, folder = contents_of(NetworkxScan(graph, "a graph")), tmp_path_factory.mktemp("any")
    assert not write_graphml(graph, folder / "a.graphml")
    assert contents_of(open_export(folder / "a.graphml")) == wanted


@given(graph=graphs())
@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_graph_goes_through_a_store(graph: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    scan = NetworkxScan(graph, "a graph")
    with open_store(tmp_path_factory.mktemp("any") / "feed", create=True) as store:
        transfer(scan, store)
        assert contents_of(store.scan()) == contents_of(scan)


# Other libraries


def test_networkx(full: GraphStore) -> None:
    graph = to_networkx(full.scan(), predictions=True)
    assert graph.nodes["User:it's"]["label"] == "User"
    assert graph.nodes["User:a"]["created_at"] == datetime(1970, 1, 1)
    assert "name" in graph.nodes["User:a"]
    assert graph["User:a"]["Post:ü 🦉"]["VIEWED"]["count"] == 10
    assert set(graph["Entity:a"]["Entity:ü 🦉"]) == {"RELATED_TO:0", "RELATED_TO:second", "RELATED_TO:third's"}
    assert graph["User:a"]["Post:it's"]["RECOMMENDED"]["rank"] == 1  # of the active generation
    assert not graph.has_edge("User:a", "Post:ü 🦉", "RECOMMENDED")
    assert graph.number_of_edges() == sum(contents_of(full.scan()).relationship_counts.values()) + 12
    assert nx.number_weakly_connected_components(graph) >= 1


def test_pandas(full: GraphStore) -> None:
    frames = to_pandas(full.scan())
    assert frames["User"]["id"].tolist() == IDS
    assert frames["User"]["created_at"].dtype == np.dtype("datetime64[us]")
    assert frames["User"]["created_at"].iloc[1] == pd.Timestamp(-1, unit="us")
    assert frames["User"]["created_at"].iloc[5].year == 1
    assert len(frames["VIEWED"]) == 11
    assert "events" not in frames["LIKED"]
    assert frames["RECOMMENDED"]["generation"].unique().tolist() == ["g'2"]
    assert list(to_pandas(full.scan(), ["LIKED"])) == ["LIKED"]
    with pytest.raises(ConfigError, match="did you mean 'LIKED'"):
        to_pandas(full.scan(), ["LIKD"])


def test_pyg(full: GraphStore, tmp_path: Path) -> None:
    report = export(full, tmp_path / "graph.pt", "pyg")
    data = HeteroData.from_dict(torch.load(tmp_path / "graph.pt", weights_only=True))
    wanted = read_graph(full)
    assert data.validate()
    for store in wanted.data.stores:
        for name, value in store.items():
            if isinstance(value, torch.Tensor):
                assert torch.equal(data[store._key][name], value), (store._key, name)
    assert torch.equal(data.held_out["test"], wanted.held_out["test"])
    ids = json.loads((tmp_path / "graph.ids.json").read_text(encoding="utf-8"))
    assert ids == {label: names.to_pylist() for label, names in wanted.ids.items()}
    assert report.paths == (str(tmp_path / "graph.pt"), str(tmp_path / "graph.ids.json"))


def test_projector(full: GraphStore, empty: GraphStore, tmp_path: Path) -> None:
    report = export(full, tmp_path / "logs", "projector")
    assert report.rows == {"text_vector": 28, "graph_vector": 11, "nodes without a vector": 3}
    for name, rows, width in (("text_vector", 28, 5), ("graph_vector", 11, 3)):
        matrix = np.loadtxt(tmp_path / "logs" / f"{name}.tsv", delimiter="\t", ndmin=2)
        lines = (tmp_path / "logs" / f"{name}.metadata.tsv").read_text(encoding="utf-8").split("\n")[1:-1]
        assert matrix.shape == (rows, width)
        assert len(lines) == rows
        assert {line.count("\t") for line in lines} == {3}
    vectors = full.read_vectors("User", "text_vector")
    assert vectors is not None
    np.testing.assert_allclose(
        np.loadtxt(tmp_path / "logs" / "text_vector.tsv", delimiter="\t")[0], vectors[0], rtol=1e-6
    )
    config = (tmp_path / "logs" / "projector_config.pbtxt").read_text()
    assert 'tensor_path: "text_vector.tsv"' in config
    with pytest.raises(StoreError, match="graphfeed embed"):
        export(empty, tmp_path / "none", "projector")
    assert not (tmp_path / "none").exists()


# Where it goes


def test_an_export_that_is_there_is_replaced_only_by_force(full: GraphStore, tmp_path: Path) -> None:
    for name in ("out", "a.json", "a.pt"):
        path = tmp_path / name
        export(full, path, format_of(path, None))
        before = sorted(tmp_path.rglob("*"))
        with pytest.raises(ConfigError, match="is there already: --force replaces it"):
            export(full, path, format_of(path, None))
        assert sorted(tmp_path.rglob("*")) == before
        export(full, path, format_of(path, None), force=True)
        assert sorted(tmp_path.rglob("*")) == before
    assert open_export(tmp_path / "out").generations()


def test_other_things_are_never_replaced(full: GraphStore, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").write_text("cat")
    for format_ in ("parquet", "projector"):
        with pytest.raises(ConfigError, match="other things than an export"):
            export(full, tmp_path / "photos", format_of(tmp_path, format_), force=True)
    with pytest.raises(ConfigError, match="is a file, and this format is a folder"):
        export(full, tmp_path / "photos" / "cat.jpg", "parquet", force=True)
    with pytest.raises(ConfigError, match="is a folder, and this format is one file"):
        export(full, tmp_path / "photos", "json", force=True)
    assert (tmp_path / "photos" / "cat.jpg").read_text() == "cat"
    with pytest.raises(ConfigError, match="--format is one of"):
        format_of(tmp_path, "xlsx")


def test_a_full_disk_leaves_nothing(full: GraphStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_space(*_: object, **__: object) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(pq.ParquetWriter, "write_table", no_space)
    monkeypatch.setattr(json, "dump", no_space)
    monkeypatch.setattr(torch, "save", no_space)
    for format_ in ("parquet", "json", "pyg"):
        with pytest.raises(ConfigError, match="the disk is full; nothing of it was left behind"):
            export(full, tmp_path / "out.pt", format_of(tmp_path, format_))
    assert list(tmp_path.iterdir()) == []


# Hashes


def test_hashes_do_not_depend_on_chunks_but_on_all_else() -> None:
    rows = links("VIEWED", [("a", "p"), ("b", "p"), ("a", "q")], at=[1, None, -1], count=[1, 2, None])
    whole, parts, backwards, any_order = Digest(), Digest(), Digest(), Digest(ordered=False)
    whole.add(rows)
    for i in range(3):
        parts.add(rows.slice(i, 1))
        backwards.add(rows.slice(2 - i, 1))
        any_order.add(rows.slice(2 - i, 1))
    unordered = Digest(ordered=False)
    unordered.add(rows)
    assert whole.word == parts.word != backwards.word
    assert unordered.word == any_order.word
    values: list[list[Any]] = [[], None, [""], ["", ""], ["a", "b"], ["b", "a"], ["ab"], ["a"]]  # type: ignore[list-item]
    hashes = row_hashes(pa.table({"x": pa.array(values, pa.list_(pa.string()))}))
    assert len(set(hashes.tolist())) == len(values)
    texts = row_hashes(pa.table({"x": ["", None, "a", "0"], "y": [None, "", None, None]}))
    assert len(set(texts.tolist())) == 4
    numbers = pa.table({"x": pa.array([0.0, -0.0, 1.0, None, float("nan")])})
    assert len(set(row_hashes(numbers).tolist())) == 4
    assert vectors_word(np.zeros((2, 3), dtype=np.float32)) != vectors_word(np.zeros((3, 2), dtype=np.float32))
    assert vectors_word(np.zeros((1, 1), dtype=np.float32)) == vectors_word(-np.zeros((1, 1), dtype=np.float32))


def test_predictions_come_back_in_whatever_order(full: GraphStore, empty: GraphStore, tmp_path: Path) -> None:
    export(full, tmp_path / "out", "parquet")
    scan = open_export(tmp_path / "out")
    assert predictions_of(scan) == predictions_of(full.scan())
    assert Counter(g.active for g in scan.generations()) == {True: 1, False: 1}

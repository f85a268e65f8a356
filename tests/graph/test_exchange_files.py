"""Exports: a file or folder reads back equal, whatever is in it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import networkx as nx
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree
from tests.graph.exchange_world import IDS, predictions_of, state_of
from tests.store_rows import nodes

from graphfeed.errors import SourceError
from graphfeed.graph.exchange import parquet
from graphfeed.graph.exchange.contents import contents_of
from graphfeed.graph.exchange.export import export, format_of, lost_on_import, open_export
from graphfeed.graph.exchange.files import write_graphml, write_json
from graphfeed.graph.exchange.manifest import MANIFEST
from graphfeed.graph.exchange.networkx_graph import NetworkxScan, to_networkx
from graphfeed.graph.exchange.transfer import transfer
from graphfeed.graph.store import GraphStore, open_store
from graphfeed.loaders.records import NODE_TYPES, RELATIONSHIP_TYPES


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


def test_predictions_come_back_in_whatever_order(full: GraphStore, empty: GraphStore, tmp_path: Path) -> None:
    export(full, tmp_path / "out", "parquet")
    scan = open_export(tmp_path / "out")
    assert predictions_of(scan) == predictions_of(full.scan())
    assert Counter(g.active for g in scan.generations()) == {True: 1, False: 1}


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

"""A graph as objects and files of other libraries; and the checksums that everything is held against."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch
from tests.graph.exchange_world import IDS
from tests.store_rows import links
from torch_geometric.data import HeteroData

from graphfeed.errors import ConfigError, StoreError
from graphfeed.graph.exchange.contents import contents_of
from graphfeed.graph.exchange.export import export
from graphfeed.graph.exchange.frames import to_pandas
from graphfeed.graph.exchange.networkx_graph import to_networkx
from graphfeed.graph.row_hashes import Digest, row_hashes, vectors_word
from graphfeed.graph.store import GraphStore
from graphfeed.graph.tensors import read_graph


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

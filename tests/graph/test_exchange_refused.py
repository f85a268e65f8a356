"""What is no whole export is refused in one sentence, and nothing is replaced or left behind that should not be."""

from __future__ import annotations

import json
import os
from pathlib import Path

import networkx as nx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from graphfeed.errors import ConfigError, GraphfeedError, SourceError, StoreFormatError
from graphfeed.graph.exchange.export import export, format_of, open_export
from graphfeed.graph.exchange.manifest import MANIFEST
from graphfeed.graph.exchange.transfer import transfer
from graphfeed.graph.store import GraphStore


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

"""Vectors of entities that a data set gives: who is near whom, against all pairs by hand, and faulty lines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.loaders.test_mind import NEWS, entity, news, write

import graphfeed
from graphfeed.errors import ConfigError
from graphfeed.graph.ingest import ingest
from graphfeed.graph.store import open_store
from graphfeed.loaders import open_loader
from graphfeed.loaders.given_vectors import LEAST_COSINE, near_entities
from graphfeed.loaders.mind import MindLoader
from graphfeed.loaders.rejected import Rejects
from graphfeed.training.adjacency import Adjacencies
from graphfeed.training.snapshot import Past, Snapshot


def vector_file(path: Path, vectors: dict[str, Any]) -> Path:
    path.write_text("".join(f"{id_}\t" + "\t".join(map(str, v)) + "\t\n" for id_, v in vectors.items()))
    return path


def near(path: Path, entities: set[str], nearest: int, rejects: Rejects) -> list[tuple[str, str, int]]:
    chunks = near_entities([(path, path.name)], entities, nearest, rejects)
    rows = [row for chunk in chunks for row in chunk.rows.to_pylist()]
    assert {row["relation"] for row in rows} <= {"near"}
    return [(row["source"], row["target"], row["line"]) for row in rows]


def test_each_entity_has_its_nearest_by_cosine(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    vectors = {f"Q{i}": random.normal(size=6) * random.uniform(0.1, 9) for i in range(80)}
    asked = {f"Q{i}" for i in range(60)}
    found = near(vector_file(tmp_path / "e.vec", vectors), asked, 4, Rejects(tmp_path / "r.csv"))
    expected = []
    for line, (id_, vector) in enumerate(list(vectors.items())[:60], 1):
        cosines = {
            other: float(vector @ vectors[other] / np.linalg.norm(vector) / np.linalg.norm(vectors[other]))
            for other in sorted(asked - {id_})
        }
        best = sorted(cosines, key=lambda other: -cosines[other])[:4]
        expected += [(id_, other, line) for other in best if cosines[other] >= LEAST_COSINE]
    assert 100 < len(expected) <= 240
    assert sorted(found) == sorted(expected)


def test_those_on_one_spot_are_near_each_other_and_not_themselves(tmp_path: Path) -> None:
    same = {f"Q{i}": (1.0, 2.0) for i in range(4)} | {"Q9": (0.0, 0.0)}
    found = near(vector_file(tmp_path / "e.vec", same), set(same), 2, Rejects(tmp_path / "r.csv"))
    assert sorted({source for source, _, _ in found}) == ["Q0", "Q1", "Q2", "Q3"]
    assert len(found) == 8
    assert all(source != target != "Q9" for source, target, _ in found)


def test_faulty_lines_are_set_aside(tmp_path: Path) -> None:
    path = vector_file(tmp_path / "e.vec", {"Q1": (1, 0.1), "Q2": (1, 0.2)})
    path.write_bytes(path.read_bytes() + b"Q3\t1\nQ4\t1\tword\n\t1\t1\nQ5\t1\tnan\n\nQ6\nQ7\t1\t0.1\nQ1\t-1\t0\n")
    with Rejects(tmp_path / "r.csv") as rejects:
        found = near(path, {f"Q{i}" for i in range(9)}, 5, rejects)
    assert {(source, target) for source, target, _ in found} == {
        (a, b) for a in ("Q1", "Q2", "Q7") for b in ("Q1", "Q2", "Q7") if a != b
    }
    assert rejects.records_rejected == {"e.vec": 6}
    assert "expected an id and 2 finite numbers" in (tmp_path / "r.csv").read_text()
    assert not rejects.rows_read


def test_mind_with_its_vectors(tmp_path: Path) -> None:
    """From the files to the model's matrix of related entities, train's and dev's vectors together."""
    train = write(tmp_path / "mind" / "M_train", NEWS, ["1|U1|11/15/2019 8:55:22 AM|N3|N1-1"])
    dev = write(
        tmp_path / "mind" / "M_dev", [*NEWS, news("N4", "Bridge", entity("Q4", "Old Bridge"))],
        ["2|U1|11/17/2019 8:55:22 AM||N4-1"],
    )  # fmt: skip
    vector_file(train / "entity_embedding.vec", {"Q1": (1, 0), "Q2": (0, 1), "Q77": (1, 0)})
    vector_file(dev / "entity_embedding.vec", {"Q4": (0.9, 0.1), "Q1": (0, -1)})
    with open_store(tmp_path / "feed", create=True) as store:
        report = ingest(store, MindLoader(tmp_path / "mind"))
        assert report.records["RELATED_TO"] == 2
        assert report.read == report.kept + report.rejected
        assert ingest(store, MindLoader(tmp_path / "mind")).graph == report.graph
    with graphfeed.open(tmp_path / "feed") as feed:
        graph = feed.graph()
        ids = graph.ids["Entity"].to_pylist()
        related = Adjacencies(Snapshot(Past(graph), graph.latest_time()), None, 1.0).raw("related").tocoo()
    assert {(ids[a], ids[b]) for a, b in zip(related.row, related.col, strict=True)} == {("Q1", "Q4"), ("Q4", "Q1")}


def test_how_many_is_a_choice(tmp_path: Path) -> None:
    folder = write(tmp_path / "mind", NEWS, ["1|U1|11/15/2019 8:55:22 AM|N3|N1-1"])
    vector_file(folder / "entity_embedding.vec", {"Q1": (1, 0), "Q2": (1, 0)})
    with open_store(tmp_path / "feed", create=True) as store:
        assert "RELATED_TO" not in ingest(store, open_loader("mind", folder, near=0)).records
    with pytest.raises(ConfigError, match="expected 0 or more, found -1"):
        open_loader("mind", folder, near=-1)

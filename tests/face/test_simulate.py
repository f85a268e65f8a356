"""``graphfeed simulate`` and the best reachable figure of what it makes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from graphfeed.cli import main
from graphfeed.graph.store import open_store
from graphfeed.graph.tensors import read_graph
from graphfeed.loaders.sample import SampleLoader
from graphfeed.simulated import simulated_oracle
from graphfeed.training.baselines.newest import Newest
from graphfeed.training.baselines.popularity import Popularity
from graphfeed.training.evaluate import evaluate, fit_all
from graphfeed.training.split import SplitSettings, make_split

SIZE = ["--people", "400", "--posts", "600", "--edges", "8000", "--days", "40", "--seed", "5"]


def run(*words: str) -> int:
    with pytest.raises(SystemExit) as stopped:
        main(words)
    return int(stopped.value.code or 0)


def test_files_and_store_by_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("simulate", str(tmp_path / "files"), *SIZE) == 0
    said = capsys.readouterr()
    assert "600  posts.parquet" in said.out
    assert "nobody in it is real" in said.err
    assert run("load", "tables", str(tmp_path / "files"), "--store", str(tmp_path / "a")) == 0
    assert run("simulate", *SIZE, "--store", str(tmp_path / "b")) == 0
    capsys.readouterr()
    with open_store(tmp_path / "a") as first, open_store(tmp_path / "b") as second:
        assert first.counts() == second.counts()
    for words in ((), (str(tmp_path / "new"), "--store", str(tmp_path / "c")), (str(tmp_path / "files"),)):
        assert run("simulate", *words) == 1
    assert run("simulate", str(tmp_path / "new"), "--people", "1") == 1
    assert "2 to" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def test_nobody_ranks_better_than_the_oracle(tmp_path: Path) -> None:
    run("simulate", *SIZE, "--store", str(tmp_path / "feed"))
    with open_store(tmp_path / "feed") as store:
        graph = read_graph(store)
        oracle = simulated_oracle(store, graph)
    assert oracle is not None
    split = make_split(graph, SplitSettings(max_windows=6))
    rankers = [Popularity(), Newest()]
    fit_all(split, rankers)
    found = evaluate(split, rankers, oracle=oracle)
    best = {name: float(np.mean(found.values(name, "all", "ndcg@10"))) for name in found.kinds}
    assert best[oracle.name] > 1.2 * max(best["popularity"], best["newest"])


def test_another_community_has_no_such_oracle(tmp_path: Path) -> None:
    from graphfeed.graph.ingest import ingest

    with open_store(tmp_path / "feed", create=True) as store:
        ingest(store, SampleLoader())
        assert simulated_oracle(store, read_graph(store)) is None

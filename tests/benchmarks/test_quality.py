"""The benchmarks of quality and of the whole way, on a community of two planted groups and on results made up."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import matplotlib.colors
import matplotlib.image
import numpy as np
import pytest
from benchmarks.data_sets import CHECKOUT, DATA_SETS
from benchmarks.quality import _data, _parser, as_json, figures, measure
from benchmarks.quality_plots import OWN, draw
from benchmarks.quality_tables import IN_TIME, markdown, over_communities, verdict
from benchmarks.quality_targets import targets_markdown
from benchmarks.seeds import pooled, with_seeds
from benchmarks.timing import Timed, gauged
from benchmarks.way import Stage, commands, run_stage, summary
from rich.console import Console
from tests.training import worlds

import graphfeed
from graphfeed.progress import ProgressBars
from graphfeed.training.baselines import ImplicitBPR, Popularity
from graphfeed.training.baselines.implicit_bpr import BPRSettings
from graphfeed.training.evaluate import evaluate, fit_all
from graphfeed.training.evaluation import Evaluation
from graphfeed.training.split import make_split

USERS, ITEMS, KNOWN = 60, 40, 10


@pytest.fixture
def two_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Even users know even items, odd users odd ones; the test is two more items of the user's own kind."""
    rng = np.random.default_rng(0)
    drawn = [rng.permutation(np.arange(user % 2, ITEMS, 2))[: KNOWN + 2] for user in range(USERS)]
    folder = tmp_path / "data" / "gowalla"
    folder.mkdir(parents=True)
    for name, part in (("train.txt", slice(KNOWN)), ("test.txt", slice(KNOWN, None))):
        lines = [" ".join(map(str, [user, *items[part]])) for user, items in enumerate(drawn)]
        (folder / name).write_text("\n".join(lines) + "\n")
    monkeypatch.setenv("GRAPHFEED_DATA", str(tmp_path / "data"))
    return tmp_path


def test_the_whole_measurement(two_groups: Path) -> None:
    with graphfeed.open(two_groups / "feed") as feed, ProgressBars(Console(quiet=True)) as bars:
        found = {"data": "gowalla"} | measure(feed, DATA_SETS["gowalla"], None, ["popularity"], bars)
    rows = {row["model"]: row for row in found["rows"] if row["slice"] == "all"}
    assert set(rows) == {"linear", "popularity"}
    # Ten items of one's own kind are left, two of them right: lists of 20 of the 30 items unknown hold them all.
    assert rows["linear"]["recall@20"] == pytest.approx(1.0)
    assert rows["linear"]["recall@20"] > rows["popularity"]["recall@20"]
    assert rows["linear"]["questions"] == USERS
    (pair,) = (row for row in found["comparisons"] if row["slice"] == "all")
    assert (pair["baseline"], pair["metric"], verdict(pair)) == ("popularity", "ndcg@20", "above")
    assert set(found["seconds"]) == {"load", "tensors", "train", "evaluate"}
    assert found["rankers"]["linear"]["fit_seconds"] > 0
    row = rows["linear"]
    for metric in ("recall@10", "ndcg@20", "precision@20", "coverage@20", "novelty@20"):
        assert row[f"{metric}_low"] <= row[metric] <= row[f"{metric}_high"], metric
    assert row["fit_seconds"] == found["rankers"]["linear"]["fit_seconds"]
    assert row["peak_mib"] > 50
    assert row["settings"]["weights"]
    assert found["peak_mib"] > 50
    written = json.loads(as_json(found))
    assert written == json.loads(json.dumps(found))
    (two_groups / "gowalla.json").write_text(as_json(found))
    (two_groups / "another.json").write_text('{"stages": []}\n')
    assert markdown(two_groups).count("\n") == 2
    assert "Recall@20 / NDCG@20 | all posts | 60 / 60 | **1.0000 /" in markdown(two_groups)


def test_an_unknown_baseline_is_named(two_groups: Path) -> None:
    with (
        graphfeed.open(two_groups / "feed") as feed,
        ProgressBars(Console(quiet=True)) as bars,
        pytest.raises(SystemExit, match=r"takes some of popularity, .*found populism"),
    ):
        measure(feed, DATA_SETS["gowalla"], None, ["populism"], bars)


def test_without_the_model_and_with_seeds(two_groups: Path) -> None:
    with graphfeed.open(two_groups / "feed") as feed, ProgressBars(Console(quiet=True)) as bars:
        found = measure(feed, DATA_SETS["gowalla"], None, ["popularity", "implicit_als"], bars, seeds=3, model=False)
    rows = {row["model"]: row for row in found["rows"] if row["slice"] == "all"}
    assert (rows["popularity"]["seeds"], rows["implicit_als"]["seeds"]) == (1, 3)
    assert "ndcg@20_sd" in rows["implicit_als"]
    assert "ndcg@20_sd" not in rows["popularity"]
    assert not found["comparisons"]


def test_seeds_become_their_mean_and_spread() -> None:
    split = make_split(worlds.two_groups())
    others = [Timed(Popularity()), Timed(ImplicitBPR(settings=BPRSettings(factors=4, iterations=3)))]
    fit_all(split, others)
    groups = with_seeds(others, 3)
    assert [ranker.name for ranker in groups["implicit_bpr"]] == ["implicit_bpr", "implicit_bpr#1", "implicit_bpr#2"]
    assert len(groups["popularity"]) == 1
    fit_all(split, [again for group in groups.values() for again in group[1:]])
    found = evaluate(split, [ranker for group in groups.values() for ranker in group])
    whole = pooled(found, {name: [ranker.name for ranker in group] for name, group in groups.items()})
    each = [row for row in found.rows if row["slice"] == "all" and row["model"].startswith("implicit_bpr")]
    (row,) = (r for r in whole.rows if r["slice"] == "all" and r["model"] == "implicit_bpr")
    for metric in ("ndcg@10", "recall@20", "coverage@10"):
        values = [r[metric] for r in each]
        assert len(set(values)) > 1, metric
        assert row[metric] == pytest.approx(np.mean(values), abs=1e-6)
        assert row[f"{metric}_sd"] == pytest.approx(np.std(values, ddof=1), abs=1e-6)
    assert row["seeds"] == 3


def test_memory_of_a_piece_of_work_is_its_own() -> None:
    with gauged() as large:
        held = np.ones(40_000_000)
    del held
    with gauged() as small:
        np.ones(1_000)
    assert large.peak_mib >= small.peak_mib
    assert large.seconds > small.seconds


def test_files_of_the_same_shape(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train, test, text = (tmp_path / name for name in ("mine.txt", "test.txt", "text.tsv"))
    for file in (train, test, text):
        file.write_text("1 2\n")
    parser = _parser()

    def read(*words: str) -> Any:
        return _data(parser, parser.parse_args([str(word) for word in words]))

    name, data = read("--train", str(train), "--test", str(test), "--text", str(text))
    assert (name, data.source, data.encoder, data.split) == ("mine", "pairs", "tfidf", "auto")
    assert data.load_arguments() == ("pairs", train, {"test": test, "text": text})
    _, data = read("--sequences", str(train))
    assert (data.source, data.split, data.encoder) == ("sequences", "leave-one-out", None)
    _, data = read("--dump", str(tmp_path))
    assert data.load_arguments() == ("stackexchange", tmp_path, {})
    for words, said in (
        ([], "name a data set, or --train"),
        (["--train", train], "--train and --test go together"),
        (["--sequences", tmp_path / "nothing"], "there is no"),
    ):
        with pytest.raises(SystemExit):
            read(*map(str, words))
        assert said in capsys.readouterr().err


def test_leave_one_out_of_any_sequences(tmp_path: Path) -> None:
    lines = [
        " ".join(str(word) for word in (f"u{user}", *((user + step) % 12 for step in range(6)))) for user in range(30)
    ]
    (tmp_path / "acts.txt").write_text("\n".join(lines) + "\n")
    _, data = _data(parser := _parser(), parser.parse_args(["--sequences", str(tmp_path / "acts.txt")]))
    with graphfeed.open(tmp_path / "feed") as feed, ProgressBars(Console(quiet=True)) as bars:
        found = measure(feed, data, None, ["last_visited", "popularity"], bars, model=False)
    rows = {row["model"]: row for row in found["rows"] if row["slice"] == "all"}
    assert rows["last_visited"]["questions"] == 30
    assert rows["last_visited"]["ndcg@20"] == pytest.approx(1.0)
    assert found["split"].startswith("leave-one-out split")


def test_data_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRAPHFEED_DATA", str(tmp_path))
    with pytest.raises(SystemExit, match=r"there is no .*cofacts: GRAPHFEED_DATA names"):
        DATA_SETS["cofacts"].load_arguments()


def test_the_table_holds_the_model_against_the_baseline_that_did_best(tmp_path: Path) -> None:
    rows = [_row("linear", 0.3), _row("newest", 0.35), _row("popularity", 0.1)]
    comparisons = [
        _pair("newest", -0.05, -0.09, -0.01, best=True),
        _pair("popularity", 0.2, 0.1, 0.3, best=False),
    ]
    result = {"data": "cofacts", "at": [10, 20], "split": "rolling windows", "rows": rows, "comparisons": comparisons}
    (tmp_path / "cofacts.json").write_text(as_json(result))
    (line,) = markdown(tmp_path).splitlines()[2:]
    assert line == (
        "| cofacts, NDCG@10 | all posts | 1,200 / 3,000 | **0.3000** | 0.3500 newest | -0.0500 (-0.0900 to -0.0100) "
        "| below |"
    )


def test_differences_are_pooled_as_those_of_independent_communities(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    true, errors = np.array([0.1, -0.02, 0.03, 0.0]), np.array([0.02, 0.01, 0.04, 0.005])
    pairs = [_pair("newest", d, d - 1.96 * e, d + 1.96 * e, best=True) for d, e in zip(true, errors, strict=True)]
    found = over_communities(pairs)
    drawn = (true + errors * random.standard_normal((200_000, 4))).mean(axis=1)
    assert found["difference"] == pytest.approx(true.mean())
    assert [found["low"], found["high"]] == pytest.approx(np.quantile(drawn, [0.025, 0.975]), abs=2e-4)
    assert verdict(found) == "above"
    for name, pair in zip(IN_TIME, pairs, strict=True):
        rows = [_row("linear", 0.3) | {"slice": part} for part in ("all", "old")]
        comparisons = [pair | {"slice": part} for part in ("all", "old")]
        result = {"data": name, "at": [10], "split": "rolling windows", "rows": rows, "comparisons": comparisons}
        (tmp_path / f"{name}.json").write_text(
            as_json(result | {"rows": [*rows, *(r | {"model": "newest"} for r in rows)]})
        )
    assert "| all 4 cut in time, NDCG@10, pooled | all posts | | | | +0.0275 (" in markdown(tmp_path)


def test_targets_are_reached_or_by_how_much_not(tmp_path: Path) -> None:
    ours, tfidf = _row("linear", 0.3), _row("tfidf", 0.3)
    results = {
        "gowalla": [ours | {"recall@20": 0.197, "ndcg@20": 0.1630}],
        "lastfm-2k": [ours | {"recall@20": 0.30, "ndcg@20": 0.2655}],
        "citeulike-t-cold": [ours | {"recall@20": 0.47}, tfidf | {"recall@20": 0.40}],
    }
    for name, rows in results.items():
        (tmp_path / f"{name}.json").write_text(as_json({"data": name, "rows": rows, "comparisons": []}))
    lines = [line.split(" | ") for line in targets_markdown(tmp_path).splitlines()[2:]]
    assert [line[0] for line in lines] == ["| gowalla", "| lastfm-2k", "| citeulike-t-cold"]
    assert [line[3:] for line in lines] == [
        ["0.1960 / 0.1630", "**0.1970 / 0.1630**", "reached |"],
        ["0.2920 / 0.2950", "**0.3000 / 0.2655**", "-10.0% |"],
        ["0.4800", "**0.4700**", "-2.1% |"],
    ]


def test_all_that_is_kept_is_drawn(tmp_path: Path) -> None:
    rows = [_row("linear", 0.3), _row("newest", 0.35), _row("popularity", 0.2)]
    result = {"at": [10, 20], "split": "rolling windows", "rows": rows, "comparisons": []}
    sizes = []
    for name in ("cofacts", "gowalla"):
        (tmp_path / f"{name}.json").write_text(as_json({"data": name, **result}))
        draw(tmp_path, tmp_path / "quality.png")
        picture = matplotlib.image.imread(tmp_path / "quality.png")
        sizes.append(picture.shape[0])
        own = np.array(matplotlib.colors.to_rgb(OWN))
        assert (np.abs(picture[:, :, :3] - own).max(axis=2) < 0.02).sum() > 100
    # A community is a row.
    assert sizes[1] > 1.4 * sizes[0]


def test_figures_are_short_and_have_their_intervals() -> None:
    found = Evaluation("test", "posts", (10, 20), "rolling", {})
    found.rows = [{"model": "linear", "slice": "all", "ndcg@10": 1 / 3, "ndcg@10_low": 0.25, "author_gini@10": 0.5}]
    assert figures(found)["rows"] == [{"model": "linear", "slice": "all", "ndcg@10": 0.33333, "ndcg@10_low": 0.25}]


MEASURE = """
import json, sys
from dataclasses import asdict
from benchmarks.way import run_stage
code = "import time; held = bytearray(200 * 2**20); held[::4096] = b'x' * len(held[::4096]); time.sleep(0.3)"
print(json.dumps(asdict(run_stage("hold", [sys.executable, "-c", code]))))
"""


def test_a_stage_is_measured_whole() -> None:
    # In a process of its own: a child's peak is never below its parent's, and this one holds torch.
    printed = subprocess.run(
        [sys.executable, "-c", MEASURE], cwd=CHECKOUT, check=True, capture_output=True, text=True
    ).stdout
    stage = Stage(**json.loads(printed))
    assert stage.name == "hold"
    assert 200 < stage.peak_mib < 300
    assert stage.seconds > 0.3
    assert 0 < stage.cpu_seconds < stage.seconds


def test_stages_add_up_but_for_memory() -> None:
    result = summary("gowalla", [Stage("load", 2.0, 1.5, 300.0), Stage("train", 30.0, 55.0, 200.0)])
    assert (result["seconds"], result["cpu_seconds"], result["peak_mib"]) == (32.0, 56.5, 300.0)
    assert result["budget"] == {"seconds": 1200, "peak_mib": 4096}


def test_a_stage_that_fails_stops_the_way() -> None:
    with pytest.raises(SystemExit, match="load failed with exit code 3"):
        run_stage("load", [sys.executable, "-c", "raise SystemExit(3)"])


def test_commands_are_those_of_a_user(two_groups: Path) -> None:
    names = [words[0] for words in commands("gowalla", DATA_SETS["gowalla"], two_groups / "figures.json")]
    assert names == ["load", "train", "evaluate"]
    words = commands("sample", DATA_SETS["sample"], two_groups / "figures.json")
    assert [line[0] for line in words] == ["load", "embed", "train", "evaluate", "publish"]
    assert words[2] == ["train", "--window-days", "1"]


def _row(model: str, value: float) -> dict[str, Any]:
    ends = {"ndcg@10_low": value - 0.1, "ndcg@10_high": value + 0.1}
    return {
        "model": model,
        "kind": "baseline",
        "slice": "all",
        "users": 1200,
        "questions": 3000,
        "ndcg@10": value,
        **ends,
    }


def _pair(baseline: str, difference: float, low: float, high: float, *, best: bool) -> dict[str, Any]:
    interval = {"difference": difference, "low": low, "high": high}
    return {"slice": "all", "model": "linear", "baseline": baseline, "best": best, "metric": "ndcg@10", **interval}

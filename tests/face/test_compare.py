"""``graphfeed compare`` and ``graphfeed why`` as a user meets them, on the sample community."""

from __future__ import annotations

import builtins
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import graphfeed
from graphfeed import cli
from graphfeed.cli_why import taste_of
from graphfeed.errors import ConfigError, TrainingError, UnknownNodeError
from graphfeed.training.compare import compare
from graphfeed.training.settings import ModelSettings, RunSettings
from graphfeed.training.split import SplitSettings

QUICK = ModelSettings.model_validate(
    {
        "parts": ["towers"],
        "towers": {"width": 16, "epochs": 2, "negatives": 64},
        "mixture": {"questions": 40, "negatives": 40, "ridge": [0.001]},
    }
)
SPLIT = SplitSettings(window_days=3, max_windows=3)


def run(*words: str) -> int:
    with pytest.raises(SystemExit) as ended:
        cli.main(words)
    assert isinstance(ended.value.code, int)
    return ended.value.code


@pytest.fixture(scope="module")
def store(sample_run: tuple[Path, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sample's store with a model whose towers are GraphSAGE's."""
    folder = tmp_path_factory.mktemp("compare") / "feed"
    shutil.copytree(sample_run[0] / "feed", folder)
    with graphfeed.open(folder) as feed:
        towers = QUICK.towers.model_copy(update={"kind": "sage"})
        feed.train(QUICK.model_copy(update={"towers": towers}), SPLIT, device="cpu")
    return folder


@pytest.mark.timeout(600)
def test_kinds_are_compared_on_the_same_questions(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    words = ["compare", "linear", "sage", "--store", str(store), "--epochs", "1", "--window-days", "20"]
    assert run(*words, "--on", "validation", "--json", "found.json", "--png", "found.png") == 0
    shown = capsys.readouterr().out
    found = json.loads((tmp_path / "found.json").read_text(encoding="utf-8"))
    rows = {row["model"]: row for row in found["rows"] if row["slice"] == "all"}
    assert list(rows) == ["linear", "sage"]
    assert rows["linear"]["questions"] == rows["sage"]["questions"] > 0
    for name, row in rows.items():
        assert row["ndcg@10_low"] <= row["ndcg@10"] <= row["ndcg@10_high"]
        assert row["fit_seconds"] > 0
        assert row["rank_seconds"] > 0
        assert row["mib"] == pytest.approx(row["parameters"] * 4 / 2**20)
        assert found["settings"][name]["kind"] == name
        assert re.search(rf"{name} +{row['ndcg@10']:.4f}", shown)
        assert f"{row['parameters']:,}" in shown
    assert found["part"] == "validation"
    assert (tmp_path / "found.png").read_bytes().startswith(b"\x89PNG")


def test_a_comparison_leaves_no_model_behind(store: Path) -> None:
    with graphfeed.open(store) as feed:
        before = (feed.store.workspace / "model" / "training.json").read_bytes()
        found = compare(feed.split(SPLIT), ["gat"], QUICK, RunSettings(device="cpu"), part="validation")
        assert (feed.store.workspace / "model" / "training.json").read_bytes() == before
    assert found.costs["gat"].parameters > 0
    assert found.settings["gat"]["width"] == 16


@pytest.mark.parametrize("kinds", [["lstm"], ["linear", "linear"], []])
def test_what_cannot_be_compared_is_said(store: Path, kinds: list[str]) -> None:
    with graphfeed.open(store) as feed, pytest.raises(ConfigError, match="linear, hgt, gat, sage"):
        compare(feed.split(SPLIT), kinds, QUICK, RunSettings(device="cpu"))


def test_wrong_options_are_said_before_anything_is_trained(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words, said in (
        (["--on", "tomorrow"], "--on takes one of test"),
        (["--loss", "hope"], "loss"),
        (["--window-days", "0"], "above 0"),
    ):
        assert run("compare", "linear", "--store", str(store), *words) == 1
        assert said in capsys.readouterr().err


def test_a_picture_without_matplotlib_is_said(
    store: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    given = builtins.__import__

    def absent(name: str, *rest: Any) -> Any:
        if name.partition(".")[0] == "matplotlib":
            raise ImportError(name)
        return given(name, *rest)

    monkeypatch.setattr(builtins, "__import__", absent)
    assert run("compare", "linear", "--store", str(store), "--png", str(tmp_path / "x.png")) == 1
    assert "graphfeed[plots]" in capsys.readouterr().err
    assert not (tmp_path / "x.png").exists()


def test_why_names_the_edges_behind_a_taste(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with graphfeed.open(store) as feed:
        user = "gideon-wrackham"
        found = [taste_of(feed, user, r.id, now="latest") for r in feed.recommend(user, 10)]
    best = max(found, key=lambda taste: taste.taste.score)
    assert best.taste.approximate
    assert best.taste.score > 0
    assert best.taste.reasons
    assert run("why", best.user, best.post, "--now", "latest", "--store", str(store)) == 0
    shown = capsys.readouterr().out
    assert "approximate" in shown
    assert best.sentence(0) in shown
    assert run("why", best.user, best.post, "--now", "latest", "--json", "--store", str(store)) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["approximate"] is True
    assert [r["share"] for r in told["reasons"]] == sorted((r["share"] for r in told["reasons"]), reverse=True)
    assert all(r["approximate"] for r in told["reasons"])


def test_why_says_what_is_not_there(store: Path, sample_run: tuple[Path, Any]) -> None:
    with graphfeed.open(store) as feed:
        for user, post in (("nobody", "bread-1"), ("gideon-wrackham", "nothing")):
            with pytest.raises(UnknownNodeError):
                taste_of(feed, user, post)
    with graphfeed.open(sample_run[0] / "feed") as feed, pytest.raises(TrainingError, match="no towers"):
        taste_of(feed, "gideon-wrackham", "bread-1")


def test_the_example_trains_and_tells_its_figures(store: Path) -> None:
    script = Path(__file__).resolve().parents[2] / "examples" / "train_gpu.py"
    assert len(script.read_text(encoding="utf-8").splitlines()) <= 60
    words = [str(store), "--kind", "sage", "--epochs", "1", "--width", "8", "--fanout", "3", "2", "--batch", "500"]
    done = subprocess.run([sys.executable, str(script), *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert re.search(r"^ndcg@10 0\.\d{4} \(0\.\d{4} to 0\.\d{4}\)$", done.stdout, re.M)

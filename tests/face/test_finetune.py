"""``graphfeed finetune`` as a user meets it: plan, verdict, the folder that ``embed`` takes, and refusals."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from tests.training.grouped_world import WORDS, planted
from tests.training.tiny_encoder import save_tiny_encoder

import graphfeed
from graphfeed import cli
from graphfeed.cli_finetune import show
from graphfeed.errors import LeakError
from graphfeed.graph.links_seen import LinksSeen, pair_hashes
from graphfeed.options import out
from graphfeed.training.finetune import Finetuning
from graphfeed.training.settings import ModelSettings
from graphfeed.training.split import SplitSettings

SHORT = ("--window-days", "2", "--max-tokens", "16", "--learning-rate", "0.005", "--epochs", "3")
SPLIT = SplitSettings(window_days=2.0)
TABLES = """
[[load]]
source = "tables"
path = "."

[[nodes]]
file = "people.csv"
label = "User"
id = "id"

[[nodes]]
file = "posts.csv"
label = "Post"
id = "id"
text = "text"
created_at = "at"

[[relationships]]
file = "likes.csv"
type = "LIKED"
source = "person"
target = "post"
at = "at"
"""
PATHS = ModelSettings.model_validate({"parts": ("paths",), "mixture": {"questions": 40, "negatives": 40}})


def run(*words: str) -> int:
    with pytest.raises(SystemExit) as ended:
        cli.main(words)
    assert isinstance(ended.value.code, int)
    return ended.value.code


@pytest.fixture(scope="session")
def grouped_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The planted community of ``grouped_world``, as a store of its own. Copy it to change it."""
    graph, folder = planted(), tmp_path_factory.mktemp("grouped")
    edge = graph.data["User", "LIKED", "Post"]
    tables = {
        "people": pd.DataFrame({"id": graph.ids["User"].to_pylist()}),
        "posts": pd.DataFrame(
            {
                "id": graph.ids["Post"].to_pylist(),
                "text": graph.texts["Post"],
                "at": pd.to_datetime(graph.data["Post"].time.numpy(), unit="us", utc=True),
            }
        ),
        "likes": pd.DataFrame(
            {
                "person": [f"u{user}" for user in edge.edge_index[0].tolist()],
                "post": [f"p{post}" for post in edge.edge_index[1].tolist()],
                "at": pd.to_datetime(edge.time.numpy(), unit="us", utc=True),
            }
        ),
    }
    for name, table in tables.items():
        table.to_csv(folder / f"{name}.csv", index=False, date_format="%Y-%m-%dT%H:%M:%S.%fZ")
    (folder / "graphfeed.toml").write_text(TABLES, encoding="utf-8")
    with graphfeed.open(str(folder / "feed")) as feed:
        feed.load("tables", folder, mapping=folder / "graphfeed.toml")
    return folder / "feed"


@pytest.fixture
def store(grouped_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A copy of that store, of nobody's configuration."""
    monkeypatch.chdir(tmp_path)
    for variable in ("GRAPHFEED_STORE", "GRAPHFEED_CONFIG"):
        monkeypatch.delenv(variable, raising=False)
    return str(shutil.copytree(grouped_store, tmp_path / "feed"))


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A random encoder that knows the community's words."""
    return str(save_tiny_encoder(tmp_path_factory.mktemp("tiny"), WORDS))


def test_a_dry_run_says_what_would_be_trained(store: str, tiny: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("finetune", "--store", store, "--encoder", tiny, *SHORT, "--dry-run") == 0
    said = capsys.readouterr().out
    for words in (
        "training until",
        "pairs of texts from the training part",
        "steps: ",
        "beside 12 layers",
        "estimated: ",
    ):
        assert words in said
    assert not (Path(store) / "encoder").exists()


def test_what_is_written_is_embedded_with_and_another_split_is_refused(
    store: str, tiny: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("finetune", "--store", store, "--encoder", tiny, *SHORT) == 0
    folder = (Path(store) / "encoder").resolve()
    said = capsys.readouterr()
    assert f"written to {folder}" in said.out
    assert f"next: graphfeed embed --encoder {folder} --store {store}" in said.err
    assert f"graphfeed train --window-days 2 --store {store}" in said.err
    assert json.loads((folder / "finetuned.json").read_text(encoding="utf-8"))["encoder"] == tiny
    assert run("embed", "--store", store, "--encoder", str(folder)) == 0
    with graphfeed.open(store) as feed:
        assert str(folder) in feed.status()["encoder"]
        assert feed.embed(str(folder)).encoded == 0
        feed.train(PATHS, SPLIT)
        assert feed.evaluate(baselines=False).rows
        with pytest.raises(LeakError, match="fine-tuned on links until"):
            feed.train(PATHS, SplitSettings(kind="random"))
    capsys.readouterr()
    assert run("leaks", "--store", store, "--window-days", "2") == 0
    assert run("leaks", "--store", store, "--split", "random") == 1
    assert "encoder_learned (text vectors)" in capsys.readouterr().err
    assert run("embed", "--store", store, "--encoder", "tfidf") == 0  # of an encoder that saw nothing
    assert run("leaks", "--store", store, "--split", "random") == 0


def test_both_verdicts(capsys: pytest.CaptureFixture[str]) -> None:
    figures = {"ndcg@10": 0.25, "ndcg@10 old": float("nan"), "mrr": 0.5}
    common: dict[str, Any] = {
        "encoder": "all-MiniLM-L6-v2",
        "pairs": {"together": 3},
        "epochs": 2,
        "losses": (2.0, 1.0),
        "chosen_by": (0.1, 0.2, 0.1),
        "questions": 50,
        "before": figures,
        "after": figures | {"mrr": 0.625},
        "seconds": 120.0,
    }
    kept = Finetuning(best_epoch=1, gain=0.02, error=0.01, kept=True, folder=Path("ours"), interrupted=True, **common)
    show(out(), kept)
    said = capsys.readouterr().out
    assert "0.6250" in said
    assert "–" in said
    assert "interrupted. Epoch 1 gains +0.0200" in said
    assert "written to ours." in said
    same = dict(kept=False, folder=None, interrupted=False, **common)
    show(out(), Finetuning(best_epoch=1, gain=0.01, error=0.01, **same))
    assert "no more than a standard error (0.0100): it is not kept" in capsys.readouterr().out
    show(out(), Finetuning(best_epoch=0, gain=0.0, error=0.0, **same))
    assert "No epoch was better on the fit questions" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--minutes", "0"), "--minutes takes a number above 0, found 0"),
        (("--pairs", "friends"), "the options"),
        (("--encoder", "tfidf"), "no weights to fine-tune"),
        (("--to", "feed"), "holds something else than a fine-tuned encoder"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    store: str, words: tuple[str, str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("finetune", "--store", store, "--window-days", "2", *words) == 1
    said = capsys.readouterr().err.strip().splitlines()
    assert sentence in said[-1], said
    assert "Traceback" not in said


def test_an_encoder_that_saw_the_answers_is_not_trained_on(store: str) -> None:
    with graphfeed.open(store) as feed:
        feed.embed("tfidf")
        split = feed.split()
        links = split.training.past.links["posts"]
        ids = split.training.graph.ids
        LinksSeen.of(0, pair_hashes(ids["User"], ids["Post"], links.source, links.target)).write(Path(store))
    with graphfeed.open(store) as feed, pytest.raises(LeakError, match="embed with another --encoder"):
        feed.train(PATHS)

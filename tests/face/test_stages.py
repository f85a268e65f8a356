"""``graphfeed run``: every stage runs once, and again only when something changed for it."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from tests.face.conftest import QUICK, Told

import graphfeed
from graphfeed.errors import ConfigError, SourceError
from graphfeed.stages import Pipeline, encoder_facts

LOAD = "load 1: sample"
ALL = [LOAD, "embed", "train", "evaluate", "publish"]


@pytest.fixture
def folder(sample_run: tuple[Path, Told], tmp_path: Path) -> Path:
    """A copy of the sample's run, to change."""
    return shutil.copytree(sample_run[0], tmp_path / "copy")


def test_the_first_run_does_everything(sample_run: tuple[Path, Told]) -> None:
    folder, told = sample_run
    assert told.ran == ALL
    assert all("runs, it was not run yet" in line for line in told.said)
    assert set(told.results) == set(ALL)
    with graphfeed.open(folder / "feed") as feed:
        assert len(feed.recommend(feed.status()["people"][0]["id"], 10)) == 10


def test_the_second_run_does_nothing(folder: Path) -> None:
    told = Told.of(folder / "graphfeed.toml")
    assert told.ran == []
    assert all("skipped, nothing changed since" in line for line in told.said)


def change(folder: Path, old: str, new: str) -> Told:
    file = folder / "graphfeed.toml"
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")
    return Told.of(file)


def test_settings_of_publishing_concern_only_publishing(folder: Path) -> None:
    told = change(folder, "top = 20", "top = 21")
    assert told.ran == ["publish"]
    assert "publish: runs, top changed" in told.said
    told = change(folder, "top = 21", "top = 21\nactive_days = 3")
    assert told.said[-1] == "publish: runs, active days changed"
    assert 0 < told.results["publish"].people < told.results["publish"].everybody


def test_settings_of_training_concern_all_that_follows(folder: Path) -> None:
    told = change(folder, "questions = 40", "questions = 41")
    assert told.ran == ["train", "evaluate", "publish"]
    assert "train: runs, settings changed" in told.said


def test_a_test_without_anything_to_predict_does_not_keep_from_publishing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nothing(*_: object, **__: object) -> None:
        raise graphfeed.NothingToPredictError("expected posts to predict in the test part, found none")

    monkeypatch.setattr(graphfeed.Feed, "evaluate", nothing)
    told = change(folder, "questions = 40", "questions = 41")
    assert told.ran == ["train", "publish"]
    assert "evaluate: expected posts to predict in the test part, found none; going on without figures" in told.said


def test_a_stage_whose_product_is_gone_runs_again(folder: Path) -> None:
    shutil.rmtree(folder / "feed" / "model")
    assert Told.of(folder / "graphfeed.toml").ran == ["train", "evaluate", "publish"]


TABLES = """
[[load]]
source = "tables"
path = "."

[[nodes]]
file = "posts.csv"
label = "Post"
id = "id"

[[relationships]]
file = "likes.csv"
type = "LIKED"
source = { column = "user", create = true }
target = "post"
at = "at"
"""


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    """Tables that can be loaded, and too little to train on."""
    (tmp_path / "graphfeed.toml").write_text(TABLES + '[embed]\nencoder = "tfidf"\n', encoding="utf-8")
    (tmp_path / "posts.csv").write_text("id\np1\np2\n", encoding="utf-8")
    (tmp_path / "likes.csv").write_text("user,post,at\nu1,p1,2020-01-01\n", encoding="utf-8")
    return tmp_path


def said_of_loading(folder: Path) -> str:
    """Run as far as it goes; what was said of the load."""
    said: list[str] = []
    pipeline = Pipeline(folder / "graphfeed.toml")
    with graphfeed.open(pipeline.location) as feed:
        from rich.console import Console

        from graphfeed.progress import ProgressBars

        bars = ProgressBars(Console(quiet=True))
        with pytest.raises(graphfeed.TrainingError, match="at least 20 engagements"):
            pipeline.run(feed, said.append, lambda *_: None, bars)
    return said[0]


def test_a_file_that_changed_is_loaded_again_one_that_was_touched_is_not(tables: Path) -> None:
    assert "it was not run yet" in said_of_loading(tables)
    assert "skipped" in said_of_loading(tables)
    os.utime(tables / "likes.csv", (1, 1))
    assert "skipped" in said_of_loading(tables)
    with (tables / "likes.csv").open("a", encoding="utf-8") as stream:
        stream.write("u2,p2,2020-01-02\n")
    assert "likes.csv changed" in said_of_loading(tables)
    with graphfeed.open(tables / "feed") as feed:
        assert feed.status()["relationships"]["LIKED"] == 2


def test_a_damaged_record_of_stages_means_that_everything_runs(tables: Path) -> None:
    said_of_loading(tables)
    (tables / "feed" / "stages.json").write_text('{"half', encoding="utf-8")
    assert "it was not run yet" in said_of_loading(tables)


def test_a_changed_mapping_is_a_changed_load(tables: Path) -> None:
    said_of_loading(tables)
    text = (tables / "graphfeed.toml").read_text(encoding="utf-8")
    (tables / "graphfeed.toml").write_text(text.replace('id = "id"\n', 'id = "id"\ntitle = "id"\n'), encoding="utf-8")
    assert "mapping changed" in said_of_loading(tables)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[stor]\n", r"unknown key 'stor': did you mean 'store'\?"),
        ("[publish]\nnoww = 'latest'\n", r"unknown key 'publish.noww': did you mean 'now'\?"),
        ("[publish]\ntop = 0\n", "publish.top: input should be greater than or equal to 1, found 0"),
        ("[[load]]\nsourc = 'sample'\n", r"unknown key 'load\[1\].sourc': did you mean 'source'\?"),
        ("[[load]]\npath = '.'\n", r"load\[1\].source: field required"),
        ("[train]\npart = ['time']\n", r"\[train\] has no 'part': did you mean 'parts'\?"),
        ("[train]\nparts = ['wings']\n", r"\[train\]: parts\[1\]"),
        ("[train.towers]\nwidht = 3\n", r"unknown key 'towers.widht': did you mean 'width'\?"),
        ("[train]\nseed = 'x'\n", "seed is a whole number"),
        ("[split]\nwindow = 3\n", r"\[split\] has no 'window'"),
        ("[split]\nwindow_days = 'three'\n", r"\[split\] window_days"),
        ("[[load]]\nsource = 'tabels'\npath = '.'\n", r"unknown source 'tabels': did you mean 'tables'\?"),
        ("[[load]]\nsource = 'tables'\npath = '.'\n", r"has no \[\[nodes\]\] and no \[\[relationships\]\]"),
        ("[[load]]\nsource = 'pairs'\n", "pairs needs the path"),
        ("[store\n", r"line 1"),
        ("", r"loads nothing: it needs a \[\[load\]\]"),
    ],
)
def test_what_a_configuration_says_wrongly_is_said_before_anything_runs(
    tmp_path: Path, text: str, sentence: str
) -> None:
    file = tmp_path / "graphfeed.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=sentence) as raised:
        Pipeline(file)
    assert str(file) in str(raised.value) or "source" in str(raised.value) or "path" in str(raised.value)


def test_a_missing_source_is_the_loader_s_to_say(tmp_path: Path) -> None:
    (tmp_path / "graphfeed.toml").write_text("[[load]]\nsource = 'pairs'\npath = 'none.txt'\n", encoding="utf-8")
    with pytest.raises(SourceError, match=r"none\.txt is not there"):
        Told.of(tmp_path / "graphfeed.toml")


def test_quick_is_a_whole_configuration() -> None:
    assert all(f"[{section}]" in QUICK for section in ("embed", "split", "train", "evaluate", "publish"))


def test_an_encoder_that_was_fine_tuned_again_is_another_one(tmp_path: Path) -> None:
    assert encoder_facts("tfidf") == {"encoder": "tfidf"}
    plain = encoder_facts(str(tmp_path))
    told = []
    for gain in (0.01, 0.02):
        (tmp_path / "finetuned.json").write_text(json.dumps({"gain": gain}), encoding="utf-8")
        told.append(encoder_facts(str(tmp_path)))
    assert plain["encoder"] == told[0]["encoder"]
    assert plain != told[0] != told[1]

"""The commands that run one stage take graphfeed.toml's settings for it; an option goes before them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from tests.face.conftest import Told

import graphfeed
from graphfeed.cli import main
from graphfeed.config import Config, config_of
from graphfeed.errors import ConfigError
from graphfeed.stage_settings import training_of


@pytest.fixture
def folder(sample_run: tuple[Path, Told], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the sample's run, in which we stand."""
    copy = shutil.copytree(sample_run[0], tmp_path / "copy")
    monkeypatch.chdir(copy)
    monkeypatch.delenv("GRAPHFEED_STORE", raising=False)
    return copy


def run(*words: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(list(words))
    return int(ended.value.code or 0)


def published(folder: Path) -> int:
    """The longest list."""
    with graphfeed.open(folder / "feed") as feed:
        rows = feed.cypher(
            "MATCH (g:Generation {active: true}) MATCH (u:User)-[r:RECOMMENDED]->(:Post) WHERE r.generation = g.id"
            " RETURN u.id AS user, count(*) AS n ORDER BY n DESC LIMIT 1"
        )
        return int(rows[0]["n"])


def test_publish_and_embed_take_the_files_settings(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    encoder = json.loads((folder / "feed" / "encoder.json").read_text(encoding="utf-8"))
    assert run("embed") == 0
    assert "as graphfeed.toml says: [embed]" in capfd.readouterr().err
    assert json.loads((folder / "feed" / "encoder.json").read_text(encoding="utf-8")) == encoder
    assert run("publish") == 0
    assert published(folder) == 20
    assert run("publish", "--top", "7") == 0
    assert published(folder) == 7


def test_train_is_as_run_trained(folder: Path) -> None:
    before = (folder / "feed" / "model" / "training.json").read_text(encoding="utf-8")
    assert run("train") == 0
    after = (folder / "feed" / "model" / "training.json").read_text(encoding="utf-8")
    settings = [json.loads(text)["settings"] for text in (before, after)]
    assert settings[0] == settings[1]


def test_options_go_before_the_file_and_only_their_own_keys(folder: Path) -> None:
    config, file = config_of("feed")
    present = training_of(config, file, None, None)
    given = training_of(config, file, 2.5, "random", {"towers": {"epochs": 1}})
    assert (given.split.window_days, given.split.kind) == (2.5, "random")
    assert given.settings.towers.epochs == 1
    assert given.settings.mixture == present.settings.mixture
    with pytest.raises(ConfigError, match="--window-days takes a number above 0"):
        training_of(config, file, 0, None)


def test_the_file_is_for_its_own_store(folder: Path) -> None:
    assert config_of("other")[0] != Config(), "it names no store: it is for any"
    text = (folder / "graphfeed.toml").read_text(encoding="utf-8")
    (folder / "graphfeed.toml").write_text(f'[store]\nlocation = "feed"\n{text}', encoding="utf-8")
    assert config_of(str(folder / "feed"))[0] != Config()
    assert config_of("other")[0] == Config()
    assert config_of("neo4j://127.0.0.1:7687")[0] == Config()


def test_evaluating_on_validation_is_told_to_be_no_measurement(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run("evaluate", "--on", "validation", "--no-baselines") == 0
    assert "fitted once more with the validation part" in capfd.readouterr().err

"""``graphfeed tune`` as a user meets it: the table, the section, the file, and what it says when it cannot."""

from __future__ import annotations

import builtins
import tomllib
from pathlib import Path
from typing import Any

import pytest

import graphfeed
from graphfeed import cli
from graphfeed.cli_tune import section_of, show, write_settings
from graphfeed.errors import ConfigError
from graphfeed.options import out
from graphfeed.training.settings import ModelSettings
from graphfeed.training.tune import Tried, Tuning

BAD = """
[store]
location = "{store}"   # where it lies

[split]
window_days = 3
max_windows = 3

[train]                # mine
seed = 3
parts = ["factors"]    # too few
towers = {{ width = 8, epochs = 0 }}
mixture = {{ questions = 40, negatives = 40, ridge = [0.001] }}

[train.factors]
widths = [4]           # narrow
strengths = [[10.0, 0.1]]
iterations = 2

[publish]
top = 7                # not to be touched
"""
"""Factors alone know nothing of a post that nobody engaged with yet, and the sample's people read what is new."""


def run(*words: str) -> int:
    with pytest.raises(SystemExit) as ended:
        cli.main(words)
    assert isinstance(ended.value.code, int)
    return ended.value.code


@pytest.fixture
def config(sample_run: tuple[Path, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GRAPHFEED_STORE", raising=False)
    monkeypatch.setenv("GRAPHFEED_CONFIG", str(tmp_path / "graphfeed.toml"))
    file = tmp_path / "graphfeed.toml"
    file.write_text(BAD.format(store=sample_run[0] / "feed"), encoding="utf-8")
    return file


def tuning(changed: dict[str, Any], base: ModelSettings, gain: float = 0.1) -> Tuning:
    """A search in which the second trial changed something."""
    merged = base.model_dump(mode="json")
    for name, value in changed.items():
        merged[name] = {**merged[name], **value} if isinstance(value, dict) else value
    after = ModelSettings.model_validate(merged)
    first = Tried(0, base, {}, 0.2, 0.0, 0.0, 1.0)
    return Tuning(base, (first, Tried(1, after, changed, 0.2 + gain, gain, 0.05, 2.0)), 30, 60.0)


def test_what_wins_is_written_and_all_else_stays(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = config.read_text(encoding="utf-8")
    assert run("tune", "--minutes", "5", "--trials", "6", "--device", "cpu", "--write", str(config)) == 0
    shown = capsys.readouterr()
    assert "the present settings" in shown.out
    assert "more than a standard error" in shown.out
    assert "wrote [train]" in shown.err
    after = config.read_text(encoding="utf-8")
    for comment in ("# where it lies", "# mine", "# not to be touched"):
        assert comment in after
    old, new = tomllib.loads(before), tomllib.loads(after)
    assert {**new, "train": None} == {**old, "train": None}
    assert new["train"]["seed"] == 3
    assert set(new["train"]["parts"]) - {"factors"}
    assert not list(config.parent.glob("*.writing"))
    # The file says what the search found: from there nothing changed.
    assert run("tune", "--dry-run") == 0
    told = capsys.readouterr().out
    assert "validation questions choose" in told
    assert f"towers.layers: now {new['train']['towers'].get('layers', 2)}" in told


def test_what_wins_is_printed_as_a_section(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = config.read_bytes()
    assert run("tune", "--minutes", "5", "--trials", "6", "--device", "cpu") == 0
    shown = capsys.readouterr()
    section = tomllib.loads(shown.out[shown.out.index("[train") :])
    assert set(section) == {"train"}
    assert set(section["train"]["parts"]) - {"factors"}
    assert "graphfeed run" in shown.err
    assert config.read_bytes() == before


def test_a_feed_is_tuned_from_python(sample_run: tuple[Path, Any]) -> None:
    settings = ModelSettings.model_validate({"parts": ["time"], "mixture": {"questions": 40, "negatives": 40}})
    with graphfeed.open(sample_run[0] / "feed") as feed:
        found = feed.tune(settings, trials=1, device="cpu")
    assert [tried.settings for tried in found.tried] == [settings]
    assert not found.won


def test_present_settings_that_stay_are_said(capsys: pytest.CaptureFixture[str]) -> None:
    base = ModelSettings()
    for gain, said in ((0.04, "no more than a standard error"), (-0.1, "None is better than the present settings")):
        show(out(), tuning({"mixture": {"negatives": 900}}, base, gain))
        assert said in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[train]\nparts = ['time']\n",
        "[train]\ntowers = { layers = 1, width = 8 } # beside\n",
        "[train]\ntowers.layers = 1\n",
        "[train.towers]\nlayers = 1 # few\n\n[publish]\ntop = 3\n",
        "train = { parts = ['time'] }\n",
        "[publish]\ntop = 3 # last line without an end",
    ],
)
def test_any_form_of_a_section_is_merged(text: str, tmp_path: Path) -> None:
    file = tmp_path / "some.toml"
    file.write_text(text, encoding="utf-8")
    base = ModelSettings.model_validate(tomllib.loads(text).get("train", {}))
    found = tuning(
        {"parts": ["paths", "towers"], "towers": {"layers": 3, "epochs": 0}, "mixture": {"ridge": [0.5]}}, base
    )
    write_settings(file, found)
    after = tomllib.loads(file.read_text(encoding="utf-8"))
    assert ModelSettings.model_validate(after["train"]) == found.settings
    assert after.get("publish") == tomllib.loads(text).get("publish")
    for comment in ("# beside", "# few", "# last"):
        assert (comment in file.read_text(encoding="utf-8")) == (comment in text)


def test_a_file_that_is_not_there_is_made(tmp_path: Path) -> None:
    found = tuning({"factors": {"strengths": [[30.0, 0.1]]}}, ModelSettings())
    write_settings(tmp_path / "new.toml", found)
    assert (tmp_path / "new.toml").read_text(encoding="utf-8") == section_of(found.best.changed)
    assert tomllib.loads(section_of(found.best.changed)) == {"train": {"factors": {"strengths": [[30.0, 0.1]]}}}


def test_wrong_options_are_said_before_anything_is_trained(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words, said in (
        (["--minutes", "0"], "--minutes takes a number above 0"),
        (["--minutes", "nan"], "--minutes takes a number above 0"),
        (["--window-days", "-1"], "above 0"),
        (["--split", "sideways"], "--split takes one of"),
        (["--write", "no/such/folder/x.toml"], "cannot be written"),
        (["--write", str(config.parent)], "cannot be written"),
    ):
        assert run("tune", *words) == 1
        assert said in capsys.readouterr().err
    config.write_text("[train]\nlayers = 2\n", encoding="utf-8")
    assert run("tune") == 1
    assert "[train]" in capsys.readouterr().err


def test_without_tomlkit_it_is_said_first(
    config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    given = builtins.__import__

    def absent(name: str, *rest: Any) -> Any:
        if name.partition(".")[0] == "tomlkit":
            raise ImportError(name)
        return given(name, *rest)

    monkeypatch.setattr(builtins, "__import__", absent)
    assert run("tune", "--write", str(config)) == 1
    assert "graphfeed[tune]" in capsys.readouterr().err
    with pytest.raises(ConfigError, match="tomlkit"):
        section_of({})

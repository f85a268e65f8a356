"""The search for settings: it mends what was planted as bad, keeps what is good, and stays within its budget."""

from __future__ import annotations

import builtins
import time
from dataclasses import replace
from typing import Any

import numpy as np
import optuna
import pytest
from tests.training.worlds import living, two_groups

from graphfeed.errors import ConfigError, NothingToPredictError, TrainingError
from graphfeed.training.model import LinearModel
from graphfeed.training.search_space import SearchSpace, difference
from graphfeed.training.settings import ModelSettings, RunSettings
from graphfeed.training.split import Part, Split, SplitSettings, make_split
from graphfeed.training.tune import Tuning, tune

RUN = RunSettings(device="cpu", seed=1)


def settings(*parts: str, epochs: int = 2) -> ModelSettings:
    """Small ones, with these parts."""
    return ModelSettings.model_validate(
        {
            "parts": parts,
            "towers": {"width": 8, "epochs": epochs},
            "factors": {"widths": [4]},
            "mixture": {"questions": 100, "ridge": [1e-3, 1e-2]},
        }
    )


@pytest.fixture(scope="module")
def groups() -> Split:
    return make_split(two_groups())


@pytest.fixture(scope="module")
def mended(groups: Split) -> Tuning:
    return tune(groups, settings("time"), RUN, trials=10)


def test_a_part_that_is_missed_is_found(mended: Tuning, groups: Split) -> None:
    # The moment alone cannot know who belongs to which group.
    assert mended.tried[0].changed == {}
    assert mended.won
    assert mended.gain > 0.15
    assert mended.settings == mended.best.settings
    assert set(mended.settings.parts) > {"time"}
    model = LinearModel(mended.settings, RUN)
    model.choose(groups, kinds=("posts",))
    assert mended.best.value == pytest.approx(model.validated["posts"].mean())
    assert mended.questions == len(model.validated["posts"]) > 1


def test_towers_alone_get_what_they_miss_where_only_the_new_is_read() -> None:
    found = tune(make_split(living()), settings("towers", epochs=0), RUN, trials=8)
    assert found.won
    assert "time" in found.settings.parts
    assert found.best.value > 0.5 > found.tried[0].value


def test_gains_and_errors_are_of_the_same_questions(mended: Tuning, groups: Split) -> None:
    reached = []
    for chosen in (mended.base, mended.best.settings):
        model = LinearModel(chosen, RUN)
        model.choose(groups, kinds=("posts",))
        reached.append(model.validated["posts"])
    gains = reached[1] - reached[0]
    assert mended.best.gain == pytest.approx(gains.mean())
    assert mended.best.error == pytest.approx(gains.std() / np.sqrt(len(gains)))


def test_the_same_seed_gives_the_same_trials_and_another_does_not(mended: Tuning, groups: Split) -> None:
    again = tune(groups, settings("time"), RUN, trials=10)
    assert [(t.changed, t.value) for t in again.tried] == [(t.changed, t.value) for t in mended.tried]
    other = tune(groups, settings("time"), RUN.model_copy(update={"seed": 2}), trials=10)
    assert [t.changed for t in other.tried] != [t.changed for t in mended.tried]


def test_good_settings_stay() -> None:
    # Whoever reads the newest reads what is new: nothing beside time can add to it.
    found = tune(make_split(living()), settings("time"), RUN, trials=6)
    assert len(found.tried) > 1
    assert not found.won
    assert found.settings == found.base
    assert found.gain == 0


def test_a_gain_within_the_error_is_none(mended: Tuning) -> None:
    present, best = mended.tried[0], mended.best
    unsure = replace(best, error=best.gain * 1.01)
    assert not Tuning(mended.base, (present, unsure), 10, 1.0).won
    assert Tuning(mended.base, (present, replace(best, error=best.gain * 0.99)), 10, 1.0).won


def test_of_equals_the_one_that_changes_least_is_best(mended: Tuning) -> None:
    best = mended.best
    more = replace(best, number=1, changed={"parts": ["paths"], "mixture": {"ridge": [1.0], "negatives": 3}})
    less = replace(best, number=2, changed={"parts": ["paths"]})
    assert Tuning(mended.base, (mended.tried[0], more, less), 10, 1.0).best == less


def test_the_test_is_never_asked_for(groups: Split, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: set[str] = set()
    given = type(groups).rounds

    def watched(self: Any, part: Part, *rest: Any) -> Any:
        asked.add(part)
        return given(self, part, *rest)

    monkeypatch.setattr(type(groups), "rounds", watched)
    tune(groups, settings("paths", "time"), RUN, trials=3)
    assert asked == {"fit", "validation"}


def test_a_trial_that_the_budget_ends_is_not_counted(groups: Split) -> None:
    # The first trial is quick; what the later ones do is held up until the minutes are over.
    def slow(what: str, done: int, total: int, word: str) -> None:
        if not what.startswith(("trials", "trial 0")):
            time.sleep(1.5)

    began = time.monotonic()
    found = tune(groups, settings("time"), RUN, minutes=0.02, progress=slow)
    assert time.monotonic() - began < 30
    assert found.cut == 1
    assert found.tried[0].number == 0


def test_a_budget_is_respected(groups: Split) -> None:
    began = time.monotonic()
    found = tune(groups, settings("time"), RUN, minutes=0.05)
    assert time.monotonic() - began < 30  # three seconds, and at most one step of a trial
    assert len(found.tried) > 1


def test_a_budget_too_small_for_the_present_settings_is_said(groups: Split) -> None:
    for minutes in (1e-9, 1e-3):  # over before the first step, and within the first trial
        with pytest.raises(TrainingError, match="give more minutes"):
            tune(groups, settings("towers", epochs=500), RUN, minutes=minutes, progress=lambda *_: time.sleep(0.05))


def test_ctrl_c_keeps_what_was_found(groups: Split, capfd: pytest.CaptureFixture[str]) -> None:
    def at_the_third(what: str, done: int, total: int, word: str) -> None:
        if what.startswith("trial 2"):
            raise KeyboardInterrupt

    found = tune(groups, settings("time"), RUN, trials=10, progress=at_the_third)
    assert found.interrupted
    assert len(found.tried) == 2
    assert not {"Traceback", "Trial", "study"} & set(capfd.readouterr().err.replace("(", " ").split())

    def at_once(what: str, done: int, total: int, word: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tune(groups, settings("time"), RUN, trials=10, progress=at_once)


@pytest.mark.parametrize("budget", [{}, {"minutes": 0.0}, {"minutes": float("nan")}, {"trials": 0}])
def test_a_budget_that_is_none_is_said(groups: Split, budget: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r"minutes|trials"):
        tune(groups, settings("time"), RUN, **budget)


def test_no_question_is_said() -> None:
    split = make_split(living(), SplitSettings(validation=0.8, test=0.8))
    assert not list(split.rounds("validation", "posts"))
    with pytest.raises(NothingToPredictError, match="no question"):
        tune(split, settings("time"), RUN, trials=2)


def test_without_optuna_it_is_said(groups: Split, monkeypatch: pytest.MonkeyPatch) -> None:
    given = builtins.__import__

    def absent(name: str, *rest: Any) -> Any:
        if name.partition(".")[0] == "optuna":
            raise ImportError(name)
        return given(name, *rest)

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(ConfigError, match=r"graphfeed\[tune\]"):
        tune(groups, settings("time"), RUN, trials=1)


@pytest.mark.parametrize(
    "base",
    [settings("paths", "factors", "towers", "time"), settings("towers", epochs=0), settings("time"), ModelSettings()],
)
def test_the_present_settings_are_a_point_of_the_space(groups: Split, base: ModelSettings) -> None:
    space = SearchSpace(base, groups)
    study = optuna.create_study()
    study.enqueue_trial(space.present())
    assert space.ask(study.ask()) == base


def test_every_point_of_the_space_can_be_written_and_read(groups: Split) -> None:
    base = settings("towers", epochs=0)
    space, study = SearchSpace(base, groups), optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    seen = []
    for _ in range(60):
        found = space.ask(study.ask())
        changed = difference(found, base)
        assert ModelSettings.model_validate(found.model_dump()) == found
        assert None not in [v for s in changed.values() if isinstance(s, dict) for v in s.values()]  # TOML has no null
        seen.append(found)
    assert {s.towers.epochs for s in seen} == {0, 20}
    assert {s.mixture.questions for s in seen} == {base.mixture.questions}
    assert {s.factors.widths for s in seen} == {(4,), (8,)}

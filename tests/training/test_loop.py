"""The training loop: it learns, stops, and goes on after a kill to the very numbers it would have reached."""

from __future__ import annotations

import os
import random
from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from tests.graph.test_kill import ROOT, kill_round
from tests.training.worlds import two_groups

from graphfeed.errors import TrainingError
from graphfeed.training.loop import Fit, fit_towers, pick_device, tower_epochs, tower_width
from graphfeed.training.settings import RunSettings, TowerKind, TowerSettings
from graphfeed.training.split import make_split
from graphfeed.training.tower_kinds import make_towers

KILLS = max(2, int(os.environ.get("GRAPHFEED_KILLS", "7")) // 2)
SETTINGS = TowerSettings(width=16, epochs=6, patience=6, batch=64, negatives=32)
CHILD = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from tests.training import test_loop
test_loop.train(Path(sys.argv[2]))
while True:
    pass
"""


def train(folder: Path | None, settings: TowerSettings = SETTINGS) -> Fit:
    """Fit towers on the two groups; prints a line after each epoch."""
    torch.set_num_threads(1)
    split = make_split(two_groups())
    rounds = list(split.rounds("validation"))

    def told(what: str, done: int, steps: int, word: str) -> None:
        if word:
            print(done, flush=True)

    return fit_towers(split.training, rounds, settings, RunSettings(device="cpu", folder=folder), told)


def state(fit: Fit) -> dict[str, np.ndarray]:
    return {name: value.numpy().copy() for name, value in fit.towers.state_dict().items()}


def test_the_loss_falls_and_the_best_epoch_is_kept() -> None:
    fit = train(None)
    assert len(fit.losses) == 6
    assert fit.losses[-1] < fit.losses[0]
    assert fit.best_metric == pytest.approx(max([fit.best_metric, *fit.metrics]))


def test_it_stops_when_validation_no_longer_improves() -> None:
    hopeless = TowerSettings(width=16, epochs=50, patience=2, learning_rate=5.0, batch=64, negatives=32)
    fit = train(None, hopeless)
    assert fit.epoch < 50
    assert fit.epoch - fit.best_epoch == 2


def test_kill_in_training_and_go_on_to_the_same_numbers(tmp_path: Path) -> None:
    """Killed at a random moment and begun again, training ends with the towers of a run that nobody disturbed."""
    undisturbed = state(train(None))
    chance = random.Random(7)
    for number in range(KILLS):
        folder = tmp_path / str(number)
        printed = kill_round(
            CHILD, [str(ROOT), str(folder)], chance.random() * 0.3, tmp_path / f"{number}.out", after=1 + number % 4
        )
        assert (folder / "towers.checkpoint").exists()
        fit = train(folder)
        assert fit.epoch == 6, printed
        for name, value in state(fit).items():
            np.testing.assert_array_equal(value, undisturbed[name], err_msg=name)


@pytest.mark.parametrize("kind", ["hgt", "gat", "sage"])
def test_an_interrupted_run_of_any_kind_goes_on_to_the_same_numbers(tmp_path: Path, kind: TowerKind) -> None:
    settings = SETTINGS.model_copy(update={"kind": kind, "epochs": 4})
    split = make_split(two_groups())
    rounds = list(split.rounds("validation"))

    def interrupt(what: str, done: int, steps: int, word: str) -> None:
        if word and done == 2:
            raise KeyboardInterrupt

    run = RunSettings(device="cpu", folder=tmp_path)
    with pytest.raises(KeyboardInterrupt):
        fit_towers(split.training, rounds, settings, run, interrupt)
    resumed = fit_towers(split.training, rounds, settings, run)
    assert len(resumed.losses) == len(resumed.seconds) == 4
    undisturbed = fit_towers(split.training, rounds, settings, RunSettings(device="cpu"))
    assert resumed.losses == undisturbed.losses
    for name, value in state(resumed).items():
        np.testing.assert_array_equal(value, state(undisturbed)[name], err_msg=name)


def test_a_checkpoint_of_other_settings_is_left_alone(tmp_path: Path) -> None:
    train(tmp_path, SETTINGS.model_copy(update={"epochs": 2}))
    other = train(tmp_path, SETTINGS.model_copy(update={"learning_rate": 0.02}))
    fresh = train(None, SETTINGS.model_copy(update={"learning_rate": 0.02}))
    assert other.losses == fresh.losses


def test_width_and_epochs_go_with_the_data() -> None:
    assert [tower_width(TowerSettings(), links) for links in (10, 2_500, 650_000, 10**8)] == [32, 64, 1024, 1024]
    assert tower_width(TowerSettings(width=48), 10**8) == 48
    assert [tower_width(TowerSettings(), 10**7, nodes) for nodes in (70_000, 2_100_000, 10**9)] == [1024, 64, 32]
    assert TowerSettings(width=48).batch_links(810_000) == 16_384
    assert TowerSettings().batch_links(10**7) == 156_250
    assert tower_epochs(TowerSettings(), 10_000) == 20
    assert tower_epochs(TowerSettings(), 650_000) == 0
    assert tower_epochs(TowerSettings(epochs=3), 650_000) == 3
    assert tower_width(TowerSettings(kind="hgt"), 650_000) == 64
    assert tower_epochs(TowerSettings(kind="hgt"), 650_000) == 100


def test_settings_that_cannot_be_are_said() -> None:
    for given, said in (
        ({"fanout": [5]}, "each of the 2 layers"),
        ({"kind": "lstm"}, "linear"),
        ({"loss": "l2"}, "bpr"),
    ):
        with pytest.raises(ValidationError, match=said):
            TowerSettings.model_validate(given)


def test_a_device_that_is_not_there_is_said() -> None:
    assert pick_device("cpu").type == "cpu"
    if not torch.cuda.is_available():
        with pytest.raises(TrainingError, match="use cpu or auto"):
            pick_device("cuda")


def test_towers_of_an_earlier_version_are_linear() -> None:
    towers = make_towers({"width": 4, "known": {"Post": 3}, "text_width": 0, "names": ["engaged<"], "layers": 1})
    assert towers.kind == "linear"

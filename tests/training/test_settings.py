"""Settings that cannot be are refused by name, before anything is trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from graphfeed.config import Config
from graphfeed.errors import ConfigError
from graphfeed.training.split import SplitSettings
from graphfeed.training_section import read_training

NAN, INFINITE = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("split", "said"),
    [
        ({"window_days": 1e-9}, "window_days is from a minute to 36500 days, found 1e-09"),
        ({"window_days": INFINITE}, "window_days is from a minute"),
        ({"window_days": NAN}, "window_days is from a minute"),
        ({"fit": 1.5}, "shares from 0 to 1, none below the one before, found 1.5, 0.7 and 0.8"),
        ({"fit": NAN}, "shares from 0 to 1"),
        ({"validation": 0.9}, "none below the one before, found 0.35, 0.9 and 0.8"),
        ({"max_windows": -1}, "max_windows is 0 .all of them. or more, found -1"),
        ({"seed": -1}, "seed is from 0 to 4,294,967,295, found -1"),
        ({"seed": 2**32}, "seed is from 0"),
    ],
)
def test_splits_that_cannot_be(split: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        SplitSettings(**split)
    with pytest.raises(ConfigError, match=said):
        read_training(Config(split=split), Path("graphfeed.toml"))


@pytest.mark.parametrize(
    ("train", "said"),
    [
        ({"seed": -1}, r"\[train\]: seed is from 0 to 4,294,967,295, found -1"),
        ({"seed": 2**63}, r"\[train\]: seed is from 0"),
        ({"towers": {"negatives": 10**12}}, "towers.negatives: .* less than or equal to 1000000"),
        ({"towers": {"folds": 10**6}}, "towers.folds: .* less than or equal to 100"),
        ({"towers": {"learning_rate": INFINITE}}, "towers.learning_rate: .*finite"),
        ({"towers": {"width": 10**12}}, "towers.width"),
        ({"factors": {"widths": [-1]}}, r"factors.widths\[1\]: .* greater than or equal to 1, found -1"),
        ({"factors": {"strengths": [[NAN, 1]]}}, "factors.strengths.*finite|greater"),
        ({"factors": {"strengths": [[0, 0]]}}, "factors.strengths.* greater than 0"),
        ({"mixture": {"ridge": []}}, "mixture.ridge: .* at least 1 item"),
        ({"mixture": {"ridge": [-1]}}, r"mixture.ridge\[1\]: .* greater than or equal to 0"),
        ({"mixture": {"ridge": [NAN]}}, r"mixture.ridge\[1\]"),
        ({"reranker": {"learning_rate": INFINITE}}, "reranker.learning_rate: .*finite"),
    ],
)
def test_trainings_that_cannot_be(train: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        read_training(Config(train=train), Path("graphfeed.toml"))

"""One small feed from the sample community, trained with settings that take seconds, for all tests of the face."""

from __future__ import annotations

from pathlib import Path
from typing import Self

import pytest
from rich.console import Console

import graphfeed
from graphfeed.progress import ProgressBars
from graphfeed.stages import Pipeline

QUICK = """
[[load]]
source = "sample"

[embed]
encoder = "tfidf"

[split]
window_days = 3
max_windows = 3

[train]
parts = ["time"]
mixture = { questions = 40, negatives = 40, ridge = [0.001] }

[evaluate]
baselines = false

[publish]
top = 20
"""
"""A graphfeed.toml."""


class Told:
    """What a run of the stages said and returned."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.results: dict[str, object] = {}
        self.ran: list[str] = []

    @classmethod
    def of(cls, config: Path) -> Self:
        """Run a configuration."""
        told = cls()
        pipeline = Pipeline(config)
        with graphfeed.open(pipeline.location) as feed, ProgressBars(Console(quiet=True)) as bars:
            told.ran = pipeline.run(feed, told.said.append, told.results.__setitem__, bars)
        return told


@pytest.fixture(scope="session")
def sample_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Told]:
    """A folder with graphfeed.toml and its store, and what the first run told. Copy the folder to change it."""
    folder = tmp_path_factory.mktemp("sample")
    (folder / "graphfeed.toml").write_text(QUICK, encoding="utf-8")
    return folder, Told.of(folder / "graphfeed.toml")

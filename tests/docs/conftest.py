"""Two published communities, made once, for the pages that begin with one. Copy the folder to write into it."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from tests.readme_worlds import make_dump

import graphfeed
from graphfeed.training.settings import ModelSettings
from graphfeed.training.split import SplitSettings

QUICK = {"mixture": {"questions": 40, "negatives": 40, "ridge": [0.001]}, "towers": {"epochs": 0}}


@pytest.fixture(scope="session")
def dump_feed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small Stack Exchange site: people 26 and 1837, posts 4110 to 4133."""
    folder = tmp_path_factory.mktemp("dump")
    make_dump(folder / "dumps" / "quantumcomputing", random.Random(0))
    _publish(folder, ("stackexchange", folder / "dumps" / "quantumcomputing"), ("paths", "towers", "time"), 1.0)
    return folder / "feed"


@pytest.fixture(scope="session")
def sample_feed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample community."""
    folder = tmp_path_factory.mktemp("sample")
    _publish(folder, ("sample", None), ("towers", "time"), 7.0)
    return folder / "feed"


def _publish(folder: Path, source: tuple[str, Path | None], parts: tuple[str, ...], window_days: float) -> None:
    settings = ModelSettings.model_validate({"parts": parts, **QUICK})
    with graphfeed.open(folder / "feed") as feed:
        feed.load(*source)
        feed.embed("tfidf")
        feed.train(settings, SplitSettings(window_days=window_days, max_windows=3))
        feed.publish("latest", top=20)

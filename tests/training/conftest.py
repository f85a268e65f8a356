"""The sample community as tensors, and a model of it: made once for all tests of training."""

from __future__ import annotations

from pathlib import Path

import pytest

from graphfeed.graph.embed import embed
from graphfeed.graph.ingest import ingest
from graphfeed.graph.store import open_store
from graphfeed.graph.tensors import FeedGraph, read_graph
from graphfeed.loaders.sample import SampleLoader
from graphfeed.training.model import LinearModel
from graphfeed.training.settings import ModelSettings, RunSettings
from graphfeed.training.split import Split, SplitSettings, make_split

SMALL = ModelSettings.model_validate({"towers": {"epochs": 2}, "mixture": {"questions": 300}})


@pytest.fixture(scope="session")
def sample_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with the sample community and TF-IDF vectors. Not to be written to."""
    folder = tmp_path_factory.mktemp("sample") / "feed"
    with open_store(folder, create=True) as store:
        ingest(store, SampleLoader())
        embed(store, "tfidf")
    return folder


@pytest.fixture(scope="session")
def sample_graph(sample_store: Path) -> FeedGraph:
    with open_store(sample_store) as store:
        return read_graph(store)


@pytest.fixture(scope="session")
def sample_split(sample_graph: FeedGraph) -> Split:
    return make_split(sample_graph, SplitSettings(max_windows=8))


@pytest.fixture(scope="session")
def sample_model(sample_split: Split) -> LinearModel:
    model = LinearModel(SMALL, RunSettings(device="cpu"))
    model.fit(sample_split)
    return model

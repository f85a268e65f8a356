"""Train the model on a graph: what ``graphfeed train`` and ``Feed.train`` call."""

from __future__ import annotations

from graphfeed.graph.tensors import FeedGraph
from graphfeed.training.model import LinearModel
from graphfeed.training.ranker import Progress
from graphfeed.training.settings import ModelSettings, RunSettings
from graphfeed.training.split import Split, make_split


def train(
    graph: FeedGraph,
    split: Split | None = None,
    settings: ModelSettings | None = None,
    run: RunSettings | None = None,
    progress: Progress | None = None,
) -> LinearModel:
    """A fitted model.

    Raises TrainingError when there is too little to learn from, saying what is missing.
    """
    model = LinearModel(settings, run)
    model.fit(split or make_split(graph), progress)
    return model

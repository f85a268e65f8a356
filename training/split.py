"""Which part of the past is trained on, which chooses settings, and which is the test.

Rolling (a graph with times): at each of several moments ``t`` the graph until ``t`` is asked for what each person does
in ``(t, t + window]``. Moments in order: those that the mixture is fitted on, then validation, then test.

    |---------- training ----------|== fit ==|= validation =|==== test ====|  time
    0                             fit       validation      test           end     (shares of all links)

Given (a published split): the test pairs come from the data (HELD_OUT); fit and validation pairs are drawn at random
from the training pairs and hidden from the graph while they are asked for.

Leave-one-out, random and cold hold acts of the graph back: each person's last ones, a share of each person's, or all on
a share of the posts (``held_back.py``).
"""

from __future__ import annotations

from graphfeed.graph.tensors import FeedGraph
from graphfeed.training.given import GivenSplit
from graphfeed.training.held_back import ColdSplit, LeaveOneOutSplit, RandomSplit
from graphfeed.training.rolling import RollingSplit
from graphfeed.training.rounds import Part, Round, Split, SplitKind, SplitSettings, make_round

__all__ = [
    "ColdSplit",
    "GivenSplit",
    "LeaveOneOutSplit",
    "Part",
    "RandomSplit",
    "RollingSplit",
    "Round",
    "Split",
    "SplitKind",
    "SplitSettings",
    "make_round",
    "make_split",
]


def make_split(graph: FeedGraph, settings: SplitSettings | None = None) -> Split:
    """The split of the kind that is set; ``auto``: the given one where the data brings test pairs, else rolling.

    Raises TrainingError where the graph has not what the kind needs.
    """
    settings = settings or SplitSettings()
    match settings.kind:
        case "given":
            return GivenSplit(graph, settings)
        case "rolling":
            return RollingSplit(graph, settings)
        case "leave-one-out":
            return LeaveOneOutSplit(graph, settings)
        case "random":
            return RandomSplit(graph, settings)
        case "cold":
            return ColdSplit(graph, settings)
    return GivenSplit(graph, settings) if "test" in graph.held_out else RollingSplit(graph, settings)

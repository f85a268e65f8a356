"""Timing that another program's load does not decide: alternating rounds, and ratios within a round.

seconds = alternate({"ours": ours, "theirs": theirs}, rounds=7)
ratio_of(seconds, "theirs", "ours")        # how many times as fast ours is
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

Seconds = dict[str, list[float]]
"""By name, one for each round."""


def alternate(works: Mapping[str, Callable[[], object]], rounds: int, warm: bool = True) -> Seconds:
    """Run every work once a round, in an order that turns by one from round to round; seconds of each.

    ``warm``: run each once before, untimed, so that what is made at first use is not counted.
    """
    names = list(works)
    if warm:
        for work in works.values():
            work()
    seconds: Seconds = {name: [] for name in names}
    for number in range(rounds):
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:
            began = time.perf_counter()
            works[name]()
            seconds[name].append(time.perf_counter() - began)
    return seconds


def median(values: list[float]) -> float:
    """The median."""
    return float(np.median(values))


def ratio_of(seconds: Seconds, slower: str, faster: str) -> float:
    """The median over the rounds of the seconds of one over those of the other in the same round."""
    return median([a / b for a, b in zip(seconds[slower], seconds[faster], strict=True)])


def ratio_row(value: float, at_least: float | None = None, at_most: float | None = None) -> dict[str, Any]:
    """A ratio with what it should reach, ready for JSON; ``reached`` is absent where nothing was asked."""
    row: dict[str, Any] = {"ratio": round(value, 4)}
    if at_least is not None:
        row |= {"at_least": at_least, "reached": value >= at_least}
    if at_most is not None:
        row |= {"at_most": at_most, "reached": value <= at_most}
    return row

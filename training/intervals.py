"""Confidence intervals: bootstrap over people.

One person's questions are not independent of each other, so people are drawn, each with all their questions (a cluster
bootstrap). The same draws serve every ranker, which makes the interval of a difference a paired one.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from graphfeed.training.links import Int64

DRAWS = 1_000
LEVEL = 95
"""Per cent of the draws that an interval holds."""
NORMAL = 1.96
"""Standard errors to either side that hold as much of a normal distribution."""

Float64 = npt.NDArray[np.float64]


def resampled_means(values: npt.NDArray[np.floating], users: Int64, seed: int = 0, draws: int = DRAWS) -> Float64:
    """Means over questions in each draw of people, ``[draws, columns]``.

    ``values``: ``[questions, columns]``; ``users``: who asked, ``[questions]``.
    """
    people, place = np.unique(users, return_inverse=True)
    count = len(people)
    sums = np.zeros((count, values.shape[1] + 1))
    np.add.at(sums, place, np.column_stack([values, np.ones(len(values))]))
    rng = np.random.default_rng(seed)
    means = np.empty((draws, values.shape[1]))
    step = max(1, 2_000_000 // count)
    for start in range(0, draws, step):
        size = min(step, draws - start)
        drawn = rng.integers(0, count, (size, count)) + np.arange(size)[:, None] * count
        weight = np.bincount(drawn.ravel(), minlength=size * count).reshape(size, count)
        total = weight @ sums
        means[start : start + size] = total[:, :-1] / total[:, -1:]
    return means


def interval(means: Float64) -> tuple[Float64, Float64]:
    """Lower and upper end of the middle ``LEVEL`` per cent of the draws, ``[columns]`` each."""
    low, high = np.percentile(means, [(100 - LEVEL) / 2, (100 + LEVEL) / 2], axis=0)
    return low, high

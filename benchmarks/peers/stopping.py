"""When to stop: epochs while validation gets better, within a time that is reported."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from graphfeed.training.baselines.choosing import ndcg, validation_sample
from graphfeed.training.ranker import Progress, Scorer
from graphfeed.training.snapshot import Snapshot
from graphfeed.training.split import Split

MINUTES = 5.0
"""How long a peer may train while its epochs are chosen. Training again on all that is known takes about as long."""


@dataclass(frozen=True)
class Stop:
    """How many epochs were best, and whether time ran out first."""

    epochs: int
    """Those after which validation was best."""
    tried: int
    """Epochs in all."""
    ndcg: float
    """NDCG@10 on validation after the best one."""
    seconds: float
    capped: bool
    """Whether training ended because its time was over: more of it might have been better."""


def best_epochs(
    epoch: Callable[[], float],
    validate: Callable[[], float],
    *,
    most: int,
    every: int,
    patience: int,
    minutes: float,
    progress: Progress | None = None,
    name: str = "",
) -> Stop:
    """Train epoch after epoch, validating after each ``every``; stop after ``patience`` validations without a gain.

    ``epoch`` returns its loss. At most ``most`` epochs are run, and none begins after so many minutes.
    """
    began = time.monotonic()
    best, best_epoch, worse, done, capped = -1.0, 0, 0, 0, False
    while done < most and worse < patience and not capped:
        loss = epoch()
        done += 1
        capped = time.monotonic() - began > minutes * 60
        if done % every and not capped:
            continue
        value = validate()
        worse = 0 if value > best else worse + 1
        if value > best:
            best, best_epoch = value, done
        if progress:
            progress("fit", done, most, f"{name}: loss {loss:.4f}, validation NDCG@10 {value:.4f}")
    return Stop(best_epoch, done, best, time.monotonic() - began, capped and worse < patience and done < most)


def validation_ndcg(split: Split, scorer: Callable[[Snapshot], Scorer]) -> float:
    """Mean NDCG@10 on the questions that the baselines choose their settings on."""
    found = [ndcg(sample, scorer(sample.snapshot), "posts") for sample in validation_sample(split)]
    return float(np.concatenate(found).mean()) if found else 0.0

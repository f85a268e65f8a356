"""What every recommender is to the rest of graphfeed: something fitted once, then asked at moments.

The model and each baseline are a ``Ranker``. ``fit`` sees what a split has before its test and nothing else; ``scorer``
brings the ranker's graph up to a snapshot without training; a ``Scorer`` scores every candidate for a block of users.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

from graphfeed.training.links import Int64, LinkKind
from graphfeed.training.snapshot import Snapshot
from graphfeed.training.split import Split

Progress = Callable[[str, int, int, str], None]
"""Called with what is being done, steps done, steps in all (0: unknown), and a word on how it goes."""


RankerKind = Literal["model", "baseline", "oracle"]
"""An oracle knows what a planted community was made from: it shows the best that anything could reach."""


class Scorer(Protocol):
    """Scores at one moment."""

    def scores(self, users: Int64) -> npt.NDArray[np.float32]:
        """Scores ``[users, candidates]``, columns as in ``snapshot.candidates(kind)``; higher is better.

        What is excluded is scored as everything else: masking is the caller's. The result for a user does not depend on
        who else is in the block.
        """
        ...


class Ranker(Protocol):
    """A model or a baseline."""

    name: str

    @property
    def kind(self) -> RankerKind:
        """What it is reported as."""
        ...

    def fit(self, split: Split, progress: Progress | None = None) -> None:
        """Learn from the training part; choose settings on the validation part."""
        ...

    def scorer(self, snapshot: Snapshot, kind: LinkKind = "posts") -> Scorer:
        """The ranker with its graph brought up to the snapshot, without training."""
        ...

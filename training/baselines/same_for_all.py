"""A scorer that gives every user the same scores."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from graphfeed.training.links import Int64
from graphfeed.training.metrics import Float32


@dataclass(frozen=True)
class SameForAll:
    """Scores by candidate, ``[candidates]``."""

    values: Float32

    def scores(self, users: Int64) -> Float32:
        """The values once per user."""
        return np.tile(self.values.astype(np.float32), (len(users), 1))

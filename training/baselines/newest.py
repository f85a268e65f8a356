"""Newest first."""

from __future__ import annotations

from typing import Literal

import numpy as np

from graphfeed.training.baselines.same_for_all import SameForAll
from graphfeed.training.links import LINK_KINDS, LinkKind
from graphfeed.training.ranker import Progress, Scorer
from graphfeed.training.snapshot import Snapshot
from graphfeed.training.split import Split


class Newest:
    """Scores a node by when it was made; nodes without a time come last."""

    name = "newest"
    kind: Literal["baseline"] = "baseline"

    def fit(self, split: Split, progress: Progress | None = None) -> None:
        """Nothing to learn."""

    def scorer(self, snapshot: Snapshot, kind: LinkKind = "posts") -> Scorer:
        """Places in order of time: microseconds since 1970 do not fit into float32."""
        born = snapshot.graph.data[LINK_KINDS[kind][0]].time.numpy()[snapshot.candidates(kind)]
        _, place = np.unique(born, return_inverse=True)
        return SameForAll(place.astype(np.float32))

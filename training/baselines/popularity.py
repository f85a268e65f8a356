"""Popularity: whatever most people engaged with."""

from __future__ import annotations

from typing import Literal

import numpy as np

from graphfeed.training.baselines.same_for_all import SameForAll
from graphfeed.training.links import LINK_KINDS, LinkKind
from graphfeed.training.ranker import Progress, Scorer
from graphfeed.training.snapshot import Snapshot
from graphfeed.training.split import Split


class Popularity:
    """Scores a node by the number of people with an observed link to it."""

    name = "popularity"
    kind: Literal["baseline"] = "baseline"

    def fit(self, split: Split, progress: Progress | None = None) -> None:
        """Nothing to learn."""

    def scorer(self, snapshot: Snapshot, kind: LinkKind = "posts") -> Scorer:
        """Counts until the snapshot."""
        counts = np.bincount(snapshot.links(kind).target, minlength=snapshot.graph.count(LINK_KINDS[kind][0]))
        return SameForAll(counts[snapshot.candidates(kind)].astype(np.float32))

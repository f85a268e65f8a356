"""Recent popularity: engagement counts that halve with age ("momentum")."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from graphfeed.training.baselines.choosing import choose
from graphfeed.training.baselines.observed import learnt_from
from graphfeed.training.baselines.same_for_all import SameForAll
from graphfeed.training.links import LINK_KINDS, LinkKind
from graphfeed.training.ranker import Progress, Scorer
from graphfeed.training.snapshot import DAY, NO_TIME, Snapshot
from graphfeed.training.split import Split

SHARES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3)
"""Half-lives that are tried, as shares of the community's life so far."""


def lifetime(snapshot: Snapshot, kind: LinkKind = "posts") -> float:
    """Time since 2 % of the links were there, microseconds, at least a day. (The first may have an odd date.)"""
    times = snapshot.links(kind).time
    times = times[times != NO_TIME]
    return max(float(snapshot.now - times[len(times) // 50]), DAY) if len(times) else DAY


class RecentPopularity:
    """Scores a node by the sum of ``0.5 ** (age / half-life)`` over its observed links."""

    name = "recent_popularity"
    kind: Literal["baseline"] = "baseline"
    half_life: float = 30.0 * DAY
    """Microseconds."""

    def __init__(self, link: LinkKind = "posts") -> None:
        self.link: LinkKind = link

    def fit(self, split: Split, progress: Progress | None = None) -> None:
        """Choose the half-life on validation."""
        life = lifetime(learnt_from(split, self.link), self.link)

        def scorers(snapshot: Snapshot, half_lives: Sequence[float]) -> list[Scorer]:
            return [_decayed(snapshot, self.link, half_life) for half_life in half_lives]

        self.half_life = choose([share * life for share in SHARES], split, scorers, self.link)

    def scorer(self, snapshot: Snapshot, kind: LinkKind = "posts") -> Scorer:
        """Counts until the snapshot, decayed to its moment."""
        return _decayed(snapshot, kind, self.half_life)


def _decayed(snapshot: Snapshot, kind: LinkKind, half_life: float) -> SameForAll:
    links = snapshot.links(kind)
    timed = links.time != NO_TIME
    if timed.any():
        # A link without a time is taken for one as old as the oldest.
        age = (snapshot.now - np.where(timed, links.time, links.time[timed][0])) / half_life
    else:
        age = np.zeros(len(links))
    sums = np.bincount(links.target, 0.5**age, minlength=snapshot.graph.count(LINK_KINDS[kind][0]))
    # The logarithm keeps the order of what float32 would round to zero.
    logs = np.log2(np.maximum(sums, 1e-320))
    return SameForAll(logs[snapshot.candidates(kind)].astype(np.float32))

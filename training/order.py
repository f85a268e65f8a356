"""In which order each person engaged with posts: what came last, and what people went on to after a post."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from graphfeed.graph.store import NO_TIME
from graphfeed.training.links import Int64, Links

NEXT_ACTS = 10
"""What follows within so many acts counts as what people went on to; the k-th counts 1/k."""


@dataclass(frozen=True)
class Order:
    """Links that have a time, person by person in order of time."""

    links: Links
    after: Int64
    """How many acts of the same person come after each, ``[links]``."""

    @classmethod
    def of(cls, links: Links) -> Order:
        """Sort a snapshot's links, which are in order of time already, by person."""
        timed = np.flatnonzero(links.time != NO_TIME)
        order = timed[np.argsort(links.source[timed], kind="stable")]
        source = links.source[order]
        end = np.searchsorted(source, source, "right")
        return cls(Links(source, links.target[order], links.time[order]), end - 1 - np.arange(len(order)))

    def fading(self, acts: float) -> npt.NDArray[np.float32]:
        """Weights that halve every so many acts back from a person's last one, ``[links]``; never below a millionth."""
        return np.maximum(np.exp2(-self.after / acts), 1e-6).astype(np.float32)

    def next(self, posts: int) -> sp.csr_matrix:
        """Entry (i, j): how often people who engaged with i went on to j, ``[posts, posts]``."""
        first, then, weight = [], [], []
        for k in range(1, NEXT_ACTS + 1):
            place = np.flatnonzero(self.after >= k)
            first.append(self.links.target[place])
            then.append(self.links.target[place + k])
            weight.append(np.full(len(place), 1 / k, dtype=np.float32))
        ends = (np.concatenate(first), np.concatenate(then))
        return sp.csr_matrix((np.concatenate(weight), ends), shape=(posts, posts))

"""TF-IDF: posts whose words are those of the posts that a person engaged with, with and without freshness."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import scipy.sparse as sp
from sklearn.preprocessing import normalize

from graphfeed.graph.tensors import FeedGraph
from graphfeed.graph.term_vectors import TermVectors
from graphfeed.training.baselines.observed import learnt_from, observed
from graphfeed.training.links import LINK_KINDS, Int64, LinkKind
from graphfeed.training.metrics import Float32
from graphfeed.training.ranker import Progress, Scorer
from graphfeed.training.snapshot import Snapshot
from graphfeed.training.split import Split


@dataclass(frozen=True)
class TextScorer:
    """Cosine between the mean vector of what a user has a link to and each candidate."""

    links: sp.csr_matrix
    vectors: sp.csr_matrix
    candidates: Int64

    def scores(self, users: Int64) -> Float32:
        """0 for a user without a link and for a text without a known word."""
        profile = normalize(self.links[users] @ self.vectors)
        return np.asarray((profile @ self.vectors[self.candidates].T).toarray(), dtype=np.float32)


class TermProfiles:
    """Words are weighed by the posts that exist before validation begins; later posts are read with those weights."""

    def __init__(self, link: LinkKind = "posts") -> None:
        self.link: LinkKind = link
        self._label = LINK_KINDS[link][0]
        self._terms = TermVectors([], None)
        self._read: tuple[FeedGraph, sp.csr_matrix] | None = None

    def fit(self, split: Split) -> None:
        """Learn the words."""
        snapshot = learnt_from(split, self.link)
        texts = snapshot.graph.texts[self._label]
        there = np.flatnonzero(snapshot.graph.data[self._label].time.numpy() <= snapshot.now)
        self._terms, self._read = TermVectors.fit([texts[i] for i in there]), None

    def scorer(self, snapshot: Snapshot, kind: LinkKind) -> TextScorer:
        """Profiles from the links until the snapshot."""
        if self._read is None or self._read[0] is not snapshot.graph:
            self._read = (snapshot.graph, self._terms.transform(snapshot.graph.texts[self._label]))
        return TextScorer(observed(snapshot, kind), self._read[1], snapshot.candidates(kind))


class Tfidf:
    """Scores a node by the cosine of its text with those of the user's links."""

    name = "tfidf"
    kind: Literal["baseline"] = "baseline"

    def __init__(self, link: LinkKind = "posts") -> None:
        self._profiles = TermProfiles(link)

    def fit(self, split: Split, progress: Progress | None = None) -> None:
        """Learn the words."""
        self._profiles.fit(split)

    def scorer(self, snapshot: Snapshot, kind: LinkKind = "posts") -> Scorer:
        """Profiles from the links until the snapshot."""
        return self._profiles.scorer(snapshot, kind)

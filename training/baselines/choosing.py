"""Settings are chosen on the validation rounds only, by NDCG@10, from a short list."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar
from weakref import WeakKeyDictionary

import numpy as np
import scipy.sparse as sp

from graphfeed.training.links import LINK_KINDS, Int64, LinkKind
from graphfeed.training.metrics import Float32, best, per_list, sort_keys, tie_breaks
from graphfeed.training.ranker import Scorer
from graphfeed.training.snapshot import Snapshot
from graphfeed.training.split import Split

MOST_ROUNDS = 60
"""Validation rounds that are asked, at most, evenly spread."""
MOST_QUESTIONS = 4_000
"""Questions that are asked, at most, drawn at random."""
SEED = 0
MOST_CELLS = 16_000_000
"""Scores held at once, at most."""

Settings = TypeVar("Settings")


@dataclass(frozen=True)
class Sample:
    """Some questions of one validation round; rows of the matrices ``[users, candidates]`` belong to ``users``."""

    snapshot: Snapshot
    users: Int64
    answers: sp.csr_matrix
    excluded: sp.csr_matrix


_samples: WeakKeyDictionary[Split, dict[LinkKind, list[Sample]]] = WeakKeyDictionary()


def validation_sample(split: Split, kind: LinkKind = "posts") -> list[Sample]:
    """The questions that settings are chosen on: the same for all, drawn once per split."""
    drawn = _samples.setdefault(split, {})
    if kind not in drawn:
        drawn[kind] = _draw(split, kind)
    return drawn[kind]


def _draw(split: Split, kind: LinkKind) -> list[Sample]:
    whole = []
    for asked in split.rounds("validation", kind):
        snapshot = asked.snapshot
        # A fresh view: the round's own keeps what it has worked out, which for many rounds is much memory. A snapshot
        # with candidates of its own is the only one of its part, and stays.
        view = Snapshot(snapshot.past, snapshot.now, snapshot.kinds) if type(snapshot) is Snapshot else snapshot
        whole.append(Sample(view, asked.users, asked.answers, snapshot.excluded(kind, asked.users)))
    if len(whole) > MOST_ROUNDS:
        whole = [whole[i] for i in np.linspace(0, len(whole) - 1, MOST_ROUNDS).round().astype(int)]
    questions = sum(len(sample.users) for sample in whole)
    taken = np.zeros(questions, dtype=bool)
    taken[np.random.default_rng(SEED).permutation(questions)[:MOST_QUESTIONS]] = True
    found, start = [], 0
    for sample in whole:
        rows = np.flatnonzero(taken[start : start + len(sample.users)])
        start += len(sample.users)
        if len(rows):
            found.append(Sample(sample.snapshot, sample.users[rows], sample.answers[rows], sample.excluded[rows]))
    return found


def ndcg(sample: Sample, scorer: Scorer, kind: LinkKind) -> Float32:
    """NDCG@10 of each question of a sample, ``[users]``."""
    candidates = sample.snapshot.candidates(kind)
    ties = tie_breaks(sample.snapshot.graph.count(LINK_KINDS[kind][0]))[candidates]
    found, size = [], max(1, MOST_CELLS // max(len(candidates), 1))
    for start in range(0, len(sample.users), size):
        rows = slice(start, start + size)
        keys = sort_keys(scorer.scores(sample.users[rows]), sample.excluded[rows], ties)
        found.append(per_list(best(keys, 10), sample.answers[rows], (10,))["ndcg@10"])
    return np.concatenate(found)


def choose(
    candidates: Sequence[Settings],
    split: Split,
    scorers: Callable[[Snapshot, Sequence[Settings]], Sequence[Scorer]],
    kind: LinkKind = "posts",
    *,
    keep_first: bool = False,
) -> Settings:
    """The settings with the highest mean NDCG@10 on validation; the first of equals, and where there is no validation.

    With ``keep_first`` the first (a published value) stays unless the difference is more than twice its standard error.
    ``scorers`` gives one scorer for each of the settings at a snapshot, so that they can share work.
    """
    if len(candidates) == 1:
        return candidates[0]
    samples = validation_sample(split, kind)
    if not samples:
        return candidates[0]
    asked = [[ndcg(sample, s, kind) for s in scorers(sample.snapshot, candidates)] for sample in samples]
    values = np.concatenate([np.stack(found) for found in asked], axis=1)
    place = int(values.mean(1).argmax())
    better = values[place] - values[0]
    if keep_first and better.mean() <= 2 * better.std() / np.sqrt(len(better)):
        place = 0
    return candidates[place]

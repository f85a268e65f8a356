"""What a split is to the rest of graphfeed: rounds in which rankers are asked, and the graphs to learn from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
import scipy.sparse as sp

from graphfeed.errors import ConfigError
from graphfeed.training.links import Int64, LinkKind, Links, pair_matrix
from graphfeed.training.settings import LARGEST_SEED
from graphfeed.training.snapshot import Snapshot

_SHORTEST, _LONGEST = 1 / 1440, 36_500  # days: windows are counted, and times are microseconds in 64 bits
Part = Literal["fit", "validation", "test"]
SplitKind = Literal["auto", "rolling", "given", "leave-one-out", "random", "cold"]


@dataclass(frozen=True)
class Round:
    """One moment at which rankers are asked: who they are asked for, and what the right answers are."""

    snapshot: Snapshot
    end: int
    """Answers lie in ``(snapshot.now, end]``, microseconds."""
    users: Int64
    """Users with at least one answer, ascending."""
    answers: sp.csr_matrix
    """0/1 ``[users, candidates]``."""


class Split(Protocol):
    """What both kinds of split offer."""

    name: str
    training: Snapshot
    """The graph that is trained on while settings are chosen."""
    final: Snapshot
    """The graph that the chosen model is trained on before it is tested: all that is known where the test begins."""

    def rounds(self, part: Part, kind: LinkKind = "posts") -> Iterator[Round]:
        """The rounds of a part, in order of time; those without an answer are left out."""
        ...

    def describe(self) -> str:
        """One line that states every interval's ends, or how pairs were drawn."""
        ...


@dataclass(frozen=True)
class SplitSettings:
    """How the past is cut."""

    kind: SplitKind = "auto"
    """auto: the data's own test pairs where it brings them, else rolling; or a kind by name."""
    window_days: float = 1.0
    """Length of the window that is predicted, days."""
    fit: float = 0.35
    """Share of all links after which the windows begin that the mixture is fitted on."""
    validation: float = 0.7
    """Share of all links after which validation begins."""
    test: float = 0.8
    """Share of all links after which the test begins."""
    max_windows: int = 150
    """At most so many windows with answers in each part, evenly spread over it; 0: all of them."""
    held_back: float = 0.1
    """Random: share of each person's acts, cold: of the posts, that fit, validation and test take each."""
    seed: int = 0
    """For what is drawn at random, in all kinds but rolling and leave-one-out."""

    def __post_init__(self) -> None:
        """Raises ConfigError for what cannot be."""
        if not _SHORTEST <= self.window_days <= _LONGEST:
            raise ConfigError(f"[split] window_days is from a minute to {_LONGEST} days, found {self.window_days:g}")
        if not 0 <= self.fit <= self.validation <= self.test <= 1:
            raise ConfigError(
                "[split] fit, validation and test are shares from 0 to 1, none below the one before, found"
                f" {self.fit:g}, {self.validation:g} and {self.test:g}"
            )
        if self.max_windows < 0:
            raise ConfigError(f"[split] max_windows is 0 (all of them) or more, found {self.max_windows}")
        if not 0 <= self.seed <= LARGEST_SEED:
            raise ConfigError(f"[split] seed is from 0 to {LARGEST_SEED:,}, found {self.seed}")


def make_round(snapshot: Snapshot, end: int, answers: Links, kind: LinkKind) -> Round | None:
    """A round from the links that are its answers; those not among the candidates or excluded are dropped."""
    candidates = snapshot.candidates(kind)
    column = np.searchsorted(candidates, answers.target)
    known = column < len(candidates)
    known[known] = candidates[column[known]] == answers.target[known]
    users, row = np.unique(answers.source[known], return_inverse=True)
    if not len(users):
        return None
    matrix = pair_matrix(row.astype(np.int64), column[known], (len(users), len(candidates)))
    matrix = matrix - matrix.multiply(snapshot.excluded(kind, users) > 0)
    matrix.eliminate_zeros()
    left = np.diff(matrix.indptr) > 0
    return Round(snapshot, end, users[left], sp.csr_matrix(matrix[left])) if left.any() else None

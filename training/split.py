"""Which part of the past is trained on, which chooses settings, and which is the test.

Rolling (a graph with times): at each of several moments ``t`` the graph until ``t`` is asked for what each person does
in ``(t, t + window]``. Moments in order: those that the mixture is fitted on, then validation, then test.

    |---------- training ----------|== fit ==|= validation =|==== test ====|  time
    0                             fit       validation      test           end     (shares of all links)

Given (a published split): the test pairs come from the data (HELD_OUT); fit and validation pairs are drawn at random
from the training pairs and hidden from the graph while they are asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
import scipy.sparse as sp

from graphfeed.errors import TrainingError
from graphfeed.graph.store import NO_TIME
from graphfeed.graph.tensors import FeedGraph
from graphfeed.training.links import Int64, LinkKind, Links, pair_matrix
from graphfeed.training.snapshot import DAY, Past, Snapshot

Part = Literal["fit", "validation", "test"]


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
    seed: int = 0
    """For the random pairs of a given split."""


class RollingSplit:
    """Windows that follow each other in time."""

    name = "rolling"

    def __init__(self, graph: FeedGraph, settings: SplitSettings) -> None:
        self.settings = settings
        self.past = Past(graph)
        self._times = self.past.links["posts"].time
        self._times = self._times[self._times != NO_TIME]
        if len(self._times) < 20:
            raise TrainingError(
                f"expected at least 20 engagements with a time to cut the past in windows, found {len(self._times)}; "
                "give the engagements their times (`at`), or load a test split (`pairs` with a test file)"
            )
        self.fit_start, self.validation_start, self.test_start = (
            self._moment(share) for share in (settings.fit, settings.validation, settings.test)
        )
        self.end = int(self._times[-1])
        self._kinds = self.past.recommended_kinds(self.validation_start)
        self.training = Snapshot(self.past, self.fit_start, self._kinds)
        self.final = Snapshot(self.past, self.test_start, self._kinds)

    def _moment(self, share: float) -> int:
        return int(self._times[int(share * (len(self._times) - 1))])

    def rounds(self, part: Part, kind: LinkKind = "posts") -> Iterator[Round]:
        """Windows of a part that have an answer, in order of time."""
        start, stop = {
            "fit": (self.fit_start, self.validation_start),
            "validation": (self.validation_start, self.test_start),
            "test": (self.test_start, self.end),
        }[part]
        window = int(self.settings.window_days * DAY)
        links = self.past.links[kind]
        moments = [m for m in range(start, stop, window) if len(links.part(m, min(m + window, stop)))]
        if self.settings.max_windows and len(moments) > self.settings.max_windows:
            picked = np.linspace(0, len(moments) - 1, self.settings.max_windows).round().astype(int)
            moments = [moments[i] for i in picked]
        for now in moments:
            end = min(now + window, stop)
            made = make_round(Snapshot(self.past, now, self._kinds), end, links.part(now, end), kind)
            if made is not None:
                yield made

    def describe(self) -> str:
        """Interval ends as dates."""
        at = [
            np.datetime64(m, "us").astype("datetime64[m]")
            for m in (self.fit_start, self.validation_start, self.test_start, self.end)
        ]
        return (
            f"rolling windows of {self.settings.window_days:g} days: training until {at[0]}, "
            f"fit ({at[0]}, {at[1]}], validation ({at[1]}, {at[2]}], test ({at[2]}, {at[3]}]"
        )


class GivenSplit:
    """A published split: the test pairs are the data's own.

    A fifth of each user's training pairs is hidden from the graph that is trained on. Half of the users fit the mixture
    with theirs, the other half validate with theirs; the test is asked of the whole training graph.
    """

    name = "given"

    def __init__(self, graph: FeedGraph, settings: SplitSettings, share: float = 0.2) -> None:
        if "test" not in graph.held_out:
            raise TrainingError("this graph holds no test pairs (HELD_OUT); load them with `pairs` and a test file")
        self.settings = settings
        self.whole = Past(graph)
        self._now = max(graph.latest_time(), 0)
        source, target = (row.numpy() for row in graph.held_out["test"])
        random = np.random.default_rng(settings.seed)
        hidden = _draw_pairs(self.whole.links["posts"], share, random)
        fits = random.random(graph.count("User"))[hidden.source] < 0.5
        self.answers: dict[Part, Links] = {
            "fit": Links(hidden.source[fits], hidden.target[fits], hidden.time[fits]),
            "validation": Links(hidden.source[~fits], hidden.target[~fits], hidden.time[~fits]),
            "test": Links(source, target, np.full(len(source), NO_TIME)),
        }
        self.training = Snapshot(Past(graph, hidden), self._now)
        self.final = Snapshot(self.whole, self._now)

    def rounds(self, part: Part, kind: LinkKind = "posts") -> Iterator[Round]:
        """One round: all users with an answer. Only user → post has given pairs."""
        if kind != "posts":
            return
        snapshot = self.final if part == "test" else self.training
        made = make_round(snapshot, self._now, self.answers[part], kind)
        if made is not None:
            yield made

    def describe(self) -> str:
        """How the pairs came about."""
        counts = {part: len(links) for part, links in self.answers.items()}
        return (
            f"given split: {counts['test']} test pairs from the data; drawn from the training pairs with seed "
            f"{self.settings.seed}: {counts['fit']} to fit, {counts['validation']} (of other users) to validate"
        )


def _draw_pairs(links: Links, share: float, random: np.random.Generator) -> Links:
    """A share of each user's pairs, drawn at random and rounded at random, so that people with few pairs are asked too.

    Everybody keeps at least one.
    """
    order = np.lexsort((random.random(len(links)), links.source))
    user = links.source[order]
    place = np.arange(len(user)) - np.searchsorted(user, user)
    pairs = np.bincount(user)
    wanted = np.minimum(np.floor(pairs * share + random.random(len(pairs))), pairs - 1)
    taken = order[place < wanted[user]]
    taken.sort()
    return Links(links.source[taken], links.target[taken], links.time[taken])


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


def make_split(graph: FeedGraph, settings: SplitSettings | None = None) -> Split:
    """The given split where the data brings test pairs, else the rolling one."""
    settings = settings or SplitSettings()
    return GivenSplit(graph, settings) if "test" in graph.held_out else RollingSplit(graph, settings)

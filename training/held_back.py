"""Splits that hold acts of the graph itself back: leave-one-out, at random, and whole posts.

In all of them three groups of acts are held back one after the other, and the graph is brought up as in the rolling
split: the fit acts are asked of a graph without any of the three, the validation acts of one that shows the fit acts,
the test acts of one that shows both. The moment is the same for all, the latest in the graph: what others did after
somebody's held back act is seen, as in the published splits of this kind.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from graphfeed.errors import TrainingError
from graphfeed.graph.store import NO_TIME
from graphfeed.graph.tensors import FeedGraph
from graphfeed.training.links import Int64, LinkKind, Links
from graphfeed.training.rounds import Part, Round, SplitSettings, make_round
from graphfeed.training.snapshot import Past, Snapshot

LATER: dict[Part, tuple[Part, ...]] = {
    "fit": ("fit", "validation", "test"),
    "validation": ("validation", "test"),
    "test": ("test",),
}
"""The groups that are hidden while each group is asked for."""


class HeldBackSplit(ABC):
    """Three groups of acts, each hidden from the graph that is asked for it and from those that are asked before it."""

    name = "held back"

    def __init__(self, graph: FeedGraph, settings: SplitSettings) -> None:
        self.settings = settings
        self._now = max(graph.latest_time(), 0)
        self.answers: dict[Part, Links] = self._drawn(graph)
        if not len(self.answers["test"]):
            raise TrainingError(self._too_little(graph))
        pasts = {part: Past(graph, _joined([self.answers[p] for p in hidden])) for part, hidden in LATER.items()}
        kinds = pasts["fit"].recommended_kinds(self._now)
        self._asked: dict[Part, Snapshot] = {part: Snapshot(past, self._now, kinds) for part, past in pasts.items()}
        self.training = self._asked["fit"]
        self.final = self._asked["test"]

    @abstractmethod
    def _drawn(self, graph: FeedGraph) -> dict[Part, Links]:
        """The acts of each group."""

    @abstractmethod
    def _too_little(self, graph: FeedGraph) -> str:
        """Why there is nothing to test, and what would be needed."""

    def rounds(self, part: Part, kind: LinkKind = "posts") -> Iterator[Round]:
        """One round: everybody with an answer. Only acts on posts are held back."""
        if kind == "posts":
            made = make_round(self._asked[part], self._now, self.answers[part], kind)
            if made is not None:
                yield made

    def describe(self) -> str:
        """How many acts are asked for, and what for."""
        fit, validation, test = (len(self.answers[part]) for part in ("fit", "validation", "test"))
        return f"{self.name} split: {self._rule()}; {test} acts to test, {validation} to validate, {fit} to fit"

    @abstractmethod
    def _rule(self) -> str:
        """How acts are held back, in words."""


class LeaveOneOutSplit(HeldBackSplit):
    """Each person's last act is the test, the last but one validates, the one before that fits.

    Asked for are people with at least three acts that have a time (four for the fit act, so that one is left). Acts of
    the same moment are taken in the order of loading.
    """

    name = "leave-one-out"

    def _drawn(self, graph: FeedGraph) -> dict[Part, Links]:
        acts = holdable(graph)
        dated = acts.time != NO_TIME
        acts = Links(acts.source[dated], acts.target[dated], acts.time[dated])
        order = np.argsort(acts.source, kind="stable")
        left, count = _places(acts.source[order])
        from_end = count - 1 - left
        wanted: dict[Part, npt.NDArray[np.bool_]] = {
            "test": (from_end == 0) & (count >= 3),
            "validation": (from_end == 1) & (count >= 3),
            "fit": (from_end == 2) & (count >= 4),
        }
        return {part: _taken(acts, order[rows]) for part, rows in wanted.items()}

    def _too_little(self, graph: FeedGraph) -> str:
        dated = int((Past(graph).links["posts"].time != NO_TIME).sum())
        return (
            "expected somebody with at least three engagements that have a time for the leave-one-out split, found "
            f"{dated} such engagements and nobody with three; give them times (`at`), or set another kind of split"
        )

    def _rule(self) -> str:
        return "each person's last act is the test, the last but one validates, the one before that fits the weights"


class RandomSplit(HeldBackSplit):
    """A share of each person's acts, drawn at random, is the test, another validates, another fits.

    Everybody with two acts has at least one in the test, with three one in validation, with four one to fit, and keeps
    at least one.
    """

    name = "random"

    def _drawn(self, graph: FeedGraph) -> dict[Part, Links]:
        acts = holdable(graph)
        share = _share(self.settings)
        random = np.random.default_rng(self.settings.seed)
        order = np.lexsort((random.random(len(acts)), acts.source))
        place, count = _places(acts.source[order])
        size = np.maximum(np.floor(count * share), 1)
        wanted: dict[Part, npt.NDArray[np.bool_]] = {
            "test": (place < size) & (count >= 2),
            "validation": (place >= size) & (place < 2 * size) & (count >= 3),
            "fit": (place >= 2 * size) & (place < 3 * size) & (count >= 4),
        }
        return {part: _taken(acts, order[rows]) for part, rows in wanted.items()}

    def _too_little(self, graph: FeedGraph) -> str:
        return "expected somebody with at least two engagements for the random split, found nobody; load engagements"

    def _rule(self) -> str:
        share, seed = f"{100 * self.settings.held_back:g} %", self.settings.seed
        return f"three times {share} of each person's acts, drawn with seed {seed}"


class ColdSplit(HeldBackSplit):
    """Whole posts are held back: everything that people did with a share of the posts is the test, and so on.

    Candidates of a round are the posts held back for it, and no others: how well posts that nobody has met are ranked
    among their like.
    """

    name = "cold"

    def _drawn(self, graph: FeedGraph) -> dict[Part, Links]:
        acts = holdable(graph)
        met = np.unique(acts.target)
        met = met[np.random.default_rng(self.settings.seed).permutation(len(met))]
        size = max(1, int(len(met) * _share(self.settings))) if len(met) >= 4 else 0
        parts: tuple[Part, ...] = ("test", "validation", "fit")
        self._posts = {part: np.sort(met[i * size : (i + 1) * size]) for i, part in enumerate(parts)}
        return {p: _taken(acts, np.flatnonzero(np.isin(acts.target, posts))) for p, posts in self._posts.items()}

    def rounds(self, part: Part, kind: LinkKind = "posts") -> Iterator[Round]:
        """One round: everybody with an answer, over the posts of the part."""
        if kind == "posts":
            asked = self._asked[part]
            snapshot = OnlyThese(asked.past, asked.now, asked.kinds, self._posts[part])
            made = make_round(snapshot, self._now, self.answers[part], kind)
            if made is not None:
                yield made

    def _too_little(self, graph: FeedGraph) -> str:
        return "expected at least four posts that somebody engaged with for the cold split, found fewer; load more"

    def _rule(self) -> str:
        share, seed = f"{100 * self.settings.held_back:g} %", self.settings.seed
        return f"three times {share} of the posts with all acts on them, drawn with seed {seed}"


class OnlyThese(Snapshot):
    """A snapshot whose candidates are some posts alone."""

    def __init__(self, past: Past, now: int, kinds: npt.NDArray[np.bool_], posts: Int64) -> None:
        super().__init__(past, now, kinds)
        found = super().candidates("posts")
        self._these = found[np.isin(found, posts)]

    def candidates(self, kind: LinkKind) -> Int64:
        """Those of the posts that are there; other kinds of links have all of theirs."""
        return self._these if kind == "posts" else super().candidates(kind)


def holdable(graph: FeedGraph) -> Links:
    """The acts that may be held back, in order of time: not those on posts that the person wrote, disliked or hid.

    Hiding such a pair would hide with it that the post must not be recommended.
    """
    whole = Snapshot(Past(graph), max(graph.latest_time(), 0))
    acts, posts = whole.links("posts"), graph.count("Post")
    other = [whole.edges(type_) for type_ in ("POSTED", "DISLIKED", "HID")]
    codes = np.concatenate([edges.source * posts + edges.target for edges in other])
    return _taken(acts, np.flatnonzero(~np.isin(acts.source * posts + acts.target, codes)))


def _share(settings: SplitSettings) -> float:
    if not 0 < settings.held_back < 1 / 3:
        raise TrainingError(
            f"[split] held_back takes a share above 0 and below a third, found {settings.held_back:g}: it is taken "
            "three times, for the weights, validation and the test"
        )
    return settings.held_back


def _places(users: Int64) -> tuple[Int64, Int64]:
    """Of rows in order of their user: the place of each among its user's, and how many these are."""
    first = np.searchsorted(users, users)
    return np.arange(len(users)) - first, np.searchsorted(users, users, "right") - first


def _taken(links: Links, rows: Int64) -> Links:
    rows = np.sort(rows)
    return Links(links.source[rows], links.target[rows], links.time[rows])


def _joined(parts: list[Links]) -> Links:
    source, target, time = (np.concatenate([getattr(p, name) for p in parts]) for name in ("source", "target", "time"))
    order = np.argsort(time, kind="stable")
    return Links(source[order], target[order], time[order])

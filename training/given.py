"""The given split: a published one, whose test pairs are the data's own (HELD_OUT)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import scipy.sparse as sp

from graphfeed.errors import TrainingError
from graphfeed.graph.store import NO_TIME
from graphfeed.graph.tensors import FeedGraph
from graphfeed.training.links import ENGAGEMENTS, Int64, LinkKind, Links, pair_matrix
from graphfeed.training.rounds import Part, Round, SplitSettings, make_round
from graphfeed.training.snapshot import Past, Snapshot


class GivenSplit:
    """A published split: the test pairs are the data's own.

    A fifth of each user's training pairs is hidden from the graph that is trained on; pairs that several types of acts
    speak of are not drawn, for a comment or a tag leaves more in the graph than the edge that is hidden. Half of the
    users fit the mixture with theirs, the other half validate with theirs; the test is asked of the whole training
    graph.

    Where the data brings validation pairs as well, these validate, and all users fit with theirs; they are never
    trained on, as where the published figures come from, and are not recommended in the test.
    """

    name = "given"

    def __init__(self, graph: FeedGraph, settings: SplitSettings, share: float = 0.2) -> None:
        if "test" not in graph.held_out:
            raise TrainingError(
                "expected test pairs in the data (HELD_OUT) for the given split, found none; load them with `pairs` "
                "and a test file, or set another kind of split"
            )
        self.settings = settings
        self.whole = Past(graph)
        self._now = max(graph.latest_time(), 0)
        random = np.random.default_rng(settings.seed)
        hidden = _draw_pairs(_said_once(graph, self.whole.links["posts"]), share, random)
        fits = random.random(graph.count("User"))[hidden.source] < 0.5
        self._validation_given = "validation" in graph.held_out
        if self._validation_given:
            fits[:] = True
        self.answers: dict[Part, Links] = {
            "fit": _some(hidden, fits),
            "validation": _held_out(graph, "validation") if self._validation_given else _some(hidden, ~fits),
            "test": _held_out(graph, "test"),
        }
        self.training = Snapshot(Past(graph, hidden), self._now)
        self.final = Snapshot(self.whole, self._now)

    def rounds(self, part: Part, kind: LinkKind = "posts") -> Iterator[Round]:
        """One round: all users with an answer. Only user → post has given pairs."""
        if kind != "posts":
            return
        snapshot = self.final if part == "test" or (part == "validation" and self._validation_given) else self.training
        if part == "test" and self._validation_given:
            snapshot = _AlsoMet(self.whole, self._now, self.answers["validation"])
        made = make_round(snapshot, self._now, self.answers[part], kind)
        if made is not None:
            yield made

    def describe(self) -> str:
        """How the pairs came about."""
        counts = {part: len(links) for part, links in self.answers.items()}
        drawn = f"drawn from the training pairs with seed {self.settings.seed}: {counts['fit']} to fit"
        if self._validation_given:
            both = f"{counts['test']} test and {counts['validation']} validation pairs"
            return f"given split: {both} from the data; {drawn}"
        return (
            f"given split: {counts['test']} test pairs from the data; "
            f"{drawn}, {counts['validation']} (of other users) to validate"
        )


class _AlsoMet(Snapshot):
    """A snapshot in which people have also met some pairs that the graph does not show."""

    def __init__(self, past: Past, now: int, met: Links) -> None:
        super().__init__(past, now)
        shape = (self.graph.count("User"), self.graph.count("Post"))
        self._also = sp.csr_matrix(pair_matrix(met.source, met.target, shape).tocsc()[:, self.candidates("posts")])

    def excluded(self, kind: LinkKind, users: Int64) -> sp.csr_matrix:
        found = super().excluded(kind, users)
        return sp.csr_matrix(found + self._also[users]) if kind == "posts" else found


def _held_out(graph: FeedGraph, name: str) -> Links:
    source, target = (row.numpy() for row in graph.held_out[name])
    return Links(source, target, np.full(len(source), NO_TIME))


def _some(links: Links, wanted: np.ndarray) -> Links:
    return Links(links.source[wanted], links.target[wanted], links.time[wanted])


def _said_once(graph: FeedGraph, links: Links) -> Links:
    """The pairs that one type of act speaks of, as long as they are at least half of all."""
    posts = graph.count("Post")
    types = [np.concatenate([graph.data[e].edge_index.numpy() for e in graph.relation(t)], axis=1)
             for t in ENGAGEMENTS if graph.relation(t)]  # fmt: skip
    codes = np.concatenate([np.unique(source * posts + target) for source, target in types])
    pair, times = np.unique(codes, return_counts=True)
    once = np.isin(links.source * posts + links.target, pair[times == 1])
    return _some(links, once) if once.mean() >= 0.5 else links


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

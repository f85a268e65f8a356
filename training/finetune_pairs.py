"""The pairs of texts that a text encoder is fine-tuned on: what this community deals with together.

    pairs = find_pairs(split.training, FinetuneSettings(), seed=0)
    pairs.texts[pairs.left[0]], pairs.texts[pairs.right[0]], pairs.kind_of(0)

Only what the snapshot shows: links and nodes until its moment, without the pairs that its split holds back. Kinds:

- ``together``  two posts that one person engaged with, near to each other in the order of time (at random where there
                are no times)
- ``person``    what a person says about themselves, and a post that they engaged with
- ``reply``     a post and the post that it replies to
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from graphfeed.graph.links_seen import LinksSeen, pair_hashes
from graphfeed.graph.store import NO_TIME
from graphfeed.training.finetune_settings import PAIR_KINDS, FinetuneSettings, PairKind
from graphfeed.training.links import Int64
from graphfeed.training.snapshot import Snapshot

Float32 = npt.NDArray[np.float32]
_Ends = tuple[Int64, Int64]


@dataclass(frozen=True)
class TextPairs:
    """Pairs of texts, each pair of one kind once."""

    texts: list[str]
    """Distinct texts, those of some pair alone."""
    nodes: Int64
    """A node of each text ``[texts]``: a post's index, or -1 minus a person's."""
    left: Int64
    """Place of one text of each pair in ``texts``, ``[pairs]``; for a reply the answer, for a person their own text."""
    right: Int64
    """Of the other one."""
    kind: Int64
    """Place of the kind in ``PAIR_KINDS``, ``[pairs]``."""
    seen: LinksSeen
    """The engagements that the pairs follow from."""

    def __len__(self) -> int:
        return len(self.left)

    def kind_of(self, pair: int) -> PairKind:
        """The kind of one pair."""
        return PAIR_KINDS[int(self.kind[pair])]

    def counts(self) -> dict[PairKind, int]:
        """How many pairs of each kind."""
        return {kind: int((self.kind == place).sum()) for place, kind in enumerate(PAIR_KINDS)}

    def log_share(self) -> Float32:
        """Logarithm of each text's share of all ends of pairs, ``[texts]``."""
        often = np.bincount(np.concatenate([self.left, self.right]), minlength=len(self.texts))
        return np.log(np.maximum(often, 1) / max(2 * len(self), 1)).astype(np.float32)

    def codes(self) -> Int64:
        """Every pair as one number, either way round, ascending."""
        size = len(self.texts)
        return np.unique(np.concatenate([self.left * size + self.right, self.right * size + self.left]))


def find_pairs(snapshot: Snapshot, settings: FinetuneSettings, seed: int) -> TextPairs:
    """The pairs of a snapshot. The same seed draws the same ones; ``len`` is 0 where there is none."""
    random = np.random.default_rng(seed)
    found: dict[PairKind, _Ends] = {}
    if "together" in settings.pairs:
        found["together"] = _together(snapshot, settings, random)
    if "person" in settings.pairs:
        found["person"] = _person(snapshot, settings)
    if "reply" in settings.pairs:
        found["reply"] = _reply(snapshot)
    left, right = (np.concatenate([ends[side] for ends in found.values()]) for side in (0, 1))
    kind = np.concatenate([np.full(len(ends[0]), PAIR_KINDS.index(name)) for name, ends in found.items()])
    return _by_text(snapshot, left, right, kind.astype(np.int64))


def _together(snapshot: Snapshot, settings: FinetuneSettings, random: np.random.Generator) -> _Ends:
    links = snapshot.links("posts")
    kept = _has_text(snapshot, "Post")[links.target]
    user, post, time = links.source[kept], links.target[kept], links.time[kept]
    order = np.lexsort((random.random(len(user)), time, user))  # who acted at one moment, or at none, in any order
    user, post = user[order], post[order]
    pairs = []
    for step in range(1, settings.reach + 1):
        same = user[step:] == user[:-step]
        pairs.append(np.stack([user[step:][same], post[:-step][same], post[step:][same]]))
    who, one, other = np.concatenate(pairs, axis=1)
    some = _at_most(who, settings.person_pairs, random)
    one, other = np.minimum(one, other)[some], np.maximum(one, other)[some]
    return _distinct(one, other)


def _person(snapshot: Snapshot, settings: FinetuneSettings) -> _Ends:
    graph, links = snapshot.graph, snapshot.links("posts")
    says = np.array([len(text.split()) >= settings.least_words for text in graph.texts["User"]], dtype=bool)
    says &= graph.data["User"].time.numpy() <= snapshot.now
    kept = says[links.source] & _has_text(snapshot, "Post")[links.target]
    return -1 - links.source[kept], links.target[kept]


def _reply(snapshot: Snapshot) -> _Ends:
    edges, texts = snapshot.edges("REPLIES_TO"), _has_text(snapshot, "Post")
    kept = texts[edges.source] & texts[edges.target] & ~_of_held_back(snapshot, edges.source, edges.target)
    return _distinct(edges.source[kept], edges.target[kept])


def _of_held_back(snapshot: Snapshot, reply: Int64, target: Int64) -> npt.NDArray[np.bool_]:
    """Which replies are by somebody whose engagement with the target is held back: they would give it away."""
    hidden, posts = snapshot.past.hidden, snapshot.graph.count("Post")
    if hidden is None:
        return np.zeros(len(reply), dtype=bool)
    user, place = _author_of(snapshot, reply)
    wrong = np.isin(user * posts + target[place], hidden.source * posts + hidden.target)
    return np.isin(np.arange(len(reply)), place[wrong])


def _author_of(snapshot: Snapshot, posts: Int64) -> _Ends:
    """Authors of posts, and the place in ``posts`` of what each wrote; a post may have none or several."""
    posted = snapshot.edges("POSTED")
    order = np.argsort(posted.target, kind="stable")
    low, high = (np.searchsorted(posted.target[order], posts, side) for side in ("left", "right"))
    place = np.repeat(np.arange(len(posts)), high - low)
    edge = order[np.arange(len(place)) - np.repeat(np.cumsum(high - low) - high, high - low)]
    return posted.source[edge], place


def _by_text(snapshot: Snapshot, left: Int64, right: Int64, kind: Int64) -> TextPairs:
    """Nodes to texts: nodes of one text are one, and a text is no pair with itself."""
    graph = snapshot.graph
    nodes, place = np.unique(np.concatenate([left, right]), return_inverse=True)
    every = [graph.texts["Post"][node] if node >= 0 else graph.texts["User"][-1 - node] for node in nodes.tolist()]
    texts = list(dict.fromkeys(every))
    row = {text: number for number, text in enumerate(texts)}
    of_node = np.array([row[text] for text in every], dtype=np.int64)
    first = nodes[np.unique(of_node, return_index=True)[1]]
    to_text = of_node[place]
    left, right = to_text[: len(left)], to_text[len(left) :]
    _, once = np.unique(np.stack([left, right, kind]), axis=1, return_index=True)
    once = np.sort(once)
    once = once[left[once] != right[once]]
    seen = _links_seen(snapshot)
    return TextPairs(texts, first, left[once], right[once], kind[once], seen)


def _links_seen(snapshot: Snapshot) -> LinksSeen:
    """All that the snapshot shows: which of it went into a pair depends on what was drawn."""
    graph, links, replies = snapshot.graph, snapshot.links("posts"), snapshot.edges("REPLIES_TO")
    user, place = _author_of(snapshot, replies.source)
    source, target = np.concatenate([links.source, user]), np.concatenate([links.target, replies.target[place]])
    time = np.concatenate([links.time, replies.time])
    hidden = snapshot.past.hidden
    pairs = pair_hashes(graph.ids["User"], graph.ids["Post"], source, target)
    if hidden is not None:  # such replies are no pairs
        pairs = pairs[~np.isin(pairs, pair_hashes(graph.ids["User"], graph.ids["Post"], hidden.source, hidden.target))]
    return LinksSeen.of(int(time.max(initial=NO_TIME)), pairs)


def _has_text(snapshot: Snapshot, label: str) -> npt.NDArray[np.bool_]:
    graph = snapshot.graph
    texts = np.array([bool(text.strip()) for text in graph.texts[label]], dtype=bool)
    return np.asarray(texts & (graph.data[label].time.numpy() <= snapshot.now))


def _at_most(group: Int64, most: int, random: np.random.Generator) -> Int64:
    """At most so many rows of each group, drawn at random, ascending."""
    order = np.lexsort((random.random(len(group)), group))
    place = np.arange(len(group)) - np.searchsorted(group[order], group[order])
    return np.sort(order[place < most])


def _distinct(left: Int64, right: Int64) -> _Ends:
    """Each pair once, without pairs of a post with itself."""
    left, right = np.unique(np.stack([left, right])[:, left != right], axis=1)
    return left, right

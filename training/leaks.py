"""The audit of a split: can anything that is to be predicted, or follows from it, be seen by who predicts it?

    check_leaks(make_split(graph))        # raises LeakError
    for leak in audit(split): print(leak)

It does not trust ``Snapshot``: it looks at what a snapshot shows and compares it with the split's own answers.
An ``error`` is a leak. A ``warning`` is something that cannot be told from the graph alone, with how often it occurs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from graphfeed.errors import LeakError
from graphfeed.graph.tensors import FeedGraph
from graphfeed.loaders.records import RELATIONSHIP_TYPES
from graphfeed.training.encoder_leaks import learned_answers
from graphfeed.training.held_back import holdable
from graphfeed.training.links import ENGAGEMENTS, LINK_KINDS, Int64, LinkKind, pair_matrix
from graphfeed.training.snapshot import NO_TIME, Snapshot
from graphfeed.training.split import Part, Round, Split

PARTS: tuple[Part, ...] = ("fit", "validation", "test")


@dataclass(frozen=True)
class Leak:
    """One way in which the future shows."""

    rule: str
    """Which rule is broken, one word per rule: see the functions below."""
    where: str
    """The part and moment, or the relation."""
    count: int
    """How many edges, pairs or nodes."""
    example: str
    """One of them, by node ids."""
    severity: Literal["error", "warning"] = "error"

    def __str__(self) -> str:
        return f"{self.rule} ({self.where}): {self.count:,}, for example {self.example}"


def check_leaks(split: Split, kind: LinkKind = "posts") -> list[Leak]:
    """Audit a split and return the warnings.

    Raises LeakError when there is an error among the findings.
    """
    found = audit(split, kind)
    errors = [leak for leak in found if leak.severity == "error"]
    if errors:
        raise LeakError(
            f"expected nothing of the future in the training graph, found {len(errors)} leak(s): "
            f"{'; '.join(map(str, errors[:3]))}; correct the times in the source, or the split"
        )
    return found


def audit(split: Split, kind: LinkKind = "posts") -> list[Leak]:
    """Everything that is wrong or doubtful about a split, each rule at most once per relation or moment."""
    graph = split.training.graph
    found = [*_graph_findings(graph), *_derived_findings(split.training, "training")]
    found += [*_derived_findings(split.final, "final training graph"), *_encoder_findings(split)]
    not_before = split.training.now
    for part in PARTS:
        end = not_before
        for asked in split.rounds(part, kind):
            where = f"{part}, {_date(asked.snapshot.now)}"
            found += [*_order_findings(asked, where, not_before), *_round_findings(asked, kind, where)]
            found += _shown(asked, kind, split.training, f"{where}, training graph")
            if split.name == "leave-one-out":
                found += _later_findings(asked, where)
            if part == "test":
                found += _shown(asked, kind, split.final, f"{where}, final training graph")
            # Within a part windows may overlap; no part begins before the one before it has ended.
            not_before, end = asked.snapshot.now, max(end, asked.end)
        not_before = end
    return found


# --- the graph -------------------------------------------------------------------------------------------


def _graph_findings(graph: FeedGraph) -> Iterator[Leak]:
    """``edge_before_end``, ``unordered``: errors. ``undated``, ``summed_count``: warnings."""
    for edge in graph.data.edge_types:
        store = graph.data[edge]
        pair, time = store.edge_index.numpy(), store.time.numpy()
        born = _born(graph, edge, pair)
        where = " ".join(edge)
        yield from _leak("edge_before_end", where, time < born, graph, edge, pair)
        if (time[1:] < time[:-1]).any():
            yield from _leak("unordered", where, np.append(False, time[1:] < time[:-1]), graph, edge, pair)
        # Seen from when its ends are there: right for who wrote it, wrong for a tag that was added a year later.
        born_with_it = edge[1] in ("POSTED", "REPLIES_TO")
        if len(time) and (time == born).all() and not born_with_it and graph.latest_time() != NO_TIME:
            yield from _leak("undated", where, time == born, graph, edge, pair, "warning")
        if edge[1] in ENGAGEMENTS and "count" in store:
            # The count is that of the whole life of the edge, its time that of the first act.
            yield from _leak("summed_count", where, store.count.numpy() > 1, graph, edge, pair, "warning")


def _encoder_findings(split: Split) -> Iterator[Leak]:
    """``encoder_learned``: the text vectors' encoder was fine-tuned on a link that the training graph does not show."""
    pair, learned = learned_answers(split, split.training.graph.links_seen)
    yield from _leak("encoder_learned", "text vectors", learned, split.training.graph, ("User", "posts", "Post"), pair)


def _born(graph: FeedGraph, edge: tuple[str, str, str], pair: Int64) -> Int64:
    source, target = graph.data[edge[0]].time.numpy(), graph.data[edge[2]].time.numpy()
    return np.asarray(np.maximum(source[pair[0]], target[pair[1]]))


# --- one round -------------------------------------------------------------------------------------------


def _order_findings(asked: Round, where: str, not_before: int) -> Iterator[Leak]:
    """``order``: a moment before the one that went before it, or an interval that ends before it begins."""
    now = asked.snapshot.now
    if now < not_before or asked.end < now:
        yield Leak("order", where, 1, f"now {_date(now)}, end {_date(asked.end)}, after {_date(not_before)}")


def _round_findings(asked: Round, kind: LinkKind, where: str) -> Iterator[Leak]:
    """``unborn_candidate``, ``late_edge``, ``unborn_end``, ``answer_outside_window``, and what ``_shown`` finds."""
    snapshot, label = asked.snapshot, LINK_KINDS[kind][0]
    graph, now = snapshot.graph, snapshot.now
    candidates = snapshot.candidates(kind)
    late = graph.data[label].time.numpy()[candidates] > now
    if late.any():
        yield Leak("unborn_candidate", where, int(late.sum()), str(graph.ids[label][int(candidates[late][0])]))
    for type_ in RELATIONSHIP_TYPES:
        for edge in graph.relation(type_):
            edges = snapshot.edges(type_)
            pair = np.stack([edges.source, edges.target])
            yield from _leak("late_edge", f"{where}, {type_}", edges.time > now, graph, edge, pair)
            yield from _leak("unborn_end", f"{where}, {type_}", _born(graph, edge, pair) > now, graph, edge, pair)
    yield from _window_findings(asked, kind, where)
    yield from _shown(asked, kind, snapshot, where)
    yield from _reply_findings(asked, kind, where)


def _window_findings(asked: Round, kind: LinkKind, where: str) -> Iterator[Leak]:
    """``late_link``: a link shown before its time. ``answer_outside_window``: one not first seen in (now, end]."""
    snapshot, graph = asked.snapshot, asked.snapshot.graph
    edge = ("User", kind, LINK_KINDS[kind][0])
    for other in LINK_KINDS:
        shown = snapshot.links(other)
        pair = np.stack([shown.source, shown.target])
        label = ("User", other, LINK_KINDS[other][0])
        yield from _leak("late_link", f"{where}, {other}", shown.time > snapshot.now, graph, label, pair)
    whole = snapshot.past.links[kind]
    pair = np.stack([whole.source, whole.target])
    outside = (whole.time <= snapshot.now) | (whole.time > asked.end)
    wrong = _isin(pair, _answers(asked, kind), graph.count(edge[2])) & outside
    yield from _leak("answer_outside_window", where, wrong, graph, edge, pair)


def _shown(asked: Round, kind: LinkKind, snapshot: Snapshot, where: str) -> Iterator[Leak]:
    """``answer_shown``: an answer is an observed link or an edge of a snapshot. ``answer_reversed``: its reverse is.

    For people a link back is no leak: she may have followed him before he followed her.
    """
    graph, label = snapshot.graph, LINK_KINDS[kind][0]
    answers = _answers(asked, kind)
    links = snapshot.links(kind)
    pair = np.stack([links.source, links.target])
    nodes = graph.count(label)
    yield from _leak("answer_shown", where, _isin(pair, answers, nodes), graph, ("User", kind, label), pair)
    for edge in graph.data.edge_types:
        if kind == "people" and edge[1] != "FOLLOWS":
            continue
        if (edge[0], edge[2]) == ("User", label):
            pair = _visible(snapshot, edge)
            wrong = _isin(pair, answers, nodes)
            yield from _leak("answer_shown", f"{where}, {edge[1]}", wrong, graph, edge, pair)
        elif (edge[0], edge[2]) == (label, "User"):
            pair = _visible(snapshot, edge)
            wrong = _isin(pair[::-1], answers, nodes)
            yield from _leak("answer_reversed", f"{where}, {edge[1]}", wrong, graph, edge, pair)


def _visible(snapshot: Snapshot, edge: tuple[str, str, str]) -> Int64:
    """Edges that a snapshot shows; those of a type that it does not know, by their own time."""
    if edge[1] in RELATIONSHIP_TYPES:
        edges = snapshot.edges(edge[1])
        return np.stack([edges.source, edges.target])
    store = snapshot.graph.data[edge]
    return np.asarray(store.edge_index.numpy()[:, store.time.numpy() <= snapshot.now])


def _later_findings(asked: Round, where: str) -> Iterator[Leak]:
    """``later_shown``: where each person's last acts are held back, an act of theirs that came after the answer.

    Acts on posts that they wrote, disliked or hid are never held back and do not count.
    """
    graph = asked.snapshot.graph
    posts = graph.count("Post")
    acts = holdable(graph)
    place = np.zeros(len(acts), dtype=np.int64)
    order = np.argsort(acts.source, kind="stable")
    place[order] = np.arange(len(acts))
    pair = np.stack([acts.source, acts.target])
    links = asked.snapshot.links("posts")
    shown = _isin(pair, np.stack([links.source, links.target]), posts)
    answered = _isin(pair, _answers(asked, "posts"), posts)
    first = np.full(graph.count("User"), len(acts), dtype=np.int64)
    np.minimum.at(first, acts.source[answered], place[answered])
    yield from _leak("later_shown", where, shown & (place > first[acts.source]), graph, ("User", "posts", "Post"), pair)


def _reply_findings(asked: Round, kind: LinkKind, where: str) -> Iterator[Leak]:
    """``answer_replied``: the person's own reply to the answer's post is there already.

    A dated reply can be an earlier act (warning). One without a time is the very act that is to be predicted, and so is
    any where acts are hidden whatever their time (error).
    """
    if kind != "posts":
        return
    snapshot, graph = asked.snapshot, asked.snapshot.graph
    posted, replies = snapshot.edges("POSTED"), snapshot.edges("REPLIES_TO")
    users, posts = graph.count("User"), graph.count("Post")
    to = pair_matrix(replies.source, replies.target, (posts, posts))
    for undated in (True, False):
        some = (posted.time == NO_TIME) == undated
        through = (pair_matrix(posted.source[some], posted.target[some], (users, posts)) @ to).tocoo()
        pair = np.stack([through.row, through.col]).astype(np.int64)
        wrong = _isin(pair, _answers(asked, kind), posts)
        edge = ("User", "REPLIED", "Post")
        certain = undated or snapshot.past.hidden is not None
        yield from _leak("answer_replied", where, wrong, graph, edge, pair, "error" if certain else "warning")


# --- hidden pairs ----------------------------------------------------------------------------------------


def _derived_findings(snapshot: Snapshot, where: str) -> Iterator[Leak]:
    """``hidden_shown``: a hidden pair. ``hidden_derived``: a link that follows only from hidden pairs."""
    hidden, graph = snapshot.past.hidden, snapshot.graph
    if hidden is None or not len(hidden):
        return
    users, posts = graph.count("User"), graph.count("Post")
    links = snapshot.links("posts")
    pair = np.stack([links.source, links.target])
    wrong = _isin(pair, np.stack([hidden.source, hidden.target]), posts)
    yield from _leak("hidden_shown", where, wrong, graph, ("User", "posts", "Post"), pair)
    engaged = pair_matrix(links.source, links.target, (users, posts))
    posted, mentions, stated = (snapshot.edges(t) for t in ("POSTED", "MENTIONS", "INTERESTED_IN"))
    entities = graph.count("Entity")
    allowed: dict[LinkKind, sp.csr_matrix] = {
        "people": engaged @ pair_matrix(posted.target, posted.source, (posts, users)),
        "interests": engaged @ pair_matrix(mentions.source, mentions.target, (posts, entities))
        + pair_matrix(stated.source, stated.target, (users, entities)),
    }
    if graph.relation("FOLLOWS"):
        del allowed["people"]
    for kind, matrix in allowed.items():
        shown = snapshot.links(kind)
        pair = np.stack([shown.source, shown.target])
        known = np.stack(matrix.nonzero()).astype(np.int64)
        label = LINK_KINDS[kind][0]
        wrong = ~_isin(pair, known, graph.count(label))
        yield from _leak("hidden_derived", f"{where}, {kind}", wrong, graph, ("User", kind, label), pair)


# --- small things ----------------------------------------------------------------------------------------


def _answers(asked: Round, kind: LinkKind) -> Int64:
    row, column = asked.answers.nonzero()
    return np.stack([asked.users[row], asked.snapshot.candidates(kind)[column]])


def _isin(pair: Int64, others: Int64, targets: int) -> npt.NDArray[np.bool_]:
    return np.isin(pair[0] * targets + pair[1], others[0] * targets + others[1])


def _leak(
    rule: str,
    where: str,
    wrong: npt.NDArray[np.bool_],
    graph: FeedGraph,
    edge: tuple[str, str, str],
    pair: Int64,
    severity: Literal["error", "warning"] = "error",
) -> Iterator[Leak]:
    if wrong.any():
        source, target = pair[:, int(wrong.argmax())]
        example = f"{graph.ids[edge[0]][int(source)]} -> {graph.ids[edge[2]][int(target)]}"
        yield Leak(rule, where, int(wrong.sum()), example, severity)


def _date(moment: int) -> str:
    return str(np.datetime64(moment, "us").astype("datetime64[s]")) if moment != NO_TIME else "no time"

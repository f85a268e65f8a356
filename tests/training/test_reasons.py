"""Reasons are true: an edge's share is what the score loses without it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from graphfeed.graph.tensors import FeedGraph
from graphfeed.training.adjacency import ENDS
from graphfeed.training.links import LINK_KINDS, LinkKind
from graphfeed.training.model import LinearModel
from graphfeed.training.order import Order
from graphfeed.training.paths import PATHS, Path
from graphfeed.training.reasons import SAME_EDGES, Reason, explain_pairs
from graphfeed.training.scorer import LinearScorer
from graphfeed.training.snapshot import Past, Snapshot
from graphfeed.training.split import Split

EDGE_TYPES = {
    "posted": ("POSTED",),
    "follows": ("FOLLOWS",),
    "mentions": ("MENTIONS",),
    "related": ("RELATED_TO",),
    "cares": ("INTERESTED_IN",),
    "engaged": ("VIEWED", "LIKED", "SAVED", "SHARED", "COMMENTED"),
}
Pair = tuple[int, int, float, list[Reason]]


def explained(scorer: LinearScorer, users: np.ndarray, top: int = 8) -> list[Pair]:
    """(user, candidate's column, score, reasons) of each user's best candidates, with many reasons each."""
    scores = scorer.scores(users)
    columns = np.argsort(-scores, axis=1)[:, :top]
    rows = np.repeat(np.arange(len(users)), top)
    reasons = explain_pairs(scorer, users, rows, columns.ravel(), most=50)
    return [
        (int(users[row]), int(column), float(scores[row, column]), found)
        for row, column, found in zip(rows, columns.ravel(), reasons, strict=True)
    ]


def last_edge(kind: LinkKind, reason: Reason, label: str) -> tuple[str, int, int] | None:
    """Relation, source and target of the edge that a reason names; None for reasons without one."""
    if len(reason.path) < 3 or reason.type in ("similar_text", "about_you"):
        return None
    lengths = {len(p.steps) for p in PATHS[kind] if p.reason == reason.type}
    before, end = reason.path[-2], reason.path[-1]
    for path in PATHS[kind]:
        step = path.steps[-1]
        source, target = ENDS[step.relation]
        ends = (target, source) if step.backwards else (source, target)
        if path.reason == reason.type and ends == (before[0], end[0]) and len(reason.path) - 1 in lengths:
            relation = SAME_EDGES.get(step.relation, step.relation)
            pair = (end[1], before[1]) if step.backwards else (before[1], end[1])
            return relation, *pair
    return None


@pytest.mark.parametrize("kind", list(LINK_KINDS))
def test_shares_add_up_to_the_score(sample_model: LinearModel, sample_split: Split, kind: LinkKind) -> None:
    """All reasons together are the whole score, but for those too small to be given."""
    scorer = sample_model.scorer(sample_split.final, kind)
    for _, _, score, reasons in explained(scorer, np.arange(0, 60, 3)):
        if score > 0:
            assert 0.6 <= sum(reason.share for reason in reasons) <= 1 + 1e-4
            assert all(reason.share > 0 for reason in reasons)


def test_a_share_is_what_the_score_loses_without_the_edge(sample_model: LinearModel, sample_split: Split) -> None:
    """The edge is taken out of the last step of every path, the normalisation stays: the loss is the claim, exactly."""
    scorer = sample_model.scorer(sample_split.final)
    checked = 0
    for user, column, score, reasons in explained(scorer, np.arange(0, 120, 5), top=4):
        for reason in reasons[:6]:
            edge = last_edge("posts", reason, "Post")
            if edge is None:
                continue
            lost = _lost(scorer, user, column, reason.path[-2][1], edge[0])
            assert lost == pytest.approx(reason.share * score, rel=1e-3, abs=1e-5), reason
            checked += 1
    assert checked > 100


def _lost(scorer: LinearScorer, user: int, column: int, before: int, relation: str) -> float:
    """Sum over the paths that end with the edge (before, candidate): worked out path by path, without ``reasons``."""
    users = np.array([user])
    lost = 0.0
    for term, values in scorer.personal_terms(users):
        path: Path | None = term.path
        if (
            path is None
            or path.pivot_first
            or SAME_EDGES.get(path.steps[-1].relation, path.steps[-1].relation) != relation
        ):
            continue
        product = np.ones((1, 1), dtype=np.float64)
        for place, step in enumerate(path.steps[:-1]):
            matrix = scorer.adjacencies.step(step)
            product = matrix[users].toarray().astype(np.float64) if place == 0 else product @ matrix.toarray()
        edge = scorer.adjacencies.step(path.steps[-1])[before, scorer.candidates[column]]
        largest = values.max()
        if largest > 0:
            lost += scorer.weights[term.name] * product[0, before] * edge / largest
    return float(lost)


def test_deleting_the_edge_from_the_graph_lowers_the_score(sample_model: LinearModel, sample_split: Split) -> None:
    """The edge goes out of the graph itself and everything is worked out anew: degrees and the largest product too."""
    snapshot = sample_split.final
    scorer = sample_model.scorer(snapshot)
    claimed, lost = [], []
    for user, column, score, reasons in explained(scorer, np.arange(0, 136, 9), top=3):
        for reason in reasons[:3]:
            edge = last_edge("posts", reason, "Post")
            if edge is None or edge[0] not in EDGE_TYPES or reason.share < 0.03:
                continue
            graph = _without(snapshot.graph, EDGE_TYPES[edge[0]], edge[1], edge[2])
            again = sample_model.scorer(Snapshot(Past(graph), snapshot.now, snapshot.kinds))
            place = np.flatnonzero(again.candidates == scorer.candidates[column])
            claimed.append(reason.share * score)
            lost.append(score - float(again.scores(np.array([user]))[0, place[0]]))
    claims, losses = np.array(claimed), np.array(lost)
    assert len(claims) >= 25
    assert (losses > 0).mean() >= 0.95
    # What renormalisation explains: the remaining paths weigh a little more, other terms lose the edge as well.
    assert (losses >= 0.5 * claims).mean() >= 0.85
    # Where the candidate was a term's best for the person, all of the term's values rise against the new best one.
    assert 0.7 <= np.median(losses / claims) <= 1.02


def _without(graph: FeedGraph, types: tuple[str, ...], source: int, target: int) -> FeedGraph:
    data = graph.data.clone()
    for edge in data.edge_types:
        if edge[1] in types:
            index = data[edge].edge_index
            gone = (index[0] == source) & (index[1] == target)
            if edge[0] == edge[2]:
                gone |= (index[0] == target) & (index[1] == source) & torch.tensor(edge[1] == "RELATED_TO")
            data[edge].edge_index = index[:, ~gone]
            data[edge].time, data[edge].count = data[edge].time[~gone], data[edge].count[~gone]
            for name in ("evidence", "relation"):
                if name in data[edge]:
                    data[edge][name] = data[edge][name][~gone]
    return FeedGraph(data, graph.ids, graph.texts, graph.kinds)


def test_paths_are_in_the_graph(sample_model: LinearModel, sample_split: Split) -> None:
    """Two neighbours on a path are joined by an edge, by their texts, or by people who went from one to the other."""
    snapshot = sample_split.final
    went_on = Order.of(snapshot.links("posts")).next(snapshot.graph.count("Post"))
    joined: set[tuple[tuple[str, int], tuple[str, int]]] = set()
    for edge in snapshot.graph.data.edge_types:
        known = snapshot.graph.data[edge].time <= snapshot.now
        for source, target in snapshot.graph.data[edge].edge_index[:, known].T.tolist():
            joined |= {((edge[0], source), (edge[2], target)), ((edge[2], target), (edge[0], source))}
    for kind in LINK_KINDS:
        for _, _, _, reasons in explained(sample_model.scorer(snapshot, kind), np.arange(0, 136, 11)):
            for reason in reasons:
                steps = list(zip(reason.path, reason.path[1:], strict=False))
                text = reason.type in ("similar_text", "about_you")
                for step in steps[:-1] if text else steps:
                    if reason.type == "next" and step[0][0] == "Post":
                        assert went_on[step[0][1], step[1][1]] > 0
                    else:
                        assert step in joined, (kind, reason)


def test_one_of_three_reasons_is_a_path_where_there_is_one(sample_model: LinearModel, sample_split: Split) -> None:
    scorer = sample_model.scorer(sample_split.final)
    users = np.arange(0, 136, 7)
    columns = np.argsort(-scorer.scores(users), axis=1)[:, 0]
    few = explain_pairs(scorer, users, np.arange(len(users)), columns, most=3)
    many = explain_pairs(scorer, users, np.arange(len(users)), columns, most=50)
    for three, everything in zip(few, many, strict=True):
        assert len(three) <= 3
        if any(len(reason.path) > 1 for reason in everything):
            assert any(len(reason.path) > 1 for reason in three)

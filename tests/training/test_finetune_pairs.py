"""What the text encoder is fine-tuned on: pairs of the training part alone, and the loss that they are learned by."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.training.grouped_world import planted
from tests.training.worlds import moment, world

from graphfeed.graph.links_seen import pair_hashes
from graphfeed.graph.tensors import FeedGraph
from graphfeed.training.finetune_loss import in_batch_softmax, may_be_wrong
from graphfeed.training.finetune_pairs import TextPairs, find_pairs
from graphfeed.training.finetune_settings import FinetuneSettings
from graphfeed.training.snapshot import Past, Snapshot
from graphfeed.training.split import SplitSettings, make_split


def ends_of(pairs: TextPairs, kind: str) -> list[tuple[int, int]]:
    rows = [row for row in range(len(pairs)) if pairs.kind_of(row) == kind]
    return [(int(pairs.nodes[pairs.left[row]]), int(pairs.nodes[pairs.right[row]])) for row in rows]


def test_no_pair_is_from_after_the_cut() -> None:
    split = make_split(planted(), SplitSettings(kind="rolling"))
    graph, now = split.training.graph, split.training.now
    pairs = find_pairs(split.training, FinetuneSettings(), 0)
    assert len(pairs) > 100
    assert (graph.data["Post"].time.numpy()[pairs.nodes] <= now).all()
    links = split.training.past.links["posts"]
    likers: dict[int, set[int]] = {}
    for user, post, time in zip(links.source.tolist(), links.target.tolist(), links.time.tolist(), strict=True):
        if time <= now:
            likers.setdefault(post, set()).add(user)
    # Somebody did both of them before the cut.
    assert all(likers[one] & likers[other] for one, other in ends_of(pairs, "together"))
    assert pairs.seen.until <= now
    assert len(pairs.seen.pairs) == len(split.training.links("posts")) < len(links)


def test_no_pair_follows_only_from_what_is_held_back() -> None:
    for kind in ("random", "leave-one-out", "cold"):
        split = make_split(planted(), SplitSettings(kind=kind))  # type: ignore[arg-type]
        links, hidden = split.training.links("posts"), split.training.past.hidden
        assert hidden is not None
        likers: dict[int, set[int]] = {}
        for user, post in zip(links.source.tolist(), links.target.tolist(), strict=True):
            likers.setdefault(post, set()).add(user)
        pairs = find_pairs(split.training, FinetuneSettings(), 0)
        assert all(likers[one] & likers[other] for one, other in ends_of(pairs, "together")), kind
        ids = split.training.graph.ids
        assert not pairs.seen.among(pair_hashes(ids["User"], ids["Post"], hidden.source, hidden.target)).any(), kind


def conversation() -> FeedGraph:
    """Ada (0) likes posts 0, 1 and 2 on days 1 to 3 and 4 on day 9; post 3 is Bo's (1) reply to post 0, on day 4."""
    graph = world(
        2,
        [(0.0, "oak"), (0.0, "elm"), (0.0, ""), (4.0, "yes, an oak"), (8.0, "ash"), (0.0, "fir")],
        {
            "LIKED": [(0, 0, 1.0), (0, 1, 2.0), (0, 2, 3.0), (0, 4, 9.0), (1, 0, 4.0), (0, 5, 2.5)],
            "POSTED": [(1, 3, 4.0)],
            "REPLIES_TO": [(3, 0, 4.0)],
        },
    )
    graph.texts["User"][:] = ["Ada, who grows trees and writes about them", "Bo"]
    return graph


def test_pairs_of_each_kind() -> None:
    graph = conversation()
    snapshot = Snapshot(Past(graph), moment(5.0))
    pairs = find_pairs(snapshot, FinetuneSettings(), 0)
    assert sorted(ends_of(pairs, "together")) == [(0, 1), (0, 5), (1, 5)]  # not with the post that says nothing
    assert ends_of(pairs, "reply") == [(3, 0)]
    assert sorted(ends_of(pairs, "person")) == [(-1, 0), (-1, 1), (-1, 5)]  # a name is not what somebody says
    assert pairs.counts() == {"together": 3, "person": 3, "reply": 1}
    near = find_pairs(snapshot, FinetuneSettings(pairs=("together",), reach=1), 0)
    assert sorted(ends_of(near, "together")) == [(0, 1), (1, 5)]  # in the order of time
    few = find_pairs(snapshot, FinetuneSettings(pairs=("together",), person_pairs=1), 0)
    assert len(few) == 1
    assert len(find_pairs(Snapshot(Past(graph), moment(0.5)), FinetuneSettings(), 0)) == 0


def test_a_reply_by_whom_the_engagement_is_held_back_of_is_no_pair() -> None:
    graph = conversation()
    every = Past(graph).links["posts"]
    bos = every.source == 1
    hidden = type(every)(every.source[bos], every.target[bos], every.time[bos])
    pairs = find_pairs(Snapshot(Past(graph, hidden), moment(5.0)), FinetuneSettings(), 0)
    assert ends_of(pairs, "reply") == []
    assert not pairs.seen.among(pair_hashes(graph.ids["User"], graph.ids["Post"], hidden.source, hidden.target)).any()


# --- the loss --------------------------------------------------------------------------------------------


def test_the_loss_is_a_softmax_both_ways_with_popularity_taken_off() -> None:
    left = torch.tensor([[2.0, 0.0], [0.0, 2.0], [2.0, 2.0]])
    right = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    off = (torch.tensor([0.1, 0.2, 0.3]), torch.tensor([0.5, 0.0, 1.0]))
    counts = torch.ones(3, 3, dtype=torch.bool)
    counts[0, 2] = False
    scores = np.array([[2.0, 0.0, -np.inf], [0.0, 2.0, 2.0], [2.0, 2.0, 4.0]])
    there, back = scores - np.array([0.5, 0.0, 1.0]), scores.T - np.array([0.1, 0.2, 0.3])
    expected = np.mean(
        [np.log(np.exp(each).sum(axis=1)) - np.diag(each) for each in (there, back)],
    )
    assert float(in_batch_softmax(left, right, off, counts)) == pytest.approx(expected, abs=1e-6)


def test_a_partner_or_the_text_itself_is_no_wrong_answer() -> None:
    codes = np.unique(np.array([0 * 5 + 1, 1 * 5 + 0, 2 * 5 + 3, 3 * 5 + 2, 0 * 5 + 3, 3 * 5 + 0]))
    wrong = may_be_wrong(np.array([0, 2, 1]), np.array([1, 3, 4]), codes, 5)
    assert wrong.tolist() == [[True, False, True], [True, True, True], [False, True, True]]

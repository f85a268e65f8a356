"""Rounds: windows closed at their end, and nobody asked for what they cannot be recommended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from tests.training.worlds import DAY, living, moment, two_groups, world

from graphfeed.errors import LeakError, TrainingError
from graphfeed.graph.tensors import FeedGraph
from graphfeed.training import snapshot
from graphfeed.training.baselines.choosing import validation_sample
from graphfeed.training.leaks import audit, check_leaks
from graphfeed.training.links import LINK_KINDS, LinkKind, Links
from graphfeed.training.snapshot import Past, Snapshot
from graphfeed.training.split import (
    GivenSplit,
    LeaveOneOutSplit,
    Part,
    RollingSplit,
    Split,
    SplitSettings,
    make_split,
)

WHOLE = SplitSettings(window_days=1, max_windows=0)


def test_a_link_at_the_end_of_a_window_belongs_to_it_and_not_to_the_next() -> None:
    # One user a day, each liking the first post exactly at a whole day; windows begin at one of those moments.
    graph = world(60, [(0.0, "a")], {"LIKED": [(user, 0, float(user)) for user in range(60)]})
    split = RollingSplit(graph, WHOLE)
    rounds = list(split.rounds("test"))
    for asked in rounds:
        days = (asked.snapshot.now - moment(0)) // DAY
        assert asked.users.tolist() == [days + 1]
        assert asked.end == asked.snapshot.now + DAY
        assert asked.snapshot.links("posts").source.max() == days
    assert len(rounds) == 59 - (split.test_start - moment(0)) // DAY


def test_parts_follow_each_other_and_every_link_is_asked_for_once() -> None:
    split = RollingSplit(living(), WHOLE)
    asked = [(part, r) for part in ("fit", "validation", "test") for r in split.rounds(part)]
    nows = [r.snapshot.now for _, r in asked]
    assert nows == sorted(nows)
    assert all(r.end <= later.snapshot.now for (_, r), (_, later) in pairwise(asked))
    assert split.training.now <= nows[0]
    assert split.final.now <= next(split.rounds("test")).snapshot.now
    pairs = [
        (int(r.users[row]), int(r.snapshot.candidates("posts")[column]))
        for _, r in asked
        for row, column in zip(*r.answers.nonzero(), strict=True)
    ]
    assert len(pairs) == len(set(pairs)) > 20


def test_answers_are_candidates_that_are_not_excluded() -> None:
    for split in (make_split(living(), WHOLE), make_split(two_groups())):
        for part in ("fit", "validation", "test"):
            for asked in split.rounds(part):
                assert asked.answers.multiply(asked.snapshot.excluded("posts", asked.users)).nnz == 0
                assert (np.diff(asked.answers.indptr) > 0).all()


def test_own_disliked_and_blocked_posts_are_excluded_from_then_on() -> None:
    likes = [(2, 0, float(day)) for day in range(1)] + [(user, 4, float(user)) for user in range(3, 40)]
    edges = {
        "LIKED": likes,
        "POSTED": [(0, 1, 0.0), (1, 2, 0.0)],
        "DISLIKED": [(0, 3, 20.0)],
        "BLOCKED": [(0, 1, 30.0)],
    }
    graph = world(40, [(0.0, name) for name in "abcde"], edges)
    past = RollingSplit(graph, WHOLE).past

    def excluded(day: float) -> list[int]:
        snapshot = Snapshot(past, moment(day), np.array([True]))
        return sorted(snapshot.candidates("posts")[snapshot.excluded("posts", np.array([0])).indices].tolist())

    assert excluded(10) == [1]
    assert excluded(20) == [1, 3]
    assert excluded(30) == [1, 2, 3]


@pytest.mark.parametrize("kind", LINK_KINDS)
def test_what_is_worked_out_for_some_is_what_is_kept_for_all(
    sample_graph: FeedGraph, kind: LinkKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    past, users = Past(sample_graph), np.array([7, 3, 3, 100, 0])
    kept = Snapshot(past, sample_graph.latest_time()).excluded(kind, users)
    monkeypatch.setattr(snapshot, "KEPT_LINKS", 0)
    worked_out = Snapshot(past, sample_graph.latest_time()).excluded(kind, users)
    assert kept.nnz
    assert worked_out.shape == kept.shape
    assert ((kept > 0) != (worked_out > 0)).nnz == 0


def test_given_pairs_are_the_datas_and_hidden_ones_are_hidden_while_they_are_asked_for() -> None:
    graph = two_groups(users=60, posts=80)
    split = make_split(graph)
    assert isinstance(split, GivenSplit)
    asked = next(split.rounds("test"))
    row, column = asked.answers.nonzero()
    found = set(zip(asked.users[row].tolist(), asked.snapshot.candidates("posts")[column].tolist(), strict=True))
    assert found == set(map(tuple, graph.held_out["test"].T.tolist()))
    shown = split.training.links("posts")
    trained = set(zip(shown.source.tolist(), shown.target.tolist(), strict=True))
    for part in ("fit", "validation"):
        hidden = split.answers[part]
        assert len(hidden)
        assert not trained & set(zip(hidden.source.tolist(), hidden.target.tolist(), strict=True))
    assert len(split.final.links("posts")) == len(trained) + len(split.answers["fit"]) + len(
        split.answers["validation"]
    )


def test_too_few_links_with_a_time_are_refused() -> None:
    with pytest.raises(TrainingError, match="found 2"):
        make_split(world(3, [(0.0, "a")], {"LIKED": [(0, 0, 1.0), (1, 0, 2.0), (2, 0, None)][:2]}))


def acts(split: Split, part: Part) -> set[tuple[int, int]]:
    """The pairs that a part asks for, of all its rounds."""
    found = set()
    for asked in split.rounds(part):
        row, column = asked.answers.nonzero()
        posts = asked.snapshot.candidates("posts")[column]
        found |= set(zip(asked.users[row].tolist(), posts.tolist(), strict=True))
    return found


def shown(snapshot: Snapshot) -> set[tuple[int, int]]:
    links = snapshot.links("posts")
    return set(zip(links.source.tolist(), links.target.tolist(), strict=True))


def sequences(lengths: Sequence[int], **edges: Sequence[Sequence[float | None]]) -> FeedGraph:
    """Person n met the posts 0, 1, 2 … in this order, so many as ``lengths[n]``, all last ones on the same day."""
    likes = [(user, post, 100.0 - count + post) for user, count in enumerate(lengths) for post in range(count)]
    return world(len(lengths), [(None, "")] * 12, {"LIKED": likes, **edges})


def test_leave_one_out_takes_the_last_acts_of_each_person_in_their_order() -> None:
    split = make_split(sequences([6, 4, 3, 2]), SplitSettings(kind="leave-one-out"))
    assert acts(split, "test") == {(0, 5), (1, 3), (2, 2)}
    assert acts(split, "validation") == {(0, 4), (1, 2), (2, 1)}
    assert acts(split, "fit") == {(0, 3), (1, 1)}  # one act has to be left to go by
    everything = {(user, post) for user, count in enumerate([6, 4, 3, 2]) for post in range(count)}
    assert shown(split.final) == everything - acts(split, "test")
    assert shown(next(split.rounds("validation")).snapshot) == shown(split.final) - acts(split, "validation")
    assert shown(split.training) == shown(split.final) - acts(split, "validation") - acts(split, "fit")
    check_leaks(split)
    assert "3 acts to test, 3 to validate, 2 to fit" in split.describe()


def test_leave_one_out_holds_back_no_act_on_a_post_that_is_not_recommended_anyway() -> None:
    split = make_split(sequences([6, 5], POSTED=[(0, 5, 0.0)]), SplitSettings(kind="leave-one-out"))
    assert acts(split, "test") == {(0, 4), (1, 4)}
    asked = next(split.rounds("test"))
    assert 5 in asked.snapshot.excluded("posts", np.array([0])).indices
    check_leaks(split)


def test_leave_one_out_needs_times() -> None:
    with pytest.raises(TrainingError, match="found 0 such engagements"):
        make_split(two_groups(), SplitSettings(kind="leave-one-out"))


def test_an_act_after_the_answer_is_a_leak() -> None:
    split = make_split(sequences([6, 5, 4]), SplitSettings(kind="leave-one-out"))
    assert isinstance(split, LeaveOneOutSplit)
    now, graph = split.final.now, split.final.graph
    other = Past(graph, Links(np.array([0]), np.array([3]), np.array([now])))
    split.answers["test"] = Links(np.array([0]), np.array([3]), np.array([now]))
    split._asked["test"] = split.final = Snapshot(other, now)
    assert "later_shown" in {leak.rule for leak in audit(split) if leak.severity == "error"}


def test_random_parts_are_a_share_of_each_person_and_hidden_in_turn() -> None:
    graph = sequences([12, 10, 4, 3, 2, 1])
    split = make_split(graph, SplitSettings(kind="random", held_back=0.2))
    sizes = {part: Counter(user for user, _ in acts(split, part)) for part in ("fit", "validation", "test")}
    assert sizes["test"] == {0: 2, 1: 2, 2: 1, 3: 1, 4: 1}
    assert sizes["validation"] == {0: 2, 1: 2, 2: 1, 3: 1}
    assert sizes["fit"] == {0: 2, 1: 2, 2: 1}
    held_back = acts(split, "fit") | acts(split, "validation") | acts(split, "test")
    assert len(held_back) == 5 + 6 + 7
    assert shown(split.training) == shown(Snapshot(Past(graph), moment(200))) - held_back
    check_leaks(split)
    again = make_split(graph, SplitSettings(kind="random", held_back=0.2))
    other = make_split(graph, SplitSettings(kind="random", held_back=0.2, seed=1))
    assert acts(again, "test") == acts(split, "test") != acts(other, "test")


def test_a_share_that_does_not_fit_three_times_is_refused() -> None:
    with pytest.raises(TrainingError, match=r"held_back takes a share above 0 and below a third, found 0.4"):
        make_split(sequences([6]), SplitSettings(kind="random", held_back=0.4))


def test_cold_posts_have_no_act_left_and_are_ranked_among_their_like() -> None:
    split = make_split(two_groups(), SplitSettings(kind="cold", held_back=0.2))
    seen: set[int] = set()
    for part in ("fit", "validation", "test"):
        (asked,) = split.rounds(part)
        candidates = asked.snapshot.candidates("posts")
        assert not np.isin(candidates, asked.snapshot.links("posts").target).any()
        assert not np.isin(candidates, split.training.links("posts").target).any()
        assert not seen & set(candidates.tolist())
        seen |= set(candidates.tolist())
        assert asked.snapshot.excluded("posts", asked.users).shape == asked.answers.shape
    assert len(seen) == 36  # three fifths of sixty posts
    check_leaks(split)
    assert set(validation_sample(split)[0].snapshot.candidates("posts")) < seen


def test_a_kind_that_the_data_has_nothing_for_is_refused() -> None:
    with pytest.raises(TrainingError, match="expected test pairs"):
        make_split(living(), SplitSettings(kind="given"))
    with pytest.raises(TrainingError, match="found nobody; load engagements"):
        make_split(world(2, [(None, "")], {"LIKED": [(0, 0, None)]}), SplitSettings(kind="random"))
    with pytest.raises(TrainingError, match="found fewer"):
        make_split(sequences([3, 3]), SplitSettings(kind="cold"))
    assert isinstance(make_split(living()), RollingSplit)
    assert isinstance(make_split(two_groups()), GivenSplit)
    with pytest.raises(TrainingError, match="found 0"):
        make_split(two_groups(), SplitSettings(kind="rolling"))


def test_given_validation_pairs_are_used_and_neither_trained_on_nor_recommended() -> None:
    graph = two_groups()
    validation = graph.held_out["test"][:, ::2]
    graph.held_out.update(test=graph.held_out["test"][:, 1::2], validation=validation)
    split = make_split(graph)
    assert acts(split, "validation") == set(map(tuple, validation.T.tolist()))
    assert not acts(split, "validation") & (shown(split.final) | shown(split.training) | acts(split, "fit"))
    (asked,) = split.rounds("test")
    for user, post in validation.T.tolist():
        assert post in asked.snapshot.candidates("posts")[asked.snapshot.excluded("posts", np.array([user])).indices]
    assert len(acts(split, "fit")) > len(acts(split, "test"))
    assert "40 test and 40 validation pairs from the data" in split.describe()
    check_leaks(split)


def test_a_person_s_own_reply_that_shows_the_held_back_act_is_a_leak() -> None:
    replies = {"POSTED": [(0, 11, 99.0)], "REPLIES_TO": [(11, 5, 99.0)]}
    split = make_split(sequences([6, 5, 5], **replies), SplitSettings(kind="leave-one-out"))
    with pytest.raises(LeakError, match="answer_replied"):
        check_leaks(split)

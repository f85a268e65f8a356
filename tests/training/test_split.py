"""Rounds: windows closed at their end, and nobody asked for what they cannot be recommended."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from tests.training.worlds import DAY, living, moment, two_groups, world

from graphfeed.errors import TrainingError
from graphfeed.training.split import GivenSplit, RollingSplit, SplitSettings, make_split

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
    from graphfeed.training.snapshot import Snapshot

    def excluded(day: float) -> list[int]:
        snapshot = Snapshot(past, moment(day), np.array([True]))
        return sorted(snapshot.candidates("posts")[snapshot.excluded("posts", np.array([0])).indices].tolist())

    assert excluded(10) == [1]
    assert excluded(20) == [1, 3]
    assert excluded(30) == [1, 2, 3]


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

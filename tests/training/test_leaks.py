"""Every way of smuggling the future in that was thought of is found; clean communities are clean."""

from __future__ import annotations

import pytest
import torch
from tests.training.worlds import DAY, living, moment, two_groups, world

from graphfeed.errors import LeakError
from graphfeed.graph.tensors import FeedGraph
from graphfeed.training.leaks import audit, check_leaks
from graphfeed.training.snapshot import Past, Snapshot
from graphfeed.training.split import GivenSplit, RollingSplit, Split, SplitSettings, make_split

LIKED = ("User", "LIKED", "Post")


def errors(split: Split, kind: str = "posts") -> set[str]:
    return {leak.rule for leak in audit(split, kind) if leak.severity == "error"}  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["posts", "people", "interests"])
def test_clean_communities_are_clean(kind: str) -> None:
    assert errors(make_split(living()), kind) == set()
    assert errors(make_split(two_groups())) == set()
    check_leaks(make_split(living()))


def test_edges_out_of_order_show_the_future() -> None:
    graph = living()
    store = graph.data[LIKED]
    store.edge_index, store.time = store.edge_index.flip(1), store.time.flip(0)
    assert {"unordered", "late_edge"} <= errors(make_split(graph))
    with pytest.raises(LeakError, match="unordered"):
        check_leaks(make_split(graph))


def test_an_edge_dated_before_its_post_was_written_is_found() -> None:
    graph = living()
    graph.data[LIKED].time[-20:] = moment(1)
    graph.data[LIKED].time, order = graph.data[LIKED].time.sort(stable=True)
    graph.data[LIKED].edge_index = graph.data[LIKED].edge_index[:, order]
    assert {"edge_before_end", "unborn_end"} <= errors(make_split(graph))


@pytest.mark.parametrize(
    ("type_", "reverse", "rule"), [("KNEW", False, "answer_shown"), ("KNOWN_BY", True, "answer_reversed")]
)
def test_a_planted_future_edge_is_found(type_: str, reverse: bool, rule: str) -> None:
    graph = _with_copy(living(), type_, reverse)
    assert rule in errors(make_split(graph))


def _with_copy(graph: FeedGraph, type_: str, reverse: bool) -> FeedGraph:
    """The likes once more, in a relation whose times are those of the posts: undated, so seen from the first day."""
    pairs, edge = graph.data[LIKED].edge_index, ("Post", type_, "User") if reverse else ("User", type_, "Post")
    store = graph.data[edge]
    store.edge_index = pairs.flip(0) if reverse else pairs
    store.time = graph.data["Post"].time[pairs[1]]
    return graph


def test_a_reply_without_a_time_is_the_act_itself() -> None:
    graph = living()
    asked = list(make_split(graph).rounds("test"))[-1]
    user, post = int(asked.users[0]), int(asked.snapshot.candidates("posts")[asked.answers[0].indices[0]])
    posts = [(float(day), "") for day in range(60)] + [(None, "reply")]
    index, time = graph.data[LIKED].edge_index.numpy(), graph.data[LIKED].time.numpy()
    likes = [(u, p, (t - moment(0)) / DAY) for (u, p), t in zip(index.T.tolist(), time.tolist(), strict=True)]
    edges = {"LIKED": likes, "POSTED": [(user, 60, None)], "REPLIES_TO": [(60, post, None)]}
    leaky = world(12, posts, edges)
    # The post replied to has a time, so the reply is seen from then on: before the like.
    assert "answer_replied" in errors(make_split(leaky))


def test_counts_and_relations_without_times_are_warned_of() -> None:
    graph = living()
    graph.data[LIKED].count[:7] = 3
    _with_copy(graph, "KNEW", reverse=False)
    warnings = {leak.rule: leak for leak in audit(make_split(graph)) if leak.severity == "warning"}
    assert warnings["summed_count"].count == 7
    assert warnings["undated"].where == "User KNEW Post"
    assert "KNEW" not in {leak.rule for leak in check_leaks(make_split(living()))}


class _Careless(RollingSplit):
    """A split that trains on everything."""

    def __init__(self, graph: FeedGraph) -> None:
        super().__init__(graph, SplitSettings())
        self.training = Snapshot(self.past, self.end, self._kinds)


def test_a_split_that_trains_on_its_answers_is_found() -> None:
    assert {"answer_shown", "order"} <= errors(_Careless(living()))


def test_a_given_test_pair_among_the_training_pairs_is_dropped_or_found() -> None:
    graph = two_groups()
    pair = graph.data[LIKED].edge_index[:, :1]
    graph.held_out["test"] = torch.cat([graph.held_out["test"], pair], dim=1)
    split = make_split(graph)
    asked = next(split.rounds("test"))
    candidates = asked.snapshot.candidates("posts")
    row, column = asked.answers.nonzero()
    asked_for = set(zip(asked.users[row].tolist(), candidates[column].tolist(), strict=True))
    assert tuple(pair[:, 0].tolist()) not in asked_for
    assert errors(split) == set()


def test_hidden_pairs_that_are_not_hidden_are_found() -> None:
    split = make_split(two_groups())
    assert isinstance(split, GivenSplit)
    hidden = split.answers["fit"]
    past = Past(split.training.graph)
    past.hidden = hidden  # after the links were worked out: they still hold these pairs
    split.training = Snapshot(past, split.training.now)
    assert "hidden_shown" in errors(split)


def described() -> FeedGraph:
    """Two groups whose posts have authors and subjects of their own."""
    base = two_groups()
    likes = [(u, p, None) for u, p in base.data[LIKED].edge_index.T.tolist()]
    posted = [(39 - post % 40, post, None) for post in range(60)]
    test = [tuple(pair) for pair in base.held_out["test"].T.tolist()]
    mentions = [(post, post, None) for post in range(60)]
    return world(
        40, [(None, "")] * 60, {"LIKED": likes, "POSTED": posted, "MENTIONS": mentions}, entities=60, test=test
    )


def test_links_that_follow_only_from_hidden_pairs_are_hidden_too() -> None:
    assert errors(make_split(described())) == set()


def test_links_that_follow_only_from_hidden_pairs_are_found() -> None:
    graph = described()
    split = make_split(graph)
    past = Past(graph, split.training.past.hidden)
    past.links["interests"] = Past(graph).links["interests"]
    split.training = Snapshot(past, split.training.now)
    assert "hidden_derived" in errors(split)


def test_a_leak_says_what_where_and_how_many() -> None:
    graph = living()
    graph.data[LIKED].count[:] = 2
    (leak,) = (leak for leak in audit(make_split(graph)) if leak.rule == "summed_count")
    assert str(leak).startswith("summed_count (User LIKED Post): ")
    assert " -> " in leak.example

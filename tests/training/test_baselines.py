"""Every baseline finds what was planted for it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.training.worlds import DAY, living, moment, two_groups, world

from graphfeed.errors import TrainingError
from graphfeed.training.baselines import (
    EASE,
    GraphFilter,
    ImplicitALS,
    ImplicitBPR,
    ItemKNN,
    LastVisited,
    Newest,
    Popularity,
    RecentPopularity,
    Tfidf,
    TfidfNewest,
    baselines_for,
)
from graphfeed.training.baselines.choosing import choose, validation_sample
from graphfeed.training.baselines.ease import _climb, smaller_side
from graphfeed.training.baselines.implicit_als import ALSSettings
from graphfeed.training.baselines.implicit_bpr import BPRSettings
from graphfeed.training.baselines.item_knn import Neighbourhood, likeness
from graphfeed.training.baselines.last_visited import Acts, Steps
from graphfeed.training.baselines.observed import observed
from graphfeed.training.baselines.same_for_all import SameForAll
from graphfeed.training.evaluate import evaluate, fit_all
from graphfeed.training.links import pair_matrix
from graphfeed.training.ranker import Ranker
from graphfeed.training.snapshot import Snapshot
from graphfeed.training.split import SplitSettings, make_split


@pytest.mark.parametrize("ranker", baselines_for("posts"), ids=lambda ranker: ranker.name)
def test_scores_of_a_user_alone_are_those_in_a_block(ranker: Ranker) -> None:
    for graph in (two_groups(), living()):
        split = make_split(graph)
        ranker.fit(split)
        for asked in list(split.rounds("test"))[:2]:
            scorer = ranker.scorer(asked.snapshot)
            users = np.arange(graph.count("User"))
            block = scorer.scores(users)
            assert block.shape == (len(users), len(asked.snapshot.candidates("posts")))
            assert block.dtype == np.float32
            assert np.isfinite(block).all()
            for user in users[::3]:
                np.testing.assert_allclose(scorer.scores(users[user : user + 1])[0], block[user], rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(
    "ranker",
    [
        ItemKNN(),
        EASE(),
        ImplicitALS(settings=ALSSettings(factors=2)),
        ImplicitBPR(settings=BPRSettings(factors=4)),
        GraphFilter(),
        Tfidf(),
    ],
    ids=lambda ranker: ranker.name,
)
def test_two_groups_are_told_apart(ranker: Ranker) -> None:
    split = make_split(two_groups())
    ranker.fit(split)
    asked = next(split.rounds("test"))
    scores = ranker.scorer(asked.snapshot).scores(asked.users)
    mine = (asked.users[:, None] % 2) == (asked.snapshot.candidates("posts")[None, :] % 2)
    excluded = asked.snapshot.excluded("posts", asked.users).toarray() > 0
    for row, own, known in zip(scores, mine, excluded, strict=True):
        assert row[own & ~known].mean() > row[~own].mean()
    found = evaluate(split, [ranker, Popularity()])
    figures = {row["model"]: row["recall@20"] for row in found.rows if row["slice"] == "all"}
    assert figures[ranker.name] > 1.5 * figures["popularity"]


def test_popularity_counts_people_once() -> None:
    likes = [(user, 0, float(user)) for user in range(30)] + [(user, 1, float(user)) for user in range(10)]
    graph = world(30, [(0.0, "a"), (0.0, "b"), (0.0, "c")], {"LIKED": likes, "SAVED": [(0, 1, 5.0)]})
    split = make_split(graph)
    scorer = Popularity().scorer(Snapshot(split.training.past, moment(50)))
    assert scorer.scores(np.array([3])).tolist() == [[30.0, 10.0, 0.0]]


def test_recent_popularity_halves_with_age_and_keeps_the_order_of_what_is_very_old() -> None:
    likes = [(0, 0, 0.0), (1, 0, 0.0), (2, 0, 0.0), (3, 1, 10.0), (4, 2, 900.0), (5, 3, 2.0)]
    graph = world(40, [(0.0, "")] * 5, {"LIKED": [*likes, *((u, 2, 950.0) for u in range(6, 40))]})
    ranker = RecentPopularity()
    ranker.half_life = 10 * DAY
    split = make_split(graph)
    (scores,) = ranker.scorer(Snapshot(split.training.past, moment(900))).scores(np.array([0]))
    assert 2.0 ** (scores[1] - scores[0]) == pytest.approx(2 / 3, rel=1e-3)  # three of day 0 against one of day 10
    assert scores[2] == pytest.approx(0.0)
    assert scores[4] < scores[3] < scores[0]


def test_recent_popularity_finds_the_half_life_that_was_planted() -> None:
    # People like what was liked in the last day; what was liked long ago and often is dead.
    split = make_split(living(users=30, days=120), SplitSettings(max_windows=0))
    recent = RecentPopularity()
    recent.fit(split)
    assert recent.half_life < 10 * DAY
    found = evaluate(split, [recent, Popularity()], at=(3,))
    figures = {row["model"]: row["ndcg@3"] for row in found.rows if row["slice"] == "all"}
    assert figures["recent_popularity"] > 2 * figures["popularity"]


def test_newest_ranks_by_time_and_puts_no_time_last() -> None:
    graph = world(25, [(3.0, ""), (1.0, ""), (None, ""), (2.0, "")], {"LIKED": [(u, 1, 4.0 + u) for u in range(25)]})
    split = make_split(graph)
    (scores,) = Newest().scorer(Snapshot(split.training.past, moment(40))).scores(np.array([0]))
    assert np.argsort(-scores).tolist() == [0, 3, 1, 2]


def test_posts_a_microsecond_apart_are_told_apart() -> None:
    graph = world(25, [(3.0, ""), (3.0, "")], {"LIKED": [(u, 1, 4.0 + u) for u in range(25)]})
    graph.data["Post"].time[0] += 1
    split = make_split(graph)
    (scores,) = Newest().scorer(Snapshot(split.training.past, moment(40))).scores(np.array([0]))
    assert scores[0] > scores[1]


def test_likeness_by_hand() -> None:
    # p0: u0 u1, p1: u0 u1 u2, p2: u2.
    links = pair_matrix(np.array([0, 1, 0, 1, 2, 2]), np.array([0, 0, 1, 1, 1, 2]), (3, 3))
    plain, shrunk, one = likeness(links, [Neighbourhood(0.0, 5), Neighbourhood(2.0, 5), Neighbourhood(0.0, 1)])
    assert plain[0, 1] == pytest.approx(2 / np.sqrt(6))
    assert plain[1, 2] == pytest.approx(1 / np.sqrt(3))
    assert plain[0, 2] == plain[0, 0] == 0.0
    assert shrunk[0, 1] == pytest.approx(2 / (np.sqrt(6) + 2))
    assert one[1].nnz == 1
    assert one[1, 0] == plain[1, 0]


def test_graph_filter_by_hand() -> None:
    links = np.array([[1, 1, 0], [0, 1, 1]], dtype=np.float32)
    likes = [(u, p, None) for u, p in zip(*links.nonzero(), strict=True)]
    graph = world(2, [(None, "")] * 3, {"LIKED": likes}, test=[(0, 2)])
    split = make_split(graph)
    normal = links / np.sqrt(links.sum(1, keepdims=True)) / np.sqrt(links.sum(0, keepdims=True))
    scores = GraphFilter(weight=0.0).scorer(split.final).scores(np.array([0, 1]))
    np.testing.assert_allclose(scores, links @ normal.T @ normal, rtol=1e-5)


def test_als_gives_zero_to_what_it_never_saw_and_new_engagement_counts() -> None:
    split = make_split(two_groups())
    ranker = ImplicitALS()
    ranker.fit(split)
    scorer = ranker.scorer(split.final)
    before = scorer.scores(np.array([0]))
    graph = split.final.graph
    seen = observed(split.final, "posts")
    assert (
        ranker.scorer(split.training).scores(np.array([0])) == pytest.approx(before)
        or (observed(split.training, "posts")[0] != seen[0]).nnz
    )
    unseen = np.setdiff1d(np.arange(graph.count("Post")), seen.indices)
    assert (before[0][unseen] == 0).all()


def ease_by_hand(links: np.ndarray, penalty: float) -> np.ndarray:
    """The formula of the paper, in float64."""
    inverse = np.linalg.inv(links.T @ links + penalty * np.eye(links.shape[1]))
    weights = np.eye(links.shape[1]) - inverse / np.diag(inverse)
    assert np.allclose(np.diag(weights), 0)
    return np.asarray(links @ weights)


@pytest.mark.parametrize(("users", "posts"), [(30, 12), (12, 30)])
def test_ease_by_hand_by_the_smaller_side(users: int, posts: int) -> None:
    links = (np.random.default_rng(3).random((users, posts)) < 0.3).astype(np.float64)
    links[:, 5] = 0  # nobody met this one
    likes = [(u, p, None) for u, p in zip(*links.nonzero(), strict=True)]
    split = make_split(world(users, [(None, "")] * posts, {"LIKED": likes}, test=[(0, 5)]))
    ranker = EASE(penalty=4.0)
    ranker.fit(split)
    assert smaller_side(observed(split.final, "posts")) == (11 if posts == 12 else 12)
    scores = ranker.scorer(split.final).scores(np.arange(users))
    np.testing.assert_allclose(scores, ease_by_hand(links, 4.0), rtol=1e-4, atol=1e-5)
    assert (scores[:, 5] == 0).all()
    # Links that came later count, the weights stay.
    now = ranker.scorer(split.training).scores(np.arange(users))
    inverse = np.linalg.inv(links.T @ links + 4.0 * np.eye(posts))
    expected = observed(split.training, "posts") @ (np.eye(posts) - inverse / np.diag(inverse))
    np.testing.assert_allclose(now, expected, rtol=1e-4, atol=1e-5)


def test_the_best_penalty_is_climbed_to() -> None:
    for values in ([1, 2, 3, 2, 1], [5, 4, 3, 2, 1], [1, 2, 3, 4, 5], [1, 2, 3, 4, 3], [2, 3, 2, 1, 0], [7]):
        asked: list[int] = []

        def value(place: int, values: list[int] = values, asked: list[int] = asked) -> float:
            asked.append(place)
            return values[place]

        assert _climb(value, len(values)) == int(np.argmax(values))
        assert len(set(asked)) <= 4


def test_ease_refuses_what_would_be_too_large() -> None:
    split = make_split(two_groups())
    with pytest.raises(TrainingError, match=r"for each of 40 nodes .* stops at 39; ask for it by name"):
        EASE(largest=39).fit(split)
    EASE(penalty=1.0, largest=None).fit(split)


def test_last_visited_by_hand() -> None:
    # Person 0 met 0 1 2, person 1 met 0 1 3, person 2 met 1.
    likes = [(0, 0, 1.0), (0, 1, 2.0), (0, 2, 3.0), (1, 0, 1.5), (1, 1, 2.5), (1, 3, 3.5), (2, 1, 1.0)]
    likes += [(3 + n, 4, float(n)) for n in range(20)]
    split = make_split(world(30, [(0.0, "")] * 6, {"LIKED": likes}))
    snapshot = Snapshot(split.training.past, moment(50))
    assert Acts.of(snapshot, "posts").ways(2).toarray()[:4, :4].tolist() == [
        [0.0, 2.0, 0.5, 0.5], [0.0, 0.0, 1.0, 1.0], [0.0] * 4, [0.0] * 4,
    ]  # fmt: skip
    one = LastVisited(settings=Steps(1, 0.0, 0.0)).scorer(snapshot).scores(np.array([2, 0, 29]))
    assert one[0, :4] == pytest.approx([0, 0, 1, 1], abs=1e-4)
    assert one[1, :4] == pytest.approx([0, 0, 0, 0], abs=1e-4)  # nobody went on from 2
    assert one[2].argmax() == 4  # without an act, by how often it was met
    faded = LastVisited(settings=Steps(1, 0.5, 0.0)).scorer(snapshot).scores(np.array([0]))
    assert faded[0, :4] == pytest.approx([0, 0.5, 0.5, 0.5], abs=1e-4)
    levelled = LastVisited(settings=Steps(1, 0.0, 0.5)).scorer(snapshot).scores(np.array([2]))
    assert levelled[0, 2] == pytest.approx(1.0, abs=1e-4)


def test_last_visited_finds_what_follows_what() -> None:
    # Everybody walks round a ring from a place of their own: what comes next follows from the last act alone.
    likes = [(user, (user + step) % 20, 10.0 * step + user / 100) for user in range(60) for step in range(8)]
    split = make_split(world(60, [(0.0, "")] * 20, {"LIKED": likes}), SplitSettings(kind="leave-one-out"))
    rankers: list[Ranker] = [LastVisited(), ItemKNN(), Popularity()]
    fit_all(split, rankers)
    found = evaluate(split, rankers, at=(1,))
    figures = {row["model"]: row["hit_rate@1"] for row in found.rows if row["slice"] == "all"}
    assert figures["last_visited"] == 1.0
    assert figures["popularity"] < 0.3


def test_bpr_gives_a_newcomer_the_biases_and_puts_unmet_posts_last() -> None:
    graph = two_groups()
    graph.data["User"].num_nodes = 41
    split = make_split(graph)
    ranker = ImplicitBPR(settings=BPRSettings(factors=4))
    ranker.fit(split)
    scores = ranker.scorer(split.final).scores(np.array([0, 40]))
    met = np.isin(np.arange(60), split.final.links("posts").target)
    assert met.all() or scores[:, ~met].max() < scores[:, met].min()
    assert np.ptp(scores[1]) > 0
    again = ranker.reseeded(1)
    assert again.settings == BPRSettings(factors=4, seed=1)


def test_tfidf_finds_the_text_twin_of_a_new_post() -> None:
    posts = [(float(day), f"{('tomato', 'comet', 'sonata')[day % 3]} number{day}") for day in range(30)]
    posts += [(30.0, "about a comet tonight"), (30.0, "about a tomato tonight"), (30.0, "about a sonata tonight")]
    likes = [(user, post, post + 0.5 + user / 100) for post in range(30) for user in range(3) if user == post % 3]
    graph = world(3, posts, {"LIKED": likes})
    split = make_split(graph)
    ranker = Tfidf()
    ranker.fit(split)
    snapshot = Snapshot(split.training.past, moment(31))
    scores = ranker.scorer(snapshot).scores(np.array([0, 1, 2]))[:, 30:]
    assert scores.argmax(1).tolist() == [1, 0, 2]


def test_tfidf_newest_prefers_the_newer_of_two_equal_texts_and_the_nearer_of_two_equally_new() -> None:
    posts = [(float(day), f"{('tomato', 'comet')[day % 2]} day") for day in range(40)]
    likes = [(user, day, day + 0.1 + user / 100) for day in range(40) for user in range(4) if user % 2 == day % 2]
    split = make_split(world(4, posts, {"LIKED": likes}))
    ranker = TfidfNewest()
    ranker.fit(split)
    (scores,) = ranker.scorer(Snapshot(split.training.past, moment(39.05))).scores(np.array([1]))
    assert scores[39] > scores[37] > scores[35]
    (even,) = ranker.scorer(Snapshot(split.training.past, moment(39.05))).scores(np.array([0]))
    assert scores[39] - scores[38] > even[39] - even[38]


def test_settings_are_chosen_on_validation_alone() -> None:
    split = make_split(two_groups())
    asked = next(split.rounds("validation"))
    right = np.asarray(asked.answers.sum(0)).ravel().astype(np.float32)

    def scorers(snapshot: Snapshot, settings: list[int]) -> list[SameForAll]:
        assert snapshot.now == asked.snapshot.now
        return [SameForAll(sign * right) for sign in settings]

    assert choose([-1, 1, 0], split, scorers) == 1  # type: ignore[arg-type]
    users = np.concatenate([sample.users for sample in validation_sample(split)])
    assert set(users) == set(asked.users)


def test_the_same_fit_twice_gives_the_same_scores() -> None:
    for name in ("implicit_als", "implicit_bpr", "graph_filter", "tfidf_newest"):
        found = []
        for _ in range(2):
            split = make_split(two_groups() if name != "tfidf_newest" else living())
            ranker = next(r for r in baselines_for("posts") if r.name == name)
            ranker.fit(split)
            found.append(ranker.scorer(split.final).scores(np.arange(12)))
        np.testing.assert_array_equal(*found)


@pytest.mark.parametrize("kind", ["people", "interests"])
def test_baselines_of_other_links(kind: str) -> None:
    follows = [(u, v, float((u * 7 + v) % 40)) for u in range(20) for v in range(u % 2, 20, 2) if u != v]
    cares = [(u, e, float((u * 3 + e) % 40)) for u in range(20) for e in range(u % 2, 30, 2)]
    likes = [(d % 20, d, float(d)) for d in range(40)]
    edges = {"LIKED": likes, "FOLLOWS": follows, "INTERESTED_IN": cares}
    split = make_split(world(20, [(0.0, "")] * 40, edges, entities=30))
    rankers = baselines_for(kind)  # type: ignore[arg-type]
    fit_all(split, rankers)
    found = evaluate(split, rankers, kind=kind, at=(5,))  # type: ignore[arg-type]
    figures = {row["model"]: row["ndcg@5"] for row in found.rows}
    assert set(figures) == {"popularity", "recent_popularity", "item_knn", "graph_filter"}
    assert figures["item_knn"] > figures["popularity"]


def test_only_baselines_that_find_something_to_go_by_are_asked() -> None:
    bare = world(2, [(None, "")], {"LIKED": [(0, 0, None)]}, test=[(1, 0)])
    assert [ranker.name for ranker in baselines_for("posts", bare)] == [
        "popularity", "item_knn", "ease", "implicit_als", "implicit_bpr", "graph_filter",
    ]  # fmt: skip
    assert len(baselines_for("posts", living())) == len(baselines_for("posts")) == 11


@pytest.mark.data
@pytest.mark.timeout(280)
def test_graph_filter_reproduces_the_published_figures_on_gowalla(data_folder: Path) -> None:
    """Recall@20 .1849 and NDCG@20 .1518 (Shen et al. 2021, table 3), on two thousand of the users."""
    folder = data_folder / "gowalla"
    pairs = {}
    for part in ("train", "test"):
        rows = [line.split() for line in (folder / f"{part}.txt").read_text().splitlines()]
        pairs[part] = [(int(row[0]), int(post)) for row in rows for post in row[1:]]
    keep = set(np.random.default_rng(0).choice(29_858, 2_000, replace=False).tolist())
    test = [(user, post) for user, post in pairs["test"] if user in keep]
    likes = [(user, post, None) for user, post in pairs["train"]]
    split = make_split(world(29_858, [(None, "")] * 40_981, {"LIKED": likes}, test=test))
    row = evaluate(split, [GraphFilter(weight=0.3)], at=(20,)).rows[0]
    assert row["recall@20"] == pytest.approx(0.1849, abs=0.010)
    assert row["ndcg@20"] == pytest.approx(0.1518, abs=0.010)

"""The evaluation against answers that are known, whatever the size of the block."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from rich.console import Console
from tests.training.worlds import living, moment, two_groups, world

from graphfeed.errors import TrainingError
from graphfeed.training import evaluate as evaluation_of
from graphfeed.training import validation
from graphfeed.training.baselines import ItemKNN, Newest, Popularity
from graphfeed.training.evaluate import evaluate, fit_all
from graphfeed.training.links import Int64, LinkKind
from graphfeed.training.metrics import Float32
from graphfeed.training.ranker import Progress, Ranker, RankerKind
from graphfeed.training.snapshot import Snapshot
from graphfeed.training.split import Split, SplitSettings, make_split


class Told:
    """A ranker that is told a score for every user and post."""

    def __init__(self, table: Float32, name: str = "told", kind: RankerKind = "model") -> None:
        self.table, self.name, self.kind = table, name, kind
        self.blocks: list[int] = []

    def fit(self, split: Split, progress: Progress | None = None) -> None:
        """Nothing to learn."""

    def scorer(self, snapshot: Snapshot, kind: LinkKind = "posts") -> Told:
        self.candidates = snapshot.candidates(kind)
        return self

    def scores(self, users: Int64) -> Float32:
        self.blocks.append(len(users))
        return self.table[users][:, self.candidates]


def knowing(split: Split, users: int, posts: int) -> Float32:
    """Scores that put the answers of a given split's test first."""
    table = np.zeros((users, posts), dtype=np.float32)
    for asked in split.rounds("test"):
        row, column = asked.answers.nonzero()
        table[asked.users[row], asked.snapshot.candidates("posts")[column]] = 1.0
    return table


def test_who_knows_the_answers_is_perfect_and_who_inverts_them_hits_nothing() -> None:
    split = make_split(two_groups())
    right = knowing(split, 40, 60)
    found = evaluate(split, [Told(right, "right"), Told(-right, "wrong")], at=(10,))
    rows = {row["model"]: row for row in found.rows if row["slice"] == "all"}
    for metric in ("recall@10", "ndcg@10", "mrr@10", "hit_rate@10", "map@10"):
        assert rows["right"][metric] == rows["right"][metric + "_low"] == 1.0
        assert rows["wrong"][metric] == rows["wrong"][metric + "_high"] == 0.0
    assert rows["right"]["precision@10"] == pytest.approx(0.2)
    assert (rows["right"]["users"], rows["right"]["questions"]) == (40, 40)


def test_excluded_posts_are_never_ranked_whatever_their_score() -> None:
    graph = two_groups()
    split = make_split(graph)
    seen = np.zeros((40, 60), dtype=np.float32)
    for user, post in graph.data["User", "LIKED", "Post"].edge_index.T.tolist():
        seen[user, post] = 100.0
    found = evaluate(split, [Told(seen + knowing(split, 40, 60))], at=(10,))
    assert found.rows[0]["ndcg@10"] == 1.0


@pytest.mark.parametrize("block", [1, 7, 1000])
def test_results_do_not_depend_on_the_block(block: int) -> None:
    for split in (make_split(two_groups()), make_split(living())):
        rankers: list[Ranker] = [Popularity(), ItemKNN(), Newest()]
        fit_all(split, rankers)
        one, other = evaluate(split, rankers), evaluate(split, rankers, block_users=block)
        assert one.rows == other.rows
        assert one.comparisons == other.comparisons


def test_blocks_are_bounded_by_the_block_size(monkeypatch: pytest.MonkeyPatch) -> None:
    split = make_split(two_groups())
    ranker = Told(np.zeros((40, 60), dtype=np.float32))
    evaluate(split, [ranker], block_users=16)
    assert ranker.blocks == [16, 16, 8]
    monkeypatch.setattr("graphfeed.training.evaluate.MOST_CELLS", 60 * 5)
    ranker.blocks.clear()
    evaluate(split, [ranker])
    assert max(ranker.blocks) == 5


def test_equal_scores_are_worth_what_chance_is_worth() -> None:
    split = make_split(two_groups(users=400, posts=60))
    found = evaluate(split, [Told(np.zeros((400, 60), dtype=np.float32))], at=(10,))
    candidates_left = 60 - (15 - 2)
    assert found.rows[0]["recall@10"] == pytest.approx(10 / candidates_left, abs=0.06)


def slices_world() -> Split:
    """At day 40, u0 (with a history) likes p2 (two days old) and p0 (old); u1 (without) likes p1 (old, never liked)."""
    posts = [(0.0, "old and liked"), (1.0, "old, not liked"), (38.0, "young"), (39.0, "young too")]
    early = [(user, 0, 1.0 + user) for user in range(2, 38)] + [(0, 3, 39.0)]
    late = [(0, 2, 40.5), (0, 0, 40.6), (1, 1, 40.7)]
    graph = world(38, posts, {"LIKED": early + late, "POSTED": [(5, 0, 0.0), (6, 1, 1.0), (6, 2, 38.0), (6, 3, 39.0)]})
    split = make_split(graph, SplitSettings(window_days=2, test=0.93))
    assert moment(35) < next(split.rounds("test")).snapshot.now < moment(40.5)
    return split


def test_slices_restrict_candidates_answers_and_people() -> None:
    split = slices_world()
    table = np.zeros((38, 4), dtype=np.float32)
    table[:] = [1.0, 2.0, 4.0, 3.0]  # young before old: old ones are found only when ranked among themselves
    found = evaluate(split, [Told(table)], at=(1,))
    questions = {row["slice"]: row["questions"] for row in found.rows}
    last = max(asked.snapshot.now for asked in split.rounds("test"))
    assert last < moment(40.5)
    value = {
        (name, int(user)): float(v)
        for name in found.slices
        for user, v in zip(found.users(name), found.values("told", name, "hit_rate@1"), strict=True)
    }
    assert value["all", 0] == 1.0
    assert value["all", 1] == 0.0
    assert value["old", 1] == 1.0  # p1 is the best of the old ones
    assert value["old", 0] == 0.0
    assert value["young", 0] == 1.0
    assert ("young", 1) not in value
    assert ("warm_posts", 0) in value
    assert ("warm_posts", 1) not in value
    assert value["cold_posts", 1] == 0.0  # among p1 and p2, which nobody had liked, p2 comes first
    assert ("warm_users", 1) not in value
    assert ("cold_users", 1) in value
    assert questions["warm_users"] + questions["cold_users"] == questions["all"]


def test_graphs_without_times_have_no_young_and_old() -> None:
    found = evaluate(make_split(two_groups()), [Popularity()])
    assert {"all", "warm_users", "warm_posts"} <= set(found.slices)
    assert not {"young", "old"} & set(found.slices)


def test_differences_are_paired() -> None:
    split = make_split(two_groups(users=200))
    random = np.random.default_rng(0)
    right = knowing(split, 200, 60)
    noisy = (right + random.normal(0, 0.6, right.shape)).astype(np.float32)
    worse = noisy.copy()
    worse[:5] -= right[:5]  # the same as the other for all but five people
    rankers = [Told(noisy, "model"), Told(worse, "close", "baseline"), Popularity()]
    found = evaluate(split, rankers, at=(10,), oracle=Told(right, "oracle", "oracle"))
    mine = {c["baseline"]: c for c in found.comparisons if c["slice"] == "all"}
    assert set(mine) == {"close", "popularity"}
    assert mine["close"]["best"]
    assert not mine["popularity"]["best"]
    row = {r["model"]: r for r in found.rows if r["slice"] == "all"}
    assert mine["close"]["difference"] == pytest.approx(row["model"]["ndcg@10"] - row["close"]["ndcg@10"])
    assert mine["close"]["low"] <= mine["close"]["difference"] <= mine["close"]["high"]
    paired = mine["close"]["high"] - mine["close"]["low"]
    assert paired < 0.5 * (row["model"]["ndcg@10_high"] - row["model"]["ndcg@10_low"])
    assert row["oracle"]["kind"] == "oracle"
    assert row["oracle"]["ndcg@10"] == 1.0


def test_json_and_table(tmp_path: Path) -> None:
    split = make_split(living())
    found = evaluate(split, [Popularity(), Newest()])
    found.to_json(tmp_path / "figures.json")
    whole = json.loads((tmp_path / "figures.json").read_text())
    assert set(whole) == {"rows", "comparisons", "split"}
    assert whole["split"] == split.describe()
    row = whole["rows"][0]
    assert (row["model"], row["kind"], row["split"], row["slice"]) == ("popularity", "baseline", "test", "all")
    for metric in ("recall@20", "ndcg@10", "coverage@10", "novelty@10", "author_gini@10"):
        assert row[metric] >= 0
    assert row["recall@20_low"] <= row["recall@20"] <= row["recall@20_high"]
    assert "diversity@10" not in row  # no vectors
    console = Console(width=200, record=True)
    console.print(found.table())
    assert "newest" in console.export_text()


@pytest.mark.parametrize("kind", ["people", "interests"])
def test_other_links_have_a_slice_of_their_own_name(kind: Literal["people", "interests"]) -> None:
    random = np.random.default_rng(0)
    edges = {
        "LIKED": [(day % 10, day, float(day)) for day in range(40)],
        "FOLLOWS": [(u, v, float(random.integers(0, 40))) for u in range(10) for v in range(10) if u != v],
        "INTERESTED_IN": [(u, e, float(random.integers(0, 40))) for u in range(10) for e in range(6)],
    }
    split = make_split(world(10, [(0.0, "")] * 50, edges, entities=6))
    found = evaluate(split, [Popularity()], kind=kind)
    assert [(row["slice"], row["link"]) for row in found.rows] == [(kind, kind)]


def test_faults_of_rankers_are_named() -> None:
    split = make_split(two_groups())
    with pytest.raises(TrainingError, match="NaN"):
        evaluate(split, [Told(np.full((40, 60), np.nan, dtype=np.float32))])
    with pytest.raises(TrainingError, match="different names"):
        evaluate(split, [Popularity(), Popularity()])
    with pytest.raises(TrainingError, match="found none"):
        evaluate(split, [Popularity()], kind="people")


def test_of_very_many_questions_some_are_drawn_and_the_evaluation_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    split = make_split(living())
    asked = sum(len(made.users) for made in split.rounds("test"))
    whole = evaluate(split, [Popularity()])
    assert "drawn" not in whole.describe
    monkeypatch.setattr(evaluation_of, "MOST_SCORED", 10 * split.final.graph.count("Post"))
    monkeypatch.setattr(validation, "FEWEST_QUESTIONS", 1)
    some = evaluate(split, [Popularity()])
    count = len(some.users("all"))
    assert 0 < count < asked == len(whole.users("all"))
    assert some.describe.endswith(f"; {count:,} of {asked:,} questions, drawn at random")
    again = evaluate(split, [Popularity()])
    assert np.array_equal(some.users("all"), again.users("all"))


def test_large_graphs_are_validated_at_fewer_moments(monkeypatch: pytest.MonkeyPatch) -> None:
    split = make_split(living(), SplitSettings(max_windows=40))
    every = list(split.rounds("fit"))
    assert [m.end for m in validation.sampled_rounds(split, "fit", "posts", 10**6, 0)] == [m.end for m in every]
    monkeypatch.setattr(validation, "LINKS_READ", 1)
    monkeypatch.setattr(validation, "FEWEST_ROUNDS", 3)
    some = list(validation.sampled_rounds(split, "fit", "posts", 10**6, 0))
    assert [m.end for m in some] == [every[0].end, every[(len(every) - 1) // 2].end, every[-1].end]

"""Metrics against values worked out by hand, and against PyG's own sums."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from torch_geometric.metrics import LinkPredAveragePopularity

from graphfeed.training.intervals import interval, resampled_means
from graphfeed.training.metrics import (
    PER_LIST,
    ListTally,
    best,
    gini,
    per_list,
    self_information,
    sort_keys,
    tie_breaks,
)


def ranked(scores: list[list[float]], excluded: list[list[int]] | None = None, k: int = 3) -> list[list[int]]:
    given = np.array(scores, dtype=np.float32)
    mask = sp.csr_matrix(np.array(excluded if excluded else np.zeros(given.shape)))
    return best(sort_keys(given, mask, np.arange(given.shape[1])[::-1].copy()), k).tolist()


def test_best_are_in_order_of_score() -> None:
    assert ranked([[0.1, 3.0, -2.0, 1e-30, -1e-30]], k=5) == [[1, 0, 3, 4, 2]]


def test_excluded_are_never_ranked_even_with_the_highest_score_and_short_lists_are_filled_up() -> None:
    assert ranked([[9.0, 1.0, 2.0]], [[1, 0, 0]]) == [[2, 1, 3]]
    assert ranked([[9.0, 1.0]], [[1, 1]]) == [[2, 2, 2]]
    assert ranked([[float("-inf"), float("inf")]]) == [[1, 0, 2]]


def test_equal_scores_go_by_the_tie_break_and_minus_zero_equals_zero() -> None:
    assert ranked([[0.0, -0.0, 0.0, 1.0]], k=4) == [[3, 0, 1, 2]]


def test_tie_breaks_are_the_same_every_time_and_not_the_order_of_nodes() -> None:
    first = tie_breaks(1000)
    assert (first == tie_breaks(1000)).all()
    assert sorted(first) == list(range(1000))
    assert abs(np.corrcoef(first, np.arange(1000))[0, 1]) < 0.1


def test_metrics_by_hand() -> None:
    # Answers of the user: 5 and 7; the list of three has 7 in second place.
    answers = sp.csr_matrix(([1.0, 1.0], ([0, 0], [5, 7])), shape=(1, 9))
    found = {name: float(value[0]) for name, value in per_list(torch.tensor([[1, 7, 2]]), answers, (3,)).items()}
    assert found["recall@3"] == pytest.approx(1 / 2)
    assert found["precision@3"] == pytest.approx(1 / 3)
    assert found["f1@3"] == pytest.approx(2 * (1 / 3) * (1 / 2) / (1 / 3 + 1 / 2))
    assert found["mrr@3"] == pytest.approx(1 / 2)
    assert found["map@3"] == pytest.approx((1 / 2) / 2)
    assert found["hit_rate@3"] == 1.0
    assert found["ndcg@3"] == pytest.approx((1 / np.log2(3)) / (1 + 1 / np.log2(3)))


def test_values_of_lists_average_to_what_pyg_sums_up() -> None:
    random = np.random.default_rng(1)
    top = torch.from_numpy(np.stack([random.permutation(60)[:20] for _ in range(50)]))
    answers = sp.csr_matrix((random.random((50, 60)) < 0.1).astype(np.float32))
    answers[np.diff(answers.indptr) == 0, 0] = 1.0
    answers = sp.csr_matrix(answers)
    row, column = (torch.from_numpy(part.astype(np.int64)) for part in answers.nonzero())
    found = per_list(top, answers, (5, 20))
    for k in (5, 20):
        for name, metric in PER_LIST.items():
            whole = metric(k)
            whole.update(top, torch.stack([row, column]))
            assert found[f"{name}@{k}"].mean() == pytest.approx(float(whole.compute()), abs=1e-6), name


def test_coverage_novelty_diversity_and_exposure() -> None:
    tally = ListTally(4, (2,), torch.tensor([[1.0, 0.0], [2.0, 0.0], [0.0, 1.0], [0.0, 5.0]]))
    tally.add_candidates(np.array([0, 1, 2, 3]))
    bits = np.array([1.0, 2.0, 3.0, 4.0], dtype=np.float32)
    tally.add(torch.tensor([[0, 1], [0, 2]]), bits)
    found = tally.figures(author=np.array([0, 0, 1, 1]), post=np.array([0, 1, 2, 3]))
    assert found["coverage@2"] == 3 / 4
    assert found["diversity@2"] == pytest.approx((0 + 1) / 2)  # the first list twice the same direction, the second two
    assert found["author_gini@2"] == pytest.approx(gini(np.array([3.0, 1.0])))
    pyg = LinkPredAveragePopularity(2, torch.from_numpy(bits))
    pyg.update(torch.tensor([[0, 1], [0, 2]]), torch.zeros(2, 0, dtype=torch.int64))
    assert found["novelty@2"] == pytest.approx(float(pyg.compute()))


def test_the_error_of_coverage_is_that_of_leaving_people_out() -> None:
    random = np.random.default_rng(2)
    lists = torch.from_numpy(np.stack([random.permutation(50)[:3] for _ in range(24)]))
    users = np.repeat(np.arange(12), 2)
    tally = ListTally(50, (3,))
    tally.add_candidates(np.arange(50))
    tally.add(lists, np.ones(50, dtype=np.float32))
    covered = [len(np.unique(lists[torch.from_numpy(users != left)].numpy())) / 50 for left in range(12)]
    expected = np.sqrt((12 - 1) / 12 * ((covered - np.mean(covered)) ** 2).sum())
    assert tally.coverage_errors(users) == {"coverage@3": pytest.approx(expected)}


def test_short_lists_count_only_what_is_in_them() -> None:
    tally = ListTally(3, (2,), torch.eye(3))
    tally.add_candidates(np.array([0, 1]))
    tally.add(torch.tensor([[1, 3], [3, 3]]), np.array([5.0, 7.0, 9.0], dtype=np.float32))
    found = tally.figures(np.array([0]), np.array([0]))
    assert found["novelty@2"] == 7.0
    assert found["coverage@2"] == 1 / 2
    assert "diversity@2" not in found  # no list had two posts
    assert found["author_gini@2"] == 0.0


def test_gini_and_self_information_by_hand() -> None:
    assert gini(np.array([1.0, 1.0, 1.0])) == pytest.approx(0.0)
    assert gini(np.array([0.0, 0.0, 0.0, 8.0])) == pytest.approx(0.75)
    assert self_information(np.array([0, 7]), users=7).tolist() == [3.0, 0.0]


def test_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    random = np.random.default_rng(5)
    covered = 0
    for trial in range(200):
        people = random.normal(0.0, 1.0, 60)
        users = np.repeat(np.arange(60), 4)
        values = people[users] + random.normal(0.0, 0.1, 240)
        low, high = interval(resampled_means(values[:, None], users, seed=trial, draws=200))
        covered += int(low[0] <= 0.0 <= high[0])
    assert 175 <= covered <= 199  # an interval that ignored that one person asked four times would cover about 130


def test_interval_draws_whole_people() -> None:
    # One person asked often, one once: each draw's mean is 1, 0 or the mixture of all questions, nothing else.
    users, values = np.array([0, 0, 0, 1]), np.array([[1.0], [1.0], [1.0], [0.0]])
    assert set(np.round(resampled_means(values, users), 6).ravel()) == {0.0, 0.75, 1.0}

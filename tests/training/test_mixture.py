"""Weights of the terms: the likelihood finds planted ones, and refining raises what it is meant to raise."""

from __future__ import annotations

import numpy as np

from graphfeed.training.mixture import fit_weights, refine_weights
from graphfeed.training.sample import Sample

PLANTED = np.array([2.0, 0.0, 1.0, 0.0], dtype=np.float32)


def planted(questions: int = 400, candidates: int = 30, seed: int = 0) -> Sample:
    """Answers drawn from a softmax over candidates whose terms have the planted weights."""
    random = np.random.default_rng(seed)
    terms = random.random((questions, candidates, len(PLANTED))).astype(np.float32) * 3
    odds = np.exp(terms @ PLANTED)
    picks = np.array([random.choice(candidates, p=row / row.sum()) for row in odds])
    answer = np.zeros((questions, candidates), dtype=np.float32)
    answer[np.arange(questions), picks] = 1
    rows = terms.reshape(-1, len(PLANTED))
    old = np.zeros(answer.size, dtype=bool)
    return Sample(rows, answer.ravel(), np.repeat(np.arange(questions), candidates), old)


def ndcg(sample: Sample, weights: np.ndarray) -> float:
    """NDCG@10 of one answer per question, worked out question by question."""
    total = []
    for question in range(len(sample)):
        rows = sample.question == question
        order = np.argsort(-(sample.terms[rows] @ weights), kind="stable")
        place = int(np.flatnonzero(sample.answer[rows][order])[0])
        total.append(1 / np.log2(place + 2) if place < 10 else 0.0)
    return float(np.mean(total))


def test_planted_weights_are_found() -> None:
    found = fit_weights(planted(2_000), 1e-5)
    np.testing.assert_allclose(found, PLANTED, atol=0.15)


def test_a_stronger_penalty_gives_smaller_weights() -> None:
    sample = planted()
    weak, strong = (fit_weights(sample, ridge) for ridge in (1e-4, 1e-1))
    assert np.linalg.norm(strong) < np.linalg.norm(weak)


def test_refining_never_lowers_ndcg_on_its_own_sample() -> None:
    sample = planted(150)
    poor = np.array([0.3, 1.0, 0.2, 0.5], dtype=np.float32)
    better = refine_weights(sample, poor)
    assert ndcg(sample, better) > ndcg(sample, poor) + 0.05
    assert (better >= 0).all()
    again = refine_weights(sample, fit_weights(sample, 1e-4))
    assert ndcg(sample, again) >= ndcg(sample, fit_weights(sample, 1e-4)) - 1e-6


def test_refining_cares_for_old_posts_as_much_as_for_all() -> None:
    """Half of the answers are old. The first term finds the new ones, the second the old ones among the old ones."""
    random = np.random.default_rng(0)
    sample = planted(200)
    old = np.repeat(np.arange(200) % 2 == 0, 30) & (np.arange(200 * 30) % 30 >= 15)
    answer = np.zeros(200 * 30, dtype=np.float32)
    picks = np.where(np.arange(200) % 2 == 0, random.integers(15, 30, 200), random.integers(0, 15, 200))
    answer[np.arange(200) * 30 + picks] = 1
    terms = random.random((200 * 30, 4)).astype(np.float32)
    terms[:, 0] = ~old
    terms[:, 1] += 0.5 * answer * old
    made = Sample(terms, answer, sample.question, old)
    found = refine_weights(made, np.array([1.0, 0.0, 0.0, 0.0], dtype=np.float32))
    assert found[1] > 0


def test_parts_of_a_sample_keep_whole_questions() -> None:
    sample = planted(20)
    third = sample.thinned(6)
    assert len(third) == 7
    assert third.answer.sum() == 7
    both = sample.and_then(third)
    assert len(both) == 27
    assert both.answer.sum() == 27
    assert (np.diff(both.question) >= 0).all()


def test_nothing_to_fit_on_gives_no_weight() -> None:
    assert fit_weights(Sample.of([], 0), 0.1).shape == (0,)
    empty = Sample.of([], 4)
    assert not fit_weights(empty, 0.1).any()
    assert not refine_weights(empty, np.zeros(4, np.float32)).any()

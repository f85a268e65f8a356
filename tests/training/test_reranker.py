"""The second stage: finds what a sum cannot say, and only ever adds to what the first stage put first."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch

from graphfeed.training.mixture import fit_weights
from graphfeed.training.model import LinearModel
from graphfeed.training.reranker import Reranker, fit_reranker
from graphfeed.training.sample import Sample
from graphfeed.training.settings import ModelSettings, RerankerSettings, RunSettings, TowerSettings
from graphfeed.training.split import Split
from graphfeed.training.validation import masked

NAMES = ["one", "other", "unused"]
SETTINGS = RerankerSettings(top=20)


def at_odds(questions: int, seed: int, candidates: int = 40) -> Sample:
    """The answer has much of one term or of the other, never of both: their sum says nothing of it."""
    random = np.random.default_rng(seed)
    terms = random.random((questions, candidates, 3)).astype(np.float32)
    answer = np.abs(terms[:, :, 0] - terms[:, :, 1]) + 0.05 * random.random((questions, candidates))
    picked = answer == answer.max(axis=1, keepdims=True)
    question = np.repeat(np.arange(questions), candidates)
    rows = terms.reshape(-1, 3)
    return Sample(rows, picked.astype(np.float32).ravel(), question, np.zeros(len(question), dtype=np.bool_))


def scored(sample: Sample, weights: np.ndarray, reranker: Reranker | None, candidates: int = 40) -> np.ndarray:
    """Scores ``[questions, candidates]`` by one stage or both."""
    first = (sample.terms @ weights).reshape(-1, candidates)
    if reranker is None:
        return first
    best = np.argsort(-first, axis=1)[:, : reranker.top]
    terms = sample.terms.reshape(-1, candidates, 3)[np.arange(len(first))[:, None], best]
    seen = terms[:, :, [NAMES.index(name) for name in reranker.names]]
    added = reranker.added(seen, np.take_along_axis(first, best, axis=1))
    both = first.copy()
    np.put_along_axis(both, best, np.take_along_axis(first, best, axis=1) + added, axis=1)
    return both


def first_hits(sample: Sample, scores: np.ndarray) -> float:
    answers = sample.answer.reshape(scores.shape).argmax(axis=1)
    return float((scores.argmax(axis=1) == answers).mean())


def test_what_no_sum_can_say_is_learned() -> None:
    known, new = at_odds(800, seed=0), at_odds(300, seed=1)
    weights = np.array([1.0, 1.0, 0.0], dtype=np.float32)
    assert first_hits(new, scored(new, fit_weights(known, 1e-3), None)) < 0.2
    settings = RerankerSettings(top=40, epochs=40)
    reranker = fit_reranker(known, weights, NAMES, settings, seed=0)
    assert reranker is not None
    assert reranker.names == ("one", "other")
    before, after = first_hits(new, scored(new, weights, None)), first_hits(new, scored(new, weights, reranker))
    assert before < 0.1
    assert after > before + 0.3


def test_nothing_is_overtaken_by_what_was_not_looked_at() -> None:
    sample = at_odds(200, seed=2)
    weights = np.array([1.0, 0.5, 0.0], dtype=np.float32)
    reranker = fit_reranker(sample, weights, NAMES, SETTINGS, seed=0)
    assert reranker is not None
    first, both = scored(sample, weights, None), scored(sample, weights, reranker)
    assert (both >= first).all()
    assert (both > first).any()
    top = np.argsort(-first, axis=1)[:, :20]
    np.testing.assert_array_equal(np.sort(np.argsort(-both, axis=1)[:, :20]), np.sort(top))


def test_no_candidate_gets_nothing_and_changes_nobody_else() -> None:
    sample = at_odds(200, seed=3)
    weights = np.array([1.0, 0.5, 0.0], dtype=np.float32)
    reranker = fit_reranker(sample, weights, NAMES, SETTINGS, seed=0)
    assert reranker is not None
    terms = sample.terms[:20, :2].reshape(1, 20, 2)
    first = (terms @ weights[:2]).astype(np.float32)
    alone = reranker.added(terms[:, :15], first[:, :15])
    first[:, 15:] = -np.inf
    with_gaps = reranker.added(terms, first)
    np.testing.assert_allclose(with_gaps[:, :15], alone, atol=1e-6)
    assert not with_gaps[:, 15:].any()
    assert not reranker.added(terms, np.full_like(first, -np.inf)).any()


def test_the_same_seed_learns_the_same_and_a_file_keeps_it() -> None:
    sample = at_odds(150, seed=4)
    weights = np.array([1.0, 0.5, 0.0], dtype=np.float32)
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    made = [fit_reranker(sample, weights, NAMES, SETTINGS, seed=7) for _ in range(2)]
    torch.testing.assert_close(torch.random.get_rng_state(), before)
    assert made[0] is not None
    assert made[1] is not None
    file = io.BytesIO()
    torch.save(made[1].state(), file)
    again = Reranker.from_state(torch.load(io.BytesIO(file.getvalue()), weights_only=True))
    scores = [scored(sample, weights, reranker) for reranker in (*made, again)]
    np.testing.assert_array_equal(scores[0], scores[1])
    np.testing.assert_array_equal(scores[0], scores[2])


def test_too_few_questions_give_no_second_stage() -> None:
    assert fit_reranker(at_odds(10, seed=0), np.ones(3, dtype=np.float32), NAMES, SETTINGS, seed=0) is None
    nothing = np.zeros(3, dtype=np.float32)
    assert fit_reranker(at_odds(100, seed=0), nothing, NAMES, SETTINGS, seed=0) is None


@pytest.fixture(scope="module")
def models(sample_split: Split) -> dict[str, LinearModel]:
    found = {}
    for use in ("always", "never"):
        settings = ModelSettings(
            parts=("paths", "time"), towers=TowerSettings(epochs=0), reranker=RerankerSettings(use=use)
        )
        found[use] = LinearModel(settings, RunSettings(device="cpu"))
        found[use].fit(sample_split)
    return found


def test_both_stages_differ_from_the_first_in_the_best_alone(
    models: dict[str, LinearModel], sample_split: Split
) -> None:
    snapshot, users = sample_split.final, np.arange(40)
    assert models["never"].weights["posts"] == models["always"].weights["posts"]
    assert "posts" not in models["never"].rerankers
    first, both = (
        masked(models[use].scorer(snapshot).scores(users), snapshot, "posts", users) for use in ("never", "always")
    )
    changed = (both != first) & np.isfinite(first)
    assert changed.any(axis=1).mean() > 0.9
    assert changed.sum(axis=1).max() <= 30
    assert (both[changed] > first[changed]).all()
    # What is excluded takes no place among the best.
    best = np.sort(first, axis=1)[:, -30:]
    assert (first[changed] >= best[np.nonzero(changed)[0], 0]).all()


def test_people_and_interests_have_one_stage(models: dict[str, LinearModel]) -> None:
    assert set(models["always"].rerankers) == {"posts"}
    assert models["always"].report["second stage"]["used"]

"""The model as a whole: it finds what was planted, scores do not depend on company, the same seed gives the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.training.conftest import SMALL
from tests.training.worlds import living, two_groups, world

from graphfeed.errors import TrainingError
from graphfeed.graph.tensors import FeedGraph
from graphfeed.training.links import LINK_KINDS, LinkKind
from graphfeed.training.model import LinearModel, load_model
from graphfeed.training.ranker import Ranker
from graphfeed.training.settings import ModelSettings, PartName, RunSettings
from graphfeed.training.split import Split, make_split
from graphfeed.training.validation import mean_ndcg

CPU = RunSettings(device="cpu")


def ndcg(ranker: Ranker, split: Split, kind: LinkKind = "posts") -> float:
    return mean_ndcg(split.rounds("test", kind), kind, lambda snapshot: ranker.scorer(snapshot, kind).scores)


def fitted(split: Split, parts: tuple[PartName, ...]) -> LinearModel:
    model = LinearModel(SMALL.model_copy(update={"parts": parts}), CPU)
    model.fit(split)
    return model


@pytest.mark.parametrize("part", ["paths", "towers"])
def test_two_groups_are_told_apart_by_each_part(part: PartName) -> None:
    graph = two_groups()
    model = fitted(make_split(graph), (part,))
    split = make_split(graph)
    made = next(iter(split.rounds("test")))
    scores = model.scorer(made.snapshot).scores(made.users)
    same = (made.users[:, None] % 2) == (made.snapshot.candidates("posts")[None, :] % 2)
    assert scores[same].mean() > 3 * max(scores[~same].mean(), 1e-6)


def test_time_alone_finds_that_only_the_new_is_read() -> None:
    split = make_split(living())
    assert ndcg(fitted(split, ("time",)), split) > 0.5


def test_people_and_interests_are_learned_with_posts(sample_model: LinearModel, sample_split: Split) -> None:
    for kind, floor in (("posts", 0.4), ("people", 0.15), ("interests", 0.15)):
        assert ndcg(sample_model, sample_split, kind) > floor, kind  # type: ignore[arg-type]


def test_a_block_scores_as_each_person_alone(sample_model: LinearModel, sample_split: Split) -> None:
    for kind in LINK_KINDS:
        scorer = sample_model.scorer(sample_split.final, kind)
        users = np.array([3, 50, 7, 100])
        together = scorer.scores(users)
        alone = np.concatenate([scorer.scores(users[i : i + 1]) for i in range(len(users))])
        np.testing.assert_allclose(together, alone, atol=2e-5)


def test_a_model_says_what_it_is(sample_model: LinearModel) -> None:
    posts = len(sample_model.weights["posts"])
    assert repr(sample_model).startswith(f"<LinearModel linear: {posts} terms for posts, ")
    assert repr(LinearModel(SMALL, CPU)) == "<LinearModel linear: not fitted yet>"


def test_no_term_is_negative(sample_model: LinearModel, sample_split: Split) -> None:
    for kind in LINK_KINDS:
        scorer = sample_model.scorer(sample_split.final, kind)
        assert all(weight > 0 for weight in sample_model.weights[kind].values())
        for term, values in scorer.terms(np.arange(20)):
            assert values.min() >= 0, term.name
            assert np.isfinite(values).all(), term.name


def test_the_same_seed_gives_the_same_numbers_and_another_does_not(sample_split: Split) -> None:
    settings = SMALL.model_copy(update={"parts": ("towers",)})
    models = []
    for seed in (1, 1, 2):
        model = LinearModel(settings, RunSettings(device="cpu", seed=seed))
        model.fit(sample_split)
        models.append(model)
    scores = [model.scorer(sample_split.final).scores(np.arange(30)) for model in models]
    np.testing.assert_array_equal(scores[0], scores[1])
    assert models[0].weights == models[1].weights
    assert not np.array_equal(scores[0], scores[2])


def test_a_saved_model_scores_as_before(sample_model: LinearModel, sample_split: Split, tmp_path: Path) -> None:
    sample_model.save(tmp_path)
    again = load_model(tmp_path, "cpu")
    for kind in LINK_KINDS:
        users = np.arange(40)
        before = sample_model.scorer(sample_split.final, kind).scores(users)
        np.testing.assert_allclose(again.scorer(sample_split.final, kind).scores(users), before, rtol=1e-5, atol=1e-6)


def test_nothing_later_than_the_moment_matters(sample_model: LinearModel, sample_graph: FeedGraph) -> None:
    """A graph that ends at the moment gives the same scores as the whole graph seen at that moment."""
    from graphfeed.training.snapshot import Past, Snapshot

    split = make_split(sample_graph)
    snapshot = split.training
    cut = sample_graph.data.clone()
    for edge in cut.edge_types:
        known = cut[edge].time <= snapshot.now
        cut[edge].edge_index = cut[edge].edge_index[:, known]
        cut[edge].time, cut[edge].count = cut[edge].time[known], cut[edge].count[known]
        for name in ("evidence", "relation"):
            if name in cut[edge]:
                cut[edge][name] = cut[edge][name][known]
    short = FeedGraph(cut, sample_graph.ids, sample_graph.texts, sample_graph.kinds)
    users = np.arange(50)
    for kind in LINK_KINDS:
        whole = sample_model.scorer(snapshot, kind).scores(users)
        part = sample_model.scorer(Snapshot(Past(short), snapshot.now, snapshot.kinds), kind).scores(users)
        np.testing.assert_allclose(whole, part, rtol=1e-5, atol=1e-6)


def test_nothing_to_train_on_is_said() -> None:
    graph = world(2, [(0.0, "a"), (1.0, "b")], {})
    with pytest.raises(TrainingError, match="at least 20 engagements"):
        make_split(graph)


def test_no_model_is_said(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="graphfeed train"):
        load_model(tmp_path)


def test_an_unknown_device_is_said(sample_split: Split) -> None:
    with pytest.raises(TrainingError, match="expected a device"):
        LinearModel(ModelSettings(), RunSettings(device="abacus"))

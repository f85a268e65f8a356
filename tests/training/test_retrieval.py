"""What is retrieved by lists against what scoring everything finds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
import torch

from graphfeed.training import predict, retrieval
from graphfeed.training.links import LINK_KINDS, LinkKind
from graphfeed.training.model import LinearModel
from graphfeed.training.predict import Ranked, best_of_posts, best_of_users
from graphfeed.training.ranking import Tiles, top_k
from graphfeed.training.reranker import Reranker
from graphfeed.training.split import Split


def joined(ranked: list[Ranked], name: str) -> Any:
    return np.concatenate([getattr(part, name) for part in ranked])


@pytest.mark.parametrize("kind", LINK_KINDS)
def test_the_same_posts_scores_and_reasons_as_scoring_everything(
    kind: LinkKind, sample_model: LinearModel, sample_split: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    scorer = sample_model.scorer(sample_split.final, kind)
    users = np.arange(sample_split.final.graph.count("User"))
    whole = list(best_of_users(scorer, users, 10))
    monkeypatch.setattr(predict, "SCORED_WHOLE", 0)
    monkeypatch.setattr(retrieval, "CELLS", 40 * len(scorer.candidates))  # several blocks
    listed = list(best_of_users(scorer, users, 10))
    assert len(listed) > len(whole) > 0
    assert sum(part.unproven for part in [*whole, *listed]) == 0
    for name in ("source", "target", "rank"):
        np.testing.assert_array_equal(joined(listed, name), joined(whole, name), err_msg=name)
    np.testing.assert_allclose(joined(listed, "score"), joined(whole, "score"), rtol=1e-5)
    reasons = [[(r.type, r.path) for r in several] for part in whole for several in part.reasons]
    again = [[(r.type, r.path) for r in several] for part in listed for several in part.reasons]
    assert np.mean([a == b for a, b in zip(again, reasons, strict=True)]) > 0.99  # shares that are equal may swap


def test_who_is_said_to_be_proven_has_the_best_of_all(
    sample_model: LinearModel, sample_split: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    scorer = sample_model.scorer(sample_split.final, "posts")
    users = np.arange(sample_split.final.graph.count("User"))
    (whole,) = best_of_users(scorer, users, 5)
    best = {(s, t) for s, t in zip(whole.source.tolist(), whole.target.tolist(), strict=True)}
    proven: dict[int, int] = {}
    for length in (5, 20, 60):
        monkeypatch.setattr(retrieval, "LISTS", length // 5)
        monkeypatch.setattr(retrieval, "SHORTEST", 1)
        found = [
            (block, got)
            for block, got in retrieval.Retrieval(
                scorer.walker,
                list(scorer.dot_products()),
                scorer.weights,
                scorer.moment_score,
                lambda block: scorer.snapshot.excluded("posts", block),
            ).best(users, 5)
        ]
        proven[length] = sum(int(got.proven.sum()) for _, got in found)
        for block, got in found:
            for row in np.flatnonzero(got.proven):
                theirs = scorer.candidates[got.columns[got.rows == row]]
                assert {(int(block[row]), int(post)) for post in theirs} <= best
    assert proven[5] <= proven[20] <= proven[60] == len(users)
    assert proven[5] < len(users)


def test_the_second_stage_puts_what_was_retrieved_in_order(
    sample_model: LinearModel, sample_split: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    scorer = sample_model.scorer(sample_split.final, "posts")
    names = tuple(sorted(scorer.weights))
    torch.manual_seed(0)
    features = torch.zeros(2 * len(names) + 1)  # each term, its square root, and the first stage's score
    networks = torch.nn.ModuleList([torch.nn.Linear(len(features), 1)])
    scorer.reranker = Reranker(names, 30, features, features + 1, networks, 3.0)
    users = np.arange(sample_split.final.graph.count("User"))
    whole = list(best_of_users(scorer, users, 10))
    monkeypatch.setattr(predict, "SCORED_WHOLE", 0)
    listed = list(best_of_users(scorer, users, 10))
    np.testing.assert_array_equal(joined(listed, "target"), joined(whole, "target"))
    scorer.reranker = None
    assert (joined(list(best_of_users(scorer, users, 10)), "target") != joined(whole, "target")).any()


def test_posts_like_a_post_are_the_best_of_all_and_never_itself(sample_model: LinearModel, sample_split: Split) -> None:
    scorer = sample_model.scorer(sample_split.final, "posts")
    ten, all_of_them = (list(best_of_posts(scorer, top)) for top in (10, len(scorer.candidates)))
    source, target, rank = (joined(all_of_them, name) for name in ("source", "target", "rank"))
    assert (source != target).all()
    first = rank <= 10
    np.testing.assert_array_equal(joined(ten, "target"), target[first])
    score = joined(all_of_them, "score")
    assert (score > 0).all()
    assert (np.diff(score)[np.diff(source) == 0] <= 1e-6).all()
    shares = [sum(r.share for r in several) for part in all_of_them for several in part.reasons]
    assert max(shares) < 1 + 1e-5


def test_tiles_made_once_serve_blocks_of_any_size() -> None:
    chance = np.random.default_rng(0)
    users, items = (torch.from_numpy(chance.standard_normal((n, 8)).astype(np.float32)) for n in (40, 5_000))
    seen = sp.csr_matrix(chance.random((40, 5_000)) < 0.01, dtype=np.float32)
    tiles = Tiles.of(items)
    assert tiles.count == 5_000
    whole = top_k(users, items, 7, seen)
    for size in (1, 3, 40):
        parts = [top_k(users[i : i + size], tiles, 7, seen[i : i + size]) for i in range(0, 40, size)]
        assert torch.equal(torch.cat([items for items, _ in parts]), whole[0])

"""Exact ranking by vectors: the very items of a plain product, whatever the type, the tiles and the blocks."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
import torch

from graphfeed.errors import TrainingError
from graphfeed.training import ranking
from graphfeed.training.ranking import top_k

TYPES = [torch.bfloat16, torch.float32]


def vectors(users: int, items: int, width: int = 16, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Items of very different lengths, as learned ones are."""
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.rand(items, 1, generator=generator).pow(3) * 5
    return torch.randn(users, width, generator=generator), torch.randn(items, width, generator=generator) * lengths


def plain(users: torch.Tensor, items: torch.Tensor, k: int, seen: sp.csr_matrix | None) -> torch.Tensor:
    """Scores ``[users, k]`` of the best, by sorting everything in float64."""
    scores = users.double() @ items.double().T
    if seen is not None:
        scores[torch.from_numpy(np.stack(seen.nonzero())).long().unbind()] = -torch.inf
    return scores.sort(dim=1, descending=True).values[:, :k]


def seen_of(users: int, items: int, share: float, seed: int = 0) -> sp.csr_matrix:
    return sp.random(users, items, share, format="csr", random_state=seed, dtype=np.float32)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize(("users", "items", "k"), [(70, 5_000, 20), (1, 2_048, 1), (30, 2_049, 100), (600, 300, 10)])
def test_it_is_what_a_full_sort_gives(users: int, items: int, k: int, dtype: torch.dtype) -> None:
    u, v = vectors(users, items)
    seen = seen_of(users, items, 0.05)
    for hidden in (None, seen):
        found, scores = top_k(u, v, k, hidden, dtype=dtype)
        assert torch.allclose(scores.double(), plain(u, v, k, hidden), atol=1e-4)
        assert torch.allclose((u[:, None] * v[found]).sum(2), scores, atol=1e-4)
        assert all(len(set(row)) == k for row in found.tolist())
    rows = np.repeat(np.arange(users), k)
    assert not seen.toarray()[rows, found.view(-1).numpy()].any()


@pytest.mark.parametrize("dtype", TYPES)
def test_near_ties_are_told_apart(dtype: torch.dtype) -> None:
    """Scores that differ by less than bfloat16 can tell: 3,000 items within a thousandth of each other."""
    items = torch.ones(3_000, 1) + torch.randperm(3_000, generator=torch.Generator().manual_seed(0))[:, None] / 3e6
    found, _ = top_k(torch.tensor([[1.0], [-1.0]]), items, 5, dtype=dtype)
    order = items[:, 0].argsort(descending=True)
    assert found[0].tolist() == order[:5].tolist()
    assert found[1].tolist() == order.flip(0)[:5].tolist()


def test_equal_scores_are_in_the_order_of_the_items() -> None:
    items = torch.ones(5_000, 2)
    items[4_321] = 2
    found, scores = top_k(torch.ones(3, 2), items, 4, sp.csr_matrix(([1.0], ([1], [0])), shape=(3, 5_000)))
    assert found.tolist() == [[4_321, 0, 1, 2], [4_321, 1, 2, 3], [4_321, 0, 1, 2]]
    assert scores[0].tolist() == [4, 2, 2, 2]


def test_where_fewer_are_left_the_rest_is_empty() -> None:
    u, v = vectors(3, 50)
    seen = np.zeros((3, 50), dtype=np.float32)
    seen[0, :48] = seen[1] = 1
    found, scores = top_k(u, v, 60, sp.csr_matrix(seen))
    assert sorted(found[0, :2].tolist()) == [48, 49]
    assert (found[0, 2:] == -1).all()
    assert (found[1] == -1).all()
    assert torch.isinf(scores[1]).all()
    assert sorted(found[2, :50].tolist()) == list(range(50))
    none, _ = top_k(u, v[:0], 3)
    assert none.tolist() == [[-1] * 3] * 3
    assert top_k(u[:0], v, 3)[0].shape == (0, 3)


def test_blocks_and_memory_do_not_change_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    u, v = vectors(200, 7_000)
    seen = seen_of(200, 7_000, 0.01)
    whole = top_k(u, v, 10, seen)
    single = [top_k(u[i : i + 1], v, 10, seen[i : i + 1]) for i in range(0, 200, 20)]
    for i, (items, scores) in zip(range(0, 200, 20), single, strict=True):
        assert torch.equal(items[0], whole[0][i])
        assert torch.allclose(scores[0], whole[1][i])
    monkeypatch.setattr(ranking, "CELLS", 9_000)  # one user at a time, and their candidates hardly fit
    again = top_k(u, v, 10, seen)
    assert torch.equal(again[0], whole[0])
    monkeypatch.setattr(ranking, "CELLS", 24_000_000)
    monkeypatch.setattr(ranking, "BLOCK", 64)
    assert torch.equal(top_k(u, v, 10, seen)[0], whole[0])


def test_what_does_not_fit_is_said() -> None:
    u, v = vectors(4, 6)
    with pytest.raises(TrainingError, match="width"):
        top_k(u[:, :3], v, 2)
    with pytest.raises(TrainingError, match="at least 1"):
        top_k(u, v, 0)
    with pytest.raises(TrainingError, match="seen"):
        top_k(u, v, 2, seen_of(4, 5, 0.5))
    u[1, 2] = torch.nan
    with pytest.raises(TrainingError, match="users"):
        top_k(u, v, 2)

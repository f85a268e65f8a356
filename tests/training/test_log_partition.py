"""The denominator of the sampled softmax: value and gradients of the plain arithmetic, in pieces of any size."""

from __future__ import annotations

import pytest
import torch

from graphfeed.training import log_partition as module
from graphfeed.training.log_partition import log_partition


def world(users: int, items: int, left_out: int) -> tuple[torch.Tensor, ...]:
    generator = torch.Generator().manual_seed(0)
    u, v = (torch.randn(n, 8, generator=generator, dtype=torch.float64) for n in (users, items))
    row, column = (torch.randint(n, (left_out,), generator=generator) for n in (users, items))
    return u, v, torch.randn(items, generator=generator, dtype=torch.float64), row, column


def plain(
    u: torch.Tensor, v: torch.Tensor, bias: torch.Tensor, row: torch.Tensor, column: torch.Tensor
) -> torch.Tensor:
    hidden = torch.zeros(len(u), len(v), dtype=torch.bool)
    hidden[row, column] = True
    return torch.logsumexp((u @ v.T + bias).masked_fill(hidden, -torch.inf), 1)


@pytest.mark.parametrize("cells", [1, 60, 1_000_000])
def test_it_is_the_plain_arithmetic(cells: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CELLS", cells)
    u, v, bias, row, column = world(31, 17, 60)
    weight = torch.randn(31, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    found = []
    for way in (plain, log_partition):
        ends = [t.clone().requires_grad_() for t in (u, v)]
        value = way(*ends, bias, row, column)
        (value * weight).sum().backward()
        found.append([value, *(t.grad for t in ends)])
    for told, expected in zip(found[1], found[0], strict=True):
        assert torch.allclose(told, expected)


def test_the_gradient_is_the_slope() -> None:
    u, v, bias, row, column = world(5, 4, 3)
    assert torch.autograd.gradcheck(
        lambda a, b: log_partition(a, b, bias, row, column), (u.requires_grad_(), v.requires_grad_())
    )


def test_a_user_without_any_other_candidate_has_no_pull() -> None:
    u, v, bias, *_ = world(2, 3, 0)
    u.requires_grad_()
    found = log_partition(u, v, bias, torch.tensor([1, 1, 1]), torch.tensor([2, 0, 1]))
    assert found[1] == -torch.inf
    torch.nn.functional.softplus(found - 1.0).sum().backward()
    assert torch.isfinite(u.grad).all()
    assert (u.grad[1] == 0).all()
    assert log_partition(u[:0], v, bias, torch.zeros(0).long(), torch.zeros(0).long()).shape == (0,)

"""The denominator of a sampled softmax, worked out in pieces that stay in the processor's cache.

    against = log_partition(users, items, bias, row, column)     # [users], differentiable

The scores of a batch against its candidates are some hundred megabytes that are written and read a dozen times when
every step of the softmax is an operation of its own. Here a few users at a time go through all steps; nothing of that
size is kept, and the backward pass works the scores out again (as in FlashAttention, Dao et al. 2022).
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

CELLS = 262_144
"""Scores of a piece on a CPU: a megabyte, a core's second cache."""
CELLS_OF_A_GPU = 67_108_864
"""There pieces only bound the memory."""


def log_partition(users: Tensor, items: Tensor, bias: Tensor, row: Tensor, column: Tensor) -> Tensor:
    """``log Σ_j exp(users_i · items_j + bias_j)`` for each user, float32 ``[users]``.

    ``users`` ``[users, width]``, ``items`` ``[items, width]``, ``bias`` ``[items]`` (no gradient). The pairs
    ``(row, column)`` are left out of the sum; where all are, it is minus infinity, and the gradient is zero.
    """
    order = torch.argsort(row)
    found: Tensor = _LogPartition.apply(users, items, bias, row[order], column[order])
    return found


class _LogPartition(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: torch.autograd.function.FunctionCtx,
        users: Tensor,
        items: Tensor,
        bias: Tensor,
        row: Tensor,
        column: Tensor,
    ) -> Tensor:
        found = users.new_empty(len(users))
        for piece, scores in _pieces(users, items, bias, row, column):
            torch.logsumexp(scores, 1, out=found[piece])
        ctx.save_for_backward(users, items, bias, row, column, found)
        return found

    @staticmethod
    def backward(
        ctx: torch.autograd.function.FunctionCtx, *gradients: Tensor
    ) -> tuple[Tensor, Tensor, None, None, None]:
        users, items, bias, row, column, found = ctx.saved_tensors  # type: ignore[attr-defined]
        to_users, to_items = torch.zeros_like(users), torch.zeros_like(items)
        # Where nothing is left in the sum, exp(-inf - 0) is zero as it should be, and exp(-inf + inf) is not a number.
        level = found.masked_fill(found == -torch.inf, 0)
        for piece, scores in _pieces(users, items, bias, row, column):
            chance = scores.sub_(level[piece, None]).exp_().mul_(gradients[0][piece, None])
            torch.mm(chance, items, out=to_users[piece])
            to_items.addmm_(chance.T, users[piece])
        return to_users, to_items, None, None, None


def _pieces(users: Tensor, items: Tensor, bias: Tensor, row: Tensor, column: Tensor) -> Iterator[tuple[slice, Tensor]]:
    """Scores ``[some users, items]`` of one piece after the other, in the same memory."""
    if not len(users):
        return
    size = max(1, (CELLS if users.device.type == "cpu" else CELLS_OF_A_GPU) // max(len(items), 1))
    ends = [*range(size, len(users), size), len(users)]
    bounds = torch.searchsorted(row, torch.tensor([0, *ends], device=row.device)).tolist()
    memory = users.new_empty(min(size, len(users)), len(items))
    start = 0
    for number, end in enumerate(ends):
        scores = memory[: end - start]
        torch.addmm(bias, users[start:end], items.T, out=scores)
        hidden = slice(bounds[number], bounds[number + 1])
        scores[row[hidden] - start, column[hidden]] = -torch.inf
        yield slice(start, end), scores
        start = end

"""Message passing over sorted edges: what PyG's layers compute by gathering and scattering, as sparse products.

    pattern = Pattern.of(edge_index, targets, sources)
    logits = edge_dots(q, k, pattern)                  # [edges, heads]
    out = softmax_sum(logits, v, pattern)              # [targets, heads, width / heads]

A gather writes a copy of a vector for every edge, and its gradient is a scatter; a product with a CSR matrix reads each
vector where it lies. The gradients are sparse products too, with the transposed pattern, summed in a fixed order.
Edges are in the pattern's order everywhere here: by target, then by source.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Pattern:
    """Which target hears from which source, both ways."""

    targets: int
    sources: int
    crow: Tensor
    """int32 ``[targets + 1]``"""
    col: Tensor
    """int32 ``[edges]``, sources"""
    row: Tensor
    """int64 ``[edges]``, targets"""
    order: Tensor
    """int64 ``[edges]``: the place in the edge index that the pattern was made of"""
    transposed_crow: Tensor
    transposed_col: Tensor
    transposed_order: Tensor

    @classmethod
    def of(cls, edge_index: Tensor, targets: int, sources: int) -> Pattern:
        """The pattern of ``edge_index`` ``[2, edges]`` (source, target)."""
        source, target = edge_index
        order = torch.argsort(target * sources + source, stable=True)
        row, col = target.index_select(0, order), source.index_select(0, order)
        turned = torch.argsort(col * targets + row, stable=True)
        return cls(
            targets,
            sources,
            _starts(row, targets),
            col.int(),
            row,
            order,
            _starts(col, sources),
            row.index_select(0, turned).int(),
            turned,
        )

    def matrix(self, values: Tensor) -> Tensor:
        """``[targets, sources]`` with a value for each edge."""
        return _csr(self.crow, self.col, values, (self.targets, self.sources))

    def transposed(self, values: Tensor) -> Tensor:
        """``[sources, targets]`` with the same values."""
        shape = (self.sources, self.targets)
        return _csr(self.transposed_crow, self.transposed_col, values.index_select(0, self.transposed_order), shape)

    def at_target(self, values: Tensor) -> Tensor:
        """A value of each target at its edges, ``[edges, ...]``."""
        return values.index_select(0, self.row)

    def sum(self, values: Tensor) -> Tensor:
        """Sums over each target's edges, ``[targets, ...]``; 0 without an edge."""
        return torch.segment_reduce(values, "sum", offsets=self.crow.long(), axis=0, unsafe=True)

    def softmax(self, logits: Tensor) -> Tensor:
        """Softmax over each target's edges, ``[edges, heads]``."""
        largest = torch.segment_reduce(logits, "max", offsets=self.crow.long(), axis=0, unsafe=True)
        weight = (logits - self.at_target(largest)).exp()
        return weight / self.at_target(self.sum(weight))


class _EdgeDots(torch.autograd.Function):
    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, q: Tensor, k: Tensor, pattern: Pattern) -> Tensor:
        ctx.save_for_backward(q, k)
        ctx.pattern = pattern  # type: ignore[attr-defined]
        return _dots(q, k, pattern)

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, *gradients: Tensor) -> tuple[Tensor, Tensor, None]:
        q, k = ctx.saved_tensors  # type: ignore[attr-defined]
        pattern: Pattern = ctx.pattern  # type: ignore[attr-defined]
        return _weighted(gradients[0], k, pattern), _weighted_back(gradients[0], q, pattern), None


class _SoftmaxSum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, logits: Tensor, v: Tensor, pattern: Pattern) -> Tensor:
        weight = pattern.softmax(logits)
        ctx.save_for_backward(weight, v)
        ctx.pattern = pattern  # type: ignore[attr-defined]
        return _weighted(weight, v, pattern)

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, *gradients: Tensor) -> tuple[Tensor, Tensor, None]:
        weight, v = ctx.saved_tensors  # type: ignore[attr-defined]
        pattern: Pattern = ctx.pattern  # type: ignore[attr-defined]
        pulled = weight * _dots(gradients[0], v, pattern)
        at_logits = pulled - weight * pattern.at_target(pattern.sum(pulled))
        return at_logits, _weighted_back(weight, gradients[0], pattern), None


class _Mean(torch.autograd.Function):
    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, x: Tensor, pattern: Pattern) -> Tensor:
        ctx.pattern = pattern  # type: ignore[attr-defined]
        return pattern.matrix(_shares(pattern, x)) @ x

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, *gradients: Tensor) -> tuple[Tensor, None]:
        pattern: Pattern = ctx.pattern  # type: ignore[attr-defined]
        return pattern.transposed(_shares(pattern, gradients[0])) @ gradients[0].contiguous(), None


def edge_dots(q: Tensor, k: Tensor, pattern: Pattern) -> Tensor:
    """``q[target] · k[source]`` of every edge and head, ``[edges, heads]``; both ``[nodes, heads, width / heads]``."""
    found: Tensor = _EdgeDots.apply(q, k, pattern)
    return found


def softmax_sum(logits: Tensor, v: Tensor, pattern: Pattern) -> Tensor:
    """Sum of ``v[source]`` over a target's edges, weighted by the softmax of the logits ``[edges, heads]``."""
    found: Tensor = _SoftmaxSum.apply(logits, v, pattern)
    return found


def mean_of_sources(x: Tensor, pattern: Pattern) -> Tensor:
    """Mean of ``x[source]`` over a target's edges, ``[targets, width]``; 0 without an edge."""
    found: Tensor = _Mean.apply(x, pattern)
    return found


def _dots(left: Tensor, right: Tensor, pattern: Pattern) -> Tensor:
    blank = pattern.matrix(torch.zeros(len(pattern.col), dtype=left.dtype, device=left.device))
    heads = [
        torch.sparse.sampled_addmm(blank, left[:, h].contiguous(), right[:, h].contiguous().T, beta=0.0).values()
        for h in range(left.shape[1])
    ]
    return torch.stack(heads, dim=1)


def _weighted(weight: Tensor, right: Tensor, pattern: Pattern) -> Tensor:
    heads = [pattern.matrix(weight[:, h].contiguous()) @ right[:, h].contiguous() for h in range(right.shape[1])]
    return torch.stack(heads, dim=1)


def _weighted_back(weight: Tensor, left: Tensor, pattern: Pattern) -> Tensor:
    heads = [pattern.transposed(weight[:, h]) @ left[:, h].contiguous() for h in range(left.shape[1])]
    return torch.stack(heads, dim=1)


def _shares(pattern: Pattern, like: Tensor) -> Tensor:
    count = (pattern.crow[1:] - pattern.crow[:-1]).to(like.dtype)
    return pattern.at_target(1 / count.clamp(min=1))


def _starts(ordered: Tensor, count: int) -> Tensor:
    """Where each value's run begins in a sorted list, int32 ``[count + 1]``."""
    starts = torch.zeros(count + 1, dtype=torch.int32, device=ordered.device)
    starts[1:] = torch.bincount(ordered, minlength=count).cumsum(0)
    return starts


def _csr(crow: Tensor, col: Tensor, values: Tensor, shape: tuple[int, int]) -> Tensor:
    return torch.sparse_csr_tensor(crow, col, values, size=shape, check_invariants=False)

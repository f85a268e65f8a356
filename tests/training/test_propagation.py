"""Propagation is a matrix product, whatever stands in the matrix."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
import torch

from graphfeed.training.adjacency import to_torch
from graphfeed.training.propagation import propagate
from graphfeed.training.tower_input import Message


@pytest.mark.parametrize("shape", [(40, 70), (70, 40), (1, 1), (5, 0), (0, 5)])
@pytest.mark.parametrize("width", [1, 16, 33])
def test_it_is_the_product(shape: tuple[int, int], width: int) -> None:
    matrix = sp.random(*shape, 0.1, format="csr", random_state=0, dtype=np.float32)
    h = torch.randn(shape[1], width, generator=torch.Generator().manual_seed(0))
    found = propagate(to_torch(matrix), h)
    assert found.shape == (shape[0], width)
    assert np.allclose(found.numpy(), matrix @ h.numpy(), atol=1e-5)
    turned = torch.randn(width, shape[1]).T  # not contiguous
    assert np.allclose(propagate(to_torch(matrix), turned).numpy(), matrix @ turned.numpy(), atol=1e-5)


def test_rows_without_edges_are_zero_and_repeated_entries_add_up() -> None:
    matrix = torch.sparse_csr_tensor(
        torch.tensor([0, 2, 2, 3]), torch.tensor([1, 1, 0]), torch.tensor([2.0, 3.0, 4.0]), (3, 2)
    )
    assert propagate(matrix, torch.tensor([[1.0], [10.0]])).tolist() == [[50.0], [0.0], [4.0]]


def test_other_types_work_too() -> None:
    matrix = torch.eye(3, dtype=torch.float64).to_sparse_csr()
    h = torch.randn(3, 4, dtype=torch.float64)
    assert torch.equal(propagate(matrix, h), h)


def test_a_weighted_message_has_the_gradients_of_the_plain_one() -> None:
    torch.manual_seed(0)
    made = (torch.rand(30, 20) < 0.2).float() * torch.rand(30, 20)
    message = Message("engaged>", "User", "Post", made.to_sparse_csr(), made.T.contiguous().to_sparse_csr())
    found = []
    for passed in (lambda h, w: message.weighted(h, w), lambda h, w: w * (made @ h)):
        h, weight = torch.linspace(-1, 1, 20 * 8).reshape(20, 8).requires_grad_(), torch.tensor(0.3, requires_grad=True)
        out = passed(h, weight)
        out.square().sum().backward()
        found.append((out.detach(), h.grad, weight.grad))
    for ours, plain in zip(*found, strict=True):
        torch.testing.assert_close(ours, plain)

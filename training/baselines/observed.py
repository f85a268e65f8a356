"""What the baselines see of a snapshot."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import numpy as np
import scipy.sparse as sp
import torch

from graphfeed.training.links import LINK_KINDS, LinkKind, pair_matrix
from graphfeed.training.metrics import Float32
from graphfeed.training.snapshot import Snapshot
from graphfeed.training.split import Split


def observed(snapshot: Snapshot, kind: LinkKind) -> sp.csr_matrix:
    """Observed links of a kind, 0/1 float32 ``[users, nodes]``: all nodes of the label, later ones as empty columns."""
    links = snapshot.links(kind)
    shape = (snapshot.graph.count("User"), snapshot.graph.count(LINK_KINDS[kind][0]))
    return sp.csr_matrix(pair_matrix(links.source, links.target, shape))


def learnt_from(split: Split, kind: LinkKind = "posts") -> Snapshot:
    """The graph before validation begins: what a baseline may learn from, as the model does."""
    with suppress(StopIteration):
        return next(split.rounds("validation", kind)).snapshot
    return split.training


def inverse_power(values: Float32, exponent: float) -> Float32:
    """``values ** -exponent``, 0 where the value is 0."""
    with np.errstate(divide="ignore"):
        return np.where(values > 0, values**-exponent, 0.0).astype(np.float32)


def torch_csr(matrix: sp.csr_matrix) -> torch.Tensor:
    """A sparse matrix for products with dense ones: int32 indices are what the fast kernels take."""
    return torch.sparse_csr_tensor(
        torch.from_numpy(matrix.indptr.astype(np.int32)),
        torch.from_numpy(matrix.indices.astype(np.int32)),
        torch.from_numpy(matrix.data.astype(np.float32)),
        size=matrix.shape,
    )


def spans(rows: int, size: int) -> Iterator[slice]:
    """Consecutive slices of at most ``size`` rows."""
    return (slice(start, min(start + size, rows)) for start in range(0, rows, size))

"""The one operation that message passing consists of: a sparse matrix times the vectors of all nodes.

h = propagate(adjacency, h)      # [targets, sources] @ [sources, width]
"""

from __future__ import annotations

import torch
from torch import Tensor


def propagate(matrix: Tensor, h: Tensor) -> Tensor:
    """``matrix @ h`` for a torch CSR matrix ``[targets, sources]`` and ``h`` ``[sources, width]``; no gradient.

    On a CPU torch has two kernels for it. The one behind ``torch.sparse.mm(…, "sum")`` sums rows of ``h`` as they stand
    and is the faster one there, by a third and more (``python -m benchmarks.speed --parts propagation``); it takes
    int32 indices, which are half of what an edge costs beside its row.
    """
    if matrix.device.type != "cpu" or matrix.dtype != torch.float32:
        return matrix @ h
    found: Tensor = torch.sparse.mm(matrix, h.contiguous(), "sum")
    return found

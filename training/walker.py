"""Walks typed paths: products of a snapshot's adjacencies for blocks of users, sparse while that is cheaper."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
import torch

from graphfeed.training.adjacency import Adjacencies, Matrix, to_torch
from graphfeed.training.links import Int64
from graphfeed.training.paths import Path, Step

Float32 = npt.NDArray[np.float32]

SPARSE_COST = 20.0
"""Nanoseconds of one multiplication in a sparse product, the sorting of what comes out included (measured)."""
DENSE_COST = {"cached": 0.3, "large": 1.5, "cuda": 0.02}
"""The same in a dense block times a sparse matrix, by one thread: where the block stays in the cache, or not."""
CACHED = 16 * 2**20
"""Bytes of a block that stays there."""

SMALL_PRODUCT = 10_000_000
"""Multiplications up to which a product is not worth torch's threads."""


class Walker:
    """Walks the paths of one kind for blocks of users, to the candidates of the snapshot."""

    def __init__(
        self, adjacencies: Adjacencies, paths: tuple[Path, ...], candidates: Int64, device: torch.device
    ) -> None:
        self.adjacencies = adjacencies
        self.paths = paths
        self.device = device
        every = len(candidates) == _width(adjacencies.step(paths[0].steps[-1])) if paths else True
        self._candidates = None if every else candidates
        self._last: dict[Step, Matrix] = {}
        self._torch: dict[int, torch.Tensor] = {}

    def walk(self, users: Int64) -> Iterator[Float32]:
        """One array ``[users, candidates]`` after the other, in the order of the paths."""
        for product in self.products(users, self.paths):
            yield _dense(product)

    def products(self, users: Int64, paths: tuple[Path, ...]) -> Iterator[Matrix]:
        """The same for some of the paths, sparse where they are."""
        begun: dict[tuple[Step, ...], Matrix] = {}
        for path in paths:
            yield self._walk(users, path.steps, begun, last=True)

    def ends_in_vectors(self, path: Path) -> bool:
        """Whether the last step is a product with text vectors."""
        return not sp.issparse(self.adjacencies.step(path.steps[-1]))

    def before_last(self, users: Int64, path: Path) -> Matrix:
        """All steps of a path but the last: ``[users, nodes that the last step leaves from]``."""
        return self._walk(users, path.steps[:-1], {}, last=False)

    def _walk(
        self, users: Int64, steps: tuple[Step, ...], begun: dict[tuple[Step, ...], Matrix], *, last: bool
    ) -> Matrix:
        if not last and steps in begun:
            return begun[steps]
        matrix = self.to_candidates(steps[-1]) if last else self.adjacencies.step(steps[-1])
        if len(steps) == 1:
            found = matrix[users]
        else:
            found = self._product(self._walk(users, steps[:-1], begun, last=False), matrix)
        if not last:
            begun[steps] = found
        return found

    def to_candidates(self, step: Step) -> Matrix:
        """A last step, cut down to the candidates."""
        if self._candidates is None:
            return self.adjacencies.step(step)
        if step not in self._last:
            matrix = self.adjacencies.step(step)
            cut = (
                sp.csr_matrix(matrix.tocsc()[:, self._candidates])
                if sp.issparse(matrix)
                else matrix[:, self._candidates]
            )
            self._last[step] = cut
        return self._last[step]

    def _product(self, left: Matrix, right: Matrix) -> Matrix:
        """``left @ right``: sparse while it is sparse, else with torch on the device."""
        if not sp.issparse(right):
            return np.asarray(left @ right, dtype=np.float32)
        if sp.issparse(left) and self._sparse_is_cheaper(left, right):
            return sp.csr_matrix(left @ right)
        if left.shape[0] * right.nnz < SMALL_PRODUCT and self.device.type == "cpu":
            return np.asarray(_dense(left) @ right, dtype=np.float32)
        # torch multiplies CSR from the left only: (right^T left^T)^T
        turned = torch.from_numpy(np.ascontiguousarray(_dense(left).T)).to(self.device)
        return (self._turned(right) @ turned).T.cpu().numpy()

    def _sparse_is_cheaper(self, left: sp.csr_matrix, right: sp.csr_matrix) -> bool:
        multiplications = int(np.diff(right.indptr)[left.indices].sum())
        if self.device.type == "cuda":
            cost = DENSE_COST["cuda"]
        else:
            cached = 4 * left.shape[0] * right.shape[0] <= CACHED
            cost = DENSE_COST["cached" if cached else "large"] / torch.get_num_threads()
        return bool(multiplications * SPARSE_COST < left.shape[0] * right.nnz * cost)

    def _turned(self, matrix: sp.csr_matrix) -> torch.Tensor:
        if id(matrix) not in self._torch:
            self._torch[id(matrix)] = to_torch(sp.csr_matrix(matrix.T)).to(self.device)
        return self._torch[id(matrix)]


def _dense(matrix: Matrix) -> Float32:
    return np.asarray(matrix.toarray() if sp.issparse(matrix) else matrix, dtype=np.float32)


def _width(matrix: Matrix) -> int:
    return int(matrix.shape[1])

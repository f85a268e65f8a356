"""Vectors on their way from a spool into node properties, so that an index over them orders by dot product."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from graphfeed.graph.neo4j.spool import Spool, Step

Matrix = npt.NDArray[np.float32]


class SpooledVectors:
    """One vector property of a label, as it was spooled.

    A Neo4j index knows the cosine, not the product. Where all vectors have length 1 (or 0) the two order alike. Where
    they do not, the index stands on a second property, ``<name>_search``, with one more dimension that makes them all
    equally long: then the cosine with ``[query, 0]`` orders as the product does (Bachrach et al., RecSys 2014).
    """

    def __init__(self, spool: Spool, step: Step) -> None:
        self.label, self.name = step.source, step.name
        self.width, self._longest, unit = 0, 0.0, True
        for batch in spool.batches(step.file):
            matrix = _matrix(batch)
            lengths = np.linalg.norm(matrix.astype(np.float64), axis=1)
            self.width = matrix.shape[1]
            self._longest = max(self._longest, float(lengths.max(initial=0.0)))
            unit &= bool(np.all((np.abs(lengths - 1) < 1e-4) | (lengths == 0)))
        self.indexed = step.name if unit else f"{step.name}_search"
        """The property that the index is made on."""
        self.width += 0 if unit else 1

    def statement(self) -> str:
        """Writes ``rows``. The procedure keeps four bytes a number, where SET keeps eight."""
        text = (
            f"UNWIND $rows AS row MATCH (n:`{self.label}`) WHERE id(n) = row[0]"
            f" CALL db.create.setNodeVectorProperty(n, '{self.name}', row[1])"
        )
        if self.indexed != self.name:
            return f"{text} CALL db.create.setNodeVectorProperty(n, '{self.indexed}', row[2])"
        return text

    def rows(self, nodes: npt.NDArray[np.int64], batch: pa.RecordBatch) -> list[list[Any]]:
        """A batch as ``[internal id, vector, longer vector]``."""
        matrix = _matrix(batch)
        columns: list[list[Any]] = [nodes.tolist(), matrix.tolist()]
        if self.indexed != self.name:
            columns.append(self._lengthened(matrix).tolist())
        return list(map(list, zip(*columns, strict=True)))

    def _lengthened(self, matrix: Matrix) -> npt.NDArray[np.float64]:
        wide = matrix.astype(np.float64)
        rest = np.maximum(self._longest**2 - np.sum(wide**2, axis=1), 0.0)
        rest[~matrix.any(axis=1)] = 0.0  # a vector of zeros stands for none: the index leaves it out
        return np.column_stack([wide, np.sqrt(rest)])


def _matrix(batch: pa.RecordBatch) -> Matrix:
    vectors = batch.column("vector")
    found: Matrix = vectors.flatten().to_numpy().reshape(len(vectors), -1)
    return found

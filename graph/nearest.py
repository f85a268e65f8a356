"""Nearest by dot product, exactly: what ``GraphStore.nearest`` answers, from all vectors of a label."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from graphfeed.errors import StoreError
from graphfeed.graph.schema import VECTORS
from graphfeed.loaders.records import NODE_TYPES

Keep = Callable[[str], bool]


def query_vector(vector: npt.NDArray[np.float32], limit: int) -> npt.NDArray[np.float32]:
    """The vector that is asked for, checked. Raises StoreError."""
    vector = np.asarray(vector, dtype=np.float32)
    if vector.ndim != 1 or not np.isfinite(vector).all() or limit < 1:
        raise StoreError(f"nearest takes one finite vector and a limit of 1 or more, found {vector.shape} and {limit}")
    return vector


def check_names(label: str, name: str) -> None:
    """Raise StoreError for a label or a vector property that is none: both stand in a server's statements."""
    if label not in NODE_TYPES or name not in VECTORS:
        raise StoreError(f"no vector {name!r} of {label!r}; there are {', '.join(VECTORS)} of {', '.join(NODE_TYPES)}")


def check_width(label: str, name: str, expected: int, found: int) -> None:
    """Raise StoreError for a query of another width."""
    if found != expected:
        raise StoreError(f"{label}.{name} has {expected} numbers a vector, found {found}")


def nearest_exactly(
    ids: pa.StringArray,
    vectors: npt.NDArray[np.float32],
    vector: npt.NDArray[np.float32],
    limit: int,
    keep: Keep | None = None,
) -> list[tuple[str, float]]:
    """The ``limit`` best ids with their products, best first, those with equal ones in the order of ``ids``.

    A vector of zeros stands for none: its node never comes.
    """
    scores = vectors @ vector
    wanted = limit
    while True:
        places = _best(scores, wanted)
        places = places[np.asarray(vectors[places]).any(axis=1)]
        named = zip(ids.take(pa.array(places)).to_pylist(), scores[places].tolist(), strict=True)
        found = [pair for pair in named if keep is None or keep(pair[0])]
        if len(found) >= limit or wanted >= len(scores):
            return found[:limit]
        wanted *= 8  # zeros and what ``keep`` held back took places


def _best(scores: npt.NDArray[np.float32], count: int) -> npt.NDArray[np.int64]:
    """The places of the ``count`` largest, best first, and of those that equal the last one; equal ones in order."""
    if count >= len(scores):
        return np.argsort(-scores, kind="stable")
    least = np.partition(scores, len(scores) - count)[len(scores) - count]
    chosen = np.flatnonzero(scores >= least)
    order: npt.NDArray[np.int64] = chosen[np.argsort(-scores[chosen], kind="stable")]
    return order

"""What the baselines see of a snapshot."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import scipy.sparse as sp

from graphfeed.training.links import LINK_KINDS, LinkKind, pair_matrix
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


def spans(rows: int, size: int) -> Iterator[slice]:
    """Consecutive slices of at most ``size`` rows."""
    return (slice(start, min(start + size, rows)) for start in range(0, rows, size))

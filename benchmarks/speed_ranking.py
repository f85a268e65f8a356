"""Ranking all users of gowalla: the 20 best of 40,981 items for each, by vectors of 64, those they have met left out.

Against a plain matrix product with ``topk``, faiss's flat index and usearch's exact search. The libraries are asked for
the 20 best of all: they cannot leave out what each user has met, so that they are given the easier task.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import faiss
import numpy as np
import scipy.sparse as sp
import torch
from sklearn.utils.extmath import randomized_svd
from torch import Tensor
from usearch.compiled import MetricKind
from usearch.index import search

from benchmarks.speed_graphs import gowalla_pairs
from benchmarks.speed_rounds import alternate, median, ratio_of, ratio_row
from graphfeed.training.adjacency import normalise
from graphfeed.training.ranking import rough_type, top_k

WIDTH, BEST = 64, 20
SOME = 4_096
"""Users a round for what is only shown beside; the two that are compared rank everybody in each round."""


def measure(rounds: int) -> dict[str, Any]:
    """Users a second of each, the ratios, and whether ours is what faiss finds."""
    users, items, seen = spectral_vectors()
    some, met = users[:SOME].contiguous(), seen[:SOME]
    index = faiss.IndexFlatIP(WIDTH)
    index.add(items.numpy())
    faiss.omp_set_num_threads(torch.get_num_threads())
    works: dict[str, Callable[[], object]] = {
        "ours": lambda: top_k(some, items, BEST, met),
        "ours, nothing left out": lambda: top_k(some, items, BEST),
        "ours, float32": lambda: top_k(some, items, BEST, met, dtype=torch.float32),
        "product and topk": lambda: _plain(some, items, met),
        "faiss flat": lambda: index.search(some.numpy(), BEST),
        "usearch exact": lambda: search(
            items.numpy(), some.numpy(), BEST, MetricKind.IP, exact=True, threads=torch.get_num_threads()
        ),
    }
    everybody: dict[str, Callable[[], object]] = {
        "ours": lambda: top_k(users, items, BEST, seen),
        "faiss flat": lambda: index.search(users.numpy(), BEST),
    }
    seconds = alternate(works, rounds)
    whole = alternate(everybody, rounds)
    _, scores = top_k(some, items, BEST)
    theirs, _ = index.search(some.numpy(), BEST)  # scores, then items
    figures = {f"{name}, users/s": SOME / median(seconds[name]) for name in works}
    figures |= {f"{name}, everybody, users/s": len(users) / median(whole[name]) for name in everybody}
    agree = np.isclose(np.sort(theirs), np.sort(scores.numpy()), rtol=1e-4, atol=1e-6).all()
    return {
        "figures": figures,
        "ratios": {
            "ours over faiss flat": ratio_row(ratio_of(whole, "faiss flat", "ours"), at_least=1.0),
            "ours over usearch exact": ratio_row(ratio_of(seconds, "usearch exact", "ours")),
            "ours over a product and topk": ratio_row(ratio_of(seconds, "product and topk", "ours")),
        },
        "the same scores as faiss": bool(agree),
        "rough scores in": str(rough_type(torch.device("cpu"))).removeprefix("torch."),
        "users": len(users),
        "items": len(items),
    }


def spectral_vectors() -> tuple[Tensor, Tensor, sp.csr_matrix]:
    """Vectors of gowalla's users and items as the towers begin (``warm_start``), and what each user has met."""
    count, posts, source, target = gowalla_pairs()
    seen = sp.csr_matrix((np.ones(len(source), np.float32), (source, target)), shape=(count, posts))
    adjacency = normalise(seen, 0.5, 0.5)
    _, _, right = randomized_svd(adjacency, WIDTH, n_iter=3, random_state=0)
    degree = np.sqrt(1 + np.asarray(seen.sum(axis=0)).ravel())
    items = torch.from_numpy(np.ascontiguousarray(right.T * degree[:, None], dtype=np.float32))
    return torch.from_numpy(np.asarray(adjacency @ right.T, dtype=np.float32)), items, seen


def _plain(users: Tensor, items: Tensor, seen: sp.csr_matrix) -> tuple[Tensor, Tensor]:
    best, scores = [], []
    for start in range(0, len(users), 256):
        block = users[start : start + 256] @ items.T
        row, column = seen[start : start + 256].nonzero()
        block[torch.from_numpy(row.astype(np.int64)), torch.from_numpy(column.astype(np.int64))] = -torch.inf
        found = block.topk(BEST)
        best.append(found.indices)
        scores.append(found.values)
    return torch.cat(best), torch.cat(scores)

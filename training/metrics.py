"""Ranking quality: the best k of a block of users, and what they are worth, per list and over all lists.

Values per list come from ``torch_geometric.metrics``; it sums them up at once, while an interval over people needs
each one, so its per-example step is called. What it has not (diversity by text vectors, exposure of authors) or only
for full lists (novelty) is worked out here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
import torch
from torch_geometric.metrics import (
    LinkPredCoverage,
    LinkPredF1,
    LinkPredHitRatio,
    LinkPredMAP,
    LinkPredMRR,
    LinkPredNDCG,
    LinkPredPrecision,
    LinkPredRecall,
)
from torch_geometric.metrics.link_pred import LinkPredMetricData

from graphfeed.training.links import Int64

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]

PER_LIST = {
    "recall": LinkPredRecall,
    "ndcg": LinkPredNDCG,
    "mrr": LinkPredMRR,
    "hit_rate": LinkPredHitRatio,
    "precision": LinkPredPrecision,
    "f1": LinkPredF1,
    "map": LinkPredMAP,
}

EXCLUDED = torch.iinfo(torch.int64).min


def tie_breaks(nodes: int) -> Int64:
    """A fixed place for every node, ``[nodes]``, that decides between equal scores.

    The order of the nodes themselves would not do: in many data sets it tells age or popularity.
    """
    return np.random.default_rng(20_000_003).permutation(nodes).astype(np.int64)


def sort_keys(scores: Float32, excluded: sp.csr_matrix, ties: Int64) -> torch.Tensor:
    """Scores ``[users, candidates]`` as integers that are in the same order and never equal within a row.

    The upper 32 bits are the score's, the lower ones the candidate's tie break ``[candidates]``. What is excluded has
    the key ``EXCLUDED``.
    """
    bits = torch.from_numpy(scores + np.float32(0.0)).view(torch.int32)  # + 0 turns -0.0 into 0.0, which is its equal
    keys = torch.where(bits < 0, bits ^ 0x7FFFFFFF, bits).to(torch.int64)
    keys = keys.bitwise_left_shift_(32).bitwise_or_(torch.from_numpy(ties))
    row, column = excluded.nonzero()
    keys[torch.from_numpy(row.astype(np.int64)), torch.from_numpy(column.astype(np.int64))] = EXCLUDED
    return keys


def best(keys: torch.Tensor, k: int) -> torch.Tensor:
    """Columns of the k highest keys, best first, int64 ``[users, k]``; ``keys.shape[1]`` where fewer remain."""
    width = keys.shape[1]
    value, column = keys.topk(min(k, width), dim=1)
    column[value == EXCLUDED] = width
    return torch.nn.functional.pad(column, (0, k - column.shape[1]), value=width)


def per_list(top: torch.Tensor, answers: sp.csr_matrix, at: Sequence[int]) -> dict[str, Float32]:
    """Metrics of each list by name (``recall@10``), float32 ``[users]``.

    ``top``: columns, best first, ``[users, k]`` with k at least ``max(at)``; ``answers``: 0/1 ``[users, columns]``. A
    column that ``answers`` has not fills up a short list.
    """
    row, column = answers.nonzero()
    truth = (torch.from_numpy(row.astype(np.int64)), torch.from_numpy(column.astype(np.int64)))
    data = LinkPredMetricData(pred_index_mat=top, edge_label_index=truth)
    return {
        f"{name}@{k}": np.asarray(metric(k)._compute(data).numpy(), dtype=np.float32)
        for k in at
        for name, metric in PER_LIST.items()
    }


class ListTally:
    """What the lists are like, whether right or not: coverage, novelty, diversity, exposure of authors.

    Lists are given as node indices ``[users, k]``, where ``nodes`` fills up a short one.
    """

    def __init__(self, nodes: int, at: Sequence[int], vectors: torch.Tensor | None = None) -> None:
        self.nodes, self.at = nodes, tuple(at)
        self.vectors = None if vectors is None else _unit_rows(vectors)
        self._covered = {k: LinkPredCoverage(k, nodes + 1) for k in self.at}
        self._lists: list[torch.Tensor] = []
        self._shown = {k: np.zeros(nodes, dtype=np.int64) for k in self.at}
        self._each: dict[str, list[torch.Tensor]] = defaultdict(list)
        self._candidates = np.zeros(nodes, dtype=bool)

    def add_candidates(self, candidates: Int64) -> None:
        """Nodes that could have been in the lists."""
        self._candidates[candidates] = True

    def add(self, top: torch.Tensor, self_information: Float32) -> None:
        """Lists, with what each node's popularity makes it worth as news, bits ``[nodes]``."""
        information = torch.from_numpy(np.append(self_information, np.float32(0.0)))
        self._lists.append(top[:, : max(self.at)].to(torch.int32))
        for k in self.at:
            lists = top[:, :k]
            self._covered[k].update(lists, torch.zeros((2, 0), dtype=torch.int64))
            there = lists < self.nodes
            self._shown[k] += np.bincount(lists[there].numpy(), minlength=self.nodes)
            self._each[f"novelty@{k}"].append(information[lists].sum(1) / there.sum(1))
            if self.vectors is not None:
                self._each[f"diversity@{k}"].append(_intra_list_distance(lists, there, self.vectors))

    def figures(self, author: Int64, post: Int64) -> dict[str, float]:
        """The figures by name; pairs (author, post) say who gains by being shown."""
        # Summed up at the end, all at once: sums of sums would differ in the last bit with the size of the blocks.
        each = {name: values[~np.isnan(values)] for name, values in self.each().items()}
        found = {name: float(values.mean()) for name, values in each.items() if len(values)}
        mine = self._candidates[post]
        for k in self.at:
            covered = int(self._covered[k].mask[: self.nodes].sum())
            found[f"coverage@{k}"] = covered / max(int(self._candidates.sum()), 1)
            if mine.any():
                authors, place = np.unique(author[mine], return_inverse=True)
                exposure = np.bincount(place, weights=self._shown[k][post[mine]], minlength=len(authors))
                found[f"author_gini@{k}"] = gini(exposure)
        return found

    def each(self) -> dict[str, Float64]:
        """Novelty and diversity of every list by name (``novelty@10``), ``[lists]``; NaN where a list is too short."""
        return {name: torch.cat(values).double().numpy() for name, values in self._each.items()}

    def coverage_errors(self, users: Int64) -> dict[str, float]:
        """Standard error of the coverage over people by name, ``users`` being whose each list is, ``[lists]``.

        By the jackknife, for which only the nodes count that one person alone was shown: drawing people anew would
        show fewer nodes in every draw (Burnham and Overton 1978, on the number of species in a sample).
        """
        if not self._lists:
            return {}
        lists = torch.cat(self._lists).numpy()
        people, owner = np.unique(users, return_inverse=True)
        total = max(int(self._candidates.sum()), 1)
        found = {}
        for k in self.at:
            pair = np.unique(np.repeat(owner, k) * (self.nodes + 1) + lists[:, :k].ravel())
            person, node = np.divmod(pair, self.nodes + 1)
            once = (np.bincount(node, minlength=self.nodes + 1) == 1) & (np.arange(self.nodes + 1) < self.nodes)
            alone = np.bincount(person[once[node]], minlength=len(people)) / total
            found[f"coverage@{k}"] = float(np.sqrt((len(people) - 1) * alone.var()))
        return found


def self_information(popularity: npt.NDArray[np.int64], users: int) -> Float32:
    """``-log2`` of the share of users that know each node, with one more of either so that none is infinite (bits)."""
    return np.asarray(-np.log2((popularity + 1) / (users + 1)), dtype=np.float32)


def gini(amounts: npt.NDArray[np.number]) -> float:
    """Gini coefficient: 0 when all get the same, towards 1 when one gets everything; 0 when nobody gets anything."""
    total = amounts.sum()
    if not total:
        return 0.0
    place = np.arange(1, len(amounts) + 1)
    return float(2 * (place * np.sort(amounts)).sum() / (len(amounts) * total) - (len(amounts) + 1) / len(amounts))


def _unit_rows(vectors: torch.Tensor) -> torch.Tensor:
    unit = torch.nn.functional.normalize(vectors.float(), dim=1)
    return torch.cat([unit, unit.new_zeros(1, unit.shape[1])])


def _intra_list_distance(lists: torch.Tensor, there: torch.Tensor, unit: torch.Tensor) -> torch.Tensor:
    """1 - mean cosine over the pairs of each list (Smyth and McClave 2001); NaN for one with less than two nodes."""
    chosen = unit[lists]
    size = there.sum(1).float()
    pairs = chosen.sum(1).square().sum(1) - chosen.square().sum((1, 2))
    distance: torch.Tensor = 1 - pairs / (size * (size - 1)).clamp(min=1)
    return distance.masked_fill(size < 2, torch.nan)

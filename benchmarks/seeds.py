"""Several seeds of one ranker become one row: the mean over the seeds, and how far they spread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np

from benchmarks.timing import Timed
from graphfeed.training.evaluation import Evaluation, summarise
from graphfeed.training.metrics import Float32
from graphfeed.training.model import LinearModel
from graphfeed.training.ranker import Ranker

LISTS = ("coverage@", "novelty@", "diversity@", "author_gini@")
"""Figures on all lists of a ranker, which no question has of its own."""


@runtime_checkable
class Seeded(Protocol):
    """A ranker with randomness."""

    def reseeded(self, seed: int) -> Ranker:
        """Another one with the settings that this one chose and a seed of its own, not fitted."""
        ...


def with_seeds(rankers: Sequence[Timed], seeds: int) -> dict[str, list[Timed]]:
    """By name, each fitted ranker and, where it has randomness, unfitted ones of further seeds, named ``name#seed``."""
    return {r.name: [r, *(_reseeded(r, seed) for seed in range(1, seeds) if _has_seed(r.ranker))] for r in rankers}


def _has_seed(ranker: Ranker) -> bool:
    return isinstance(ranker, LinearModel | Seeded)


def _reseeded(timed: Timed, seed: int) -> Timed:
    ranker = timed.ranker
    if isinstance(ranker, LinearModel):
        return Timed(LinearModel(ranker.settings, ranker.run.model_copy(update={"seed": seed})), f"{timed.name}#{seed}")
    assert isinstance(ranker, Seeded)
    return Timed(ranker.reseeded(seed), f"{timed.name}#{seed}")


def pooled(found: Evaluation, groups: Mapping[str, Sequence[str]], main_slice: str = "all") -> Evaluation:
    """An evaluation in which the seeds of a ranker are one: every question's values are their means.

    ``groups``: the rankers of each name. Intervals are over people, of the means; ``<metric>_sd`` in a row is the
    standard deviation of the figure over the seeds, and ``seeds`` how many there were.
    """
    if all(len(names) == 1 for names in groups.values()):
        return found
    values: dict[tuple[str, str], dict[str, Float32]] = {}
    for name, members in groups.items():
        for slice_ in found.slices:
            metrics = [metric for metric in _row(found, name, slice_) if _per_question(metric)]
            each = {m: [found.values(member, slice_, m) for member in members] for m in metrics}
            values[name, slice_] = {m: np.mean(v, axis=0, dtype=np.float32) for m, v in each.items()}
    lists = {
        name: {
            key: float(np.mean([_row(found, member, main_slice)[key] for member in members]))
            for key in _row(found, name, main_slice)
            if key.startswith(LISTS)
        }
        for name, members in groups.items()
    }
    kinds = {name: found.kinds[name] for name in groups}
    users = {slice_: found.users(slice_) for slice_ in found.slices}
    empty = Evaluation(found.part, found.kind, found.at, found.describe, kinds)
    made = summarise(empty, users, values, lists, main_slice)
    for row in made.rows:
        members = groups[row["model"]]
        row["seeds"] = len(members)
        if len(members) > 1:
            rows = [_row(found, member, row["slice"]) for member in members]
            for metric in [key for key in row if "@" in key and not key.endswith(("_low", "_high"))]:
                row[f"{metric}_sd"] = float(np.std([r[metric] for r in rows], ddof=1))
    return made


def _row(found: Evaluation, name: str, slice_: str) -> dict[str, Any]:
    return next(row for row in found.rows if row["model"] == name and row["slice"] == slice_)


def _per_question(key: str) -> bool:
    return "@" in key and not key.startswith(LISTS) and not key.endswith(("_low", "_high"))

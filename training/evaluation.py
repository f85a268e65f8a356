"""What an evaluation found: rows for programs, comparisons in paired intervals, a table for people."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from rich.table import Table

from graphfeed.training.intervals import interval, resampled_means
from graphfeed.training.links import Int64, LinkKind
from graphfeed.training.metrics import Float32
from graphfeed.training.ranker import RankerKind

ORDER = ("all", "young", "old", "warm_users", "cold_users", "warm_posts", "cold_posts")
"""Slices in the order in which they are shown; others come after."""


@dataclass
class Evaluation:
    """The values of every question, and what they come to.

    ``rows``: one dict per ranker and slice with ``model``, ``kind``, ``split``, ``slice``, ``link``, ``users``
    (people), ``questions`` (people × moments), each metric, and for metrics per list the ends of its 95 % interval
    as ``<metric>_low`` and ``<metric>_high``.

    ``comparisons``: for each slice, each model against each baseline on ``main_metric``: ``difference`` (model −
    baseline), ``low`` and ``high`` of its paired 95 % interval, and ``best``: true for the baseline that did best
    **on the evaluated part itself**. It is picked with hindsight: a harder opponent than one picked on validation.
    """

    part: str
    kind: LinkKind
    at: tuple[int, ...]
    describe: str
    """The split, in a line."""
    kinds: dict[str, RankerKind]
    """Rankers by name, in the order given."""
    rows: list[dict[str, Any]] = field(default_factory=list)
    comparisons: list[dict[str, Any]] = field(default_factory=list)
    _users: dict[str, Int64] = field(default_factory=dict)
    _values: dict[tuple[str, str], dict[str, Float32]] = field(default_factory=dict)

    @property
    def main_metric(self) -> str:
        """What rankers are compared by."""
        return f"ndcg@{self.at[0]}"

    @property
    def slices(self) -> list[str]:
        """Names of the slices that had a question."""
        rank = {name: place for place, name in enumerate(ORDER)}
        return sorted(self._users, key=lambda name: rank.get(name, len(rank)))

    def values(self, model: str, slice_: str, metric: str) -> Float32:
        """A metric's value for every question of a slice, ``[questions]``; who asked is in ``users(slice_)``."""
        return self._values[model, slice_][metric]

    def users(self, slice_: str) -> Int64:
        """User index of every question of a slice, ``[questions]``."""
        return self._users[slice_]

    def to_json(self, path: str | Path) -> None:
        """Write rows, comparisons and the split's line."""
        whole = {"rows": self.rows, "comparisons": self.comparisons, "split": self.describe}
        Path(path).write_text(json.dumps(whole, indent=2) + "\n", encoding="utf-8")

    def table(self) -> Table:
        """The main metrics with their intervals, slice by slice; the best value of each is bold."""
        shown = [f"{name}@{k}" for k in self.at for name in ("recall", "ndcg")]
        shown += [f"{name}@{self.at[0]}" for name in ("mrr", "hit_rate")]
        table = Table(title=f"{self.kind}, {self.part}", caption=self.describe)
        for column in ("slice", "ranker", "people", "questions"):
            table.add_column(column, justify="left" if column in ("slice", "ranker") else "right")
        for metric in shown:
            table.add_column(metric, justify="right", no_wrap=True)
        for name in self.slices:
            rows = [row for row in self.rows if row["slice"] == name]
            top = {metric: _highest(rows, metric) for metric in shown}
            for place, row in enumerate(rows):
                cells = [_cell(row, metric, top[metric]) for metric in shown]
                label = row["model"] if row["kind"] == "baseline" else f"[cyan]{row['model']}[/cyan]"
                table.add_row(name if place == 0 else "", label, f"{row['users']:,}", f"{row['questions']:,}", *cells)
            table.add_section()
        return table


def summarise(
    evaluation: Evaluation,
    users: dict[str, Int64],
    values: dict[tuple[str, str], dict[str, Float32]],
    lists: dict[str, dict[str, float]],
    main_slice: str,
) -> Evaluation:
    """Fill in the rows and comparisons. ``lists``: figures on all lists of a ranker, by ranker and metric."""
    evaluation._users, evaluation._values = users, values
    for name in evaluation.slices:
        draws: dict[str, npt.NDArray[np.float64]] = {}
        for model, kind in evaluation.kinds.items():
            found = values[model, name]
            draws[model] = resampled_means(np.stack(list(found.values()), axis=1), users[name])
            row = {
                "model": model,
                "kind": kind,
                "split": evaluation.part,
                "slice": name,
                "link": evaluation.kind,
                "users": len(np.unique(users[name])),
                "questions": len(users[name]),
                **dict(_with_intervals(found, draws[model])),
                **(lists[model] if name == main_slice else {}),
            }
            evaluation.rows.append(row)
        column = list(next(iter(values.values()))).index(evaluation.main_metric)
        evaluation.comparisons += _compare(evaluation, name, {m: d[:, [column]] for m, d in draws.items()})
    return evaluation


def _with_intervals(found: dict[str, Float32], draws: npt.NDArray[np.float64]) -> Iterator[tuple[str, float]]:
    low, high = interval(draws)
    for column, (metric, value) in enumerate(found.items()):
        yield metric, float(value.mean(dtype=np.float64))
        yield f"{metric}_low", float(low[column])
        yield f"{metric}_high", float(high[column])


def _compare(evaluation: Evaluation, name: str, draws: dict[str, npt.NDArray[np.float64]]) -> list[dict[str, Any]]:
    metric = evaluation.main_metric
    mean = {m: float(evaluation.values(m, name, metric).mean(dtype=np.float64)) for m in evaluation.kinds}
    baselines = [m for m, kind in evaluation.kinds.items() if kind == "baseline"]
    strongest = max(baselines, key=mean.__getitem__, default=None)
    found = []
    for model in (m for m, kind in evaluation.kinds.items() if kind == "model"):
        for baseline in baselines:
            low, high = interval(draws[model] - draws[baseline])
            found.append(
                {
                    "slice": name,
                    "model": model,
                    "baseline": baseline,
                    "best": baseline == strongest,
                    "metric": metric,
                    "difference": mean[model] - mean[baseline],
                    "low": float(low[0]),
                    "high": float(high[0]),
                }
            )
    return found


def _highest(rows: Sequence[dict[str, Any]], metric: str) -> float:
    # An oracle is no contender: the best of the others is what a reader looks for.
    return max((float(row[metric]) for row in rows if row["kind"] != "oracle"), default=0.0)


def _cell(row: dict[str, Any], metric: str, highest: float) -> str:
    value = f"{row[metric]:.4f}"
    if row["kind"] != "oracle" and row[metric] == highest:
        value = f"[bold]{value}[/bold]"
    half = (row[f"{metric}_high"] - row[f"{metric}_low"]) / 2
    return f"{value} ±{half:.3f}"

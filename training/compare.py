"""Kinds of towers side by side: trained on the same split, asked the same questions, with what each costs.

    found = compare(split, ["linear", "hgt"], ModelSettings(), RunSettings())
    found.evaluation.rows, found.costs["hgt"].parameters

The towers alone are compared, unless the settings' other parts are asked for as well: beside paths and time the towers
are one term among many, and what tells them apart is hardly to be seen.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from graphfeed.errors import ConfigError
from graphfeed.training.evaluate import evaluate
from graphfeed.training.evaluation import Evaluation
from graphfeed.training.links import Int64, LinkKind
from graphfeed.training.metrics import Float32
from graphfeed.training.model import LinearModel
from graphfeed.training.ranker import Progress, Ranker, RankerKind, Scorer
from graphfeed.training.settings import TOWER_KINDS, ModelSettings, RunSettings, TowerKind
from graphfeed.training.snapshot import Snapshot
from graphfeed.training.split import Part, Split


@dataclass
class Cost:
    """What a kind costs."""

    fit_seconds: float = 0.0
    """Everything before the first question: both trainings of the towers, and the weights."""
    rank_seconds: float = 0.0
    """The graph brought up to each moment, and every candidate scored for everybody who is asked for."""
    parameters: int = 0
    """Learned numbers of the towers."""
    mib: float = 0.0
    """What they take, MiB."""


@dataclass(frozen=True)
class Comparison:
    """What was measured."""

    evaluation: Evaluation
    costs: dict[str, Cost] = field(default_factory=dict)
    settings: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Settings of each kind's towers, and how their training went."""

    def to_dict(self) -> dict[str, Any]:
        """Rows with the costs of their model, for a program."""
        evaluation = self.evaluation
        rows = [{**row, **asdict(self.costs.get(row["model"], Cost()))} for row in evaluation.rows]
        kept = {"rows": rows, "settings": self.settings, "split": evaluation.describe}
        return {**kept, "part": evaluation.part}


def compare(
    split: Split,
    kinds: Sequence[str],
    settings: ModelSettings,
    run: RunSettings,
    *,
    part: Part = "test",
    whole: bool = False,
    oracle: Ranker | None = None,
    progress: Progress | None = None,
) -> Comparison:
    """Train a model with each kind of towers and evaluate them on a part of the split.

    ``whole``: with all parts of ``settings``; else the towers alone. Raises ConfigError for a kind that there is not.
    """
    known = _known(kinds)
    models: list[_Timed] = []
    for kind in known:
        towers = settings.towers.model_copy(update={"kind": kind})
        chosen = settings.model_copy(update={"towers": towers} | ({} if whole else {"parts": ("towers",)}))
        # Checkpoints of one kind are none of another's.
        folder = run.folder / kind if run.folder else None
        model = LinearModel(chosen, run.model_copy(update={"folder": folder}))
        model.name = kind
        models.append(_Timed(model))
    for timed in models:
        timed.fit(split, progress)
    found = evaluate(split, models, part=part, progress=progress, oracle=oracle)
    return Comparison(
        found,
        {timed.name: timed.cost for timed in models},
        {timed.name: {**timed.settings(), **timed.model.report.get("towers", {})} for timed in models},
    )


def _known(kinds: Sequence[str]) -> list[TowerKind]:
    found: list[TowerKind] = []
    for kind in kinds:
        match = next((known for known in TOWER_KINDS if known == kind), None)
        if match is None or match in found:
            why = "named twice" if match else "not one of them"
            raise ConfigError(f"compare takes some of {', '.join(TOWER_KINDS)}, found {kind!r}, which is {why}")
        found.append(match)
    if not found:
        raise ConfigError(f"compare takes some of {', '.join(TOWER_KINDS)}, found none")
    return found


class _Timed:
    """A model with a clock on it; a ``Ranker``."""

    def __init__(self, model: LinearModel) -> None:
        self.model, self.name, self.cost = model, model.name, Cost()

    @property
    def kind(self) -> RankerKind:
        """The model's."""
        return self.model.kind

    def fit(self, split: Split, progress: Progress | None = None) -> None:
        """Fit it, and weigh what was learned."""
        began = time.perf_counter()
        self.model.fit(split, progress)
        self.cost.fit_seconds = time.perf_counter() - began
        towers = list(self.model.towers.parameters()) if self.model.towers is not None else []
        self.cost.parameters = sum(value.numel() for value in towers)
        self.cost.mib = sum(value.numel() * value.element_size() for value in towers) / 2**20

    def scorer(self, snapshot: Snapshot, kind: LinkKind = "posts") -> Scorer:
        """Its scorer, timed."""
        began = time.perf_counter()
        scorer = self.model.scorer(snapshot, kind)
        self.cost.rank_seconds += time.perf_counter() - began
        return _TimedScorer(scorer, self.cost)

    def settings(self) -> dict[str, Any]:
        """Those of the towers."""
        return self.model.settings.towers.model_dump(mode="json")


class _TimedScorer:
    def __init__(self, scorer: Scorer, cost: Cost) -> None:
        self._scorer, self._cost = scorer, cost

    def scores(self, users: Int64) -> Float32:
        began = time.perf_counter()
        found = self._scorer.scores(users)
        self._cost.rank_seconds += time.perf_counter() - began
        return found

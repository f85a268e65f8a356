"""What ``graphfeed tune`` may change: the settings that a trial asks for, starting from those that are there.

Choices are named relative to the present settings ("as it is", "half", "stronger"), so that the present ones are always
a point of the space and the same space serves a small community and a large one.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from graphfeed.training.factors import WIDEST, engagement, factor_widths
from graphfeed.training.settings import PARTS, FactorSettings, MixtureSettings, ModelSettings, TowerSettings
from graphfeed.training.split import Split
from graphfeed.training.tower_kinds import tower_epochs

if TYPE_CHECKING:
    from optuna.trial import Trial

AS_IT_IS = "as it is"
TIMES = {AS_IT_IS: 1.0, "half": 0.5, "double": 2.0}
RIDGE = {AS_IT_IS: 1.0, "weaker": 0.1, "stronger": 10.0}
NEGATIVES = {AS_IT_IS: 1.0, "a third": 1 / 3, "three times": 3.0}
STRENGTHS = {
    AS_IT_IS: (1.0, 1.0),
    "less confident": (0.3, 1.0),
    "more confident": (3.0, 1.0),
    "weaker penalty": (1.0, 0.1),
    "stronger penalty": (1.0, 10.0),
}
"""Factors on the confidence of a link and on the L2 penalty."""
LEARNING_RATES = (1e-3, 0.1)
MOST_LAYERS = 3
NARROWEST = 4


@dataclass(frozen=True)
class SearchSpace:
    """The settings around ``base`` on one split."""

    base: ModelSettings
    split: Split

    def present(self) -> dict[str, Any]:
        """The point of the space that the present settings are, by name."""
        base = self.base
        point: dict[str, Any] = {f"parts.{name}": name in base.parts for name in self.switched}
        point |= {"factors.widths": AS_IT_IS, "factors.strengths": AS_IT_IS}
        point |= {"towers.trained": self._trains}
        point |= {"towers.learning_rate": base.towers.learning_rate, "towers.negatives": AS_IT_IS}
        point |= {"towers.layers": base.towers.layers}
        return point | {"mixture.ridge": AS_IT_IS, "mixture.negatives": AS_IT_IS}

    @cached_property
    def switched(self) -> tuple[str, ...]:
        """The parts that may be on or off: factors and towers, which cost most, and all that are off now."""
        return tuple(name for name in PARTS if name in ("factors", "towers") or name not in self.base.parts)

    def ask(self, trial: Trial) -> ModelSettings:
        """The settings that a trial chooses. Without any part the present parts stay."""
        off = {name for name in self.switched if not trial.suggest_categorical(f"parts.{name}", [True, False])}
        parts = tuple(name for name in PARTS if name not in off)
        if not parts or set(parts) == set(self.base.parts):
            parts = self.base.parts
        changed: dict[str, Any] = {"parts": parts, "mixture": self._mixture(trial)}
        if "factors" in parts:
            changed["factors"] = self._factors(trial)
        if "towers" in parts:
            changed["towers"] = self._towers(trial)
        return self.base.model_copy(update=changed)

    def _factors(self, trial: Trial) -> FactorSettings:
        base = self.base.factors
        changed: dict[str, Any] = {}
        times = TIMES[trial.suggest_categorical("factors.widths", list(TIMES))]
        if times != 1.0:
            wanted = (max(NARROWEST, min(WIDEST, round(width * times))) for width in self._widths)
            changed["widths"] = tuple(sorted(set(wanted)))
        alpha, penalty = STRENGTHS[trial.suggest_categorical("factors.strengths", list(STRENGTHS))]
        if (alpha, penalty) != (1.0, 1.0):
            changed["strengths"] = tuple((_short(a * alpha), _short(p * penalty)) for a, p in base.strengths)
        return base.model_copy(update=changed)

    def _towers(self, trial: Trial) -> TowerSettings:
        base = self.base.towers
        changed: dict[str, Any] = {}
        if base.fanout is None:  # which has a number for each layer
            changed["layers"] = trial.suggest_int("towers.layers", 1, max(MOST_LAYERS, base.layers))
        trained = self._epochs_there > 0 and trial.suggest_categorical("towers.trained", [True, False])
        if trained != self._trains:
            changed["epochs"] = self._epochs_there if trained else 0
        if trained:
            low, high = LEARNING_RATES
            rate = base.learning_rate
            asked = trial.suggest_float("towers.learning_rate", min(low, rate), max(high, rate), log=True)
            changed["learning_rate"] = rate if asked == rate else _short(asked)
            times = TIMES[trial.suggest_categorical("towers.negatives", list(TIMES))]
            changed["negatives"] = max(1, round(base.negatives * times))
        return base.model_copy(update=changed)

    def _mixture(self, trial: Trial) -> MixtureSettings:
        base = self.base.mixture
        ridge = RIDGE[trial.suggest_categorical("mixture.ridge", list(RIDGE))]
        times = NEGATIVES[trial.suggest_categorical("mixture.negatives", list(NEGATIVES))]
        # Not how many questions: trials are compared question by question.
        changed: dict[str, Any] = {"negatives": max(1, round(base.negatives * times))}
        if ridge != 1.0:
            changed["ridge"] = tuple(_short(value * ridge) for value in base.ridge)
        return base.model_copy(update=changed)

    @cached_property
    def _widths(self) -> tuple[int, ...]:
        links = engagement(self.split.training)
        return factor_widths(self.base.factors, links.nnz, links.shape)

    @cached_property
    def _trains(self) -> bool:
        return self._epochs(self.base.towers) > 0

    @cached_property
    def _epochs_there(self) -> int:
        """As many as are set, or else as there would be if nothing were set."""
        return self._epochs(self.base.towers) or self._epochs(self.base.towers.model_copy(update={"epochs": None}))

    def _epochs(self, towers: TowerSettings) -> int:
        return tower_epochs(towers, len(self.split.training.links("posts")))


def difference(settings: ModelSettings, base: ModelSettings) -> dict[str, Any]:
    """The keys of ``settings`` whose values are not those of ``base``, as JSON values by section."""
    found: dict[str, Any] = {}
    old = base.model_dump(mode="json")
    for name, value in settings.model_dump(mode="json").items():
        if isinstance(value, dict):
            value = {key: new for key, new in value.items() if new != old[name][key]}
            if value:
                found[name] = value
        elif value != old[name]:
            found[name] = value
    return found


def changes(difference: dict[str, Any]) -> int:
    """How many keys differ."""
    return sum(len(value) if isinstance(value, dict) else 1 for value in difference.values())


def _short(value: float) -> float:
    """Three figures: more would be noise in a file that people read."""
    return float(f"{value:.3g}")

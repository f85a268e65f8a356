"""Settings of the model found by search: Optuna's TPE (Bergstra et al. 2011) within minutes, on validation alone.

    found = tune(split, ModelSettings(), RunSettings(seed=1), minutes=20)
    print(found.settings, found.won, found.gain)

A trial learns from the training part, fits its weights on the fit rounds, and is worth what the validation questions
reach: the figure by which the model itself chooses, taken before validation is learned from (``LinearModel.choose``).
The test part is never asked for. The first trial is the present settings; another takes their place only where it gains
more than a standard error, the questions being the same ones. The best of many trials looks better than it is, so the
gain is an upper view of what is to be had: measure the winner with ``graphfeed evaluate``.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch

from graphfeed.errors import ConfigError, NothingToPredictError, TrainingError
from graphfeed.training.model import LinearModel
from graphfeed.training.ranker import Progress
from graphfeed.training.search_space import SearchSpace, changes, difference
from graphfeed.training.settings import ModelSettings, RunSettings
from graphfeed.training.split import Split

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial, Trial

Float64 = npt.NDArray[np.float64]
STARTING_TRIALS = 8
"""Drawn at random, the present settings among them, before TPE has something to go by."""
LAST_TRIALS = 5
"""So many tell how long the next one takes."""
REPEATS = 30
"""So many settings in a row that were tried before: nothing new is to be found."""


@dataclass(frozen=True)
class Tried:
    """A trial that came to its end."""

    number: int
    """0: the present settings."""
    settings: ModelSettings
    changed: dict[str, Any]
    """Its settings that are not the present ones, by section."""
    value: float
    """Validation NDCG@10, mean over questions of that among all posts and among the old posts."""
    gain: float
    """Over the present settings."""
    error: float
    """Standard error of the gain, the questions paired."""
    seconds: float


@dataclass(frozen=True)
class Tuning:
    """What a search found."""

    base: ModelSettings
    tried: tuple[Tried, ...]
    """In the order of trying, each settings once."""
    questions: int
    seconds: float
    cut: int = 0
    """Trials that the budget or an interruption ended before their end, and those for which there was no memory."""
    interrupted: bool = False

    @property
    def best(self) -> Tried:
        """The trial of the highest value; of equals that which changes least."""
        return max(self.tried, key=lambda tried: (tried.value, -changes(tried.changed)))

    @property
    def won(self) -> bool:
        """Whether the best gains more than a standard error over the present settings."""
        return self.best.gain > self.best.error

    @property
    def gain(self) -> float:
        """Of the settings that are to be taken; 0 where the present ones stay."""
        return self.best.gain if self.won else 0.0

    @property
    def settings(self) -> ModelSettings:
        """Those to be taken."""
        return self.best.settings if self.won else self.base


def tune(
    split: Split,
    base: ModelSettings | None = None,
    run: RunSettings | None = None,
    *,
    minutes: float | None = None,
    trials: int | None = None,
    progress: Progress | None = None,
) -> Tuning:
    """Search around ``base`` until ``minutes`` have passed or so many ``trials`` were made, whichever comes first.

    The same seed and number of trials give the same trials. Ctrl-C ends the search with what was found so far.
    Raises ConfigError for a budget that is none, TrainingError where the budget is too small for the present settings,
    NothingToPredictError where validation asks nothing.
    """
    if minutes is None and trials is None:
        raise ConfigError("tune needs a budget: minutes, or a number of trials")
    for name, value in (("minutes", minutes), ("trials", trials)):
        if value is not None and not 0 < value < float("inf"):
            raise ConfigError(f"tune takes a number of {name} above 0, found {value:g}")
    # Checkpoints are of one model: trials keep none.
    run = (run or RunSettings()).model_copy(update={"folder": None})
    search = _Search(SearchSpace(base or ModelSettings(), split), run, minutes, trials, progress)
    return search.run_all()


@dataclass
class _Search:
    space: SearchSpace
    run: RunSettings
    minutes: float | None
    trials: int | None
    progress: Progress | None
    began: float = field(default_factory=time.monotonic)
    values: dict[str, Float64] = field(default_factory=dict)
    """By settings as JSON: what each question reached."""
    seconds: dict[str, float] = field(default_factory=dict)
    repeated: int = 0
    cut: int = 0

    @property
    def budget(self) -> float:
        """Seconds."""
        return float("inf") if self.minutes is None else 60.0 * self.minutes

    def left(self) -> float:
        """Seconds of the budget."""
        return self.budget - (time.monotonic() - self.began)

    def run_all(self) -> Tuning:
        optuna = _optuna()
        seconds = self.left() if self.minutes is not None else None
        interrupted, verbosity = False, optuna.logging.get_verbosity()
        # A trial that is interrupted is no fault to be told with its traceback.
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        try:
            study = self._study(optuna)
            study.optimize(self._objective, n_trials=self.trials, timeout=seconds, callbacks=[self._after])
        except KeyboardInterrupt:
            if not self.values:
                raise
            interrupted = True
            self.cut += 1
        finally:
            optuna.logging.set_verbosity(verbosity)
        if not self.values:  # over before Optuna began the first one
            raise self._too_short()
        return self._found(interrupted)

    def _study(self, optuna: Any) -> Study:
        sampler = optuna.samplers.TPESampler(seed=self.run.seed, n_startup_trials=STARTING_TRIALS)
        study: Study = optuna.create_study(direction="maximize", sampler=sampler)
        # What this trial does not ask for (a part that is off) is passed over by Optuna.
        study.enqueue_trial(self.space.present())
        return study

    def _objective(self, trial: Trial) -> float:
        settings = self.space.base if trial.number == 0 else self.space.ask(trial)
        if trial.number == 0:
            self.space.ask(trial)  # tells Optuna which point of the space this is
        key = settings.model_dump_json()
        self.repeated = self.repeated + 1 if key in self.values else 0
        if key not in self.values:
            began = time.monotonic()
            self.values[key] = self._reached(settings, len(self.values))
            self.seconds[key] = time.monotonic() - began
        return float(self.values[key].mean())

    def _reached(self, settings: ModelSettings, number: int) -> Float64:
        from optuna import TrialPruned

        model = LinearModel(settings, self.run)
        try:
            model.choose(self.space.split, self._watched(number), kinds=("posts",))
        except _OverBudgetError as error:
            if number:
                self.cut += 1
                raise TrialPruned from error
            raise self._too_short() from error
        except (MemoryError, torch.OutOfMemoryError) as error:
            if not number:
                raise
            self.cut += 1
            raise TrialPruned from error
        if not len(model.validated["posts"]):
            raise NothingToPredictError(
                "there is nothing to choose settings by: the validation part of the split asks no question; give"
                " longer windows or another split"
            )
        return model.validated["posts"]

    def _too_short(self) -> TrainingError:
        return TrainingError(
            f"the budget of {self.minutes:g} minutes ended before the present settings were tried once:"
            " give more minutes, or train towers for fewer epochs"
        )

    def _watched(self, number: int) -> Progress:
        """Progress that ends a trial when the budget is spent, and says how far the whole search is."""

        def step(what: str, done: int, total: int, word: str) -> None:
            if self.left() <= 0:
                raise _OverBudgetError
            if self.progress:
                self.progress(f"trial {number}: {what}", done, total, word + self._best())

        return step

    def _after(self, study: Study, trial: FrozenTrial) -> None:
        if self.progress and self.values:
            self.progress("trials", len(self.values), self.trials or 0, self._best().strip())
        last = list(self.seconds.values())[-LAST_TRIALS:]
        # The quickest of the last ones: what none of them could do the next one cannot either.
        if self.repeated >= REPEATS or (last and self.left() < min(last)):
            study.stop()

    def _best(self) -> str:
        left = f", {max(self.left(), 0) / 60:.1f} minutes left" if self.minutes else ""
        best = max((float(values.mean()) for values in self.values.values()), default=None)
        return "" if best is None else f" (best {best:.4f}{left})"

    def _found(self, interrupted: bool) -> Tuning:
        base = self.space.base
        present = self.values[base.model_dump_json()]
        tried = []
        for number, (key, values) in enumerate(self.values.items()):
            settings, gains = ModelSettings.model_validate_json(key), values - present
            error = float(gains.std() / np.sqrt(len(gains))) if len(gains) > 1 else float("inf")
            changed = difference(settings, base)
            value, gain = float(values.mean()), float(gains.mean())
            tried.append(Tried(number, settings, changed, value, gain, error, self.seconds[key]))
        seconds = time.monotonic() - self.began
        return Tuning(base, tuple(tried), len(present), seconds, self.cut, interrupted)


class _OverBudgetError(Exception):
    """The minutes are over."""


def _optuna() -> Any:
    """Optuna. Raises ConfigError where it is not installed."""
    try:
        import optuna
    except ImportError as error:
        raise ConfigError("tune needs Optuna, which is not installed: pip install 'graphfeed[tune]'") from error
    return optuna


__all__ = ["Tried", "Tuning", "tune"]

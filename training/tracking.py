"""Training and evaluation followed in TensorBoard or MLflow: settings, curves as they come, figures at the end.

    with open_tracker("tensorboard:runs") as tracker:     # or mlflow:http://127.0.0.1:5000, mlflow:sqlite:///mlflow.db
        LinearModel(settings, RunSettings(tracker=tracker)).fit(split)

A tracker that cannot be reached says so before training begins. One that fails later is given up with a warning in the
log; the training goes on.
"""

from __future__ import annotations

import json
import logging
import os
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from graphfeed.errors import ConfigError
from graphfeed.loaders.remote import shown_address, without_secrets

if TYPE_CHECKING:
    from graphfeed.training.evaluation import Evaluation
    from graphfeed.training.model import LinearModel

_LOG = logging.getLogger(__name__)
EXPERIMENT = "graphfeed"
"""MLflow's experiment, unless its own variable MLFLOW_EXPERIMENT_NAME names another."""


class Tracker(ABC):
    """One run, to which settings and figures are written."""

    def __init__(self, where: str) -> None:
        self.to = shown_address(where)
        self._given_up = False

    @property
    @abstractmethod
    def run(self) -> str:
        """By which ``open_tracker`` finds this run again."""

    @abstractmethod
    def _settings(self, settings: dict[str, str]) -> None: ...

    @abstractmethod
    def _figures(self, figures: dict[str, float], step: int) -> None: ...

    @abstractmethod
    def _close(self, failed: bool) -> None: ...

    def settings(self, settings: Mapping[str, Any]) -> None:
        """What the run was made with, nested as it may be: ``{"towers": {"width": 64}}`` is ``towers.width``."""
        self._try(lambda: self._settings(flat(settings)))

    def figures(self, figures: Mapping[str, float], step: int = 0) -> None:
        """Figures at a step (an epoch); names with a slash stand together."""
        self._try(lambda: self._figures({name: float(value) for name, value in figures.items()}, step))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._try(lambda: self._close(failed=error is not None))

    def _try(self, act: Callable[[], None]) -> None:
        if self._given_up:
            return
        try:
            act()
        except Exception as error:  # whatever a client library or its server raises
            self._given_up = True
            _LOG.warning("nothing more is written to %s: %s", self.to, _in_a_line(error))


def open_tracker(to: str, run: str = "") -> Tracker:
    """A tracker for ``tensorboard:FOLDER`` or ``mlflow:ADDRESS``; ``run``: go on with this run of it.

    Raises ConfigError for anything else, and where the library is not installed or the server does not answer.
    """
    kind, where = place_of(to)
    return _TensorBoard(Path(where), run) if kind == "tensorboard" else _MLflow(where, run)


def place_of(to: str) -> tuple[str, str]:
    """``tensorboard`` and its folder seen from the root, or ``mlflow`` and an address, which may be empty.

    Raises ConfigError for anything else.
    """
    kind, _, where = to.partition(":")
    if kind not in ("tensorboard", "mlflow"):
        raise ConfigError(
            f"training is followed in tensorboard:FOLDER or mlflow:ADDRESS, found {to!r}; for instance tensorboard:runs"
        )
    return kind, where if kind == "mlflow" else str(Path(where or "runs").expanduser().absolute())


def flat(settings: Mapping[str, Any], before: str = "") -> dict[str, str]:
    """Nested settings as dotted names with values in words."""
    found: dict[str, str] = {}
    for key, value in settings.items():
        if isinstance(value, Mapping):
            found |= flat(value, f"{before}{key}.")
        else:
            found[f"{before}{key}"] = value if isinstance(value, str) else json.dumps(value)
    return found


def track_model(tracker: Tracker, model: LinearModel) -> None:
    """What a trained model came to on validation, and the weights of its terms."""
    for kind, weights in model.weights.items():
        found = model.report.get(kind, {})
        figures = {f"validation/{kind}/ndcg@10": found["validation"]} if "validation" in found else {}
        tracker.figures(figures | {f"weights/{kind}/{term}": weight for term, weight in weights.items()})
    if second := model.report.get("second stage"):
        tracker.figures({"validation/posts/gained by the second stage": second["gained on validation"]})


def track_evaluation(tracker: Tracker, evaluation: Evaluation) -> None:
    """All metrics of all rankers, by slice."""
    for row in evaluation.rows:
        place = f"{evaluation.part}/{evaluation.kind}/{row['slice']}/{row['model']}"
        tracker.figures({f"{place}/{name}": value for name, value in row.items() if "@" in name})


class _TensorBoard(Tracker):
    def __init__(self, folder: Path, run: str) -> None:
        super().__init__(str(folder))
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise ConfigError(f"{folder} needs TensorBoard: pip install 'graphfeed[tensorboard]'") from error
        self._folder = folder / run if run else _new_folder(folder)
        try:
            self._writer = SummaryWriter(str(self._folder))
        except OSError as error:
            raise ConfigError(f"{folder} cannot be written: {error.strerror}") from error

    @property
    def run(self) -> str:
        return self._folder.name

    def _settings(self, settings: dict[str, str]) -> None:
        rows = "\n".join(f"| {name} | {value} |" for name, value in settings.items())
        self._writer.add_text("settings", f"| setting | value |\n|---|---|\n{rows}")

    def _figures(self, figures: dict[str, float], step: int) -> None:
        for name, value in figures.items():
            self._writer.add_scalar(name, value, step)
        self._writer.flush()

    def _close(self, failed: bool) -> None:
        self._writer.close()


def _new_folder(folder: Path) -> Path:
    """``folder/train-1``, or with the next number that is free."""
    taken = {path.name for path in folder.glob("train-*")}
    return folder / next(name for number in range(1, len(taken) + 2) if (name := f"train-{number}") not in taken)


class _MLflow(Tracker):
    def __init__(self, address: str, run: str) -> None:
        super().__init__(address)
        # Its client asks a server that is not there for minutes, unless somebody has set this otherwise.
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
        try:
            import mlflow
        except ImportError as error:
            raise ConfigError(f"mlflow:{self.to} needs MLflow: pip install 'graphfeed[mlflow]'") from error
        try:
            self._client = mlflow.MlflowClient(tracking_uri=address or None)
            self._run = run or self._start(os.environ.get("MLFLOW_EXPERIMENT_NAME", EXPERIMENT))
        except Exception as error:
            where = self.to or "its default place"
            raise ConfigError(f"MLflow at {where} cannot be written to: {_in_a_line(error)}") from error

    def _start(self, experiment: str) -> str:
        found = self._client.get_experiment_by_name(experiment)
        number = found.experiment_id if found else self._client.create_experiment(experiment)
        return str(self._client.create_run(number).info.run_id)

    @property
    def run(self) -> str:
        return self._run

    def _settings(self, settings: dict[str, str]) -> None:
        from mlflow.entities import Param

        self._client.log_batch(self._run, params=[Param(name, value) for name, value in settings.items()])

    def _figures(self, figures: dict[str, float], step: int) -> None:
        from mlflow.entities import Metric

        now = time.time_ns() // 1_000_000
        # As in MLflow's own evaluation: its names may not have an @.
        found = [Metric(name.replace("@", "_at_"), value, now, step) for name, value in figures.items()]
        self._client.log_batch(self._run, metrics=found)

    def _close(self, failed: bool) -> None:
        self._client.set_terminated(self._run, "FAILED" if failed else "FINISHED")


def _in_a_line(error: Exception) -> str:
    return without_secrets(f"{type(error).__name__}: {error}".splitlines()[0])

"""What is known of the trained model beside its weights: what it was trained on, and how it did.

``training.json`` stands beside the model and is written after it, so that a training that was killed leaves either the
former model with its record or none: never a model with another one's record.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from graphfeed.errors import TrainingError

if TYPE_CHECKING:
    from graphfeed.training.evaluation import Evaluation
    from graphfeed.training.model import LinearModel
    from graphfeed.training.settings import ModelSettings
    from graphfeed.training.split import SplitSettings

MODEL_FOLDER = "model"
_RECORD, _FIGURES, _LEARNED = "training.json", "evaluation.json", "learned.json"
_EVALUATED = ("part", "kind", "at", "describe", "kinds", "rows", "comparisons")


@dataclass(frozen=True)
class Learned:
    """What a model's training told, and the weights of its terms."""

    report: dict[str, Any]
    weights: dict[str, dict[str, float]]
    parts: list[str]
    seed: int

    @classmethod
    def of(cls, model: LinearModel) -> Self:
        """Of a trained model."""
        weights = {str(kind): of_kind for kind, of_kind in model.weights.items()}
        return cls(model.report, weights, list(model.settings.parts), model.run.seed)


@dataclass(frozen=True)
class TrainingRecord:
    """What a model was trained on."""

    store_version: str
    encoder: str
    split: dict[str, Any]
    settings: dict[str, Any]
    seed: int
    trained_at: str
    """ISO 8601, UTC; tells one training from another."""
    tracked: dict[str, str] = field(default_factory=dict)
    """``run`` of a tracker, and ``to``, a word for where that is (an address may hold a password)."""

    @classmethod
    def of(cls, version: str, encoder: str, split: SplitSettings, settings: ModelSettings, seed: int) -> Self:
        """The record of a training that has just ended."""
        at = datetime.now(UTC).isoformat(timespec="seconds")
        return cls(version, encoder, asdict(split), settings.model_dump(mode="json"), seed, at)

    @staticmethod
    def begin(folder: Path) -> None:
        """Take the former record away, before the model is replaced."""
        (folder / _RECORD).unlink(missing_ok=True)

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Raises TrainingError where there is no trained model."""
        try:
            return cls(**json.loads((folder / _RECORD).read_text(encoding="utf-8")))
        except FileNotFoundError:
            raise TrainingError(f"no trained model in {folder.parent} yet: `graphfeed train` makes one") from None
        except (ValueError, TypeError) as error:
            raise TrainingError(f"{folder / _RECORD} cannot be read ({error}): train again") from error

    def write(self, folder: Path, model: LinearModel) -> None:
        """Replace the file at once; what the model learned stands beside it, to be read without torch."""
        write_json(folder / _LEARNED, {"trained_at": self.trained_at, **asdict(Learned.of(model))})
        write_json(folder / _RECORD, asdict(self))

    def described(self) -> dict[str, Any]:
        """All of it but who follows it: what a tracker is told."""
        return {name: value for name, value in asdict(self).items() if name != "tracked"}

    def learned(self, folder: Path) -> Learned | None:
        """What this model learned; None for one of before that was kept."""
        try:
            kept = json.loads((folder / _LEARNED).read_text(encoding="utf-8"))
            return Learned(**kept) if kept.pop("trained_at", None) == self.trained_at else None
        except (FileNotFoundError, ValueError, TypeError):
            return None

    def split_settings(self) -> SplitSettings:
        """The split that it was trained with."""
        from graphfeed.training.split import SplitSettings

        return SplitSettings(**self.split)

    def keep_figures(self, folder: Path, evaluation: Evaluation) -> None:
        """Keep the main figures of this model's test, to be published with its predictions, and the rest beside."""
        self.keep_evaluation(folder, evaluation)
        rows = [r for r in evaluation.rows if r["kind"] == "model" and r["slice"] == "all" and r["split"] == "test"]
        if rows and evaluation.kind == "posts":
            figures = {
                name: value for name, value in rows[0].items() if "@" in name and not name.endswith(("_low", "_high"))
            }
            write_json(folder / _FIGURES, {"trained_at": self.trained_at, "figures": figures})

    def keep_evaluation(self, folder: Path, evaluation: Evaluation) -> None:
        """Keep all figures of this model's test, for reports; one with fewer rankers replaces none with more."""
        if evaluation.part != "test":
            return
        before = self.evaluation(folder, evaluation.kind)
        if before is None or len(evaluation.kinds) >= len(before["kinds"]):
            kept = {key: getattr(evaluation, key) for key in _EVALUATED}
            write_json(folder / f"evaluated-{evaluation.kind}.json", {"trained_at": self.trained_at, **kept})

    def evaluation(self, folder: Path, kind: str) -> dict[str, Any] | None:
        """What was found for this model's test of a kind of link, as ``Evaluation`` has it; None where it was not."""
        try:
            kept = json.loads((folder / f"evaluated-{kind}.json").read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return None
        return dict(kept) if kept.get("trained_at") == self.trained_at and set(_EVALUATED) <= set(kept) else None

    def metrics(self, folder: Path) -> dict[str, float]:
        """The figures kept for this model; empty when it was not evaluated."""
        try:
            kept = json.loads((folder / _FIGURES).read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return {}
        return dict(kept["figures"]) if kept.get("trained_at") == self.trained_at else {}


def write_json(file: Path, content: Any) -> None:
    """Replace a file at once, so that no reader and no kill sees half of it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    writing = file.with_name(file.name + ".writing")
    writing.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    writing.replace(file)

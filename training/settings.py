"""Settings of the model. What changes results is apart from where and how it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

PartName = Literal["paths", "towers", "time"]
PARTS: tuple[PartName, ...] = ("paths", "towers", "time")


class TowerSettings(BaseModel):
    """The towers and how they are trained."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    width: int = Field(0, ge=0, description="Width of the vectors; 0: about the square root of the links, 32 to 1,024.")
    layers: int = Field(2, ge=1, le=6, description="How many times messages are passed.")
    epochs: int | None = Field(
        None,
        ge=0,
        description="At most so many passes over the links; 0: the warm start as it is. "
        "None: 20, but 0 where links times width pass 100 million.",
    )
    patience: int = Field(3, ge=1, description="Stop after so many epochs without a better validation MRR.")
    learning_rate: float = Field(0.01, gt=0, description="Adam's step size.")
    weight_decay: float = Field(1e-4, ge=0, description="Decoupled decay of all weights (AdamW).")
    batch: int = Field(16_384, ge=1, description="Links per step.")
    negatives: int = Field(2_048, ge=1, description="Sampled candidates per step, shared by the batch.")
    folds: int = Field(4, ge=2, description="Parts of the links; each in turn is taken out of the graph and predicted.")
    drop: float = Field(0.2, ge=0, lt=1, description="Share of id embeddings dropped in a step, for nodes yet to come.")


class MixtureSettings(BaseModel):
    """How the terms' weights are fitted."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    questions: int = Field(2_000, ge=1, description="At most so many (person, moment) pairs are fitted on.")
    negatives: int = Field(300, ge=1, description="Random candidates beside each term's best, where there are more.")
    ridge: tuple[float, ...] = Field((1e-3, 1e-2, 3e-2), description="L2 penalties to choose from on validation.")


class ModelSettings(BaseModel):
    """Everything that changes what the model learns."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    parts: tuple[PartName, ...] = Field(PARTS, description="Which parts of the score there are.")
    towers: TowerSettings = TowerSettings()
    mixture: MixtureSettings = MixtureSettings()


class RunSettings(BaseModel):
    """Where it runs and from which seed; not what is learned, but for rounding."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    device: str = Field("auto", description="cpu, cuda, cuda:1 …; auto: a GPU where there is one.")
    seed: int = Field(0, description="Seed of every random choice.")
    folder: Path | None = Field(None, description="Where checkpoints are kept; none: no checkpoints.")
    resume: bool = Field(True, description="Go on from a checkpoint that fits.")

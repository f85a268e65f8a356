"""Settings of the model. What changes results is apart from where and how it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from graphfeed.training.tracking import Tracker

PartName = Literal["paths", "factors", "towers", "time"]
PARTS: tuple[PartName, ...] = ("paths", "factors", "towers", "time")
LARGEST_SEED = 2**32 - 1
"""What all the libraries that draw at random take."""
Penalty = Annotated[float, Field(ge=0, allow_inf_nan=False)]


TowerKind = Literal["linear", "hgt", "gat", "sage"]
TOWER_KINDS: tuple[TowerKind, ...] = ("linear", "hgt", "gat", "sage")
LossName = Literal["softmax", "bpr", "directau"]


class TowerSettings(BaseModel):
    """The towers and how they are trained. Where None is said to depend on the kind, ``neural`` are all but linear."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: TowerKind = Field("linear", description="Linear message passing, or PyG's HGT, GAT or GraphSAGE (mean).")
    width: int = Field(
        0,
        ge=0,
        le=65_536,
        description="Width of the vectors; 0: about the square root of the links, 32 to 1,024; neural: 64.",
    )
    layers: int = Field(2, ge=1, le=6, description="How many times messages are passed.")
    heads: int = Field(
        2, ge=1, le=256, description="Attention heads of hgt and gat; the width is rounded up to a multiple."
    )
    epochs: int | None = Field(
        None,
        ge=0,
        description="At most so many passes over the links; 0: the start as it is. "
        "None: 20, but 0 where links times width pass 100 million; neural: 100.",
    )
    patience: int | None = Field(
        None, ge=1, description="Stop after so many epochs without a better validation MRR. None: 3; neural: 25."
    )
    learning_rate: float = Field(0.01, gt=0, allow_inf_nan=False, description="Adam's step size.")
    weight_decay: float = Field(1e-4, ge=0, allow_inf_nan=False, description="Decoupled decay of all weights (AdamW).")
    loss: LossName = Field(
        "softmax", description="softmax over sampled candidates; bpr: above one; directau: close and spread, no others."
    )
    uniformity: float = Field(1.0, ge=0, description="directau: weight of being spread; 0: only being close.")
    normalised: bool | None = Field(
        None, description="Scores are cosines (the softmax's temperature is learned). None: for directau only."
    )
    batch: int | None = Field(
        None,
        ge=1,
        description="Links per step. None: 16,384, of a million links and more a 64th; neural: a fold, at most 65,536.",
    )
    negatives: int = Field(2_048, ge=1, le=1_000_000, description="Sampled candidates per step, shared by the batch.")
    folds: int | None = Field(
        None,
        ge=2,
        le=100,
        description="Parts of the links; each in turn is taken out of the graph and predicted. None: 4; neural: 3.",
    )
    drop: float = Field(0.2, ge=0, lt=1, description="Share of id embeddings dropped in a step, for nodes yet to come.")
    fanout: tuple[int, ...] | None = Field(
        None,
        description="Neighbours drawn per node, relation and layer, for graphs beyond memory; None: all of them.",
    )

    @model_validator(mode="after")
    def _one_fanout_a_layer(self) -> TowerSettings:
        if self.fanout is not None and (len(self.fanout) != self.layers or min(self.fanout) < 1):
            raise ValueError(f"fanout takes a number of 1 or more for each of the {self.layers} layers")
        return self

    @property
    def scores_normalised(self) -> bool:
        """Whether scores are cosines."""
        return self.loss == "directau" if self.normalised is None else self.normalised

    @property
    def fold_count(self) -> int:
        """See ``folds``."""
        return self.folds or (4 if self.kind == "linear" else 3)

    @property
    def patience_epochs(self) -> int:
        """See ``patience``."""
        return self.patience or (3 if self.kind == "linear" else 25)

    def batch_links(self, links: int) -> int:
        """See ``batch``. A step reads the whole graph: with so many links in each, an epoch's time grows as they do."""
        return self.batch or (max(16_384, links // 64) if self.kind == "linear" else 65_536)


class FactorSettings(BaseModel):
    """The factors (implicit least squares)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    widths: tuple[Annotated[int, Field(ge=1, le=65_536)], ...] | None = Field(
        None, description="Widths, each a term. None: 1/8, 1/4, 1/2 and 1 times the square root of the links, 8 to 768."
    )
    strengths: tuple[tuple[Annotated[float, Field(gt=0, allow_inf_nan=False)], Penalty], ...] = Field(
        ((10.0, 0.1), (30.0, 0.1), (100.0, 30.0)),
        min_length=1,
        description="Confidence of an observed link, and L2 penalty; of several each width takes what validates best.",
    )
    iterations: int = Field(12, ge=1, description="Sweeps over people and posts.")


class MixtureSettings(BaseModel):
    """How the terms' weights are fitted."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    questions: int = Field(2_000, ge=1, description="At most so many (person, moment) pairs are fitted on.")
    negatives: int = Field(300, ge=1, description="Random candidates beside each term's best, where there are more.")
    ridge: tuple[Penalty, ...] = Field(
        (1e-3, 1e-2, 3e-2, 1e-1, 3e-1), min_length=1, description="L2 penalties to choose from on validation."
    )


class RerankerSettings(BaseModel):
    """The second stage: a small network that puts the first stage's best in order."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    use: Literal["validated", "always", "never"] = Field(
        "validated", description="validated: where it is better on validation by more than a standard error."
    )
    top: int = Field(30, ge=2, le=100, description="So many of a person's best candidates are put in order.")
    width: int = Field(32, ge=2, le=65_536, description="Width of the first layer; the second has half of it.")
    networks: int = Field(3, ge=1, le=100, description="So many networks are averaged.")
    epochs: int = Field(10, ge=1, description="Passes over the questions.")
    learning_rate: float = Field(3e-3, gt=0, allow_inf_nan=False, description="Adam's step size.")
    weight_decay: float = Field(0.1, ge=0, allow_inf_nan=False, description="Decoupled decay of all weights (AdamW).")
    dropout: float = Field(0.2, ge=0, lt=1, description="Share of the first layer that is dropped in a step.")


class ModelSettings(BaseModel):
    """Everything that changes what the model learns."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    parts: tuple[PartName, ...] = Field(PARTS, description="Which parts of the score there are.")
    factors: FactorSettings = FactorSettings()
    towers: TowerSettings = TowerSettings()
    mixture: MixtureSettings = MixtureSettings()
    reranker: RerankerSettings = RerankerSettings()


class RunSettings(BaseModel):
    """Where it runs and from which seed; not what is learned, but for rounding."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    device: str = Field("auto", description="cpu, cuda, cuda:1 …; auto: a GPU where there is one.")
    seed: int = Field(0, ge=0, le=LARGEST_SEED, description="Seed of every random choice.")
    folder: Path | None = Field(None, description="Where checkpoints are kept; none: no checkpoints.")
    resume: bool = Field(True, description="Go on from a checkpoint that fits.")
    tracker: Tracker | None = Field(None, exclude=True, description="Told of settings and figures as they come.")

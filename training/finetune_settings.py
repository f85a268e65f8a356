"""Settings of the fine-tuning of the text encoder (``training/finetune.py``)."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

PairKind = Literal["together", "person", "reply"]
PAIR_KINDS: tuple[PairKind, ...] = ("together", "person", "reply")


class FinetuneSettings(BaseModel):
    """What the encoder's adapters learn from, and how."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    pairs: tuple[PairKind, ...] = Field(
        PAIR_KINDS,
        min_length=1,
        description="Texts to be brought together. together: two posts that one person engaged with; person: what a "
        "person says about themselves and a post that they engaged with; reply: a post and what it replies to.",
    )
    reach: int = Field(5, ge=1, description="together: each post with so many of the same person's next ones in time.")
    person_pairs: int = Field(200, ge=1, description="together: at most so many pairs of one person, drawn at random.")
    least_words: int = Field(4, ge=1, description="person: a text of fewer words is a name and no pair.")
    epoch_pairs: int = Field(6_400, ge=1, description="At most so many pairs in an epoch, drawn anew for each.")
    epochs: int = Field(5, ge=1, description="At most so many passes over the pairs.")
    patience: int = Field(2, ge=1, description="Stop after so many epochs that choose no better on the fit questions.")
    batch: int = Field(128, ge=2, description="Pairs in a step; each has the others' texts as its negatives.")
    max_tokens: int = Field(128, ge=8, description="A text is cut after so many tokens in training, not in embed.")
    rank: int = Field(8, ge=1, description="Rank of the adapters (LoRA).")
    alpha: float = Field(16.0, gt=0, description="The adapters' product counts alpha / rank times (LoRA).")
    dropout: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="Share of an adapter's inputs dropped in a step; 0: none, which is faster on a CPU. The "
        "transformer's own dropout is off.",
    )
    learning_rate: float = Field(1e-3, gt=0, description="AdamW's step size, after the first tenth of the steps.")
    weight_decay: float = Field(0.01, ge=0, description="Decoupled decay of the adapters (AdamW); 0: none.")
    temperature: float | None = Field(
        None,
        gt=0,
        description="Cosines are divided by it in the softmax. None: learned, beginning with what fits the encoder "
        "as it is best.",
    )
    popularity: float = Field(
        0.0,
        ge=0,
        description="How much of log(how often a text is in a pair) is taken off its score (logQ correction); 0: none.",
    )
    questions: int = Field(2_000, ge=1, description="At most so many questions choose the epoch, and so many decide.")

"""One fine-tuning of the text encoder as far as it has come: its epochs, its steps, and which epoch was the best.

What it is for and how it is called stands in ``finetune.py``.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from graphfeed.errors import NothingToPredictError, TrainingError
from graphfeed.graph.links_seen import read_links_seen
from graphfeed.graph.lora import AdaptedEncoder, State, seeded
from graphfeed.training.encoder_leaks import check_links_seen
from graphfeed.training.finetune_loss import in_batch_softmax, may_be_wrong
from graphfeed.training.finetune_pairs import TextPairs, find_pairs
from graphfeed.training.finetune_questions import Questions, Reached, value_of
from graphfeed.training.finetune_settings import FinetuneSettings
from graphfeed.training.loop import pick_device
from graphfeed.training.ranker import Progress
from graphfeed.training.split import Split

LEAST_PAIRS = 2
"""One pair has no wrong answer."""
TEMPERATURES = (0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0)
"""One of these is begun with. Too low a one is first made up for by bringing all texts together: that ranks nothing."""
SHARPNESS_RATE = 0.01
"""Step size of the temperature's logarithm."""
TRIAL_TEXTS = 64
"""On which it is measured how long a text takes."""


@dataclass
class FinetuneRun:
    """A training as far as it has come."""

    adapted: AdaptedEncoder
    pairs: TextPairs
    fit: Questions
    validation: Questions
    settings: FinetuneSettings
    seed: int
    progress: Progress | None = None
    deadline: float = float("inf")
    """On the monotonic clock."""
    best: State = field(default_factory=dict)
    best_epoch: int = 0
    losses: list[float] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    """Of the fit questions, at the start and after each epoch."""
    interrupted: bool = False
    sharpness: torch.nn.Parameter = field(default_factory=lambda: torch.nn.Parameter(torch.zeros(())))
    """Logarithm of 1 / temperature."""

    @classmethod
    def begin(cls, split: Split, settings: FinetuneSettings, encoder: str, device: str, seed: int) -> FinetuneRun:
        on = str(pick_device(device))
        check_links_seen(split, read_links_seen(Path(encoder).expanduser()))
        pairs = find_pairs(split.training, settings, seed)
        if len(pairs) < LEAST_PAIRS:
            raise TrainingError(
                f"expected pairs of texts that people deal with together, found {len(pairs)} in the training part:"
                " load more engagements with posts that have a text, or use an encoder as it is"
            )
        fit, validation = (Questions.of(split, part, settings.questions, seed) for part in ("fit", "validation"))
        if not len(validation):
            raise NothingToPredictError(
                "there is nothing to judge an encoder by: the validation part of the split asks nobody who engaged with"
                " a post that has a text before; give longer windows or another split"
            )
        adapted = AdaptedEncoder.open(
            encoder, rank=settings.rank, alpha=settings.alpha, dropout=settings.dropout, seed=seed, device=on
        )
        return cls(adapted, pairs, fit, validation, settings, seed)

    def train(self) -> None:
        """All epochs, or until it gets no better, the time is over, or Ctrl-C."""
        settings = self.settings
        self.best = self.adapted.state()
        learned: list[dict[str, Any]] = [{"params": self.adapted.parameters(), "weight_decay": settings.weight_decay}]
        if settings.temperature is None:
            learned.append({"params": [self.sharpness], "lr": SHARPNESS_RATE, "weight_decay": 0.0})
        optimizer = torch.optim.AdamW(learned, lr=settings.learning_rate)
        steps = max(1, self.steps() * settings.epochs)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _share(step, steps))
        try:
            with torch.no_grad():
                self.sharpness.fill_(-np.log(settings.temperature or self.first_temperature()))
            if len(self.fit):
                self.values.append(float(value_of(self.ask(self.fit)).mean()))
            while len(self.losses) < settings.epochs and time.monotonic() < self.deadline:
                self.epoch(len(self.losses) + 1, optimizer, schedule)
                self.choose()
                if self.values and len(self.losses) - self.best_epoch >= settings.patience:
                    break
        except KeyboardInterrupt:
            self.interrupted = True

    def choose(self) -> None:
        """Keep the adapters as they are if they are the best until now; without fit questions the last ones are."""
        if len(self.fit):
            self.values.append(float(value_of(self.ask(self.fit)).mean()))
        if not self.values or self.values[-1] > max(self.values[:-1]):
            self.best, self.best_epoch = self.adapted.state(), len(self.losses)

    def epoch(self, number: int, optimizer: torch.optim.Optimizer, schedule: torch.optim.lr_scheduler.LambdaLR) -> None:
        """One pass over the pairs, or as much of it as there is time for."""
        codes, log_share = self.pairs.codes(), torch.from_numpy(self.pairs.log_share())
        losses: list[float] = []
        batches = self.batches(number)
        for batch in batches:
            optimizer.zero_grad(set_to_none=True)
            texts, loss_of = self.step_of(batch, codes, log_share)
            with seeded(self.seed + 1_000_003 * number + 1_009 * len(losses)):
                losses.append(self.adapted.learn(texts, self.settings.max_tokens, loss_of))
            torch.nn.utils.clip_grad_norm_(self.adapted.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            if self.progress:
                self.progress(f"finetune, epoch {number}", len(losses), len(batches), self._word(losses))
            if time.monotonic() >= self.deadline:
                break
        mean = float(np.mean(losses))
        if not np.isfinite(mean):
            raise TrainingError(f"the loss of the encoder is {mean} in epoch {number}; lower the learning rate")
        self.losses.append(mean)

    @torch.no_grad()
    def first_temperature(self) -> float:
        """The one of ``TEMPERATURES`` at which the loss of the first step is least before anything is learned."""
        texts, loss_of = self.step_of(self.batches(1)[0], self.pairs.codes(), torch.from_numpy(self.pairs.log_share()))
        vectors = torch.from_numpy(self.adapted.encode(texts)).to(self.adapted.device)
        tried: dict[float, float] = {}
        for temperature in TEMPERATURES:
            self.sharpness.fill_(-np.log(temperature))
            tried[temperature] = float(loss_of(vectors))
        return min(tried, key=lambda temperature: tried[temperature])

    def step_of(
        self, batch: npt.NDArray[np.int64], codes: npt.NDArray[np.int64], log_share: torch.Tensor
    ) -> tuple[list[str], Callable[[torch.Tensor], torch.Tensor]]:
        """The texts of a step's pairs, ``[2, pairs]`` places of texts, each once, and the loss of their vectors."""
        device = self.adapted.device
        texts, place = np.unique(batch, return_inverse=True)
        ends = [torch.from_numpy(side).to(device) for side in place.reshape(batch.shape)]
        share = log_share.to(device) * self.settings.popularity
        off = [share.index_select(0, torch.from_numpy(side).to(device)) for side in batch]
        counts = torch.from_numpy(may_be_wrong(batch[0], batch[1], codes, len(self.pairs.texts))).to(device)

        def loss_of(vectors: torch.Tensor) -> torch.Tensor:
            left, right = (vectors.index_select(0, end) for end in ends)
            return in_batch_softmax(left * self.sharpness.to(device).exp(), right, (off[0], off[1]), counts)

        return [self.pairs.texts[text] for text in texts.tolist()], loss_of

    def batches(self, number: int) -> list[npt.NDArray[np.int64]]:
        """The steps of an epoch: places of texts ``[2, pairs]`` each, in a random order of the pairs."""
        order = np.random.default_rng([self.seed, number]).permutation(len(self.pairs))[: self.settings.epoch_pairs]
        ends = np.stack([self.pairs.left, self.pairs.right])
        return [ends[:, rows] for rows in np.array_split(order, self.steps())]

    def steps(self) -> int:
        """Of an epoch: all of about as many pairs, ``batch`` at most."""
        return -(-min(len(self.pairs), self.settings.epoch_pairs) // self.settings.batch)

    def ask(self, questions: Questions) -> Reached:
        """What the vectors of the encoder as it is now reach."""
        return questions.reached(questions.vectors_of(self.adapted.encode))

    def speeds(self) -> tuple[float, float]:
        """Seconds a text to learn from, and to encode, on some texts of the pairs."""
        rows = np.linspace(0, len(self.pairs.texts) - 1, min(TRIAL_TEXTS, len(self.pairs.texts))).astype(int)
        texts = [self.pairs.texts[row] for row in rows.tolist()]
        seconds = []
        for _ in range(2):  # the first one makes buffers and kernels
            started = time.perf_counter()
            self.adapted.learn(texts, self.settings.max_tokens, lambda vectors: (vectors @ vectors.T).mean())
            seconds.append(time.perf_counter() - started)
        started = time.perf_counter()
        self.adapted.encode(texts)
        return min(seconds) / len(texts), (time.perf_counter() - started) / len(texts)

    def _word(self, losses: list[float]) -> str:
        value = f", fit NDCG {self.values[-1]:.4f}" if self.values else ""
        return f"loss {np.mean(losses[-50:]):.3f}{value}"


def _share(step: int, steps: int) -> float:
    """Of the learning rate: up in the first tenth of the steps, then down to 0."""
    rising = max(1, steps // 10)
    return (step + 1) / rising if step < rising else (steps - step) / max(1, steps - rising)

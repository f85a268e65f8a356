"""Fine-tune the text encoder on the graph's own links: texts that people deal with together come closer.

    found = finetune(split, FinetuneSettings(), folder=Path("feed/encoder"), seed=0)
    print(found.kept, found.gain, found.error, found.folder)

Adapters (LoRA) are trained by a contrastive loss on pairs of texts from the split's training part alone
(``finetune_pairs.py``). After each epoch the vectors answer the fit questions, and the best epoch is taken; the
validation questions, which chose nothing, are asked once and decide: the adapters are kept only if they gain more than
a standard error over the encoder as it was. The test part is never asked for.
"""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from graphfeed.errors import ConfigError
from graphfeed.graph.encoder import DEFAULT_ENCODER
from graphfeed.graph.links_seen import LINKS_FILE, LinksSeen, read_links_seen
from graphfeed.graph.lora import replace_folder
from graphfeed.graph.store import NO_TIME
from graphfeed.training.finetune_questions import value_of
from graphfeed.training.finetune_run import FinetuneRun
from graphfeed.training.finetune_settings import FinetuneSettings
from graphfeed.training.ranker import Progress
from graphfeed.training.split import Split

RECORD_FILE = "finetuned.json"


@dataclass(frozen=True)
class Plan:
    """What a fine-tuning would do."""

    pairs: dict[str, int]
    """By kind."""
    texts: int
    until: int
    """The latest time of a link that is learned from, microseconds since 1970, or ``NO_TIME``."""
    steps: int
    """Of an epoch."""
    epochs: int
    trained: int
    """Numbers of the adapters."""
    frozen: int
    """Numbers of the transformer, which stay."""
    layers: int
    precision: str
    fit_questions: int
    validation_questions: int
    seconds: float
    """Estimated, for all epochs and the questions after each, from a part of a step."""


@dataclass(frozen=True)
class Finetuning:
    """What a fine-tuning came to."""

    encoder: str
    """The one that it began with."""
    pairs: dict[str, int]
    epochs: int
    """Completed, or ended by the minutes."""
    best_epoch: int
    """0: none was better on the fit questions than the encoder as it was."""
    losses: tuple[float, ...]
    chosen_by: tuple[float, ...]
    """Value of the fit questions, before training and after each epoch; empty without such questions.

    The value is the mean of NDCG@10 among all candidates and among the old posts, by which the model is chosen, too.
    """
    questions: int
    """Of validation."""
    before: dict[str, float]
    """Validation figures of the encoder as it was: ndcg@10, ndcg@10 old, mrr."""
    after: dict[str, float]
    """With the adapters of the best epoch."""
    gain: float
    """In the value of the validation questions."""
    error: float
    """Its standard error, the questions paired."""
    kept: bool
    folder: Path | None
    """Where the new encoder was written; None where it was not kept."""
    seconds: float
    interrupted: bool


def plan(
    split: Split,
    settings: FinetuneSettings | None = None,
    *,
    encoder: str = DEFAULT_ENCODER,
    device: str = "auto",
    seed: int = 0,
) -> Plan:
    """What ``finetune`` would do, with how long it would take. Trains and writes nothing. Raises what it would."""
    run = FinetuneRun.begin(split, settings or FinetuneSettings(), encoder, device, seed)
    pairs = run.pairs
    tune, fit = run.settings, run.fit
    steps = run.steps()
    learning, encoding = run.speeds()
    # A text counts once in a step, however many of the step's pairs it is in.
    in_step = len(np.unique(run.batches(1)[0])) if steps else 0
    seconds = tune.epochs * (steps * in_step * learning + len(fit.posts) * encoding)
    seconds += 2 * len(run.validation.posts) * encoding + len(fit.posts) * encoding
    trained, frozen = run.adapted.trained_numbers()
    return Plan(
        pairs={str(kind): count for kind, count in pairs.counts().items()},
        texts=len(pairs.texts),
        until=pairs.seen.until,
        steps=steps,
        epochs=tune.epochs,
        trained=trained,
        frozen=frozen,
        layers=run.adapted.layers,
        precision=run.adapted.precision,
        fit_questions=len(fit),
        validation_questions=len(run.validation),
        seconds=seconds,
    )


def finetune(
    split: Split,
    settings: FinetuneSettings | None = None,
    *,
    folder: Path,
    encoder: str = DEFAULT_ENCODER,
    device: str = "auto",
    seed: int = 0,
    minutes: float | None = None,
    progress: Progress | None = None,
) -> Finetuning:
    """Train adapters, and write the encoder with them to ``folder`` if they gain more than a standard error.

    ``encoder``: as ``open_encoder`` takes it; ``minutes`` end the training early, and so does Ctrl-C: the best epoch
    until then is asked. The same seed gives the same numbers on a CPU while no minutes end it.

    Raises ConfigError without peft or for a folder that holds something else, TrainingError where there is too little
    to learn from, NothingToPredictError where validation asks nothing, LeakError where the encoder was fine-tuned
    before on what this split asks for.
    """
    if minutes is not None and not 0 < minutes < float("inf"):
        raise ConfigError(f"finetune takes a number of minutes above 0, found {minutes:g}")
    check_folder(folder)
    began = time.monotonic()
    run = FinetuneRun.begin(split, settings or FinetuneSettings(), encoder, device, seed)
    run.progress = progress
    run.deadline = float("inf") if minutes is None else began + 60 * minutes
    before = run.ask(run.validation)
    run.train()
    run.adapted.load(run.best)
    after = run.ask(run.validation) if run.best_epoch else before
    gains = value_of(after) - value_of(before)
    gain, error = float(gains.mean()), float(gains.std() / np.sqrt(len(gains)))
    kept = run.best_epoch > 0 and gain > error
    found = Finetuning(
        encoder=run.adapted.name,
        pairs={str(kind): count for kind, count in run.pairs.counts().items()},
        epochs=len(run.losses),
        best_epoch=run.best_epoch,
        losses=tuple(run.losses),
        chosen_by=tuple(run.values),
        questions=len(gains),
        before=before.figures(),
        after=after.figures(),
        gain=gain,
        error=error,
        kept=kept,
        folder=folder.resolve() if kept else None,
        seconds=time.monotonic() - began,
        interrupted=run.interrupted,
    )
    if kept:
        _write(run, found, folder)
    return found


def check_folder(folder: Path) -> None:
    """Raise ConfigError for a folder that an encoder cannot be written to, or that holds something else."""
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"{folder} is a file: name a folder for the encoder with --to")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / RECORD_FILE).exists():
        raise ConfigError(f"{folder} holds something else than a fine-tuned encoder: name another folder with --to")


def _write(run: FinetuneRun, found: Finetuning, folder: Path) -> None:
    """The encoder, its record and the links that it saw: whole, or what was there before stays."""
    folder = folder.resolve()
    writing = folder.with_name(f"{folder.name}.writing")
    try:
        shutil.rmtree(writing, ignore_errors=True)
        writing.mkdir(parents=True)
        run.adapted.save(writing)
        _seen(run).write(writing)
        (writing / RECORD_FILE).write_text(json.dumps(_record(run, found), indent=2) + "\n", encoding="utf-8")
        replace_folder(writing, folder)
    except OSError as error:
        raise ConfigError(f"{folder} cannot be written ({error.strerror}): name another folder with --to") from error
    finally:
        shutil.rmtree(writing, ignore_errors=True)


def _seen(run: FinetuneRun) -> LinksSeen:
    """What the encoder learned from now, and what it had learned from before."""
    former, now = read_links_seen(Path(run.adapted.name)), run.pairs.seen
    if former is None:
        return now
    return LinksSeen.of(max(former.until, now.until), np.concatenate([former.pairs, now.pairs]))


def _record(run: FinetuneRun, found: Finetuning) -> dict[str, object]:
    """For people and programs. Nothing in it changes from run to run: the encoder's revision is a hash of it, too."""
    until = run.pairs.seen.until
    seen = None if until == NO_TIME else datetime.fromtimestamp(until / 1e6, UTC).isoformat(timespec="seconds")
    return {
        "encoder": run.adapted.name,
        "encoder_revision": run.adapted.revision,
        "links_seen_until": seen,
        "links_seen_in": LINKS_FILE,
        "pairs": found.pairs,
        "epoch": found.best_epoch,
        "validation": {"questions": found.questions, "before": found.before, "after": found.after},
        "gain": found.gain,
        "error": found.error,
        "settings": run.settings.model_dump(mode="json"),
        "seed": run.seed,
    }

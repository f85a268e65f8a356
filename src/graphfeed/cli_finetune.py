"""``graphfeed finetune``: the text encoder fitted to what this community deals with together, if that is better."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from graphfeed.config import validate
from graphfeed.errors import ConfigError
from graphfeed.options import Debug, Device, SplitKindName, Store, WindowDays, err, note, open_feed, out
from graphfeed.stage_settings import stage_config, training_of

if TYPE_CHECKING:
    from graphfeed.feed import Feed
    from graphfeed.training.finetune import Finetuning, Plan
    from graphfeed.training.finetune_settings import FinetuneSettings
    from graphfeed.training.split import Split

FIGURES = ("ndcg@10", "ndcg@10 old", "mrr")


def finetune(
    encoder: Annotated[
        str, typer.Option("--encoder", help="The one to begin with: a Hugging Face name, or the folder of one.")
    ] = "all-MiniLM-L6-v2",
    to: Annotated[
        Path | None,
        typer.Option("--to", metavar="FOLDER", help="Where to write the new one; else encoder in the workspace."),
    ] = None,
    minutes: Annotated[float | None, typer.Option("--minutes", help="Train no longer than that.")] = None,
    epochs: Annotated[int | None, typer.Option("--epochs", help="At most so many passes over the pairs.")] = None,
    rank: Annotated[int | None, typer.Option("--rank", help="Rank of the adapters.")] = None,
    pairs: Annotated[
        list[str] | None, typer.Option("--pairs", help="Only pairs of these kinds: together, person, reply.")
    ] = None,
    max_tokens: Annotated[
        int | None, typer.Option("--max-tokens", help="Cut a text after so many tokens while training.")
    ] = None,
    learning_rate: Annotated[float | None, typer.Option("--learning-rate", help="Of the adapters.")] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, max=2**32 - 1, help="Seed of every random choice.")] = 0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be trained, and for how long.")] = False,
    window_days: WindowDays = None,
    split_kind: SplitKindName = None,
    device: Device = None,
    store: Store = None,
    debug: Debug = False,
) -> None:
    """Fit a text encoder to what people here engage with together (LoRA), and keep it if it validates better."""
    from graphfeed.progress import ProgressBars

    if minutes is not None and not 0 < minutes < float("inf"):
        raise ConfigError(f"--minutes takes a number above 0, found {minutes:g}")
    settings = _settings(
        epochs=epochs,
        rank=rank,
        pairs=tuple(pairs) if pairs else None,
        max_tokens=max_tokens,
        learning_rate=learning_rate,
    )
    given = training_of(*stage_config(store, "split"), window_days, split_kind)
    how: dict[str, Any] = {"settings": settings, "encoder": encoder, "device": device or given.device, "seed": seed}
    with open_feed(store) as feed:
        if dry_run:
            _tell_plan(feed, feed.split(given.split), how)
            return
        with ProgressBars(err()) as bars:
            found = feed.finetune(to, given.split, minutes=minutes, progress=bars.steps, **how)
    show(out(), found)
    if found.kept:
        named = f" --store {store}" if store else ""
        # Another split might ask for what the encoder learned from.
        same = f" --split {split_kind}" if split_kind else ""
        same += f" --window-days {window_days:g}" if window_days else ""
        note(f"next: graphfeed embed --encoder {found.folder}{named}, then: graphfeed train{same}{named}")


def show(console: Console, found: Finetuning) -> None:
    """The validation figures before and after, and what became of it."""
    table = Table(box=SIMPLE_HEAD, title=f"validation, {found.questions:,} questions", title_justify="left")
    table.add_column("text vectors")
    for name in FIGURES:
        table.add_column(name, justify="right", no_wrap=True)
    for word, figures in (("as they were", found.before), ("fine-tuned", found.after)):
        table.add_row(word, *(_number(figures[name]) for name in FIGURES))
    console.print(table)
    console.print(_verdict(found), highlight=False, markup=False, soft_wrap=True)


def _verdict(found: Finetuning) -> str:
    went = f"{found.epochs} epochs in {found.seconds / 60:.1f} minutes" + (", interrupted" * found.interrupted)
    if not found.best_epoch:
        return (
            f"{went}. No epoch was better on the fit questions than the encoder as it was: nothing was written."
            " Give more epochs or other --pairs, or leave it as it is."
        )
    gain = f"gains {found.gain:+.4f} on validation (mean of NDCG@10 and that among the old posts)"
    if not found.kept:
        return (
            f"{went}. Epoch {found.best_epoch} {gain}, no more than a standard error ({found.error:.4f}):"
            " it is not kept, and nothing was written."
        )
    return (
        f"{went}. Epoch {found.best_epoch} {gain}, more than a standard error ({found.error:.4f}):"
        f" written to {found.folder}."
    )


def _tell_plan(feed: Feed, split: Split, how: dict[str, Any]) -> None:
    from graphfeed.training.finetune import plan

    found = plan(split, **how)
    for line in (split.describe(), *_plan_lines(found, how)):
        out().print(line, highlight=False, markup=False, soft_wrap=True)


def _plan_lines(found: Plan, how: dict[str, Any]) -> list[str]:
    from graphfeed.graph.store import NO_TIME

    kinds = ", ".join(f"{count:,} {kind}" for kind, count in found.pairs.items() if count)
    until = "" if found.until == NO_TIME else f", none later than {np.datetime64(found.until, 'us').astype('M8[m]')}"
    return [
        f"pairs of texts from the training part: {kinds}; {found.texts:,} texts{until}",
        f"steps: {found.steps:,} in an epoch, at most {found.epochs} epochs",
        f"trained: {found.trained:,} numbers beside {found.layers} layers of {how['encoder']} ({found.frozen:,} numbers"
        f" that stay), {found.precision}",
        f"questions: {found.fit_questions:,} of the fit part choose the epoch, {found.validation_questions:,} of"
        " validation decide",
        f"estimated: {_minutes(found.seconds)} for all epochs",
    ]


def _settings(**chosen: Any) -> FinetuneSettings:
    from graphfeed.training.finetune_settings import FinetuneSettings

    given = {name: value for name, value in chosen.items() if value is not None}
    return validate(FinetuneSettings, given, "the options")


def _number(value: float) -> str:
    return "–" if np.isnan(value) else f"{value:.4f}"


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.0f} minutes" if seconds >= 120 else f"{seconds:.0f} seconds"

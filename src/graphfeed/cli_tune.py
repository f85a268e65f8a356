"""``graphfeed tune``: better settings of the model, searched on validation within minutes, for graphfeed.toml."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from graphfeed.config import CONFIG_FILE, CONFIG_VARIABLE, Config, read_config
from graphfeed.errors import ConfigError
from graphfeed.options import Debug, Store, err, note, open_feed, out
from graphfeed.stage_settings import training_of

if TYPE_CHECKING:
    from graphfeed.feed import Feed
    from graphfeed.training.tune import Tuning
    from graphfeed.training_section import TrainingSection

SHOWN = 10
"""Rows of the table."""


def tune(
    minutes: Annotated[float, typer.Option("--minutes", help="How long to search.")] = 20.0,
    trials: Annotated[int | None, typer.Option("--trials", min=1, help="At most so many trials, too.")] = None,
    seed: Annotated[
        int | None,
        typer.Option("--seed", min=0, max=2**32 - 1, help="Of the search and of every training; else [train]'s."),
    ] = (None),
    write: Annotated[
        Path | None, typer.Option("--write", metavar="FILE", help="Put what wins into [train] of this graphfeed.toml.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be tried; train and write nothing.")] = (
        False
    ),
    window_days: Annotated[
        float | None, typer.Option("--window-days", help="Length of the windows to predict, days; else [split]'s.")
    ] = None,
    split_kind: Annotated[
        str | None, typer.Option("--split", help="How the past is cut, as train has it; else [split]'s.")
    ] = None,
    device: Annotated[str | None, typer.Option("--device", help="cpu, cuda, cuda:1, auto; else [train]'s.")] = None,
    store: Store = None,
    debug: Debug = False,
) -> None:
    """Search better settings of the model on validation, never on the test, and print them for graphfeed.toml."""
    from graphfeed.progress import ProgressBars

    if not 0 < minutes < float("inf"):
        raise ConfigError(f"--minutes takes a number above 0, found {minutes:g}")
    present = _present(write or Path(os.environ.get(CONFIG_VARIABLE) or CONFIG_FILE), window_days, split_kind)
    seed = present.seed if seed is None else seed
    if write is not None:
        _check_writable(write)  # said before minutes of training
    with open_feed(store) as feed:
        if dry_run:
            _tell_space(out(), feed, present, seed)
            return
        with ProgressBars(err()) as bars:
            found = feed.tune(
                present.settings,
                present.split,
                minutes=minutes,
                trials=trials,
                device=device or present.device,
                seed=seed,
                progress=bars.steps,
            )
    show(out(), found)
    if not found.won:
        return
    if write is None:
        print(section_of(found.best.changed), end="")
        note(f"to take them: put these keys into {CONFIG_FILE} (or --write {CONFIG_FILE}), then: graphfeed run")
        return
    write_settings(write, found)
    note(f"wrote [train] of {write}; next: graphfeed run {write}")


def show(console: Console, found: Tuning) -> None:
    """The best trials and the present settings, and which are to be taken."""
    best = sorted(found.tried, key=lambda tried: -tried.value)[:SHOWN]
    rows = best if found.tried[0] in best else [*best, found.tried[0]]
    table = Table(box=SIMPLE_HEAD, title=f"validation, {found.questions:,} questions", title_justify="left")
    for column in ("trial", "NDCG@10", "gain ± error", "seconds"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("settings that differ")
    for tried in rows:
        gain = f"{tried.gain:+.4f} ± {tried.error:.4f}" if tried.number else ""
        words = _words(tried.changed) if tried.number else "the present settings"
        table.add_row(str(tried.number), f"{tried.value:.4f}", gain, f"{tried.seconds:.1f}", words)
    console.print(table)
    console.print(_verdict(found), highlight=False, markup=False, soft_wrap=True)


def section_of(changed: dict[str, Any]) -> str:
    """Settings as the text of a ``[train]``, with its sections."""
    tomlkit = _tomlkit()
    document = tomlkit.document()
    _merge(tomlkit, document, changed)
    return str(tomlkit.dumps(document))


def write_settings(file: Path, found: Tuning) -> None:
    """Set the winner's keys in a file's ``[train]``; all else stays, comments too. Whole or not at all.

    Raises ConfigError where the file cannot be written, or says something else afterwards than it should.
    """
    tomlkit = _tomlkit()
    text = file.read_text(encoding="utf-8") if file.exists() else ""
    document = tomlkit.parse(text)
    _merge(tomlkit, document, found.best.changed)
    writing = file.with_name(f"{file.name}.writing")
    try:
        writing.write_text(tomlkit.dumps(document), encoding="utf-8")
        if _present(writing, None, None).settings != found.settings:
            raise ConfigError(f"[train] of {file} cannot be changed by itself: put in what was printed by hand")
        writing.replace(file)
    except OSError as error:
        raise ConfigError(f"{file} cannot be written ({error.strerror}): name another file with --write") from error
    finally:
        writing.unlink(missing_ok=True)


def _merge(tomlkit: Any, document: Any, changed: dict[str, Any]) -> None:
    if "train" not in document:
        # A table of sections alone has no line of its own.
        document["train"] = tomlkit.table(is_super_table=all(isinstance(v, dict) for v in changed.values()))
    train = document["train"]
    for name, value in changed.items():
        if not isinstance(value, dict):
            train[name] = value
            continue
        if name not in train:
            inline = isinstance(train, tomlkit.items.InlineTable)
            train[name] = tomlkit.inline_table() if inline else tomlkit.table()
        for key, inner in value.items():
            train[name][key] = inner


def _present(file: Path, window_days: float | None, split_kind: str | None) -> TrainingSection:
    """What the search begins with: graphfeed.toml's [train] and [split], or the defaults."""
    config = read_config(file) if file.is_file() else Config()
    return training_of(config, file, window_days, split_kind)


def _check_writable(file: Path) -> None:
    _tomlkit()
    place = file if file.exists() else file.parent
    if file.is_dir() or not place.exists() or not os.access(place, os.W_OK):
        raise ConfigError(f"{file} cannot be written: name another file with --write")


def _tell_space(console: Console, feed: Feed, present: TrainingSection, seed: int) -> None:
    from graphfeed.training.search_space import SearchSpace
    from graphfeed.training.validation import sampled_rounds

    split = feed.split(present.split)
    asked = sampled_rounds(split, "validation", "posts", present.settings.mixture.questions, seed)
    lines = [split.describe(), f"{sum(len(made.users) for made in asked):,} validation questions choose"]
    lines += [f"{name}: now {value}" for name, value in SearchSpace(present.settings, split).present().items()]
    for line in lines:
        console.print(line, highlight=False, markup=False, soft_wrap=True)


def _verdict(found: Tuning) -> str:
    best, beside = found.best, f"{len(found.tried)} settings tried in {found.seconds / 60:.1f} minutes"
    if found.cut:
        beside += f", {found.cut} more not to the end"
    beside += ", interrupted" if found.interrupted else ""
    if found.won:
        return (
            f"{beside}. Trial {best.number} gains {best.gain:.4f} on validation, more than a standard error"
            f" ({best.error:.4f}); the best of many looks better than it is, so hold it against the test once."
        )
    if best.number == 0:
        return f"{beside}. None is better than the present settings: they stay."
    return (
        f"{beside}. Trial {best.number} gains {best.gain:.4f}, no more than a standard error ({best.error:.4f}):"
        " the present settings stay."
    )


def _words(changed: dict[str, Any]) -> str:
    flat: list[str] = []
    for name, value in changed.items():
        flat += (
            [f"{name}.{key} = {v}" for key, v in value.items()] if isinstance(value, dict) else [f"{name} = {value}"]
        )
    return "; ".join(flat)


def _tomlkit() -> Any:
    try:
        import tomlkit
    except ImportError as error:
        raise ConfigError("tune needs tomlkit, which is not installed: pip install 'graphfeed[tune]'") from error
    return tomlkit

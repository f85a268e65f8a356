"""``graphfeed compare``: kinds of towers side by side on the store's graph, as a table, as JSON and as a picture."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from graphfeed.errors import ConfigError
from graphfeed.options import Debug, Device, SplitKindName, Store, WindowDays, err, note, open_feed, out
from graphfeed.stage_settings import stage_config, training_of

if TYPE_CHECKING:
    from graphfeed.training.compare import Comparison

METRICS = ("ndcg@10", "recall@20", "hit_rate@10")
_BAR = 20


def compare(
    kinds: Annotated[list[str], typer.Argument(help="Some of linear, hgt, gat, sage.")],
    part: Annotated[str, typer.Option("--on", help="The part of the split: test, validation or fit.")] = "test",
    whole: Annotated[bool, typer.Option("--whole", help="The whole model with these towers, not the towers alone.")] = (
        False
    ),
    window_days: WindowDays = None,
    split_kind: SplitKindName = None,
    epochs: Annotated[int | None, typer.Option("--epochs", min=0, help="At most so many passes for each.")] = None,
    loss: Annotated[
        str, typer.Option("--loss", help="What they are trained for: softmax, bpr or directau.")
    ] = "softmax",
    seed: Annotated[int, typer.Option("--seed", min=0, max=2**32 - 1, help="Seed of every random choice.")] = 0,
    json_file: Annotated[
        str | None, typer.Option("--json", metavar="FILE", help="Write the rows to a file; - is standard output.")
    ] = None,
    png: Annotated[Path | None, typer.Option("--png", metavar="FILE", help="Draw the figures into a PNG file.")] = None,
    device: Device = None,
    store: Store = None,
    debug: Debug = False,
) -> None:
    """Train kinds of towers on the same past and show what each reaches and costs. Nothing of it is kept."""
    from graphfeed.config import validate
    from graphfeed.progress import ProgressBars
    from graphfeed.training.compare import compare as run_comparison
    from graphfeed.training.settings import ModelSettings, RunSettings

    given = training_of(*stage_config(store, "split"), window_days, split_kind)
    if part not in ("test", "validation", "fit"):
        raise ConfigError(f"--on takes one of test, validation, fit, found {part!r}")
    if png is not None:
        _pyplot()  # said before minutes of training
    settings = validate(ModelSettings, {"towers": {"epochs": epochs, "loss": loss}}, "the options")
    with open_feed(store) as feed, ProgressBars(err()) as bars:
        found = run_comparison(
            feed.split(given.split),
            kinds,
            settings,
            RunSettings(device=device or given.device, seed=seed),
            part=part,  # type: ignore[arg-type]
            whole=whole,
            progress=bars.steps,
        )
    if json_file is not None:
        _write(found, json_file)
    if json_file != "-":
        show(out(), found)
    if png is not None:
        draw(found, png)


def show(console: Console, found: Comparison) -> None:
    """The table: metrics with half of their 95 % interval, seconds, sizes."""
    rows = rows_of(found)
    title = f"{found.evaluation.kind}, {found.evaluation.part}: each ranks all candidates"
    table = Table(box=SIMPLE_HEAD, title=title, title_justify="left")
    table.add_column("towers", no_wrap=True)
    for column in (*(f"{metric} ±" for metric in METRICS), "fit s", "rank s", "parameters", "MiB"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column(METRICS[0], no_wrap=True)
    largest = max(row[METRICS[0]] for row in rows)
    for row in rows:
        bar = "█" * round(_BAR * row[METRICS[0]] / largest) if largest > 0 else ""
        figures = [f"{row[metric]:.4f} {half(row, metric):.3f}" for metric in METRICS]
        costs = [
            f"{row['fit_seconds']:.1f}",
            f"{row['rank_seconds']:.1f}",
            f"{row['parameters']:,}",
            f"{row['mib']:.1f}",
        ]
        table.add_row(row["model"], *figures, *costs, bar)
    console.print(table)
    console.print(found.evaluation.describe, highlight=False, markup=False, soft_wrap=True)


def draw(found: Comparison, file: Path) -> None:
    """The same as bars, with the 95 % intervals; raises ConfigError where the file cannot be written."""
    plots, rows = _pyplot(), rows_of(found)
    names = [row["model"] for row in rows]
    panels = [*METRICS, "fit_seconds", "rank_seconds", "mib"]
    figure, axes = plots.subplots(2, 3, figsize=(11, 5.5), layout="constrained")
    for axis, name in zip(axes.flat, panels, strict=True):
        heights, spread = [row[name] for row in rows], None
        if name in METRICS:
            ends = [[row[f"{name}_{end}"] for row in rows] for end in ("low", "high")]
            spread = [[abs(h - e) for h, e in zip(heights, end, strict=True)] for end in ends]
        axis.bar(names, heights, yerr=spread, capsize=4, color="#4878a8")
        axis.set_title({"fit_seconds": "fit, s", "rank_seconds": "rank, s", "mib": "towers, MiB"}.get(name, name))
        axis.spines[["top", "right"]].set_visible(False)
    people = rows[0]["users"]
    figure.suptitle(f"{found.evaluation.kind}, {found.evaluation.part}: {people:,} people; lines are 95 % intervals")
    try:
        figure.savefig(file, dpi=120, format="png")
    except OSError as error:
        raise ConfigError(f"{file} cannot be written ({error.strerror}): name another file with --png") from error
    finally:
        plots.close(figure)
    note(f"wrote {file}")


def rows_of(found: Comparison) -> list[dict[str, Any]]:
    """The rows of all posts, as ``Comparison.to_dict`` has them, in the order asked for."""
    return [row for row in found.to_dict()["rows"] if row["slice"] == "all"]


def half(row: dict[str, Any], metric: str) -> float:
    """Half of a metric's interval."""
    return float(row[f"{metric}_high"] - row[f"{metric}_low"]) / 2


def _write(found: Comparison, file: str) -> None:
    text = json.dumps(found.to_dict(), indent=2)
    if file == "-":
        print(text)
        return
    try:
        Path(file).write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{file} cannot be written ({error.strerror}): name another file with --json") from error
    note(f"wrote {file}")


def _pyplot() -> Any:
    """matplotlib, drawing into files. Raises ConfigError where it is not installed."""
    try:
        import matplotlib
    except ImportError as error:
        raise ConfigError("--png needs matplotlib, which is not installed: pip install 'graphfeed[plots]'") from error
    matplotlib.use("Agg")
    from matplotlib import pyplot

    return pyplot

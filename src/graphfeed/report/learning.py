"""How training went: loss and validation by epoch, and what each way through the graph came to weigh."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawn

from graphfeed.report.figures import Frame, colour, panels, rows_of_bars
from graphfeed.report.section import Cell, Figure, Missing, Section, Table, many

if TYPE_CHECKING:
    from graphfeed.trained import Learned

MOST_TERMS = 10
NAME, TITLE = "training", "Training"
TRAIN = Missing("training curves, and what the model learned", "graphfeed train")


def learning_section(model: Learned | None, trained_at: str, current: bool) -> Section:
    """Training curves and weights. ``current``: whether the graph is still the one that it was trained on."""
    if model is None:
        return Section(NAME, TITLE, "No model is trained yet.", missing=[TRAIN])
    towers, weights = model.report.get("towers", {}), _ranked(model.weights.get("posts", {}))
    when, parts = trained_at[:16].replace("T", " "), ", ".join(model.parts)
    text = [f"Trained {when} UTC; seed {model.seed}, parts {parts}."]
    missing = []
    if not current:
        text.append("The graph or its text vectors have changed since.")
        missing.append(Missing("a model of the graph as it is now", "graphfeed train"))
    figures, tables = [], []
    if towers.get("loss"):
        figures.append(_curves(towers))
        tables.append(_by_epoch(towers["loss"], towers["validation mrr"]))
    elif towers:
        text.append("The towers stayed as their start made them: no passes were made.")
    if weights:
        figures.append(_weights(weights))
        tables.append(_all_weights(model.weights))
        text.append("What each term is stands in docs/model.md; a term that did not help has no weight.")
    return Section(NAME, TITLE, _finding(towers, weights), text, figures, tables, missing=missing)


def _finding(towers: Mapping[str, Any], weights: Sequence[tuple[str, float]]) -> str:
    heaviest = f"The heaviest term for posts is {weights[0][0]}" if weights else "The model has no terms for posts"
    losses = towers.get("loss", [])
    if not losses:
        return f"{heaviest}."
    best = int(towers["best epoch"])
    if not best:
        return f"{heaviest}; {many(len(losses), 'epoch')} of training did not improve on the towers' start."
    reached = towers["validation mrr"][best - 1]
    return f"{heaviest}; the towers were best after epoch {best} of {len(losses)} (validation MRR {reached:.3f})."


def _curves(towers: Mapping[str, Any]) -> Figure:
    losses, validation, best = towers["loss"], list(enumerate(towers["validation mrr"], 1)), int(towers["best epoch"])
    if not best and "best validation mrr" in towers:  # the start was never beaten: this is what it reached
        validation.insert(0, (0, towers["best validation mrr"]))
    said = ", ".join(f"epoch {epoch} {value:.4f}" for epoch, value in validation)
    fell = f"The loss goes from {losses[0]:.3f} to {losses[-1]:.3f} in {many(len(losses), 'epoch')}"

    def draw(frame: Frame) -> Drawn:
        drawn, axes = panels(frame, 2, 2.2)
        _curve(axes[0], list(enumerate(losses, 1)), "loss, mean of an epoch", "other", best)
        _curve(axes[1], validation, "validation MRR of the towers alone", "own", best)
        return drawn

    return Figure(
        "training-curves",
        "The towers by epoch; 0 is their start, dotted the epoch that was kept",
        f"{fell}; validation MRR: {said}.",
        draw,
    )


def _curve(axis: Axes, points: Sequence[tuple[int, float]], title: str, name: str, best: int) -> None:
    from matplotlib.ticker import MaxNLocator

    axis.plot(*zip(*points, strict=True), color=colour(name), linewidth=1.6, marker="o", markersize=3)
    axis.axvline(best, color=colour("soft"), linewidth=1, linestyle=":")
    axis.set_title(title)
    axis.set_xlabel("epoch")
    axis.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    axis.yaxis.set_major_locator(MaxNLocator(5))
    axis.grid(axis="y")
    axis.set_xlim(min(1, best) - 0.2, points[-1][0] + 0.2)


def _weights(weights: Sequence[tuple[str, float]]) -> Figure:
    shown = weights[:MOST_TERMS]

    def draw(frame: Frame) -> Drawn:
        drawn, (axis,) = panels(frame, 1, 0.35 + 0.25 * len(shown))
        rows_of_bars(axis, [name for name, _ in shown], [weight for _, weight in shown], ["own"] * len(shown))
        return drawn

    alt = "Weights, heaviest first: " + ", ".join(f"{name} {weight:.3f}" for name, weight in shown) + "."
    more = f", the {len(shown)} heaviest of {len(weights)}" if len(weights) > len(shown) else ""
    return Figure("weights", f"What a post's score is made of: the weight of each term{more}", alt, draw)


def _by_epoch(losses: Sequence[float], validation: Sequence[float]) -> Table:
    rows: list[tuple[Cell, ...]] = [
        (epoch, f"{loss:.4f}", f"{validation[epoch - 1]:.4f}" if epoch <= len(validation) else None)
        for epoch, loss in enumerate(losses, 1)
    ]
    return Table("By epoch", ("epoch", "loss", "validation MRR"), rows)


def _all_weights(weights: Mapping[str, Mapping[str, float]]) -> Table:
    rows: list[tuple[Cell, ...]] = [
        (kind, name, f"{weight:.4f}") for kind, terms in weights.items() for name, weight in _ranked(terms)
    ]
    return Table("Weights of all terms", ("for", "term", "weight"), rows)


def _ranked(terms: Mapping[str, float]) -> list[tuple[str, float]]:
    return sorted(terms.items(), key=lambda pair: (-pair[1], pair[0]))

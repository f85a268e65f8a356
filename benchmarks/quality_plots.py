"""The kept results of ``benchmarks.quality`` as one picture: every ranker beside the model, community by community."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.quality_tables import MODEL, Result, read_results

OTHERS, OWN, TEXT = "#9aa3ad", "#c2410c", "#4b5563"
NAMED = 3
"""So many of the others have their names in the picture, the best ones."""


def draw(folder: Path, file: Path) -> None:
    """A row for each community, NDCG at its first length; lines are 95 % intervals over people."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    results = list(read_results(folder))
    figure, axes = pyplot.subplots(len(results), 1, figsize=(9, 0.95 * len(results) + 0.6), squeeze=False)
    for axis, result in zip(axes[:, 0], results, strict=True):
        _draw_row(axis, result)
    figure.suptitle(f"NDCG on the test part: {MODEL} and the rankers beside it, 95 % intervals", fontsize=11)
    figure.tight_layout(h_pad=0.4)
    try:
        figure.savefig(file, dpi=130)
    finally:
        pyplot.close(figure)


def _draw_row(axis: Any, result: Result) -> None:
    metric = f"ndcg@{result['at'][0]}"
    rows = sorted((row for row in result["rows"] if row["slice"] == "all"), key=lambda row: -row[metric])
    for row in rows:
        own = row["model"] == MODEL
        color, height = (OWN, 0.35) if own else (OTHERS, 0)
        axis.plot([row[f"{metric}_low"], row[f"{metric}_high"]], [height] * 2, color=color, linewidth=2.5 if own else 1)
        axis.plot(row[metric], height, "o", color=color, markersize=7 if own else 5)
        if own:
            axis.annotate(f" {row[metric]:.4f}", (row[f"{metric}_high"], height), va="center", fontsize=8, color=OWN)
    others = [row for row in rows if row["model"] != MODEL and row["kind"] != "oracle"][:NAMED]
    names = ", ".join(f"{row['model']} {row[metric]:.4f}" for row in others)
    axis.set_title(f"{result['data']}, {metric.upper()}   best others: {names}", fontsize=8, loc="left", color=TEXT)
    axis.set_ylim(-0.3, 0.7)
    axis.set_xlim(left=0)
    axis.set_yticks([])
    axis.tick_params(labelsize=7)
    for side in ("left", "top", "right"):
        axis.spines[side].set_visible(False)

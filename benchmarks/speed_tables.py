"""The kept results of ``benchmarks.speed`` as Markdown tables and as a picture."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

RESULT = "speed.json"
WORDS = {
    "propagation": "one layer over gowalla's edges, 64 wide",
    "sampling": "neighbours drawn on gowalla",
    "epoch": "an epoch on gowalla, 64 wide, two layers",
    "neural": "an epoch of HGT on lastfm-2k",
    "ranking": "the 20 best of 40,981 for each of 29,858",
    "encoding": "text vectors, forum posts",
    "loading": "CSV files into the embedded store",
    "growth": "growth",
}
"""What a part measures."""


def read_speed(folder: Path) -> dict[str, Any]:
    """The kept result. Raises SystemExit where there is none."""
    file = folder / RESULT
    if not file.is_file():
        raise SystemExit(f"there is no {file}: python -m benchmarks.speed --large --json {file}")
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found


def ratios_markdown(folder: Path) -> str:
    """Every ratio, with what was asked for."""
    lines = ["| part | ratio | asked for | measured | |", "|---|---|---|---|---|"]
    for part, found in read_speed(folder)["parts"].items():
        for name, row in found["ratios"].items():
            asked = (
                f"≥ {row['at_least']:g}" if "at_least" in row else f"≤ {row['at_most']:g}" if "at_most" in row else ""
            )
            verdict = {True: "reached", False: "not reached"}.get(row.get("reached"), "")  # type: ignore[arg-type]
            lines.append(f"| {WORDS[part]} | {name} | {asked} | **{row['ratio']:.2f}** | {verdict} |")
    return "\n".join(lines)


def figures_markdown(folder: Path) -> str:
    """The figures behind the ratios, and each part's peak memory."""
    lines = ["| part | figure | |", "|---|---|---|"]
    for part, found in read_speed(folder)["parts"].items():
        rows = {name: value for name, value in found["figures"].items() if not isinstance(value, str)}
        lines += [f"| {WORDS[part]} | {name} | {_short(value)} |" for name, value in rows.items()]
        if part != "growth":
            lines.append(f"| {WORDS[part]} | peak memory | {found['peak_mib']:,.0f} MiB |")
    return "\n".join(lines)


def growth_markdown(folder: Path) -> str:
    """Seconds of processor time and peak memory of each stage by the number of engagements."""
    stages = read_speed(folder)["parts"]["growth"]["stages"]
    sizes = sorted({row["edges"] for row in stages.values()})
    names = list(dict.fromkeys(name.split()[0] for name in stages))
    head = " | ".join(f"{size:,}" for size in sizes)
    lines = [f"| stage | {head} |", f"|---|{'---|' * len(sizes)}"]
    for name in names:
        cells = [_stage(stages.get(f"{name} {size}")) for size in sizes]
        lines.append(f"| `{name}` | {' | '.join(cells)} |")
    return "\n".join(lines)


def draw_growth(folder: Path, file: Path) -> None:
    """Time and memory per engagement of each stage that was for everybody, both axes logarithmic."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    whole = {name: row for name, row in _grown(folder).items() if not {"stopped", "people", "parts"} & row.keys()}
    stages = [row | {"stage": name.split()[0]} for name, row in whole.items()]
    figure, axes = pyplot.subplots(1, 2, figsize=(9, 3.4))
    sides = (("us_an_edge", "microseconds an engagement"), ("bytes_an_edge", "bytes of peak memory an engagement"))
    for axis, (key, words) in zip(axes, sides, strict=True):
        for name in dict.fromkeys(row["stage"] for row in stages):
            rows = [row for row in stages if row["stage"] == name]
            axis.plot([row["edges"] for row in rows], [row[key] for row in rows], "o-", label=name, markersize=4)
        axis.set(xscale="log", yscale="log", xlabel="engagements", title=words)
        axis.title.set_fontsize(9)
        axis.tick_params(labelsize=8)
    axes[0].legend(fontsize=8, frameon=False)
    figure.tight_layout()
    try:
        figure.savefig(file, dpi=130)
    finally:
        pyplot.close(figure)


def _grown(folder: Path) -> dict[str, dict[str, Any]]:
    stages: dict[str, dict[str, Any]] = read_speed(folder)["parts"]["growth"]["stages"]
    return stages


def _stage(row: dict[str, Any] | None) -> str:
    if row is None:
        return "not run"
    if row.get("stopped"):
        return f"stopped after {row['seconds']:,.0f} s"
    people = f" for {row['people']:,} people" if "people" in row else ""
    parts = f", {' and '.join(row['parts'])} alone" if "parts" in row else ""
    return f"{row['cpu_seconds']:,.1f} s, {row['peak_mib']:,.0f} MiB{people}{parts}"


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"

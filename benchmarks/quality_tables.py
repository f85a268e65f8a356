"""What ``benchmarks.quality`` found, for people: tables of one run, and all kept results as one Markdown table."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

Result = dict[str, Any]
MODEL = "linear"
SHOWN = ("recall", "ndcg", "mrr", "hit_rate", "precision")
LISTS = ("coverage", "diversity", "novelty")
ORDER = (
    "quantumcomputing",
    "french.meta",
    "cofacts",
    "gowalla",
    "lastfm-2k",
    "lastfm-2k-811",
    "citeulike-t",
    "citeulike-t-cold",
    "amazon-beauty",
    "sample",
)
IN_TIME = ("quantumcomputing", "french.meta", "cofacts", "sample")
"""Cut in time, windows predicted one by one: of these a pooled difference is given."""
SLICES = {"all": "all posts", "old": "over three days old", "cold_posts": "met by nobody"}


def show(console: Console, result: Result, compared: Sequence[str]) -> None:
    """A table per slice, the comparisons of the slices named, then times, memory and what was chosen."""
    metrics = [f"{name}@{k}" for k in result["at"] for name in SHOWN]
    for name in dict.fromkeys(row["slice"] for row in result["rows"]):
        rows = [row for row in result["rows"] if row["slice"] == name]
        title = f"{result['data']}, {name}: {rows[0]['users']:,} people, {rows[0]['questions']:,} questions"
        table = Table("ranker", *metrics, title=title, title_justify="left")
        for row in rows:
            table.add_row(row["model"], *(_with_half(row, metric) for metric in metrics))
        console.print(table)
    _show_lists(console, result)
    _show_comparisons(console, result, compared)
    _show_costs(console, result)


def _show_lists(console: Console, result: Result) -> None:
    """What the lists are like, whether right or not."""
    metrics = [f"{name}@{k}" for k in result["at"] for name in LISTS]
    rows = [row for row in _of_slice(result["rows"], "all") if any(metric in row for metric in metrics)]
    table = Table("ranker", *metrics, title="what the lists are like, all", title_justify="left")
    for row in rows:
        table.add_row(row["model"], *(_with_half(row, metric) if metric in row else "" for metric in metrics))
    console.print(table)


def _show_comparisons(console: Console, result: Result, compared: Sequence[str]) -> None:
    table = Table(
        "slice", "against", "metric", "difference", "95 %", "", title=f"{MODEL}, paired", title_justify="left"
    )
    for name in compared:
        for row in _of_slice(result["comparisons"], name):
            ends = f"{row['low']:+.4f} to {row['high']:+.4f}"
            best = " (best there)" if row["best"] else ""
            table.add_row(name, row["baseline"] + best, row["metric"], f"{row['difference']:+.4f}", ends, verdict(row))
        table.add_section()
    console.print(table)


def _show_costs(console: Console, result: Result) -> None:
    table = Table("ranker", "fit, s", "rank, s", "peak, MiB", "chosen on validation", title_justify="left")
    for name, facts in result["rankers"].items():
        settings = {k: v for k, v in facts["settings"].items() if k not in LONG}
        words = ", ".join(f"{k} {v}" for k, v in settings.items())
        costs = (f"{facts['fit_seconds']:.1f}", f"{facts['rank_seconds']:.1f}", f"{facts.get('peak_mib', 0):,.0f}")
        table.add_row(name, *costs, escape(words))
    console.print(table)
    stages = ", ".join(f"{name} {value:.1f} s" for name, value in result["seconds"].items())
    lines = [result["split"], *result["to be known"], f"{stages}; peak memory {result['peak_mib']:,.0f} MiB"]
    for line in [*lines, str(result["machine"])]:
        console.print(line, highlight=False, markup=False, soft_wrap=True)


LONG = ("settings", "weights", "towers", "people", "interests")
"""Of a model's report, what is too long for a table."""


def verdict(row: dict[str, Any]) -> str:
    """What a paired interval says: above or below where it leaves out zero, else level."""
    if row["low"] > 0:
        return "above"
    return "below" if row["high"] < 0 else "level"


def markdown(folder: Path, slices: Sequence[str] = tuple(SLICES)) -> str:
    """All results of a folder as a Markdown table: the model, the best baseline, and their paired difference."""
    lines = [
        "| data | posts | people / questions | `linear` | best baseline | difference, 95 % | |",
        "|---|---|---|---|---|---|---|",
    ]
    results = list(read_results(folder))
    for result in results:
        for name in slices:
            lines += _lines(result, name)
    lines += _pooled_lines(results, slices)
    return "\n".join(lines)


def over_communities(comparisons: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The mean of paired differences, each community counting the same, and its 95 % interval.

    The communities are independent of each other, so that the squares of their intervals' halves add up.
    """
    size = len(comparisons)
    mean = sum(row["difference"] for row in comparisons) / size
    half = sum(((row["high"] - row["low"]) / 2) ** 2 for row in comparisons) ** 0.5 / size
    return {"difference": mean, "low": mean - half, "high": mean + half}


def _pooled_lines(results: Sequence[Result], slices: Sequence[str]) -> Iterator[str]:
    there = {result["data"]: result for result in results if result["data"] in IN_TIME}
    if len(there) < len(IN_TIME):
        return
    for words, names in ((f"all {len(IN_TIME)} cut in time", IN_TIME), ("those without the sample", IN_TIME[:-1])):
        for slice_ in (name for name in ("all", "old") if name in slices):
            rows = [next(r for r in _of_slice(there[n]["comparisons"], slice_) if r["best"]) for n in names]
            found = over_communities(rows)
            difference = f"{found['difference']:+.4f} ({found['low']:+.4f} to {found['high']:+.4f})"
            head = f"{words}, NDCG@10, pooled" if slice_ == "all" else ""
            yield f"| {head} | {SLICES[slice_]} | | | | {difference} | {verdict(found)} |"


def read_results(folder: Path) -> Iterator[Result]:
    """Kept results of ``benchmarks.quality``, in a fixed order; other files are passed over."""
    found = [json.loads(file.read_text(encoding="utf-8")) for file in sorted(folder.glob("*.json"))]
    found = [result for result in found if "comparisons" in result]
    return iter(sorted(found, key=lambda r: (ORDER.index(r["data"]) if r["data"] in ORDER else len(ORDER), r["data"])))


def _lines(result: Result, slice_: str) -> Iterator[str]:
    rows = {row["model"]: row for row in _of_slice(result["rows"], slice_)}
    best = next((row for row in _of_slice(result["comparisons"], slice_) if row["best"]), None)
    if best is None:
        return
    k = result["at"][0]
    # What is published about a given split are both; elsewhere NDCG says enough.
    shown = (f"recall@{k}", f"ndcg@{k}") if result["split"].startswith("given") else (f"ndcg@{k}",)

    def values(model: str) -> str:
        return " / ".join(f"{rows[model][metric]:.4f}" for metric in shown)

    names = " / ".join(metric.replace("ndcg", "NDCG").replace("recall", "Recall") for metric in shown)
    asked = f"{rows[MODEL]['users']:,} / {rows[MODEL]['questions']:,}"
    difference = f"{best['difference']:+.4f} ({best['low']:+.4f} to {best['high']:+.4f})"
    cells = [
        f"{result['data']}, {names}" if slice_ == "all" else "",
        SLICES[slice_],
        asked,
        f"**{values(MODEL)}**",
        f"{values(best['baseline'])} {best['baseline']}",
        difference,
        verdict(best),
    ]
    yield f"| {' | '.join(cells)} |"


def _of_slice(rows: Sequence[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    return [row for row in rows if row["slice"] == name]


def _with_half(row: dict[str, Any], metric: str) -> str:
    half = (row[f"{metric}_high"] - row[f"{metric}_low"]) / 2
    return f"{row[metric]:.4f} ±{half:.3f}"

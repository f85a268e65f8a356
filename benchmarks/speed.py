"""How fast the parts are, against peers, as ratios within one run.

    python -m benchmarks.speed                                        # everything but 10⁷ edges: about half an hour
    python -m benchmarks.speed --parts propagation ranking --json speed.json
    python -m benchmarks.speed --check benchmarks/results/speed.json  # fails where a ratio fell

Every part is a process of its own, so that its peak memory is its own. Within a part, ours and theirs take turns round
by round and a ratio is the median of the rounds' ratios, so that another program's load falls on both. What each part
measures stands at the top of ``benchmarks/speed_<part>.py``.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.machine import describe_machine
from benchmarks.speed_child import run_child

PARTS = ("propagation", "sampling", "epoch", "neural", "ranking", "loading", "encoding", "growth")
ROUNDS = {"epoch": 3, "neural": 7, "loading": 3, "encoding": 4}
"""Where a round takes long; the others take 9."""
TOLERANCE = 0.25
"""A ratio may fall by this share before a check fails: two runs on one busy machine differ by up to a fifth."""


def main() -> None:
    """Measure, print, write with ``--json``; with ``--check`` exit with 1 where a ratio fell."""
    options = _parser().parse_args()
    if options.child:
        _measure_here(options)
        return
    last = _read(options.check) if options.check else None
    names = options.parts or ([name for name in PARTS if name in last["parts"]] if last else list(PARTS))
    machine = describe_machine() | {"threads": os.environ.get("OMP_NUM_THREADS") or "as many as cores"}
    result: dict[str, Any] = {"parts": {name: measure(name, options) for name in names}, "machine": machine}
    show(result)
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    if last is not None:
        fallen = compare(last, result, TOLERANCE)
        print("\n".join(fallen) or f"no ratio is worse than in {options.check} by more than {TOLERANCE:.0%}")
        if last["machine"].get("cpu") != machine["cpu"]:
            print(f"to be known: those were taken on another processor, {last['machine'].get('cpu')}")
        sys.exit(1 if fallen else 0)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", nargs="+", choices=PARTS, metavar="PART", help=f"only these: {', '.join(PARTS)}")
    parser.add_argument("--rounds", type=int, help="rounds of each part (default 9; 3 or 4 where a round takes long)")
    parser.add_argument("--large", action="store_true", help="growth: also 10⁷ edges")
    parser.add_argument("--limit", type=float, default=1_200.0, help="growth: seconds that a stage may take")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to this file")
    parser.add_argument("--check", type=Path, metavar="FILE", help="hold the ratios against those of this file")
    parser.add_argument("--child", choices=PARTS, help=argparse.SUPPRESS)
    return parser


def measure(name: str, options: argparse.Namespace) -> dict[str, Any]:
    """One part in a process of its own: what it found, its seconds and its peak memory. SystemExit where it failed."""
    rounds = options.rounds or ROUNDS.get(name, 9)
    print(f"== {name} ==", file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "found.json"
        words = ["--child", name, "--rounds", str(rounds), "--json", str(file), "--limit", str(options.limit)]
        words += ["--large"] if options.large else []
        ran = run_child([sys.executable, "-W", "ignore", "-m", "benchmarks.speed", *words])
        if ran.code:
            raise SystemExit(f"{name} failed with exit code {ran.code}")
        found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found | {"rounds": rounds, "seconds": ran.seconds, "peak_mib": ran.peak_mib}


def _measure_here(options: argparse.Namespace) -> None:
    try:
        part = importlib.import_module(f"benchmarks.speed_{options.child}")
    except ModuleNotFoundError as error:
        raise SystemExit(f"{error.name} is not installed: pip install '.[bench]'") from error
    extra = {"large": options.large, "limit": options.limit} if options.child == "growth" else {}
    found = part.measure(options.rounds, **extra)
    options.json.write_text(json.dumps(found), encoding="utf-8")


def _read(file: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SystemExit(f"expected the figures of an earlier run in {file}: {error}") from error
    if "parts" not in found or "machine" not in found:
        raise SystemExit(f"{file} has no parts: it was not written by benchmarks.speed --json")
    return found


def compare(last: dict[str, Any], now: dict[str, Any], tolerance: float) -> list[str]:
    """A line for each ratio that is worse than the last time by more than a share of it, or is gone."""
    lines = []
    for part, found in now["parts"].items():
        for name, row in last["parts"].get(part, {}).get("ratios", {}).items():
            there = found["ratios"].get(name)
            if there is None:
                lines.append(f"{part}: {name}: was {row['ratio']:.2f}, and is not measured any more")
                continue
            lower_is_better = "at_most" in row
            bound = row["ratio"] * (1 + tolerance if lower_is_better else 1 - tolerance)
            if (there["ratio"] > bound) if lower_is_better else (there["ratio"] < bound):
                lines.append(f"{part}: {name}: was {row['ratio']:.2f}, is {there['ratio']:.2f}")
    return lines


def show(result: dict[str, Any]) -> None:
    """Ratios with what was asked for, then the figures behind them."""
    console = Console()
    table = Table("part", "ratio", title="ratios within one run")
    for column in ("", "asked for", "reached"):
        table.add_column(column, justify="right")
    for part, found in result["parts"].items():
        for place, (name, row) in enumerate(found["ratios"].items()):
            asked = f"≥ {row['at_least']}" if "at_least" in row else f"≤ {row['at_most']}" if "at_most" in row else ""
            reached = "" if "reached" not in row else "yes" if row["reached"] else "no"
            table.add_row(part if place == 0 else "", name, f"{row['ratio']:.2f}", asked, reached)
        table.add_section()
    console.print(table)
    figures = Table("part", "figure", "")
    for part, found in result["parts"].items():
        rows = dict(found["figures"]) | {"peak MiB": found["peak_mib"], "seconds of the part": found["seconds"]}
        for name, row in found.get("stages", {}).items():
            rows[name] = f"{row['seconds']:,.1f} s, {row['peak_mib']:,.0f} MiB{', stopped' if 'stopped' in row else ''}"
        for place, (name, value) in enumerate(rows.items()):
            figures.add_row(part if place == 0 else "", name, value if isinstance(value, str) else f"{value:,.4g}")
        figures.add_section()
    console.print(figures)


if __name__ == "__main__":
    main()

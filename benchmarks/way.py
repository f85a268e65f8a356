"""The whole way as a user goes it, command by command: how long it takes and how much memory.

    python -m benchmarks.way quantumcomputing --json benchmarks/results/way-quantumcomputing.json
    python -m benchmarks.way gowalla

Every stage is a process of its own: the command line, with its start and its imports. What is measured is the time on
the wall, the processor time (which other programs' load changes less), and the most memory that was resident.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.data_sets import DATA_SETS, DataSet
from benchmarks.machine import describe_machine

MEMORY_BUDGET = 4096.0
"""MiB."""
MINUTES = {"quantumcomputing": 10, "gowalla": 20}
"""Budgets of time; others have none."""


MAIN = tuple(f"{metric}@{k}" for metric in ("recall", "ndcg") for k in (10, 20))


@dataclass(frozen=True)
class Stage:
    """What one command took."""

    name: str
    seconds: float
    """On the wall."""
    cpu_seconds: float
    peak_mib: float


def main() -> None:
    """Measure, print, and with ``--json`` write the figures. Exits with 1 where a stage failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="?", default="quantumcomputing", choices=sorted(DATA_SETS))
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to this file")
    parser.add_argument("--store", type=Path, help="keep the store here; else it is made in a temporary folder")
    options = parser.parse_args()
    machine = describe_machine()
    with tempfile.TemporaryDirectory() as scratch:
        store = options.store or Path(scratch) / "feed"
        if store.exists():
            raise SystemExit(f"{store} is there already: the way begins with nothing")
        stages = []
        for words in commands(options.data, DATA_SETS[options.data], Path(scratch) / "figures.json"):
            print(f"== graphfeed {' '.join(words)} ==", file=sys.stderr, flush=True)
            stages.append(run_stage(words[0], [sys.executable, "-m", "graphfeed.cli", *words, "--store", str(store)]))
        figures = json.loads((Path(scratch) / "figures.json").read_text(encoding="utf-8"))
    result = summary(options.data, stages) | {"figures": model_figures(figures), "machine": machine}
    show(result)
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def commands(name: str, data: DataSet, figures: Path) -> list[list[str]]:
    """The words of each command. Gowalla's way is training and the full ranking: nobody there to read the rest."""
    source, path, given = data.load_arguments()
    load = ["load", source, *([str(path)] if path else [])]
    for option, value in given.items():
        load += [f"--{option}", str(value)]
    embed = ["embed", "--encoder", data.encoder] if data.encoder else []
    rolling = data.encoder is not None
    train = ["train", *(["--window-days", f"{data.window_days:g}"] if rolling else [])]
    evaluate = ["evaluate", "--json", str(figures), *([] if rolling else ["--no-baselines"])]
    publish = ["publish", "--now", "latest"] if rolling else []
    return [words for words in (load, embed, train, evaluate, publish) if words]


def run_stage(name: str, command: list[str]) -> Stage:
    """Run a command to its end, its output as it comes. Raises SystemExit when it fails.

    The kernel lets a child's peak begin with its parent's: that is why this program imports nothing that is large.
    """
    started = time.perf_counter()
    child = os.posix_spawn(command[0], command, os.environ)
    _, status, used = os.wait4(child, 0)
    seconds = time.perf_counter() - started
    if code := os.waitstatus_to_exitcode(status):
        raise SystemExit(f"{name} failed with exit code {code}")
    unit = 2**20 if sys.platform == "darwin" else 2**10  # bytes there, KiB elsewhere
    return Stage(name, round(seconds, 2), round(used.ru_utime + used.ru_stime, 2), round(used.ru_maxrss / unit, 1))


def summary(name: str, stages: list[Stage]) -> dict[str, Any]:
    """Stages, their sum, and the budget."""
    minutes = MINUTES.get(name)
    return {
        "data": name,
        "stages": [asdict(stage) for stage in stages],
        "seconds": round(sum(stage.seconds for stage in stages), 2),
        "cpu_seconds": round(sum(stage.cpu_seconds for stage in stages), 2),
        "peak_mib": max(stage.peak_mib for stage in stages),
        "budget": {"seconds": minutes * 60 if minutes else None, "peak_mib": MEMORY_BUDGET},
    }


def model_figures(whole: dict[str, Any]) -> dict[str, float]:
    """The model's own figures on everything: that the way led somewhere."""
    row = next(row for row in whole["rows"] if row["kind"] == "model" and row["slice"] == "all")
    return {name: round(value, 5) for name, value in row.items() if name in MAIN}


def show(result: dict[str, Any]) -> None:
    """A table of the stages, and whether the budget was kept."""
    table = Table("stage", title=f"the whole way on {result['data']}")
    for column in ("seconds", "processor seconds", "peak MiB"):
        table.add_column(column, justify="right")
    for stage in result["stages"]:
        table.add_row(
            stage["name"], f"{stage['seconds']:.1f}", f"{stage['cpu_seconds']:.1f}", f"{stage['peak_mib']:,.0f}"
        )
    table.add_section()
    table.add_row("all", f"{result['seconds']:.1f}", f"{result['cpu_seconds']:.1f}", f"{result['peak_mib']:,.0f}")
    budget = result["budget"]
    table.add_row("budget", f"{budget['seconds'] or '-'}", "", f"{budget['peak_mib']:,.0f}")
    console = Console()
    console.print(table)
    console.print(result["figures"])


if __name__ == "__main__":
    main()

"""Loading: a simulated community's CSV files into the embedded store, parsed, checked, journalled and indexed.

The ratio is to pandas' bare ``read_csv`` of the same files: what a row costs beyond being read. It is below 1.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pandas as pd

import graphfeed
from benchmarks.speed_rounds import alternate, median, ratio_of, ratio_row
from graphfeed.loaders.simulate import SimulatedCommunity, Simulation
from graphfeed.loaders.simulate.files import write_files

ACTS = 100_000


def measure(rounds: int) -> dict[str, Any]:
    """Rows a second of both, and the ratio."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "community"
        rows = sum(write_files(SimulatedCommunity(Simulation(ACTS // 10, ACTS // 10, ACTS)), folder, "csv").values())
        made = iter(range(rounds + 1))

        def load() -> None:
            with graphfeed.open(Path(name) / f"feed-{next(made)}") as feed:
                report = feed.load("tables", folder, mapping=folder / "graphfeed.toml")
            assert report.kept == rows

        def read() -> None:
            for file in folder.glob("*.csv"):
                pd.read_csv(file)

        seconds = alternate({"ours": load, "pandas read_csv": read}, rounds)
    return {
        "figures": {f"{name}, rows/s": rows / median(values) for name, values in seconds.items()},
        "ratios": {"ours over pandas read_csv alone": ratio_row(ratio_of(seconds, "pandas read_csv", "ours"))},
        "rows": rows,
    }

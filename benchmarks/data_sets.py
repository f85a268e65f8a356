"""The communities that are measured: where each is, how it is loaded, and what is not the default for it."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[1]
DATA_VARIABLE = "GRAPHFEED_DATA"


@dataclass(frozen=True)
class DataSet:
    """One community. Everything that is not said here is the default."""

    source: str
    """A source of ``graphfeed load``."""
    path: str | None = None
    """Inside the data folder; None: it comes with the package."""
    options: dict[str, str] = field(default_factory=dict)
    """Of ``graphfeed load``: ``mapping`` inside the checkout, ``test`` inside the data folder."""
    window_days: float = 1.0
    encoder: str | None = "all-MiniLM-L6-v2"
    """None: there is no text."""
    at: tuple[int, int] = (10, 20)
    """Lengths of the lists; rankers are compared at the first."""
    baselines: tuple[str, ...] = ()
    """Only these; none named: all."""
    slices: tuple[str, ...] = ("all", "old")
    """What the model is compared on."""

    def load_arguments(self) -> tuple[str, Path | None, dict[str, Any]]:
        """Source, path and options as ``Feed.load`` takes them. Raises SystemExit where the data is not there."""
        if self.path is None:
            return self.source, None, {}
        path = data_folder() / self.path
        if not path.exists():
            raise SystemExit(f"there is no {path}: {DATA_VARIABLE} names the folder of the data")
        roots = {"mapping": CHECKOUT, "test": data_folder()}
        return self.source, path, {name: roots[name] / value for name, value in self.options.items()}


DATA_SETS = {
    "sample": DataSet("sample"),
    "french.meta": DataSet("stackexchange", "stackexchange/french.meta"),
    "quantumcomputing": DataSet("stackexchange", "stackexchange/quantumcomputing"),
    # all-MiniLM-L6-v2 knows no Chinese.
    "cofacts": DataSet("tables", "cofacts", {"mapping": "docs/cofacts.toml"}, window_days=7.0, encoder="tfidf"),
    # No times and no text. What is published about it are figures at 20; the other baselines take long.
    "gowalla": DataSet(
        "pairs",
        "gowalla/train.txt",
        {"test": "gowalla/test.txt"},
        encoder=None,
        at=(20, 10),
        baselines=("popularity", "graph_filter"),
        slices=("all",),
    ),
}


def data_folder() -> Path:
    """The folder of the real data: what the environment names, else ``shared/data`` beside the checkout."""
    return Path(os.environ.get(DATA_VARIABLE) or CHECKOUT.parent / "shared" / "data")

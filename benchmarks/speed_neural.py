"""An epoch of HGT on lastfm-2k with friends against PyG's own example loop: ``benchmarks.neural``, as a part."""

from __future__ import annotations

from typing import Any

from benchmarks.data_sets import data_folder
from benchmarks.neural import measure as measure_neural
from benchmarks.neural import read_split
from benchmarks.speed_rounds import ratio_row


def measure(rounds: int) -> dict[str, Any]:
    """Seconds of an epoch of each, and ours by theirs."""
    split = data_folder() / "lastfm-2k" / "sociallgn_split"
    if not (split / "train_set.txt").is_file():
        raise SystemExit(f"there is no train_set.txt in {split}: GRAPHFEED_DATA names the folder with lastfm-2k")
    found = measure_neural(read_split(split), "hgt", rounds)
    return {
        "figures": {
            "ours, s an epoch": found["epoch_seconds"],
            "PyG's example, s an epoch": found["pyg_epoch_seconds"],
        },
        "ratios": {
            "seconds of ours by those of PyG's example": ratio_row(found["epoch_ratio"], at_most=1.1),
            "the two layers alone": ratio_row(found["layers_ratio"]),
        },
        "links": found["links"],
    }

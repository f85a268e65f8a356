"""The graphs that speed is measured on."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from benchmarks.data_sets import data_folder

Int64 = npt.NDArray[np.int64]


@cache
def gowalla_pairs() -> tuple[int, int, Int64, Int64]:
    """Gowalla's training pairs: users, posts, and the user and the post of each pair.

    Raises SystemExit where the data is not there.
    """
    file = data_folder() / "gowalla" / "train.txt"
    if not file.exists():
        raise SystemExit(f"there is no {file}: GRAPHFEED_DATA names the folder of the data")
    lines = [np.array(line.split(), dtype=np.int64) for line in file.read_text(encoding="utf-8").splitlines()]
    source = np.concatenate([np.repeat(line[0], len(line) - 1) for line in lines])
    target = np.concatenate([line[1:] for line in lines])
    return int(source.max()) + 1, int(target.max()) + 1, source, target

"""Which links a fine-tuned encoder has learned from: a file beside its weights, and beside the vectors that it made.

    LinksSeen.of(until, hashes).write(folder)      # fine-tuning: into the encoder's folder
    links_seen_by(encoder.name).write(workspace)   # embed: a copy, since the folder may be replaced
    seen = read_links_seen(workspace)              # None: the vectors are by an encoder that saw no links

An encoder that learned from links tells of them through its vectors, so a split that asks for one of them is no test.
Links are kept as hashes of both ends' ids: exact whatever the kind of split, also after more data was loaded or in
another store.
"""

from __future__ import annotations

import os
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from graphfeed.errors import StoreFormatError

LINKS_FILE = "links_seen.npz"

Int64 = npt.NDArray[np.int64]
UInt64 = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class LinksSeen:
    """The engagements that an encoder learned from."""

    until: int
    """The latest of their times, microseconds since 1970; ``NO_TIME`` where none has a time."""
    pairs: UInt64
    """Hashes of (user id, post id), ascending, without repetition ``[pairs]``."""

    @classmethod
    def of(cls, until: int, pairs: UInt64) -> Self:
        """From hashes in any order."""
        return cls(until, np.unique(pairs))

    def among(self, pairs: UInt64) -> npt.NDArray[np.bool_]:
        """Which of these pairs were learned from, ``[len(pairs)]``."""
        return np.isin(pairs, self.pairs)

    def write(self, folder: Path) -> None:
        """Replace the file in a folder at once."""
        writing = folder / f"{LINKS_FILE}.writing"
        with writing.open("wb") as stream:
            np.savez(stream, until=np.int64(self.until), pairs=self.pairs)
        writing.replace(folder / LINKS_FILE)


def pair_hashes(users: pa.StringArray, posts: pa.StringArray, source: Int64, target: Int64) -> UInt64:
    """A hash of each pair's ids, uint64 ``[pairs]``: the same in every store and on every machine."""
    left, right = (pd.util.hash_array(np.array(ids.to_pylist(), dtype=object)) for ids in (users, posts))
    # Odd and unlike: (u, p) and (p, u) differ, and so do pairs that share an end.
    return np.asarray(left[source] * np.uint64(0x9E3779B97F4A7C15) + right[target] * np.uint64(0xC2B2AE3D27D4EB4F))


def read_links_seen(folder: Path) -> LinksSeen | None:
    """What was written to a folder, None where nothing was. Raises StoreFormatError where it cannot be read."""
    file = folder / LINKS_FILE
    try:
        with np.load(file, allow_pickle=False) as found:
            return LinksSeen(int(found["until"]), found["pairs"].astype(np.uint64))
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, EOFError, OSError, zipfile.BadZipFile) as error:
        raise StoreFormatError(
            f"{file} should hold the links that the encoder learned from: {error}; run 'graphfeed finetune' and"
            " 'graphfeed embed' again"
        ) from error


def links_seen_by(encoder: str) -> LinksSeen | None:
    """What the encoder of this name learned from: that is a folder where it learned from any."""
    folder = Path(encoder)
    return read_links_seen(folder) if os.sep in encoder and folder.is_dir() else None


def forget_links_seen(workspace: Path) -> None:
    """The vectors in the graph are by an encoder that saw none."""
    (workspace / LINKS_FILE).unlink(missing_ok=True)

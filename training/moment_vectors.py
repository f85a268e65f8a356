"""What the towers say of every node, at moments that are looked at again and again: worked out once for each.

    with kept_vectors(towers, device, folder) as vectors:
        vectors.at(adjacencies)                # {label: [nodes, width]}

The weights of each kind of link are learned in several passes over the same moments, and towers read the whole graph
for each. What they gave lies in files that are mapped into memory, which the system may drop and read again.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from graphfeed.training.adjacency import Adjacencies
from graphfeed.training.snapshot import Past
from graphfeed.training.tower_input import tower_input
from graphfeed.training.towers import Towers

Vectors = dict[str, torch.Tensor]

MOST_BYTES = 16 << 30
"""Of all files; further moments are worked out whenever they come."""


def tower_vectors(towers: Towers, adjacencies: Adjacencies, device: torch.device) -> Vectors:
    """The towers' vectors of all nodes at a moment, by label ``[nodes, width]``."""
    with torch.no_grad():
        found: Vectors = towers(tower_input(adjacencies, device, relations=towers.relations))
    return found


class KeptVectors:
    """See the module's docstring."""

    def __init__(self, towers: Towers, device: torch.device, folder: Path) -> None:
        self._towers, self._device, self._folder = towers, device, folder
        self._kept: dict[tuple[Past, int], _File] = {}
        self._bytes = 0

    def at(self, adjacencies: Adjacencies) -> Vectors:
        """The vectors at the moment of these adjacencies' snapshot."""
        moment = (adjacencies.snapshot.past, adjacencies.snapshot.now)
        if moment in self._kept:
            return self._kept[moment].read()
        found = tower_vectors(self._towers, adjacencies, self._device)
        size = sum(vectors.nbytes for vectors in found.values())
        if self._device.type == "cpu" and self._bytes + size <= min(MOST_BYTES, self._room()):
            self._kept[moment] = _File.write(self._folder / f"{len(self._kept)}.npy", found)
            self._bytes += size
        return found

    def _room(self) -> int:
        """Bytes that the files may take in all: half of what is left is left."""
        return self._bytes + shutil.disk_usage(self._folder).free // 2


@dataclass(frozen=True)
class _File:
    """The vectors of all labels, one after the other. Mapped anew for whoever asks: no moment stays in memory."""

    path: Path
    nodes: dict[str, int]

    @classmethod
    def write(cls, path: Path, found: Vectors) -> _File:
        np.save(path, np.concatenate([vectors.numpy() for vectors in found.values()]))
        return cls(path, {label: len(vectors) for label, vectors in found.items()})

    def read(self) -> Vectors:
        rows = torch.from_numpy(np.load(self.path, mmap_mode="c"))  # torch takes no array that is read-only
        return dict(zip(self.nodes, torch.split(rows, list(self.nodes.values())), strict=True))


@contextmanager
def kept_vectors(towers: Towers, device: torch.device, folder: Path | None) -> Iterator[KeptVectors]:
    """Vectors that are kept until the block ends, in files under ``folder``, or where the system keeps such."""
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="vectors-", dir=folder) as name:
        yield KeptVectors(towers, device, Path(name))

"""What hangs together with what: every relationship that can be walked, as arrays, kept in the workspace.

    graph = WholeGraph.of(store)
    ann = graph.find("User", "ann")
    others, steps = graph.around(np.array([ann]))     # nodes one step away, and which step it is

Nodes are numbered through: people, then posts, then entities, each in the order of ``node_ids``. What speaks against
somebody or something (BLOCKED, MUTED, DISLIKED, HID) is no way to them, and HELD_OUT is no part of the graph.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from pathlib import Path
from typing import cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from graphfeed.graph.store import GraphStore
from graphfeed.graph.workspace_folders import keep_ids, kept, kept_ids
from graphfeed.loaders.records import NODE_TYPES, RELATIONSHIP_TYPES

WALKED = tuple(name for name, t in RELATIONSHIP_TYPES.items() if t.role != "aversion" and name != "HELD_OUT")
"""Relationship types by their code, less one. A step along one is the code, against one its negative."""
LABELS = tuple(NODE_TYPES)

_FORMAT = "1"  # of what is kept: another one is made anew

Int64 = npt.NDArray[np.int64]
Steps = npt.NDArray[np.int8]
Say = Callable[[str], None]


def code(type_: str) -> int:
    """The step along a relationship type."""
    return WALKED.index(type_) + 1


class WholeGraph:
    """Neighbours of every node, in order of their numbers and then of their steps."""

    def __init__(self, folder: Path) -> None:
        self.ids = {label: kept_ids(folder / f"{label}.arrow") for label in LABELS}
        self.starts = np.cumsum([0, *(len(self.ids[label]) for label in LABELS)])
        """Where each label's nodes begin, and behind them how many there are."""
        self.offsets: Int64 = np.load(folder / "offsets.npy", mmap_mode="r")
        self.targets: npt.NDArray[np.int32] = np.load(folder / "targets.npy", mmap_mode="r")
        self.steps: Steps = np.load(folder / "steps.npy", mmap_mode="r")

    @classmethod
    def of(cls, store: GraphStore, say: Say | None = None) -> WholeGraph:
        """The graph as it is now; read anew where it has changed, which ``say`` is told."""

        def write(folder: Path) -> None:
            if say is not None:
                say("reading the whole graph, once until it changes")
            _write(store, folder)

        return kept(store.workspace / "questions", "graph", f"{store.version()} {_FORMAT}", write, _opened)

    @property
    def nodes(self) -> int:
        """How many nodes there are."""
        return int(self.starts[-1])

    def find(self, label: str, id_: str) -> int | None:
        """The number of a node; None where there is none."""
        place = pc.index(self.ids[label], id_).as_py()
        return None if place < 0 else int(self.starts[LABELS.index(label)]) + place

    def find_all(self, label: str, ids: Iterable[str]) -> dict[str, int]:
        """The numbers of several nodes of a label, those that there are."""
        wanted = pa.array(list(ids), self.ids[label].type)
        places = np.flatnonzero(pc.is_in(self.ids[label], value_set=wanted).to_numpy(zero_copy_only=False))
        start = int(self.starts[LABELS.index(label)])
        return {self.ids[label][int(place)].as_py(): start + int(place) for place in places}

    def name(self, node: int) -> tuple[str, str]:
        """Label and id of a node."""
        label = int(np.searchsorted(self.starts, node, "right")) - 1
        return LABELS[label], cast(str, self.ids[LABELS[label]][node - int(self.starts[label])].as_py())

    def among(self, label: str) -> slice:
        """The numbers of a label's nodes."""
        place = LABELS.index(label)
        return slice(int(self.starts[place]), int(self.starts[place + 1]))

    def degrees(self, nodes: Int64) -> Int64:
        """How many steps lead from each node."""
        found: Int64 = self.offsets[nodes + 1] - self.offsets[nodes]
        return found

    def around(self, nodes: Int64) -> tuple[Int64, Int64, Steps]:
        """All steps from some nodes: the position in ``nodes`` where each begins, the node that it leads to, and it."""
        counts = self.degrees(nodes)
        begin = np.repeat(np.arange(len(nodes)), counts)
        places = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts) + self.offsets[nodes][begin]
        return begin, self.targets[places].astype(np.int64), self.steps[places]


def _write(store: GraphStore, folder: Path) -> None:
    ids = {label: store.node_ids(label) for label in LABELS}
    for label in LABELS:
        keep_ids(folder / f"{label}.arrow", ids[label])
    starts = dict(zip(LABELS, np.cumsum([0, *(len(ids[label]) for label in LABELS)]), strict=False))
    size = sum(map(len, ids.values()))
    sources, targets, steps = [np.empty(0, np.int32)], [np.empty(0, np.int32)], [np.empty(0, np.int8)]
    for number, type_ in enumerate(WALKED, 1):
        for relation in store.read_relation(type_):
            source = (relation.source + starts[relation.source_label]).astype(np.int32)
            target = (relation.target + starts[relation.target_label]).astype(np.int32)
            sources += [source, target]
            targets += [target, source]
            steps += [np.full(len(source), number, np.int8), np.full(len(source), -number, np.int8)]
    source, target, step = np.concatenate(sources), np.concatenate(targets), np.concatenate(steps)
    order = np.lexsort((step, target, source))
    np.save(folder / "offsets.npy", np.concatenate([[0], np.cumsum(np.bincount(source, minlength=size))]))
    np.save(folder / "targets.npy", target[order])
    np.save(folder / "steps.npy", step[order])


@lru_cache(maxsize=4)
def _opened(folder: Path) -> WholeGraph:
    return WholeGraph(folder)

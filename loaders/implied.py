"""Nodes known only from being referred to, each once, with the earliest of the times that its referring rows give."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from graphfeed.loaders.records import CHUNK_ROWS, Nodes, node_schema

_MERGE_ROWS = 200_000


class ImpliedNodes:
    """Collects referred-to nodes.

    Labels in ``dated`` are held until the end, because files are rarely in the order of time and a node must not be
    younger than what happened to it: this takes memory for each such node once, not for each row. Other labels go on at
    once, each block without its repetitions.
    """

    def __init__(self, dated: set[str]) -> None:
        self._dated = dated
        self._held: dict[str, list[pa.Table]] = {}
        self._rows: dict[str, int] = {}
        self._files: dict[str, str] = {}

    def add(self, label: str, file: str, nodes: pa.Table) -> Iterator[Nodes]:
        """Take nodes (``node_schema``), repetitions allowed; yields those that need not wait."""
        if label not in self._dated:
            yield _chunk(label, file, first_rows(nodes))
            return
        self._files.setdefault(label, file)
        held = self._held.setdefault(label, [])
        held.append(nodes)
        waiting = sum(table.num_rows for table in held[1:])
        if waiting > max(_MERGE_ROWS, held[0].num_rows):
            self._held[label] = [_merged(label, held)]

    def finish(self) -> Iterator[Nodes]:
        """The nodes that waited."""
        for label, held in self._held.items():
            merged = _merged(label, held)
            for start in range(0, merged.num_rows, CHUNK_ROWS):
                yield _chunk(label, self._files[label], merged.slice(start, CHUNK_ROWS))


def first_rows(nodes: pa.Table) -> pa.Table:
    """The first row of each id."""
    codes = nodes["id"].combine_chunks().dictionary_encode().indices.to_numpy()  # numbered as they first appear
    return nodes.take(pa.array(np.flatnonzero(np.diff(np.maximum.accumulate(codes), prepend=-1) > 0)))


def _chunk(label: str, file: str, rows: pa.Table) -> Nodes:
    return Nodes(label, rows, file, primary=False, implied=True)


def _merged(label: str, tables: list[pa.Table]) -> pa.Table:
    schema = node_schema(label)
    table = pa.concat_tables(tables).combine_chunks()
    # lists cannot be aggregated; no mapping gives them to a node that is only referred to
    names = [f.name for f in schema if f.name != "id" and not pa.types.is_list(f.type)]
    wanted = [(name, "min" if name == "created_at" else "first") for name in names]
    merged = pa.TableGroupBy(table, "id", use_threads=False).aggregate(wanted)
    columns = {name: merged[f"{name}_{how}"] for name, how in wanted}
    columns["id"] = merged["id"]
    return pa.table([columns.get(f.name, pa.nulls(merged.num_rows, f.type)) for f in schema], schema=schema)

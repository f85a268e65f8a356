"""Records under way: cells as a loader found them, turned into one typed chunk at a time."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graphfeed.loaders.records import (
    RELATIONSHIP_TYPES,
    TEXT,
    Nodes,
    Relationships,
    node_schema,
    relationship_schema,
)
from graphfeed.loaders.rejected import Rejects
from graphfeed.loaders.values import ID_BYTES, Mask, as_ids, convert, too_long

Cell = str | float | None


@dataclass
class Collector:
    """Collects records of one type from one file.

    ``label`` is given for nodes, ``type`` for relationships. Records beside their row's main one are not ``primary``.
    With ``silent``, what cannot be used is left out without a word: the same row was already set aside for it.
    """

    file: str
    columns: tuple[str, ...]
    """Ids first, then the properties that are given; the others stay null."""
    label: str = ""
    type: str = ""
    primary: bool = True
    silent: bool = False
    _cells: list[tuple[Cell, ...]] = field(default_factory=list)
    _lines: list[int] = field(default_factory=list)
    _raw: list[dict[str, str]] = field(default_factory=list)

    def add(self, line: int, raw: dict[str, str], *cells: Cell) -> None:
        """Add one record; ``cells`` in the order of ``columns``."""
        self._cells.append(cells)
        self._lines.append(line)
        self._raw.append(raw)

    def take(self, rejects: Rejects) -> tuple[list[Nodes | Relationships], Mask]:
        """The records so far as a list of no or one chunk, and which of them are in it; begins anew."""
        schema = node_schema(self.label) if self.label else relationship_schema(self.type)
        good = np.ones(len(self._lines), bool)
        found = dict(zip(self.columns, zip(*self._cells, strict=True), strict=True)) if self._cells else {}
        arrays = []
        for name in schema.names[:-1]:
            if name not in found:
                arrays.append(pa.nulls(len(good), schema.field(name).type))
            else:
                arrays.append(self._typed(name, found[name], schema.field(name).type, good, rejects))
        table = pa.table([*arrays, pa.array(self._lines, pa.int64())], schema=schema).filter(pa.array(good))
        self._cells, self._lines, self._raw = [], [], []
        return ([self._chunk(table)] if table.num_rows else []), good

    def _chunk(self, table: pa.Table) -> Nodes | Relationships:
        if self.label:
            return Nodes(self.label, table, self.file, self.primary)
        return Relationships(self.type, *RELATIONSHIP_TYPES[self.type].pairs[0], table, self.file, self.primary)

    def _typed(self, name: str, cells: tuple[Cell, ...], type_: pa.DataType, good: Mask, rejects: Rejects) -> pa.Array:
        if type_ != TEXT and not any(isinstance(cell, str) for cell in cells):
            return pa.array(cells, type_)
        text = pa.array(cells, TEXT)
        if name in ("id", "source", "target"):
            values = as_ids(text)
            self._reject(np.asarray(pc.is_null(values)), "empty id", f"the {name} is empty", good, rejects)
            self._reject(too_long(values), "long id", f"the {name} has more than {ID_BYTES:,} bytes", good, rejects)
            return values
        found = convert(text, type_)
        if found.bad.any():
            self._reject(found.bad, found.reason, f"{name} should be {found.expected}", good, rejects)
        return found.values

    def _reject(self, bad: Mask, reason: str, detail: str, good: Mask, rejects: Rejects) -> None:
        for position in np.flatnonzero(bad & good).tolist() if not self.silent else ():
            row = " ".join(f'{key}="{value}"' for key, value in self._raw[position].items())
            rejects.reject(self.file, self._lines[position], reason, detail, row, primary=self.primary)
        good &= ~bad

"""One block of a table file and one entry of the mapping: which rows it takes, and the typed records it makes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from graphfeed.errors import ConfigError
from graphfeed.loaders.delimited import Block
from graphfeed.loaders.mapping import End, Id, NodeEntry, Property, RelationshipEntry
from graphfeed.loaders.records import NODE_TYPES, RELATIONSHIP_TYPES
from graphfeed.loaders.values import ID_BYTES, Mask, as_ids, as_lists, as_text, convert, too_long, where_any

Entry = NodeEntry | RelationshipEntry
Positions = npt.NDArray[np.int64]


def _constant_property(value: str | float) -> Property:
    return Property.model_validate({"value": value})


_DEFAULTS = {"MENTIONS": {"said_by": _constant_property("data"), "confidence": _constant_property(1.0)}}
"""Properties that a table need not state."""


@dataclass(frozen=True)
class Fault:
    """Records that cannot be made: where they are among the records, and what was wrong."""

    at: Mask
    reason: str
    detail: str
    cells: pa.Array | None


@dataclass(frozen=True)
class Records:
    """The typed columns that an entry makes of a block, bad records included."""

    columns: dict[str, pa.Array]
    """Ids first, then the type's properties in their order."""
    rows: Positions
    """Position of each record's row in the block."""
    first: Mask
    """False for the second and further records of one row."""
    faults: list[Fault]

    @property
    def good(self) -> Mask:
        """Records without a fault."""
        good = np.ones(len(self.rows), bool)
        for fault in self.faults:
            good &= ~fault.at
        return good

    def table(self, keep: Mask, lines: Positions) -> pa.Table:
        """The chosen records with the lines of their rows."""
        chosen = pa.array(keep)
        columns = {name: values.filter(chosen) for name, values in self.columns.items()}
        return pa.table({**columns, "line": pa.array(lines[self.rows[keep]], pa.int64())})


def matches(entry: Entry, block: Block) -> Mask:
    """Rows that the entry's ``where`` lets through."""
    mask = np.ones(len(block.lines), bool)
    for column, allowed in entry.where.items():
        mask &= where_any(block.columns[column], allowed)
    return mask


def takes(entry: Entry, block: Block) -> Mask:
    """Rows that the entry makes something of, or rejects."""
    mask = matches(entry, block)
    if isinstance(entry, RelationshipEntry):
        for end in (entry.source, entry.target):
            cells = block.columns[end.column] if end.optional or end.split or _lists(block, end) else None
            if cells is not None and (end.split or pa.types.is_list(cells.type)):
                mask &= np.asarray(pc.fill_null(pc.list_value_length(as_lists(cells, end.split)), 0)) > 0
            elif cells is not None:
                mask &= np.asarray(pc.is_valid(as_ids(cells)))
    return mask


def make_nodes(entry: NodeEntry, block: Block, rows: Positions) -> Records:
    """Nodes of the given rows."""
    ids = _ids(entry.id, block, rows)
    columns = {"id": ids}
    faults = [*_wrong(ids, entry.id)]
    types = NODE_TYPES[entry.label].properties
    _fill(columns, faults, entry.properties, types, block, rows, entry.date_format)
    return Records(columns, rows, np.ones(len(rows), bool), faults)


def make_relationships(entry: RelationshipEntry, block: Block, rows: Positions) -> Records:
    """Relationships of the given rows; a list in an end's cell makes one for each of its items."""
    listed = [end for end in (entry.source, entry.target) if end.split or _lists(block, end)]
    if len(listed) > 1:
        raise ConfigError(f"{entry.file}: both ends of {entry.name} are lists; only one may be")
    first = np.ones(len(rows), bool)
    exploded: pa.Array | None = None
    if listed:
        lists = as_lists(block.columns[listed[0].column].take(pa.array(rows)), listed[0].split)
        exploded, parent = lists.flatten(), np.asarray(pc.list_parent_indices(lists), np.int64)
        rows, first = rows[parent], np.diff(parent, prepend=-1) != 0
    columns, faults = {}, []
    for name, end in (("source", entry.source), ("target", entry.target)):
        is_list = bool(listed) and end is listed[0]
        ids = as_ids(exploded, end.prefix) if is_list and exploded is not None else _ids(end, block, rows)
        columns[name] = ids
        faults += _wrong(ids, end)
    properties = {**_DEFAULTS.get(entry.type, {}), **entry.properties}
    _fill(columns, faults, properties, RELATIONSHIP_TYPES[entry.type].properties, block, rows, entry.date_format)
    if "count" in entry.properties:
        faults.append(
            Fault(_below_one(columns["count"]), "bad number", "expected a count of 1 or more", columns["count"])
        )
    return Records(columns, rows, first, faults)


def make_implied(
    entry: RelationshipEntry, end: End, label: str, block: Block, ids: pa.Array, rows: Positions
) -> pa.Table:
    """Nodes that the entry's rows refer to, one for each given id; properties that cannot be read are null.

    A property from the end's own column is what became the id, without the prefix: of a list its item, not the cell.
    """
    columns = {"id": ids}
    given = end.create if isinstance(end.create, Mapping) else {}
    own = {end.column: pc.utf8_slice_codeunits(ids, len(end.prefix))}
    _fill(columns, [], given, NODE_TYPES[label].properties, block, rows, entry.date_format, own)
    return pa.table({**columns, "line": pa.array(block.lines[rows], pa.int64())})


def filter_columns(entry: Entry) -> list[str]:
    """Columns that ``takes`` looks at."""
    ends = [entry.source, entry.target] if isinstance(entry, RelationshipEntry) else []
    return [*entry.where, *(end.column for end in ends)]


def key_columns(entry: Entry) -> list[str]:
    """Columns without which a row is of no use to the entry."""
    if isinstance(entry, NodeEntry):
        return [entry.id.column]
    return [end.column for end in (entry.source, entry.target) if not (end.optional or end.split)]


def all_columns(entry: Entry) -> list[str]:
    """Every column that the entry names."""
    columns = filter_columns(entry) + key_columns(entry) + _named(entry.properties)
    if isinstance(entry, RelationshipEntry):
        for end in (entry.source, entry.target):
            columns += _named(end.create) if isinstance(end.create, Mapping) else []
    return columns


def _named(properties: Mapping[str, Property]) -> list[str]:
    return [p.column for p in properties.values() if p.column is not None]


def _lists(block: Block, end: End) -> bool:
    return bool(
        pa.types.is_list(block.columns[end.column].type) or pa.types.is_large_list(block.columns[end.column].type)
    )


def _ids(id_: Id, block: Block, rows: Positions) -> pa.Array:
    return as_ids(block.columns[id_.column].take(pa.array(rows)), id_.prefix)


def _wrong(ids: pa.Array, id_: Id) -> list[Fault]:
    long = f"the column {id_.column!r} has more than {ID_BYTES:,} bytes"
    return [
        Fault(np.asarray(pc.is_null(ids)), "empty id", f"the column {id_.column!r} is empty", None),
        Fault(too_long(ids), "long id", long, None),
    ]


def _below_one(counts: pa.Array) -> Mask:
    return np.asarray(pc.fill_null(pc.less(counts, 1), False))


def _fill(
    columns: dict[str, pa.Array],
    faults: list[Fault],
    properties: Mapping[str, Property],
    types: Mapping[str, pa.DataType],
    block: Block,
    rows: Positions,
    date_format: str | None,
    own: Mapping[str, pa.Array] | None = None,
) -> None:
    """Add the type's properties to ``columns`` in their order, and to ``faults`` what could not be converted.

    ``own``: by column the cells of the given rows, where they are not those of the block.
    """
    positions = pa.array(rows)
    for name, type_ in types.items():
        property_ = properties.get(name)
        if property_ is None:
            columns[name] = pa.nulls(len(rows), type_)
        elif property_.column is None:
            columns[name] = _constant(name, property_, type_, len(rows), date_format)
        else:
            cells = (own or {}).get(property_.column)
            if cells is None:
                cells = block.columns[property_.column].take(positions)
            found = convert(cells, type_, date_format=date_format, split=property_.split)
            columns[name] = found.values
            if found.bad.any():
                detail = f"the column {property_.column!r} should be {found.expected}"
                faults.append(Fault(found.bad, found.reason, detail, cells))


def _constant(name: str, property_: Property, type_: pa.DataType, rows: int, date_format: str | None) -> pa.Array:
    value = property_.value
    if isinstance(value, list):
        if not pa.types.is_list(type_):
            raise ConfigError(f"{name} takes one value, not the list {value!r}")
        return pa.array([value] * rows, type_)
    text = str(value).lower() if isinstance(value, bool) else str(value)
    found = convert(pa.array([text]), type_, date_format=date_format)
    if found.bad[0]:
        raise ConfigError(f"{name} should be {found.expected}, not {value!r}")
    return pa.repeat(found.values[0], rows)


def shown_cell(cells: pa.Array | None, position: int) -> str:
    """`` but is 'x'``, or nothing where there is no cell to show."""
    return "" if cells is None else f", but is {as_text(cells.slice(position, 1))[0].as_py()!r}"

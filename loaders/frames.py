"""``frames``: data frames of pandas, Polars or anything else that speaks Arrow, from Python.

    feed.load_frames({"User": people, "Post": articles, "LIKED": likes})
    feed.load_frames({"sales": sales}, mapping={"relationships": [
        {"frame": "sales", "type": "LIKED", "source": "buyer", "target": "item", "at": "day"}]})

Without a mapping a frame's name is a label or a relationship's type, and its columns are called as the graph calls
them: ``id`` and a label's properties, ``source``, ``target`` and a type's properties. Ends of relationships that no
frame has the nodes of are made. With a mapping it is as in ``tables``, ``frame`` standing in place of ``file``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import pyarrow as pa

from graphfeed.errors import ConfigError
from graphfeed.loaders.cells import as_array, as_word, table_blocks
from graphfeed.loaders.delimited import Block
from graphfeed.loaders.files import check_columns
from graphfeed.loaders.mapped import MappedTables
from graphfeed.loaders.mapping import TableMapping, parse_mapping
from graphfeed.loaders.near import near_match
from graphfeed.loaders.records import NODE_TYPES, RELATIONSHIP_TYPES, Chunk
from graphfeed.loaders.rejected import Rejects
from graphfeed.loaders.values import Complain

_ROWS = 20_000


class Frame(Protocol):
    """What pandas' and Polars' data frames are, and Arrow's tables: columns that can be read as Arrow's stream."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """See Arrow's PyCapsule interface."""
        ...


class FramesLoader:
    """Loads data frames, by name. ``mapping``: as in graphfeed.toml (a dictionary), or as ``parse_mapping`` makes it.

    Raises ConfigError for what is no data frame, for a name or column that the graph does not have, and for an entry
    of a frame that is not there.
    """

    name = "frames"

    def __init__(self, frames: Mapping[str, Frame], mapping: TableMapping | Mapping[str, Any] | None = None) -> None:
        if not frames:
            raise ConfigError("there is no data frame to load")
        self._tables = {name: arrow_table(name, frame) for name, frame in frames.items()}
        if mapping is None:
            mapping = _as_named(self._tables)
        found = mapping if isinstance(mapping, TableMapping) else parse_mapping(mapping, "the mapping")
        self._entries = found.entries("frame")
        for entry in self._entries:
            if entry.file not in self._tables:
                near = near_match(entry.file, self._tables)
                raise ConfigError(f"there is no frame {entry.file!r}{near} There are: {', '.join(self._tables)}.")

    def chunks(self, rejects: Rejects) -> Iterator[Chunk]:
        """Read the frames; see ``Loader.chunks``. Raises ConfigError for a column that a frame does not have."""
        yield from MappedTables(self._entries, self).chunks(rejects)

    def blocks(self, table: str, columns: Sequence[str], keys: Sequence[str], complain: Complain) -> Iterator[Block]:
        """See ``TableReader.blocks``."""
        check_columns(table, columns, self._tables[table].column_names)
        yield from table_blocks(self._tables[table], columns, _ROWS, complain)


def arrow_table(name: str, frame: Any) -> pa.Table:
    """A data frame as an Arrow table; a column of mixed values becomes text. Raises ConfigError for anything else."""
    if not hasattr(frame, "__arrow_c_stream__") and hasattr(frame, "collect"):  # a lazy frame of Polars
        frame = frame.collect()
    if not hasattr(frame, "__arrow_c_stream__"):
        raise ConfigError(
            f"the frame {name!r} is {type(frame).__name__}: expected a data frame of pandas or Polars, or a table of"
            " Arrow"
        )
    try:
        return pa.table(frame)
    except (pa.ArrowException, ValueError, TypeError, NotImplementedError, UnicodeError) as error:
        columns = getattr(frame, "columns", None)
        if not hasattr(frame, "itertuples") or columns is None or not columns.is_unique:
            raise ConfigError(f"the frame {name!r} cannot be read: {str(error).splitlines()[0]}") from error
    return pa.table({str(column): _column(frame[column]) for column in columns})


def _column(series: Any) -> pa.Array:
    """A column of pandas, value by value; text that is no UTF-8 stays as bytes, to be set aside."""
    values = series.astype(object).where(series.notna(), None).tolist()
    try:
        return as_array(values)
    except UnicodeEncodeError:
        words = [None if value is None else as_word(value) for value in values]
        return pa.array([None if word is None else word.encode("utf-8", "surrogatepass") for word in words])


def _as_named(tables: Mapping[str, pa.Table]) -> TableMapping:
    """The mapping of frames that are called as the graph's labels and types."""
    nodes: list[dict[str, Any]] = []
    relationships: list[dict[str, Any]] = []
    for name, table in tables.items():
        if name in NODE_TYPES:
            columns = _properties(name, table, ("id",), NODE_TYPES[name].properties)
            nodes.append({"frame": name, "label": name, "id": "id", **columns})
        elif name in RELATIONSHIP_TYPES:
            type_ = RELATIONSHIP_TYPES[name]
            columns = _properties(name, table, ("source", "target"), type_.properties)
            ends: dict[str, Any] = {
                end: {"column": end, "create": label not in tables}
                for end, label in zip(("source", "target"), type_.pairs[0], strict=True)
            }
            relationships.append({"frame": name, "type": name, **ends, **columns})
        else:
            known = [*NODE_TYPES, *RELATIONSHIP_TYPES]
            raise ConfigError(
                f"the frame {name!r} is no label and no relationship's type{near_match(name, known)} There are:"
                f" {', '.join(known)}. Frames of other names need a mapping."
            )
    return parse_mapping({"nodes": nodes, "relationships": relationships}, "the frames")


def _properties(name: str, table: pa.Table, ids: Sequence[str], properties: Mapping[str, Any]) -> dict[str, str]:
    known = [*ids, *properties]
    for column in table.column_names:
        if column not in known:
            raise ConfigError(
                f"the frame {name!r} has a column {column!r} that {name} has not{near_match(column, known)} It has:"
                f" {', '.join(known)}. Leave the column out, or give a mapping."
            )
    check_columns(name, ids, table.column_names)
    return {column: column for column in table.column_names if column not in ids}

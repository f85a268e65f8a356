"""Tables mapped to the graph: from rows, wherever they come from, to chunks, as a mapping's entries say.

Tables are read in up to three rounds, each a stream: nodes; nodes that are only referred to; relationships. A row
belongs to the first entry of the mapping that takes it (nodes before relationships), and is kept or rejected there;
what further entries make of the same row are records beside it. A row that no entry takes is passed over.

``tables`` reads the rows from files, ``sql`` from queries, ``frames`` from memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graphfeed.loaders.delimited import Block
from graphfeed.loaders.implied import ImpliedNodes
from graphfeed.loaders.mapping import End, NodeEntry, RelationshipEntry
from graphfeed.loaders.records import Chunk, Nodes, Relationships
from graphfeed.loaders.rejected import Rejects
from graphfeed.loaders.typed import (
    Entry,
    Records,
    all_columns,
    filter_columns,
    key_columns,
    make_implied,
    make_nodes,
    make_relationships,
    matches,
    shown_cell,
    takes,
)
from graphfeed.loaders.values import Complain, Mask, as_ids


class TableReader(Protocol):
    """Where the rows of a mapping's tables come from."""

    def blocks(self, table: str, columns: Sequence[str], keys: Sequence[str], complain: Complain) -> Iterator[Block]:
        """The rows of a table (``file`` of its entries), with the named columns only, in blocks of bounded size.

        ``keys`` are columns without which a row is of no use. ``complain`` gets the rows that cannot be read. Raises
        ConfigError for a column that the table does not have, SourceError for a table that cannot be read.
        """
        ...


class MappedTables:
    """The tables of a mapping's entries and what becomes of them."""

    def __init__(self, entries: Iterable[Entry], reader: TableReader) -> None:
        self._reader = reader
        self._entries: dict[str, list[Entry]] = {}
        for entry in entries:
            self._entries.setdefault(entry.file, []).append(entry)

    def chunks(self, rejects: Rejects) -> Iterator[Chunk]:
        """Read the files as a stream; see ``Loader.chunks``.

        Raises ConfigError for a column that a file does not have.
        """
        begun: set[str] = set()
        for file, entries in self._entries.items():
            nodes = [entry for entry in entries if isinstance(entry, NodeEntry)]
            for block in self._blocks(file, nodes, rejects, begun):
                owners = _owners(block, entries)
                if len(nodes) == len(entries):
                    rejects.pass_over(file, int((owners < 0).sum()))
                for entry in nodes:
                    yield from _nodes(entry, block, owners == entries.index(entry), rejects)
        yield from self._implied(rejects, begun)
        for file, entries in self._entries.items():
            relationships = [entry for entry in entries if isinstance(entry, RelationshipEntry)]
            for block in self._blocks(file, relationships, rejects, begun):
                owners = _owners(block, entries)
                rejects.pass_over(file, int((owners < 0).sum()))
                for relationship in relationships:
                    yield from _relationships(relationship, block, owners == entries.index(relationship), rejects)

    def _implied(self, rejects: Rejects, begun: set[str]) -> Iterator[Chunk]:
        creating = {
            file: [e for e in entries if isinstance(e, RelationshipEntry) and _created(e)]
            for file, entries in self._entries.items()
        }
        dated = {
            label
            for entries in creating.values()
            for entry in entries
            for end, label in _created(entry)
            if isinstance(end.create, Mapping) and "created_at" in end.create
        }
        implied = ImpliedNodes(dated)
        for file, entries in creating.items():
            for block in self._blocks(file, entries, rejects, begun):
                for entry in entries:
                    for label, nodes in _referred(entry, block):
                        yield from implied.add(label, file, nodes)
        yield from implied.finish()

    def _blocks(self, file: str, entries: Iterable[Entry], rejects: Rejects, begun: set[str]) -> Iterator[Block]:
        """One reading of a file for some of its entries. Only the first reading counts lines that cannot be read."""
        entries = list(entries)
        if not entries:
            return
        first_time = file not in begun
        begun.add(file)

        def complain(line: int, reason: str, detail: str, row: str) -> None:
            if first_time:
                rejects.read(file)
                rejects.reject(file, line, reason, detail, row)

        everyone = self._entries[file]
        columns = [name for entry in everyone for name in filter_columns(entry)]
        columns += [name for entry in entries for name in all_columns(entry)]
        # rows of several kinds may share a JSON Lines file: only what every entry needs is needed in every row
        keys = [name for name in key_columns(everyone[0]) if all(name in key_columns(entry) for entry in everyone)]
        columns = list(dict.fromkeys(columns))
        yield from self._reader.blocks(file, columns, keys, complain)


def _owners(block: Block, entries: list[Entry]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """For each row the position of the entry that it belongs to, -1 for none."""
    owners = np.full(len(block.lines), -1, np.int64)
    for position, entry in enumerate(entries):
        owners[(owners < 0) & takes(entry, block)] = position
    return owners


def _created(entry: RelationshipEntry) -> list[tuple[End, str]]:
    """The ends, with their labels, that are made where they are only referred to."""
    return [(end, label) for end, label in zip((entry.source, entry.target), entry.labels, strict=True) if end.create]


def _nodes(entry: NodeEntry, block: Block, owned: Mask, rejects: Rejects) -> Iterator[Nodes]:
    records = make_nodes(entry, block, np.flatnonzero(takes(entry, block)))
    for primary, table in _split(entry, block, records, owned, rejects):
        yield Nodes(entry.label, table, entry.file, primary)


def _relationships(entry: RelationshipEntry, block: Block, owned: Mask, rejects: Rejects) -> Iterator[Relationships]:
    records = make_relationships(entry, block, np.flatnonzero(takes(entry, block)))
    for primary, table in _split(entry, block, records, owned, rejects):
        yield Relationships(entry.type, *entry.labels, table, entry.file, primary)


def _split(
    entry: Entry, block: Block, records: Records, owned: Mask, rejects: Rejects
) -> Iterator[tuple[bool, pa.Table]]:
    """The good records: those that stand for their row, then those beside it. The bad ones are rejected."""
    rejects.read(entry.file, int(owned.sum()))
    primary = owned[records.rows] & records.first
    good = np.ones(len(records.rows), bool)
    for fault in records.faults:
        for position in np.flatnonzero(fault.at & good).tolist():
            row = int(records.rows[position])
            detail = fault.detail + shown_cell(fault.cells, position)
            where = (entry.file, int(block.lines[row]), fault.reason, detail)
            rejects.reject(*where, block.raw(row), primary=bool(primary[position]))
        good &= ~fault.at
    for chosen, is_primary in ((good & primary, True), (good & ~primary, False)):
        if chosen.any():
            yield is_primary, records.table(chosen, block.lines)


def _referred(entry: RelationshipEntry, block: Block) -> Iterator[tuple[str, pa.Table]]:
    """Nodes that the usable rows of a block refer to, also rows of which only the other end is empty and optional."""
    taken = takes(entry, block)
    records = make_relationships(entry, block, np.flatnonzero(taken))
    good = records.good
    one_sided = np.flatnonzero(matches(entry, block) & ~taken)
    for end, label in _created(entry):
        ids = records.columns["source" if end is entry.source else "target"].filter(pa.array(good))
        yield label, make_implied(entry, end, label, block, ids, records.rows[good])
        if len(one_sided) and not end.split and not pa.types.is_list(block.columns[end.column].type):
            others = as_ids(block.columns[end.column].take(pa.array(one_sided)), end.prefix)
            there = np.asarray(pc.is_valid(others))
            others = others.filter(pa.array(there))
            yield label, make_implied(entry, end, label, block, others, one_sided[there])

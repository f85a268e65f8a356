"""A first load of a large graph by Neo4j's own importer: CSV files, and the command that reads them.

    <folder>/nodes-User.csv, relationships-LIKED-User-Post.csv, …    each beside a file with its header
    <folder>/import.args       its options: neo4j-admin database import full DATABASE @import.args

The rows are checked, merged and counted as in any other load (``Neo4jChange``), so that the graph is the same; only the
way into the database differs. The importer builds the database's files directly and needs the server stopped: where it
is graphfeed's own development server, that is done here, otherwise the command is for a person to run.

A node's number in the database is its place among all nodes of the files, so that relationships name their ends by
numbers and the importer looks up no ids (``--id-type=actual``).
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from graphfeed.errors import StoreError
from graphfeed.graph.journal.parts import disk_errors, require_space
from graphfeed.graph.neo4j.address import development_home
from graphfeed.graph.neo4j.change import Neo4jChange
from graphfeed.graph.neo4j.in_place import NO_LOADING
from graphfeed.graph.neo4j.reads import NodeTable, RawRelation
from graphfeed.graph.neo4j.schema import ensure_schema, make_text_index
from graphfeed.graph.neo4j.server.bulk_import import import_database
from graphfeed.graph.neo4j.session import Server
from graphfeed.graph.neo4j.spool import Plan, Spool, Step
from graphfeed.graph.neo4j.statements import ORDER
from graphfeed.graph.schema import PREDICTED
from graphfeed.graph.store import Counts
from graphfeed.loaders.records import NODE_TYPES, RELATIONSHIP_TYPES

_BETWEEN = "\x1f"  # between the parts of a list: a character made for this, and in nobody's words
_TYPES = {"int64": "long", "double": "double", "bool": "boolean", "string": "string", "timestamp[us]": "datetime"}
_PARTS = 20  # batches of a spool written at once


@dataclass
class BulkFiles:
    """What a load is written to instead of a database: has what ``ingest`` asks of a store."""

    workspace: Path
    """For rejected rows."""
    folder: Path
    """For the files; whatever an earlier load left there is replaced."""
    written: Counts = field(default_factory=lambda: Counts({}, {}))

    @contextmanager
    def change(self, what: str) -> Iterator[Neo4jChange]:
        """See ``GraphStore.change``. The files are complete when the block has ended without an error."""
        shutil.rmtree(self.folder, ignore_errors=True)
        spool = Spool.begin(self.folder / "spool", "load")
        try:
            change = Neo4jChange(spool, _Nothing(), what, [])  # type: ignore[arg-type]
            yield change
            self._write(spool, change.finish())
        except BaseException:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise
        spool.remove()
        shutil.rmtree(self.folder / "spool", ignore_errors=True)

    def counts(self) -> Counts:
        """What the files hold."""
        return self.written

    @property
    def arguments(self) -> Path:
        """The importer's options, one a line."""
        return self.folder / "import.args"

    def command(self, database: str) -> str:
        """What to type on the server's machine, the server stopped."""
        return f"neo4j-admin database import full {database} @{self.arguments}"

    def _write(self, spool: Spool, plan: Plan) -> None:
        nodes = dict.fromkeys([*NODE_TYPES, "Generation"], 0)
        relationships = dict.fromkeys([*RELATIONSHIP_TYPES, *PREDICTED], 0)
        options = [
            "--overwrite-destination=true",
            "--id-type=actual",
            f"--array-delimiter=U+{ord(_BETWEEN):04X}",
            "--bad-tolerance=0",
            f"--report-file={self.folder / 'import.report'}",
        ]
        first: dict[str, int] = {}
        several_lines = False
        for step in plan.steps:
            if step.kind == "nodes":
                name, what = f"nodes-{step.name}", f"--nodes={step.name}="
                first[step.name] = sum(nodes.values())
            else:
                name, what = f"relationships-{step.name}-{step.source}-{step.target}", f"--relationships={step.name}="
            files = [self.folder / f"{name}.header.csv", self.folder / f"{name}.csv"]
            rows, lines = write_step(spool, step, first, *files)
            (nodes if step.kind == "nodes" else relationships)[step.name] += rows
            several_lines |= lines
            options.append(what + ",".join(map(str, files)))
        if several_lines:
            options.append("--multiline-fields=true")  # a tenth slower
        with disk_errors(self.arguments):
            self.arguments.write_text("".join(f'"{option}"\n' for option in options), encoding="utf-8")
        self.written = Counts(nodes, relationships)


@contextmanager
def bulk_load(server: Server, workspace: Path, say: Callable[[str], None]) -> Iterator[BulkFiles]:
    """See ``GraphStore.bulk``."""
    if server.mapping is not None:
        raise StoreError(f"{server.address.location} {NO_LOADING}")
    others = "MATCH (n) WHERE NOT n:GraphfeedStore AND NOT n:GraphfeedLock RETURN n LIMIT 1"
    if server.read(others):
        raise StoreError(
            f"{server.address.location} holds a graph already, and the importer would replace it: load without --bulk,"
            " or name an empty database"
        )
    files = BulkFiles(workspace, workspace / "bulk")
    yield files
    if not files.arguments.is_file():
        return
    home = development_home(server.address)
    if home is None:
        say(
            f"the files are in {files.folder}. The server is not graphfeed's own: on its machine, where the files must"
            f" be, stop it and run: {files.command(server.database)}; start it, and then:"
            f" graphfeed setup --store {server.address.location}"
        )
        return
    import_database(home.folder, files.arguments, server.database, say)
    server.forget()
    server.read("RETURN 1 AS one")  # lets go of connections to the server that was stopped
    ensure_schema(server, text=False, distinct=True)
    server.write(
        lambda transaction: transaction.run(
            "MATCH (s:GraphfeedStore {id: 'store'}) SET s.observed = s.observed + 1"
        ).consume()
    )
    for label in NODE_TYPES:  # last: while the server fills them, all else is slow
        make_text_index(server, label)
    shutil.rmtree(files.folder, ignore_errors=True)


def write_step(spool: Spool, step: Step, first: dict[str, int], header: Path, file: Path) -> tuple[int, bool]:
    """One step's rows as CSV. A text stands in quotes, so that an empty one is not a missing one.

    ``first``: the number of each label's first node. Returns how many rows it wrote, and whether a text among them has
    several lines.
    """
    if step.kind == "nodes":
        types = dict(NODE_TYPES[step.name].properties)
        names = [":ID", "id:string", f"{ORDER}:long"]
        tables = _last_rows(spool, step)
    else:
        types = dict(RELATIONSHIP_TYPES[step.name].properties)
        names = [":START_ID", ":END_ID", f"{ORDER}:long", *(["events:long[]"] if "at" in types else [])]
        tables = _several(spool.batches(step.file))
    names += [f"{name}:{_type(kind)}" for name, kind in types.items()]
    written, several_lines = 0, False
    with disk_errors(file):
        header.write_text(",".join(names) + "\n", encoding="utf-8")
        options = pyarrow.csv.WriteOptions(include_header=False)
        schema = pa.schema([(name, _written_type(name)) for name in names])
        with pyarrow.csv.CSVWriter(file, schema, write_options=options) as writer:
            for rows in tables:
                require_space(file.parent, 2 * rows.nbytes)
                table = pa.table(_columns(step, rows, first, types), schema=schema)
                several_lines = several_lines or _has_several_lines(table)
                writer.write_table(table)
                written += table.num_rows
    return written, several_lines


def _columns(step: Step, rows: pa.Table, first: dict[str, int], types: dict[str, pa.DataType]) -> list[Any]:
    if step.kind == "nodes":
        columns = [pc.add(rows["place"], first[step.name]), rows["id"], rows["place"]]
    else:
        columns = [pc.add(rows[end], first[getattr(step, end)]) for end in ("source", "target")] + [rows["place"]]
        if "at" in types:
            several = pc.greater(pc.list_value_length(rows["events"]), 1)
            columns.append(_joined(pc.if_else(several, rows["events"], None)))
    return [*columns, *(_text(rows[name], kind) for name, kind in types.items())]


def _last_rows(spool: Spool, step: Step) -> Iterator[pa.Table]:
    """Each node once: one that was implied before it was given has two rows, of which the last one counts."""
    places = np.concatenate([batch["place"].to_numpy() for batch in spool.batches(step.file)])
    last = np.empty(places.max() + 1, dtype=np.int64)
    last[places] = np.arange(len(places))  # the last assignment stays
    begin = 0
    for rows in _several(spool.batches(step.file)):
        end = begin + rows.num_rows
        yield rows.filter(pa.array(last[places[begin:end]] == np.arange(begin, end)))
        begin = end


def _has_several_lines(rows: pa.Table) -> bool:
    texts = (rows[name] for name in rows.column_names if ":string" in name)
    return any(pc.any(pc.match_substring_regex(column, r"[\r\n]")).as_py() for column in texts)


def _text(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    if pa.types.is_timestamp(kind):
        return pc.binary_join_element_wise(pc.replace_substring(column.cast(pa.string()), " ", "T"), "Z", "")
    return _joined(column) if pa.types.is_list(kind) else column


def _joined(lists: pa.ChunkedArray) -> pa.ChunkedArray:
    """A list as one text, null where it is null."""
    parts = lists.cast(pa.list_(pa.string()))
    if pc.any(pc.match_substring(parts.combine_chunks().flatten(), _BETWEEN)).as_py():
        raise StoreError("a list of names holds the character U+001F, which --bulk keeps for itself: load without it")
    return pc.binary_join(parts, _BETWEEN)


def _type(kind: pa.DataType) -> str:
    return f"{_type(kind.value_type)}[]" if pa.types.is_list(kind) else _TYPES[str(kind)]


def _written_type(name: str) -> pa.DataType:
    """How a column is written: what the importer reads as numbers and times without quotes."""
    word = name.rpartition(":")[2]
    numbers = dict.fromkeys(("long", "ID", "START_ID", "END_ID"), pa.int64())
    return {**numbers, "double": pa.float64(), "boolean": pa.bool_()}.get(word, pa.string())


def _several(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.Table]:
    kept: list[pa.RecordBatch] = []
    for batch in batches:
        kept.append(batch)
        if len(kept) == _PARTS:
            yield pa.Table.from_batches(kept)
            kept = []
    if kept:
        yield pa.Table.from_batches(kept)


class _Nothing:
    """The reader of a database without a graph."""

    def nodes(self, label: str) -> NodeTable:
        """No nodes."""
        none = np.empty(0, dtype=np.int64)
        return NodeTable(pa.array([], pa.string()), none, none, 0, 0)

    def relation(self, type_: str, source: str, target: str, *, events: bool = False) -> RawRelation | None:
        """No relationships."""
        return None

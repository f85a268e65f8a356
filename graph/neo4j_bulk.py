"""A first load of a large graph by Neo4j's own importer: CSV files, and the command that reads them.

    <folder>/nodes-User.csv, relationships-LIKED-User-Post.csv, …    each beside a file with its header
    <folder>/import.args       its options: neo4j-admin database import full DATABASE @import.args

The rows are checked, merged and counted as in any other load (``Neo4jChange``), so that the graph is the same; only the
way into the database differs. The importer builds the database's files directly and needs the server stopped: where it
is graphfeed's own development server, that is done here, otherwise the command is for a person to run.
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
from graphfeed.graph.journal_parts import disk_errors, require_space
from graphfeed.graph.neo4j_address import development_home
from graphfeed.graph.neo4j_change import Neo4jChange
from graphfeed.graph.neo4j_in_place import NO_LOADING
from graphfeed.graph.neo4j_reads import NodeTable, RawRelation
from graphfeed.graph.neo4j_schema import ensure_schema
from graphfeed.graph.neo4j_server.bulk_import import import_database
from graphfeed.graph.neo4j_session import Server
from graphfeed.graph.neo4j_spool import Plan, Spool, Step
from graphfeed.graph.neo4j_statements import ORDER
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
            "--id-type=string",
            "--multiline-fields=true",
            f"--array-delimiter=U+{ord(_BETWEEN):04X}",
            "--bad-tolerance=0",
            f"--report-file={self.folder / 'import.report'}",
        ]
        for step in plan.steps:
            if step.kind == "nodes":
                name, what = f"nodes-{step.name}", f"--nodes={step.name}="
                nodes[step.name] += step.rows
            else:
                name, what = f"relationships-{step.name}-{step.source}-{step.target}", f"--relationships={step.name}="
                relationships[step.name] += step.rows
            files = [self.folder / f"{name}.header.csv", self.folder / f"{name}.csv"]
            write_step(spool, step, *files)
            options.append(what + ",".join(map(str, files)))
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
    ensure_schema(server)
    server.write(
        lambda transaction: transaction.run(
            "MATCH (s:GraphfeedStore {id: 'store'}) SET s.observed = s.observed + 1"
        ).consume()
    )
    shutil.rmtree(files.folder, ignore_errors=True)


def write_step(spool: Spool, step: Step, header: Path, file: Path) -> None:
    """One step's rows as CSV. A text stands in quotes, so that an empty one is not a missing one."""
    if step.kind == "nodes":
        types, ends = dict(NODE_TYPES[step.name].properties), {}
        names = [f"id:ID({step.name})", f"{ORDER}:long"]
    else:
        types = dict(RELATIONSHIP_TYPES[step.name].properties)
        ends = {label: spool.read(f"ids-{label}.arrow")["id"] for label in {step.source, step.target}}
        names = [f":START_ID({step.source})", f":END_ID({step.target})", f"{ORDER}:long", "events:long[]"]
    names += [f"{name}:{_type(kind)}" for name, kind in types.items()]
    if "at" not in types and step.kind != "nodes":
        names.remove("events:long[]")
    with disk_errors(file):
        header.write_text(",".join(names) + "\n", encoding="utf-8")
        options = pyarrow.csv.WriteOptions(include_header=False)
        schema = pa.schema([(name, _written_type(name)) for name in names])
        with pyarrow.csv.CSVWriter(file, schema, write_options=options) as writer:
            for batch in _several(spool.batches(step.file)):
                require_space(file.parent, 2 * batch.nbytes)
                writer.write_table(pa.table(_columns(step, batch, ends, types), schema=schema))


def _columns(step: Step, rows: pa.Table, ends: dict[str, pa.ChunkedArray], types: dict[str, pa.DataType]) -> list[Any]:
    if step.kind == "nodes":
        return [rows["id"], rows["place"], *(_text(rows[name], kind) for name, kind in types.items())]
    columns = [ends[step.source].take(rows["source"]), ends[step.target].take(rows["target"]), rows["place"]]
    if "at" in types:
        several = pc.greater(pc.list_value_length(rows["events"]), 1)
        columns.append(_joined(pc.if_else(several, rows["events"], None)))
    return [*columns, *(_text(rows[name], kind) for name, kind in types.items())]


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
    return {"long": pa.int64(), "double": pa.float64(), "boolean": pa.bool_()}.get(word, pa.string())


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

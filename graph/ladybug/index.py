"""The Cypher index of an embedded store: a Ladybug database built once from the journal and from then on only read.

A file that never changes can be opened by any number of processes, and a crash while building leaves only a file that
nobody names. Vectors are not in it: 50,000 × 384 of them take as long to copy as a million relationships, and no query
file reads them (``GraphStore.read_vectors`` maps them into memory).
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import ladybug
import numpy as np
import pyarrow as pa

from graphfeed.errors import QueryError, StoreError
from graphfeed.graph.journal.reading import Journal
from graphfeed.graph.schema import GENERATION_PROPERTIES, MEASURES, PREDICTED, PREDICTION_SCHEMA, Generation
from graphfeed.graph.store import NO_TIME, Counts, Relation, Row, Value
from graphfeed.loaders.records import NODE_TYPES, RELATIONSHIP_TYPES, TEXT

_BUILD_POOL_BYTES = 2 << 30
_POOL_A_BYTE = 3  # of the journal: what the pool holds at once (measured: 0.7 GB of predictions filled 2 GiB)
_READ_POOL_BYTES = 1 << 30
_MAX_FILE_BYTES = 1 << 38  # Ladybug reserves this much address space per open file; its default allows only 15 of them
_COPY_ROWS = 1_000_000  # relationships copied at once: fewer make a larger file, more need a larger buffer pool

_TYPES = {
    TEXT: "STRING",
    pa.list_(TEXT): "STRING[]",
    pa.timestamp("us"): "TIMESTAMP",
    pa.int64(): "INT64",
    pa.float64(): "DOUBLE",
    pa.bool_(): "BOOL",
}
_PREDICTED_PROPERTIES = {
    field.name: field.type for field in PREDICTION_SCHEMA if field.name not in ("source", "target")
}

# Text literals, quoted names and comments: where a word is not a keyword.
_QUOTED = re.compile(r"""'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|`[^`]*`|//[^\n]*|/\*.*?\*/""", re.S)
_READING = re.compile(r"\s*(?:PROFILE\s+|EXPLAIN\s+)?(MATCH|OPTIONAL|WITH|UNWIND|RETURN|CALL\s+\w+\s*\()", re.I)
_FILES = re.compile(r"\bLOAD\s+(?:FROM|WITH|EXTENSION)\b", re.I)
_PARAMETER = re.compile(r"\$([A-Za-z_]\w*)")
_UNION = re.compile(r"\bUNION\b", re.I)
_ALL_THREADS = 0


class LadybugIndex:
    """An index file, open for reading, with one connection per thread."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with ladybug_errors(f"the index {path} cannot be opened"):
            self._database = ladybug.Database(
                path, read_only=True, buffer_pool_size=_READ_POOL_BYTES, max_db_size=_MAX_FILE_BYTES
            )
        self._threads = threading.local()

    def run(self, text: str, parameters: Mapping[str, Value]) -> list[Row]:
        """Execute one statement. Ladybug keeps its plan by text and types of parameters, per connection.

        The parts of a UNION are given to threads, and whichever is done first comes first; on one thread their rows
        come in the order of the parts, as on Neo4j.
        """
        connection = getattr(self._threads, "connection", None)
        if connection is None:
            connection = self._threads.connection = ladybug.Connection(self._database)
        with ladybug_errors("the query failed"):
            connection.set_max_threads_for_exec(1 if _UNION.search(text) else _ALL_THREADS)
            result = connection.execute(text, dict(parameters))
            try:
                rows: list[Row] = result.rows_as_dict().get_all()
            finally:
                result.close()
            return rows

    def close(self) -> None:
        """Close the file. Nobody may be running a query."""
        with suppress(RuntimeError):
            for connection in list(self._database._connections):
                connection.close()
            self._database.close()


def check_reading(text: str, parameters: Mapping[str, Value]) -> None:
    """Raise QueryError unless a reader's own text is one statement that only reads the graph.

    Ladybug opens the file read-only, but lets such a connection write other files (COPY TO, EXPORT), read any file
    (LOAD), and spoil the index for everyone (CHECKPOINT); and it takes missing parameters silently.
    """
    bare = _QUOTED.sub(" ", text).strip().removesuffix(";")
    if not _READING.match(bare) or ";" in bare or _FILES.search(bare):
        raise QueryError(
            "only one statement that reads the graph can be run: it begins with MATCH, OPTIONAL MATCH, WITH, UNWIND,"
            f" RETURN or CALL function(...); found: {text.strip()[:80]!r}"
        )
    missing = set(_PARAMETER.findall(bare)) - set(parameters)
    if missing:
        raise QueryError(f"the query uses parameters that were not given: {sorted(missing)}")


def build_index(path: Path, journal: Journal) -> Counts:
    """Build the index of a state of the journal as a new file, and count what is in it.

    The caller names it in the manifest afterwards. Raises StoreError; whatever is left at ``path`` then is of no use.
    """
    raw = sum(part.raw for part in journal.state.parts if part.kind != "vectors")
    if raw * _POOL_A_BYTE <= _BUILD_POOL_BYTES:
        try:
            return _build(path, journal, _BUILD_POOL_BYTES)
        except StoreError as error:
            if "buffer pool is full" not in str(error):
                raise
    return _build(path, journal, 0)  # Ladybug's own choice: four fifths of the memory


def _build(path: Path, journal: Journal, pool: int) -> Counts:
    for rest in path.parent.glob(f"{path.name}*"):
        rest.unlink()
    with ladybug_errors(f"the index {path} could not be built"):
        # Its own checkpoints after every table cost a tenth of the time; the one at the end does.
        database = ladybug.Database(path, buffer_pool_size=pool, max_db_size=_MAX_FILE_BYTES, auto_checkpoint=False)
        try:
            with ladybug.Connection(database) as connection:
                connection.execute("BEGIN TRANSACTION")  # one at a time costs six times as much
                for statement in index_schema():
                    connection.execute(statement)
                connection.execute("COMMIT")
                expected = _copy(connection, journal)
                connection.execute("CHECKPOINT")
                found = _count(connection)
        finally:
            database.close()
    if found != expected:
        raise StoreError(f"the index {path} holds {found} where the journal has {expected}; please report this")
    return found


def index_schema() -> Iterator[str]:
    """The statements that make the index's tables, from the schema."""
    for label, node in NODE_TYPES.items():
        yield f"CREATE NODE TABLE `{label}`(id STRING PRIMARY KEY, {_columns({**node.properties, **MEASURES})})"
    yield f"CREATE NODE TABLE `Generation`(id STRING PRIMARY KEY, {_columns(GENERATION_PROPERTIES)})"
    for name, relationship in RELATIONSHIP_TYPES.items():
        yield _relationship_table(name, relationship.pairs, relationship.properties)
    for name, pair in PREDICTED.items():
        yield _relationship_table(name, [pair], _PREDICTED_PROPERTIES)


@contextmanager
def ladybug_errors(what: str) -> Iterator[None]:
    """Translate the driver's errors. It raises RuntimeError for everything, with the kind in the message."""
    try:
        yield
    except (RuntimeError, UnicodeError, OverflowError, ValueError, TypeError) as error:
        message = " ".join(str(error).split())
        if "read-only database" in message:
            raise QueryError(f"{what}: a query can only read the graph") from error
        if message.startswith(("Parser", "Binder", "Catalog", "Parameter", "Unable to cast")):
            raise QueryError(f"{what}: {message}") from error
        raise StoreError(f"{what}: {message}") from error


def _copy(connection: ladybug.Connection, journal: Journal) -> Counts:
    """Fill the tables; what they hold now."""
    nodes, relationships = {}, {}
    for label, node in NODE_TYPES.items():
        nodes[label] = journal.node_count(label)
        if nodes[label]:
            rows = journal.read_nodes(label, ["id", *node.properties])
            for name, column in zip(MEASURES, journal.read_measures(label).columns, strict=True):
                rows = rows.append_column(name, column)
            connection.execute(f"COPY `{label}` FROM $rows", {"rows": _dense(rows)})
    generations = journal.state.generations
    nodes["Generation"] = len(generations)
    if generations:
        connection.execute("COPY `Generation` FROM $rows", {"rows": _generation_rows(generations)})
    for name in RELATIONSHIP_TYPES:
        relations = journal.read_relation(name)
        relationships[name] = sum(len(relation.source) for relation in relations)
        for relation in relations:
            pair = (relation.source_label, relation.target_label)
            _copy_relationships(connection, name, pair, _relation_rows(journal, relation))
    for name, pair in PREDICTED.items():
        rows = journal.read_predictions(name)
        relationships[name] = rows.num_rows
        _copy_relationships(connection, name, pair, _slices(rows))
    return Counts(nodes, relationships)


def _copy_relationships(
    connection: ladybug.Connection, name: str, pair: tuple[str, str], tables: Iterable[pa.Table]
) -> None:
    for rows in tables:
        connection.execute(f"COPY `{name}` FROM $rows (from='{pair[0]}', to='{pair[1]}')", {"rows": _dense(rows)})


def _dense(rows: pa.Table) -> pa.Table:
    """Without empty chunks: Ladybug takes the first one for the end of the table."""
    return pa.Table.from_batches([b for b in rows.to_batches() if b.num_rows], rows.schema)


def _relation_rows(journal: Journal, relation: Relation) -> Iterator[pa.Table]:
    """A relation with the ids of its ends, in the order of the table's columns."""
    sources, targets = journal.node_ids(relation.source_label), journal.node_ids(relation.target_label)
    properties = RELATIONSHIP_TYPES[relation.type].properties
    for start in range(0, len(relation.source), _COPY_ROWS):
        part = slice(start, start + _COPY_ROWS)
        at = relation.at[part]
        columns = {
            "at": pa.array(at, pa.timestamp("us"), mask=at == NO_TIME),
            "count": pa.array(np.rint(relation.count[part]).astype(np.int64)),
        }
        rest = relation.properties.slice(start, _COPY_ROWS)
        ends = {
            "from": sources.take(pa.array(relation.source[part])),
            "to": targets.take(pa.array(relation.target[part])),
        }
        yield pa.table(
            {**ends, **{name: rest[name] if name in rest.column_names else columns[name] for name in properties}}
        )


def _slices(rows: pa.Table) -> Iterator[pa.Table]:
    for start in range(0, rows.num_rows, _COPY_ROWS):
        yield rows.slice(start, _COPY_ROWS)


def _generation_rows(generations: tuple[Generation, ...]) -> pa.Table:
    schema = pa.schema([("id", TEXT), *GENERATION_PROPERTIES.items()])
    records = [{**vars(g), "kinds": list(g.kinds)} for g in generations]
    return pa.table({name: [r[name] for r in records] for name in schema.names}, schema)


def _count(connection: ladybug.Connection) -> Counts:
    nodes = [*NODE_TYPES, "Generation"]
    relationships = [*RELATIONSHIP_TYPES, *PREDICTED]
    return Counts(
        {label: _number(connection, f"MATCH (n:`{label}`) RETURN count(*)") for label in nodes},
        {name: _number(connection, f"MATCH ()-[r:`{name}`]->() RETURN count(*)") for name in relationships},
    )


def _number(connection: ladybug.Connection, text: str) -> int:
    return int(connection.execute(text).get_all()[0][0])


def _columns(properties: Mapping[str, pa.DataType]) -> str:
    return ", ".join(f"`{name}` {_TYPES[kind]}" for name, kind in properties.items())


def _relationship_table(name: str, pairs: Iterable[tuple[str, str]], properties: Mapping[str, pa.DataType]) -> str:
    ends = ", ".join(f"FROM `{source}` TO `{target}`" for source, target in pairs)
    return f"CREATE REL TABLE `{name}`({ends}, {_columns(properties)})"

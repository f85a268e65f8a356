"""A graph as a folder of Parquet files, which any tool reads and which makes the same store again.

    manifest.json                    what is in it: rows and checksum of every file, the published generations
    nodes/User.parquet               one file per label: id and properties
    relationships/LIKED.parquet      one per type: source, target, properties, and the times where it happened often
    vectors/Post.text_vector.parquet one per label and vector: id, vector
    predictions/RECOMMENDED.parquet  one per predicted type
    encoder.json, links_seen.npz     which encoder made the text vectors, and which links it was fine-tuned on

Rows stand in the store's order; predictions in none. Times are UTC, in microseconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from graphfeed.errors import SourceError
from graphfeed.graph.embed import ENCODER_FILE
from graphfeed.graph.exchange.beside import copy_file
from graphfeed.graph.exchange.manifest import (
    FILES,
    MANIFEST,
    Manifest,
    is_export,
    node_file,
    prediction_file,
    relationship_file,
    vector_file,
)
from graphfeed.graph.exchange.place import new_folder
from graphfeed.graph.links_seen import LINKS_FILE
from graphfeed.graph.row_hashes import Digest
from graphfeed.graph.scan import GraphScan, Links, Matrix, links_schema, node_columns_schema
from graphfeed.graph.schema import PREDICTED, PREDICTION_SCHEMA, VECTORS, Generation
from graphfeed.loaders.records import NODE_TYPES, RELATIONSHIP_TYPES, TEXT

_GROUP_ROWS, _GROUP_BYTES = 100_000, 64 << 20  # of a row group: what is in memory at once, about
_READ_ROWS = 10_000
_VECTORS_AT_ONCE = 4_096


def write_parquet(
    scan: GraphScan,
    folder: Path,
    *,
    vectors: bool = True,
    predictions: bool = True,
    force: bool = False,
    progress: Callable[[str, int], None] | None = None,
) -> Manifest:
    """Export a graph. The folder appears when it is whole. Raises ConfigError where it cannot be made."""
    say = progress or (lambda _name, _rows: None)
    manifest = Manifest(created_at=datetime.now(UTC).isoformat(timespec="seconds"))
    with new_folder(folder, is_export, force=force) as writing:
        for label in NODE_TYPES:
            schema = node_columns_schema(NODE_TYPES[label].properties)
            _write(writing, manifest, node_file(label), schema, _told(scan.nodes(label), label, say))
        for type_ in RELATIONSHIP_TYPES:
            for pair in RELATIONSHIP_TYPES[type_].pairs:
                file = relationship_file(type_, *pair)
                chunks: Iterator[pa.Table] = (
                    x.rows for x in scan.relationships(type_) if (x.source_label, x.target_label) == pair
                )
                _write(writing, manifest, file, links_schema(type_), _told(chunks, type_, say))
        if vectors:
            for label, name in ((label, name) for label in NODE_TYPES for name in VECTORS):
                _write_vectors(writing, manifest, scan, label, name)
            if scan.folder is not None:
                for name in (ENCODER_FILE, LINKS_FILE):
                    copy_file(scan.folder / name, writing / name)
        if predictions:
            manifest.generations = [asdict(g) for g in scan.generations()]
            for type_ in PREDICTED:
                rows = _told(scan.predictions(type_), type_, say)
                _write(writing, manifest, prediction_file(type_), PREDICTION_SCHEMA, rows, ordered=False)
        scan.check()
        manifest.write(writing)
    return manifest


class ParquetScan:
    """``GraphScan`` of an exported folder. A file that is not as it was written is refused when it has been read."""

    def __init__(self, folder: Path) -> None:
        """Raises SourceError for a folder that is none, or lacks a file."""
        self.where = str(folder)
        self.folder: Path | None = folder
        self._path, self._manifest = folder, Manifest.read(folder)
        for file in self._manifest.files:
            if file not in FILES:
                raise SourceError(f"{folder / MANIFEST} names a file that no export has: {file!r}")
            if not (folder / file).is_file():
                raise SourceError(f"{folder} is not whole: {file} is missing; export again")

    def nodes(self, label: str) -> Iterator[pa.Table]:
        """See ``GraphScan.nodes``."""
        return self._read(node_file(label), node_columns_schema(NODE_TYPES[label].properties))

    def relationships(self, type_: str) -> Iterator[Links]:
        """See ``GraphScan.relationships``."""
        for pair in RELATIONSHIP_TYPES[type_].pairs:
            for rows in self._read(relationship_file(type_, *pair), links_schema(type_)):
                yield Links(type_, *pair, rows)

    def vectors(self, label: str, name: str) -> Matrix | None:
        """See ``GraphScan.vectors``."""
        file = vector_file(label, name)
        if file not in self._manifest.files:
            return None
        parts: list[Matrix] = []
        for rows in self._read(file, None):
            vectors = rows["vector"].combine_chunks()
            parts.append(vectors.flatten().to_numpy().reshape(len(vectors), -1).astype(np.float32, copy=False))
        return np.concatenate(parts) if parts else None

    def generations(self) -> list[Generation]:
        """See ``GraphScan.generations``."""
        return self._manifest.published()

    def predictions(self, type_: str) -> Iterator[pa.Table]:
        """See ``GraphScan.predictions``."""
        return self._read(prediction_file(type_), PREDICTION_SCHEMA, ordered=False)

    def check(self) -> None:
        """See ``GraphScan.check``. Each file was held against the manifest when it was read."""

    def _read(self, file: str, schema: pa.Schema | None, *, ordered: bool = True) -> Iterator[pa.Table]:
        if file not in self._manifest.files:
            return
        path, digest, wanted = self._path / file, Digest(ordered=ordered), self._manifest.files[file]
        try:
            with pq.ParquetFile(path) as source:
                for batch in source.iter_batches(_READ_ROWS):
                    rows = pa.Table.from_batches([batch])
                    digest.add(rows)
                    yield rows if schema is None else _aligned(rows, schema, path)
        except (pa.ArrowException, OSError, UnicodeError) as error:
            raise SourceError(f"{path} cannot be read as Parquet ({_line(error)}): copy or export it again") from error
        if (digest.rows, digest.word) != (wanted["rows"], wanted["checksum"]):
            raise SourceError(
                f"{path} is not as it was exported: {digest.rows:,} rows found, {wanted['rows']:,} written"
                f"{'' if digest.rows != wanted['rows'] else ', with other content'}; export again, or load changed"
                " tables with `graphfeed load tables`"
            )


def _write(
    folder: Path,
    manifest: Manifest,
    file: str,
    schema: pa.Schema,
    chunks: Iterator[pa.Table],
    *,
    ordered: bool = True,
) -> None:
    """One file, gathered into row groups of a good size; none where there is nothing."""
    digest, writer, kept = Digest(ordered=ordered), None, list[pa.Table]()
    try:
        for chunk in chunks:
            if not chunk.num_rows:
                continue
            digest.add(chunk)
            kept.append(chunk)
            if writer is None:
                (folder / file).parent.mkdir(exist_ok=True)
                writer = pq.ParquetWriter(folder / file, schema, compression="zstd")
            if sum(k.num_rows for k in kept) >= _GROUP_ROWS or sum(k.nbytes for k in kept) >= _GROUP_BYTES:
                writer.write_table(pa.concat_tables(kept).cast(schema))
                kept.clear()
        if writer is not None and kept:
            writer.write_table(pa.concat_tables(kept).cast(schema))
    finally:
        if writer is not None:
            writer.close()
    if writer is not None:
        manifest.files[file] = {"rows": digest.rows, "checksum": digest.word}


def _write_vectors(folder: Path, manifest: Manifest, scan: GraphScan, label: str, name: str) -> None:
    vectors = scan.vectors(label, name)
    if vectors is None or not vectors.size:
        return
    width = vectors.shape[1]
    schema = pa.schema([("id", TEXT), ("vector", pa.list_(pa.float32(), width))])

    def chunks() -> Iterator[pa.Table]:
        begin = 0
        for rows in scan.nodes(label):
            for start in range(0, rows.num_rows, _VECTORS_AT_ONCE):
                ids = rows["id"].slice(start, _VECTORS_AT_ONCE)
                part = np.ascontiguousarray(vectors[begin : begin + len(ids)]).reshape(-1)
                yield pa.table([ids, pa.FixedSizeListArray.from_arrays(pa.array(part), width)], schema=schema)
                begin += len(ids)

    _write(folder, manifest, vector_file(label, name), schema, chunks())


def _told(chunks: Iterator[pa.Table], name: str, say: Callable[[str, int], None]) -> Iterator[pa.Table]:
    for rows in chunks:
        say(name, rows.num_rows)
        yield rows


def _aligned(rows: pa.Table, schema: pa.Schema, path: Path) -> pa.Table:
    """The schema's columns; one that an older graphfeed did not have is null."""
    unknown = set(rows.column_names) - set(schema.names)
    if unknown:
        raise SourceError(f"{path} has columns that this graphfeed does not know: {sorted(unknown)}")
    columns = [rows[f.name] if f.name in rows.column_names else pa.nulls(rows.num_rows, f.type) for f in schema]
    return pa.table(dict(zip(schema.names, columns, strict=True))).cast(schema)


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200]

"""Vectors for TensorBoard's projector: a folder for ``tensorboard --logdir``, or files for projector.tensorflow.org.

    projector_config.pbtxt      names the tensors
    text_vector.tsv             a vector a line, without a header
    text_vector.metadata.tsv    label, id, name and kind of the same lines

All labels stand in one tensor, to be coloured by label or kind. Nodes without a vector are left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from graphfeed.errors import StoreError
from graphfeed.graph.exchange.place import new_folder
from graphfeed.graph.scan import GraphScan, Matrix
from graphfeed.graph.schema import VECTORS
from graphfeed.loaders.records import NODE_TYPES, TEXT

CONFIG = "projector_config.pbtxt"

_NAMES = {"User": "name", "Post": "title", "Entity": "name"}
_BREAKS = "[\t\r\n\x0b\x0c\x1c-\x1e\x85\u2028\u2029]+"
_METADATA = ("label", "id", "name", "kind")
_VECTORS_AT_ONCE = 4_096


def write_projector(scan: GraphScan, folder: Path, *, force: bool = False) -> Counter[str]:
    """Write the folder. Rows by tensor, and nodes without a vector. Raises StoreError where there are no vectors."""
    found: dict[tuple[str, int], dict[str, Matrix]] = {}
    for label in NODE_TYPES:
        for name in VECTORS:
            vectors = scan.vectors(label, name)
            if vectors is not None and vectors.size:
                found.setdefault((name, vectors.shape[1]), {})[label] = vectors
    if not found:
        raise StoreError(f"{scan.where} has no vectors yet: `graphfeed embed` makes them")
    counted: Counter[str] = Counter()
    with new_folder(folder, lambda other: (other / CONFIG).is_file(), force=force) as writing:
        entries = []
        for (name, width), by_label in found.items():
            several = sum(other == name for other, _ in found) > 1
            tensor = f"{name}-{width}" if several else name
            _write(writing, tensor, scan, by_label, counted)
            entries.append(
                f'embeddings {{\n  tensor_name: "{tensor}"\n  tensor_path: "{tensor}.tsv"\n'
                f'  metadata_path: "{tensor}.metadata.tsv"\n}}\n'
            )
        scan.check()
        (writing / CONFIG).write_text("".join(entries), encoding="utf-8")
    return counted


def _write(folder: Path, tensor: str, scan: GraphScan, by_label: dict[str, Matrix], counted: Counter[str]) -> None:
    width = next(iter(by_label.values())).shape[1]
    numbers = pa.schema([(str(i), pa.float32()) for i in range(width)])
    options = pa_csv.WriteOptions(include_header=False, delimiter="\t", quoting_style="none")
    with (
        pa_csv.CSVWriter(folder / f"{tensor}.tsv", numbers, write_options=options) as vectors,
        (folder / f"{tensor}.metadata.tsv").open("w", encoding="utf-8", newline="\n") as metadata,
    ):
        metadata.write("\t".join(_METADATA) + "\n")
        for label, matrix in by_label.items():
            for rows, part in _parts(scan, label, matrix):
                known = part.any(axis=1)
                part = part[known]
                vectors.write_table(pa.table([pa.array(part[:, i]) for i in range(width)], schema=numbers))
                metadata.writelines(_described(rows.filter(pa.array(known)), label))
                counted[tensor] += len(part)
                if not known.all():
                    counted["nodes without a vector"] += int((~known).sum())


def _parts(scan: GraphScan, label: str, matrix: Matrix) -> Iterator[tuple[pa.Table, Matrix]]:
    begin = 0
    for rows in scan.nodes(label):
        for start in range(0, rows.num_rows, _VECTORS_AT_ONCE):
            part = rows.slice(start, _VECTORS_AT_ONCE)
            yield part, np.asarray(matrix[begin : begin + part.num_rows])
            begin += part.num_rows


def _described(rows: pa.Table, label: str) -> list[str]:
    """What the projector shows of each point, a line each: it knows no quotes, so that breaks become spaces."""
    none = pa.nulls(rows.num_rows, TEXT)
    kinds = rows["kind"] if "kind" in rows.column_names else none
    columns = [pa.repeat(label, rows.num_rows), rows["id"], rows[_NAMES[label]], kinds]
    shown = [pc.replace_substring_regex(pc.fill_null(column, ""), _BREAKS, " ") for column in columns]
    return [f"{line}\n" for line in pc.binary_join_element_wise(*shown, "\t").to_pylist()]

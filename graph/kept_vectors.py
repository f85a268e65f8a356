"""Text vectors of a graph that this user may only read: files of the workspace, by id.

``embed`` writes them where it may not write to the graph; the store's ``read_vectors`` finds them there.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from graphfeed.graph.journal.parts import disk_errors

Matrix = npt.NDArray[np.float32]


def keep_vectors(workspace: Path, label: str, name: str, ids: pa.StringArray, vectors: Matrix) -> None:
    """Keep ``[nodes, width]`` for the nodes with these ids, instead of those kept before."""
    file = _file(workspace, label, name)
    values = pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1)), vectors.shape[1])
    rows = pa.table({"id": ids, "vector": values})
    new = file.with_suffix(".new")
    with disk_errors(file):
        file.parent.mkdir(parents=True, exist_ok=True)
        with pa.OSFile(str(new), "wb") as sink, pa.ipc.new_file(sink, rows.schema) as writer:
            writer.write_table(rows)
        new.replace(file)


def kept_vectors(workspace: Path, label: str, name: str, ids: pa.StringArray) -> Matrix | None:
    """What was kept, in the order of ``ids``, zeros for nodes that came since; None where nothing was."""
    file = _file(workspace, label, name)
    if not file.is_file():
        return None
    with pa.memory_map(str(file)) as source:
        rows = pa.ipc.open_file(source).read_all().combine_chunks()
        width = rows.schema.field("vector").type.list_size
        place = pc.index_in(ids, value_set=rows["id"])
        matrix = np.zeros((len(ids), width), dtype=np.float32)
        known = place.is_valid().to_numpy(zero_copy_only=False)
        if len(rows):
            values = rows["vector"].chunk(0).flatten().to_numpy().reshape(-1, width)
            matrix[known] = values[place.drop_null().to_numpy()]
    return matrix


def forget_vectors(workspace: Path, label: str, name: str) -> None:
    """Remove what was kept: the graph has them now."""
    _file(workspace, label, name).unlink(missing_ok=True)


def _file(workspace: Path, label: str, name: str) -> Path:
    return workspace / "vectors" / f"{label}-{name}.arrow"

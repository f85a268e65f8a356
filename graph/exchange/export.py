"""A store into files of any of the formats, and back from those that hold a graph.

report = export(store, Path("community"), "parquet")
scan = open_export(Path("community"))
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from graphfeed.errors import ConfigError, SourceError
from graphfeed.graph.exchange.place import require_free, require_name
from graphfeed.graph.scan import GraphScan
from graphfeed.graph.store import GraphStore

Format = Literal["parquet", "graphml", "json", "pyg", "projector"]

_BY_SUFFIX: dict[str, Format] = {".json": "json", ".graphml": "graphml", ".pt": "pyg"}
_NOT_IN: dict[Format, str] = {
    "parquet": "the trained model",
    "graphml": "vectors, the former generation and the trained model",
    "json": "vectors, the former generation and the trained model",
    "pyg": "texts, ids (they are in the file beside it), predictions and the trained model",
    "projector": "everything but vectors and names",
}


@dataclass(frozen=True)
class ExportReport:
    """What an export wrote."""

    format: Format
    paths: tuple[str, ...]
    rows: dict[str, int]
    """By file, label, type or tensor."""
    left_out: tuple[str, ...]
    """What is not in it, in words."""
    seconds: float


def format_of(path: Path, given: str | None) -> Format:
    """The format as given, else by the path's ending, else a Parquet folder. Raises ConfigError for an unknown one."""
    if given is None:
        return _BY_SUFFIX.get(path.suffix.lower(), "parquet")
    for known in get_args(Format):
        if given.lower() == known:
            return known  # type: ignore[no-any-return]
    raise ConfigError(f"--format is one of {', '.join(get_args(Format))}, found {given[:200]!r}")


def export(
    store: GraphStore,
    path: Path,
    format_: Format,
    *,
    vectors: bool = True,
    predictions: bool = True,
    force: bool = False,
    progress: Callable[[str, int], None] | None = None,
) -> ExportReport:
    """Write a store's graph to a file or folder, whole or not at all.

    ``vectors``: for parquet. ``predictions``: all published ones for parquet, the active generation's for graphml and
    json. ``force``: replace an export that is there. Raises ConfigError where it cannot be written.
    """
    began, scan = time.monotonic(), store.scan()
    if format_ not in ("parquet", "projector"):
        require_free(path, force=force)  # before the work, too
    paths, lost = [path], Counter[str]()
    if format_ == "parquet":
        from graphfeed.graph.exchange.parquet import write_parquet

        manifest = write_parquet(scan, path, vectors=vectors, predictions=predictions, force=force, progress=progress)
        rows: dict[str, int] = {file: entry["rows"] for file, entry in manifest.files.items()}
    elif format_ in ("graphml", "json"):
        rows, lost = _write_networkx(scan, path, format_, predictions, force)
    elif format_ == "pyg":
        from graphfeed.graph.exchange.pyg import write_pyg
        from graphfeed.graph.tensors import read_graph

        graph = read_graph(store)
        paths.append(write_pyg(graph, path, force=force))
        rows = {label: graph.count(label) for label in graph.ids}
        rows |= {type_: graph.data[s, type_, t].edge_index.shape[1] for s, type_, t in graph.data.edge_types}
    else:
        from graphfeed.graph.exchange.projector import write_projector

        rows = dict(write_projector(scan, path, force=force))
    left_out = (_NOT_IN[format_], *(f"{count:,} {what}" for what, count in lost.items()))
    return ExportReport(format_, tuple(map(str, paths)), rows, left_out, time.monotonic() - began)


def open_export(path: Path) -> GraphScan:
    """What ``export`` wrote, to be read again. Raises SourceError for anything else."""
    require_name(path)
    if not path.exists():
        raise SourceError(f"there is no {path}; expected an exported folder, or a .json or .graphml file")
    if path.is_dir():
        from graphfeed.graph.exchange.parquet import ParquetScan

        return ParquetScan(path)
    from graphfeed.graph.exchange.files import read_graphml, read_json

    reader = {".json": read_json, ".graphml": read_graphml}.get(path.suffix.lower())
    if reader is None:
        raise SourceError(
            f"{path} cannot come back as a graph: expected an exported folder (parquet), or a .json or .graphml file."
            " Tensors and projector files hold no texts; tables come in by `graphfeed load tables`"
        )
    return reader(path)


def lost_on_import(scan: GraphScan) -> tuple[str, ...]:
    """What a file held that the store has no place for, in words."""
    found: Counter[str] = getattr(scan, "left_out", None) or Counter()
    return tuple(f"{count:,} × {what}" for what, count in found.items())


def _write_networkx(
    scan: GraphScan, path: Path, format_: Format, predictions: bool, force: bool
) -> tuple[dict[str, int], Counter[str]]:
    from graphfeed.graph.exchange.files import write_graphml, write_json
    from graphfeed.graph.exchange.networkx_graph import to_networkx

    graph = to_networkx(scan, predictions=predictions)
    scan.check()
    rows = Counter(str(data["label"]) for _, data in graph.nodes(data=True))
    rows.update(str(data["type"]) for _, _, data in graph.edges(data=True))
    lost = (write_json if format_ == "json" else write_graphml)(graph, path, force=force)
    return dict(rows), lost

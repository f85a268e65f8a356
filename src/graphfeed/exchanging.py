"""A feed at its edges: into files and back, into another store, and as objects of other libraries."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from graphfeed.asking import Asking
from graphfeed.errors import ConfigError

if TYPE_CHECKING:
    import networkx as nx
    import pandas as pd

    from graphfeed.graph.exchange.export import ExportReport
    from graphfeed.graph.exchange.transfer import TransferReport, TransferSettings
    from graphfeed.graph.store import GraphStore

Progress = Callable[[str, int], None]


class Exchanging(Asking):
    """What ``Feed`` gives away and takes in."""

    @abstractmethod
    def _open(self, *, create: bool) -> GraphStore:
        """The open store; made if it is not there with ``create``."""

    def export(
        self,
        path: str | Path,
        format: str | None = None,
        *,
        vectors: bool = True,
        predictions: bool = True,
        force: bool = False,
        progress: Progress | None = None,
    ) -> ExportReport:
        """Write the graph to a file or folder: parquet (all of it), graphml, json, pyg or projector.

        ``format``: None goes by the path's ending. ``force`` replaces an export that is there.
        """
        from graphfeed.graph.exchange.export import export, format_of

        wanted = format_of(Path(path), format)
        return export(
            self.store, Path(path), wanted, vectors=vectors, predictions=predictions, force=force, progress=progress
        )

    def import_from(
        self, path: str | Path, settings: TransferSettings | None = None, *, progress: Progress | None = None
    ) -> TransferReport:
        """Read back what ``export`` wrote as parquet, json or graphml; makes the store if there is none.

        Whole or not at all, and read back to check it. A store that holds another graph is left alone, unless
        ``settings`` say to add to it.
        """
        from graphfeed.graph.exchange.export import lost_on_import, open_export
        from graphfeed.graph.exchange.transfer import transfer

        scan = open_export(Path(path))
        report = transfer(scan, self._open(create=True), settings, what="import", progress=progress)
        return replace(report, left_out=(*report.left_out, *lost_on_import(scan)))

    def copy_to(
        self, other: Exchanging, settings: TransferSettings | None = None, *, progress: Progress | None = None
    ) -> TransferReport:
        """Copy the graph with its vectors and predictions into another feed's store, and read it back to check it.

        Whole or not at all; one that was interrupted is finished, or begun again, by the next. Raises StoreError for a
        store that holds another graph, unless ``settings`` say to add to it.
        """
        from graphfeed.graph.exchange.beside import copy_cache
        from graphfeed.graph.exchange.transfer import transfer

        source, target = self.store, other._open(create=True)
        if source.workspace.resolve() == target.workspace.resolve():
            raise ConfigError(f"{source.location} and {target.location} are one store: name another one to copy to")
        report = transfer(source.scan(), target, settings, progress=progress)
        if settings is None or settings.vectors:
            copy_cache(source.workspace, target.workspace)
        return report

    def to_networkx(self, *, predictions: bool = False) -> nx.MultiDiGraph[str]:
        """The graph as networkx's; with ``predictions`` also the active generation's. All in memory."""
        from graphfeed.graph.exchange.networkx_graph import to_networkx

        return to_networkx(self.store.scan(), predictions=predictions)

    def to_pandas(self, names: Collection[str] | None = None) -> dict[str, pd.DataFrame]:
        """Data frames by label, type and predicted type: all that there are, or those that are named."""
        from graphfeed.graph.exchange.frames import to_pandas

        return to_pandas(self.store.scan(), names)

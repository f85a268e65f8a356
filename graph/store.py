"""The seam between graphfeed and a graph database: ``GraphStore``, and ``open_store`` which picks one.

Nothing outside a store's own file knows which one it is. A store is written to inside one ``Change``::

    with open_store("feed") as store:
        with store.change("load pairs") as change:
            change.write_nodes("User", rows)
            change.write_relationships("LIKED", "User", "Post", rows)
        store.run("recommend", user="u1", limit=10)

A change is seen whole when its ``with`` block ends without an error, or not at all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from graphfeed.errors import ConfigError
from graphfeed.graph.schema import Generation

if TYPE_CHECKING:
    from graphfeed.graph.mapping.roles import GraphMapping
    from graphfeed.graph.scan import GraphScan

Value = str | int | float | bool | None | Sequence[Any]
Row = dict[str, Any]

NO_TIME = np.iinfo(np.int64).min
"""Stands for "no time known" in arrays of times."""


@dataclass(frozen=True)
class Written:
    """What a bulk write did with the rows it was given. Positions count from 0 in the given table."""

    kept: int
    """Rows that are in the graph now, by this write or unchanged since an earlier one."""
    duplicates: npt.NDArray[np.int64]
    """Positions of rows given before in the same change (nodes: same id; relationships: same event)."""
    dangling: npt.NDArray[np.int64]
    """Positions of relationships one end of which is not in the graph."""


@dataclass(frozen=True)
class Relation:
    """A whole relation as arrays, one entry per relationship, in a stable order.

    ``source`` and ``target`` are positions in ``node_ids`` of their labels; ``at`` is in microseconds since 1970 or
    ``NO_TIME``; ``count`` is 1 where the relation has none. ``properties`` holds the remaining ones (relation, kind,
    confidence, weight, stated, said_by, split).
    """

    type: str
    source_label: str
    target_label: str
    source: npt.NDArray[np.int64]
    target: npt.NDArray[np.int64]
    at: npt.NDArray[np.int64]
    count: npt.NDArray[np.float32]
    properties: pa.Table


@dataclass(frozen=True)
class Counts:
    """How many nodes there are by label and how many relationships by type (zero included, predictions too)."""

    nodes: dict[str, int]
    relationships: dict[str, int]


@dataclass(frozen=True)
class SetupReport:
    """What ``setup`` found and made, in words."""

    made: tuple[str, ...]
    there: tuple[str, ...]
    missing: tuple[str, ...] = ()
    """What others would have to make, and how."""


class Change(Protocol):
    """One change of the graph, whole or not at all. Made by ``GraphStore.change``."""

    def write_nodes(self, label: str, rows: pa.Table, *, implied: bool = False) -> Written:
        """Insert nodes, or replace all properties of those that an earlier change wrote.

        ``rows``: the columns of ``node_schema(label)``; ``line`` is not stored and may be left out. With ``implied``,
        a node that is there already stays as it is and is no duplicate.
        """
        ...

    def write_relationships(self, type_: str, source_label: str, target_label: str, rows: pa.Table) -> Written:
        """Insert relationships; an event that an earlier change wrote stays as it is.

        ``rows``: the columns of ``relationship_schema(type_)``; ``line`` is not stored and may be left out.
        """
        ...

    def write_vectors(self, label: str, name: str, vectors: npt.NDArray[np.float32]) -> None:
        """Replace one vector property of all nodes of a label. Shape ``[nodes, width]``, in the order of ``node_ids``.

        Raises StoreError for NaN, infinity or a wrong number of rows.
        """
        ...

    def write_measures(self, label: str, rows: pa.Table) -> None:
        """Replace the measures of all nodes of a label: the columns ``MEASURES``, in the order of ``node_ids``.

        Nodes written since have none. Raises StoreError for a wrong number of rows or other columns.
        """
        ...

    def write_predictions(self, type_: str, rows: pa.Table) -> None:
        """Add predicted relationships (``PREDICTION_SCHEMA``) of a generation that this change activates."""
        ...

    def activate(self, generation: Generation) -> None:
        """Make this generation the one that readers see, keep the one before, remove older ones."""
        ...

    def rollback(self) -> Generation:
        """Make the generation before the active one active again and remove the one that was.

        Raises NotPublishedError when there is none.
        """
        ...


class Loadable(Protocol):
    """What a load is written to: a store, or the files for a database's own importer."""

    @property
    def workspace(self) -> Path:
        """See ``GraphStore.workspace``."""
        ...

    def change(self, what: str) -> AbstractContextManager[Change]:
        """See ``GraphStore.change``."""
        ...

    def counts(self) -> Counts:
        """What is there afterwards."""
        ...


class GraphStore(Protocol):
    """A graph database."""

    dialect: str
    """Picks ``name.<dialect>.cypher`` over ``name.cypher``."""
    location: str
    """As a person would write it after ``--store``; without a password."""
    workspace: Path
    """Folder for what belongs to this graph and is no graph: models, caches, rejected rows."""

    def change(self, what: str) -> AbstractContextManager[Change]:
        """Begin a change. ``what`` says what it is for, in the message to a second writer.

        Raises StoreBusyError at once when another process is in a change.
        """
        ...

    def run(self, query: str, **parameters: Value) -> list[Row]:
        """Run a query file by name; rows have the columns that its header declares.

        Raises QueryError for an unknown query or parameters that do not match its header.
        """
        ...

    def cypher(self, text: str, parameters: Mapping[str, Value] | None = None) -> list[Row]:
        """Run a reader's own Cypher text. It cannot change anything."""
        ...

    def node_ids(self, label: str) -> pa.StringArray:
        """All ids of a label. The position is the node's index everywhere else; nodes keep theirs as others come."""
        ...

    def read_nodes(self, label: str, columns: Sequence[str]) -> pa.Table:
        """Properties of all nodes of a label, in the order of ``node_ids``."""
        ...

    def read_relation(self, type_: str) -> list[Relation]:
        """A whole observed relation, one entry for each pair of labels that has relationships."""
        ...

    def read_vectors(self, label: str, name: str) -> npt.NDArray[np.float32] | None:
        """A vector property, ``[nodes, width]`` in the order of ``node_ids``; None where it was never written.

        Nodes written since have zeros.
        """
        ...

    def read_vector(self, label: str, name: str, id_: str) -> npt.NDArray[np.float32] | None:
        """One node's vector; None where it has none, or is not there."""
        ...

    def nearest(
        self,
        label: str,
        name: str,
        vector: npt.NDArray[np.float32],
        limit: int,
        *,
        keep: Callable[[str], bool] | None = None,
    ) -> list[tuple[str, float]]:
        """The nodes whose vector has the largest dot product with ``vector``, best first: ``(id, product)``.

        ``limit`` of them, as long as there are so many that ``keep`` (by id) lets through. A vector of zeros stands for
        none. A store may find them by an approximate index; the products are exact.
        """
        ...

    def bulk(self, say: Callable[[str], None]) -> AbstractContextManager[Loadable]:
        """A first load by the database's own importer: what is loaded into it is imported when the block ends.

        ``say`` is told what happens, and what is left to do by hand. Raises StoreError where there is a graph already,
        or the store has no importer.
        """
        ...

    def setup(self, *, give_up: bool = False) -> SetupReport:
        """Make what the store needs beside its data, constraints and indexes, where it is missing.

        ``give_up``: also forget a change that was interrupted and cannot be finished any more.
        """
        ...

    def counts(self) -> Counts:
        """Counts by label and type."""
        ...

    def version(self) -> str:
        """A word that changes whenever the observed graph (not vectors or predictions) changes."""
        ...

    @property
    def mapping(self) -> GraphMapping | None:
        """Of a graph that is used in place, what plays which role, every type looked up; else None."""
        ...

    def refusal(self, what: str) -> str | None:
        """Why the user may not do ``what`` (publish, embed), which writes; None where they may. Changes nothing."""
        ...

    def generations(self) -> list[Generation]:
        """The published generations there are, newest first."""
        ...

    def scan(self) -> GraphScan:
        """The whole graph as a stream, as it is now."""
        ...

    def close(self) -> None:
        """Give everything back. Calling it twice is fine."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def open_store(location: str | Path, *, create: bool = False, mapping: GraphMapping | None = None) -> GraphStore:
    """Open the store at a location: a folder for the embedded one, an address such as neo4j://host:7687 for a server.

    With ``create`` what is missing there is made; without, a location that holds no graph raises StoreError saying
    which command makes one. ``mapping``: of a graph on a server that is used in place.
    """
    if "://" in str(location):
        from graphfeed.graph.neo4j.store import Neo4jStore

        return Neo4jStore(str(location), create=create, mapping=mapping)
    if mapping is not None:
        raise ConfigError(
            f"[graph] maps a graph on a Neo4j server, and the store is the folder {location}: name the server in"
            ' [store], location = "neo4j://host:7687"'
        )
    from graphfeed.graph.ladybug.store import LadybugStore

    return LadybugStore(Path(location), create=create)

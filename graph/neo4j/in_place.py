"""A change of a graph that is used in place: predictions and vectors are written, what was there stays as it is."""

from __future__ import annotations

from typing import Never

import pyarrow as pa

from graphfeed.errors import StoreError
from graphfeed.graph.neo4j.change import Neo4jChange

NO_LOADING = (
    "is used in place, as [graph] of graphfeed.toml maps it: nothing is loaded into it by graphfeed. Change it with"
    " your own means, or load into a store without [graph]"
)


class InPlaceChange(Neo4jChange):
    """Refuses observed nodes and relationships."""

    def write_nodes(self, label: str, rows: pa.Table, *, implied: bool = False) -> Never:
        """Raises StoreError."""
        raise StoreError(f"the graph {NO_LOADING}")

    def write_relationships(self, type_: str, source_label: str, target_label: str, rows: pa.Table) -> Never:
        """Raises StoreError."""
        raise StoreError(f"the graph {NO_LOADING}")

"""Numbers that are worked out for every node and kept on it: ``MEASURES`` of the schema, beside the observed graph.

They are no part of what was observed: writing them changes neither ``GraphStore.version`` nor what a model learns from.
"""

from __future__ import annotations

import pyarrow as pa

from graphfeed.errors import StoreError
from graphfeed.graph.incoming_rows import aligned, properties_of
from graphfeed.graph.schema import MEASURES
from graphfeed.loaders.records import NODE_TYPES

MEASURES_SCHEMA = pa.schema(list(MEASURES.items()))


def measure_rows(label: str, rows: pa.Table, nodes: int) -> pa.Table:
    """Rows for ``Change.write_measures``, one for each of so many nodes. Raises StoreError."""
    properties_of(label, NODE_TYPES, "label")
    rows = aligned(rows, MEASURES_SCHEMA, f"the measures of {label}")
    if rows.num_rows != nodes:
        raise StoreError(f"the measures of {label} need one row per node: expected {nodes} rows, found {rows.num_rows}")
    return rows


def lengthened(rows: pa.Table, nodes: int) -> pa.Table:
    """Measures that were written when there were fewer nodes: null for those that came since."""
    missing = nodes - rows.num_rows
    if not missing:
        return rows
    empty = [pa.nulls(missing, kind) for kind in MEASURES.values()]
    return pa.concat_tables([rows, pa.table(empty, schema=MEASURES_SCHEMA)])

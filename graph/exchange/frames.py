"""A graph as pandas data frames, one per label and type.

frames = to_pandas(store.scan())
frames["User"], frames["LIKED"], frames["RECOMMENDED"]
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from graphfeed.errors import ConfigError
from graphfeed.graph.scan import EVENTS, GraphScan, links_schema, node_columns_schema
from graphfeed.graph.schema import PREDICTED, PREDICTION_SCHEMA
from graphfeed.loaders.near import near_match
from graphfeed.loaders.records import NODE_TYPES, RELATIONSHIP_TYPES, TEXT

NAMES = (*NODE_TYPES, *RELATIONSHIP_TYPES, *PREDICTED)


def to_pandas(scan: GraphScan, names: Collection[str] | None = None) -> dict[str, pd.DataFrame]:
    """Frames by label, relationship type and predicted type; those that are named, also where they are empty.

    Without ``names``: all labels, and the types of which there is something. Nodes have ``id`` and their properties,
    relationships ``source`` and ``target`` (ids) and theirs, in the store's order, and ``events``, all times, where
    something happened between two nodes more than once. Times are ``datetime64[us]``, UTC without a zone. Predictions
    are those of the active generation, by source and rank. Raises ConfigError for an unknown name.
    """
    for name in names or ():
        if name not in NAMES:
            raise ConfigError(f"no label or type {name!r}{near_match(name, NAMES)} There are: {', '.join(NAMES)}.")
    frames = {}
    for name in NAMES if names is None else names:
        table = _table(scan, name)
        if names is not None or name in NODE_TYPES or table.num_rows:
            frames[name] = _frame(scan, table, name)
    return frames


def _table(scan: GraphScan, name: str) -> pa.Table:
    schema, chunks = _chunks(scan, name)
    return pa.concat_tables([schema.empty_table(), *(chunk.select(schema.names).cast(schema) for chunk in chunks)])


def _chunks(scan: GraphScan, name: str) -> tuple[pa.Schema, Iterator[pa.Table]]:
    if name in NODE_TYPES:
        return node_columns_schema(NODE_TYPES[name].properties), scan.nodes(name)
    if name in RELATIONSHIP_TYPES:
        schema = links_schema(name)
        return schema, (links.rows for links in scan.relationships(name))
    return PREDICTION_SCHEMA, scan.predictions(name)


def _frame(scan: GraphScan, table: pa.Table, name: str) -> pd.DataFrame:
    frame: pd.DataFrame
    if name in PREDICTED:
        active = next((g.id for g in scan.generations() if g.active), None)
        frame = table.filter(pc.equal(table["generation"], pa.scalar(active, TEXT))).to_pandas()
        return frame.sort_values(["source", "rank"], ignore_index=True)
    if EVENTS in table.column_names and table[EVENTS].null_count == table.num_rows:
        table = table.drop_columns([EVENTS])
    frame = table.to_pandas()
    return frame

"""Nearest by dot product on a Neo4j server, by its vector indexes.

An index orders by cosine. Where all vectors have length 1 that is the order of the products; else the index stands on a
second property with one more dimension, which makes them so (``vectors``). A filter takes some away, so more are
fetched, twice as many each time, until enough are left; where the index has no more, all vectors are read. On that
second property a comparison with all, on the server, is exact and fast enough for most graphs: see ``_SCANNED``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from graphfeed.errors import QueryError
from graphfeed.graph.nearest import Keep, check_width, nearest_exactly, query_vector
from graphfeed.graph.neo4j.reads import Reader
from graphfeed.graph.neo4j.schema import vector_index, vector_indexes
from graphfeed.graph.neo4j.session import Server
from graphfeed.graph.neo4j.statements import ORDER

_MOST = 2_000  # fetched from an index at once; beyond, reading all vectors is cheaper
_SPARE = 40  # an index is approximate: the best of more are put into order by their exact products
_SCANNED = 200_000
"""Nodes up to which vectors of different lengths are compared with all, on the server (5 µs each). An index does badly
there, the query lying far from every vector: of the ten best of 5,000 random ones, its first 60 held none."""
_LAST = 1 << 62


def nearest(
    server: Server,
    reader: Reader,
    label: str,
    name: str,
    vector: npt.NDArray[np.float32],
    limit: int,
    keep: Keep | None,
) -> list[tuple[str, float]]:
    """See ``GraphStore.nearest``."""
    vector = query_vector(vector, limit)
    property_, width, state = vector_indexes(server).get(vector_index(label, name), ("", 0, ""))
    if state == "ONLINE" and vector.any() and width - (property_ != name) == len(vector):
        asked = vector if property_ == name else np.append(vector, np.float32(0))
        wanted = 2 * limit + _SPARE
        exact = property_ != name and server.read(f"MATCH (n:`{label}`) RETURN count(*) AS n")[0]["n"] <= _SCANNED
        while wanted <= _MOST:
            rows = (_by_scan if exact else _by_index)(server, label, name, asked, wanted)
            scored = [(float(np.asarray(row["vector"], np.float32) @ vector), row) for row in rows]
            scored.sort(key=lambda pair: (-pair[0], _LAST if pair[1]["place"] is None else pair[1]["place"]))
            found = [(row["id"], score) for score, row in scored if keep is None or keep(row["id"])]
            if len(found) >= limit:
                return found[:limit]
            if len(rows) < wanted:
                break
            wanted *= 2
    vectors = reader.read_vectors(label, name)
    if vectors is None:
        return []
    check_width(label, name, vectors.shape[1], len(vector))
    return nearest_exactly(reader.nodes(label).ids, vectors, vector, limit, keep)


def _by_scan(
    server: Server, label: str, name: str, vector: npt.NDArray[np.float32], limit: int
) -> list[dict[str, Any]]:
    """The nearest of all, compared one by one on the server; ``vector`` has the longer dimension."""
    longer = f"n.`{name}_search`"
    return server.read(
        f"MATCH (n:`{label}`) WHERE {longer} IS NOT NULL AND n.id IS NOT NULL AND any(x IN {longer} WHERE x <> 0)"
        f" WITH n, vector.similarity.cosine({longer}, $vector) AS likeness ORDER BY likeness DESC LIMIT $limit"
        f" RETURN n.id AS id, n.`{name}` AS vector, n.{ORDER} AS place",
        {"vector": vector.tolist(), "limit": limit},
    )


def _by_index(
    server: Server, label: str, name: str, vector: npt.NDArray[np.float32], limit: int
) -> list[dict[str, Any]]:
    """The nearest of the index, by whichever of the two ways the server has."""
    index = vector_index(label, name)
    answer = f"RETURN n.id AS id, n.`{name}` AS vector, n.{ORDER} AS place"
    texts = [
        f"CALL db.index.vector.queryNodes('{index}', $limit, $vector) YIELD node AS n WHERE n:`{label}` {answer}",
        f"CYPHER 25 MATCH (n:`{label}`) SEARCH n IN (VECTOR INDEX {index} FOR $vector LIMIT $limit) {answer}",
    ]
    if server.year >= 2026:  # the procedure is on its way out there
        texts.reverse()
    parameters = {"vector": vector.tolist(), "limit": limit}
    try:
        return server.read(texts[0], parameters)
    except QueryError:
        return server.read(texts[1], parameters)

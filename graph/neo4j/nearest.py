"""Nearest by dot product on a Neo4j server, by its vector indexes.

An index orders by cosine. Where all vectors have length 1 its scores give the products; else the index stands on a
second property with one more dimension, which makes them so (``vectors``), and the vectors found are fetched. A filter
takes some away, so more are asked for, twice as many each time, until enough are left; where the index has no more, all
vectors are read. On that second property a comparison with all, on the server, is exact and fast enough for most
graphs: see ``_SCANNED``.
"""

from __future__ import annotations

from collections.abc import Iterable
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

Vector = npt.NDArray[np.float32]
_Found = tuple[str, int | None, float]
"""Id, order, product."""


def nearest(
    server: Server,
    reader: Reader,
    label: str,
    name: str,
    vector: Vector,
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
        ask = _by_scan if exact else _by_index if property_ != name else _by_score
        while wanted <= _MOST:
            rows = ask(server, label, name, asked, wanted)
            rows.sort(key=lambda row: (-row[2], _LAST if row[1] is None else row[1]))
            found = [(id_, product) for id_, _, product in rows if keep is None or keep(id_)]
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


def _by_scan(server: Server, label: str, name: str, vector: Vector, limit: int) -> list[_Found]:
    """The nearest of all, compared one by one on the server; ``vector`` has the longer dimension."""
    longer = f"n.`{name}_search`"
    text = (
        f"MATCH (n:`{label}`) WHERE {longer} IS NOT NULL AND n.id IS NOT NULL AND any(x IN {longer} WHERE x <> 0)"
        f" WITH n, vector.similarity.cosine({longer}, $vector) AS likeness ORDER BY likeness DESC LIMIT $limit"
        f" RETURN n.id, n.{ORDER}, n.`{name}`"
    )
    return _products(server.stream(text, {"vector": vector.tolist(), "limit": limit}), vector[:-1])


def _by_index(server: Server, label: str, name: str, vector: Vector, limit: int) -> list[_Found]:
    """The nearest of an index over longer vectors."""
    return _products(_ask_index(server, label, name, vector, limit, f"n.`{name}`"), vector[:-1])


def _by_score(server: Server, label: str, name: str, vector: Vector, limit: int) -> list[_Found]:
    """The nearest of an index over vectors of length 1, whose score is (1 + cosine) / 2."""
    length = float(np.linalg.norm(vector))
    rows = _ask_index(server, label, name, vector, limit, "score")
    return [(id_, place, (2 * score - 1) * length) for id_, place, score in rows]


def _products(rows: Iterable[tuple[Any, ...]], vector: Vector) -> list[_Found]:
    return [(id_, place, float(np.asarray(found, np.float32) @ vector)) for id_, place, found in rows]


def _ask_index(server: Server, label: str, name: str, vector: Vector, limit: int, wanted: str) -> list[tuple[Any, ...]]:
    """Id, order and ``wanted`` of the nearest, by whichever of the two ways the server has."""
    index = vector_index(label, name)
    answer = f"RETURN n.id, n.{ORDER}, {wanted}"
    texts = [
        f"CALL db.index.vector.queryNodes('{index}', $limit, $vector) YIELD node AS n, score WHERE n:`{label}`"
        f" {answer}",
        f"CYPHER 25 MATCH (n:`{label}`) SEARCH n IN (VECTOR INDEX {index} FOR $vector LIMIT $limit) SCORE AS score"
        f" {answer}",
    ]
    if server.year >= 2026:  # the procedure is on its way out there
        texts.reverse()
    parameters = {"vector": vector.tolist(), "limit": limit}
    try:
        return list(server.stream(texts[0], parameters))
    except QueryError:
        return list(server.stream(texts[1], parameters))

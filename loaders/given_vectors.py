"""Entities that are near each other in vectors that a data set gives: RELATED_TO, relation ``near``.

A file of lines ``id, tab, number, tab, number …``, as MIND's entity_embedding.vec, which TransE made of Wikidata's
triples. The triples are not published; what the vectors say of them is which entities are alike. As relationships this
is seen in the graph, counted by the model's paths and told as a reason, as any other knowledge; the numbers themselves
are not kept.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import normalize

from graphfeed.loaders.chunks import make_relationships
from graphfeed.loaders.fieldlines import shown_line
from graphfeed.loaders.files import open_bytes
from graphfeed.loaders.records import CHUNK_ROWS, Chunk
from graphfeed.loaders.rejected import Rejects

RELATION = "near"
NEAREST = 10
"""Of an entity at most so many."""
LEAST_COSINE = 0.5
"""Of 25,000 vectors without any meaning, 100 wide, the nearest one has a cosine of about .4."""
_ENTITIES_AT_ONCE = CHUNK_ROWS // NEAREST

Float32 = npt.NDArray[np.float32]


def near_entities(
    files: Sequence[tuple[Path, str]], entities: Collection[str], nearest: int, rejects: Rejects
) -> Iterator[Chunk]:
    """RELATED_TO between these entities, from each to its ``nearest`` by cosine, above ``LEAST_COSINE``.

    ``files``: paths and their names in messages; of an entity that stands in several the first counts. A line that is
    no vector as wide as the first one is set aside.
    """
    found: dict[str, Float32] = {}
    lines: list[int] = []
    for path, file in files:
        for line, id_, vector in _vectors(path, file, len(next(iter(found.values()), ())), rejects):
            if id_ in entities and id_ not in found and vector.any():  # zeros point nowhere
                found[id_] = vector
                lines.append(line)
    if len(found) < 2:
        return
    ids, vectors = np.array(list(found), dtype=object), normalize(np.stack(list(found.values())))
    count = min(nearest + 1, len(ids))  # itself, too
    index = NearestNeighbors(n_neighbors=count, algorithm="brute").fit(vectors)
    for start in range(0, len(ids), _ENTITIES_AT_ONCE):
        distances, targets = index.kneighbors(vectors[start : start + _ENTITIES_AT_ONCE])
        sources = np.repeat(np.arange(start, start + len(targets)), count).reshape(targets.shape)
        # Of vectors of length 1, the squared distance is 2 - 2 · cosine.
        near = (sources != targets) & (1 - distances**2 / 2 >= LEAST_COSINE)
        near &= np.cumsum(near, axis=1) <= nearest  # where others lie on the same spot, it is not among its own nearest
        source, target = sources[near], targets[near]
        yield make_relationships(
            "RELATED_TO",
            files[0][1],
            [lines[i] for i in source],
            primary=False,
            source=ids[source].tolist(),
            target=ids[target].tolist(),
            relation=RELATION,
        )


def _vectors(path: Path, file: str, width: int, rejects: Rejects) -> Iterator[tuple[int, str, Float32]]:
    """Line, id and vector of each line; ``width``: as earlier ones, 0: that of the first."""
    with open_bytes(path) as stream:
        for number, line in enumerate(stream, 1):
            id_, *words = line.decode("utf-8", "replace").rstrip().split("\t")
            try:
                vector = np.array(words, dtype=np.float32)
            except ValueError:
                vector = np.empty(0, dtype=np.float32)
            if not id_ or not len(vector) or len(vector) != (width or len(vector)) or not np.isfinite(vector).all():
                detail = f"expected an id and {width or 'some'} finite numbers with tabs between"
                rejects.reject(file, number, "ragged line", detail, shown_line(line), primary=False)
                continue
            width = len(vector)
            yield number, id_, vector

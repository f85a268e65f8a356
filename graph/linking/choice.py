"""How close a text lies to an entity, so that it can tell which of several entities a name stands for, or whether any.

Closeness is a standard score: the cosine of the two text vectors, less the entity's mean cosine with the posts, over
its standard deviation. So entities that lie at different distances from everything are comparable, whatever the
encoder.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from graphfeed.graph.store import GraphStore

VECTOR = "text_vector"
CLOSE = 1.5
"""From here on a text counts as being about an entity whose name alone does not tell."""
LEAD = 0.5
"""So much closer than to the next entity of the same name."""
_SAMPLE = 10_000
_AT_ONCE = 20_000

Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]


def closeness(store: GraphStore, posts: Integers, entities: Integers) -> Floats:
    """Standard scores of pairs, float32 ``[pairs]``; NaN where one of the two has no vector.

    ``posts`` and ``entities`` are indices in ``node_ids``. Mean and deviation are those over at most 10,000 posts.
    """
    found = np.full(len(posts), np.nan, np.float32)
    texts, things = (store.read_vectors(label, VECTOR) for label in ("Post", "Entity"))
    if texts is None or things is None or texts.shape[1] != things.shape[1] or not len(posts):
        return found
    usual = _unit(texts[:: max(1, len(texts) // _SAMPLE)])
    usual = usual[usual.any(axis=1)]
    used, place = np.unique(entities, return_inverse=True)
    vectors = _unit(things[used])
    mean, deviation = np.zeros(len(used), np.float32), np.zeros(len(used), np.float32)
    for start in range(0, len(used), 512):
        cosines = usual @ vectors[start : start + 512].T
        mean[start : start + 512], deviation[start : start + 512] = cosines.mean(axis=0), cosines.std(axis=0)
    for start in range(0, len(posts), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        of, text = place[part], _unit(texts[posts[part]])
        known = text.any(axis=1) & vectors[of].any(axis=1) & (deviation[of] > 0)
        cosine = np.einsum("pw,pw->p", text, vectors[of])
        found[part][known] = ((cosine - mean[of]) / np.where(deviation[of] > 0, deviation[of], 1))[known]
    return found


def weight(closeness: Floats) -> Floats:
    """What a name's being said is worth: from 1/3 in a text that lies far away to 3 in a close one; 1 where unknown."""
    return np.where(np.isnan(closeness), np.float32(1), np.clip((1 + 2 * closeness) / 3, 1 / 3, 3)).astype(np.float32)


def chosen(closeness: Floats, group: Integers) -> npt.NDArray[np.bool_]:
    """Of pairs that belong to the same ``group`` (ascending), the closest, where it is close and well ahead."""
    known = np.nan_to_num(closeness, nan=-np.inf)
    order = np.lexsort((-known, group))
    first = np.ones(len(order), np.bool_)
    first[1:] = group[order[1:]] != group[order[:-1]]
    after = np.full(len(order), -np.inf, np.float32)
    after[:-1] = np.where(first[1:], -np.inf, known[order[1:]])
    best = np.zeros(len(order), np.bool_)
    with np.errstate(invalid="ignore"):
        best[order] = first & (known[order] >= CLOSE) & (known[order] - after >= LEAD)
    # One entity without a vector: nobody can say that it is not that one.
    unknown = np.zeros(int(group.max()) + 1 if len(group) else 0, np.bool_)
    unknown[group[np.isnan(closeness)]] = True
    return best & ~unknown[group]


def _unit(vectors: Floats) -> Floats:
    vectors = np.asarray(vectors, np.float32)
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(np.divide(vectors, length, out=np.zeros_like(vectors), where=length > 0), np.float32)

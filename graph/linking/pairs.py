"""Pairs of a post and an entity: those that a name found there may stand for, and those that are linked."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from graphfeed.graph.linking.choice import closeness, weight
from graphfeed.graph.linking.reading import Integers, Reading
from graphfeed.graph.linking.settings import LinkSettings
from graphfeed.graph.store import GraphStore
from graphfeed.loaders.records import TEXT

SAID_BY = "linker"
"""``said_by`` of the linker's MENTIONS."""
_DIGITS = 3  # of a confidence: what another order of summing may change is not kept

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Pairs:
    """Every entity that a name found in a post may stand for, in the order of ``Reading``."""

    found: Integers
    """The row of ``Reading``, ``[pairs]``, ascending."""
    name: Integers
    post: Integers
    entity: Integers
    shared: Mask
    """Whether the name has more than one entity."""
    closeness: npt.NDArray[np.float32]
    """Of the post to the entity; NaN where it is not known."""

    @classmethod
    def of(cls, store: GraphStore, reading: Reading, settings: LinkSettings) -> Pairs:
        """All of them."""
        sizes = np.array([len(name.entities) for name in reading.names], np.int64)
        entities = np.array([entity for name in reading.names for entity in name.entities], np.int64)
        many, first = sizes[reading.name], (np.cumsum(sizes) - sizes)[reading.name]
        found = np.repeat(np.arange(len(many)), many)
        within = np.arange(len(found)) - np.repeat(np.cumsum(many) - many, many)
        post, entity = reading.post[found], entities[first[found] + within]
        close = closeness(store, post, entity) if settings.vectors else np.full(len(post), np.nan, np.float32)
        return cls(found, reading.name[found], post, entity, many[found] > 1, close)


@dataclass(frozen=True)
class Links:
    """Pairs of a post and an entity, each once, in order."""

    post: Integers
    entity: Integers
    confidence: npt.NDArray[np.float64]

    @classmethod
    def of(cls, reading: Reading, pairs: Pairs, accepted: Mask) -> Links:
        """What the accepted names add up to."""
        evidence = reading.evidence()[pairs.found] * weight(pairs.closeness)
        both, place = np.unique(keys(pairs.post[accepted], pairs.entity[accepted]), return_inverse=True)
        together = np.bincount(place, weights=evidence[accepted], minlength=len(both))
        return cls(both >> 32, both & 0xFFFFFFFF, np.round(-np.expm1(-together), _DIGITS).astype(np.float64))

    def only(self, chosen: Mask) -> Links:
        """Some of them."""
        return Links(self.post[chosen], self.entity[chosen], self.confidence[chosen])

    def table(self, store: GraphStore) -> pa.Table:
        """By ids: the columns of MENTIONS."""
        return pa.table(
            {
                "source": pa.chunked_array([store.node_ids("Post").take(pa.array(self.post))], TEXT),
                "target": pa.chunked_array([store.node_ids("Entity").take(pa.array(self.entity))], TEXT),
                "confidence": self.confidence,
                "said_by": pa.repeat(SAID_BY, len(self.post)),
            }
        )


def within(pairs: Pairs | Links, others: Links) -> Mask:
    """Which of the pairs are among the others."""
    return np.isin(keys(pairs.post, pairs.entity), keys(others.post, others.entity))


def keys(post: Integers, entity: Integers) -> Integers:
    """One number for each pair."""
    return (post << 32) | entity

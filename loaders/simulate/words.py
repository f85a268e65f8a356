"""Invented words, and texts made of a topic's words: for people, posts and tags of a simulated community."""

from __future__ import annotations

from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graphfeed.loaders.simulate.planted import Int64

SYLLABLES = tuple(
    c + v for c in ("b", "d", "f", "g", "k", "l", "m", "n", "p", "r", "s", "t", "v", "z") for v in "aeiou"
)
COMMON = 300
"""Words that every text may have."""
OF_A_TOPIC = 24
"""Words that belong to one topic; the first six name its tags."""


@cache
def words(topics: int) -> pa.StringArray:
    """The common words, then those of one topic after the other; no two are alike."""
    number = np.arange(COMMON + OF_A_TOPIC * topics)
    size = len(SYLLABLES)
    table = np.array(SYLLABLES)
    # Multiplying by a number without a common divisor shuffles them: neighbours do not look alike.
    mixed = number * 104_729 % size**3
    parts = (table[mixed // size**2], table[mixed // size % size], table[mixed % size])
    return pa.array(np.char.add(np.char.add(parts[0], parts[1]), parts[2]))


def names(rng: np.random.Generator, count: int, topics: int) -> pa.Array:
    """Two invented words, capitalised."""
    first, second = (words(topics).take(pa.array(rng.integers(0, COMMON, count))) for _ in range(2))
    return pc.utf8_capitalize(pc.binary_join_element_wise(first, pc.utf8_capitalize(second), " "))


def texts(rng: np.random.Generator, topic: Int64, topics: int, least: int, most: int, share: float = 0.5) -> pa.Array:
    """For each topic a text of ``least`` to ``most`` words, of which a share is its own and the others are common.

    A word's chance falls with its rank, as in any language.
    """
    length = rng.integers(least, most + 1, len(topic))
    whose = np.repeat(topic, length)
    rank = rng.random(len(whose)) ** 2
    own = rng.random(len(whose)) < share
    chosen = np.where(
        own, COMMON + whose * OF_A_TOPIC + (rank * OF_A_TOPIC).astype(np.int64), (rank * COMMON).astype(np.int64)
    )
    offsets = pa.array(np.concatenate([[0], np.cumsum(length)]), pa.int32())
    return pc.binary_join(pa.ListArray.from_arrays(offsets, words(topics).take(pa.array(chosen))), " ")


def tag_names(tags: Int64, tags_a_topic: int, topics: int) -> pa.Array:
    """A topic's first words name its tags."""
    return words(topics).take(pa.array(COMMON + tags // tags_a_topic * OF_A_TOPIC + tags % tags_a_topic))

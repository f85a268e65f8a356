"""All posts read for all names: which names are said where and how often, and which are too common to tell anything."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from graphfeed.graph.linking.names import Name, NameIndex
from graphfeed.graph.linking.settings import LinkSettings
from graphfeed.graph.store import GraphStore

Integers = npt.NDArray[np.int64]
Progress = Callable[[int, int], None]

TELLING = 20
"""A name in so few texts is never too common."""
_TEXTS_AT_ONCE = 1_000

# What a name's being said is worth, for names of (one word, several): about the share of such findings in questions on
# Stack Exchange whose author had given the question that tag (docs/linking.md).
IN_TITLE = np.array([0.6, 0.8])
IN_TEXT = np.array([0.25, 0.4])
AGAIN = np.array([0.15, 0.15])


@dataclass(frozen=True)
class SaidName:
    """A name with its forms, and the entities that it may stand for."""

    text: str
    entities: tuple[int, ...]
    """Indices in ``node_ids("Entity")``."""
    words: int


@dataclass(frozen=True)
class Reading:
    """What was found: for each pair of a post and a name, in the order of the posts."""

    texts: int
    """Posts with a text."""
    letters: int
    """Characters read."""
    index: NameIndex
    names: list[SaidName]
    post: Integers
    name: Integers
    title: Integers
    """How often in the title, ``[pairs]``."""
    text: Integers
    """How often in the text, ``[pairs]``."""

    def evidence(self) -> npt.NDArray[np.float64]:
        """``-log(1 - confidence)`` of each pair, before text and entity are compared: independent sayings add."""
        several = (np.array([name.words for name in self.names], np.int64) > 1).astype(np.int64)[self.name]
        worth = [-np.log1p(-table[several]) for table in (IN_TITLE, IN_TEXT, AGAIN)]
        found = (self.title > 0) * worth[0] + (self.text > 0) * worth[1] + (self.text > 1) * worth[2]
        return np.asarray(found, np.float64)

    def said(self) -> Integers:
        """In how many posts each name is said, ``[names]``."""
        return np.bincount(self.name, minlength=len(self.names))

    def too_common(self, settings: LinkSettings) -> dict[int, str]:
        """The names that were found and tell too little, and why."""
        from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

        found = {}
        for name, posts in enumerate(self.said()):
            text, share = self.names[name].text, posts / max(self.texts, 1)
            if posts and text.lower() in ENGLISH_STOP_WORDS:
                found[name] = "a common word"
            elif posts and not any(map(str.isalpha, text)):
                found[name] = "a number"
            elif posts > TELLING and share > settings.max_share:
                found[name] = f"in {share:.0%} of the texts"
        return found


def read_names(store: GraphStore, kinds: tuple[str, ...] = ()) -> list[Name]:
    """The names and aliases of all entities, or of those of some kinds."""
    names = []
    for entity, row in enumerate(store.read_nodes("Entity", ["name", "aliases", "kind"]).to_pylist()):
        if not kinds or row["kind"] in kinds:
            names += [Name(text, entity) for text in (row["name"], *(row["aliases"] or ())) if text and text.strip()]
    return names


def read_posts(store: GraphStore, names: list[Name], progress: Progress | None = None) -> Reading:
    """Read the title and the text of every post. ``progress``: called with posts read and all posts."""
    index = NameIndex(names)
    said, name_of = _names_said(index)
    columns = [array("q") for _ in range(4)]
    texts = letters = 0
    for post, (count, title, text) in enumerate(_posts(store)):
        if progress is not None and post % _TEXTS_AT_ONCE == 0:
            progress(post, count)
        texts += bool(title or text)
        letters += len(title) + len(text)
        above = Counter(name_of[surface] for surface, _ in index.find(title))
        below = Counter(name_of[surface] for surface, _ in index.find(text))
        for name in {**above, **below}:
            for column, value in zip(columns, (post, name, above[name], below[name]), strict=True):
                column.append(value)
    return Reading(texts, letters, index, said, *(np.array(column, np.int64) for column in columns))


def _posts(store: GraphStore) -> Iterator[tuple[int, str, str]]:
    """How many there are, title and text of each."""
    rows = store.read_nodes("Post", ["title", "text"])
    for start in range(0, rows.num_rows, _TEXTS_AT_ONCE):
        part = rows.slice(start, _TEXTS_AT_ONCE)
        for title, text in zip(part["title"].to_pylist(), part["text"].to_pylist(), strict=True):
            yield rows.num_rows, title or "", text or ""


def _names_said(index: NameIndex) -> tuple[list[SaidName], list[int]]:
    """Names with all their forms, and which of them each surface is."""
    places: dict[tuple[str, tuple[int, ...]], int] = {}
    of = [places.setdefault((surface.name, surface.entities), len(places)) for surface in index.surfaces]
    words = [1] * len(places)
    for place, surface in zip(of, index.surfaces, strict=True):
        words[place] = max(words[place], len(surface.words))
    return [SaidName(text, entities, words[i]) for i, (text, entities) in enumerate(places)], of

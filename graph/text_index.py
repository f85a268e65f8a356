"""Full text of a label's nodes, ranked by BM25: one ranking for every store.

    index = TextIndex.of(store, "Post")
    index.best("measure entanglement", 100)      # [(id, score), …]

Neo4j's Lucene and an embedded index would each cut and rank texts in their own way; here the words are cut by
``graphfeed.graph.words``, without the s of a plural, and the scores are Lucene's BM25 (Robertson and Zaragoza 2009;
Kamphuis et al. 2020), computed by bm25s when the graph has changed and kept in the workspace. A text is data: nothing
in it is an operator.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import bm25s
import numpy as np
import numpy.typing as npt

from graphfeed.graph.store import GraphStore
from graphfeed.graph.words import terms
from graphfeed.graph.workspace_folders import keep_ids, kept, kept_ids

SEARCHED = {"User": ("name", "about"), "Post": ("title", "text"), "Entity": ("name", "aliases", "text")}
"""By label the properties that are searched: those of Neo4j's full-text indexes. The first one is the heading."""
HEADING_WEIGHT = 3
"""How often a word of the heading counts."""
MOST_TERMS = 64
"""Of a longer question only the rarest words are looked up."""
K1, B = 1.2, 0.75
_FORMAT = "1"  # of what is kept: another one is made anew

Say = Callable[[str], None]


def search_terms(text: str) -> list[str]:
    """The terms of a text as they are looked up: without the s of a plural (the S stemmer, Harman 1991)."""
    return [_singular(term) if term.endswith("s") and len(term) > 3 else term for term in terms(text)]


def _singular(term: str) -> str:
    if term.endswith("ies") and not term.endswith(("eies", "aies")):
        return f"{term[:-3]}y"
    return term if term.endswith(("us", "ss")) else term[:-1]


class TextIndex:
    """The words of one label's texts."""

    def __init__(self, folder: Path) -> None:
        self._scores = bm25s.BM25.load(folder, mmap=True, show_progress=False)
        self._lengths = np.diff(np.asarray(self._scores.scores["indptr"]))
        self.ids = kept_ids(folder / "ids.arrow")
        """By place; a place is a row of the scores."""

    @classmethod
    def of(cls, store: GraphStore, label: str, say: Say | None = None) -> TextIndex:
        """The index for the graph as it is now; made anew where the graph has changed, which ``say`` is told."""

        def write(folder: Path) -> None:
            if say is not None:
                say(f"reading the words of every {label}, once until the graph changes")
            _build(store, label).save(folder, show_progress=False)
            keep_ids(folder / "ids.arrow", store.node_ids(label))

        place = store.workspace / "questions"
        return kept(place, f"words-{label.lower()}", f"{store.version()} {_FORMAT}", write, _opened)

    def best(self, text: str, limit: int, among: npt.NDArray[np.bool_] | None = None) -> list[tuple[str, float]]:
        """Ids and scores of the best ``limit`` nodes that hold a word of the text, best first.

        ``among``: by place in ``ids``, which nodes may come. Of equal ones the earlier node comes first.
        """
        known = self._known(text)
        if not known:
            return []
        scores = self._scores.get_scores_from_ids(known)[: len(self.ids)]
        if among is not None:
            scores = np.where(among, scores, np.float32(0))
        found = np.flatnonzero(scores > 0)
        if len(found) > limit:
            least = np.partition(scores[found], len(found) - limit)[len(found) - limit]
            found = found[scores[found] >= least]
        order = found[np.argsort(-scores[found], kind="stable")][:limit]
        return [(self.ids[int(place)].as_py(), float(scores[place])) for place in order]

    def _known(self, text: str) -> list[int]:
        vocabulary = self._scores.vocab_dict
        known = [vocabulary[term] for term in dict.fromkeys(search_terms(text)) if term in vocabulary]
        if len(known) > MOST_TERMS:
            known = sorted(known, key=lambda term: (int(self._lengths[term]), term))[:MOST_TERMS]
        return known


def _build(store: GraphStore, label: str) -> bm25s.BM25:
    heading, *rest = SEARCHED[label]
    rows = store.read_nodes(label, [heading, *rest])
    vocabulary: dict[str, int] = {}
    corpus: list[list[int]] = []
    for values in zip(*(rows[name].to_pylist() for name in (heading, *rest)), strict=True):
        first, *others = (" ".join(value) if isinstance(value, list) else value or "" for value in values)
        words = search_terms(first) * HEADING_WEIGHT
        for other in others:
            words += search_terms(other)
        corpus.append([vocabulary.setdefault(word, len(vocabulary)) for word in words])
    scores = bm25s.BM25(k1=K1, b=B, method="lucene")
    scores.index((corpus or [[]], vocabulary or {"": 0}), show_progress=False)
    return scores


@lru_cache(maxsize=6)
def _opened(folder: Path) -> TextIndex:
    return TextIndex(folder)

"""TF-IDF vectors of texts, by the terms of ``graphfeed.graph.words``.

There are no lists of stop words, which would favour one language: what half of the texts say is left out instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import scipy.sparse as sp
from sklearn.feature_extraction.text import TfidfVectorizer

from graphfeed.graph.words import TERM, plain

SMALL = 1_000
"""Texts under which a term that occurs once is kept."""


class TermVectors:
    """A fitted TF-IDF: ``1 + log(tf)`` times ``1 + log((1 + n) / (1 + df))`` (Salton and Buckley, 1988)."""

    def __init__(self, terms: Sequence[str], vectorizer: TfidfVectorizer | None) -> None:
        self.terms: list[str] = list(terms)
        """One per column."""
        self._vectorizer = vectorizer

    @classmethod
    def fit(cls, texts: Sequence[str], *, max_terms: int = 50_000) -> Self:
        """Learn terms and how rare they are.

        Left out are terms in over half of the texts (from 20 texts on), those in a single one (from ``SMALL`` on), and
        what is rarest beyond ``max_terms``. Texts without any term are fine: there are no columns then.
        """
        spoken = [text for text in texts if text.strip()]
        vectorizer = _vectorizer(
            min_df=1 if len(spoken) < SMALL else 2,
            max_df=1.0 if len(spoken) < 20 else 0.5,
            max_features=max_terms,
        )
        try:
            vectorizer.fit(spoken)
        except ValueError:  # scikit-learn's word for "no terms remain"
            return cls([], None)
        return cls(vectorizer.get_feature_names_out().tolist(), vectorizer)

    def state(self) -> dict[str, Any]:
        """What ``from_state`` needs to make the same vectors again: plain lists and numbers."""
        return {"terms": self.terms, "idf": self._vectorizer.idf_.tolist() if self._vectorizer is not None else []}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        """Vectors as they were when ``state`` was taken."""
        if not state["terms"]:
            return cls([], None)
        vectorizer = _vectorizer(vocabulary=state["terms"])
        vectorizer.idf_ = np.array(state["idf"], dtype=np.float32)
        return cls(state["terms"], vectorizer)

    def transform(self, texts: Sequence[str]) -> sp.csr_matrix:
        """Vectors of texts, float32 ``[len(texts), len(terms)]``; rows of length 1, empty without a known term."""
        if self._vectorizer is None or not len(texts):
            return sp.csr_matrix(np.zeros((len(texts), len(self.terms)), np.float32))
        return sp.csr_matrix(self._vectorizer.transform(texts), dtype=np.float32)


def _vectorizer(**settings: Any) -> TfidfVectorizer:
    return TfidfVectorizer(preprocessor=plain, token_pattern=TERM, sublinear_tf=True, dtype=np.float32, **settings)

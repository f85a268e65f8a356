"""Text encoders: what turns a text into a vector, chosen by name.

    encoder = open_encoder("all-MiniLM-L6-v2")      # comes with graphfeed[offline]
    encoder = open_encoder("BAAI/bge-small-en-v1.5") # any sentence encoder of the Hugging Face hub, or a model's folder
    encoder = open_encoder("tfidf")                  # TF-IDF and a truncated SVD: nothing to download
    encoder.fit(texts)
    vectors = encoder.encode(texts)                  # float32 [len(texts), encoder.width]

A text without a word in it has the zero vector: training tells "says nothing" from "says something average" by it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt
from sklearn.decomposition import TruncatedSVD
from sklearn.preprocessing import normalize

from graphfeed.errors import EncoderError
from graphfeed.graph.term_vectors import TermVectors

DEFAULT_ENCODER = "all-MiniLM-L6-v2"
TERM_ENCODER = "tfidf"

Vectors = npt.NDArray[np.float32]
Progress = Callable[[int, int], None]
"""Called with how many are done and how many there are."""


class Encoder(Protocol):
    """Turns texts into vectors. Made by ``open_encoder``."""

    @property
    def name(self) -> str:
        """What ``open_encoder`` takes to open it again."""
        ...

    @property
    def revision(self) -> str:
        """Changes whenever a text may get another vector: with the weights, or with the texts given to ``fit``."""
        ...

    @property
    def width(self) -> int:
        """Length of a vector."""
        ...

    @property
    def precision(self) -> str:
        """The arithmetic in use, such as ``bfloat16``. May be settled by the first large ``encode``."""
        ...

    @property
    def pretrained(self) -> bool:
        """Whether a text's vector is the same whatever the other texts are, so that it can be kept."""
        ...

    def fit(self, texts: Sequence[str]) -> None:
        """Learn from all the texts what has to be learnt before encoding. A pretrained encoder learns nothing."""
        ...

    def encode(self, texts: Sequence[str], *, progress: Progress | None = None) -> Vectors:
        """Vectors of texts, float32 ``[len(texts), width]``; zeros for a blank text.

        Raises EncoderError where the model cannot be run on them.
        """
        ...


def open_encoder(name: str = DEFAULT_ENCODER, *, device: str | None = None) -> Encoder:
    """Open an encoder by name: ``tfidf``, a Hugging Face name, or a sentence-transformers model's folder.

    ``device`` is torch's word ("cpu", "cuda", "cuda:1"); None takes a GPU where there is one. A model that is on this
    machine already is opened without asking the network. Raises EncoderError where there is none, saying what to do.
    """
    if name == TERM_ENCODER:
        return TermEncoder()
    from graphfeed.graph.sentence_encoder import SentenceEncoder  # takes seconds to import

    return SentenceEncoder.open(name, device=device)


class TermEncoder:
    """TF-IDF reduced by a truncated SVD (latent semantic analysis), L2-normalised. Learnt from the texts themselves.

    Deerwester et al., "Indexing by latent semantic analysis" (1990); as scikit-learn computes it. With fewer than
    ``width`` texts or terms the last columns are zero.
    """

    name = TERM_ENCODER
    width = 256
    precision = "float32"
    pretrained = False

    def __init__(self) -> None:
        self.revision = "unfitted"
        self._terms: TermVectors | None = None
        self._svd: TruncatedSVD | None = None

    def fit(self, texts: Sequence[str]) -> None:
        """Learn terms, their weights and the singular vectors. The revision becomes a hash of the texts."""
        texts = sorted({text for text in texts if text.strip()})
        self._terms, self._svd = TermVectors.fit(texts), None
        matrix = self._terms.transform(texts)
        rank = min(self.width, *matrix.shape)
        if rank:
            self._svd = TruncatedSVD(rank, random_state=0).fit(matrix)
        lengths_and_texts = (part for text in texts for part in (f"{len(text)}:", text))
        self.revision = hashlib.sha256("".join(lengths_and_texts).encode("utf-8", "surrogatepass")).hexdigest()[:16]

    def encode(self, texts: Sequence[str], *, progress: Progress | None = None) -> Vectors:
        """Vectors of texts, float32 ``[len(texts), 256]``; zeros for one without a known term."""
        if self._terms is None:
            raise EncoderError("the encoder 'tfidf' learns from the texts: call fit(texts) before encode(texts)")
        vectors = np.zeros((len(texts), self.width), np.float32)
        if self._svd is not None and texts:
            reduced = self._svd.transform(self._terms.transform(texts))
            vectors[:, : reduced.shape[1]] = normalize(reduced)
        if progress is not None:
            progress(len(texts), len(texts))
        return vectors

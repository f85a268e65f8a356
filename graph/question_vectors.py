"""The vector of a question's text, by the encoder that gave the graph its text vectors.

    vector = question_vector(store, "measure entanglement")      # float32 [width], length 1; None where it says nothing

A sentence encoder is opened once a process, and asked with its own prompt for questions; what it answered is kept in
the workspace, so that the same question needs no model. What ``tfidf`` learnt from the texts is kept there too; only
the first question learns it anew. Neither loads anything before it is needed.
"""

from __future__ import annotations

import json
import shutil
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from graphfeed.errors import EncoderError
from graphfeed.graph.store import GraphStore
from graphfeed.graph.words import terms
from graphfeed.graph.workspace_folders import UNREADABLE, find_folder, kept_folder

if TYPE_CHECKING:
    from graphfeed.graph.encoder import TermEncoder
    from graphfeed.graph.text_index import Say

Vector = npt.NDArray[np.float32]

_FOLDER, _CACHE, _MARK = "questions", "vectors.sqlite", "encoder.json"
_TERM_ENCODER = "tfidf"  # graphfeed.graph.encoder.TERM_ENCODER: importing that loads scikit-learn
_FORMAT = "1"  # of what is kept of tfidf: another one is made anew
_LONGEST = 10_000  # characters: more than any encoder reads


def question_vector(store: GraphStore, text: str, say: Say | None = None) -> Vector | None:
    """The vector of a text; None where it holds nothing that the encoder knows.

    Raises EncoderError where the graph has no text vectors, or their encoder cannot be had, saying what to do.
    """
    mark = _read_mark(store.workspace)
    if mark is None:
        raise EncoderError(f"the texts of {store.location} have no vectors here yet: run `graphfeed embed` first")
    name, revision = str(mark["name"]), str(mark["revision"])
    if name == _TERM_ENCODER:
        vector = _term_vector(_terms(store, revision, say), text[:_LONGEST])
    else:
        vector = _sentence_vector(store.workspace, name, revision, text[:_LONGEST].strip(), say)
    return vector if vector.any() else None


def keep_terms(workspace: Path, encoder: TermEncoder) -> Path:
    """Keep what a fitted ``tfidf`` encoder learnt, for the questions to come."""

    def write(folder: Path) -> None:
        state = encoder._terms.state() if encoder._terms is not None else {"terms": [], "idf": []}
        components = np.zeros((0, len(state["terms"]))) if encoder._svd is None else encoder._svd.components_
        np.save(folder / "idf.npy", np.asarray(state["idf"], np.float32))
        np.save(folder / "components.npy", np.ascontiguousarray(np.asarray(components, np.float32).T))  # a row a term
        (folder / "terms.json").write_text(json.dumps(state["terms"]), encoding="utf-8")
        (folder / "width").write_text(str(encoder.width), encoding="utf-8")

    return kept_folder(workspace / _FOLDER, "terms", f"{encoder.revision} {_FORMAT}", write)


class _Terms:
    """What ``tfidf`` learnt: terms, their weights, and the singular vectors."""

    def __init__(self, folder: Path) -> None:
        names = json.loads((folder / "terms.json").read_text(encoding="utf-8"))
        self.place = {term: place for place, term in enumerate(names)}
        self.idf = np.load(folder / "idf.npy", mmap_mode="r")
        self.components = np.load(folder / "components.npy", mmap_mode="r")
        self.width = int((folder / "width").read_text(encoding="utf-8"))


def _term_vector(known: _Terms, text: str) -> Vector:
    """As ``TermEncoder.encode`` computes it: (1 + log tf) · idf, reduced, of length 1."""
    counts: dict[int, int] = {}
    for term in terms(text):
        if (place := known.place.get(term)) is not None:
            counts[place] = counts.get(place, 0) + 1
    vector = np.zeros(known.width, np.float32)
    if counts:
        places = np.fromiter(counts, np.int64)
        weights = (1 + np.log(np.fromiter(counts.values(), np.float64))) * known.idf[places]
        reduced = (weights / np.linalg.norm(weights)) @ known.components[places]
        length = float(np.linalg.norm(reduced))
        if length > 0:
            vector[: len(reduced)] = reduced / length
    return vector


def _terms(store: GraphStore, revision: str, say: Say | None) -> _Terms:
    folder = find_folder(store.workspace / _FOLDER, "terms", f"{revision} {_FORMAT}")
    if folder is not None:
        try:
            return _opened(folder)
        except UNREADABLE:
            shutil.rmtree(folder, ignore_errors=True)
    from graphfeed.graph.embed import node_texts
    from graphfeed.graph.encoder import TermEncoder
    from graphfeed.loaders.records import NODE_TYPES

    if say is not None:
        say("learning the terms of the texts again, once until they are embedded anew")
    encoder = TermEncoder()
    encoder.fit([text for label in NODE_TYPES for text in node_texts(store, label) if text])
    if encoder.revision != revision:
        raise EncoderError(
            f"the texts of {store.location} have changed since they got their vectors: run `graphfeed embed` again"
        )
    return _opened(keep_terms(store.workspace, encoder))


def _sentence_vector(workspace: Path, name: str, revision: str, text: str, say: Say | None) -> Vector:
    from graphfeed.graph.vector_cache import VectorCache, text_key

    key, kept_as = text_key(text), f"{revision} question"
    (workspace / _FOLDER).mkdir(parents=True, exist_ok=True)
    with VectorCache(workspace / _FOLDER / _CACHE) as cache:
        found = cache.get(name, kept_as, [key]).get(key)
        if found is not None:
            return found
        if say is not None:
            say(f"opening the encoder {name}; the words alone (--by text) need none")
        model = _model(name, revision)
        vector = _encoded(model, text)
        if not np.isfinite(vector).all():
            raise EncoderError(f"the encoder {name!r} gives no number for the text {text[:60]!r}")
        length = float(np.linalg.norm(vector))
        vector = vector / length if length else vector
        cache.put(name, kept_as, {key: vector})
    return vector


def _encoded(model: Any, text: str) -> Vector:
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # several wait for each other longer than one short text takes, the more on a busy machine
    try:
        return np.asarray(model.encode_query(text, show_progress_bar=False), np.float32)
    finally:
        torch.set_num_threads(threads)


@lru_cache(maxsize=2)
def _model(name: str, revision: str) -> Any:
    from graphfeed.graph.model_files import load_model

    loaded = load_model(name, "cpu")
    if loaded.revision != revision:
        raise EncoderError(
            f"the encoder {name!r} is another one than made the graph's vectors: run `graphfeed embed` again"
        )
    return loaded.model


@lru_cache(maxsize=4)
def _opened(folder: Path) -> _Terms:
    return _Terms(folder)


def _read_mark(workspace: Path) -> dict[str, Any] | None:
    try:
        mark: dict[str, Any] = json.loads((workspace / _MARK).read_text(encoding="utf-8"))
        return mark if {"name", "revision"} <= set(mark) else None
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise EncoderError(
            f"{workspace / _MARK} should name the encoder: {error}; run `graphfeed embed` again"
        ) from error

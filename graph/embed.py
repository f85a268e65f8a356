"""Give every node with a text its ``text_vector``.

    report = embed(store, "all-MiniLM-L6-v2")

A text is encoded once, whatever the node: vectors are kept in a cache beside the graph as they come, so that a run
that was interrupted goes on where it was, and one that changes nothing takes a moment. Nodes that are loaded later have
zero vectors until ``embed`` is run again.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from graphfeed.errors import StoreFormatError
from graphfeed.graph.encoder import DEFAULT_ENCODER, Encoder, Progress, TermEncoder, Vectors, open_encoder
from graphfeed.graph.kept_vectors import forget_vectors, keep_vectors
from graphfeed.graph.links_seen import forget_links_seen, links_seen_by
from graphfeed.graph.question_vectors import keep_terms
from graphfeed.graph.store import GraphStore
from graphfeed.graph.vector_cache import VectorCache, text_key
from graphfeed.loaders.records import NODE_TYPES

VECTOR = "text_vector"
CACHE_FILE = "text_vectors.sqlite"
ENCODER_FILE = "encoder.json"
KEPT_AT_ONCE = 1_024
"""Texts between two writes to the cache: at most so many are encoded again after an interruption."""


@dataclass(frozen=True)
class EncoderMark:
    """Which encoder made the vectors in the graph."""

    name: str
    revision: str
    width: int


@dataclass(frozen=True)
class EmbedReport:
    """What ``embed`` did. Repeated texts count once in ``distinct = from_cache + encoded``."""

    texts: int
    """Nodes with a text."""
    empty: int
    """Nodes without one: their vector is zero."""
    distinct: int
    from_cache: int
    encoded: int
    written: tuple[str, ...]
    """Labels whose vectors changed."""
    seconds: float
    """The whole of it, opening the encoder included."""
    texts_per_second: float
    """Of the encoded ones, over the time that encoding took; 0 when none was."""
    encoder: str
    revision: str
    width: int
    precision: str
    """The arithmetic of what was encoded now; vectors from the cache may be from another."""
    aside: str = ""
    """Why the vectors lie in the workspace and not in the graph; empty where they are in the graph."""


def embed(
    store: GraphStore,
    encoder: str | Encoder = DEFAULT_ENCODER,
    *,
    progress: Progress | None = None,
    device: str | None = None,
) -> EmbedReport:
    """Encode the texts of all nodes and write their ``text_vector``, float32 ``[nodes, width]`` by label.

    ``encoder``: a name for ``open_encoder``, or an open one. ``progress`` is called with the texts done and all to do.
    All labels change together. Raises EncoderError, StoreError, and StoreBusyError when another process writes.
    """
    started = time.perf_counter()
    model = open_encoder(encoder, device=device) if isinstance(encoder, str) else encoder
    texts = {label: node_texts(store, label) for label in NODE_TYPES}
    distinct = list(dict.fromkeys(text for each in texts.values() for text in each if text))
    model.fit(distinct)
    encoding = time.perf_counter()
    vectors, encoded = _encode(distinct, model, store.workspace / CACHE_FILE, progress)
    encoding = time.perf_counter() - encoding
    row = {text: position for position, text in enumerate(distinct)}
    by_label = {label: vectors[[row.get(text, -1) for text in each]] for label, each in texts.items() if each}
    seen = links_seen_by(model.name)
    if seen is not None:  # before the vectors that tell of them are there
        seen.write(store.workspace)
    written, aside = _write_changed(store, by_label)
    _write_mark(store.workspace, EncoderMark(model.name, model.revision, model.width))
    if isinstance(model, TermEncoder):
        keep_terms(store.workspace, model)  # a search turns its question into a vector by them
    if seen is None:
        forget_links_seen(store.workspace)
    with_text = sum(bool(text) for each in texts.values() for text in each)
    return EmbedReport(
        texts=with_text,
        empty=sum(map(len, texts.values())) - with_text,
        distinct=len(distinct),
        from_cache=len(distinct) - encoded,
        encoded=encoded,
        written=written,
        seconds=time.perf_counter() - started,
        texts_per_second=encoded / encoding if encoded else 0.0,
        encoder=model.name,
        revision=model.revision,
        width=model.width,
        precision=model.precision,
        aside=aside,
    )


def node_texts(store: GraphStore, label: str) -> list[str]:
    """The text of every node of a label, in the order of ``node_ids``: its text properties, one a line; "" for none."""
    columns = NODE_TYPES[label].text
    rows = store.read_nodes(label, columns)
    # Not pyarrow's binary_join_element_wise: with null_handling="skip" it drops rows of nothing but nulls.
    values = zip(*(rows[column].to_pylist() for column in columns), strict=True)
    return ["\n".join(part.strip() for part in parts if part and part.strip()) for parts in values]


def read_encoder_mark(workspace: Path) -> EncoderMark | None:
    """Which encoder made the vectors in the graph, None before the first ``embed``. Raises StoreFormatError."""
    file = workspace / ENCODER_FILE
    try:
        return EncoderMark(**json.loads(file.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError) as error:
        raise StoreFormatError(f"{file} should name the encoder: {error}; run 'graphfeed embed' again") from error


def _encode(texts: Sequence[str], encoder: Encoder, cache_file: Path, progress: Progress | None) -> tuple[Vectors, int]:
    """Vectors of distinct texts, ``[len(texts) + 1, width]`` with a last row of zeros, and how many were computed."""
    vectors = np.zeros((len(texts) + 1, encoder.width), np.float32)
    if not encoder.pretrained:
        vectors[:-1] = encoder.encode(texts, progress=progress)
        return vectors, len(texts)
    keys = [text_key(text) for text in texts]
    with VectorCache(cache_file) as cache:
        known = cache.get(encoder.name, encoder.revision, keys)
        missing = []
        for position, key in enumerate(keys):
            vector = known.get(key)
            if vector is not None and len(vector) == encoder.width:
                vectors[position] = vector
            else:
                missing.append(position)
        for start in range(0, len(missing), KEPT_AT_ONCE):
            some = missing[start : start + KEPT_AT_ONCE]
            vectors[some] = encoder.encode(
                [texts[position] for position in some], progress=_shifted(progress, start, len(missing))
            )
            cache.put(encoder.name, encoder.revision, {keys[position]: vectors[position] for position in some})
    return vectors, len(missing)


def _shifted(progress: Progress | None, before: int, total: int) -> Progress | None:
    """A part's progress as progress of the whole."""
    return None if progress is None else lambda done, _: progress(before + done, total)


def _write_changed(store: GraphStore, by_label: dict[str, Vectors]) -> tuple[tuple[str, ...], str]:
    """Write the labels whose vectors are not in the graph yet: an index over vectors is costly to build again.

    A graph that may only be read is learned from all the same: its vectors go into the workspace.
    """
    changed = [label for label, vectors in by_label.items() if not _same(store.read_vectors(label, VECTOR), vectors)]
    aside = (store.refusal("embed") or "") if changed else ""
    if aside:
        for label in changed:
            keep_vectors(store.workspace, label, VECTOR, store.node_ids(label), by_label[label])
    elif changed:
        with store.change("embed") as change:
            for label in changed:
                change.write_vectors(label, VECTOR, by_label[label])
        for label in changed:
            forget_vectors(store.workspace, label, VECTOR)
    return tuple(changed), aside


def _same(old: Vectors | None, new: Vectors) -> bool:
    """To within the rounding of a sum in another order, as a fit on another number of threads gives it."""
    return old is not None and old.shape == new.shape and np.allclose(old, new, rtol=0, atol=1e-6)


def _write_mark(workspace: Path, mark: EncoderMark) -> None:
    file = workspace / ENCODER_FILE
    new = file.with_suffix(".json.new")
    new.write_text(json.dumps(vars(mark), indent=2) + "\n", encoding="utf-8")
    new.replace(file)

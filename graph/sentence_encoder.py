"""A pretrained sentence encoder, run fast: what sentence-transformers' ``encode_document`` gives, in less time.

Texts are sorted by length, cut into tokens once, in large groups and through the model's own ``preprocess`` (so that
its prompts, truncation and special tokens hold), and go through the model in batches of about as many tokens each, in
the arithmetic that ``graphfeed.graph.arithmetic`` finds fastest here. On a CPU every core takes batches of its own:
cores that share one batch wait for each other at every operation, the more so while other programs run. Pooling, dense
layers and normalisation are the model's own modules. Measured in ``benchmarks/encoding.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
from sentence_transformers.base.modules import Transformer

from graphfeed.errors import EncoderError
from graphfeed.graph.arithmetic import FLOAT32, Features, Forward, Way, fastest
from graphfeed.graph.encoder import Progress, Vectors
from graphfeed.graph.model_files import load_model

GROUP = 256
"""Texts cut into tokens together."""
WORTH_A_TRIAL = 256
"""Texts from which on finding the fastest arithmetic saves more than it costs (about a second)."""
TRIAL_TEXTS = 8

_DOCUMENT_PROMPTS = ("document", "passage", "corpus")  # those that encode_document looks for, in its order


class SentenceEncoder:
    """A sentence-transformers model. Made by ``open_encoder``."""

    pretrained = True

    def __init__(self, model: Any, name: str, revision: str) -> None:
        self.name = name
        self.revision = revision
        self._model = model
        self._prompt = document_prompt(model)
        self._batch_tokens = batch_tokens(model.device)
        self._exact = Forward(model, FLOAT32)
        self._forward: Forward | None = None  # settled by the first encode that is large enough
        self.width = len(self._encode_by_library(["width"])[0])

    @classmethod
    def open(cls, name: str, *, device: str | None = None) -> SentenceEncoder:
        """Load a model by folder or Hugging Face name; see ``graphfeed.graph.model_files``."""
        loaded = load_model(name, device)
        return cls(loaded.model, loaded.name, loaded.revision)

    @property
    def way(self) -> Way:
        """How the model is run, settled by the first ``encode`` of ``WORTH_A_TRIAL`` texts or more."""
        return (self._forward or self._exact).way

    @property
    def precision(self) -> str:
        return self.way.precision

    def fit(self, texts: Sequence[str]) -> None:
        """Nothing to learn."""

    def encode(self, texts: Sequence[str], *, progress: Progress | None = None) -> Vectors:
        """Vectors of texts, float32 ``[len(texts), width]``, as the model is configured; zeros for a blank text.

        A text's vector does not depend on the other texts beyond rounding (a cosine of 0.999 or better to float32).
        Raises EncoderError where the model gives something else than numbers.
        """
        distinct = sorted(dict.fromkeys(text for text in texts if text.strip()), key=len, reverse=True)
        if self._forward is None and len(distinct) >= WORTH_A_TRIAL and self._takes_tokens():
            self._forward = self._find_fastest(distinct)
        vectors = np.zeros((len(distinct) + 1, self.width), np.float32)  # the last row is the blank texts'
        for start in range(0, len(distinct), GROUP):
            group = distinct[start : start + GROUP]
            vectors[start : start + len(group)] = self._encode_group(group)
            if progress is not None:
                progress(min(start + GROUP, len(distinct)), len(distinct))
        row = {text: position for position, text in enumerate(distinct)}
        return vectors[[row.get(text, -1) for text in texts]]

    def _encode_group(self, texts: list[str]) -> Vectors:
        if not self._takes_tokens():
            return self._encode_by_library(texts)
        features = self._preprocess(texts)
        if self._forward is not None:
            vectors = self._run(features, self._forward)
            if np.isfinite(vectors).all():
                return vectors
        vectors = self._run(features, self._exact)
        if not np.isfinite(vectors).all():
            bad = int(np.flatnonzero(~np.isfinite(vectors).all(axis=1))[0])
            raise EncoderError(
                f"the encoder {self.name!r} gives no number for the text that begins with {texts[bad][:60]!r};"
                " its weights are damaged, or use another --encoder"
            )
        return vectors

    def _find_fastest(self, sorted_texts: list[str]) -> Forward:
        ranks = np.linspace(0, len(sorted_texts) - 1, TRIAL_TEXTS).astype(int)
        features = self._preprocess([sorted_texts[rank] for rank in ranks])
        return fastest(self._model, self._exact, lambda forward: self._run(features, forward, cores=1))

    def _takes_tokens(self) -> bool:
        """Whether the model is a transformer and what follows it, all fed by padded tokens."""
        wanted = (getattr(self._model, "module_kwargs", None) or {}).values()
        return isinstance(self._model[0], Transformer) and not any(wanted)

    def _preprocess(self, texts: list[str]) -> Features:
        features: Features = self._model.preprocess(texts, prompt=self._prompt, task="document")
        return features

    def _run(self, features: Features, forward: Forward, cores: int | None = None) -> Vectors:
        mask: torch.Tensor = features["attention_mask"]
        vectors = np.zeros((len(mask), self.width), np.float32)

        def encode(rows: list[int]) -> None:
            vectors[rows] = forward(cut_batch(features, rows))

        batches = batches_by_tokens(mask.sum(dim=1).numpy(), self._batch_tokens)
        if self._model.device.type == "cpu":
            each_on_a_core(encode, batches, cores or torch.get_num_threads())
        else:
            for rows in batches:
                encode(rows)
        return vectors

    def _encode_by_library(self, texts: list[str]) -> Vectors:
        vectors = self._model.encode_document(texts, show_progress_bar=False, convert_to_numpy=True)
        return np.asarray(vectors, np.float32)


def document_prompt(model: Any) -> str | None:
    """What a sentence-transformers model puts before a document, as its ``encode_document`` does."""
    found: str | None = next(
        (model.prompts[word] for word in _DOCUMENT_PROMPTS if word in model.prompts),
        model.prompts.get(model.default_prompt_name),
    )
    return found


def batch_tokens(device: torch.device) -> int:
    """Padded tokens in a batch: on a CPU what stays in one core's cache (measured: 512 to 1,024 are best)."""
    return 1_024 if device.type == "cpu" else 65_536


def each_on_a_core(run: Callable[[list[int]], None], batches: Iterable[list[int]], cores: int) -> None:
    """Run batches side by side, with one of torch's threads for each."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        if cores == 1:
            for batch in batches:
                run(batch)
            return
        with ThreadPoolExecutor(cores, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            list(pool.map(run, batches))
    finally:
        torch.set_num_threads(threads)


def batches_by_tokens(lengths: Sequence[int] | Any, budget: int) -> Iterator[list[int]]:
    """Positions of texts in batches, longest first: texts times the longest one's tokens is at most ``budget``."""
    batch: list[int] = []
    for position in np.argsort(-np.asarray(lengths), kind="stable").tolist():
        if batch and (len(batch) + 1) * lengths[batch[0]] > budget:
            yield batch
            batch = []
        batch.append(position)
    if batch:
        yield batch


def cut_batch(features: Features, rows: list[int]) -> Features:
    """Some texts of a tokenised group, without the columns that are padding in all of them, on either side."""
    texts, width = features["attention_mask"].shape
    used = features["attention_mask"][rows].any(dim=0).nonzero().flatten()
    columns = slice(int(used[0]), int(used[-1]) + 1) if len(used) else slice(0, 1)
    batch: Features = {}
    for key, value in features.items():
        if isinstance(value, torch.Tensor) and value.ndim and value.shape[0] == texts:
            value = value[rows]
            if value.ndim > 1 and value.shape[1] == width:
                value = value[:, columns]
        batch[key] = value
    return batch

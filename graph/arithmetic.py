"""Which arithmetic runs a sentence encoder fastest on this machine without changing its vectors.

Whether bfloat16 pays depends on processor, model and library version, so it is tried: every way is run on the same
few texts, and one that agrees with float32 and is clearly faster is taken. Two things make bfloat16 fast on processors
with AMX or AVX512-BF16: matrix products at twice to eight times the rate, and attention as plain matrix products
("eager"), since torch's fused attention runs in the processor's vector units there (measured: 4.3 instead of 6.0 ms a
layer).
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

Vectors = npt.NDArray[np.float32]
Features = dict[str, Any]

CLEARLY = 0.75
"""A way is taken where it needs at most this part of the time of the one before it. Every run must find the same one:
vectors differ in the last digits, and by these a choice on validation near its edge turns over. Measured: bfloat16
needs .42 to .61 of float32's time, and one attention .87 to 1.26 of the other's, which is noise."""
LEAST_COSINE = 0.9995
"""To float32, for every text of the trial. What is promised for every text is 0.999."""


@dataclass(frozen=True)
class Way:
    """A way to run the transformer: type of its weights, and transformers' word for its attention (None: its own)."""

    dtype: torch.dtype
    attention: str | None = None

    @property
    def precision(self) -> str:
        return str(self.dtype).removeprefix("torch.")


FLOAT32 = Way(torch.float32)


class Forward:
    """A sentence-transformers model run one way: its transformer in that way, the modules after it in float32."""

    def __init__(self, model: Any, way: Way) -> None:
        self.way = way
        self._device = model.device
        self._transformer = model[0]
        self._rest = list(model)[1:]
        if way != FLOAT32:
            self._transformer = copy.deepcopy(model[0]).to(way.dtype)
        if way.attention is not None:
            self._transformer.auto_model.set_attn_implementation(way.attention)

    @torch.inference_mode()
    def __call__(self, features: Features) -> Vectors:
        """Vectors of one padded batch, float32 ``[texts, width]``."""
        features = self._transformer({key: _to(value, device=self._device) for key, value in features.items()})
        if self.way != FLOAT32:
            features = {key: _to(value, dtype=torch.float32) for key, value in features.items()}
        for module in self._rest:
            features = module(features)
        vectors: Vectors = features["sentence_embedding"].float().cpu().numpy()
        return vectors


def reduced_ways(device: torch.device) -> list[Way]:
    """The ways that may be faster than float32 on a device, the likeliest first."""
    if device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False):
        return [Way(torch.bfloat16)]
    if device.type == "cpu" and any(processor_flags().values()):
        return [Way(torch.bfloat16, "eager"), Way(torch.bfloat16)]
    return []


def processor_flags() -> dict[str, bool]:
    """Whether the processor multiplies bfloat16 matrices by itself, by instruction set."""
    known: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    amx, avx = (getattr(torch.cpu, f"_is_{name}_supported", bool) for name in ("amx_tile", "avx512_bf16"))
    return {
        "amx_bf16": bool(known.get("amx_bf16", amx())),
        "avx512_bf16": bool(known.get("avx512_bf16", avx())),
        "arm_bf16": bool(known.get("arm_bf16", known.get("bf16", False))),
    }


def fastest(model: Any, exact: Forward, run: Callable[[Forward], Vectors]) -> Forward:
    """Try every way with ``run``, which encodes the same texts each time in this thread; one that agrees and is fast.

    To agree is to come as near to ``exact`` as ``LEAST_COSINE``. A way is taken in place of those before it where it is
    ``CLEARLY`` faster. On a CPU this thread's processor time counts, which other programs hardly change.
    """
    clock = time.thread_time if model.device.type == "cpu" else time.perf_counter
    reference, least = _timed(run, exact, clock)
    taken = exact
    for way in reduced_ways(model.device):
        try:
            forward = Forward(model, way)
            vectors, seconds = _timed(run, forward, clock)
        except (RuntimeError, ValueError, NotImplementedError):  # a model without this attention, or too little memory
            continue
        if least_cosine(vectors, reference) >= LEAST_COSINE and seconds <= CLEARLY * least:
            taken, least = forward, seconds
    return taken


def least_cosine(vectors: Vectors, others: Vectors) -> float:
    """The least cosine between rows of the same position; two zero rows agree, NaN does not."""
    products = np.einsum("ij,ij->i", vectors, others, dtype=np.float64)
    norms = np.linalg.norm(vectors.astype(np.float64), axis=1) * np.linalg.norm(others.astype(np.float64), axis=1)
    both_zero = ~vectors.any(axis=1) & ~others.any(axis=1)
    cosines = np.where(both_zero, 1.0, products / np.where(norms == 0, 1.0, norms))
    return float(np.nan_to_num(cosines, nan=-1.0).min(initial=1.0))


def _timed(run: Callable[[Forward], Vectors], forward: Forward, clock: Callable[[], float]) -> tuple[Vectors, float]:
    """The vectors, and the seconds of the best of three runs: the first makes buffers and kernels."""
    seconds = []
    for _ in range(3):
        started = clock()
        vectors = run(forward)
        seconds.append(clock() - started)
    return vectors, min(seconds)


def _to(value: Any, **how: Any) -> Any:
    """Move a tensor, or change the type of a floating one; anything else as it is."""
    if isinstance(value, torch.Tensor) and ("dtype" not in how or value.is_floating_point()):
        return value.to(**how)
    return value

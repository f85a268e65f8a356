"""Text encoding against sentence-transformers' own: ``benchmarks.encoding``, as a part of the whole."""

from __future__ import annotations

from typing import Any

from benchmarks import encoding
from benchmarks.speed_rounds import median, ratio_row
from graphfeed.graph.encoder import DEFAULT_ENCODER

TEXTS = 120
"""In a round."""


def measure(rounds: int) -> dict[str, Any]:
    """Texts a second of both, and the ratio."""
    dump = encoding.find_dump(None)
    found = [encoding.measure(TEXTS, dump, DEFAULT_ENCODER, "cpu") for _ in range(max(1, rounds // 2))]
    names = {"ours": "ours_texts_a_second", "sentence-transformers": "library_texts_a_second"}
    return {
        "figures": {f"{name}, texts/s": median([f[key] for f in found]) for name, key in names.items()}
        | {"least cosine": min(f["least_cosine"] for f in found)},
        "ratios": {"ours over sentence-transformers": ratio_row(median([f["ratio"] for f in found]))},
        "texts": found[0]["from"],
        "precision": found[0]["precision"],
    }

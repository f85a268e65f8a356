"""How fast texts are encoded, against sentence-transformers' own float32 ``encode`` in the same run.

    python -m benchmarks.encoding                       # 600 texts of about 110 tokens
    python -m benchmarks.encoding --texts 2000 --dump ../shared/data/stackexchange/quantumcomputing --json

Texts are a Stack Exchange dump's posts, cut to between 30 and 190 tokens, where ``--dump`` or GRAPHFEED_DATA names one;
otherwise generated. The two take turns by halves (ours, theirs, theirs, ours), so that another program's load falls on
both; our time includes finding the fastest arithmetic.
"""

from __future__ import annotations

import argparse
import html
import json
import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import torch

from graphfeed.graph.arithmetic import least_cosine, processor_flags
from graphfeed.graph.encoder import DEFAULT_ENCODER
from graphfeed.graph.model_files import load_model
from graphfeed.graph.sentence_encoder import SentenceEncoder

DUMP = Path("stackexchange/quantumcomputing")
WORDS = (
    "garden bridge engine winter harvest ocean letter signal mountain market violin planet recipe tunnel forest museum"
    " glacier kitchen harbour lantern compass orchard railway theatre volcano weather workshop library painting bicycle"
    " the of and a in to is that with for on as by"
)


def main() -> None:
    """Measure, print, and with ``--json`` print it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--texts", type=int, default=600, help="how many texts (default 600)")
    parser.add_argument("--dump", type=Path, help="a Stack Exchange dump's folder, with Posts.xml")
    parser.add_argument("--encoder", default=DEFAULT_ENCODER, help="a name or folder for graphfeed embed")
    parser.add_argument("--device", default="cpu", help="cpu (default), cuda")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    asked = parser.parse_args()
    result = measure(asked.texts, find_dump(asked.dump), asked.encoder, asked.device)
    if asked.json:
        print(json.dumps(result, indent=2))
    else:
        for name, value in result.items():
            print(f"{name:26} {value:.4f}" if isinstance(value, float) else f"{name:26} {value}")


def measure(count: int, dump: Path | None, name: str, device: str) -> dict[str, Any]:
    """Texts a second of both, their ratio, and the least cosine between their vectors."""
    library = load_model(name, device)
    tokenizer = library.model.tokenizer
    texts = cut_texts(dump_texts(dump) if dump else generated_texts(count), tokenizer, count)
    encoder = SentenceEncoder.open(name, device=device)
    ours = Timed(encoder.encode)
    theirs = Timed(lambda part: library.model.encode_document(part, show_progress_bar=False))
    for each in (ours, theirs):
        each.run(texts[:16])  # buffers and kernels are made at first use
    for each, part in ((ours, 0), (theirs, 0), (theirs, 1), (ours, 1)):
        each.measure(texts[part::2])
    return {
        "texts": len(texts),
        "tokens_a_text": float(np.mean([len(tokens) for tokens in tokenizer(texts)["input_ids"]])),
        "from": dump.name if dump else "generated",
        "ours_texts_a_second": len(texts) / ours.seconds,
        "library_texts_a_second": len(texts) / theirs.seconds,
        "ratio": theirs.seconds / ours.seconds,
        "least_cosine": least_cosine(np.vstack(ours.vectors), np.vstack(theirs.vectors)),
        "precision": encoder.precision,
        "attention": encoder.way.attention or "the model's own",
        "threads": torch.get_num_threads(),
        "processor": ", ".join(flag for flag, there in processor_flags().items() if there) or "no bfloat16",
        "device": device,
    }


class Timed:
    """Runs an encoder on parts of the texts, adding up the seconds."""

    def __init__(self, run: Callable[[list[str]], Any]) -> None:
        self.run = run
        self.seconds = 0.0
        self.vectors: list[Any] = []

    def measure(self, texts: list[str]) -> None:
        """Encode a part and keep its vectors."""
        started = time.perf_counter()
        vectors = self.run(texts)
        self.seconds += time.perf_counter() - started
        # The two meet the parts in the same order, so that rows of the same position are of the same text.
        self.vectors.append(np.asarray(vectors, np.float32))


def find_dump(given: Path | None) -> Path | None:
    """The folder of a dump: the given one, or the one in GRAPHFEED_DATA."""
    if given is not None:
        return given
    data = os.environ.get("GRAPHFEED_DATA")
    folder = Path(data) / DUMP if data else None
    return folder if folder and folder.exists() else None


def dump_texts(folder: Path) -> list[str]:
    """Posts' bodies without their markup."""
    bodies = (row.get("Body") or "" for _, row in ElementTree.iterparse(folder / "Posts.xml"))
    return [re.sub(r"\s+", " ", re.sub("<[^>]+>", " ", html.unescape(body))).strip() for body in bodies if body]


def generated_texts(count: int) -> list[str]:
    """Words in random order, 190 to 250 of them."""
    rng = np.random.default_rng(0)
    return [" ".join(rng.choice(WORDS.split(), rng.integers(190, 250))) for _ in range(count)]


def cut_texts(texts: list[str], tokenizer: Any, count: int) -> list[str]:
    """``count`` texts of between 30 and 190 tokens (110 on average), taken and cut at random from those given."""
    rng = np.random.default_rng(0)
    cut: list[str] = []
    while len(cut) < count:
        text = texts[int(rng.integers(len(texts)))]
        spans = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)["offset_mapping"]
        length = int(rng.integers(28, 189))
        if len(spans) >= length:
            start = int(rng.integers(len(spans) - length + 1))
            cut.append(text[spans[start][0] : spans[start + length - 1][1]])
    return cut


if __name__ == "__main__":
    main()

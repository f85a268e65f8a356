"""Fine-tuning the text encoder: a planted structure is found, nothing later is learned from, and leaks are seen."""

from __future__ import annotations

import builtins
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.training.grouped_world import GROUPS, TELLING, WORDS, planted
from tests.training.tiny_encoder import save_tiny_encoder

from graphfeed.errors import ConfigError, EncoderError, LeakError, NothingToPredictError, TrainingError
from graphfeed.graph.encoder import open_encoder
from graphfeed.graph.links_seen import read_links_seen
from graphfeed.graph.lora import AdaptedEncoder
from graphfeed.training.finetune import RECORD_FILE, finetune, plan
from graphfeed.training.finetune_pairs import find_pairs
from graphfeed.training.finetune_settings import FinetuneSettings
from graphfeed.training.split import Split, SplitSettings, make_split

QUICK = FinetuneSettings(epochs=3, learning_rate=5e-3, max_tokens=16, batch=64)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(save_tiny_encoder(tmp_path_factory.mktemp("tiny"), WORDS))


@pytest.fixture(scope="module")
def split() -> Split:
    return make_split(planted(), SplitSettings(kind="rolling", window_days=2))


@pytest.fixture(scope="module")
def tuned(split: Split, tiny: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """The planted community's encoder, and what was said of it. Not to be written to."""
    folder = tmp_path_factory.mktemp("tuned") / "encoder"
    return folder, finetune(split, QUICK, encoder=tiny, folder=folder)


def same_group_gap(encoder: str, texts: list[str], groups: np.ndarray) -> float:
    """How much higher the mean cosine is within groups than between them."""
    vectors = open_encoder(encoder, device="cpu").encode(texts)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    cosine, same = vectors @ vectors.T, groups[:, None] == groups[None, :]
    other_post = ~np.eye(len(texts), dtype=bool)
    return float(cosine[same & other_post].mean() - cosine[~same].mean())


def test_posts_of_one_group_come_closer_also_those_that_came_later(
    split: Split, tiny: str, tuned: tuple[Path, Any]
) -> None:
    folder, found = tuned
    graph = split.training.graph
    later = np.flatnonzero(graph.data["Post"].time.numpy() > split.training.now)
    texts = [graph.texts["Post"][post] for post in later]
    before, after = (same_group_gap(name, texts, later % GROUPS) for name in (tiny, str(folder)))
    assert len(later) > 60
    assert before < 0.05 < 0.3 < after
    assert found.kept
    assert found.gain > found.error > 0
    assert found.after["ndcg@10"] > found.before["ndcg@10"]
    assert found.losses[-1] < found.losses[0]


def test_what_gains_nothing_is_not_kept(split: Split, tiny: str, tmp_path: Path) -> None:
    still = QUICK.model_copy(update={"learning_rate": 1e-12, "epochs": 1})
    found = finetune(split, still, encoder=tiny, folder=tmp_path / "encoder")
    assert not found.kept
    assert found.folder is None
    assert found.gain <= found.error
    assert list(tmp_path.iterdir()) == []


def test_the_written_encoder_gives_the_vectors_that_were_chosen(
    split: Split, tiny: str, tuned: tuple[Path, Any]
) -> None:
    folder, found = tuned
    texts = [*split.training.graph.texts["Post"][:40], ""]
    adapted = AdaptedEncoder.open(tiny, rank=8, alpha=16.0, dropout=0.0, seed=0, device="cpu")
    base = adapted.encode(texts)
    encoder = open_encoder(str(folder), device="cpu")
    vectors = encoder.encode(texts)
    assert encoder.name == str(folder.resolve())
    assert encoder.revision != open_encoder(tiny, device="cpu").revision
    assert np.array_equal(vectors, open_encoder(str(folder), device="cpu").encode(texts))
    record = json.loads((folder / RECORD_FILE).read_text(encoding="utf-8"))
    assert record["validation"]["after"] == found.after
    lengths = np.linalg.norm(vectors, axis=1)
    assert np.abs((vectors[:-1] / lengths[:-1, None] * base[:-1]).sum(axis=1)).max() < 0.999
    assert not vectors[-1].any()


def test_merged_weights_give_the_adapters_vectors(tiny: str, tmp_path: Path) -> None:
    adapted = AdaptedEncoder.open(tiny, rank=4, alpha=8.0, dropout=0.0, seed=3, device="cpu")
    start = adapted.state()
    adapted.load({name: value + 0.05 for name, value in start.items()})
    texts = [f"{one} {other}" for one in TELLING[0] for other in TELLING[1]]
    adapted.save(tmp_path)
    vectors = open_encoder(str(tmp_path), device="cpu").encode(texts)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    assert (vectors * adapted.encode(texts)).sum(axis=1).min() > 0.999
    moved = adapted.encode(texts)
    adapted.load(start)
    assert (moved * adapted.encode(texts)).sum(axis=1).max() < 0.999


def test_the_same_seed_gives_the_same_encoder(split: Split, tiny: str, tuned: tuple[Path, Any], tmp_path: Path) -> None:
    folder, found = tuned
    again = finetune(split, QUICK, encoder=tiny, folder=tmp_path / "encoder")
    assert again.losses == found.losses
    assert again.chosen_by == found.chosen_by
    revisions = [open_encoder(str(name), device="cpu").revision for name in (folder, tmp_path / "encoder")]
    assert revisions[0] == revisions[1]
    short = QUICK.model_copy(update={"epochs": 1})
    assert finetune(split, short, encoder=tiny, folder=tmp_path / "other", seed=1).losses[0] != found.losses[0]


def test_gradients_in_parts_are_those_of_the_whole(tiny: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from graphfeed.graph import lora

    texts = [" ".join(WORDS[number : number + 1 + number % 3]) for number in range(12)]
    target = torch.randn(12, 64, generator=torch.Generator().manual_seed(0))

    def gradients(tokens: int) -> list[torch.Tensor]:
        monkeypatch.setattr(lora, "batch_tokens", lambda device: tokens)
        monkeypatch.setattr(lora, "reduced_ways", lambda device: [])
        adapted = AdaptedEncoder.open(tiny, rank=4, alpha=8.0, dropout=0.0, seed=0, device="cpu")
        adapted.learn(texts, 16, lambda vectors: (vectors * target).sum() + (vectors @ vectors.T).exp().mean())
        return [parameter.grad for parameter in adapted.parameters() if parameter.grad is not None]

    whole, parts = gradients(10_000), gradients(8)
    assert len(whole) == len(parts) > 10
    assert max(float((a - b).abs().max()) for a, b in zip(whole, parts, strict=True)) < 1e-5
    assert max(float(a.abs().max()) for a in whole) > 1e-3


# --- when it is ended, and what it refuses ---------------------------------------------------------------


class Interrupting:
    """Progress that is Ctrl-C at a step of an epoch."""

    def __init__(self, epoch: int, step: int) -> None:
        self.what, self.step = f"finetune, epoch {epoch}", step

    def __call__(self, what: str, done: int, total: int, word: str) -> None:
        if what == self.what and done == self.step:
            raise KeyboardInterrupt


def test_interrupted_before_anything_was_better_the_former_encoder_stays(
    split: Split, tiny: str, tuned: tuple[Path, Any], tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(tuned[0], tmp_path / "encoder"))
    before = {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}
    found = finetune(split, QUICK, encoder=tiny, folder=folder, progress=Interrupting(1, 2))
    assert found.interrupted
    assert not found.kept
    assert {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()} == before
    assert [file.name for file in tmp_path.iterdir()] == ["encoder"]


def test_interrupted_later_the_best_epoch_is_kept(
    split: Split, tiny: str, tuned: tuple[Path, Any], tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(tuned[0], tmp_path / "encoder"))
    found = finetune(split, QUICK, encoder=tiny, folder=folder, seed=1, progress=Interrupting(3, 1))
    assert found.interrupted
    assert found.best_epoch in (1, 2)
    assert found.kept
    assert json.loads((folder / RECORD_FILE).read_text())["seed"] == 1
    assert [file.name for file in tmp_path.iterdir()] == ["encoder"]


def test_the_minutes_end_it(split: Split, tiny: str, tmp_path: Path) -> None:
    found = finetune(split, QUICK, encoder=tiny, folder=tmp_path / "encoder", minutes=1e-4)
    assert found.epochs <= 1
    with pytest.raises(ConfigError, match="minutes above 0"):
        finetune(split, QUICK, encoder=tiny, folder=tmp_path / "encoder", minutes=0)


def test_a_plan_says_what_would_be_done(split: Split, tiny: str) -> None:
    found = plan(split, QUICK, encoder=tiny)
    pairs = find_pairs(split.training, QUICK, 0)
    assert found.pairs == pairs.counts()
    assert found.steps == -(-len(pairs) // QUICK.batch)
    assert found.layers == 2 * 6  # query, key, value and three dense ones in each of the two layers
    assert found.trained == 2 * (4 * 8 * (64 + 64) + 2 * 8 * (64 + 128))
    assert found.until == pairs.seen.until
    assert 0 < found.seconds < 120


def test_a_folder_with_something_else_is_left_alone(split: Split, tiny: str, tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear Ada")
    with pytest.raises(ConfigError, match="holds something else than a fine-tuned encoder"):
        finetune(split, QUICK, encoder=tiny, folder=tmp_path)
    with pytest.raises(ConfigError, match="is a file"):
        finetune(split, QUICK, encoder=tiny, folder=tmp_path / "letter.txt")


def test_too_little_is_said(tiny: str, tmp_path: Path) -> None:
    graph = planted()
    graph.texts["Post"][:] = [""] * graph.count("Post")
    mute = make_split(graph, SplitSettings(kind="rolling", window_days=2))
    with pytest.raises(TrainingError, match="found 0 in the training part"):
        finetune(mute, QUICK, encoder=tiny, folder=tmp_path / "encoder")
    nobody = make_split(planted(), SplitSettings(kind="rolling", window_days=2))
    nobody.rounds = lambda part, kind="posts": iter(())  # type: ignore[method-assign, assignment, misc]
    with pytest.raises(NothingToPredictError, match="nothing to judge an encoder by"):
        finetune(nobody, QUICK, encoder=tiny, folder=tmp_path / "encoder")
    with pytest.raises(EncoderError, match="no weights to fine-tune"):
        finetune(make_split(planted(), SplitSettings(kind="rolling")), QUICK, encoder="tfidf", folder=tmp_path / "e")


def test_without_peft_it_says_what_to_install(
    split: Split, tiny: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    really = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name == "peft":
            raise ImportError(name)
        return really(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ConfigError, match=r"pip install 'graphfeed\[finetune\]'"):
        finetune(split, QUICK, encoder=tiny, folder=tmp_path / "encoder")


def test_a_fine_tuned_encoder_is_not_begun_with_where_it_saw_the_answers(
    split: Split, tuned: tuple[Path, Any], tmp_path: Path
) -> None:
    early = make_split(planted(), SplitSettings(kind="rolling", window_days=2, fit=0.2))
    with pytest.raises(LeakError, match="fine-tuned on links"):
        finetune(early, QUICK, encoder=str(tuned[0]), folder=tmp_path / "encoder")
    first, once = read_links_seen(tuned[0]), find_pairs(split.training, QUICK, 0).seen
    assert first is not None
    assert np.array_equal(first.pairs, once.pairs)
    assert first.until == once.until


def test_the_page_says_what_the_settings_are() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "finetuning.md").read_text(encoding="utf-8")
    for name, field in FinetuneSettings.model_fields.items():
        (row,) = (line for line in page.splitlines() if line.startswith(f"| `{name}` |"))
        assert str(field.description) in row
        value = ", ".join(field.default) if isinstance(field.default, tuple) else f"{field.default or 0:,}"
        assert row.split("|")[2].strip() == ("learned" if field.default is None else value.removesuffix(".0"))

"""A sentence encoder with low-rank adapters in its transformer (LoRA, Hu et al. 2022; peft), to be trained and merged.

    adapted = AdaptedEncoder.open("all-MiniLM-L6-v2", rank=8, alpha=16, dropout=0.05, seed=0)
    loss = adapted.learn(texts, 128, loss_of)    # gradients for adapted.parameters(), of a loss of the texts' vectors
    vectors = adapted.encode(texts)              # as an encoder: without gradients
    adapted.save(folder)                         # a sentence-transformers model, the adapters merged into it

Only the adapters are trained: a low-rank product beside every linear layer of the transformer (query, key, value,
dense), zero at the start. They are saved merged: the folder is a model like any other, which ``open_encoder`` opens
without peft and runs as fast as the one that it came from. Training runs in bfloat16 where the processor multiplies it
by itself, with weights and gradients of the adapters in float32.
"""

from __future__ import annotations

import copy
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from sentence_transformers.base.modules import Transformer
from torch import Tensor, nn

from graphfeed.errors import ConfigError, EncoderError
from graphfeed.graph.arithmetic import FLOAT32, Features, Forward, reduced_ways
from graphfeed.graph.encoder import TERM_ENCODER, Vectors
from graphfeed.graph.model_files import load_model, without_bars
from graphfeed.graph.sentence_encoder import (
    GROUP,
    batch_tokens,
    batches_by_tokens,
    cut_batch,
    document_prompt,
    each_on_a_core,
)

State = dict[str, Tensor]


class AdaptedEncoder:
    """A sentence-transformers model whose adapters can be trained. Made by ``open``."""

    def __init__(self, model: Any, name: str, revision: str, *, rank: int, alpha: float, dropout: float) -> None:
        peft = load_peft()
        self.name, self.revision = name, revision
        self._model = model
        self._prompt = document_prompt(model)
        self._longest = model.max_seq_length
        # The same on every run of a machine: which way is fastest is not timed, so that a seed gives the same numbers.
        self._way = next(iter(reduced_ways(model.device)), FLOAT32)
        if self._way.attention is not None:
            model[0].auto_model.set_attn_implementation(self._way.attention)
        layers = adapted_layers(model[0].auto_model)
        config = peft.LoraConfig(r=rank, lora_alpha=alpha, lora_dropout=dropout, target_modules=layers)
        self._adapted = peft.get_peft_model(model[0].auto_model, config)
        self.layers = len(layers)
        model.eval()  # the transformer's own dropout: on a CPU its random numbers take as long as the products
        for name, module in self._adapted.named_modules():
            if name.endswith("lora_dropout"):
                module.train()

    @classmethod
    def open(cls, name: str, *, rank: int, alpha: float, dropout: float, seed: int, device: str | None = None) -> Self:
        """Load an encoder by folder or Hugging Face name and give it adapters, drawn with a seed.

        Raises ConfigError without peft, EncoderError where the encoder is none that has a transformer.
        """
        load_peft()
        if name == TERM_ENCODER:
            raise EncoderError(f"the encoder {name!r} has no weights to fine-tune: name a sentence encoder instead")
        loaded = load_model(name, device)
        wanted = (getattr(loaded.model, "module_kwargs", None) or {}).values()
        if not isinstance(loaded.model[0], Transformer) or any(wanted):
            raise EncoderError(f"the encoder {name!r} is no transformer that reads texts: it cannot be fine-tuned")
        with seeded(seed):
            return cls(loaded.model, loaded.name, loaded.revision, rank=rank, alpha=alpha, dropout=dropout)

    @property
    def device(self) -> torch.device:
        """Where it runs."""
        found: torch.device = self._model.device
        return found

    @property
    def precision(self) -> str:
        """The arithmetic of the products, such as ``bfloat16``."""
        return self._way.precision

    def parameters(self) -> list[nn.Parameter]:
        """The adapters' weights: all that is trained."""
        return [parameter for parameter in self._adapted.parameters() if parameter.requires_grad]

    def trained_numbers(self) -> tuple[int, int]:
        """How many numbers are trained, and how many the transformer has without them."""
        trained = sum(parameter.numel() for parameter in self.parameters())
        return trained, sum(parameter.numel() for parameter in self._adapted.parameters()) - trained

    def learn(self, texts: Sequence[str], max_tokens: int, loss_of: Callable[[Tensor], Tensor]) -> float:
        """Add the gradients of a loss of all these texts' vectors to the adapters', and return the loss.

        ``loss_of`` gets the vectors, of length 1, float32 ``[texts, width]``; what else it depends on gets its
        gradients, too. Texts go through the model in parts of about as many tokens each, so that little is spent on
        padding, and twice, first without gradients, so that only one part's intermediate results are kept at a time
        (Gao et al. 2021, "Scaling deep contrastive learning batch size under memory limited setup"): a step takes the
        memory of a part, however many texts it has.
        """
        features = self._features(list(texts), max_tokens)
        parts = list(batches_by_tokens(features["attention_mask"].sum(dim=1).numpy(), batch_tokens(self.device)))
        with torch.no_grad():
            found = torch.cat([self._forward(features, rows, number) for number, rows in enumerate(parts)])
        place = torch.empty(len(found), dtype=torch.int64)
        place[torch.tensor([row for rows in parts for row in rows])] = torch.arange(len(found))
        vectors = found.index_select(0, place.to(self.device)).requires_grad_()
        loss = loss_of(vectors)
        loss.backward()  # type: ignore[no-untyped-call]
        gradient = vectors.grad
        assert gradient is not None
        for number, rows in enumerate(parts):
            again = self._forward(features, rows, number)
            again.backward(gradient[rows])  # type: ignore[no-untyped-call]
        return float(loss.detach())

    def _forward(self, features: Features, rows: list[int], number: int) -> Tensor:
        """Vectors of some texts. The same number drops the same inputs of the adapters both times."""
        batch = {key: _to(value, self.device) for key, value in cut_batch(features, rows).items()}
        with (
            seeded(torch.initial_seed() + number),
            torch.autocast(self.device.type, torch.bfloat16, enabled=self._way != FLOAT32),
        ):
            found: Tensor = self._model(batch)["sentence_embedding"]
        return nn.functional.normalize(found.float(), dim=1)

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Vectors of texts by the adapters as they are, of length 1, float32 ``[texts, width]``; a blank one's is 0."""
        merged = self._merged()
        forward = Forward(merged, self._way)
        order = sorted((i for i, text in enumerate(texts) if text.strip()), key=lambda i: -len(texts[i]))
        vectors: Vectors | None = None
        for start in range(0, len(order), GROUP):
            group = order[start : start + GROUP]
            found = self._group(forward, [texts[i] for i in group])
            if vectors is None:
                vectors = np.zeros((len(texts), found.shape[1]), np.float32)
            vectors[group] = found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-12)
        return np.zeros((len(texts), 0), np.float32) if vectors is None else vectors

    def state(self) -> State:
        """The adapters' weights as they are now, on the CPU."""
        names = {name for name, parameter in self._adapted.named_parameters() if parameter.requires_grad}
        every = self._adapted.state_dict()
        return {name: every[name].detach().cpu().clone() for name in sorted(names)}

    def load(self, state: State) -> None:
        """Set the adapters' weights to what ``state`` gave."""
        self._adapted.load_state_dict(state, strict=False)

    def save(self, folder: Path) -> None:
        """Write the model with its adapters merged into a folder that is there, as sentence-transformers has it."""
        with without_bars():
            self._merged().save(str(folder), create_model_card=False)

    def _merged(self) -> Any:
        """A copy without adapters whose weights hold them, ready to be run or saved."""
        merged, adapted = copy.deepcopy((self._model, self._adapted))  # together: they share the transformer
        adapted.merge_and_unload()
        return merged.eval()

    def _group(self, forward: Forward, texts: list[str]) -> Vectors:
        features = self._features(texts, None)
        found: dict[int, Vectors] = {}

        def run(rows: list[int]) -> None:
            found.update(zip(rows, forward(cut_batch(features, rows)), strict=True))

        batches = batches_by_tokens(features["attention_mask"].sum(dim=1).numpy(), batch_tokens(self.device))
        each_on_a_core(run, batches, torch.get_num_threads() if self.device.type == "cpu" else 1)
        return np.stack([found[row] for row in range(len(texts))])

    def _features(self, texts: list[str], max_tokens: int | None) -> Features:
        try:
            if max_tokens is not None:
                self._model.max_seq_length = min(max_tokens, self._longest or max_tokens)
            features: Features = self._model.preprocess(texts, prompt=self._prompt, task="document")
        finally:
            self._model.max_seq_length = self._longest
        return features


def adapted_layers(transformer: nn.Module) -> list[str]:
    """Names of the linear layers that get adapters: all but those of a pooler, which sentence vectors do not use."""
    return [
        name
        for name, module in transformer.named_modules()
        if isinstance(module, nn.Linear) and "pooler" not in name.split(".")
    ]


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Torch's own random numbers (first weights, dropout) from a seed; as they were afterwards."""
    devices = list(range(torch.cuda.device_count())) if torch.cuda.is_available() else []
    with torch.random.fork_rng(devices):
        torch.manual_seed(seed)
        yield


def load_peft() -> Any:
    """peft. Raises ConfigError where it is not installed."""
    try:
        import peft
    except ImportError as error:
        raise ConfigError("finetune needs peft, which is not installed: pip install 'graphfeed[finetune]'") from error
    return peft


def replace_folder(writing: Path, folder: Path) -> None:
    """Put a folder that was written in the place of another one, which stays until then."""
    former = folder.with_name(f"{folder.name}.former")
    shutil.rmtree(former, ignore_errors=True)
    if folder.exists():
        folder.rename(former)
    writing.rename(folder)
    shutil.rmtree(former, ignore_errors=True)


def _to(value: Any, device: torch.device) -> Any:
    return value.to(device) if isinstance(value, Tensor) else value

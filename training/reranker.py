"""The second stage: a small network puts the best of the first stage in order, by how their terms go together.

    reranker = fit_reranker(sample, weights, names, RerankerSettings(), seed)
    reranker.added(terms, first)           # ≥ 0, [people, candidates], on top of the first stage's scores

The score of the first stage is a sum: a term counts the same whatever the other terms are. The network sees a
candidate's terms and that sum, and learns by a softmax over the candidates of a question (ListNet, Cao et al. 2007)
which of them was taken. Its last layer begins at zero, that is with the first stage's order. What is added is the mean
of several networks, on the scale of the first stage, so that both have the same say. It is never negative, so that
nothing is overtaken by what was not looked at.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from graphfeed.training.sample import Sample
from graphfeed.training.settings import RerankerSettings

Float32 = npt.NDArray[np.float32]

BATCH = 64
"""Questions per step."""
FEWEST = 20
"""Questions with an answer among the best: with fewer there is nothing to learn from."""

SMALLEST = 1e-4
"""A term of a smaller weight is not looked at."""


@dataclass(frozen=True)
class Reranker:
    """Fitted networks and what brings their input and output to scale."""

    names: tuple[str, ...]
    """The terms that it sees, in this order."""
    top: int
    """How many candidates of the first stage it puts in order."""
    mean: torch.Tensor
    """Of the features, ``[features]``."""
    scale: torch.Tensor
    """Their standard deviation, ``[features]``."""
    networks: nn.ModuleList
    factor: float
    """From what the networks say to the first stage's scale."""

    def added(self, terms: Float32, first: Float32) -> Float32:
        """What to add to the first stage's scores ``[people, candidates]``; terms ``[people, candidates, names]``.

        Minus infinity in ``first``: no candidate.
        """
        there = np.isfinite(first)
        with torch.no_grad():
            features = (_features(torch.from_numpy(terms), torch.from_numpy(np.where(there, first, 0)))) - self.mean
            said = torch.stack([net(features / self.scale)[..., 0] for net in self.networks]).mean(dim=0).numpy()
        lowest = np.where(there, said, np.inf).min(axis=1, keepdims=True, initial=np.inf)
        return np.asarray(np.where(there, self.factor * (said - lowest), 0), dtype=np.float32)

    def state(self) -> dict[str, Any]:
        """For ``torch.save``."""
        return {
            "names": list(self.names),
            "top": self.top,
            "mean": self.mean,
            "scale": self.scale,
            "width": self.networks[0][0].out_features,  # type: ignore[index]
            "networks": self.networks.state_dict(),
            "factor": self.factor,
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Reranker:
        """What ``state`` gave."""
        count = len({key.partition(".")[0] for key in state["networks"]})
        networks = nn.ModuleList(_network(len(state["mean"]), state["width"], 0.0) for _ in range(count))
        networks.load_state_dict(state["networks"])
        names = tuple(state["names"])
        return cls(names, state["top"], state["mean"], state["scale"], networks.eval(), state["factor"])


def fit_reranker(
    sample: Sample, weights: Float32, names: list[str], settings: RerankerSettings, seed: int
) -> Reranker | None:
    """Learn from a sample's questions, by their best candidates under ``weights`` (by column of the sample).

    None where too few questions have an answer among those.
    """
    used = np.flatnonzero(weights > SMALLEST)
    first = sample.terms @ weights
    rows, question, place = _best(sample, first, settings.top)
    shape = (len(sample), settings.top)
    answer, score = np.zeros((2, *shape), dtype=np.float32)
    answer[question, place], score[question, place] = sample.answer[rows], first[rows]
    there = np.zeros(shape, dtype=np.bool_)
    there[question, place] = True
    asked = answer.sum(axis=1) > 0
    if asked.sum() < FEWEST or not len(used):
        return None
    raw = _features(torch.from_numpy(sample.terms[rows][:, used]), torch.from_numpy(first[rows]))
    mean, scale = raw.mean(dim=0), raw.std(dim=0) + 1e-6
    features = torch.zeros(*shape, raw.shape[1])
    features[question, place] = (raw - mean) / scale
    lists = _Lists(*(torch.from_numpy(v[asked]) for v in (features.numpy(), score, there, answer)))
    fitted = [_fit_network(lists, settings, seed + i) for i in range(settings.networks)]
    networks = nn.ModuleList(net for net, _ in fitted).eval()
    with torch.no_grad():
        said = torch.stack([net(lists.features)[..., 0] for net in networks]).mean(dim=0)
    weight = float(np.mean([weight for _, weight in fitted]))
    spread = float((said + weight * lists.first)[lists.there].std()) / max(float(lists.first[lists.there].std()), 1e-9)
    return Reranker(tuple(names[i] for i in used), settings.top, mean, scale, networks, 1 / (weight + spread))


@dataclass(frozen=True)
class _Lists:
    """Questions of one length."""

    features: torch.Tensor
    """``[questions, top, features]``"""
    first: torch.Tensor
    """The first stage's scores, ``[questions, top]``."""
    there: torch.Tensor
    """Where there is a candidate, ``[questions, top]``."""
    answer: torch.Tensor
    """1 for what the person did next, ``[questions, top]``."""


def _fit_network(lists: _Lists, settings: RerankerSettings, seed: int) -> tuple[nn.Module, float]:
    """A network, and the weight that the first stage's score has beside it."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = _network(lists.features.shape[2], settings.width, settings.dropout)
        log_weight = nn.Parameter(torch.zeros(()))
        parameters = [*network.parameters(), log_weight]
        optimizer = torch.optim.AdamW(parameters, lr=settings.learning_rate, weight_decay=settings.weight_decay)
        share = lists.answer / lists.answer.sum(dim=1, keepdim=True)
        for _ in range(settings.epochs):
            for some in torch.split(torch.randperm(len(share)), BATCH):
                said = network(lists.features[some])[..., 0] + log_weight.exp() * lists.first[some]
                odds = said.masked_fill(~lists.there[some], -1e9).log_softmax(dim=1)
                loss = -(share[some] * odds).sum(dim=1).mean()
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
    return network.eval(), float(log_weight.detach().exp())


def _network(features: int, width: int, dropout: float) -> nn.Sequential:
    last = nn.Linear(width // 2, 1)
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    return nn.Sequential(
        nn.Linear(features, width), nn.ReLU(), nn.Dropout(dropout), nn.Linear(width, width // 2), nn.ReLU(), last
    )


def _features(terms: torch.Tensor, first: torch.Tensor) -> torch.Tensor:
    """Terms ``[..., terms]``, their square roots (small values differ, too) and the first score ``[...]``, in one."""
    return torch.cat([terms.clamp(min=0).sqrt(), terms, first[..., None]], dim=-1)


def _best(sample: Sample, first: Float32, top: int) -> tuple[npt.NDArray[np.int64], ...]:
    """The best rows of each question: rows, their question, their place in it from 0."""
    order = np.lexsort((-first, sample.question))
    question = sample.question[order]
    place = np.arange(len(order)) - np.searchsorted(question, question)
    kept = place < top
    return order[kept], question[kept], place[kept]

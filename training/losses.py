"""What the towers are trained for: losses over a batch of links and drawn candidates.

    chances = Chances.of(every_link, fold, snapshot.candidates(kind), items, settings.loss)
    draw = chances.draw(settings.negatives, generator)
    loss = link_loss(towers, vectors, links, kind, draw, settings, generator)

- ``softmax``   a sampled softmax, corrected for how candidates were drawn (Bengio and Senécal 2008)
- ``bpr``       a link above a random candidate: −log σ(s(u, x) − s(u, x')) (Rendle et al. 2009)
- ``directau``  both ends of a link close together, all ends spread over the sphere (Wang et al. 2022); no candidates

A candidate whose links are all in the graph cannot be an answer of the fold, one that has lost its only link must be:
towers that know a post by its id would learn to look for what is missing, which says nothing once nothing is. So a
candidate is drawn the more often, the larger the share of its links that was taken out: what was missing then tells an
answer from the others no more. On average over the folds, candidates are drawn as often as they should be.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from graphfeed.training.links import Int64, LinkKind, Links
from graphfeed.training.log_partition import log_partition
from graphfeed.training.settings import LossName, TowerSettings
from graphfeed.training.towers import Towers

UNIFORMITY_LINKS = 2_048
"""Links of a batch, at most, whose ends' distances to each other are worked out."""


@dataclass(frozen=True)
class Draw:
    """Candidates drawn for a batch."""

    items: Tensor
    """Node indices, int64 ``[drawn]``, on the CPU."""
    log_expected: Tensor
    """Logarithm of how often each is among the draws on average over the folds, float32 ``[drawn]``."""


@dataclass(frozen=True)
class Chances:
    """How candidates of one kind are drawn while a fold of its links is out of the graph."""

    expected: npt.NDArray[np.float64]
    """On average over the folds, ``[items]``, sums to 1."""
    now: npt.NDArray[np.float64]
    """In this fold, ``[items]``, in proportion."""

    @classmethod
    def of(cls, links: Links, fold: Links, candidates: Int64, items: int, loss: LossName) -> Chances:
        """``links``: all of the kind, the fold among them. Half uniform, half by links; bpr uniform."""
        by_links = 0.0 if loss == "bpr" else 0.5
        every, gone = (np.bincount(part.target, minlength=items) for part in (links, fold))
        expected = by_links * every / max(every.sum(), 1)
        expected[candidates] += (1 - by_links) / len(candidates)
        usual = len(fold) / max(len(links), 1)
        # What was never linked to can be no answer, whatever is missing: it is drawn as often as ever.
        missing = np.where(every > 0, gone / np.maximum(every, 1), usual)
        return cls(expected / expected.sum(), expected * missing)

    def draw(self, count: int, generator: torch.Generator) -> Draw:
        """So many candidates, with replacement."""
        found = torch.multinomial(torch.from_numpy(self.now), count, replacement=True, generator=generator)
        return Draw(found, torch.log(count * torch.from_numpy(self.expected)[found]).float())


def draws_of(settings: TowerSettings, links: int) -> int:
    """How many candidates a batch of so many links needs."""
    return {"softmax": settings.negatives, "bpr": links, "directau": 0}[settings.loss]


def link_loss(
    towers: Towers,
    vectors: tuple[Tensor, Tensor],
    links: Links,
    kind: LinkKind,
    draw: Draw | None,
    settings: TowerSettings,
    generator: torch.Generator,
) -> Tensor:
    """The loss that is set, of one kind of links.

    ``vectors``: of people and of items ``[nodes, width]``; ``links`` and ``draw`` are indices into them.
    """
    people, items = vectors
    device = people.device
    # A person's candidates are scored once for all their links.
    asked, place = torch.unique(torch.from_numpy(links.source), return_inverse=True)
    target, place_there = torch.from_numpy(links.target), place.to(device)
    # index_select, not indexing: its gradient is summed in a fixed order, so that a seed gives the same numbers again.
    users = people.index_select(0, asked.to(device))
    each, positive = users.index_select(0, place_there), items.index_select(0, target.to(device))
    if settings.loss == "directau" or draw is None:
        return directau(*towers.ends(each, positive, kind), settings.uniformity, generator)
    scale = towers.sharpness.exp()
    right = _pair_scores(towers, each, positive, kind) * scale
    if settings.loss == "bpr":
        others = items.index_select(0, draw.items.to(device))
        return bpr(right, _pair_scores(towers, each, others, kind) * scale, (draw.items != target).to(device))
    drawn, column, times = torch.unique(draw.items, return_inverse=True, return_counts=True)
    expected = torch.empty(len(drawn)).index_copy_(0, column, draw.log_expected) - times.log()
    left, others = towers.ends(users, items.index_select(0, drawn.to(device)), kind)
    row, column = (pair.to(device) for pair in answers_among(place, target, drawn))
    against = log_partition(left * scale, others, -expected.to(device), row, column)
    return torch.nn.functional.softplus(against.index_select(0, place_there) - right).mean()


def answers_among(place: Tensor, target: Tensor, drawn: Tensor) -> tuple[Tensor, Tensor]:
    """Which drawn candidates (ascending) are answers of whom: pairs (place, column); links are (place, target)."""
    column = torch.searchsorted(drawn, target).clamp(max=len(drawn) - 1)
    there = drawn.index_select(0, column) == target
    return place[there], column[there]


def bpr(right: Tensor, wrong: Tensor, counts: Tensor) -> Tensor:
    """Mean of ``−log σ(right − wrong)`` ``[links]`` over the links that count."""
    each = torch.nn.functional.softplus(wrong - right) * counts
    return each.sum() / counts.sum().clamp(min=1)


def directau(users: Tensor, items: Tensor, uniformity: float, generator: torch.Generator) -> Tensor:
    """Alignment of the two ends of each link ``[links, width]``, and ``uniformity`` times that of all ends.

    Uniformity is worked out on at most ``UNIFORMITY_LINKS`` links, drawn at random.
    """
    users, items = (torch.nn.functional.normalize(ends, dim=1) for ends in (users, items))
    alignment = (users - items).square().sum(1).mean()
    some = torch.randperm(len(users), generator=generator)[:UNIFORMITY_LINKS].to(users.device)
    spread = [_uniformity(ends.index_select(0, some)) for ends in (users, items)]
    loss: Tensor = alignment + uniformity * (spread[0] + spread[1]) / 2
    return loss


def _uniformity(ends: Tensor) -> Tensor:
    """Logarithm of the mean of ``exp(−2 d²)`` over all pairs; 0 where there is no pair."""
    if len(ends) < 2:
        return ends.sum() * 0
    squares = (2 - 2 * ends @ ends.T)[tuple(torch.triu_indices(len(ends), len(ends), 1, device=ends.device))]
    return torch.logsumexp(-2 * squares, dim=0) - float(np.log(len(squares)))


def _pair_scores(towers: Towers, users: Tensor, items: Tensor, kind: LinkKind) -> Tensor:
    left, right = towers.ends(users, items, kind)
    return (left * right).sum(1)

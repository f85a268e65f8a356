"""Losses against cases worked out by hand, and candidates drawn so that what is missing tells nothing."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch.nn.functional import logsigmoid, normalize, softplus

from graphfeed.training.links import Links
from graphfeed.training.log_partition import log_partition
from graphfeed.training.losses import Chances, answers_among, bpr, directau, draws_of, link_loss
from graphfeed.training.settings import TowerSettings
from graphfeed.training.towers import LinearTowers


def links(pairs: list[tuple[int, int]]) -> Links:
    ends = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    return Links(ends[:, 0].copy(), ends[:, 1].copy(), np.full(len(pairs), -1))


def test_the_softmax_is_each_link_against_what_its_person_did_not_link_to() -> None:
    wrong = torch.tensor([[1.0, 2.0, 0.5], [0.0, -1.0, 3.0]])
    right, place = torch.tensor([1.5, 0.2, 2.0]), torch.tensor([0, 0, 1])
    expected = [
        -math.log(math.exp(1.5) / (math.exp(1.5) + math.exp(1.0) + math.exp(0.5))),
        -math.log(math.exp(0.2) / (math.exp(0.2) + math.exp(1.0) + math.exp(0.5))),
        -math.log(math.exp(2.0) / (math.exp(2.0) + 1 + math.exp(-1) + math.exp(3))),
    ]
    answer = torch.tensor([0]), torch.tensor([1])  # a link of the first person
    against = log_partition(torch.eye(2), wrong.T.contiguous(), torch.zeros(3), *answer)
    found = softplus(against[place] - right).mean()
    assert float(found) == pytest.approx(np.mean(expected), rel=1e-6)


def test_answers_are_found_among_the_drawn() -> None:
    place, target, drawn = torch.tensor([0, 0, 1]), torch.tensor([4, 9, 7]), torch.tensor([2, 4, 7])
    assert [found.tolist() for found in answers_among(place, target, drawn)] == [[0, 1], [1, 2]]


def test_bpr_is_the_mean_of_minus_log_sigmoid() -> None:
    right, wrong = torch.tensor([1.0, 0.0, 5.0]), torch.tensor([0.5, 2.0, 9.0])
    expected = -(logsigmoid(torch.tensor(0.5)) + logsigmoid(torch.tensor(-2.0))) / 2
    assert float(bpr(right, wrong, torch.tensor([True, True, False]))) == pytest.approx(float(expected), rel=1e-6)


def test_directau_is_alignment_and_uniformity() -> None:
    users, items = torch.randn(6, 4), torch.randn(6, 4)
    u, x = normalize(users, dim=1), normalize(items, dim=1)
    spread = [torch.pdist(ends).square().mul(-2).exp().mean().log() for ends in (u, x)]
    expected = (u - x).square().sum(1).mean() + 0.7 * (spread[0] + spread[1]) / 2
    assert float(directau(users, items, 0.7, torch.Generator())) == pytest.approx(float(expected), rel=1e-5)
    alone = directau(users[:1], items[:1], 0.7, torch.Generator())
    assert float(alone) == pytest.approx(float((u[0] - x[0]).square().sum()), rel=1e-5)


def test_candidates_are_drawn_by_the_share_of_their_links_that_is_missing() -> None:
    every, fold = links([(0, 0), (1, 0), (2, 1), (3, 1), (4, 2)]), links([(0, 0), (2, 1), (3, 1)])
    chances = Chances.of(every, fold, np.arange(4), 5, "softmax")
    expected = 0.5 * np.array([2, 2, 1, 0, 0]) / 5 + 0.5 * np.array([1, 1, 1, 1, 0]) / 4
    np.testing.assert_allclose(chances.expected, expected)
    # Post 2 has all its links, 3 never had one, 4 is no candidate.
    np.testing.assert_allclose(chances.now, expected * np.array([0.5, 1.0, 0.0, 3 / 5, 0]))


def test_over_the_folds_candidates_are_drawn_as_expected() -> None:
    random = np.random.default_rng(0)
    every = links([(user, int(post)) for user in range(50) for post in random.choice(30, 4, replace=False)])
    order = random.permutation(len(every))
    total = np.zeros(30)
    for part in np.array_split(order, 4):
        fold = Links(every.source[part], every.target[part], every.time[part])
        total += Chances.of(every, fold, np.arange(30), 30, "softmax").now
    np.testing.assert_allclose(total, Chances.of(every, every, np.arange(30), 30, "softmax").expected, rtol=1e-9)


def test_the_estimate_of_the_softmax_is_right_on_average() -> None:
    """Drawn candidates, weighed by how often they are expected, sum to what all of them sum to."""
    every = links([(0, post % 7) for post in range(20)])
    chances = Chances.of(every, every, np.arange(12), 12, "softmax")
    draw = chances.draw(200_000, torch.Generator().manual_seed(0))
    scores = torch.linspace(-1, 2, 12)
    estimate = torch.logsumexp(scores[draw.items] - draw.log_expected, dim=0)
    assert float(estimate) == pytest.approx(float(torch.logsumexp(scores, dim=0)), abs=0.01)


@pytest.mark.parametrize("loss", ["softmax", "bpr", "directau"])
@pytest.mark.parametrize("normalised", [False, True])
def test_the_loss_of_links_has_a_gradient_that_pulls_them_together(loss: str, normalised: bool) -> None:
    settings = TowerSettings.model_validate({"loss": loss, "negatives": 50, "normalised": normalised})
    towers = LinearTowers(4, {"Post": 6}, 0, [], 1, normalised=settings.scores_normalised)
    torch.manual_seed(0)
    people, posts = (torch.randn(n, 4, requires_grad=True) for n in (5, 6))
    some = links([(0, 1), (1, 2), (0, 3), (4, 5)])
    generator = torch.Generator().manual_seed(0)
    chances = Chances.of(some, some, np.arange(6), 6, settings.loss)
    count = draws_of(settings, len(some))
    draw = chances.draw(count, generator) if count else None

    def value() -> torch.Tensor:
        return link_loss(towers, (people, posts), some, "posts", draw, settings, torch.Generator().manual_seed(1))

    before = value()
    slopes = torch.autograd.grad(before, (people, posts))
    with torch.no_grad():
        people -= 0.1 * slopes[0]
        posts -= 0.1 * slopes[1]
    assert value().item() < before.item()
    assert float(slopes[0][2].abs().sum()) == 0  # nobody's link


def test_scores_that_are_normalised_are_cosines() -> None:
    towers = LinearTowers(3, {}, 0, [], 1, normalised=True)
    scores = towers.scored(torch.tensor([[2.0, 0, 0]]), torch.tensor([[5.0, 0, 0], [0, 1, 0], [-1, 0, 0]]), "posts")
    torch.testing.assert_close(scores, torch.tensor([[1.0, 0.0, -1.0]]))

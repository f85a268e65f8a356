"""Towers of the kind that the settings name: made new, or made again from what was kept of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from graphfeed.training.adjacency import Adjacencies
from graphfeed.training.neural_towers import NeuralTowers
from graphfeed.training.settings import TowerSettings
from graphfeed.training.tower_input import LABELS, tower_input, tower_relations
from graphfeed.training.towers import LinearTowers, Towers, message_names, spectral_posts, start_from, warm_start

LARGE = 100_000_000
"""Links times width from which the linear towers are not trained unless asked for."""
HELD_NUMBERS = 2**28
"""The vectors of all nodes may have so many numbers: 1 GiB. On a larger graph linear towers are narrower."""
NEURAL_WIDTH = 64
NEURAL_EPOCHS = 100


def make_towers(config: dict[str, Any]) -> Towers:
    """Towers of a kept ``Towers.config``, their weights still to be loaded."""
    given = dict(config)
    kind = given.pop("kind", "linear")
    given["relations"] = tuple(given.get("relations", ()))
    return LinearTowers(**given) if kind == "linear" else NeuralTowers(kind, **given)


def start_towers(adjacencies: Adjacencies, settings: TowerSettings, seed: int) -> Towers:
    """Towers as they are before training: posts begin as singular vectors, the layers of PyG at random."""
    links = len(adjacencies.snapshot.links("posts"))
    graph = adjacencies.snapshot.graph
    width = tower_width(settings, links, sum(graph.count(label) for label in LABELS))
    if settings.kind == "linear":
        return warm_start(adjacencies, width, settings.layers, seed, normalised=settings.scores_normalised)
    width = settings.heads * -(-width // settings.heads)
    relations = tower_relations(adjacencies)
    # Only what the graph has: a layer holds weights for every edge type.
    there = [m.name for m in tower_input(adjacencies, torch.device("cpu"), relations=relations).messages]
    names = [name for name in message_names(relations) if name in there]
    text_width = graph.data["Post"].x.shape[1] if "x" in graph.data["Post"] else 0
    known = {"Post": graph.count("Post"), "Entity": graph.count("Entity")}
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        towers = NeuralTowers(
            settings.kind,
            width,
            known,
            text_width,
            names,
            settings.layers,
            relations,
            settings.scores_normalised,
            settings.heads,
        )
        posts = spectral_posts(adjacencies, max(1, min(width, min(adjacencies.raw("engaged").shape) - 1)), seed)
        rest = 0.1 * torch.randn(len(posts), width - posts.shape[1])
        start_from(towers, adjacencies, torch.cat([posts, rest], dim=1))
        if "Entity" in towers.identity:
            towers.identity["Entity"].data.normal_(std=0.1)
    return towers


def tower_width(settings: TowerSettings, links: int, nodes: int = 0) -> int:
    """The width that is set; else 64, for linear towers a power of two near the links' square root, 32 to 1,024.

    Linear towers are as much narrower as ``HELD_NUMBERS`` asks for so many nodes.
    """
    if settings.width or settings.kind != "linear":
        return settings.width or NEURAL_WIDTH
    width = int(np.clip(2 ** round(np.log2(max(links, 1) ** 0.5)), 32, 1_024))
    while width > 32 and width * nodes > HELD_NUMBERS:
        width //= 2
    return width


def tower_epochs(settings: TowerSettings, links: int) -> int:
    """The epochs that are set; else 100, for linear towers 20.

    None for linear towers where links and width are so many that an epoch takes minutes on a CPU: there the spectral
    warm start is good as it is, and the first epochs made it worse (benchmarks/README.md).
    """
    if settings.epochs is not None:
        return settings.epochs
    if settings.kind != "linear":
        return NEURAL_EPOCHS
    return 20 if links * tower_width(settings, links) <= LARGE else 0

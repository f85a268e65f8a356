"""The towers: message passing over all typed relations, ending in one vector per node.

``Towers`` is what every kind has in common; the linear kind stands here, HGT, GAT and SAGE in ``neural_towers.py``.

    H(0) = W · text_vector + id_embedding         (the id part is dropped at random while training)
    h = Σ_l a(l, label) · H(l),   times (1 + degree)^γ
    score(u, x) = h_u · diag(s_kind) · h_x        (both made as long as 1 before where scores are normalised)

A node that came after training has no id embedding; its vector follows from its text and its first edges. People have
no id embedding at all: a person is what they did, so a vector can be had for anybody at any moment.

The linear kind is LightGCN's (He et al. 2020), over typed relations with a learned weight per layer and relation:

    H(l+1)[dst] = Σ_r  w(l, r) · A_r · H(l)[src]   A_r normalised by the square roots of the degrees at both ends

The warm start is spectral: posts begin as the right singular vectors of the normalised engagement matrix, which makes
the untrained linear towers the ideal low-pass filter of GF-CF (Shen et al. 2021), and W begins as the ridge regression
from text vectors to them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from sklearn.utils.extmath import randomized_svd
from threadpoolctl import threadpool_limits
from torch import Tensor, nn

from graphfeed.training.adjacency import Adjacencies, normalise
from graphfeed.training.links import LINK_KINDS, LinkKind
from graphfeed.training.tower_input import (
    LABELS,
    RELATIONS,
    SYMMETRIC,
    TowerInput,
    degrees,
    tower_input,
    tower_relations,
)


class Towers(nn.Module):
    """What all kinds share. ``known`` are the nodes by label that have an id embedding (the first ones).

    A subclass passes the messages: ``_layers``. ``config`` is what ``tower_kinds.make_towers`` makes the same again of.
    """

    kind = ""

    def __init__(
        self,
        width: int,
        known: dict[str, int],
        text_width: int,
        names: list[str],
        layers: int,
        relations: tuple[str, ...] = (),
        normalised: bool = False,
    ) -> None:
        """``names``: the messages that are passed; ``relations``: those of RELATED_TO that are told apart."""
        super().__init__()
        self.width, self.layers, self.relations, self.normalised = width, layers, tuple(relations), normalised
        self.config: dict[str, Any] = {
            "kind": self.kind,
            "width": width,
            "known": known,
            "text_width": text_width,
            "names": names,
            "layers": layers,
            "relations": list(relations),
            "normalised": normalised,
        }
        self.identity = nn.ParameterDict({label: torch.zeros(count, width) for label, count in known.items() if count})
        self.lift = nn.ParameterDict({label: torch.zeros(text_width, width) for label in LABELS if text_width})
        self.depth = nn.ParameterDict({label: torch.zeros(layers + 1) for label in LABELS})
        self.degree_power = nn.ParameterDict({label: torch.zeros(()) for label in LABELS})
        self.kind_scale = nn.ParameterDict({kind: torch.ones(width) for kind in LINK_KINDS})
        self.sharpness = nn.Parameter(torch.zeros(()))
        """Logarithm of the inverse temperature of the softmax."""

    def forward(
        self,
        given: TowerInput,
        drop: float = 0.0,
        generator: torch.Generator | None = None,
        only: dict[str, Tensor] | None = None,
    ) -> dict[str, Tensor]:
        """Vectors of all nodes by label, ``[nodes, width]``; or of ``only`` these, rows of ``given`` by label."""
        return self.finish(self._layers(self.start(given, drop, generator), given), given, only)

    def start(
        self, given: TowerInput, drop: float = 0.0, generator: torch.Generator | None = None
    ) -> dict[str, Tensor]:
        """H(0) by label: what texts and id embeddings say. ``drop``: share of the id embeddings left out."""
        return {label: self._start(label, given, drop, generator) for label in LABELS}

    def finish(
        self, states: list[dict[str, Tensor]], given: TowerInput, only: dict[str, Tensor] | None = None
    ) -> dict[str, Tensor]:
        """The vectors from the states ``H(0), H(1), …``; or of ``only`` these rows: a step asks for few."""
        found = {}
        for label in LABELS if only is None else only:
            several, degree = [state[label] for state in states], given.degree[label]
            if only is not None:
                several, degree = [s.index_select(0, only[label]) for s in several], degree.index_select(0, only[label])
            parts = [self.depth[label][place] * state for place, state in enumerate(several)]
            found[label] = sum(parts[1:], start=parts[0]) * (1 + degree).pow(self.degree_power[label])[:, None]
        return found

    def scored(self, users: Tensor, items: Tensor, kind: LinkKind) -> Tensor:
        """Scores ``[users, items]`` of vectors ``[users, width]`` and ``[items, width]``."""
        left, right = self.ends(users, items, kind)
        product: Tensor = left @ right.T
        return product

    def ends(self, users: Tensor, items: Tensor, kind: LinkKind) -> tuple[Tensor, Tensor]:
        """Vectors whose dot product is the score: cosines where scores are normalised."""
        users = users * self.kind_scale[kind]
        if not self.normalised:
            return users, items
        return nn.functional.normalize(users, dim=1), nn.functional.normalize(items, dim=1)

    def _layers(self, start: dict[str, Tensor], given: TowerInput) -> list[dict[str, Tensor]]:
        """``H(0)`` and what follows it; a list may end early where the later layers count nothing."""
        raise NotImplementedError

    def _start(self, label: str, given: TowerInput, drop: float, generator: torch.Generator | None) -> Tensor:
        start = torch.zeros(given.nodes[label], self.width, device=self.sharpness.device)
        if label in self.lift and label in given.text:
            start = given.text[label] @ self.lift[label]
        if label in self.identity:
            start = start + self._known(label, given, drop, generator)
        return start

    def _known(self, label: str, given: TowerInput, drop: float, generator: torch.Generator | None) -> Tensor:
        """Id embeddings of the input's nodes, zeros for those that came after training."""
        every: Tensor = self.identity[label]
        if given.rows is None:
            known = every[: given.nodes[label]]
            if drop:
                known = known * (torch.rand(len(known), 1, generator=generator).to(known.device) >= drop)
            return nn.functional.pad(known, (0, 0, 0, given.nodes[label] - len(known)))
        rows = given.rows[label]
        there = (rows < len(every)).to(every.dtype)[:, None]
        if drop:
            there = there * (torch.rand(len(rows), 1, generator=generator).to(every.device) >= drop)
        return every.index_select(0, rows.clamp(max=len(every) - 1)).mul(there)


class LinearTowers(Towers):
    """See the module's docstring."""

    kind = "linear"

    def __init__(
        self,
        width: int,
        known: dict[str, int],
        text_width: int,
        names: list[str],
        layers: int,
        relations: tuple[str, ...] = (),
        normalised: bool = False,
    ) -> None:
        super().__init__(width, known, text_width, names, layers, relations, normalised)
        self.relation = nn.ParameterDict({name: torch.full((layers,), 0.1) for name in names})

    def _layers(self, start: dict[str, Tensor], given: TowerInput) -> list[dict[str, Tensor]]:
        states = [start]
        for layer in range(self.layers):
            if not self.training and not any(self.depth[label][layer + 1 :].any() for label in LABELS):
                break
            h, after = states[-1], dict[str, Tensor]()
            for message in given.messages:
                if message.name in self.relation:
                    sent = message.weighted(h[message.source], self.relation[message.name][layer])
                    after[message.target] = after[message.target] + sent if message.target in after else sent
            states.append({label: after.get(label, torch.zeros_like(h[label])) for label in LABELS})
        return states


def message_names(relations: tuple[str, ...]) -> list[str]:
    """Every message that a graph may have; ``relations``: those of RELATED_TO that are told apart."""
    names = [f"{name}{way}" for name in RELATIONS for way in "><" if not (name in SYMMETRIC and way == "<")]
    return names + [f"related:{name}{way}" for name in relations for way in "><"]


def warm_start(
    adjacencies: Adjacencies, width: int, layers: int, seed: int, *, normalised: bool = False
) -> LinearTowers:
    """Linear towers that begin as a spectral filter of who engaged with what; see the module's docstring."""
    graph = adjacencies.snapshot.graph
    relations = tower_relations(adjacencies)
    posts = spectral_posts(adjacencies, max(1, min(width, min(adjacencies.raw("engaged").shape) - 1)), seed)
    text_width = graph.data["Post"].x.shape[1] if "x" in graph.data["Post"] else 0
    known = {"Post": graph.count("Post"), "Entity": graph.count("Entity")}
    towers = LinearTowers(
        posts.shape[1], known, text_width, message_names(relations), layers, relations, normalised=normalised
    )
    start_from(towers, adjacencies, posts)
    with torch.no_grad():
        towers.relation["engaged<"].fill_(1.0)
        towers.depth["Post"][0] = 1.0
        towers.depth["User"][1] = 1.0
        towers.depth["User"][0] = 0.1
        towers.depth["Entity"][0] = towers.depth["Entity"][1] = 0.5
        towers.degree_power["Post"].fill_(0.5)
    return towers


def spectral_posts(adjacencies: Adjacencies, rank: int, seed: int) -> Tensor:
    """Right singular vectors of the normalised engagement matrix, ``[posts, rank]``, their entries about 1."""
    engaged = adjacencies.raw("engaged")
    # BLAS threads slow small factorisations down by an order of magnitude.
    with threadpool_limits(1 if engaged.nnz < 100_000 else None):
        _, _, right = randomized_svd(normalise(engaged, 0.5, 0.5), rank, n_iter=3, random_state=seed)
    found = torch.from_numpy(np.ascontiguousarray(right.T, dtype=np.float32))
    return found * float(np.sqrt(adjacencies.snapshot.graph.count("Post")))


@torch.no_grad()
def start_from(towers: Towers, adjacencies: Adjacencies, posts: Tensor) -> None:
    """Let the posts' H(0) be ``posts`` ``[posts, width]``: the texts' part by a ridge regression, the rest by id."""
    graph, engaged = adjacencies.snapshot.graph, torch.from_numpy(degrees(adjacencies.raw("engaged"), 0))
    if "x" in graph.data["Post"]:
        lift = _ridge(graph.data["Post"].x, posts, engaged)
        for label in LABELS:
            towers.lift[label].copy_(lift if label == "Post" else 0.3 * lift)
        posts = posts - (graph.data["Post"].x @ lift)
    towers.identity["Post"].copy_(posts * (engaged > 0)[:, None])


def _ridge(x: Tensor, y: Tensor, weight: Tensor, strength: float = 1.0) -> Tensor:
    """``argmin_W Σ_i weight_i |x_i W − y_i|² + strength · |W|²``."""
    weighted = x * weight[:, None]
    solved: Tensor = torch.linalg.solve(weighted.T @ x + strength * torch.eye(x.shape[1]), weighted.T @ y)
    return solved


__all__ = ["LABELS", "LinearTowers", "TowerInput", "Towers", "spectral_posts", "tower_input", "warm_start"]

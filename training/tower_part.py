"""A part of what the towers read: the surroundings of some nodes, drawn or whole.

    part = surroundings(given, {"User": users, "Post": posts}, (10, 5), generator)
    vectors = towers(part)                                     # [nodes of the part, width]
    vectors["User"].index_select(0, part.places("User", users))

With a number for each layer, at most so many edges into a node are drawn per relation (neighbour sampling, Hamilton et
al. 2017): what a step of training on a graph beyond memory reads. With ``ALL`` for every layer nothing is left out that
the nodes' vectors depend on: what an explanation works on. Degrees and normalisation are those of the whole graph.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from graphfeed.training.links import LINK_KINDS, LinkKind, Links
from graphfeed.training.losses import Draw
from graphfeed.training.neighbours import Neighbours, draw
from graphfeed.training.tower_input import ENGAGEMENT, Message, TowerInput, csr_of

ALL = -1
"""Every edge into a node."""

Chosen = list[list[tuple[Tensor, Tensor]]]
"""For each message, rounds of (places of edges among the message's values, the targets that they lead to)."""


def surroundings(
    given: TowerInput,
    seeds: dict[str, Tensor],
    fanout: tuple[int, ...],
    generator: torch.Generator,
    *,
    first_hop: bool = False,
) -> TowerInput:
    """The part of a whole input around ``seeds`` (node indices by label), with a number of edges for each layer.

    ``fanout`` counts from the seeds outwards, ``ALL`` draws none and takes all. ``first_hop``: also what each person in
    it engaged with (the last number of them), which neural towers begin with.
    """
    device = next(iter(given.degree.values())).device
    there = {label: torch.zeros(count, dtype=torch.bool, device=device) for label, count in given.nodes.items()}
    frontier = {label: _enter(there[label], seeds.get(label, _nothing(device))) for label in there}
    neighbours = [Neighbours.of_csr(message.forward) for message in given.messages]
    chosen: Chosen = [[] for _ in given.messages]
    for layer, count in enumerate((*fanout, fanout[-1]) if first_hop else fanout):
        met: dict[str, list[Tensor]] = {label: [] for label in there}
        for place, message in enumerate(given.messages):
            targets = frontier[message.target]
            if not len(targets) or (layer == len(fanout) and message.name != ENGAGEMENT):
                continue
            edges, owner = draw(*neighbours[place].range_of(targets), count, False, generator)
            chosen[place].append((edges, targets.index_select(0, owner)))
            met[message.source].append(neighbours[place].source.index_select(0, edges))
        frontier = {label: _enter(there[label], torch.cat([_nothing(device), *found])) for label, found in met.items()}
    return _part(given, there, neighbours, chosen)


def ends_of(batch: dict[LinkKind, Links], draws: dict[LinkKind, Draw]) -> dict[str, Tensor]:
    """What a step of training is about, by label, ascending: both ends of its links and the drawn candidates."""
    ends: dict[str, list[Tensor]] = {}
    for kind, links in batch.items():
        ends.setdefault("User", []).append(torch.from_numpy(links.source))
        others = [draws[kind].items] if kind in draws else []
        ends.setdefault(LINK_KINDS[kind][0], []).extend([torch.from_numpy(links.target), *others])
    return {label: torch.unique(torch.cat(nodes)) for label, nodes in ends.items()}


def among(
    ends: dict[str, Tensor], batch: dict[LinkKind, Links], draws: dict[LinkKind, Draw]
) -> tuple[dict[LinkKind, Links], dict[LinkKind, Draw]]:
    """Links and draws as indices into these ``ends_of`` them."""
    inside: dict[LinkKind, Links] = {}
    for kind, links in batch.items():
        both = ((links.source, "User"), (links.target, LINK_KINDS[kind][0]))
        source, target = (torch.searchsorted(ends[label], torch.from_numpy(nodes)).numpy() for nodes, label in both)
        inside[kind] = Links(source, target, links.time)
    places = {kind: torch.searchsorted(ends[LINK_KINDS[kind][0]], draw.items) for kind, draw in draws.items()}
    return inside, {kind: replace(draw, items=places[kind]) for kind, draw in draws.items()}


def _part(given: TowerInput, there: dict[str, Tensor], neighbours: list[Neighbours], chosen: Chosen) -> TowerInput:
    rows = {label: torch.nonzero(mask).squeeze(1) for label, mask in there.items()}
    messages = []
    for message, near, rounds in zip(given.messages, neighbours, chosen, strict=True):
        if not rounds:
            continue
        edges, targets = (torch.cat(parts) for parts in zip(*rounds, strict=True))
        if len(edges):
            source = torch.searchsorted(rows[message.source], near.source.index_select(0, edges))
            target = torch.searchsorted(rows[message.target], targets)
            values = message.forward.values().index_select(0, edges)
            shape = (len(rows[message.target]), len(rows[message.source]))
            messages.append(_message(message, target, source, values, shape))
    return replace(
        given,
        messages=messages,
        text={label: text.index_select(0, rows[label]) for label, text in given.text.items()},
        degree={label: degree.index_select(0, rows[label]) for label, degree in given.degree.items()},
        nodes={label: len(index) for label, index in rows.items()},
        rows=rows,
    )


def _message(message: Message, target: Tensor, source: Tensor, values: Tensor, shape: tuple[int, int]) -> Message:
    turned = (shape[1], shape[0])
    return replace(
        message, forward=csr_of(target, source, values, shape), backward=csr_of(source, target, values, turned)
    )


def _enter(there: Tensor, nodes: Tensor) -> Tensor:
    """Mark nodes as there; those that were not yet, ascending."""
    new = nodes[~there.index_select(0, nodes)]
    there[new] = True
    distinct: Tensor = torch.unique(new)
    return distinct


def _nothing(device: torch.device) -> Tensor:
    return torch.zeros(0, dtype=torch.int64, device=device)

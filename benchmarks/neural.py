"""An epoch of HGT here, against PyG's own example loop, on lastfm-2k with friends.

    python -m benchmarks.neural                              # shared/data/lastfm-2k/sociallgn_split, 7 rounds
    python -m benchmarks.neural --json neural.json --rounds 11 --kind hgt

The peer is the loop of PyG's full-batch examples for links in typed graphs (`examples/hetero/hetero_link_pred.py`, with
the HGT of `hgt_dblp.py` as its encoder), written for links without ratings as its `link_pred.py` is: one step an epoch,
every training link beside as many drawn non-links through a two-layer decoder, cross-entropy, Adam. Its ids are
embeddings of the same width. It passes messages over the very links that it predicts; ours takes each fold of the links
out of the graph while it is predicted, which is as many steps an epoch as there are folds.

Both have two layers, two heads, width 64, the same graph and threads; they take turns, and medians over the rounds are
given. ``epoch`` is ours with default settings against theirs, ``layers`` a forward and a backward pass through the same
weights of the two HGT layers alone.
"""

from __future__ import annotations

import argparse
import csv
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch_geometric.nn import HGTConv
from torch_geometric.utils import negative_sampling

import graphfeed
from benchmarks.data_sets import data_folder
from benchmarks.machine import describe_machine
from graphfeed.graph.tensors import FeedGraph
from graphfeed.training.adjacency import Adjacencies, half_life_of
from graphfeed.training.loop import Epochs
from graphfeed.training.neural_towers import NeuralTowers
from graphfeed.training.settings import RunSettings, TowerSettings
from graphfeed.training.split import make_split
from graphfeed.training.tower_input import LABELS, EdgeType, TowerInput
from graphfeed.training.tower_kinds import start_towers

CPU = torch.device("cpu")
LINKS: EdgeType = ("User", "engaged", "Post")


def main() -> None:
    """Measure, print, and write with ``--json``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--split", type=Path, default=data_folder() / "lastfm-2k" / "sociallgn_split")
    parser.add_argument("--kind", default="hgt", choices=["hgt", "gat", "sage"], help="ours; the peer is HGT")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    if not (options.split / "train_set.txt").is_file():
        raise SystemExit(f"there is no train_set.txt in {options.split}: name the folder of the split with --split")
    found = measure(read_split(options.split), options.kind, options.rounds)
    for name in ("epoch", "step", "layers"):
        ours, theirs = found[f"{name}_seconds"], found[f"pyg_{name}_seconds"]
        print(f"{name}: {ours:.3f} s, PyG {theirs:.3f} s, ratio {found[f'{name}_ratio']:.2f}")
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def read_split(folder: Path) -> FeedGraph:
    """The graph of train_set.txt, test_set.txt (user, item) and trust.txt (user, friend), each with a header."""
    with tempfile.TemporaryDirectory() as scratch:
        files = {}
        for name, file in (("train", "train_set"), ("test", "test_set"), ("friends", "trust")):
            with (folder / f"{file}.txt").open(encoding="utf-8") as stream:
                rows = list(csv.reader(stream))[1:]
            files[name] = Path(scratch) / f"{name}.txt"
            files[name].write_text("".join(f"{a} {b}\n" for a, b in rows), encoding="utf-8")
        with graphfeed.open(Path(scratch) / "feed") as feed:
            feed.load("pairs", files["train"], test=files["test"], friends=files["friends"])
            return feed.graph()


def measure(graph: FeedGraph, kind: str, rounds: int) -> dict[str, Any]:
    """Seconds and ratios, medians over the rounds, in which both take turns."""
    snapshot = make_split(graph).final
    settings = TowerSettings.model_validate({"kind": kind})
    adjacencies = Adjacencies(snapshot, None, half_life_of(snapshot))
    towers = start_towers(adjacencies, settings, seed=0)
    assert isinstance(towers, NeuralTowers)
    epochs = Epochs(towers, adjacencies, settings, RunSettings(device="cpu"), CPU)
    optimizer = torch.optim.AdamW(towers.parameters(), lr=settings.learning_rate)
    example = Example(epochs.whole, towers)
    turn = iter(range(1, 10**6))
    took = {
        "epoch": (lambda: epochs.run(next(turn), optimizer, None, ""), example.epoch),
        "layers": (lambda: layers_alone(towers, epochs.whole), example.layers_alone),
    }
    found: dict[str, Any] = {"rounds": rounds, "kind": kind, "threads": torch.get_num_threads()}
    for name, (ours, theirs) in took.items():
        for run in (ours, theirs):
            run()
        pairs = [(seconds(ours), seconds(theirs)) for _ in range(rounds)]
        found |= summary(name, pairs)
        if name == "epoch":
            found |= summary("step", [(mine / settings.fold_count, other) for mine, other in pairs])
    edges = {message.name: len(message.forward.values()) for message in epochs.whole.messages}
    return {**found, "links": len(snapshot.links("posts")), "edges": edges, "machine": describe_machine()}


def summary(name: str, pairs: list[tuple[float, float]]) -> dict[str, float]:
    """Medians of both, and of their ratio."""
    ours, theirs = zip(*pairs, strict=True)
    ratio = statistics.median(mine / other for mine, other in pairs)
    return {
        f"{name}_seconds": statistics.median(ours),
        f"pyg_{name}_seconds": statistics.median(theirs),
        f"{name}_ratio": ratio,
    }


def seconds(run: Callable[[], object]) -> float:
    """Of one call."""
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def layers_alone(towers: NeuralTowers, given: TowerInput) -> None:
    """Forward and backward through the towers, with a loss that costs nothing."""
    towers.zero_grad()
    sum(vectors.sum() for vectors in towers(given).values()).backward()  # type: ignore[union-attr]


class Example(nn.Module):
    """The peer: see the module's docstring."""

    def __init__(self, given: TowerInput, towers: NeuralTowers, width: int = 64) -> None:
        super().__init__()
        self.edges = {message.edge_type: message.edge_index for message in given.messages}
        self.nodes = {label: count for label, count in given.nodes.items() if count}
        self.ids = nn.ModuleDict({label: nn.Embedding(count, width) for label, count in self.nodes.items()})
        self.lift = nn.ModuleDict({label: nn.Linear(width, width) for label in self.nodes})
        names = ([label for label in LABELS if label in self.nodes], list(self.edges))
        self.layers = nn.ModuleList([HGTConv(width, width, names, 2) for _ in range(towers.layers)])
        self.decoder = nn.Sequential(nn.Linear(2 * width, width), nn.ReLU(), nn.Linear(width, 1))
        self.optimizer = torch.optim.Adam(self.parameters(), lr=0.005, weight_decay=0.001)

    def forward(self) -> dict[str, Tensor]:
        """Vectors by label."""
        x = {label: self.lift[label](self.ids[label].weight).relu() for label in self.nodes}
        for layer in self.layers:
            x = layer(x, self.edges)
        return x

    def epoch(self) -> float:
        """One full-batch step."""
        self.train()
        self.optimizer.zero_grad()
        x, links = self(), self.edges[LINKS]
        drawn = negative_sampling(links, (self.nodes["User"], self.nodes["Post"]), links.shape[1])
        pairs = torch.cat([links, drawn], dim=1)
        logits = self.decoder(torch.cat([x["User"][pairs[0]], x["Post"][pairs[1]]], dim=1)).view(-1)
        truth = torch.cat([torch.ones(links.shape[1]), torch.zeros(drawn.shape[1])])
        loss = nn.functional.binary_cross_entropy_with_logits(logits, truth)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        return float(loss)

    def layers_alone(self) -> None:
        """Forward and backward without the decoder."""
        self.zero_grad()
        sum(vectors.sum() for vectors in self().values()).backward()  # type: ignore[union-attr]


if __name__ == "__main__":
    main()

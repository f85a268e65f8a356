"""The one training loop: fits the towers, of whatever kind.

An epoch takes every link once. The links are cut into folds; each fold in turn is taken out of the graph and predicted
from the rest, so that no link helps to predict itself. The loss (``losses.py``) is summed over the kinds of links.
After each epoch the towers are validated; the best ones are kept, and a checkpoint is written from which a run goes on.
"""

from __future__ import annotations

import time

import numpy as np
import scipy.sparse as sp
import torch
from torch import nn

from graphfeed.errors import TrainingError
from graphfeed.training.adjacency import Adjacencies, half_life_of
from graphfeed.training.checkpoint import Fit, copy_of, fingerprint, resume, save
from graphfeed.training.links import LINK_KINDS, LinkKind, Links, pair_matrix
from graphfeed.training.losses import Chances, draws_of, link_loss
from graphfeed.training.ranker import Progress
from graphfeed.training.settings import RunSettings, TowerSettings
from graphfeed.training.snapshot import Snapshot
from graphfeed.training.split import Round
from graphfeed.training.tower_input import TowerInput, tower_input
from graphfeed.training.tower_kinds import start_towers, tower_epochs, tower_width
from graphfeed.training.tower_part import among, ends_of, surroundings
from graphfeed.training.towers import Towers
from graphfeed.training.validation import Score, mean_reciprocal_rank

REMOVED = {"posts": "engaged", "people": "follows", "interests": "cares"}
"""The relation that a fold of each kind of link is taken out of."""

KEPT_EDGES = 20_000_000
"""Inputs of validation moments are kept from epoch to epoch while they have so many edges together."""


def pick_device(name: str) -> torch.device:
    """The device for a name; ``auto`` takes a GPU where there is one."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise TrainingError(f"expected a device such as cpu, cuda or cuda:1, found {name!r}") from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise TrainingError(f"device {name!r} was asked for, but torch sees no CUDA GPU here; use cpu or auto")
    return device


def fit_towers(
    snapshot: Snapshot,
    rounds: list[Round],
    settings: TowerSettings,
    run: RunSettings,
    progress: Progress | None = None,
    *,
    label: str = "towers",
) -> Fit:
    """Fit towers on a snapshot.

    With validation ``rounds`` the best epoch's towers come back (epoch 0 is the start); without, the last one's.
    """
    device = pick_device(run.device)
    adjacencies = Adjacencies(snapshot, None, half_life_of(snapshot))
    epochs = tower_epochs(settings, len(snapshot.links("posts")))
    towers = start_towers(adjacencies, settings, run.seed).to(device)
    epochs_of = Epochs(towers, adjacencies, settings, run, device)
    if epochs and settings.loss != "directau":
        towers.sharpness.data.fill_(epochs_of.first_sharpness())
    optimizer = torch.optim.AdamW(towers.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay)
    # Without validation the best are always the present ones.
    weights_of = copy_of if rounds else Towers.state_dict
    fit = Fit(towers, weights_of(towers))
    mark = fingerprint(snapshot, settings, run.seed, len(rounds))
    checkpoint = run.folder / f"{label}.checkpoint" if run.folder else None
    if checkpoint and run.resume and checkpoint.exists():
        resume(fit, optimizer, torch.load(checkpoint, map_location=device, weights_only=True), mark)
    score = _KeptInputs(towers, device).score
    if rounds and fit.epoch == 0:
        fit.best_metric = mean_reciprocal_rank(rounds, "posts", score)
    began = time.monotonic()
    while fit.epoch < epochs and not (rounds and fit.epoch - fit.best_epoch >= settings.patience_epochs):
        fit.epoch += 1
        started = time.perf_counter()
        fit.losses.append(epochs_of.run(fit.epoch, optimizer, progress, label))
        fit.seconds.append(time.perf_counter() - started)
        if rounds:
            fit.metrics.append(mean_reciprocal_rank(rounds, "posts", score))
        if run.tracker:
            run.tracker.figures(_figures_of(fit, label), fit.epoch)
        if not rounds or fit.metrics[-1] > fit.best_metric:
            fit.best, fit.best_epoch = weights_of(towers), fit.epoch
            fit.best_metric = fit.metrics[-1] if rounds else 0.0
        if checkpoint:
            save(checkpoint, fit, optimizer, mark)
        if progress:
            word = f"loss {fit.losses[-1]:.3f}" + (f", validation MRR {fit.metrics[-1]:.4f}" if rounds else "")
            progress(label, fit.epoch, epochs, f"{word}, {(time.monotonic() - began) / fit.epoch:.1f} s an epoch")
    towers.load_state_dict(fit.best)
    optimizer.zero_grad(set_to_none=True)  # a gradient is as large as what it is of
    towers.eval()
    return fit


def _figures_of(fit: Fit, label: str) -> dict[str, float]:
    """Of the epoch that has just ended, for a tracker."""
    figures = {"loss": fit.losses[-1], "seconds": fit.seconds[-1]}
    figures |= {"validation MRR": fit.metrics[-1]} if fit.metrics else {}
    return {f"{label}/{name}": value for name, value in figures.items()}


def tower_score(towers: Towers, device: torch.device, kind: LinkKind = "posts") -> Score:
    """Scores by the towers alone, for validation and for the rows that show them alone."""
    return _KeptInputs(towers, device, kind, most_edges=0).score


class _KeptInputs:
    """Scores by towers that change, at moments that come again: what they read is made once while it is small."""

    def __init__(
        self, towers: Towers, device: torch.device, kind: LinkKind = "posts", most_edges: int = KEPT_EDGES
    ) -> None:
        self.towers, self.device, self.kind, self.left = towers, device, kind, most_edges
        self._kept: dict[int, tuple[Snapshot, TowerInput]] = {}

    @torch.no_grad()
    def score(self, snapshot: Snapshot):  # type: ignore[no-untyped-def]
        """A function that scores a block of users; see ``validation.Score``."""
        self.towers.eval()
        vectors = self.towers(self._input(snapshot))
        items = vectors[LINK_KINDS[self.kind][0]][torch.from_numpy(snapshot.candidates(self.kind)).to(self.device)]

        def scores(users):  # type: ignore[no-untyped-def]
            with torch.no_grad():
                block = vectors["User"][torch.from_numpy(users).to(self.device)]
                return self.towers.scored(block, items, self.kind).cpu().numpy()

        return scores

    def _input(self, snapshot: Snapshot) -> TowerInput:
        if id(snapshot) in self._kept:
            return self._kept[id(snapshot)][1]
        adjacencies = Adjacencies(snapshot, None, half_life_of(snapshot))
        given = tower_input(adjacencies, self.device, relations=self.towers.relations)
        edges = sum(len(message.forward.values()) for message in given.messages)
        if edges <= self.left:
            # The snapshot is kept with it, so that its id stays its own.
            self._kept[id(snapshot)] = (snapshot, given)
            self.left -= edges
        return given


class Epochs:
    """Passes over the links of one snapshot."""

    def __init__(
        self,
        towers: Towers,
        adjacencies: Adjacencies,
        settings: TowerSettings,
        run: RunSettings,
        device: torch.device,
    ) -> None:
        self.towers, self.settings, self.seed, self.device = towers, settings, run.seed, device
        self.adjacencies, self.snapshot = adjacencies, adjacencies.snapshot
        # With a fanout the graph stays in main memory, and each step's part of it goes to the device.
        self.home = device if settings.fanout is None else torch.device("cpu")
        self.whole = tower_input(adjacencies, self.home, relations=towers.relations)
        self.links = {kind: self.snapshot.links(kind) for kind in LINK_KINDS}

    def run(self, number: int, optimizer: torch.optim.Optimizer, progress: Progress | None, label: str) -> float:
        """One pass; the mean loss of its steps. The same number and seed draw the same."""
        random = np.random.default_rng([self.seed, number])
        generator = torch.Generator().manual_seed(int(random.integers(2**31)))
        folds = self.settings.fold_count
        parts = {kind: _folds(self.links[kind], folds, random) for kind in LINK_KINDS}
        batch_links = self.settings.batch_links(len(self.links["posts"]))
        steps = [max(1, -(-len(part) // batch_links)) for part in parts["posts"]]
        total, done = torch.zeros((), device=self.device), 0
        self.towers.train()
        for fold in range(folds):
            answers = {kind: parts[kind][fold] for kind in LINK_KINDS}
            given, chances = self._without(answers), self._chances(answers)
            for step in range(steps[fold]):
                batch = {
                    kind: _batch(links, step, steps[fold], batch_links)
                    for kind, links in answers.items()
                    if len(links) >= steps[fold]
                }
                optimizer.zero_grad(set_to_none=True)
                loss = self._loss(given, batch, chances, generator)
                loss.backward()  # type: ignore[no-untyped-call]
                nn.utils.clip_grad_norm_(self.towers.parameters(), 10.0)
                optimizer.step()
                total += loss.detach()
                done += 1
                if progress:
                    progress(f"{label}, epoch {number}", done, sum(steps), "")
        mean = float(total) / done
        if not np.isfinite(mean):
            raise TrainingError(
                f"the loss of the towers is {mean} in epoch {number}; lower [train.towers] learning_rate"
            )
        return mean

    @torch.no_grad()
    def first_sharpness(self) -> float:
        """The logarithm of the scale of scores at which the start's loss is least, on links taken out of the graph."""
        fold = _folds(self.links["posts"], self.settings.fold_count, np.random.default_rng(self.seed))[0]
        found = self.towers(self._without({"posts": fold}).to(self.device))
        vectors, chances = (found["User"], found["Post"]), self._chances({"posts": fold})["posts"]
        some = Links(fold.source[:2_000], fold.target[:2_000], fold.time[:2_000])
        tried: dict[float, float] = {}
        for sharpness in np.arange(-10.0, 6.0):
            self.towers.sharpness.fill_(float(sharpness))
            generator = torch.Generator().manual_seed(self.seed)
            draw = chances.draw(draws_of(self.settings, len(some)), generator)
            tried[sharpness] = float(link_loss(self.towers, vectors, some, "posts", draw, self.settings, generator))
        return min(tried, key=lambda sharpness: tried[sharpness])

    def _loss(
        self,
        given: TowerInput,
        batch: dict[LinkKind, Links],
        chances: dict[LinkKind, Chances],
        generator: torch.Generator,
    ) -> torch.Tensor:
        settings = self.settings
        wanted = {kind: draws_of(settings, len(links)) for kind, links in batch.items()}
        draws = {kind: chances[kind].draw(count, generator) for kind, count in wanted.items() if count}
        ends = ends_of(batch, draws)
        batch, draws = among(ends, batch, draws)
        if settings.fanout is not None:
            given = surroundings(given, ends, settings.fanout, generator, first_hop=settings.kind != "linear")
        only = {label: given.places(label, nodes).to(self.device) for label, nodes in ends.items()}
        found = self.towers(given.to(self.device), settings.drop, generator, only)
        losses = [
            link_loss(
                self.towers,
                (found["User"], found[LINK_KINDS[kind][0]]),
                links,
                kind,
                draws.get(kind),
                settings,
                generator,
            )
            for kind, links in batch.items()
        ]
        return torch.stack(losses).sum()

    def _chances(self, answers: dict[LinkKind, Links]) -> dict[LinkKind, Chances]:
        """How candidates are drawn while these links are not there; only of kinds that have any."""
        return {
            kind: Chances.of(
                self.links[kind],
                fold,
                self.snapshot.candidates(kind),
                self.snapshot.graph.count(LINK_KINDS[kind][0]),
                self.settings.loss,
            )
            for kind, fold in answers.items()
            if len(fold)
        }

    def _without(self, answers: dict[LinkKind, Links]) -> TowerInput:
        """What the towers read when these links are not there."""
        gone = _removed(answers, self.snapshot)
        return tower_input(self.adjacencies, self.home, gone, relations=self.towers.relations, whole=self.whole)


def _folds(links: Links, folds: int, random: np.random.Generator) -> list[Links]:
    order = random.permutation(len(links))
    return [Links(links.source[p], links.target[p], links.time[p]) for p in np.array_split(order, folds)]


def _batch(links: Links, step: int, steps: int, most: int) -> Links:
    """A step's links. A kind that has many more than the posts (interests follow from every tag) gives some of them."""
    low, high = (len(links) * s // steps for s in (step, step + 1))
    high = min(high, low + most)
    return Links(links.source[low:high], links.target[low:high], links.time[low:high])


def _removed(answers: dict[LinkKind, Links], snapshot: Snapshot) -> dict[str, sp.csr_matrix]:
    users = snapshot.graph.count("User")
    return {
        REMOVED[kind]: pair_matrix(links.source, links.target, (users, snapshot.graph.count(LINK_KINDS[kind][0])))
        for kind, links in answers.items()
    }


__all__ = ["Fit", "fit_towers", "pick_device", "tower_epochs", "tower_score", "tower_width"]

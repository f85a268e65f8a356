"""The one training loop: fits the towers.

An epoch takes every link once. The links are cut into folds; each fold in turn is taken out of the graph and predicted
from the rest, so that no link helps to predict itself. The loss is a sampled softmax, corrected for how
negatives were drawn (Bengio and Senécal 2008), summed over the three kinds of links. After each epoch the towers are
validated; the best ones are kept, and a checkpoint is written from which a run goes on.
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor, nn

from graphfeed.errors import TrainingError
from graphfeed.training.adjacency import Adjacencies, half_life_of
from graphfeed.training.links import LINK_KINDS, LinkKind, Links, pair_matrix
from graphfeed.training.ranker import Progress
from graphfeed.training.settings import RunSettings, TowerSettings
from graphfeed.training.snapshot import Snapshot
from graphfeed.training.split import Round
from graphfeed.training.towers import Towers, tower_input, warm_start
from graphfeed.training.validation import Score, mean_reciprocal_rank

LARGE = 100_000_000
"""Links times width from which the towers are not trained unless asked for."""

REMOVED = {"posts": "engaged", "people": "follows", "interests": "cares"}
"""The relation that a fold of each kind of link is taken out of."""


@dataclass
class Fit:
    """How far a fit has come: what a checkpoint holds."""

    towers: Towers
    best: dict[str, Any]
    best_epoch: int = 0
    best_metric: float = 0.0
    epoch: int = 0
    losses: list[float] = field(default_factory=list)
    metrics: list[float] = field(default_factory=list)


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


def tower_width(settings: TowerSettings, links: int) -> int:
    """The width that is set, or a power of two near the square root of the number of links, 32 to 1,024."""
    return settings.width or int(np.clip(2 ** round(np.log2(max(links, 1) ** 0.5)), 32, 1_024))


def tower_epochs(settings: TowerSettings, links: int) -> int:
    """The epochs that are set, or 20; none where links and width are so many that an epoch takes minutes on a CPU.

    There the spectral warm start is good as it is, and the first epochs made it worse (benchmarks/README.md).
    """
    if settings.epochs is not None:
        return settings.epochs
    return 20 if links * tower_width(settings, links) <= LARGE else 0


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

    With validation ``rounds`` the best epoch's towers come back (epoch 0 is the warm start); without, the last one's.
    """
    device = pick_device(run.device)
    adjacencies = Adjacencies(snapshot, None, half_life_of(snapshot))
    width = tower_width(settings, len(snapshot.links("posts")))
    epochs = tower_epochs(settings, len(snapshot.links("posts")))
    towers = warm_start(adjacencies, width, settings.layers, run.seed).to(device)
    if epochs:
        towers.sharpness.data.fill_(_first_sharpness(towers, adjacencies, settings, run))
    optimizer = torch.optim.AdamW(towers.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay)
    fit = Fit(towers, _copy(towers))
    mark = _fingerprint(adjacencies, settings, run.seed, len(rounds))
    checkpoint = run.folder / f"{label}.checkpoint" if run.folder else None
    if checkpoint and run.resume and checkpoint.exists():
        _resume(fit, optimizer, torch.load(checkpoint, map_location=device, weights_only=True), mark)
    if rounds and fit.epoch == 0:
        fit.best_metric = mean_reciprocal_rank(rounds, "posts", tower_score(towers, device))
    began = time.monotonic()
    while fit.epoch < epochs and not (rounds and fit.epoch - fit.best_epoch >= settings.patience):
        fit.epoch += 1
        fit.losses.append(_epoch(fit, optimizer, adjacencies, settings, run, device, progress, label))
        if rounds:
            fit.metrics.append(mean_reciprocal_rank(rounds, "posts", tower_score(towers, device)))
        if not rounds or fit.metrics[-1] > fit.best_metric:
            fit.best, fit.best_epoch = _copy(towers), fit.epoch
            fit.best_metric = fit.metrics[-1] if rounds else 0.0
        if checkpoint:
            _save(checkpoint, fit, optimizer, mark)
        if progress:
            word = f"loss {fit.losses[-1]:.3f}" + (f", validation MRR {fit.metrics[-1]:.4f}" if rounds else "")
            progress(label, fit.epoch, epochs, f"{word}, {(time.monotonic() - began) / fit.epoch:.1f} s an epoch")
    towers.load_state_dict(fit.best)
    towers.eval()
    return fit


def tower_score(towers: Towers, device: torch.device, kind: LinkKind = "posts") -> Score:
    """Scores by the towers alone, for validation and for the rows that show them alone."""

    def at(snapshot: Snapshot):  # type: ignore[no-untyped-def]
        towers.eval()
        with torch.no_grad():
            vectors = towers(tower_input(Adjacencies(snapshot, None, half_life_of(snapshot)), device))
            items = vectors[LINK_KINDS[kind][0]][torch.from_numpy(snapshot.candidates(kind)).to(device)]

        def scores(users):  # type: ignore[no-untyped-def]
            with torch.no_grad():
                block = vectors["User"][torch.from_numpy(users).to(device)]
                return towers.scored(block, items, kind).cpu().numpy()

        return scores

    return at


def _epoch(
    fit: Fit,
    optimizer: torch.optim.Optimizer,
    adjacencies: Adjacencies,
    settings: TowerSettings,
    run: RunSettings,
    device: torch.device,
    progress: Progress | None,
    label: str,
) -> float:
    snapshot = adjacencies.snapshot
    random = np.random.default_rng([run.seed, fit.epoch])
    generator = torch.Generator().manual_seed(int(random.integers(2**31)))
    parts = {kind: _folds(snapshot.links(kind), settings.folds, random) for kind in LINK_KINDS}
    steps = [max(1, -(-len(parts["posts"][fold]) // settings.batch)) for fold in range(settings.folds)]
    total, done = torch.zeros((), device=device), 0
    for fold in range(settings.folds):
        answers = {kind: parts[kind][fold] for kind in LINK_KINDS}
        given = tower_input(adjacencies, device, _removed(answers, snapshot))
        for step in range(steps[fold]):
            optimizer.zero_grad(set_to_none=True)
            fit.towers.train()
            vectors = fit.towers(given, settings.drop, generator)
            losses = [
                _loss(fit.towers, vectors, _batch(links, step, steps[fold]), kind, snapshot, settings, generator)
                for kind, links in answers.items()
                if len(links) >= steps[fold]
            ]
            loss = torch.stack(losses).sum()
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(fit.towers.parameters(), 10.0)
            optimizer.step()
            total += loss.detach()
            done += 1
            if progress:
                progress(f"{label}, epoch {fit.epoch}", done, sum(steps), "")
    mean = float(total) / done
    if not np.isfinite(mean):
        raise TrainingError(
            f"the loss of the towers is {mean} in epoch {fit.epoch}; lower [train.towers] learning_rate"
        )
    return mean


def _loss(
    towers: Towers,
    vectors: dict[str, Tensor],
    links: Links,
    kind: LinkKind,
    snapshot: Snapshot,
    settings: TowerSettings,
    generator: torch.Generator,
) -> Tensor:
    """Sampled softmax: negatives half uniform over the candidates, half by how often they are linked to."""
    device = vectors["User"].device
    items = vectors[LINK_KINDS[kind][0]]
    candidates = snapshot.candidates(kind)
    frequency = np.bincount(links.target, minlength=len(items)).astype(np.float64)
    drawn = 0.5 * frequency / frequency.sum()
    drawn[candidates] += 0.5 / len(candidates)
    negative = torch.multinomial(torch.from_numpy(drawn), settings.negatives, replacement=True, generator=generator)
    positive = torch.from_numpy(links.target)
    # index_select, not indexing: its gradient is summed in a fixed order, so that a seed gives the same numbers again.
    users = vectors["User"].index_select(0, torch.from_numpy(links.source).to(device))
    scale = towers.sharpness.exp()
    right = (users * towers.kind_scale[kind] * items.index_select(0, positive.to(device))).sum(1) * scale
    wrong = towers.scored(users, items.index_select(0, negative.to(device)), kind) * scale
    wrong = wrong - torch.log(settings.negatives * torch.from_numpy(drawn)[negative]).float().to(device)
    wrong = wrong.masked_fill((positive[:, None] == negative[None, :]).to(device), -torch.inf)
    loss: Tensor = (torch.logsumexp(torch.cat([right[:, None], wrong], dim=1), dim=1) - right).mean()
    return loss


def _folds(links: Links, folds: int, random: np.random.Generator) -> list[Links]:
    order = random.permutation(len(links))
    return [Links(links.source[p], links.target[p], links.time[p]) for p in np.array_split(order, folds)]


def _batch(links: Links, step: int, steps: int) -> Links:
    low, high = (len(links) * s // steps for s in (step, step + 1))
    return Links(links.source[low:high], links.target[low:high], links.time[low:high])


def _removed(answers: dict[LinkKind, Links], snapshot: Snapshot) -> dict[str, sp.csr_matrix]:
    users = snapshot.graph.count("User")
    return {
        REMOVED[kind]: pair_matrix(links.source, links.target, (users, snapshot.graph.count(LINK_KINDS[kind][0])))
        for kind, links in answers.items()
    }


@torch.no_grad()
def _first_sharpness(towers: Towers, adjacencies: Adjacencies, settings: TowerSettings, run: RunSettings) -> float:
    """The logarithm of the scale of scores at which the warm start's loss is least, on links taken out of the graph."""
    snapshot, device = adjacencies.snapshot, towers.sharpness.device
    fold = _folds(snapshot.links("posts"), settings.folds, np.random.default_rng(run.seed))[0]
    vectors = towers(tower_input(adjacencies, device, _removed({"posts": fold}, snapshot)))
    some = Links(fold.source[:2_000], fold.target[:2_000], fold.time[:2_000])
    tried: dict[float, float] = {}
    for sharpness in np.arange(-10.0, 6.0):
        towers.sharpness.fill_(float(sharpness))
        generator = torch.Generator().manual_seed(run.seed)
        tried[sharpness] = float(_loss(towers, vectors, some, "posts", snapshot, settings, generator))
    return min(tried, key=lambda sharpness: tried[sharpness])


def _copy(towers: Towers) -> dict[str, Any]:
    return {name: value.detach().clone() for name, value in towers.state_dict().items()}


def _fingerprint(adjacencies: Adjacencies, settings: TowerSettings, seed: int, rounds: int) -> str:
    links = adjacencies.snapshot.links("posts")
    digest = hashlib.sha256(f"{settings.model_dump_json()} {seed} {rounds} {adjacencies.snapshot.now}".encode())
    for array in (links.source, links.target, links.time):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _save(path: Any, fit: Fit, optimizer: torch.optim.Optimizer, mark: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = {"mark": mark, "towers": fit.towers.state_dict(), "optimizer": optimizer.state_dict(), "best": fit.best}
    progress = ("best_epoch", "best_metric", "epoch", "losses", "metrics")
    torch.save(whole | {name: getattr(fit, name) for name in progress}, path.with_suffix(".writing"))
    path.with_suffix(".writing").replace(path)


def _resume(fit: Fit, optimizer: torch.optim.Optimizer, saved: dict[str, Any], mark: str) -> None:
    """Go on where a checkpoint of the same data, settings and seed stopped; any other one is left alone."""
    if saved["mark"] != mark:
        return
    fit.towers.load_state_dict(saved["towers"])
    optimizer.load_state_dict(saved["optimizer"])
    for name in ("best", "best_epoch", "best_metric", "epoch", "losses", "metrics"):
        setattr(fit, name, saved[name])

"""How far a fit has come, and the file from which it goes on after an interruption.

A checkpoint is written after every epoch, whole or not at all, and used only for the same data, settings and seed.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from graphfeed.training.settings import TowerSettings
from graphfeed.training.snapshot import Snapshot
from graphfeed.training.towers import Towers


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
    seconds: list[float] = field(default_factory=list)
    """Of each epoch's steps, validation left out."""


def copy_of(towers: Towers) -> dict[str, Any]:
    """Their weights as they are now."""
    return {name: value.detach().clone() for name, value in towers.state_dict().items()}


def fingerprint(snapshot: Snapshot, settings: TowerSettings, seed: int, rounds: int) -> str:
    """Of all that a fit depends on: a checkpoint with another one is of another fit."""
    links = snapshot.links("posts")
    digest = hashlib.sha256(f"{settings.model_dump_json()} {seed} {rounds} {snapshot.now}".encode())
    for array in (links.source, links.target, links.time):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


_KEPT = ("best", "best_epoch", "best_metric", "epoch", "losses", "metrics", "seconds")


def save(path: Path, fit: Fit, optimizer: torch.optim.Optimizer, mark: str) -> None:
    """Replace the checkpoint at once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = {"mark": mark, "towers": fit.towers.state_dict(), "optimizer": optimizer.state_dict()}
    torch.save(whole | {name: getattr(fit, name) for name in _KEPT}, path.with_suffix(".writing"))
    path.with_suffix(".writing").replace(path)


def resume(fit: Fit, optimizer: torch.optim.Optimizer, saved: dict[str, Any], mark: str) -> None:
    """Go on where a checkpoint of the same data, settings and seed stopped; any other one is left alone."""
    if saved["mark"] != mark:
        return
    fit.towers.load_state_dict(saved["towers"])
    optimizer.load_state_dict(saved["optimizer"])
    for name in _KEPT:
        setattr(fit, name, saved[name])

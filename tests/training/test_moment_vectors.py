"""Vectors that are kept are those that the towers would give again."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tests.training.worlds import living

from graphfeed.training import moment_vectors as module
from graphfeed.training.adjacency import Adjacencies, half_life_of
from graphfeed.training.loop import fit_towers
from graphfeed.training.moment_vectors import kept_vectors, tower_vectors
from graphfeed.training.settings import RunSettings, TowerSettings
from graphfeed.training.split import make_split
from graphfeed.training.towers import Towers

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def learned() -> tuple[Towers, list[Adjacencies]]:
    split = make_split(living())
    towers = fit_towers(split.training, [], TowerSettings(epochs=1, width=8), RunSettings(device="cpu")).towers
    towers.eval()
    snapshots = [asked.snapshot for asked in split.rounds("validation")][:3]
    return towers, [Adjacencies(snapshot, None, half_life_of(snapshot)) for snapshot in snapshots]


def test_each_moment_is_worked_out_once_and_stays_the_same(
    learned: tuple[Towers, list[Adjacencies]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    towers, moments = learned
    wanted = [tower_vectors(towers, moment, CPU) for moment in moments]
    asked: list[int] = []

    def counting(towers: Towers, adjacencies: Adjacencies, device: torch.device) -> module.Vectors:
        asked.append(adjacencies.snapshot.now)
        return tower_vectors(towers, adjacencies, device)

    monkeypatch.setattr(module, "tower_vectors", counting)
    with kept_vectors(towers, CPU, tmp_path / "model") as vectors:
        for _ in range(2):
            for moment, right in zip(moments, wanted, strict=True):
                found = vectors.at(moment)
                assert found.keys() == right.keys()
                assert all(torch.equal(found[label], right[label]) for label in right)
        assert list((tmp_path / "model").iterdir())
    assert asked == [moment.snapshot.now for moment in moments]
    assert not list((tmp_path / "model").iterdir())


def test_what_is_too_much_is_worked_out_again(
    learned: tuple[Towers, list[Adjacencies]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    towers, moments = learned
    monkeypatch.setattr(module, "MOST_BYTES", 1)
    with kept_vectors(towers, CPU, tmp_path) as vectors:
        first, again = vectors.at(moments[0]), vectors.at(moments[0])
        assert all(torch.equal(first[label], again[label]) for label in first)
        assert not list(next(tmp_path.iterdir()).iterdir())

"""How time and memory grow with the graph: simulated communities of ten times as many engagements each.

Every stage is a process of its own, so that its peak memory is its own:

    load      the community, generated as it goes, into an embedded store
    epoch     the towers' warm start and one epoch over all links
    rank      the 20 best posts of everybody by the towers' vectors, exact, those they have met left out
    train     the whole model with one epoch: towers, and the weights of all terms
    publish   the 20 best of everybody by the whole model, with reasons, into the store

At ``LARGE`` the model is its towers and the terms of time alone: so few parts are what fits a session of two cores.

People and posts are a tenth of the engagements each, so that ranking everything for everybody grows with their square:
beyond ``RANKED`` people so many are ranked for, beyond ``PUBLISHED`` about so many who were active lately are published
for (``active_days``). Seconds of processor time are kept beside those of the clock, and growth is that of the former:
other programs change it less.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.speed_child import Ran, run_child

if TYPE_CHECKING:
    from graphfeed.graph.tensors import FeedGraph
    from graphfeed.training.settings import PartName

SIZES = (10_000, 100_000, 1_000_000)
LARGE = 10_000_000
STAGES = ("load", "epoch", "rank", "train", "publish")
LIMIT = 1_200.0
"""Seconds that a stage may take."""
WIDTH, BEST = 64, 20
RANKED, PUBLISHED = 100_000, 20_000


def measure(rounds: int, large: bool = False, limit: float = LIMIT, sizes: tuple[int, ...] = SIZES) -> dict[str, Any]:
    """Each stage at each size: seconds, peak memory, both per edge; and how these grow from the last size but one.

    ``rounds`` is not used: a stage runs once. ``limit``: seconds after which a stage is ended, and the larger ones of
    its kind and those that need it are left out.
    """
    found: dict[str, dict[str, Any]] = {}
    given_up: set[str] = set()
    for edges in (*sizes, LARGE) if large else sizes:
        with tempfile.TemporaryDirectory() as name:
            for stage in STAGES:
                if {stage, *_NEEDS[stage]} & given_up:
                    given_up.add(stage)
                    continue
                ran = run_child([sys.executable, "-W", "ignore", "-m", __name__, stage, name, str(edges)], limit)
                if ran.code and not ran.stopped:
                    raise SystemExit(f"growth: {stage} at {edges:,} edges failed with exit code {ran.code}")
                if ran.stopped:
                    given_up.add(stage)
                found[f"{stage} {edges}"] = _row(ran, stage, edges)
                print(f"growth: {stage} at {edges:,} edges: {found[f'{stage} {edges}']}", file=sys.stderr, flush=True)
    return {"stages": found, "ratios": growth_ratios(found), "figures": {}}


_NEEDS = {"load": (), "epoch": ("load",), "rank": ("load", "epoch"), "train": ("load",), "publish": ("load", "train")}


def _people(stage: str, edges: int) -> int | None:
    """For how many a stage works; None: for everybody."""
    most = {"rank": RANKED, "publish": PUBLISHED}.get(stage)
    return most if most is not None and edges // 10 > most else None


def _parts(edges: int) -> tuple[PartName, ...] | None:
    """What a model is made of at that size; None: all parts."""
    return ("towers", "time") if edges >= LARGE else None


def _row(ran: Ran, stage: str, edges: int) -> dict[str, Any]:
    people, parts = _people(stage, edges), _parts(edges) if stage in ("train", "publish") else None
    return {
        "edges": edges,
        **({"people": people} if people else {}),
        **({"parts": list(parts)} if parts else {}),
        "seconds": ran.seconds,
        "cpu_seconds": ran.cpu_seconds,
        "peak_mib": ran.peak_mib,
        "us_an_edge": round(ran.cpu_seconds / edges * 1e6, 2),
        "bytes_an_edge": round(ran.peak_mib * 2**20 / edges, 1),
        **({"stopped": True} if ran.stopped else {}),
    }


def growth_ratios(found: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Time and memory per edge at the largest size of a stage over those at the size before; at most 1.5 are asked.

    Sizes at which a stage did not work for everybody, or with a smaller model, are left out.
    """
    ratios: dict[str, Any] = {}
    for stage in STAGES:
        rows = [row for name, row in found.items() if name.split()[0] == stage and not row.get("stopped")]
        rows = [row for row in rows if not {"people", "parts"} & row.keys()]
        if len(rows) < 2:
            continue
        small, big = rows[-2:]
        for what, key in (("time", "us_an_edge"), ("memory", "bytes_an_edge")):
            value = big[key] / small[key]
            name = f"{stage}: {what} per edge at {big['edges']:,} over {small['edges']:,}"
            ratios[name] = {"ratio": round(value, 4), "at_most": 1.5, "reached": value <= 1.5}
    return ratios


def _load(folder: Path, edges: int) -> None:
    from graphfeed.graph.ingest import ingest
    from graphfeed.graph.store import open_store
    from graphfeed.loaders.simulate import SimulatedCommunity, Simulation

    with open_store(folder / "feed", create=True) as store:
        ingest(store, SimulatedCommunity(Simulation(edges // 10, edges // 10, edges)))


def _epoch(folder: Path, edges: int) -> None:
    import numpy as np
    import torch

    import graphfeed
    from graphfeed.training.adjacency import Adjacencies, half_life_of
    from graphfeed.training.loop import fit_towers
    from graphfeed.training.settings import RunSettings, TowerSettings
    from graphfeed.training.snapshot import Past, Snapshot
    from graphfeed.training.tower_input import tower_input

    with graphfeed.open(folder / "feed") as feed:
        graph = feed.graph()
    snapshot = Snapshot(Past(graph), graph.latest_time())
    settings = TowerSettings.model_validate({"width": WIDTH, "epochs": 1})
    towers = fit_towers(snapshot, [], settings, RunSettings(device="cpu")).towers
    with torch.no_grad():
        vectors = towers(tower_input(Adjacencies(snapshot, None, half_life_of(snapshot)), torch.device("cpu")))
    for label in ("User", "Post"):
        np.save(folder / f"{label}.npy", vectors[label].numpy())


def _rank(folder: Path, edges: int) -> None:
    import numpy as np
    import torch

    import graphfeed
    from graphfeed.training.ranking import top_k
    from graphfeed.training.snapshot import Past, Snapshot

    with graphfeed.open(folder / "feed") as feed:
        graph = feed.graph()
    snapshot = Snapshot(Past(graph), graph.latest_time())
    users, posts = (torch.from_numpy(np.load(folder / f"{label}.npy")) for label in ("User", "Post"))
    candidates = snapshot.candidates("posts")
    users = users[:RANKED]
    met = snapshot.excluded("posts", np.arange(len(users)))
    found, _ = top_k(users, posts[torch.from_numpy(candidates)], BEST, met)
    np.save(folder / "best.npy", candidates[found.numpy()])


def _train(folder: Path, edges: int) -> None:
    import graphfeed
    from graphfeed.training.settings import PARTS, ModelSettings

    with graphfeed.open(folder / "feed") as feed:
        settings = {"parts": _parts(edges) or PARTS, "towers": {"width": WIDTH, "epochs": 1}}
        feed.train(ModelSettings.model_validate(settings), device="cpu")


def _publish(folder: Path, edges: int) -> None:
    import graphfeed

    with graphfeed.open(folder / "feed") as feed:
        days = None if _people("publish", edges) is None else _days_with(feed.graph(), PUBLISHED)
        report = feed.publish("latest", top=BEST, active_days=days, device="cpu")
    print(f"published for {report.people:,} people, {report.people_unproven:,} unproven: {report.written}", flush=True)


def _days_with(graph: FeedGraph, people: int) -> float:
    """In how many of the last days about so many people were active."""
    import numpy as np

    from graphfeed.training.snapshot import DAY, Past, Snapshot

    links = Snapshot(Past(graph), graph.latest_time()).links("posts")
    last = np.zeros(graph.count("User"), dtype=np.int64)
    np.maximum.at(last, links.source, links.time)
    since = np.partition(last, len(last) - people)[len(last) - people]
    return float((graph.latest_time() - since) / DAY)


_WORKS: dict[str, Callable[[Path, int], None]] = {
    "load": _load,
    "epoch": _epoch,
    "rank": _rank,
    "train": _train,
    "publish": _publish,
}


def main() -> None:
    """One stage, as a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stage", choices=STAGES)
    parser.add_argument("folder", type=Path, help="where the store is")
    parser.add_argument("edges", type=int)
    options = parser.parse_args()
    _WORKS[options.stage](options.folder, options.edges)


if __name__ == "__main__":
    main()

"""How well people's next acts are predicted: the model against every simple rule, on one community, untuned.

    python -m benchmarks.quality quantumcomputing                  # or french.meta, cofacts, gowalla, sample
    python -m benchmarks.quality cofacts --json benchmarks/results/cofacts.json
    python -m benchmarks.quality --table                           # the results that are kept, as Markdown

Load, embed, train and rank as a user does, with default settings; only the length of the windows and the encoder
depend on the community (``data_sets.py``). Baselines choose their settings on validation, as the model does. Intervals
are 95 %, over people; differences are paired. Peak memory is that of everything in one process.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

import graphfeed
from benchmarks.data_sets import DATA_SETS, DataSet
from benchmarks.machine import describe_machine
from benchmarks.quality_tables import markdown, show
from graphfeed.feed import Feed
from graphfeed.planted import PlantedOracle, is_sample
from graphfeed.progress import ProgressBars
from graphfeed.training.baselines import baselines_for
from graphfeed.training.evaluate import evaluate, fit_all
from graphfeed.training.evaluation import Evaluation
from graphfeed.training.leaks import check_leaks
from graphfeed.training.links import Int64, LinkKind
from graphfeed.training.metrics import Float32
from graphfeed.training.ranker import Progress, Ranker, RankerKind, Scorer
from graphfeed.training.snapshot import DAY, Snapshot
from graphfeed.training.split import Split, SplitSettings

RESULTS = Path(__file__).parent / "results"
METRICS = ("recall", "ndcg", "mrr", "hit_rate", "precision")
DIGITS = 5


def main() -> None:
    """Measure and print; with ``--json`` write; with ``--table`` only print what is kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="?", choices=sorted(DATA_SETS))
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to this file")
    parser.add_argument("--store", type=Path, help="keep the store here; else it is made in a temporary folder")
    parser.add_argument("--encoder", help="another text encoder than the one of data_sets.py")
    parser.add_argument("--baselines", help="only these, with commas between them; all: every one")
    parser.add_argument("--table", action="store_true", help="print the kept results as a Markdown table")
    options = parser.parse_args()
    if options.table:
        print(markdown(RESULTS))
        return
    if options.data is None:
        parser.error("name a data set, or --table")
    data, names = DATA_SETS[options.data], options.baselines.split(",") if options.baselines else None
    with tempfile.TemporaryDirectory() as scratch, ProgressBars(Console(stderr=True)) as bars:
        place = options.store or Path(scratch) / "feed"
        # What a store holds from before is not loaded and encoded anew: its seconds are no measure of that.
        result = {"data": options.data, "new_store": not place.exists()}
        with graphfeed.open(place) as feed:
            result |= measure(feed, data, options.encoder, names, bars)
    if options.json:
        options.json.write_text(as_json(result), encoding="utf-8")
    show(Console(width=200), result, data.slices)


def measure(
    feed: Feed, data: DataSet, encoder: str | None, names: Sequence[str] | None, bars: ProgressBars
) -> dict[str, Any]:
    """The whole way on one community: figures, comparisons, times (seconds), memory (MiB) and what was chosen.

    ``encoder``: another than the data set's; ``names``: the baselines, None for those of the data set.
    """
    machine, seconds = describe_machine(), dict[str, float]()
    source, path, options = data.load_arguments()
    with _clock(seconds, "load"):
        feed.load(source, path, progress=bars.records, **options)
    if text := encoder or data.encoder:
        with _clock(seconds, "embed"):
            feed.embed(text, progress=bars.counts)
    with _clock(seconds, "tensors"):
        graph = feed.graph()
    others = [Timed(ranker) for ranker in _named(baselines_for("posts", graph), names or data.baselines)]
    settings = SplitSettings(window_days=data.window_days)
    with _clock(seconds, "train"):
        feed.train(split=settings, progress=bars.steps)
    split = feed.split(settings)
    warnings = check_leaks(split)
    model = Timed(feed.model())
    fit_all(split, others, bars.steps)
    oracle = PlantedOracle(graph) if is_sample(feed.store) else None
    with _clock(seconds, "evaluate"):
        found = evaluate(split, [model, *others], at=data.at, progress=bars.steps, oracle=oracle)
    model.fit_seconds = seconds["train"]
    return {
        "encoder": text or "",
        "at": list(data.at),
        **figures(found),
        "to be known": [str(warning) for warning in warnings],
        "rankers": {r.name: r.report() for r in (model, *others)},
        "seconds": {name: round(value, 2) for name, value in seconds.items()},
        "peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _MAXRSS, 1),
        "machine": machine,
    }


_MAXRSS = 2**20 if sys.platform == "darwin" else 2**10  # bytes there, KiB elsewhere


class Timed:
    """A ranker with a clock on it: how long it fits, and how long it takes to be brought up to moments and to score."""

    def __init__(self, ranker: Ranker) -> None:
        self.ranker = ranker
        self.name = ranker.name
        self.fit_seconds = self.rank_seconds = 0.0

    @property
    def kind(self) -> RankerKind:
        """The ranker's."""
        return self.ranker.kind

    def fit(self, split: Split, progress: Progress | None = None) -> None:
        """Fit it."""
        started = time.perf_counter()
        self.ranker.fit(split, progress)
        self.fit_seconds += time.perf_counter() - started

    def scorer(self, snapshot: Snapshot, kind: LinkKind = "posts") -> Scorer:
        """Its scorer, timed."""
        started = time.perf_counter()
        scorer = self.ranker.scorer(snapshot, kind)
        self.rank_seconds += time.perf_counter() - started
        return _TimedScorer(scorer, self)

    def report(self) -> dict[str, Any]:
        """Seconds, and what was chosen on validation."""
        seconds = {"fit_seconds": round(self.fit_seconds, 2), "rank_seconds": round(self.rank_seconds, 2)}
        return {**seconds, "settings": chosen(self.ranker)}


class _TimedScorer:
    def __init__(self, scorer: Scorer, clock: Timed) -> None:
        self._scorer, self._clock = scorer, clock

    def scores(self, users: Int64) -> Float32:
        started = time.perf_counter()
        found = self._scorer.scores(users)
        self._clock.rank_seconds += time.perf_counter() - started
        return found


def chosen(ranker: Ranker) -> dict[str, Any]:
    """What a fitted ranker goes by: for the model how the fit went and the weights of its terms; else its settings."""
    if ranker.kind == "model":
        weights = getattr(ranker, "weights", {}).get("posts", {})
        ranked = sorted(weights.items(), key=lambda pair: -pair[1])
        return {**getattr(ranker, "report", {}), "weights": {name: round(value, 4) for name, value in ranked}}
    found: dict[str, Any] = {}
    for name, value in vars(ranker).items():
        if is_dataclass(value) and not isinstance(value, type):
            found |= asdict(value)
        elif not name.startswith("_"):
            found[name] = value
    if "half_life" in found:
        found["half_life_days"] = round(found.pop("half_life") / DAY, 4)
    return {name: value for name, value in found.items() if isinstance(value, int | float)}


def figures(found: Evaluation) -> dict[str, Any]:
    """Rows and comparisons, rounded; the metrics named in ``METRICS`` with their intervals."""
    wanted = {f"{metric}@{k}{end}" for metric in METRICS for k in found.at for end in ("", "_low", "_high")}

    def kept(row: dict[str, Any]) -> dict[str, Any]:
        return {
            name: round(value, DIGITS) if isinstance(value, float) else value
            for name, value in row.items()
            if "@" not in name or name in wanted
        }

    comparisons = [kept(row) for row in found.comparisons]
    return {"split": found.describe, "rows": [kept(row) for row in found.rows], "comparisons": comparisons}


def as_json(result: dict[str, Any]) -> str:
    """One line per key and per row: short, and a change shows where it is."""

    def lines(value: Any) -> str:
        if isinstance(value, list) and value and isinstance(value[0], dict):
            return "[\n  " + ",\n  ".join(map(json.dumps, value)) + "\n ]"
        return json.dumps(value)

    return "{\n" + ",\n".join(f" {json.dumps(name)}: {lines(value)}" for name, value in result.items()) + "\n}\n"


def _named(rankers: list[Ranker], names: Sequence[str]) -> list[Ranker]:
    known = [ranker.name for ranker in rankers]
    if not names or list(names) == ["all"]:
        return rankers
    if unknown := [name for name in names if name not in known]:
        raise SystemExit(f"--baselines takes some of {', '.join(known)}, found {', '.join(unknown)}")
    return [ranker for ranker in rankers if ranker.name in names]


@contextmanager
def _clock(seconds: dict[str, float], name: str) -> Iterator[None]:
    started = time.perf_counter()
    yield
    seconds[name] = time.perf_counter() - started


if __name__ == "__main__":
    main()

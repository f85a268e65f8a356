"""A ranker with a clock and a memory gauge on it."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, is_dataclass
from pathlib import Path
from typing import Any, TypeVar

from graphfeed.training.links import Int64, LinkKind
from graphfeed.training.metrics import Float32
from graphfeed.training.ranker import Progress, Ranker, RankerKind, Scorer
from graphfeed.training.snapshot import DAY, Snapshot
from graphfeed.training.split import Split

T = TypeVar("T")
_MAXRSS = 2**20 if sys.platform == "darwin" else 2**10  # bytes there, KiB elsewhere
_STATUS, _RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


class Timed:
    """A ranker that knows how long it fits, how long it is brought up to moments and scores, and what memory it takes.

    ``peak_mib`` is the most that the whole process held while this ranker worked: with the graph, and with what other
    rankers that were fitted before keep.
    """

    def __init__(self, ranker: Ranker, name: str | None = None) -> None:
        self.ranker = ranker
        self.name = name or ranker.name
        self.fit_seconds = self.rank_seconds = self.peak_mib = 0.0

    @property
    def kind(self) -> RankerKind:
        """The ranker's."""
        return self.ranker.kind

    def fit(self, split: Split, progress: Progress | None = None) -> None:
        """Fit it."""
        with self._working() as gauge:
            self.ranker.fit(split, progress)
        self.fit_seconds += gauge.seconds

    def scorer(self, snapshot: Snapshot, kind: LinkKind = "posts") -> Scorer:
        """Its scorer, timed."""
        return _TimedScorer(self.ranked(lambda: self.ranker.scorer(snapshot, kind)), self)

    def ranked(self, work: Callable[[], T]) -> T:
        """Do some of the ranking."""
        with self._working() as gauge:
            found = work()
        self.rank_seconds += gauge.seconds
        return found

    def report(self) -> dict[str, Any]:
        """Seconds, memory, and what was chosen on validation."""
        costs = {"fit_seconds": self.fit_seconds, "rank_seconds": self.rank_seconds}
        rounded = {name: round(value, 2) for name, value in costs.items()}
        return {**rounded, "peak_mib": round(self.peak_mib, 1), "settings": chosen(self.ranker)}

    @contextmanager
    def _working(self) -> Iterator[Gauge]:
        with gauged() as gauge:
            yield gauge
        self.peak_mib = max(self.peak_mib, gauge.peak_mib)


class _TimedScorer:
    def __init__(self, scorer: Scorer, timed: Timed) -> None:
        self._scorer, self._timed = scorer, timed

    def scores(self, users: Int64) -> Float32:
        return self._timed.ranked(lambda: self._scorer.scores(users))


@dataclass
class Gauge:
    """What some work took, once it is done."""

    seconds: float = 0.0
    peak_mib: float = 0.0


@contextmanager
def gauged() -> Iterator[Gauge]:
    """Gauge what is done inside."""
    gauge = Gauge()
    reset_peak()
    started = time.perf_counter()
    yield gauge
    gauge.seconds, gauge.peak_mib = time.perf_counter() - started, peak_mib()


def reset_peak() -> None:
    """Begin a new peak of resident memory, where the kernel can (Linux)."""
    try:
        _RESET.write_text("5", encoding="ascii")
    except OSError:
        return


def peak_mib() -> float:
    """The most resident memory since ``reset_peak``, MiB; where that is not known, since the process began."""
    try:
        for line in _STATUS.read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 2**10
    except OSError:
        pass
    return whole_peak_mib()


def whole_peak_mib() -> float:
    """The most resident memory since the process began, or where ``reset_peak`` can, since it was last called, MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _MAXRSS


def chosen(ranker: Ranker) -> dict[str, Any]:
    """What a fitted ranker goes by: for the model how the fit went and the weights of its terms; else its settings."""
    if ranker.kind == "model":
        weights = getattr(ranker, "weights", {}).get("posts", {})
        ranked = sorted(weights.items(), key=lambda pair: -pair[1])
        settings = getattr(ranker, "settings", None)
        told = {"settings": settings.model_dump(mode="json")} if settings is not None else {}
        return {**told, **getattr(ranker, "report", {}), "weights": {name: round(value, 4) for name, value in ranked}}
    found: dict[str, Any] = {}
    for name, value in vars(ranker).items():
        if is_dataclass(value) and not isinstance(value, type):
            found |= {f"stop_{k}" if name == "stop" else k: v for k, v in asdict(value).items()}
        elif not name.startswith("_"):
            found[name] = value
    if "half_life" in found:
        found["half_life_days"] = round(found.pop("half_life") / DAY, 4)
    return {name: value for name, value in found.items() if isinstance(value, int | float)}

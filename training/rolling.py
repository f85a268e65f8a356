"""The rolling split: windows that follow each other in time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from graphfeed.errors import TrainingError
from graphfeed.graph.store import NO_TIME
from graphfeed.graph.tensors import FeedGraph
from graphfeed.training.links import LinkKind
from graphfeed.training.rounds import Part, Round, SplitSettings, make_round
from graphfeed.training.snapshot import DAY, Past, Snapshot


class RollingSplit:
    """Windows that follow each other in time."""

    name = "rolling"

    def __init__(self, graph: FeedGraph, settings: SplitSettings) -> None:
        self.settings = settings
        self.past = Past(graph)
        self._times = self.past.links["posts"].time
        self._times = self._times[self._times != NO_TIME]
        if len(self._times) < 20:
            raise TrainingError(
                f"expected at least 20 engagements with a time to cut the past in windows, found {len(self._times)}; "
                "give the engagements their times (`at`), or load a test split (`pairs` with a test file)"
            )
        self.fit_start, self.validation_start, self.test_start = (
            self._moment(share) for share in (settings.fit, settings.validation, settings.test)
        )
        self.end = int(self._times[-1])
        self._kinds = self.past.recommended_kinds(self.validation_start)
        self.training = Snapshot(self.past, self.fit_start, self._kinds)
        self.final = Snapshot(self.past, self.test_start, self._kinds)

    def _moment(self, share: float) -> int:
        return int(self._times[int(share * (len(self._times) - 1))])

    def rounds(self, part: Part, kind: LinkKind = "posts") -> Iterator[Round]:
        """Windows of a part that have an answer, in order of time."""
        start, stop = {
            "fit": (self.fit_start, self.validation_start),
            "validation": (self.validation_start, self.test_start),
            "test": (self.test_start, self.end),
        }[part]
        window = int(self.settings.window_days * DAY)
        links = self.past.links[kind]
        moments = [m for m in range(start, stop, window) if len(links.part(m, min(m + window, stop)))]
        if self.settings.max_windows and len(moments) > self.settings.max_windows:
            picked = np.linspace(0, len(moments) - 1, self.settings.max_windows).round().astype(int)
            moments = [moments[i] for i in picked]
        for now in moments:
            end = min(now + window, stop)
            made = make_round(Snapshot(self.past, now, self._kinds), end, links.part(now, end), kind)
            if made is not None:
                yield made

    def describe(self) -> str:
        """Interval ends as dates."""
        at = [
            np.datetime64(m, "us").astype("datetime64[m]")
            for m in (self.fit_start, self.validation_start, self.test_start, self.end)
        ]
        days = self.settings.window_days
        return (
            f"rolling windows of {days:g} {'day' if days == 1 else 'days'}: training until {at[0]}, "
            f"fit ({at[0]}, {at[1]}], validation ({at[1]}, {at[2]}], test ({at[2]}, {at[3]}]"
        )

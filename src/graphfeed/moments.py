"""The moment that predictions are made for: the clock, a date, or the latest time in the graph."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from graphfeed.errors import ConfigError

_US = 10**6
_OLD = 30 * 86_400 * _US  # a graph whose latest time lies further back is an old dump
_NONE = -(2**63)  # NO_TIME of graphfeed.graph.store: this module stays free of numpy


@dataclass(frozen=True)
class Moment:
    """A moment and how it was chosen."""

    at: int
    """Microseconds since 1970, UTC."""
    why: str
    """For a person: "the clock", "the latest time in the graph, …"."""

    @property
    def shown(self) -> str:
        """As a date."""
        return show_time(self.at)


def pick_moment(wanted: str | None, latest: int) -> Moment:
    """The moment for ``--now``: clock, latest, an ISO date, or None (the clock, but for an old dump its latest time).

    ``latest`` is the latest time in the graph, microseconds, or NO_TIME. Raises ConfigError.
    """
    clock = int(datetime.now(UTC).timestamp() * _US)
    known = latest > _NONE
    if wanted == "clock" or (wanted is None and (not known or clock - latest <= _OLD)):
        return Moment(clock, "the clock")
    if wanted is None:
        days = (clock - latest) // (86_400 * _US)
        return Moment(
            latest, f"the latest time in the graph: nothing happened in the last {days:,} days, so this is an old dump"
        )
    if wanted == "latest":
        if not known:
            raise ConfigError("--now latest needs times in the graph, and there are none: use --now clock")
        return Moment(latest, "the latest time in the graph")
    try:
        given = datetime.fromisoformat(wanted)
    except ValueError:
        raise ConfigError(f"--now takes clock, latest or a date such as 2018-09-01, found {wanted!r}") from None
    return Moment(int(given.replace(tzinfo=given.tzinfo or UTC).timestamp() * _US), "as given")


def show_time(microseconds: int) -> str:
    """A moment as ``2018-09-01 12:30`` UTC; empty for none."""
    if microseconds <= _NONE:
        return ""
    return datetime.fromtimestamp(microseconds / _US, UTC).strftime("%Y-%m-%d %H:%M")

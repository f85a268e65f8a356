"""The moment that trending is asked for: as ``pick_moment`` does it, by the latest engagement."""

from __future__ import annotations

from graphfeed.errors import ConfigError
from graphfeed.graph.store import GraphStore
from graphfeed.moments import Moment, pick_moment
from graphfeed.queries.decayed import latest_act


def trend_moment(store: GraphStore, wanted: str | None) -> Moment:
    """The moment for ``--now``. Raises ConfigError, also where no engagement has a time."""
    latest = latest_act(store)
    if latest is None:
        raise ConfigError(
            f"no engagement in {store.location} has a time, and without times nothing is trending: load data whose"
            " acts say when they happened"
        )
    return pick_moment(wanted, latest)

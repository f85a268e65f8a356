"""Who and what was active lately: people and posts that a large community publishes for."""

from __future__ import annotations

import numpy as np

from graphfeed.errors import TrainingError
from graphfeed.training.links import Int64
from graphfeed.training.snapshot import DAY, ENGAGEMENTS, NO_TIME, Snapshot

ACTS = {
    "User": (*ENGAGEMENTS, "DISLIKED", "HID", "POSTED", "FOLLOWS", "BLOCKED", "MUTED"),
    "Post": (*ENGAGEMENTS, "POSTED"),
}
"""What makes a person active, and a post. Interests are left out: they may have been worked out."""


def active_people(snapshot: Snapshot, days: float) -> Int64:
    """People who did something in so many days before the snapshot's moment, or came in them, ascending.

    An act without a time may have been then: it counts. Raises TrainingError where that is nobody.
    """
    found = _active(snapshot, days, "User")
    if not len(found):
        moment = np.datetime64(snapshot.now, "us").astype("datetime64[m]")
        raise TrainingError(f"nobody did anything in the {days:g} days before {moment}: ask for more days")
    return found


def active_posts(snapshot: Snapshot, days: float) -> Int64:
    """Posts that came in so many days before the snapshot's moment, or that somebody engaged with then, ascending."""
    return _active(snapshot, days, "Post")


def _active(snapshot: Snapshot, days: float, label: str) -> Int64:
    since, came = snapshot.now - round(days * DAY), snapshot.graph.data[label].time.numpy()
    active = came >= since
    for type_ in ACTS[label]:
        acts = snapshot.edges(type_)
        then = (acts.time >= since) | (acts.time == NO_TIME)
        active[(acts.source if label == "User" else acts.target)[then]] = True
    return np.flatnonzero(active & (came <= snapshot.now))

"""What a candidate has by itself at a moment, whoever asks: newness, momentum, popularity, activity.

Every term lies in [0, 1] or is a logarithm of counts, and none is negative, so that each can be a share of a score.
They are many and overlapping on purpose: a community's tempo (hours for news, months for a help site) is found by the
weights, not set.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from graphfeed.graph.store import NO_TIME
from graphfeed.training.adjacency import recency
from graphfeed.training.links import LINK_KINDS, Int64, LinkKind, Links
from graphfeed.training.snapshot import DAY, Snapshot

Float32 = npt.NDArray[np.float32]

HALF_LIVES = (0.25, 1.0, 3.0, 10.0, 30.0, 100.0)
"""Days."""
RANKS = 1_000
"""Newness by rank reaches so far down."""

MOMENT_REASONS = ("new", "active", "popular", "unanswered")


def moment_terms(snapshot: Snapshot, kind: LinkKind) -> dict[str, Float32]:
    """Terms by name (``reason:detail``), each ``[candidates]``. Only those that the graph's times allow."""
    label, _ = LINK_KINDS[kind]
    candidates = snapshot.candidates(kind)
    nodes = snapshot.graph.count(label)
    links = snapshot.links(kind)
    born = snapshot.graph.data[label].time.numpy()[candidates]
    terms: dict[str, Float32] = {"popular:links": _log_count(links, nodes, None)[candidates]}
    if (born != NO_TIME).any():
        terms |= _newness(born, snapshot.now)
    if len(links) and links.time[-1] != NO_TIME:
        for days in HALF_LIVES:
            weight = recency(links.time, snapshot.now, days * DAY)
            reason = "popular" if days > 10 else "active"
            terms[f"{reason}:{days:g}d"] = _log_count(links, nodes, weight)[candidates]
        terms["active:rank"] = _by_rank(_latest(links, nodes)[candidates])
    replies = snapshot.edges("REPLIES_TO")
    if kind == "posts" and len(replies):
        for days in (1.0, 7.0):
            weight = recency(replies.time, snapshot.now, days * DAY)
            terms[f"active:replies {days:g}d"] = _log_count(replies, nodes, weight)[candidates]
        unanswered = (np.bincount(replies.target, minlength=nodes)[candidates] == 0).astype(np.float32)
        terms["unanswered:ever"] = unanswered
        terms["unanswered:new"] = unanswered * recency(born, snapshot.now, 10 * DAY) * (born != NO_TIME)
    return terms


def _newness(born: Int64, now: int) -> dict[str, Float32]:
    known = born != NO_TIME
    place = _rank(np.where(known, born, NO_TIME))
    terms = {
        "new:first": np.where(known, 1 / np.sqrt(1.0 + place), 0.0).astype(np.float32),
        "new:rank": np.where(known, _log_rank(place), 0.0).astype(np.float32),
    }
    for days in HALF_LIVES:
        terms[f"new:{days:g}d"] = (recency(born, now, days * DAY) * known).astype(np.float32)
    return terms


def _log_count(links: Links, nodes: int, weight: Float32 | None) -> Float32:
    return np.log1p(np.bincount(links.target, weights=weight, minlength=nodes)).astype(np.float32)


def _latest(links: Links, nodes: int) -> Int64:
    latest = np.full(nodes, NO_TIME)
    np.maximum.at(latest, links.target, links.time)
    return latest


def _rank(time: Int64) -> Int64:
    """0 for the latest; equal times share the better place."""
    ordered = np.sort(time)
    return len(time) - np.searchsorted(ordered, time, "right")


def _log_rank(place: Int64) -> npt.NDArray[np.float64]:
    return np.asarray(np.clip(1 - np.log1p(place) / np.log1p(RANKS), 0, 1))


def _by_rank(time: Int64) -> Float32:
    return np.where(time != NO_TIME, _log_rank(_rank(time)), 0.0).astype(np.float32)

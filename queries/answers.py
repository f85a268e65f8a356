"""What the lookups return: plain, frozen, and the same shape as the command line's JSON (``to_dict``)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal

Origin = Literal["predicted", "popular", "newest"]
"""Where a recommendation comes from: the model, or what fills up a list that would be too short."""


@dataclass(frozen=True)
class Reason:
    """One reason for a prediction: a path through the graph and its part in the score."""

    type: str
    """``people_like_you``, ``topic``, ``new``, …"""
    share: float | None
    """Part of the score that the model assigns to it; None for a path that was only observed."""
    path: tuple[str, ...]
    """Node ids from the person to what is recommended; only the latter where no path explains it."""

    def to_dict(self) -> dict[str, Any]:
        """As in the command line's JSON."""
        return {"type": self.type, "share": self.share, "path": list(self.path)}


@dataclass(frozen=True)
class Recommendation:
    """A post for a person."""

    id: str
    rank: int
    """1 is the best."""
    score: float
    """The model's score. Popular posts carry the popularity's score where the list has nothing else, 0 or less beneath
    the model's; a list's scores never rise."""
    reasons: tuple[Reason, ...]
    """Strongest first."""
    title: str | None
    kind: str | None
    origin: Origin

    def to_dict(self) -> dict[str, Any]:
        """As in the command line's JSON."""
        head = {"id": self.id, "rank": self.rank, "score": self.score, "title": self.title, "kind": self.kind}
        return {**head, "origin": self.origin, "reasons": [reason.to_dict() for reason in self.reasons]}


@dataclass(frozen=True)
class SimilarPost:
    """A post like another one."""

    id: str
    rank: int
    score: float
    title: str | None
    kind: str | None
    reasons: tuple[Reason, ...]

    def to_dict(self) -> dict[str, Any]:
        """As in the command line's JSON."""
        head = {"id": self.id, "rank": self.rank, "score": self.score, "title": self.title, "kind": self.kind}
        return {**head, "reasons": [reason.to_dict() for reason in self.reasons]}


@dataclass(frozen=True)
class Person:
    """Somebody whom a person may know."""

    id: str
    rank: int
    score: float
    name: str | None
    reasons: tuple[Reason, ...]

    def to_dict(self) -> dict[str, Any]:
        """As in the command line's JSON."""
        head = {"id": self.id, "rank": self.rank, "score": self.score, "name": self.name}
        return {**head, "reasons": [reason.to_dict() for reason in self.reasons]}


@dataclass(frozen=True)
class Interest:
    """An entity that a person may care about."""

    id: str
    rank: int
    score: float
    name: str | None
    kind: str | None
    reasons: tuple[Reason, ...]

    def to_dict(self) -> dict[str, Any]:
        """As in the command line's JSON."""
        head = {"id": self.id, "rank": self.rank, "score": self.score, "name": self.name, "kind": self.kind}
        return {**head, "reasons": [reason.to_dict() for reason in self.reasons]}


@dataclass(frozen=True)
class Explanation:
    """Why a post is, or might be, recommended to a person."""

    user: str
    post: str
    published: bool
    """Whether the active generation recommends it; if not, the reasons are observed paths without a share."""
    rank: int | None
    score: float | None
    reasons: tuple[Reason, ...]
    kept_back: tuple[str, ...] = ()
    """The person's acts for which ``recommend`` leaves the post out, in words: "wrote it", "disliked or hid it"."""

    def to_dict(self) -> dict[str, Any]:
        """As in the command line's JSON."""
        head = {
            "user": self.user,
            "post": self.post,
            "published": self.published,
            "kept_back": list(self.kept_back),
            "rank": self.rank,
            "score": self.score,
        }
        return {**head, "reasons": [reason.to_dict() for reason in self.reasons]}


def read_reasons(text: str) -> tuple[Reason, ...]:
    """The reasons as they are stored with a prediction (``graphfeed.graph.schema``)."""
    return tuple(Reason(r["type"], r["share"], tuple(r["path"])) for r in json.loads(text))

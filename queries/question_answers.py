"""What the questions to the whole graph return: plain, frozen, and the same shape as the command line's JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from graphfeed.queries.answers import Reason

Way = Literal["text", "vector", "person"]
"""A ranking of a search: by words, by the meaning of the text, by what is known of the person."""
Label = Literal["User", "Post", "Entity"]


@dataclass(frozen=True)
class Hit:
    """A node that a search found."""

    id: str
    rank: int
    """1 is the best."""
    score: float
    """Of reciprocal rank fusion: the sum of 1 / (60 + rank) over the rankings that have it."""
    name: str | None
    """Title of a post, name of a person or an entity."""
    kind: str | None
    excerpt: str
    """A part of the text, around the first word that was looked for where there is one."""
    ranks: dict[Way, int]
    """The place in each ranking that has it."""

    def to_dict(self) -> dict[str, Any]:
        """As in the command line's JSON."""
        return asdict(self)


@dataclass(frozen=True)
class SearchAnswer:
    """What a search found, and how."""

    text: str
    label: Label
    hits: tuple[Hit, ...]
    """Best first."""
    ways: tuple[Way, ...]
    """The rankings that were fused."""
    notes: tuple[str, ...] = ()
    """What was wanted and could not be done, in sentences."""

    def to_dict(self) -> dict[str, Any]:
        """As in the command line's JSON."""
        head = {"text": self.text, "label": self.label, "ways": list(self.ways), "notes": list(self.notes)}
        return {**head, "hits": [hit.to_dict() for hit in self.hits]}


@dataclass(frozen=True)
class Trend:
    """A post or an entity that people engage with just now."""

    id: str
    rank: int
    score: float
    """Acts, each 1 when it happens and half as much after every half-life."""
    name: str | None
    kind: str | None
    acts: int
    """Engagements within twenty half-lives."""
    people: int
    """How many people they are by."""
    posts: int | None = None
    """Of an entity, how many posts they are with; None for a post."""

    def to_dict(self) -> dict[str, Any]:
        """As in the command line's JSON."""
        return {key: value for key, value in asdict(self).items() if key != "posts" or value is not None}


@dataclass(frozen=True)
class Reader:
    """Somebody for whom a post is a good one."""

    id: str
    rank: int
    name: str | None
    origin: Literal["predicted", "readers"]
    """``predicted``: it is published among their recommendations. ``readers``: they engaged with what reads like it."""
    score: float
    """The model's score in their list; of ``readers``, the sum of the likenesses of what they engaged with."""
    place: int | None
    """The post's rank in their list; None of ``readers``."""
    reasons: tuple[Reason, ...]

    def to_dict(self) -> dict[str, Any]:
        """As in the command line's JSON."""
        return {**asdict(self), "reasons": [reason.to_dict() for reason in self.reasons]}


@dataclass(frozen=True)
class Node:
    """A node by label and id, and how it is called."""

    label: Label
    id: str
    name: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """As in the command line's JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Step:
    """A step of a path."""

    types: tuple[str, ...]
    """Relationship types that join the two nodes in this direction."""
    forward: bool
    """Whether they lead from the node before to the next."""

    def to_dict(self) -> dict[str, Any]:
        """As in the command line's JSON."""
        return {"types": list(self.types), "forward": self.forward}


@dataclass(frozen=True)
class GraphPath:
    """How two nodes hang together."""

    nodes: tuple[Node, ...]
    """From the one to the other."""
    steps: tuple[tuple[Step, ...], ...]
    """Between each two neighbours on it: what joins them, one way and perhaps the other."""

    def to_dict(self) -> dict[str, Any]:
        """As in the command line's JSON."""
        steps = [[step.to_dict() for step in between] for between in self.steps]
        return {"length": len(self.steps), "nodes": [node.to_dict() for node in self.nodes], "steps": steps}


@dataclass(frozen=True)
class Central:
    """A node and how important it is."""

    id: str
    rank: int
    name: str | None
    kind: str | None
    pagerank: float
    """Its part of the whole graph's importance, 0 to 1."""
    community: int | None

    def to_dict(self) -> dict[str, Any]:
        """As in the command line's JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Community:
    """People, posts and entities that hang together more than with the rest."""

    id: int
    rank: int
    people: int
    posts: int
    entities: int
    members: tuple[Central, ...]
    """The most important ones of the label that was asked for."""
    about: tuple[Central, ...]
    """The most important entities, or, where there are none, posts."""

    def to_dict(self) -> dict[str, Any]:
        """As in the command line's JSON."""
        return asdict(self) | {
            "members": [member.to_dict() for member in self.members],
            "about": [entity.to_dict() for entity in self.about],
        }


@dataclass(frozen=True)
class Communities:
    """The largest communities, and what the whole looks like."""

    communities: tuple[Community, ...]
    """Largest first."""
    count: int
    """How many there are."""
    modularity: float
    """0 is as good as chance, above 0.3 is a clear structure."""
    alone: int
    """Nodes without any relationship: in none."""

    def to_dict(self) -> dict[str, Any]:
        """As in the command line's JSON."""
        return asdict(self) | {"communities": [community.to_dict() for community in self.communities]}


@dataclass(frozen=True)
class ColdNode:
    """A person or a post of which the model knows little."""

    id: str
    name: str | None
    acts: int
    """Engagements: by the person, with the post."""
    lacks: tuple[str, ...]
    """Why: ``few_acts``, ``new``, ``no_text``, and ``no_follows`` (people), ``no_entity``, ``no_author`` (posts)."""

    def to_dict(self) -> dict[str, Any]:
        """As in the command line's JSON."""
        return {**asdict(self), "lacks": list(self.lacks)}


@dataclass(frozen=True)
class Cold:
    """Of one label, what the model knows little about."""

    label: Label
    cold: int
    """How many."""
    all: int
    """Of so many; posts of kinds that are not recommended are no part of it."""
    few: int
    """Fewer engagements than this are few."""
    reasons: dict[str, int]
    """How many of the cold ones lack what; one may lack several things. What nobody here has is left out."""
    nodes: tuple[ColdNode, ...]
    """Those of which least is known, first."""

    def to_dict(self) -> dict[str, Any]:
        """As in the command line's JSON."""
        return asdict(self) | {"nodes": [node.to_dict() for node in self.nodes]}

"""``[graph]`` of graphfeed.toml: which labels, types and properties of a graph that is there play which role.

    [graph.nodes.Post]                      # a role: User, Post, Entity
    label = "Movie"                         # several: ["Question", "Answer"]
    id = "movieId"                          # the key; its type is looked up
    title = "title"                         # property = "property"
    kind = { value = "movie" }              # the same for every node
    created_at = { property = "added", as = "epoch_seconds" }

    [[graph.nodes.Entity]]                  # several labels with keys of their own: an entry for each
    label = "Genre"
    id = { property = "name", prefix = "genre-" }

    [graph.relationships.LIKED]
    type = "RATED"
    where = { property = "rating", at_least = 4 }
    at = { property = "timestamp", as = "epoch_seconds" }

    [[graph.relationships.MENTIONS]]
    type = "ACTED_IN"
    reversed = true                         # (Person)-[:ACTED_IN]->(Movie), where MENTIONS goes from Post to Entity

A role that has no entry is not in the graph, whatever labels and types there are.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    FiniteFloat,
    StrictBool,
    StrictInt,
    model_validator,
)

from graphfeed.graph.schema import PREDICTED

TimeForm = Literal["datetime", "localdatetime", "date", "text", "epoch_seconds", "epoch_millis", "year"]
TIME_FORMS: tuple[TimeForm, ...] = (
    "datetime",
    "localdatetime",
    "date",
    "text",
    "epoch_seconds",
    "epoch_millis",
    "year",
)
OWN_LABELS = ("Generation", "GraphfeedStore", "GraphfeedLock", "GraphfeedHidden")
OWN_TYPES = tuple(PREDICTED)

_STRICT = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)
_COMPARISONS = {"at_least": ">=", "at_most": "<=", "above": ">", "below": "<", "equals": "="}


def _safe(text: str) -> str:
    """Neo4j reads \\u0060 as a backtick wherever it stands, so what holds a backslash cannot be quoted."""
    if not text or "\\" in text or re.search(r"[\x00-\x1f\x7f]", text):
        raise ValueError(f"{text!r} cannot be used here: it is empty, or holds a backslash or a control character")
    return text


Name = Annotated[str, AfterValidator(_safe)]
Plain = Annotated[str, AfterValidator(lambda text: text and _safe(text))]
Scalar = StrictBool | StrictInt | FiniteFloat | Plain


def _as_property(value: Any) -> Any:
    return {"property": value} if isinstance(value, str) else value


def as_list(value: Any) -> Any:
    """A value or several, as several."""
    return value if isinstance(value, (list, tuple)) else [value]


class Key(BaseModel):
    """The property that tells a role's nodes apart. Outside, ids are text."""

    model_config = _STRICT
    property: Name
    as_: Literal["text", "integer"] | None = Field(None, alias="as")
    """None: looked up in the graph."""
    prefix: Plain = ""
    """Stands before the id outside, to keep the ids of different labels apart; off: ''."""


class Property(BaseModel):
    """Where a property's value comes from: one of the user's properties, or the same value everywhere."""

    model_config = _STRICT
    property: Name | None = None
    as_: TimeForm | None = Field(None, alias="as")
    """Of a time, what it is stored as, None: looked up in the graph. Else "text" (a number as text) or None."""
    value: Scalar | None = None
    """A constant instead of a property."""

    @model_validator(mode="after")
    def _one_of(self) -> Property:
        if (self.property is None) == (self.value is None):
            raise ValueError('expected either a property ("name" or { property = "name" }) or { value = … }')
        return self


class Condition(BaseModel):
    """Which of the user's relationships count. All comparisons that are given must hold."""

    model_config = _STRICT
    property: Name
    at_least: Scalar | None = None
    at_most: Scalar | None = None
    above: Scalar | None = None
    below: Scalar | None = None
    equals: Scalar | None = None
    one_of: tuple[Scalar, ...] | None = None

    def comparisons(self) -> Iterator[tuple[str, Any]]:
        """Cypher's operator and the value, one after the other."""
        for name, operator in _COMPARISONS.items():
            if getattr(self, name) is not None:
                yield operator, getattr(self, name)
        if self.one_of is not None:
            yield "IN", list(self.one_of)

    @model_validator(mode="after")
    def _some(self) -> Condition:
        if not list(self.comparisons()):
            raise ValueError(f"expected one of {', '.join((*_COMPARISONS, 'one_of'))} beside 'property'")
        return self


class _Entry(BaseModel):
    model_config = _STRICT
    properties: dict[str, Annotated[Property, BeforeValidator(_as_property)]] = {}


class NodeEntry(_Entry):
    """One label that plays a role."""

    label: Name
    id: Annotated[Key, BeforeValidator(_as_property)]


class RelationshipEntry(_Entry):
    """One relationship type that plays a role."""

    type: Name
    reversed: bool = False
    """The user's relationships point the other way."""
    where: Annotated[tuple[Condition, ...], BeforeValidator(as_list)] = ()
    """Only those that fulfil all of these."""


class GraphMapping(BaseModel):
    """All roles that are played, by role. ``parse.parse_graph`` reads it."""

    model_config = _STRICT
    nodes: dict[str, tuple[NodeEntry, ...]] = {}
    relationships: dict[str, tuple[RelationshipEntry, ...]] = {}

    def fingerprint(self) -> str:
        """A word that changes with the mapping: another one is another graph."""
        return hashlib.sha256(self.model_dump_json(by_alias=True).encode()).hexdigest()[:8]

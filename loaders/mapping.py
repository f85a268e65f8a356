"""The load part of ``graphfeed.toml``: which columns of which files are the graph's nodes and relationships.

    [[nodes]]
    file = "posts.csv"
    label = "Post"
    id = "postId"
    title = "headline"                      # property = "column"
    kind = { value = "article" }            # the same for every row
    created_at = "createdAt"

    [[relationships]]
    file = "votes.csv"
    type = "LIKED"
    where = { score = "1" }                 # only these rows; a list means any of them
    source = { column = "userId", create = true }
    target = "postId"                       # short for { column = "postId" }
    at = "createdAt"

``create = true`` makes the node where it is only referred to; ``create = { created_at = "createdAt" }`` also gives it
properties from the referring row (of several times the earliest); one from the end's own column is what became the
id, of a list each node its item. ``split = "|"`` cuts a cell into a list,
``prefix = "c"`` stands before an id, ``optional = true`` means that a row with an empty cell has no such relationship.
An entry for a database has ``query = "select …"`` in place of ``file``, one for data frames ``frame = "name"``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

import pyarrow as pa
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PrivateAttr, ValidationError, model_validator

from graphfeed.errors import ConfigError
from graphfeed.loaders.near import near_match
from graphfeed.loaders.records import NODE_TYPES, RELATIONSHIP_TYPES

_STRICT = ConfigDict(extra="forbid", frozen=True)


def _as_words(value: Any) -> Any:
    """A value or a list of them, as strings: TOML's 1 and "1" mean the same cell."""
    values = value if isinstance(value, list) else [value]
    if not values or not all(isinstance(v, str | int | float) for v in values):
        raise ValueError("expected a value or a list of values")
    return tuple(str(v).lower() if isinstance(v, bool) else str(v) for v in values)


def _as_column(value: Any) -> Any:
    return {"column": value} if isinstance(value, str) else value


Where = dict[str, Annotated[tuple[str, ...], BeforeValidator(_as_words)]]


class Property(BaseModel):
    """Where a property's value comes from: a column, or the same value for every row."""

    model_config = _STRICT
    column: str | None = None
    split: str | None = Field(None, min_length=1)
    """What separates the items of a list in a cell; off: None."""
    value: str | int | float | bool | list[str] | None = None
    """A constant instead of a column."""

    @model_validator(mode="after")
    def _one_of(self) -> Property:
        if (self.column is None) == (self.value is None):
            raise ValueError('expected either a column ("name" or { column = "name" }) or { value = … }')
        return self


PropertySource = Annotated[Property, BeforeValidator(_as_column)]


class Id(BaseModel):
    """The column of a node's id."""

    model_config = _STRICT
    column: str
    prefix: str = ""
    """Stands before the cell, to keep ids of different tables apart; off: ''."""


class End(Id):
    """One end of a relationship."""

    label: str | None = None
    """None: the only label that the relationship's type allows here."""
    create: bool | dict[str, PropertySource] = False
    """Make the node where it is only referred to, with these properties."""
    split: str | None = Field(None, min_length=1)
    """What separates several ids in a cell; off: None."""
    optional: bool = False
    """A row with an empty cell has no such relationship, instead of being rejected."""


TABLE_KEYS = ("file", "query", "frame")
"""Where the rows of an entry come from, one of them: by source ``tables``, ``sql``, ``frames``."""


class _Entry(BaseModel):
    """What nodes and relationships share. Keys that are not listed here are the graph's properties."""

    model_config = ConfigDict(extra="allow", frozen=True)
    file: str
    """A file of the folder (``tables``); of the other sources what ``query`` or ``frame`` says."""
    query: str | None = Field(None, min_length=1)
    """``sql``: a query whose rows these are; off: None."""
    frame: str | None = Field(None, min_length=1)
    """``frames``: the name of a data frame; off: None."""
    where: Where = {}
    date_format: str | None = None
    """strptime format of the entry's dates; off: ISO 8601 or epoch."""
    separator: str | None = Field(None, min_length=1, max_length=1)
    """Between the cells of a CSV or TSV file; off: as the file's name says."""
    encoding: str = "utf-8"
    """Of a CSV or TSV file."""
    _properties: dict[str, Property] = PrivateAttr(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _one_table(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        given = [key for key in TABLE_KEYS if key in data]
        if len(given) > 1:
            raise ValueError(f"has both {given[0]} and {given[1]}: its rows come from one of {', '.join(TABLE_KEYS)}")
        return {**data, "file": data[given[0]]} if given and given[0] != "file" else data

    @property
    def table_key(self) -> str:
        """Which of ``TABLE_KEYS`` the entry has."""
        return "query" if self.query is not None else "frame" if self.frame is not None else "file"

    @property
    def properties(self) -> dict[str, Property]:
        """The graph's properties that the entry fills."""
        return self._properties

    def _take_properties(self, allowed: Iterable[str]) -> None:
        extra = self.model_extra or {}
        known = [*allowed, *type(self).model_fields]
        self._properties.update(_parse_properties(extra, allowed, known))


class NodeEntry(_Entry):
    """One ``[[nodes]]`` entry: a node for each row of a file."""

    label: str
    id: Annotated[Id, BeforeValidator(_as_column)]

    @model_validator(mode="after")
    def _check(self) -> NodeEntry:
        _known_name("label", self.label, NODE_TYPES)
        self._take_properties(NODE_TYPES[self.label].properties)
        return self

    @property
    def name(self) -> str:
        """What the entry makes, for messages."""
        return self.label


class RelationshipEntry(_Entry):
    """One ``[[relationships]]`` entry: a relationship for each row of a file, or for each item of a list in it."""

    type: str
    source: Annotated[End, BeforeValidator(_as_column)]
    target: Annotated[End, BeforeValidator(_as_column)]

    @model_validator(mode="after")
    def _check(self) -> RelationshipEntry:
        _known_name("type", self.type, RELATIONSHIP_TYPES)
        type_ = RELATIONSHIP_TYPES[self.type]
        self._take_properties(type_.properties)
        for place, end in enumerate((self.source, self.target)):
            allowed = sorted({pair[place] for pair in type_.pairs})
            if end.label is not None and end.label not in allowed:
                raise ValueError(f"{self.type} has {' or '.join(allowed)} as its {_PLACES[place]}, not {end.label!r}")
            if isinstance(end.create, dict):
                label_properties = NODE_TYPES[self.labels[place]].properties
                scalar = [name for name, kind in label_properties.items() if not pa.types.is_list(kind)]
                _parse_properties(end.create, scalar, scalar, f"{_PLACES[place]}.create: ")
                _check_splits(end, _PLACES[place])
        if self.source.split and self.target.split:
            raise ValueError("only one of source and target can have a split")
        return self

    @property
    def name(self) -> str:
        """What the entry makes, for messages."""
        return self.type

    @property
    def labels(self) -> tuple[str, str]:
        """Labels of source and target."""
        first = RELATIONSHIP_TYPES[self.type].pairs[0]
        return self.source.label or first[0], self.target.label or first[1]


_PLACES = ("source", "target")


class TableMapping(BaseModel):
    """All ``[[nodes]]`` and ``[[relationships]]`` of a configuration, in its order."""

    model_config = _STRICT
    nodes: tuple[NodeEntry, ...] = ()
    relationships: tuple[RelationshipEntry, ...] = ()

    def entries(self, table_key: str) -> list[NodeEntry | RelationshipEntry]:
        """The entries with this one of ``TABLE_KEYS``, nodes first. Raises ConfigError where there are none."""
        every: list[NodeEntry | RelationshipEntry] = [*self.nodes, *self.relationships]
        found = [entry for entry in every if entry.table_key == table_key]
        if not found:
            raise ConfigError(f"none of the [[nodes]] and [[relationships]] has a {table_key!r}")
        return found


def parse_mapping(data: Mapping[str, Any], where: str) -> TableMapping:
    """Read the ``nodes`` and ``relationships`` of a configuration; its other sections are left alone.

    ``where`` names the configuration in messages. Raises ConfigError for the first thing that cannot be done, with the
    entry, the key and what was probably meant.
    """
    found = {key: data[key] for key in ("nodes", "relationships") if key in data}
    if not any(found.values()):
        raise ConfigError(f"{where} has no [[nodes]] and no [[relationships]]: `graphfeed init FOLDER` drafts some")
    try:
        return TableMapping.model_validate(found)
    except ValidationError as error:
        raise ConfigError(f"{where}: {_one_sentence(error, found)}") from error


def _parse_properties(
    given: Mapping[str, Any], allowed: Iterable[str], known: Iterable[str], at: str = ""
) -> dict[str, Property]:
    allowed, known = list(allowed), list(known)
    properties = {}
    for key, value in given.items():
        if key not in allowed:
            raise ValueError(f"{at}unknown key {key!r}{near_match(key, known)} Known are: {', '.join(known)}.")
        if isinstance(value, Property):
            properties[key] = value
            continue
        try:
            properties[key] = Property.model_validate(_as_column(value))
        except ValidationError as error:
            raise ValueError(f"{at}{key}: {_one_sentence(error, {})}") from error
    return properties


def _check_splits(end: End, place: str) -> None:
    """A node that is made has one value of each property: only the end itself cuts a cell."""
    for name, property_ in end.create.items() if isinstance(end.create, dict) else ():
        if property_.split is not None and (property_.column, property_.split) != (end.column, end.split):
            cut = f'{{ column = "{property_.column}", split = "{property_.split}", create = … }}'
            raise ValueError(
                f"{place}.create: {name}: takes one value and cannot be split; where the nodes themselves are the parts"
                f" of the cell, the split stands beside `create`: {place} = {cut}"
            )


def _known_name(key: str, name: str, known: Mapping[str, Any]) -> None:
    if name not in known:
        raise ValueError(f"unknown {key} {name!r}{near_match(name, known)} Known are: {', '.join(known)}.")


def _one_sentence(error: ValidationError, data: Mapping[str, Any]) -> str:
    """The first of pydantic's findings, with its place as a person would look for it."""
    finding = error.errors()[0]
    place = list(finding["loc"])
    words = ""
    if len(place) >= 2 and place[0] in ("nodes", "relationships") and isinstance(place[1], int):
        entry = data[str(place[0])][place[1]]
        file = entry.get("file") if isinstance(entry, dict) else None
        words = f"[[{place[0]}]] {place[1] + 1}" + (f" ({file}): " if isinstance(file, str) else ": ")
        place = place[2:]
    keys = ".".join(str(step) for step in place)
    match finding["type"]:
        case "missing":
            return f"{words}the key {keys!r} is missing."
        case "extra_forbidden":
            known = {**Property.model_fields, **Id.model_fields, **End.model_fields}
            return f"{words}unknown key {keys!r}{near_match(str(place[-1]), known)}"
        case "value_error":
            message = str(finding["ctx"]["error"]) if "ctx" in finding else finding["msg"]
            return f"{words}{keys + ': ' if keys else ''}{message}"
        case _:
            return f"{words}{keys}: {finding['msg']} (found {finding['input']!r})."

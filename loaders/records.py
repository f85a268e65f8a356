"""What a loader yields: typed chunks of nodes and relationships, as Arrow tables.

The observed half of the graph's schema stands here, because it is what every loader promises. What graphfeed itself
writes (vectors, predictions, generations) is in ``graphfeed.graph.schema``.

A chunk's table has exactly the columns of its type plus ``line``; a property without a value is null. Times are
microseconds since 1970, UTC.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa

from graphfeed.loaders.rejected import Rejects

TIME = pa.timestamp("us")  # UTC, without a zone in the type: both stores take it as it is
TEXT = pa.string()

CHUNK_ROWS = 50_000
"""Rows of a chunk, about: what bounds a loader's memory."""


@dataclass(frozen=True)
class NodeType:
    """A label and its properties (beside ``id``, a non-empty string unique within the label)."""

    label: str
    properties: dict[str, pa.DataType]
    text: tuple[str, ...]
    """The properties that are joined, in this order, into the text that gets a vector."""


@dataclass(frozen=True)
class RelationshipType:
    """A relationship's type, the pairs of labels it may join, and its properties.

    One relationship stands for all that happened between its two ends: ``at`` is the first time, ``count`` how often.
    A row is the same event as another one where source, target, ``at`` and the ``key`` properties are the same.
    """

    name: str
    pairs: tuple[tuple[str, str], ...]
    properties: dict[str, pa.DataType]
    role: str
    """"engagement" (a person's act on a post that speaks for it), "aversion" (against it), or "structure"."""
    key: tuple[str, ...] = ()
    """Properties that tell two relationships between the same two nodes apart."""


# ``said_by`` (the data, the linker, a model and its version) is not called ``source``: that column is an end's id.
_ACT = {"at": TIME, "count": pa.int64()}

NODE_TYPES: dict[str, NodeType] = {
    t.label: t
    for t in (
        NodeType(
            "User",
            {"name": TEXT, "about": TEXT, "platform": TEXT, "account": TEXT, "created_at": TIME},
            ("name", "about"),
        ),
        NodeType(
            "Post",
            {"kind": TEXT, "title": TEXT, "text": TEXT, "url": TEXT, "platform": TEXT, "created_at": TIME},
            ("title", "text"),
        ),
        NodeType("Entity", {"name": TEXT, "aliases": pa.list_(TEXT), "kind": TEXT, "text": TEXT}, ("name", "text")),
    )
}
"""``User.account`` is the same string for one person across platforms where the source knows it (AccountId)."""

RELATIONSHIP_TYPES: dict[str, RelationshipType] = {
    t.name: t
    for t in (
        *(
            RelationshipType(name, (("User", "Post"),), _ACT, "engagement")
            for name in ("VIEWED", "LIKED", "SAVED", "SHARED", "COMMENTED")
        ),
        *(RelationshipType(name, (("User", "Post"),), _ACT, "aversion") for name in ("DISLIKED", "HID")),
        RelationshipType("POSTED", (("User", "Post"),), {"at": TIME}, "structure"),
        RelationshipType("FOLLOWS", (("User", "User"),), {"at": TIME}, "structure"),
        RelationshipType("BLOCKED", (("User", "User"),), {"at": TIME, "said_by": TEXT}, "aversion"),
        RelationshipType("MUTED", (("User", "User"),), {"at": TIME, "said_by": TEXT}, "aversion"),
        RelationshipType("SAME_AS", (("User", "User"),), {"at": TIME, "said_by": TEXT}, "structure"),
        RelationshipType("REPLIES_TO", (("Post", "Post"),), {"kind": TEXT, "at": TIME}, "structure"),
        RelationshipType("LINKS_TO", (("Post", "Post"),), {"kind": TEXT, "at": TIME}, "structure"),
        RelationshipType("MENTIONS", (("Post", "Entity"),), {"confidence": pa.float64(), "said_by": TEXT}, "structure"),
        RelationshipType("RELATED_TO", (("Entity", "Entity"),), {"relation": TEXT}, "structure", key=("relation",)),
        RelationshipType(
            "INTERESTED_IN",
            (("User", "Entity"),),
            {"weight": pa.float64(), "stated": pa.bool_(), "at": TIME},
            "structure",
        ),
        # Pairs of a published test split: stored beside the graph, never part of what is trained on.
        RelationshipType("HELD_OUT", (("User", "Post"),), {"split": TEXT}, "structure"),
    )
}


@dataclass(frozen=True)
class Nodes:
    """A chunk of nodes of one label."""

    label: str
    rows: pa.Table
    """``id``, the label's properties in the order of ``NODE_TYPES``, ``line`` (int64, 1-based, in ``file``)."""
    file: str
    """Name of the source file, as shown to a person."""
    primary: bool = True
    """False for records that a row yields beside its main one (a tag in a list column): they do not count as rows."""
    implied: bool = False
    """True for nodes known only from being referred to: one that is there already is no duplicate, and stays."""


@dataclass(frozen=True)
class Relationships:
    """A chunk of relationships of one type between two labels."""

    type: str
    source_label: str
    target_label: str
    rows: pa.Table
    """``source``, ``target`` (ids), the type's properties in the order of ``RELATIONSHIP_TYPES``, ``line``."""
    file: str
    primary: bool = True


Chunk = Nodes | Relationships


class Loader(Protocol):
    """One source of records. Chunks of nodes come before the relationships that refer to them."""

    name: str
    """``stackexchange``, ``tables``, ``pairs``: the word on the command line."""

    def chunks(self, rejects: Rejects) -> Iterator[Chunk]:
        """Read the source as a stream.

        Every row read is counted with ``rejects.read``; a row that cannot be used goes to ``rejects.reject``.

        Raises SourceError for an absent, empty or unreadable file, saying which and where.
        """
        ...


def node_schema(label: str) -> pa.Schema:
    """Arrow schema of a chunk of nodes."""
    properties = NODE_TYPES[label].properties
    return pa.schema([("id", TEXT), *properties.items(), ("line", pa.int64())])


def relationship_schema(type_: str) -> pa.Schema:
    """Arrow schema of a chunk of relationships."""
    properties = RELATIONSHIP_TYPES[type_].properties
    return pa.schema([("source", TEXT), ("target", TEXT), *properties.items(), ("line", pa.int64())])

"""What a graph holds, as counts and checksums by label and type: equal where two graphs are, order included."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from graphfeed.graph.row_hashes import Digest
from graphfeed.graph.scan import GraphScan
from graphfeed.graph.store import GraphStore
from graphfeed.loaders.records import NODE_TYPES, RELATIONSHIP_TYPES


@dataclass(eq=False)
class Contents:
    """The observed graph."""

    nodes: dict[str, Digest]
    relationships: dict[str, Digest]

    @property
    def empty(self) -> bool:
        """Whether there is nothing at all."""
        return not any(digest.rows for digest in self.nodes.values())

    @property
    def node_counts(self) -> dict[str, int]:
        """By label."""
        return {name: digest.rows for name, digest in self.nodes.items()}

    @property
    def relationship_counts(self) -> dict[str, int]:
        """By type."""
        return {name: digest.rows for name, digest in self.relationships.items()}

    @property
    def word(self) -> str:
        """One checksum of all."""
        return hashlib.blake2b(repr(self._words()).encode(), digest_size=8).hexdigest()

    def words(self) -> str:
        """How much it is, for a sentence."""
        nodes, relationships = sum(self.node_counts.values()), sum(self.relationship_counts.values())
        return f"{nodes:,} nodes, {relationships:,} relationships"

    def difference(self, sent: Contents) -> str:
        """The first label or type that differs, for a sentence."""
        ours, theirs = self._words(), sent._words()
        for name in ours.keys() | theirs.keys():
            if ours.get(name) != theirs.get(name):
                here, there = (words.get(name, (0, ""))[0] for words in (ours, theirs))
                return f"{name}: {here:,} found, {there:,} sent" + (", with other properties" if here == there else "")
        return "no difference"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Contents) and self._words() == other._words()

    def _words(self) -> dict[str, tuple[int, str]]:
        return {n: (d.rows, d.word) for n, d in {**self.nodes, **self.relationships}.items() if d.rows}


@dataclass(frozen=True)
class Sizes:
    """How much a store holds."""

    nodes: int
    relationships: int

    @property
    def empty(self) -> bool:
        """Whether there is nothing at all."""
        return not self.nodes


def sizes_of(store: GraphStore) -> Sizes:
    """From the store's own counts: cheap."""
    counts = store.counts()
    return Sizes(sum(counts.nodes.values()), sum(counts.relationships.values()))


def contents_of(scan: GraphScan) -> Contents:
    """Read a whole graph."""
    contents = Contents({}, {})
    for label in NODE_TYPES:
        digest = contents.nodes[label] = Digest()
        for rows in scan.nodes(label):
            digest.add(rows)
    for type_ in RELATIONSHIP_TYPES:
        digest = contents.relationships[type_] = Digest()
        for links in scan.relationships(type_):
            digest.add(links.rows)
    return contents

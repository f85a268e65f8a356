"""What a run of the linker found, in a form that a person can check: counts, names that were hard, and examples."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from graphfeed.graph.linking.names import excerpt
from graphfeed.graph.linking.pairs import Links, Mask, Pairs
from graphfeed.graph.linking.reading import Integers, Reading
from graphfeed.graph.store import GraphStore

_TOP = 10
_EXAMPLES = 8


@dataclass(frozen=True)
class HardName:
    """A name that does not tell by itself what it stands for."""

    name: str
    entities: tuple[str, ...]
    texts: int
    """Posts that say it."""
    why: str
    """shared, or in words why it is too common to tell anything."""
    linked: dict[str, int]
    """The posts in which it counts all the same, by entity."""

    @property
    def left_out(self) -> int:
        """Posts in which it does not count, or the data itself says what is meant."""
        return self.texts - sum(self.linked.values())


@dataclass(frozen=True)
class Example:
    """One link, and where it comes from."""

    post: str
    entity: str
    confidence: float
    before: str
    match: str
    after: str


@dataclass(frozen=True)
class LinkReport:
    """What ``link`` did."""

    texts: int
    """Posts with a text, all read."""
    letters: int
    names: int
    """Different names and aliases that were looked for."""
    posts: int
    """Posts with at least one link."""
    links: pa.Table
    """All that hold now: source, target (ids), confidence, said_by."""
    new: int
    """Of these, those that the graph did not have before."""
    stated: int
    """Found, but said by the data itself."""
    weak: int
    """Found, with too little confidence."""
    stale: int
    """Of an earlier run, and would not be written now."""
    vectors: bool
    """Whether there were text vectors to decide with."""
    top: tuple[tuple[str, str, int], ...]
    """Entities with the most links: id, name, posts."""
    hard: tuple[HardName, ...]
    """Names that were found and that several entities share, or that are too common; most often said first."""
    examples: tuple[Example, ...]
    written: bool
    seconds: float
    reading_seconds: float


def top_entities(store: GraphStore, entities: Integers) -> tuple[tuple[str, str, int], ...]:
    """The entities that most links lead to."""
    counts = np.bincount(entities)
    order = np.argsort(-counts, kind="stable")[:_TOP]
    rows = store.read_nodes("Entity", ["id", "name"])
    return tuple(
        (rows["id"][i].as_py(), rows["name"][i].as_py() or "", int(counts[i])) for i in order.tolist() if counts[i]
    )


def hard_names(
    store: GraphStore, reading: Reading, common: dict[int, str], pairs: Pairs, accepted: Mask
) -> tuple[HardName, ...]:
    """Names that were found and could not be taken as they are, the most often said first."""
    ids, said = store.node_ids("Entity"), reading.said()
    shared = np.unique(pairs.name[pairs.shared]).tolist()
    linked: dict[int, dict[str, int]] = {name: {} for name in {*shared, *common}}
    chosen = accepted & np.isin(pairs.name, list(linked))
    for name, entity in zip(pairs.name[chosen].tolist(), pairs.entity[chosen].tolist(), strict=True):
        counts, id_ = linked[name], ids[entity].as_py()
        counts[id_] = counts.get(id_, 0) + 1
    return tuple(
        HardName(
            reading.names[name].text,
            tuple(ids[entity].as_py() for entity in reading.names[name].entities),
            int(said[name]),
            common.get(name, "shared"),
            linked[name],
        )
        for name in sorted(linked, key=lambda name: (-said[name], name))
    )


def examples(store: GraphStore, reading: Reading, links: Links) -> tuple[Example, ...]:
    """Some links, evenly spread over all, and where they come from."""
    places = sorted({i * (len(links.post) - 1) // (_EXAMPLES - 1) for i in range(_EXAMPLES)}) if len(links.post) else []
    found = (_example(store, reading, links, place) for place in places)
    return tuple(example for example in found if example is not None)


def _example(store: GraphStore, reading: Reading, links: Links, place: int) -> Example | None:
    post, entity = int(links.post[place]), int(links.entity[place])
    row = store.read_nodes("Post", ["id", "title", "text"]).slice(post, 1).to_pylist()[0]
    for text in (row["title"] or "", row["text"] or ""):
        for surface, at in reading.index.find(text):
            if entity in reading.index.surfaces[surface].entities:
                shown = excerpt(text, at, reading.index.surfaces[surface])
                id_ = store.node_ids("Entity")[entity].as_py()
                return Example(row["id"], id_, float(links.confidence[place]), *shown)
    return None

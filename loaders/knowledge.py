"""A knowledge graph in files: triples of head, relation and tail, and which entity an item is.

Heads and tails become Entities, each triple RELATED_TO with the relation's name, each item MENTIONS its entity.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from graphfeed.errors import SourceError
from graphfeed.loaders.chunks import batches, make_implied, make_relationships
from graphfeed.loaders.collect import Collector
from graphfeed.loaders.fieldlines import LineForm, field_lines
from graphfeed.loaders.records import Chunk, Relationships
from graphfeed.loaders.rejected import Rejects

TRIPLES = LineForm(("head", "relation", "tail"))
ITEMS = LineForm(("item", "entity"))


@dataclass(frozen=True)
class KnowledgeGraph:
    """The files. Without ``items`` an entity with the id of an item is that item, as in KGAT's data sets, where the
    entities below the number of items are the items (Wang et al., KDD 2019)."""

    triples: Path
    items: Path | None = None
    prefix: str = ""
    """Stands before every entity's id, to keep them apart from other entities' ids."""
    names: Mapping[str, str | None] = field(default_factory=dict)
    """Names of items, which become those of their entities."""
    kind: str | None = None
    """Of the entities that are items."""
    entities: Mapping[str, str] | None = None
    """Ids to give the entities instead of the files' own; a triple of another one is dangling."""
    relations: Mapping[str, str] | None = None
    """Names to give the relations, likewise."""
    posts: Mapping[str, str] | None = None
    """Ids of the posts that the items are, where they are others than in the triples."""

    def chunks(self, rejects: Rejects, items: Container[str] = ()) -> Iterator[Chunk]:
        """Read the files as a stream; ``items`` are the items' ids, needed where there is no file of them.

        Raises SourceError where no entity is an item: then the graph would say nothing of them.
        """
        if self.items is not None:
            yield from self._from_file(self.items, rejects)
            yield from self._triples(rejects, None)
        else:
            yield from self._triples(rejects, items)

    def _from_file(self, path: Path, rejects: Rejects) -> Iterator[Chunk]:
        mentions = Collector(path.name, ("source", "target", "confidence", "said_by"), type="MENTIONS")
        for batch in batches(field_lines(path, ITEMS, rejects)):
            for line, (item, entity) in batch:
                mentions.add(line, {"item": item, "entity": entity}, item, entity and self.prefix + entity, 1.0, "data")
            for chunk in mentions.take(rejects)[0]:
                lines = chunk.rows["line"].to_pylist()
                names = [self.names.get(item) for item in chunk.rows["source"].to_pylist()]
                entities = chunk.rows["target"].combine_chunks()
                yield make_implied("Entity", path.name, lines, id=entities, name=names, kind=self.kind)
                yield chunk

    def _triples(self, rejects: Rejects, items: Container[str] | None) -> Iterator[Chunk]:
        file = self.triples.name
        related = Collector(file, ("source", "target", "relation"), type="RELATED_TO")
        joined: dict[str, int] = {}
        for batch in batches(field_lines(self.triples, TRIPLES, rejects)):
            for line, (head, relation, tail) in batch:
                if not relation:
                    rejects.reject(file, line, "empty id", "the relation is empty", f"{head}  {tail}")
                    continue
                raw = {"head": head, "relation": relation, "tail": tail}
                ends = self._entity(head), self._entity(tail)
                name = relation if self.relations is None else self.relations.get(relation)
                if ends[0] is None or ends[1] is None or name is None:
                    detail = "the lists of entities and relations do not have the relation or one of its ends"
                    rejects.reject(file, line, "dangling key", detail, f"{head}  {relation}  {tail}")
                    continue
                related.add(line, raw, *ends, name)
                if items is not None:
                    joined.update({end: line for end in (head, tail) if end not in joined and end in items})
            for chunk in related.take(rejects)[0]:
                yield from _with_entities(chunk)
        if items is None:
            return
        if not joined:
            raise SourceError(
                f"{self.triples}: no head or tail is the id of an item: name a file of item and entity ids (kg_items)"
            )
        for part in batches(joined.items()):
            found, lines = zip(*part, strict=True)
            entities = [self._entity(item) for item in found]
            posts = found if self.posts is None else [self.posts[item] for item in found]
            columns = {"source": posts, "target": entities, "confidence": 1.0, "said_by": "data"}
            yield make_relationships("MENTIONS", file, lines, primary=False, **columns)

    def _entity(self, id_: str) -> str | None:
        """The id that an entity of the file gets; None where it has none."""
        if self.entities is not None:
            return self.entities.get(id_)
        return id_ and self.prefix + id_


def _with_entities(chunk: Chunk) -> Iterator[Chunk]:
    assert isinstance(chunk, Relationships)
    lines = chunk.rows["line"].to_pylist() * 2
    ids = pa.concat_arrays([chunk.rows[end].combine_chunks() for end in ("source", "target")])
    yield make_implied("Entity", chunk.file, lines, id=ids)
    yield chunk

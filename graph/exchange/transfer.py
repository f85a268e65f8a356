"""A whole graph into a store: what ``graphfeed copy`` and ``graphfeed import`` do.

    report = transfer(open_store("feed").scan(), open_store("neo4j://host:7687", create=True))

Into an empty store everything goes in one change: nodes, relationships with their events, vectors and predictions. So a
copy that is interrupted leaves nothing there, or, on a server that had begun to apply it, is finished by the next try.
Afterwards the store is read once more and held against what was sent.

A graph that is there already is left alone, unless it is the same (then what is missing beside it is added) or
``merge`` says to add to it. Vectors and predictions are about exactly one graph: they are carried where the store holds
the source's graph and nothing else.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from graphfeed.errors import SourceError, StoreError
from graphfeed.graph.exchange.beside import copy_encoder, tell_links_seen
from graphfeed.graph.exchange.contents import Contents, contents_of, sizes_of
from graphfeed.graph.exchange.rest import Plan, Rest, check_rest, plan_all, plan_missing, write_rest
from graphfeed.graph.row_hashes import Digest
from graphfeed.graph.scan import GraphScan, events_of_links
from graphfeed.graph.store import Change, GraphStore
from graphfeed.loaders.records import NODE_TYPES, RELATIONSHIP_TYPES

Progress = Callable[[str, int], None]
"""Called with a label or type and how many of its rows were handed on just now."""

DIFFERENT = "the store holds other things beside the source's graph: embed and publish there"
BY_HAND = "all but the files for the importer, which has to be run by hand: do that, and then the same without --bulk"


@dataclass(frozen=True)
class TransferReport:
    """What a transfer did."""

    source: str
    target: str
    found: str
    """What was there: ``nothing``, ``the same graph`` or ``another graph``."""
    nodes: dict[str, int]
    """Of the source by label, all of them in the target now."""
    relationships: dict[str, int]
    """Of the source by type, observed ones, all of them in the target now."""
    vectors: tuple[str, ...]
    """Written now: ``Post.text_vector`` and so on."""
    generations: tuple[str, ...]
    """Published generations written now, the active one last."""
    checksum: str
    """Of the source's ids, properties and relationships, in their order. The target's is the same, unless there was
    another graph."""
    left_out: tuple[str, ...]
    """What was not carried, and why, in words."""
    seconds: float

    @property
    def per_second(self) -> float:
        """Relationships a second, everything told: reading, writing, checking."""
        return sum(self.relationships.values()) / self.seconds if self.seconds else 0.0


@dataclass(frozen=True)
class TransferSettings:
    """What a transfer carries, and into what."""

    merge: bool = False
    """Add to a graph that is there; off: refuse to."""
    vectors: bool = True
    """Text and graph vectors, with the mark of the encoder."""
    predictions: bool = True
    """Published generations."""
    bulk: Callable[[str], None] | None = None
    """Into an empty Neo4j by its own importer, telling this what happens; None: by Cypher."""


def transfer(
    source: GraphScan,
    target: GraphStore,
    settings: TransferSettings | None = None,
    *,
    what: str = "copy",
    progress: Progress | None = None,
) -> TransferReport:
    """Write a scan into a store, and read it back to check it.

    Raises StoreError where the target holds another graph and ``merge`` is off, where the source is changed meanwhile
    (then nothing was written), and where what is read back is not what was sent; SourceError for a source that does not
    hold together.
    """
    began = time.monotonic()
    settings, say = settings or TransferSettings(), progress or (lambda _name, _rows: None)
    if target.mapping is not None:
        raise StoreError(
            f"{target.location} is used in place, as [graph] of graphfeed.toml maps it: nothing is written into it;"
            " name another store"
        )
    with target.change(what):  # finishes what was interrupted
        pass
    found, rest = "nothing", Rest()
    if not sizes_of(target).empty:
        found, sent = _into_filled(source, target, settings, what, say)
    elif settings.bulk is not None:
        with target.bulk(settings.bulk) as files:
            sent, rest = _write(source, files.change(what), Plan(), say)
        if sizes_of(target).empty:
            return _report(source, target, found, sent, rest, (BY_HAND,), began)
    else:
        plan = plan_all(source, settings.vectors, settings.predictions)
        tell_links_seen(source, target, plan)
        sent, rest = _write(source, target.change(what), plan, say)
    there = contents_of(target.scan())
    if there != sent and found == "nothing" and settings.bulk is not None:
        _write(source, target.change(what), Plan(), say)  # the importer reads an empty list as none: those nodes again
        there = contents_of(target.scan())
    if there != sent and found == "another graph":
        return _report(source, target, found, sent, rest, (DIFFERENT,), began)
    if there != sent:
        raise StoreError(
            f"{target.location} does not hold what {source.where} sent ({there.difference(sent)}): a fault in"
            " graphfeed, or somebody else wrote to it; please report it"
        )
    if found != "nothing" or settings.bulk is not None:
        rest = _add_rest(source, target, plan_missing(source, target, settings.vectors, settings.predictions), what)
    check_rest(target, rest)
    if settings.vectors:
        copy_encoder(source, target, rest)
    return _report(source, target, found, sent, rest, (), began)


def _into_filled(
    source: GraphScan, target: GraphStore, settings: TransferSettings, what: str, say: Progress
) -> tuple[str, Contents]:
    """Nothing where the graph is there already; else an addition, if it is wanted."""
    if settings.bulk is not None:
        raise StoreError(
            f"{target.location} holds a graph already, and the importer would replace it: leave --bulk out"
        )
    there = contents_of(target.scan())
    sent = contents_of(source)
    if sent == there:
        plan = plan_missing(source, target, settings.vectors, settings.predictions)
        if plan.replaces and not settings.merge:
            raise StoreError(
                f"{target.location} holds the same graph with other {plan.replaces}: --merge replaces them by those of"
                f" {source.where}"
            )
        return "the same graph", sent
    if not settings.merge:
        raise StoreError(
            f"{target.location} holds a graph already ({there.words()}): name an empty store, or add to it with --merge"
        )
    return "another graph", _write(source, target.change(what), Plan(), say)[0]


def _write(
    source: GraphScan, change: AbstractContextManager[Change], plan: Plan, say: Progress
) -> tuple[Contents, Rest]:
    """Nodes and relationships, and what is planned beside them, in one change: what was sent."""
    sent = Contents({}, {})
    with change as writing:
        for label in NODE_TYPES:
            digest = sent.nodes[label] = Digest()
            for rows in source.nodes(label):
                written = writing.write_nodes(label, rows)
                _refuse(source, label, "was there before", rows["id"], written.duplicates)
                digest.add(rows)
                say(label, rows.num_rows)
        for type_ in RELATIONSHIP_TYPES:
            digest = sent.relationships[type_] = Digest()
            for links in source.relationships(type_):
                rows = events_of_links(links)
                written = writing.write_relationships(type_, links.source_label, links.target_label, rows)
                _refuse(source, type_, "has an end that is no node", rows["source"], written.dangling)
                _refuse(source, type_, "was there before", rows["source"], written.duplicates)
                digest.add(links.rows)
                say(type_, links.rows.num_rows)
        if sent.empty:
            raise StoreError(f"{source.where} holds no graph, and nothing was written")
        rest = write_rest(writing, source, plan)
        source.check()
    return sent, rest


def _add_rest(source: GraphScan, target: GraphStore, plan: Plan, what: str) -> Rest:
    if plan.empty:
        return Rest()
    tell_links_seen(source, target, plan)
    with target.change(what) as change:
        rest = write_rest(change, source, plan)
        source.check()
    return rest


def _refuse(source: GraphScan, name: str, why: str, ids: pa.ChunkedArray, positions: npt.NDArray[np.int64]) -> None:
    """Raise SourceError for the first of these rows."""
    if len(positions):
        raise SourceError(
            f"{source.where}: {name} of {ids[int(positions[0])].as_py()!r:.200} {why}; nothing was written"
        )


def _report(
    source: GraphScan,
    target: GraphStore,
    found: str,
    sent: Contents,
    rest: Rest,
    left_out: tuple[str, ...],
    began: float,
) -> TransferReport:
    return TransferReport(
        source.where,
        target.location,
        found,
        sent.node_counts,
        sent.relationship_counts,
        tuple(f"{label}.{name}" for label, name in rest.vectors),
        tuple(g.id for g in rest.generations),
        sent.word,
        left_out,
        time.monotonic() - began,
    )

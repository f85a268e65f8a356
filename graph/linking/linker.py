"""Entities read out of text: names and aliases found in posts become MENTIONS, ``said_by`` the linker.

    report = link(store)
    print(report.links.num_rows, report.new)

Every text is read in one pass for all names at once (``names.py``). A name that several entities share, and one that
is too common to tell anything, counts only where the text's vector says so (``choice.py``). What the data itself says
is never touched, and what an earlier run wrote is not written twice.
"""

from __future__ import annotations

import time

import numpy as np

from graphfeed.errors import StoreError
from graphfeed.graph.linking.choice import CLOSE, chosen
from graphfeed.graph.linking.mark import by_linker, write_mark
from graphfeed.graph.linking.pairs import Links, Mask, Pairs, within
from graphfeed.graph.linking.reading import Progress, read_names, read_posts
from graphfeed.graph.linking.report import LinkReport, examples, hard_names, top_entities
from graphfeed.graph.linking.settings import LinkSettings
from graphfeed.graph.store import GraphStore


def link(
    store: GraphStore,
    settings: LinkSettings | None = None,
    *,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> LinkReport:
    """Find the entities' names in the posts and write what is new as MENTIONS, all of it or nothing.

    ``dry_run``: write nothing. ``progress``: called with posts read and all posts. Raises StoreError for a graph that
    is used in place, StoreBusyError where another process writes.
    """
    began, settings = time.perf_counter(), settings or LinkSettings()
    if store.mapping is not None and not dry_run:
        raise StoreError(
            f"nothing was done: the graph at {store.location} is used in place, and nothing but predictions and vectors"
            " is written into it. See what would be linked with --dry-run; with --json it has every link, to write them"
            " by your own means"
        )
    reading = read_posts(store, read_names(store, settings.kinds), progress)
    seconds = time.perf_counter() - began
    common = reading.too_common(settings)
    pairs = Pairs.of(store, reading, settings)
    stated, known = _mentions(store)
    accepted = _accepted(pairs, common, stated)
    found = Links.of(reading, pairs, accepted)
    by_data = within(found, stated)
    wanted = found.only(~by_data & (found.confidence >= settings.min_confidence))
    new = wanted.only(~within(wanted, known))
    if not dry_run:
        _write(store, new)
        write_mark(store.workspace, len(known.post) + len(new.post))
    return LinkReport(
        texts=reading.texts,
        letters=reading.letters,
        names=len({surface.name for surface in reading.index.surfaces}),
        posts=len(np.unique(wanted.post)),
        links=wanted.table(store),
        new=len(new.post),
        stated=int(by_data.sum()),
        weak=len(found.post) - int(by_data.sum()) - len(wanted.post),
        stale=int((~within(known, wanted)).sum()),
        vectors=bool(len(pairs.closeness)) and not bool(np.isnan(pairs.closeness).all()),
        top=top_entities(store, wanted.entity),
        hard=hard_names(store, reading, common, pairs, accepted),
        examples=examples(store, reading, wanted),
        written=not dry_run,
        seconds=time.perf_counter() - began,
        reading_seconds=seconds,
    )


def _accepted(pairs: Pairs, common: dict[int, str], stated: Links) -> Mask:
    """Which entity each name stands for: the only one, else the one that the vectors choose.

    A name that several share is not looked at where the data names one of them for that post: it is that one.
    """
    hard = np.isin(pairs.name, list(common))
    close = np.nan_to_num(pairs.closeness, nan=-np.inf) >= CLOSE
    best = np.zeros(len(pairs.post), np.bool_)
    best[pairs.shared] = chosen(pairs.closeness[pairs.shared], pairs.found[pairs.shared])
    said = within(pairs, stated)
    settled = np.isin(pairs.found, pairs.found[said])
    return np.where(pairs.shared, best & ~settled, close | ~hard)


def _mentions(store: GraphStore) -> tuple[Links, Links]:
    """What the graph says already: others' MENTIONS, and the linker's."""
    relations = store.read_relation("MENTIONS")
    if not relations:
        none = np.empty(0, np.int64)
        return (Links(none, none, none.astype(np.float64)),) * 2
    relation = relations[0]
    ours = by_linker(relation.properties)
    every = Links(relation.source, relation.target, np.ones(len(ours)))
    return every.only(~ours), every.only(ours)


def _write(store: GraphStore, links: Links) -> None:
    if len(links.post):
        with store.change("link") as change:
            change.write_relationships("MENTIONS", "Post", "Entity", links.table(store))

"""Predictions into the graph, as one generation: vectors, RECOMMENDED, MAY_KNOW, MAY_LIKE, SIMILAR_TO and TRENDING.

Everything is written in one change and switched at its end: a reader sees the former generation whole or this one.
"""

from __future__ import annotations

import json
import secrets
import time
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from graphfeed.errors import TrainingError
from graphfeed.graph.schema import PREDICTION_SCHEMA, Generation
from graphfeed.graph.store import Change, GraphStore
from graphfeed.graph.tensors import FeedGraph
from graphfeed.training.activity import active_people, active_posts
from graphfeed.training.links import LINK_KINDS, Int64
from graphfeed.training.model import LinearModel
from graphfeed.training.predict import Ranked, best_of_posts, best_of_users, moment_ranking
from graphfeed.training.ranker import Progress
from graphfeed.training.reasons import Reason
from graphfeed.training.snapshot import Past, Snapshot

Words = dict[str, list[str]]

TRENDING = 200
"""Posts kept for people of whom nothing is known, and for filling up lists."""


@dataclass(frozen=True)
class PublishReport:
    """What was published."""

    generation: Generation
    written: dict[str, int]
    """Predicted relationships by type."""
    people_without_posts: int
    """People for whom no post was left to recommend."""
    seconds: float
    people: int
    """For whom predictions were worked out ..."""
    everybody: int
    """... of so many."""
    dry_run: bool = False
    """Whether it was only counted: nothing was written."""
    people_unproven: int = 0
    """People of whose posts it is not proven that no other has a higher score (``retrieval.py``)."""


def publish(
    store: GraphStore,
    graph: FeedGraph,
    model: LinearModel,
    *,
    now: int,
    top: int = 100,
    active_days: float | None = None,
    metrics: dict[str, Any] | None = None,
    encoder: str = "",
    dry_run: bool = False,
    progress: Progress | None = None,
) -> PublishReport:
    """Write the best of every person and post as one generation and make it the active one.

    ``now`` (microseconds since 1970): the graph until then is what is known, and ages count from it. ``top``: posts
    per person; a fifth as many people, entities and similar posts, at least ten. ``active_days``: only for people and
    posts that were active in so many days before ``now`` (``activity.py``); the other people are served what is
    trending, and beside the other posts stand those of the nearest texts.
    ``dry_run``: work everything out and count it, and write nothing.

    Raises TrainingError when no post existed at ``now``.
    """
    began = time.monotonic()
    snapshot = Snapshot(Past(graph), now)
    if not len(snapshot.candidates("posts")):
        raise TrainingError(
            f"no post that can be recommended existed at {_date(now)}; choose a later moment with --now"
        )
    users, posts = np.arange(graph.count("User")), None
    if active_days is not None:
        users, posts = active_people(snapshot, active_days), active_posts(snapshot, active_days)
    generation = Generation(
        id=f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}",
        created_at=time.time_ns() // 1_000,
        now=now,
        model=model.name,
        encoder=encoder,
        metrics=json.dumps(metrics or {}, sort_keys=True),
        kinds=tuple(kind for kind, used in zip(graph.kinds, snapshot.kinds.tolist(), strict=True) if used and kind),
        active=True,
    )
    with nullcontext(_Nowhere()) if dry_run else store.change("publish") as change:
        written, without, unproven = _write(change, model, snapshot, generation, users, posts, top, progress)
        change.activate(generation)
    seconds = time.monotonic() - began
    return PublishReport(generation, written, without, seconds, len(users), graph.count("User"), dry_run, unproven)


class _Nowhere:
    """Takes what a publishing writes of a ``Change``, and forgets it."""

    def write_vectors(self, label: str, name: str, vectors: npt.NDArray[np.float32]) -> None:
        """Nothing."""

    def write_predictions(self, type_: str, rows: pa.Table) -> None:
        """Nothing."""

    def activate(self, generation: Generation) -> None:
        """Nothing."""


def rollback(store: GraphStore) -> Generation:
    """Make the generation before the active one active again; the one that was is removed.

    Raises NotPublishedError when there is none before.
    """
    with store.change("rollback") as change:
        return change.rollback()


def _write(
    change: Change | _Nowhere,
    model: LinearModel,
    snapshot: Snapshot,
    generation: Generation,
    users: Int64,
    posts: Int64 | None,
    top: int,
    progress: Progress | None,
) -> tuple[dict[str, int], int, int]:
    """How much was written by type, people without a post, and people whose posts are not proven to be the best."""
    written: dict[str, int] = {}
    unproven = 0
    fewer = max(10, top // 5)
    graph = snapshot.graph
    words = {
        label: [json.dumps(id_, ensure_ascii=False) for id_ in graph.ids[label].to_pylist()]
        for label in ("User", "Post", "Entity")
    }
    served: set[int] = set()

    def put(type_: str, ends: tuple[str, str], ranked: Ranked) -> None:
        change.write_predictions(type_, _rows(graph, ends, ranked, generation.id, words))
        written[type_] = written.get(type_, 0) + len(ranked.source)

    for kind, (label, type_) in LINK_KINDS.items():
        written[type_] = 0
        scorer = model.scorer(snapshot, kind)
        if kind == "posts":
            for node, vectors in scorer.vectors().items():
                change.write_vectors(node, "graph_vector", vectors)
            for ranked in best_of_posts(scorer, fewer, posts):
                put("SIMILAR_TO", ("Post", "Post"), ranked)
            written["TRENDING"] = _trending(change, graph, *moment_ranking(scorer, TRENDING), generation, words)
        if not len(scorer.candidates):
            continue
        for ranked in best_of_users(scorer, users, top if kind == "posts" else fewer):
            put(type_, ("User", label), ranked)
            if kind == "posts":
                served.update(ranked.source.tolist())
                unproven += ranked.unproven
            if progress:
                done = np.searchsorted(users, ranked.source.max(initial=0), side="right")
                progress(f"publish {type_}", int(done), len(users), "")
    return written, len(users) - len(served), unproven


def _rows(graph: FeedGraph, ends: tuple[str, str], ranked: Ranked, generation: str, words: Words) -> pa.Table:
    """``words``: the ids of each label as JSON texts."""
    return pa.table(
        [
            graph.ids[ends[0]].take(pa.array(ranked.source)),
            graph.ids[ends[1]].take(pa.array(ranked.target)),
            pa.array(ranked.rank),
            pa.array(ranked.score.astype(np.float64)),
            pa.repeat(generation, len(ranked.source)),
            pa.array([f"[{', '.join(_reason(r, words) for r in several)}]" for several in ranked.reasons], pa.string()),
        ],
        schema=PREDICTION_SCHEMA,
    )


def _reason(reason: Reason, words: Words) -> str:
    """A reason as JSON. Put together by hand: there are millions, and the ids are the same again and again."""
    path = ", ".join([words[label][index] for label, index in reason.path])
    return f'{{"type": "{reason.type}", "share": {round(reason.share, 4)}, "path": [{path}]}}'


def _trending(
    change: Change | _Nowhere, graph: FeedGraph, posts: Int64, scores: Any, generation: Generation, words: Words
) -> int:
    reasons = [[Reason("popular", 1.0, (("Post", int(post)),))] for post in posts]
    ranked = Ranked(np.zeros(len(posts), np.int64), posts, np.arange(1, len(posts) + 1), scores, reasons)
    rows = _rows(graph, ("Post", "Post"), ranked, generation.id, words)
    rows = rows.set_column(0, "source", pa.repeat(generation.id, len(posts)))
    change.write_predictions("TRENDING", rows)
    return len(posts)


def _date(moment: int) -> str:
    return str(np.datetime64(moment, "us").astype("datetime64[m]"))

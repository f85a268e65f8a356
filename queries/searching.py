"""Search by words, by meaning, and for one person: rankings that are fused into one.

    search(store, "measure entanglement")                    words and meaning
    search(store, "measure entanglement", by="text")         words alone: no encoder is needed
    search(store, "measure entanglement", user="26")         what suits the person comes first

The rankings are fused by their ranks alone (reciprocal rank fusion, Cormack, Clarke and Büttcher 2009), so that scores
of different kinds need no common scale. The text is data: it has no operators.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Literal, get_args

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graphfeed.errors import ConfigError, EncoderError
from graphfeed.graph.question_vectors import question_vector
from graphfeed.graph.store import GraphStore
from graphfeed.graph.text_index import Say, TextIndex, search_terms
from graphfeed.queries.lookup import knows_user
from graphfeed.queries.nearness import unknown_node
from graphfeed.queries.question_answers import Hit, Label, SearchAnswer, Way
from graphfeed.queries.suiting import suiting_order

By = Literal["both", "text", "vector"]

FUSED = 60
"""The constant of the fusion, as in the paper: how little the first places differ from each other."""
DEPTH = 100
"""How far down the rankings by words and by meaning are fused, at least."""
SUITED = 30
"""Of what was found, so many of the best are put in order for a person, at least: others are hardly about the text."""
_EXCERPT = 160  # characters


def search(
    store: GraphStore,
    text: str,
    limit: int = 10,
    *,
    by: By = "both",
    user: str | None = None,
    label: Label = "Post",
    kinds: Sequence[str] = (),
    say: Say | None = None,
) -> SearchAnswer:
    """The nodes of a label that a text is about, ``limit`` at most, best first.

    ``by``: words (BM25), meaning (nearest text vectors), or both, in which case a missing encoder is only noted.
    ``user``: posts that suit this person rise, and posts that they hid or whose author they blocked do not come.
    ``kinds``: only posts or entities of these kinds. ``say`` is told what takes time once.

    Raises ConfigError for an empty text or a wrong choice, UnknownNodeError, and EncoderError with ``by="vector"``.
    """
    _check(store, text, limit, by, user, label, kinds)
    depth = max(DEPTH, 2 * limit)
    rankings: dict[Way, list[str]] = {}
    notes: list[str] = []
    among = _of_kinds(store, label, kinds)
    if by != "vector":
        index = TextIndex.of(store, label, say)
        chosen = None if among is None else _mask(index.ids, among)
        rankings["text"] = [id_ for id_, _ in index.best(text, depth, chosen)]
    if by != "text":
        try:
            rankings["vector"] = _by_meaning(store, label, text, depth, among, say)
        except EncoderError as error:
            if by == "vector":
                raise
            notes.append(f"found by words alone: {error}")
    if user is not None:
        _for_person(store, user, rankings, max(SUITED, 3 * limit), notes, say)
    return _answer(store, text, label, rankings, limit, notes)


def fuse(rankings: Iterable[Sequence[str]]) -> list[tuple[str, float]]:
    """Reciprocal rank fusion: each id with the sum of 1 / (60 + rank), best first; ties in the order of first sight."""
    scores: dict[str, float] = {}
    for ranking in rankings:
        for rank, id_ in enumerate(ranking, 1):
            scores[id_] = scores.get(id_, 0.0) + 1 / (FUSED + rank)
    return sorted(scores.items(), key=lambda pair: -pair[1])


def _by_meaning(
    store: GraphStore, label: Label, text: str, depth: int, among: frozenset[str] | None, say: Say | None
) -> list[str]:
    vector = question_vector(store, text, say)
    if vector is None:
        return []
    keep = None if among is None else among.__contains__
    return [id_ for id_, likeness in store.nearest(label, "text_vector", vector, depth, keep=keep) if likeness > 0]


def _for_person(
    store: GraphStore, user: str, rankings: dict[Way, list[str]], most: int, notes: list[str], say: Say | None
) -> None:
    """Add the ranking of the best of what was found by how it suits the person; take away what they must not see."""
    found = [id_ for id_, _ in fuse(rankings.values())]
    suiting, barred = suiting_order(store, user, found, say)
    for way, ranking in rankings.items():
        rankings[way] = [id_ for id_ in ranking if id_ not in barred]
    best = set([id_ for id_ in found if id_ not in barred][:most])
    suiting = [id_ for id_ in suiting if id_ in best]
    if suiting:
        rankings["person"] = suiting
    elif found:
        notes.append(f"nothing is known that would put these in an order of their own for {user!r}")


def _answer(
    store: GraphStore, text: str, label: Label, rankings: dict[Way, list[str]], limit: int, notes: list[str]
) -> SearchAnswer:
    best = fuse(rankings.values())[:limit]
    ranks = {way: {id_: rank for rank, id_ in enumerate(ranking, 1)} for way, ranking in rankings.items()}
    given = {"users": [""], "posts": [""], "entities": [""]}
    given[{"User": "users", "Post": "posts", "Entity": "entities"}[label]] = [id_ for id_, _ in best] or [""]
    shown = {row["id"]: row for row in store.run("found", **given)}
    words = set(search_terms(text))
    hits = [
        Hit(
            id_,
            place,
            score,
            shown[id_]["name"],
            shown[id_]["kind"] or None,
            excerpt(shown[id_]["text"] or "", words),
            {way: ranks[way][id_] for way in ranks if id_ in ranks[way]},
        )
        for place, (id_, score) in enumerate(((i, s) for i, s in best if i in shown), 1)
    ]
    return SearchAnswer(text, label, tuple(hits), tuple(rankings), tuple(notes))


def excerpt(text: str, words: set[str], most: int = _EXCERPT) -> str:
    """A part of a text in one line, from a little before the first of the words; else its beginning."""
    line = " ".join(text.split())
    if len(line) <= most:
        return line
    begin = 0
    for match in re.finditer(r"\S+", line):
        if words & set(search_terms(match.group())):
            begin = max(0, match.start() - most // 4)
            break
    begin = line.rfind(" ", 0, begin) + 1 if begin else 0
    end = begin + most
    part = line[begin:end].rstrip()
    return ("… " if begin else "") + part + (" …" if end < len(line) else "")


def _of_kinds(store: GraphStore, label: Label, kinds: Sequence[str]) -> frozenset[str] | None:
    """The ids of the nodes of some kinds; None for all."""
    if not kinds:
        return None
    rows = store.read_nodes(label, ["id", "kind"])
    return frozenset(
        rows.filter(pc.is_in(rows["kind"], value_set=pa.array(list(kinds), pa.string())))["id"].to_pylist()
    )


def _mask(ids: pa.Array, among: frozenset[str]) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    chosen = pc.is_in(ids, value_set=pa.array(sorted(among), ids.type))
    return np.asarray(chosen.to_numpy(zero_copy_only=False), np.bool_)


def _check(
    store: GraphStore, text: str, limit: int, by: str, user: str | None, label: str, kinds: Sequence[str]
) -> None:
    if not any(map(str.isalnum, text)):
        what = "is empty" if not text.strip() else "holds no letter and no number"
        raise ConfigError(f"the text to search for {what}: give a word or more, such as `graphfeed search bread`")
    if limit < 1:
        raise ConfigError(f"the number of results must be 1 or more, found {limit}")
    if by not in get_args(By):
        raise ConfigError(f"a search goes by {', '.join(get_args(By))}, found {by!r}")
    if label not in get_args(Label):
        raise ConfigError(f"what can be searched for is {', '.join(get_args(Label))}, found {label!r}")
    if user is not None and label != "Post":
        raise ConfigError("only posts can be put in order for a person: leave the person away, or search for posts")
    if kinds and label == "User":
        raise ConfigError("people have no kinds: leave the kind away, or search for posts or entities")
    if user is not None and not knows_user(store, user):
        raise unknown_node(store, "User", user)

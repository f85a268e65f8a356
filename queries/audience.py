"""Who would care about a post: ``audience(store, "p7")``."""

from __future__ import annotations

import numpy as np

from graphfeed.errors import ConfigError
from graphfeed.graph.store import GraphStore
from graphfeed.graph.text_index import Say, TextIndex
from graphfeed.graph.whole_graph import WholeGraph, code
from graphfeed.queries.answers import Reason, read_reasons
from graphfeed.queries.nearness import unknown_node
from graphfeed.queries.question_answers import Reader

NEAREST = 20
"""Posts that read like the one, whose readers are asked for."""
_ENGAGED = tuple(code(type_) for type_ in ("VIEWED", "LIKED", "SAVED", "SHARED", "COMMENTED"))


def audience(store: GraphStore, post: str, limit: int = 10, *, say: Say | None = None) -> list[Reader]:
    """People for whom a post is a good one, best first: ``limit`` of them as long as there are so many.

    First those to whom it is published as a recommendation, by its rank in their list. Where that does not suffice, as
    for a post that came after publishing, people who engaged with the posts that read like it follow (``origin``). Who
    has met it, wrote it, disliked or hid it, or blocked or muted its author is left out.

    Raises UnknownNodeError for a post that is not in the graph.
    """
    if limit < 1:
        raise ConfigError(f"the number of results must be 1 or more, found {limit}")
    rows = store.run("post", id=post)
    if not rows:
        raise unknown_node(store, "Post", post)
    graph = WholeGraph.of(store, say)
    never = _met(graph, post) | {row["id"] for row in store.run("barred_readers", post=post)}
    found = [
        Reader(row["id"], 0, row["name"], "predicted", row["score"], row["rank"], read_reasons(row["reasons"]))
        for row in store.run("audience", post=post, limit=limit + len(never))
        if row["id"] not in never
    ][:limit]
    if len(found) < limit:
        never |= {reader.id for reader in found}
        found += _readers_of_alike(store, graph, post, rows[0], never, limit - len(found), say)
    return [Reader(**{**vars(reader), "rank": rank}) for rank, reader in enumerate(found, 1)]


def _met(graph: WholeGraph, post: str) -> set[str]:
    """Who engaged with a post or wrote it."""
    number = graph.find("Post", post)
    if number is None:
        return set()
    _, others, _ = graph.around(np.array([number]))
    people = graph.among("User")
    return {graph.name(int(other))[1] for other in np.unique(others) if other < people.stop}


def _readers_of_alike(
    store: GraphStore,
    graph: WholeGraph,
    post: str,
    row: dict[str, str | None],
    never: set[str],
    limit: int,
    say: Say | None,
) -> list[Reader]:
    """People who engaged with posts that read like this one, by the sum of their likenesses."""
    alike = _alike(store, post, row, say)
    nodes = graph.find_all("Post", [id_ for id_, _ in alike])
    known = [(nodes[id_], likeness, id_) for id_, likeness in alike if id_ in nodes]
    begin, others, steps = graph.around(np.array([node for node, _, _ in known], np.int64))
    sums: dict[int, float] = {}
    nearest: dict[int, str] = {}
    seen: set[tuple[int, int]] = set()  # a person may have liked and viewed the same post
    for place in np.flatnonzero(np.isin(-steps, _ENGAGED)):
        at, person = int(begin[place]), int(others[place])
        if (at, person) not in seen:
            seen.add((at, person))
            sums[person] = sums.get(person, 0.0) + known[at][1]
            nearest.setdefault(person, known[at][2])  # they stand in order: the most alike comes first
    best = sorted(sums, key=lambda person: (-round(sums[person], 5), person))
    chosen = [(id_, person) for person in best if (id_ := graph.name(person)[1]) not in never][:limit]
    names = {} if not chosen else _names(store, [id_ for id_, _ in chosen])
    return [
        Reader(
            id_,
            0,
            names.get(id_),
            "readers",
            round(sums[person], 5),
            None,
            (Reason("similar_text", None, (id_, nearest[person], post)),),
        )
        for id_, person in chosen
    ]


def _alike(store: GraphStore, post: str, row: dict[str, str | None], say: Say | None) -> list[tuple[str, float]]:
    """Posts that read like a post, most alike first, with likenesses up to 1: by text vectors, else by words."""
    vector = store.read_vector("Post", "text_vector", post)
    if vector is not None:
        found = store.nearest("Post", "text_vector", vector, NEAREST, keep=lambda id_: id_ != post)
        most = float(vector @ vector)
        return [(id_, likeness / most) for id_, likeness in found if likeness > 0]
    text = f"{row['title'] or ''} {row['text'] or ''}"
    ranked = TextIndex.of(store, "Post", say).best(text, NEAREST + 1)
    most = next((score for id_, score in ranked if id_ == post), max((s for _, s in ranked), default=1.0))
    return [(id_, min(1.0, score / most)) for id_, score in ranked if id_ != post][:NEAREST]


def _names(store: GraphStore, people: list[str]) -> dict[str, str]:
    rows = store.run("names", users=people, posts=[""], entities=[""])
    return {row["id"]: row["name"] for row in rows if row["name"]}

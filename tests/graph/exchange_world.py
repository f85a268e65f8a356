"""A small world with everything that is hard to carry, and what a store holds, as values that can be compared."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import numpy as np
from tests.store_rows import generation, links, nodes, predictions

from graphfeed.graph.embed import ENCODER_FILE
from graphfeed.graph.links_seen import LinksSeen, read_links_seen
from graphfeed.graph.scan import GraphScan
from graphfeed.graph.schema import PREDICTED, VECTORS
from graphfeed.graph.store import Change, GraphStore
from graphfeed.loaders.records import NODE_TYPES, RELATIONSHIP_TYPES

IDS = ["a", "ü 🦉", "it's", 'say "x"', "`tick`", "a:b", "tab\there", "line\nbreak", " padded ", "--help"]
TEXTS = [
    "",
    "ä, 日本語 🦉",
    '"quote" and \' and \\',
    "line\nand\ttab\r\nreturn",
    "x" * 5_000,
    None,
    " ",
    "<&>",
    "null",
    "0",
]
TIMES = [0, -1, None, 1_600_000_000_123_456, 253_402_300_799_999_999, -62_135_596_800_000_000, 7, -5, 10**15, 1]
LISTS = [["a", "b,c"], [], None, [""], ["é", "\"'"], ["z"] * 3, ["x\ny"], None, ["[]"], ["1"]]


def fill(store: GraphStore) -> None:
    """Two loads, of which the second rewrites nodes and adds events, vectors, and two generations."""
    with store.change("load") as change:
        load_first(change)
    with store.change("load more") as change:
        load_second(change)
    with store.change("embed") as change:
        rng = np.random.default_rng(0)
        for label in NODE_TYPES:
            vectors = rng.standard_normal((len(store.node_ids(label)), 5)).astype(np.float32)
            vectors[1] = 0
            change.write_vectors(label, "text_vector", vectors)
        change.write_vectors("Post", "graph_vector", rng.standard_normal((11, 3)).astype(np.float32) * 9)
    mark = {"name": "words", "revision": "1", "width": 5}
    (store.workspace / ENCODER_FILE).write_text(json.dumps(mark), encoding="utf-8")
    LinksSeen.of(7, np.array([3, 1, 2], dtype=np.uint64)).write(store.workspace)
    for number, id_ in enumerate(("g1", "g'2"), 1):
        with store.change(f"publish {id_}") as change:
            publish(change, id_, number)


def load_first(change: Change) -> None:
    """Ten nodes of each label and a relationship of each type from each to the next."""
    change.write_nodes("User", nodes("User", IDS, name=TEXTS, about=TEXTS[::-1], created_at=TIMES))
    change.write_nodes("Post", nodes("Post", IDS, title=TEXTS, text=TEXTS[::-1], kind=["q"] * 10, created_at=TIMES))
    change.write_nodes("Entity", nodes("Entity", IDS, name=TEXTS, aliases=LISTS))
    pairs = list(zip(IDS, [*IDS[1:], IDS[0]], strict=True))[::-1]
    given = {"at": TIMES, "count": [1, 2, None, 3, 10**6, 1, 1, 1, 1, 1], "kind": TEXTS, "said_by": TEXTS}
    given |= {"confidence": [0.1, 1.0, None, *[0.5] * 7], "weight": [1 / 3, -0.0, None, *[2.0] * 7]}
    given |= {"stated": [True, False, None, *[True] * 7], "relation": TEXTS, "split": ["test"] * 10}
    for type_, definition in RELATIONSHIP_TYPES.items():
        for source, target in definition.pairs:
            columns = {name: given[name] for name in definition.properties}
            change.write_relationships(type_, source, target, links(type_, pairs, **columns))


def load_second(change: Change) -> None:
    """Others of the same: a node rewritten, one more, events of relationships that are there, a second relation."""
    change.write_nodes("Post", nodes("Post", ["new", IDS[3]], title=["New", "other"], created_at=[5, None]))
    again = [(IDS[0], IDS[1]), (IDS[0], IDS[1]), (IDS[4], "new"), (IDS[4], "new"), (IDS[0], IDS[1])]
    rows = links("VIEWED", again, at=[-9, 44, 3, None, 45], count=[None, 7, 2, None, 1])
    change.write_relationships("VIEWED", "User", "Post", rows)
    change.write_relationships("FOLLOWS", "User", "User", links("FOLLOWS", [(IDS[0], IDS[1])], at=[-3]))
    rows = links("RELATED_TO", [(IDS[0], IDS[1])] * 2, relation=["second", "third's"])
    change.write_relationships("RELATED_TO", "Entity", "Entity", rows)


def publish(change: Change, id_: str, number: int) -> None:
    """All types of predictions, from and to some."""
    for type_, (source, _) in PREDICTED.items():
        pairs = [(id_ if source == "Generation" else IDS[i], IDS[i + number]) for i in range(3)]
        change.write_predictions(type_, predictions(id_, pairs, score=-1 / 3))
    change.activate(generation(id_, number))


def state_of(store: GraphStore) -> dict[str, Any]:
    """Everything that the seam tells of a store, and what lies beside its vectors."""
    found: dict[str, Any] = {"counts": store.counts(), "generations": store.generations()}
    for label, definition in NODE_TYPES.items():
        found[label] = store.read_nodes(label, ["id", *definition.properties]).to_pylist()
        for name in VECTORS:
            vectors = store.read_vectors(label, name)
            found[f"{label}.{name}"] = None if vectors is None else vectors.tolist()
    for type_ in RELATIONSHIP_TYPES:
        for r in store.read_relation(type_):
            counted = "count" in RELATIONSHIP_TYPES[type_].properties
            arrays = [array.tolist() for array in (r.source, r.target, r.at, *([r.count] if counted else []))]
            found[f"{r.source_label} {type_} {r.target_label}"] = [*arrays, r.properties.to_pydict()]
    found["predictions"] = predictions_of(store.scan())
    mark = store.workspace / ENCODER_FILE
    found["encoder"] = json.loads(mark.read_text(encoding="utf-8")) if mark.is_file() else None
    seen = read_links_seen(store.workspace)
    found["seen"] = None if seen is None else (seen.until, seen.pairs.tolist())
    return found


def predictions_of(scan: GraphScan) -> dict[str, Counter[str]]:
    """In whatever order."""
    return {t: Counter(repr(row) for rows in scan.predictions(t) for row in rows.to_pylist()) for t in PREDICTED}

"""What the linker left in the graph, and what it reads: ``graphfeed run`` tells by it whether there is more to find."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graphfeed.graph.journal.events import content_hashes
from graphfeed.graph.linking.pairs import SAID_BY, Mask
from graphfeed.graph.store import GraphStore

MARK_FILE = "links.json"


def write_mark(workspace: Path, links: int) -> None:
    """Keep how many links the graph holds after a run; the file is replaced at once."""
    new = workspace / f"{MARK_FILE}.new"
    new.write_text(json.dumps({"links": links}) + "\n", encoding="utf-8")
    new.replace(workspace / MARK_FILE)


def links_are_there(store: GraphStore) -> bool:
    """Whether the graph holds as many links as the last run left in it; False where nothing was linked yet."""
    try:
        marked = json.loads((store.workspace / MARK_FILE).read_text(encoding="utf-8"))["links"]
    except (OSError, ValueError, TypeError, KeyError):
        return False
    there = sum(int(by_linker(relation.properties).sum()) for relation in store.read_relation("MENTIONS"))
    return bool(marked == there)


def inputs_word(store: GraphStore) -> str:
    """A word that changes with the posts' texts, the entities' names, and the MENTIONS that are not the linker's."""
    digest = hashlib.sha256()
    for label, columns in (("Post", ["title", "text"]), ("Entity", ["name", "aliases", "kind"])):
        digest.update(content_hashes(store.read_nodes(label, columns)).tobytes())
    for relation in store.read_relation("MENTIONS"):
        others = ~by_linker(relation.properties)
        digest.update(np.sort((relation.source << 32 | relation.target)[others]).tobytes())
    return digest.hexdigest()[:16]


def by_linker(properties: pa.Table) -> Mask:
    """Which MENTIONS the linker wrote."""
    return np.asarray(pc.fill_null(pc.equal(properties["said_by"], SAID_BY), False).to_numpy(), np.bool_)

"""How nodes are called in a report: by name, or, where names are to be hidden, by numbers."""

from __future__ import annotations

from collections.abc import Iterable

from graphfeed.graph.store import GraphStore
from graphfeed.report.section import clean

_WORDS = {"User": "person", "Post": "post"}


class Called:
    """Names of nodes by label and id, looked up together.

    With ``hide``, people and posts are numbered in the order in which they are first spoken of, entities of the kind
    "person" too; topics keep their names.
    """

    def __init__(self, store: GraphStore, *, hide: bool = False) -> None:
        self.hide = hide
        self._store = store
        self._names: dict[tuple[str, str], str] = {}
        self._numbers: dict[str, dict[str, int]] = {"User": {}, "Post": {}, "Entity": {}}
        self._persons: set[str] = set()
        if hide:
            kinds = store.read_nodes("Entity", ["kind"])["kind"].to_pylist()
            ids = store.node_ids("Entity").to_pylist()
            self._persons = {id_ for id_, kind in zip(ids, kinds, strict=True) if (kind or "").lower() == "person"}

    def look_up(self, nodes: Iterable[tuple[str, str]]) -> None:
        """Learn the names of these (label, id), in one query."""
        wanted: dict[str, set[str]] = {"User": set(), "Post": set(), "Entity": set()}
        for label, id_ in nodes:
            wanted[label].add(id_)
        lists = [sorted(wanted[label]) or [""] for label in ("User", "Post", "Entity")]
        rows = self._store.run("names", users=lists[0], posts=lists[1], entities=lists[2])
        self._names |= {(row["label"], row["id"]): row["name"] for row in rows if row["name"]}

    def name(self, label: str, id_: str, most: int = 80) -> str:
        """What to write for a node."""
        if self.hide and (label in _WORDS or id_ in self._persons):
            numbers = self._numbers[label]
            return f"{_WORDS.get(label, 'person')} {numbers.setdefault(id_, len(numbers) + 1)}"
        return clean(self._names.get((label, id_)) or "", most) or clean(id_, most)

"""The end of a message about an id that is not in the graph: ids that were perhaps meant."""

from __future__ import annotations

from difflib import get_close_matches

from graphfeed.graph.store import GraphStore

_QUERIES = {"User": "near_users", "Post": "near_posts"}
_MOST = 3
_COMPARED = 20_000  # ids compared letter by letter, which takes about 0.2 s; in larger graphs only the query looks


def near_ids(store: GraphStore, label: str, id_: str) -> str:
    """``; near: 'u12' (Ann Example), 'u13'``, or how to see some ids where nothing is near."""
    rows = store.run(_QUERIES[label], text=id_, limit=_MOST) if id_ else []
    if not rows:
        known = store.node_ids(label)
        if len(known) <= _COMPARED:
            rows = [{"id": near, "name": None} for near in get_close_matches(id_, known.to_pylist(), _MOST, 0.7)]
    if not rows:
        return "; `graphfeed status` shows some that there are"
    return "; near: " + ", ".join(repr(r["id"]) + (f" ({_short(r['name'])})" if r["name"] else "") for r in rows)


def _short(name: str) -> str:
    return name if len(name) <= 40 else name[:39] + "…"

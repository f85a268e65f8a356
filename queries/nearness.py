"""The message about an id that is not in the graph, with the ids that were perhaps meant."""

from __future__ import annotations

from difflib import get_close_matches

from graphfeed.errors import UnknownNodeError
from graphfeed.graph.store import GraphStore

_QUERIES = {"User": "near_users", "Post": "near_posts"}
_SOME = {
    "User": "`graphfeed status` shows some that there are",
    "Post": "`graphfeed search` finds some by their words",
}
"""Where nothing is near."""
_MOST = 3
_COMPARED = 20_000  # ids compared letter by letter, which takes about 0.2 s; in larger graphs only the query looks


_LONG = 200  # letters: nobody mistyped a longer id


def unknown_node(store: GraphStore, label: str, id_: str) -> UnknownNodeError:
    """``no person has the id 'u1'; near: 'u12' (Ann Example), 'u13'``, or how to see some ids where nothing is near."""
    what = {"User": "person", "Post": "post"}[label]
    return UnknownNodeError(f"no {what} has the id {_short(id_, 100)!r}{_near(store, label, id_)}")


def _near(store: GraphStore, label: str, id_: str) -> str:
    rows = store.run(_QUERIES[label], text=id_, limit=_MOST) if 0 < len(id_) <= _LONG else []
    if not rows and len(id_) <= _LONG:
        known = store.node_ids(label)
        if len(known) <= _COMPARED:
            rows = [{"id": near, "name": None} for near in get_close_matches(id_, known.to_pylist(), _MOST, 0.7)]
    if not rows:
        return f"; {_SOME[label]}"
    near = [repr(_short(r["id"], 100)) + (f" ({_short(r['name'], 40)})" if r["name"] else "") for r in rows]
    return "; near: " + ", ".join(near)


def _short(name: str, most: int) -> str:
    return name if len(name) <= most else name[: most - 1] + "…"

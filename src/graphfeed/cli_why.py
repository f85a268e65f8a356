"""``graphfeed why``: what the trained towers' taste for one post rests on, edge by edge."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from graphfeed.errors import TrainingError
from graphfeed.feed import Feed
from graphfeed.moments import pick_moment
from graphfeed.options import Debug, Json, Limit, Store, note, open_feed, out

if TYPE_CHECKING:
    from graphfeed.training.tower_reasons import Node, Taste

# By relation: what the node that an edge leads from does, and what "you" do.
_VERBS = {
    "engaged": ("engaged with", "engaged with"),
    "posted": ("wrote", "wrote"),
    "follows": ("follows", "follow"),
    "cares": ("cares about", "care about"),
    "mentions": ("is about", ""),
    "related": ("is related to", ""),
    "linked": ("is linked with", ""),
    "replied": ("is in a conversation with", ""),
}


@dataclass(frozen=True)
class TasteOf:
    """A taste with the ids and names of its nodes."""

    user: str
    post: str
    taste: Taste
    ids: dict[Node, str]
    names: dict[Node, str]

    def to_dict(self) -> dict[str, Any]:
        """As in the command line's JSON."""
        taste = self.taste
        reasons = [
            {
                "relation": reason.relation,
                "share": round(reason.share, 4),
                "approximate": taste.approximate,
                **{
                    end: {"label": node[0], "id": self.ids[node]}
                    for end, node in zip(("source", "target"), reason.ends, strict=True)
                },
            }
            for reason in taste.reasons
        ]
        head = {"user": self.user, "post": self.post, "score": taste.score, "alone": taste.alone}
        return {**head, "approximate": taste.approximate, "reasons": reasons}

    def sentence(self, place: int) -> str:
        """A reason in words."""
        reason = self.taste.reasons[place]
        source, target = reason.ends
        relation, _, name = reason.relation.partition(":")
        other, own = _VERBS[relation]
        you = source[0] == "User" and self.ids[source] == self.user
        verb = f"is related ({name}) to" if name else own if you else other
        return f"{self._name(source)} {verb} {self._name(target)}"

    def _name(self, node: Node) -> str:
        from graphfeed.queries.wording import shorten

        label, id_ = node[0], self.ids[node]
        if (label, id_) == ("User", self.user):
            return "you"
        if (label, id_) == ("Post", self.post):
            return "this"
        name = shorten(self.names.get(node, id_))
        return f"“{name}”" if label == "Post" else name


def taste_of(feed: Feed, user: str, post: str, *, now: str | None = None, limit: int = 10) -> TasteOf:
    """What the taste of the store's trained model for a post rests on, whether it is published or not.

    ``now`` as in ``Feed.publish``. Raises TrainingError where there is no trained model or it has no towers,
    UnknownNodeError for a person or post that is not in the graph.
    """
    import pyarrow.compute as pc

    from graphfeed.queries.nearness import unknown_node
    from graphfeed.training.snapshot import Past, Snapshot
    from graphfeed.training.tower_reasons import explain_taste

    model = feed.model("cpu")
    if model.towers is None:
        parts = ", ".join(model.settings.parts)
        raise TrainingError(f"the trained model has no towers, only {parts}: `graphfeed train` with all parts has them")
    graph = feed.graph()
    places = []
    for label, id_ in (("User", user), ("Post", post)):
        place = int(pc.index(graph.ids[label], id_).as_py())
        if place < 0:
            raise unknown_node(feed.store, label, id_)
        places.append(place)
    snapshot = Snapshot(Past(graph), pick_moment(now, graph.latest_time()).at)
    taste = explain_taste(model.towers, snapshot, places[0], places[1], most=limit)
    nodes = {node for reason in taste.reasons for node in reason.ends}
    ids = {node: str(graph.ids[node[0]][node[1]].as_py()) for node in nodes}
    return TasteOf(user, post, taste, ids, _names(feed, ids))


def why(
    user: Annotated[str, typer.Argument(help="Id of a person.")],
    post: Annotated[str, typer.Argument(help="Id of a post.")],
    limit: Limit = 10,
    now: Annotated[
        str | None, typer.Option("--now", help="The moment to look from: clock, latest (time in the graph) or a date.")
    ] = None,
    store: Store = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """What the towers' taste for a post rests on, edge by edge: exact for linear towers, else approximate."""
    with open_feed(store) as feed:
        found = taste_of(feed, user, post, now=now, limit=limit)
    if as_json:
        print(json.dumps(found.to_dict(), indent=2))
        return
    console, taste = out(), found.taste
    how = "approximate" if taste.approximate else "exact"
    head = (
        f"the towers score it {taste.score:.3f}, on a scale of their own; without any edge it would be"
        f" {taste.alone:.3f}. Parts ({how}):"
    )
    console.print(head, highlight=False, markup=False, soft_wrap=True)
    for place, reason in enumerate(taste.reasons):
        share = f"[green]{reason.share:>6.0%}[/green]"
        console.print(f"  {share}  {escape(found.sentence(place))}", highlight=False, soft_wrap=True)
    if not taste.reasons:
        note("no edge speaks for it" if taste.score > 0 else "a score of 0 or less counts nothing: no taste for it")


def _names(feed: Feed, ids: dict[Node, str]) -> dict[Node, str]:
    lists = {
        label: sorted(id_ for node, id_ in ids.items() if node[0] == label) for label in ("User", "Post", "Entity")
    }
    given = {
        name: lists[label] or [""] for name, label in (("users", "User"), ("posts", "Post"), ("entities", "Entity"))
    }
    known = {(row["label"], row["id"]): row["name"] for row in feed.store.run("names", **given) if row["name"]}
    return {node: known[node[0], id_] for node, id_ in ids.items() if (node[0], id_) in known}

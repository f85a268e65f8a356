"""What the commands print of the questions to the whole graph: search, trends, readers, paths, communities, cold."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape

from graphfeed.graph.store import GraphStore
from graphfeed.queries.question_answers import (
    Central,
    Cold,
    Communities,
    GraphPath,
    Node,
    Reader,
    SearchAnswer,
    Step,
    Trend,
)
from graphfeed.queries.wording import Names, shorten

_ONE = {"User": "person", "Post": "post", "Entity": "entity"}
_MANY = {"User": "people", "Post": "posts", "Entity": "entities"}
_WAYS = {"text": "words", "vector": "meaning", "person": "person"}
_REASONS = 3
# By relationship type: what an end does with the other, along it and against it.
_VERBS = {
    "VIEWED": ("viewed", "was viewed by"),
    "LIKED": ("liked", "was liked by"),
    "SAVED": ("saved", "was saved by"),
    "SHARED": ("shared", "was shared by"),
    "COMMENTED": ("commented on", "has a comment by"),
    "POSTED": ("wrote", "is by"),
    "FOLLOWS": ("follows", "is followed by"),
    "SAME_AS": ("is the same person as", "is the same person as"),
    "REPLIES_TO": ("replies to", "has the reply"),
    "LINKS_TO": ("links to", "is linked from"),
    "MENTIONS": ("is about", "is a topic of"),
    "RELATED_TO": ("is related to", "is related to"),
    "INTERESTED_IN": ("cares about", "is cared about by"),
    "RECOMMENDED": ("is recommended", "is recommended to"),
    "MAY_KNOW": ("may know", "may be known by"),
    "MAY_LIKE": ("may like", "may be liked by"),
    "SIMILAR_TO": ("is similar to", "is similar to"),
}
_LACKS = {
    "User": {
        "few_acts": "fewer than {few} engagements",
        "new": "dated after the moment that is published for",
        "no_text": "say nothing about themselves",
        "no_follows": "follow nobody",
    },
    "Post": {
        "few_acts": "fewer than {few} engagements",
        "new": "dated after the moment that is published for",
        "no_text": "no text",
        "no_entity": "about no entity",
        "no_author": "no author",
    },
}
_LACKS_OF_A_PERSON = {"no_text": "says nothing about themselves", "no_follows": "follows nobody"}


def show_search(console: Console, found: SearchAnswer) -> None:
    """Hits with an excerpt and their place in each ranking."""
    for hit in found.hits:
        about = ", ".join(word for word in (hit.kind, hit.id) if word)
        places = ", ".join(f"{_WAYS[way]} {rank}" for way, rank in hit.ranks.items())
        _head(console, hit.rank, hit.name or hit.excerpt or hit.id, about, places)
        if hit.excerpt and hit.name:
            console.print(f"     {escape(hit.excerpt)}", style="dim", highlight=False, soft_wrap=True)
    if not found.hits:
        others = "; --people and --entities search those" if found.label == "Post" else ""
        _say(console, f"nothing is found among the {_MANY[found.label]}{others}")


def show_trends(console: Console, found: Sequence[Trend]) -> None:
    """Posts or entities with what they are ranked by."""
    for trend in found:
        about = ", ".join(word for word in (trend.kind, trend.id if trend.name else "") if word)
        posts = "" if trend.posts is None else f" with {_count(trend.posts, 'post')}"
        acts = f"{trend.score:.2f}  ({_count(trend.acts, 'act')} by {_count(trend.people, 'person', 'people')}{posts})"
        _head(console, trend.rank, trend.name or trend.id, about, acts)
    if not found:
        _say(console, "nothing: nobody engaged with anything within twenty half-lives before that moment")


def show_readers(console: Console, store: GraphStore, found: Sequence[Reader]) -> None:
    """People, each with the reasons as they would be told."""
    names = Names.read(store, [(reason, "p") for reader in found for reason in reader.reasons]) if found else None
    for reader in found:
        if reader.origin == "predicted":
            how = f"number {reader.place} in their list"
        else:
            how = f"engaged with what reads like it, {reader.score:.3f}"
        _head(console, reader.rank, reader.name or reader.id, reader.id, how)
        for sentence, share in names.told(reader.reasons)[:_REASONS] if names else ():
            part = "      –" if share is None else f"{share:>6.0%} "
            console.print(f"     [green]{part}[/green] {escape(sentence)}", highlight=False, soft_wrap=True)
    if found:
        _say(console, "The reasons are as each of them would be told: “you” is the person.")
    else:
        _say(console, "nobody: it is recommended to nobody, and nobody engaged with a post that reads like it")


def show_paths(console: Console, found: Sequence[GraphPath], longest: int) -> None:
    """Each path as a chain of captions and verbs."""
    for number, path in enumerate(found, 1):
        parts = [f"[bold]{escape(_caption(path.nodes[0]))}[/bold]"]
        for between, node in zip(path.steps, path.nodes[1:], strict=True):
            parts.append(f"{_verbs(between)} [bold]{escape(_caption(node))}[/bold]")
        length = _count(len(path.steps), "step")
        console.print(f"{number:>3}  [dim]{length}[/dim]  " + "\n     → ".join(parts), highlight=False, soft_wrap=True)
    if not found:
        _say(console, f"no path of {_count(longest, 'step')} or fewer joins them")


def show_communities(console: Console, found: Communities, label: str) -> None:
    """The largest ones, with members and entities."""
    _say(
        console,
        f"{_count(found.count, 'community', 'communities')}, modularity {found.modularity:.3f}"
        f" (above 0.3 is a clear structure); {_count(found.alone, 'node')} without any relationship",
    )
    for one in found.communities:
        sizes = (
            f"{_count(one.people, 'person', 'people')}, {_count(one.posts, 'post')},"
            f" {_count(one.entities, 'entity', 'entities')}"
        )
        about = ", ".join(_short_name(node) for node in one.about)
        _head(console, one.rank, about or f"community {one.id}", f"community {one.id}", sizes)
        sizes_of = {"User": one.people, "Post": one.posts, "Entity": one.entities}
        if one.members and not (_all_alike(one.members) and sizes_of[label] > len(one.members)):
            members = ", ".join(map(_named, one.members))
            _say(console, f"     most important {_MANY[label]}: {members}")


def show_central(console: Console, found: Sequence[Central]) -> None:
    """Nodes by importance, as parts of a thousand."""
    for node in found:
        where = "" if node.community is None else f"community {node.community}"
        about = ", ".join(word for word in (node.kind, node.id if node.name else "", where) if word)
        _head(console, node.rank, node.name or node.id, about, f"{1_000 * node.pagerank:.3f} ‰")
    if not found:
        _say(console, "nothing")
    elif _all_alike(found):
        _say(
            console,
            "All of these are equally important, in the order of their ids: nothing leads to one in particular.",
        )


def _all_alike(nodes: Sequence[Central]) -> bool:
    """Whether importance says nothing, as of people whom nobody follows and who wrote nothing."""
    return len(nodes) > 1 and len({round(node.pagerank, 12) for node in nodes}) == 1


def show_cold(console: Console, found: Cold) -> None:
    """How many lack what, and the least known ones."""
    what, words = _MANY[found.label], _LACKS[found.label]
    part = found.cold / found.all if found.all else 0.0
    _say(console, f"{found.cold:,} of {found.all:,} {what} ({part:.0%}) are cold; of these")
    for lack, count in found.reasons.items():
        _say(console, f"  {count:>9,}  {words[lack].format(few=found.few)}")
    for place, node in enumerate(found.nodes, 1):
        single = _LACKS_OF_A_PERSON if found.label == "User" else {}
        lacks = [single.get(lack, words[lack]) for lack in node.lacks if lack != "few_acts"]  # the number says it
        _head(console, place, node.name or node.id, node.id, "; ".join([_count(node.acts, "engagement"), *lacks]))


def _head(console: Console, rank: int, name: str, about: str, rest: str) -> None:
    shown = f"{rank:>3}  [bold]{escape(shorten(name, 80))}[/bold]"
    if about and about != name:  # what has no name is called by its id, once
        shown += f"  [dim]{escape(shorten(about, 80))}[/dim]"
    console.print(f"{shown}  {escape(rest)}", highlight=False, soft_wrap=True)


def _caption(node: Node) -> str:
    if not node.name:
        return f"{_ONE[node.label]} {shorten(node.id, 40)}"
    name = shorten(node.name)
    return f"“{name}” ({shorten(node.id, 40)})" if node.label == "Post" else f"{name} ({shorten(node.id, 40)})"


def _short_name(node: Central) -> str:
    return shorten(node.name or node.id, 40)


def _named(node: Central) -> str:
    return f"{_short_name(node)} ({node.id})" if node.name else shorten(node.id, 40)


def _verbs(between: Sequence[Step]) -> str:
    """``liked and viewed``, ``is followed by``; both where both directions join the two."""
    return " and ".join(_VERBS[type_][0 if step.forward else 1] for step in between for type_ in step.types)


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def _say(console: Console, text: str) -> None:
    console.print(text, highlight=False, markup=False, soft_wrap=True)

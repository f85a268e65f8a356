"""The words and shapes by which labels, properties and relationship types are recognised when a mapping is drafted."""

from __future__ import annotations

import re

from graphfeed.graph.neo4j.inspect import LabelSeen, PropertySeen, TypeSeen
from graphfeed.loaders.columns import words_of
from graphfeed.loaders.vocabulary import ACT_OF, LABELS, PROPERTIES, TIMES

_USERS = "user member account customer subscriber login reader viewer listener reviewer profile"
_MORE_ACTS = {
    "LIKED": "rate bought liked loved ordered",
    "VIEWED": "saw watched heard",
    "HID": "hid",
    "POSTED": "post write wrote written author create ask provide publish upload submit made",
}
_ACTS = ACT_OF | {word: type_ for type_, words in _MORE_ACTS.items() for word in words.split()}
_MORE_NAMES = {
    ("Post", "text"): ("plot", "overview", "synopsis", "tagline"),
    ("Post", "title"): ("question", "heading", "caption"),
    ("User", "name"): ("full name", "first name"),
}
_MORE_TIMES = ("joined", "registered", "signup date", "creation date", "added", "released", "release date", "year")
_ISO = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d.*)?")
_FORMS = {"ZONED DATETIME": "datetime", "LOCAL DATETIME": "localdatetime", "DATE": "date", "STRING": "text"}
_FIRST_MILLIS, _FIRST_SECONDS = 100_000_000_000, 100_000_000
_YEARS = (1800, 2200)
_RATINGS = ("rating", "stars", "score", "grade", "points", "value")
_GOOD, _BAD = 0.75, 0.3  # of the way from the lowest to the highest rating


def label_role(label: str, *, strong: bool = False) -> str | None:
    """The role that a label's name suggests. ``strong``: people only where they are users rather than persons."""
    words = words_of(label)
    if strong:
        return "User" if words and words[-1] in _USERS.split() else None
    return LABELS.get(words[-1]) if words else None


def act_of(type_: str) -> tuple[str, bool]:
    """The role of a relationship from people to posts, and whether it is no more than a guess."""
    for word in words_of(type_):
        for base in _stems(word):
            if base in _ACTS:
                role = _ACTS[base]
                return (role, False) if role not in ("FOLLOWS", "BLOCKED", "MUTED") else ("SAVED", True)
    return "VIEWED", True


def same_kind_role(ends: tuple[str, str], type_: str) -> tuple[str, bool]:
    """The role of a relationship between two roles of labels, in the schema's direction."""
    stems = {base for word in words_of(type_) for base in _stems(word)}
    match ends:
        case ("User", "User"):
            found = next((_ACTS[s] for s in stems if _ACTS.get(s) in ("FOLLOWS", "BLOCKED", "MUTED")), None)
            return (found, False) if found else ("FOLLOWS", True)
        case ("Post", "Post"):
            return ("REPLIES_TO", False) if stems & {"reply", "answer", "comment", "response"} else ("LINKS_TO", True)
        case ("Post", "Entity"):
            return "MENTIONS", False
        case ("User", "Entity"):
            return "INTERESTED_IN", True
        case _:
            return "RELATED_TO", False


def pick_key(seen: LabelSeen) -> str | None:
    """The property that tells a label's nodes apart."""
    usable = {n: p for n, p in seen.properties.items() if p.kind in ("STRING", "INTEGER") and p.share > 0.995}
    for name in seen.unique:
        if name in usable:
            return name
    last = words_of(seen.name)[-1:] or [""]
    wanted = [["id"], [last[0], "id"], ["uuid"], ["key"], ["name"], ["title"]]
    for words in wanted:
        for name, found in usable.items():
            if words_of(name) == words and found.distinct:
                return name
    return next((n for n, p in usable.items() if p.distinct and words_of(n)[-1:] == ["id"]), None)


def pick_properties(role: str, seen: LabelSeen, key: str) -> dict[str, str]:
    """Role's properties by the label's; the same one of the user's is not taken twice."""
    texts = {n: words_of(n) for n, p in seen.properties.items() if p.kind in ("STRING", "INTEGER", "FLOAT")}
    found: dict[str, str] = {}
    for name, candidates in PROPERTIES[role].items():
        if name in ("kind", "aliases", "account"):
            continue
        for candidate in (*candidates, *_MORE_NAMES.get((role, name), ())):
            match = next((n for n, words in texts.items() if words == words_of(candidate)), None)
            if match is not None and match not in found.values():
                found[name] = match
                break
    if role != "Post" and "name" not in found and seen.properties[key].kind == "STRING":
        found["name"] = key
    return found


def pick_time(properties: dict[str, PropertySeen]) -> str | None:
    """The property that says when."""
    times = {name: words_of(name) for name, seen in properties.items() if time_form(seen)}
    for candidate in (*TIMES, *_MORE_TIMES):
        for name, words in times.items():
            if words == words_of(candidate):
                return name
    return None


def pick_rating(type_: TypeSeen) -> tuple[str, float, float] | None:
    """The property that says how much somebody liked it, the least that speaks for, the most that speaks against."""
    for name, seen in type_.properties.items():
        numbers = seen.kind in ("INTEGER", "FLOAT", "FLOAT | INTEGER") and seen.most > seen.least
        if numbers and words_of(name)[-1:] and words_of(name)[-1] in {words_of(r)[0] for r in _RATINGS}:
            span = seen.most - seen.least
            return name, round(2 * (seen.least + _GOOD * span)) / 2, round(2 * (seen.least + _BAD * span)) / 2
    return None


def time_form(seen: PropertySeen) -> str:
    """What a time is stored as; empty for what is none."""
    if seen.kind == "STRING":
        return "text" if _ISO.fullmatch(str(seen.least)) and _ISO.fullmatch(str(seen.most)) else ""
    if seen.kind in ("INTEGER", "FLOAT"):
        if seen.most >= _FIRST_MILLIS:
            return "epoch_millis"
        if seen.most >= _FIRST_SECONDS:
            return "epoch_seconds"
        return "year" if seen.kind == "INTEGER" and _YEARS[0] <= seen.least <= seen.most <= _YEARS[1] else ""
    return _FORMS.get(seen.kind, "")


def _stems(word: str) -> list[str]:
    """``liked``, ``replied`` and ``voting`` as like, reply and vote."""
    found = [word]
    for ending, others in (("ied", ("y",)), ("ed", ("", "e")), ("d", ("",)), ("ing", ("", "e"))):
        if word.endswith(ending):
            found += [word.removesuffix(ending) + other for other in others]
    return found

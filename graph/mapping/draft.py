"""A first ``[graph]`` for a database, guessed from its names and shapes; what was not understood stays as a comment.

print(draft_graph(inspect_database("neo4j://127.0.0.1:7687")))
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from graphfeed.errors import StoreError
from graphfeed.graph.mapping.words import (
    act_of,
    label_role,
    pick_key,
    pick_properties,
    pick_rating,
    pick_time,
    same_kind_role,
    time_form,
)
from graphfeed.graph.neo4j.inspect import SAMPLE, Inspection, LabelSeen, TypeSeen
from graphfeed.loaders.records import NODE_TYPES, RELATIONSHIP_TYPES

_TAIL = """\

[embed]
encoder = "all-MiniLM-L6-v2"       # or "tfidf", a Hugging Face name, or a model's folder

[split]
window_days = 1.0                  # predict what people do in the next so many days
"""


def draft_graph(found: Inspection) -> str:
    """The text of a ``graphfeed.toml``. Raises StoreError where no people or no posts can be made out."""
    draft = _Draft(found)
    return "\n".join([*_inventory(found), "", *draft.lines(), _TAIL])


def _inventory(found: Inspection) -> list[str]:
    """What there is, as comments."""
    lines = [f"# What {found.location} holds; of each label and type the first {SAMPLE:,} were looked at for details."]
    for label in found.labels.values():
        unique = f"   unique: {', '.join(label.unique)}" if label.unique else ""
        inside = f"   always also {', '.join(label.within)}" if label.within else ""
        lines.append(f"#   ({label.name})   {label.count:,}{unique}{inside}")
        lines += [f"#       {name}: {seen.words}{_share(seen.share)}" for name, seen in label.properties.items()]
    for type_ in found.types.values():
        ends = [f"({':'.join(sorted(a))})-[:{type_.name}]->({':'.join(sorted(b))})" for a, b in type_.ends]
        lines.append(f"#   {', '.join(ends)}   {type_.count:,}")
        lines += [f"#       {name}: {seen.words}{_share(seen.share)}" for name, seen in type_.properties.items()]
    return lines


def _share(share: float) -> str:
    return "" if share > 0.995 else f", {share:.0%} have it"


@dataclass
class _Placed:
    """A label with its role and key."""

    seen: LabelSeen
    role: str
    key: str


class _Draft:
    def __init__(self, found: Inspection) -> None:
        self._found = found
        self._left: list[str] = []
        self.placed: dict[str, _Placed] = {}
        self._place_labels()
        if not any(p.role == "User" for p in self.placed.values()):
            raise StoreError(
                f"{found.location}: no label looks like people; write [graph] by hand (docs/existing-graph.md)"
            )
        if not any(p.role == "Post" for p in self.placed.values()):
            raise StoreError(
                f"{found.location}: nothing looks like posts; write [graph] by hand (docs/existing-graph.md)"
            )

    def lines(self) -> list[str]:
        lines = [
            "# Which of it plays which role: a guess from names and shapes. Check it, above all what is marked GUESS.",
            f"# Roles of labels: {', '.join(NODE_TYPES)}. Roles of relationships:",
            f"# {', '.join(name for name in RELATIONSHIP_TYPES if name != 'HELD_OUT')}.",
            "",
            "[store]",
            f"location = {json.dumps(self._found.location)}",
        ]
        for role in NODE_TYPES:
            several = [p for p in self.placed.values() if p.role == role]
            for placed in several:
                lines += ["", *self._node(placed, len(several) > 1)]
        for type_ in self._found.types.values():
            lines += self._relationship(type_)
        if self._left:
            lines += ["", "# Not placed:", *(f"#   {what}" for what in self._left)]
        return lines

    # Labels

    def _place_labels(self) -> None:
        labels = {n: s for n, s in self._found.labels.items() if not s.within}
        near = self._neighbours(set(labels))
        users = self._people(labels, near)
        known = {n: label_role(n) for n in labels}
        beside = {n for user in users for n in near[user]} - set(users)
        posts = [n for n in labels if known[n] == "Post" and n not in users and (n in beside or near[n] & beside)]
        if not posts:
            rest = sorted(beside - {n for n in known if known[n] == "Entity"}, key=lambda n: -self._links(users, n))
            posts = rest[:1]
        roles = dict.fromkeys(users, "User") | dict.fromkeys(posts, "Post")
        reached = {n for post in (*posts, *users) for n in near[post]}
        roles |= {n: "Entity" for n in labels if n not in roles and n in reached}
        for name, seen in self._found.labels.items():
            key = pick_key(seen)
            if seen.within:
                self._left.append(f"({name}): all are also {', '.join(seen.within)}")
            elif name not in roles:
                self._left.append(f"({name}): joined to neither people nor posts")
            elif key is None:
                self._left.append(f"({name}): would play {roles[name]}, but no property tells its nodes apart")
            else:
                self.placed[name] = _Placed(seen, roles[name], key)

    def _people(self, labels: dict[str, LabelSeen], near: dict[str, set[str]]) -> list[str]:
        """The label of the people: the one called users rather than persons, and of those the most numerous."""
        called = [n for n in labels if label_role(n) == "User" and near[n]]
        strong = [n for n in called if label_role(n, strong=True) == "User"]
        return sorted(strong or called, key=lambda n: -labels[n].count)[:1]

    def _neighbours(self, labels: set[str]) -> dict[str, set[str]]:
        near: dict[str, set[str]] = {name: set() for name in labels}
        for type_ in self._found.types.values():
            for source, target in type_.ends:
                for a in source & labels:
                    near[a] |= (target & labels) - {a}
                    for b in target & labels - {a}:
                        near[b].add(a)
        return near

    def _links(self, users: Sequence[str], name: str) -> int:
        wanted = {*users, name}
        return sum(t.count for t in self._found.types.values() if any((a | b) >= wanted for a, b in t.ends))

    # Entries

    def _node(self, placed: _Placed, several: bool) -> list[str]:
        seen, role = placed.seen, placed.role
        integer = seen.properties[placed.key].kind == "INTEGER"
        prefix = f'prefix = "{seen.name.lower()}-"' if several else ""
        sure = "" if placed.key in seen.unique else "  # GUESS: no constraint holds it unique"
        parts = [f"property = {json.dumps(placed.key)}", 'as = "integer"' if integer else "", prefix]
        key = f"{{ {', '.join(part for part in parts if part)} }}" if integer or several else json.dumps(placed.key)
        brackets = ("[[", "]]") if several else ("[", "]")
        lines = [
            f"{brackets[0]}graph.nodes.{role}{brackets[1]}",
            f"label = {json.dumps(seen.name)}",
            f"id = {key}{sure}",
        ]
        used = {placed.key} if role == "User" or not several else set()
        for name, property_ in pick_properties(role, seen, placed.key).items():
            as_text = seen.properties[property_].kind != "STRING"
            value = f'{{ property = {json.dumps(property_)}, as = "text" }}' if as_text else json.dumps(property_)
            lines.append(f"{name} = {value}")
            used.add(property_)
        if role != "User":
            lines.append(f"kind = {{ value = {json.dumps(seen.name.lower())} }}")
        if role != "Entity" and (at := pick_time(seen.properties)):
            lines.append(f"created_at = {_time(at, time_form(seen.properties[at]))}")
            used.add(at)
        unused = [name for name in seen.properties if name not in used | {placed.key}]
        return [*lines, *([f"# not used: {', '.join(unused)}"] if unused else [])]

    def _relationship(self, type_: TypeSeen) -> list[str]:
        lines: list[str] = []
        done: set[tuple[str, str]] = set()
        for source, target in type_.ends:
            ends = [self._role(source), self._role(target)]
            if None in ends:
                if not done:
                    where = f"({':'.join(sorted(source))})-[:{type_.name}]->({':'.join(sorted(target))})"
                    self._left.append(f"{where}: an end of it plays no role")
                continue
            pair = (str(ends[0]), str(ends[1]))
            if pair not in done:
                lines += self._entries(type_, pair)
                done.add(pair)
        return lines

    def _role(self, labels: frozenset[str]) -> str | None:
        return next((self.placed[name].role for name in sorted(labels) if name in self.placed), None)

    def _entries(self, type_: TypeSeen, pair: tuple[str, str]) -> list[str]:
        turned = pair in (("Post", "User"), ("Entity", "Post"), ("Entity", "User"))
        ends = pair[::-1] if turned else pair
        at = pick_time(type_.properties)
        rating = pick_rating(type_) if ends == ("User", "Post") else None
        if rating is not None:
            name, good, bad = rating
            return [
                *self._entry("LIKED", type_, turned, at, f"property = {json.dumps(name)}, at_least = {good:g}", True),
                *self._entry("DISLIKED", type_, turned, at, f"property = {json.dumps(name)}, at_most = {bad:g}", True),
            ]
        role, guess = act_of(type_.name) if ends == ("User", "Post") else same_kind_role(ends, type_.name)
        return self._entry(role, type_, turned, at, "", guess)

    def _entry(self, role: str, type_: TypeSeen, turned: bool, at: str | None, where: str, guess: bool) -> list[str]:
        known = RELATIONSHIP_TYPES[role].properties
        lines = [
            "",
            f"[[graph.relationships.{role}]]" + ("  # GUESS" if guess else ""),
            f"type = {json.dumps(type_.name)}",
        ]
        lines += ["reversed = true"] if turned else []
        lines += [f"where = {{ {where} }}"] if where else []
        if at and "at" in known:
            lines.append(f"at = {_time(at, time_form(type_.properties[at]))}")
        if "relation" in known:
            lines.append(f"relation = {{ value = {json.dumps(type_.name.lower())} }}")
        return lines


def _time(name: str, form: str) -> str:
    return f'{{ property = {json.dumps(name)}, as = "{form}" }}'

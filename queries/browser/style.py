"""The style: ``style.grass`` with the labels, types and captions that the nodes of a graph really have.

GraSS knows no comments and no expressions: a relationship's width can follow its type, not its score. So what is
predicted is a broad arrow with its rank written on it, and what was observed a thin line.
"""

from __future__ import annotations

import re
from importlib.resources import files

from graphfeed.graph.mapping.roles import GraphMapping
from graphfeed.graph.store import GraphStore

Style = dict[str, dict[str, str]]
"""Selector → property → value."""


_PLACE = re.compile(r"\{(\w+)\}")


def read_style() -> str:
    """The file as it is."""
    return (files("graphfeed") / "queries" / "browser" / "style.grass").read_text(encoding="utf-8")


def style_for(store: GraphStore) -> Style:
    """The style for a graph: with its labels, ids where nobody has a name, the text's beginning where titles lack."""
    (found,) = store.run("captions")
    style = parse_style(read_style())
    for label, named in (("User", found["people_named"]), ("Entity", found["entities_named"])):
        if not named:
            style[f"node.{label}"]["caption"] = "{id}"
    if found["posts_untitled"]:
        # Captions are joined, and what a node lacks is left out: a title, else the first words.
        words = [name for name, there in (("title", found["posts_titled"]), ("text", found["posts_worded"])) if there]
        style["node.Post"]["caption"] = " ".join(f"{{{name}}}" for name in words or ["id"])
    return style if store.mapping is None else _renamed(style, store.mapping)


def parse_style(text: str) -> Style:
    """Read a style as Browser reads it."""
    style: Style = {}
    for rule in text.split("\n}"):
        selector, brace, body = rule.partition("{\n")
        if brace:
            pairs = (line.partition(":") for line in body.split(";"))
            style[selector.strip()] = {name.strip(): value.strip().strip("'") for name, _, value in pairs if value}
    return style


def write_style(style: Style) -> str:
    """The text of a style."""
    lines = []
    for selector, rule in style.items():
        values = ((name, f"'{value}'" if name == "caption" else value) for name, value in rule.items())
        lines += [f"{selector} {{", *(f"  {name}: {value};" for name, value in values), "}"]
    return "\n".join(lines) + "\n"


def _renamed(style: Style, mapping: GraphMapping) -> Style:
    """For a graph with labels and types of its own: each looks like the role that it plays, the first where several."""
    for role, nodes in mapping.nodes.items():
        rule = style.pop(f"node.{role}", {})
        for entry in nodes:
            names = {name: found.property or name for name, found in entry.properties.items()}
            names["id"] = entry.id.property
            caption = " ".join(f"{{{names.get(name, name)}}}" for name in _PLACE.findall(rule.get("caption", "")))
            style.setdefault(f"node.{entry.label}", {**rule, "caption": caption})
    for role, relationships in mapping.relationships.items():
        rule = style.pop(f"relationship.{role}", {})
        for one in relationships:
            style.setdefault(f"relationship.{one.type}", rule)
    return style

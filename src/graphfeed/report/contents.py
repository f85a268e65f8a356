"""What is in the graph: nodes by label and kind, relationships by type, and the state of the store."""

from __future__ import annotations

from collections import Counter
from typing import Any

from matplotlib.figure import Figure as Drawn

from graphfeed.graph.schema import PREDICTED
from graphfeed.report.community import Community
from graphfeed.report.figures import Frame, panels, rows_of_bars
from graphfeed.report.section import Cell, Figure, Missing, Section, Table, Tile, clean, many

MOST_BARS = 12
_COLOURS = {"User": "user", "Post": "post", "Entity": "entity"}


def contents_section(community: Community, status: dict[str, Any]) -> Section:
    """Counts of everything."""
    nodes = _node_rows(community)
    observed = _ranked({k: v for k, v in community.counts.relationships.items() if k not in PREDICTED})
    predicted = _ranked({k: v for k, v in community.counts.relationships.items() if k in PREDICTED})
    if not nodes:
        return Section("contents", "What is in the graph", "The graph is empty.", missing=[_LOAD])
    figure = Figure(
        "contents",
        "Nodes by label and kind, and what joins them",
        f"Bars: {_said([(f'{k} {label}' if k else label, n) for label, k, n in nodes])}; {_said(observed)}.",
        lambda frame: _draw(frame, nodes, observed),
    )
    tables = [
        Table("Nodes", ("label", "kind", "nodes"), [(label, kind or "–", n) for label, kind, n in nodes]),
        Table("Relationships", ("type", "what it is", "relationships"), [
            *((name, "observed", n) for name, n in observed), *((name, "predicted", n) for name, n in predicted)
        ]),
    ]  # fmt: skip
    missing = []
    if not len(community.acts):
        missing.append(Missing("anything that people did: without it there is nothing to learn from", _LOAD.command))
    if not status["encoder"]:
        missing.append(Missing("vectors of the texts", "graphfeed embed"))
    finding = (
        f"{many(community.people, 'person', 'people')}, {many(community.posts, 'post')} and "
        f"{many(len(community.ids['Entity']), 'topic')} are joined by "
        f"{many(sum(n for _, n in observed), 'observed relationship')}."
    )
    return Section("contents", "What is in the graph", finding, _words(status), [figure], tables, missing=missing)


def tiles_of(community: Community) -> list[Tile]:
    """The large numbers."""
    topics = len(community.ids["Entity"])
    return [
        Tile(f"{community.people:,}", "person" if community.people == 1 else "people"),
        Tile(f"{community.posts:,}", "post" if community.posts == 1 else "posts"),
        *([Tile(f"{topics:,}", "topic" if topics == 1 else "topics")] if topics else []),
        Tile(f"{len(community.acts):,}", "engagements"),
    ]


_LOAD = Missing("people, posts and what posts are about", "graphfeed load")


def _node_rows(community: Community) -> list[tuple[str, str, int]]:
    found = [("User", "", community.people)] if community.people else []
    for label, kinds in (("Post", community.post_kinds), ("Entity", community.entity_kinds)):
        ranked = sorted(Counter(kinds).items(), key=lambda pair: (-pair[1], pair[0]))
        found += [(label, clean(kind, 24), n) for kind, n in ranked[:MOST_BARS]]
        if rest := sum(n for _, n in ranked[MOST_BARS:]):
            found.append((label, "other kinds", rest))
    return found


def _ranked(counts: dict[str, int]) -> list[tuple[str, int]]:
    return sorted(((name, n) for name, n in counts.items() if n), key=lambda pair: (-pair[1], pair[0]))


def _said(rows: list[tuple[str, int]]) -> str:
    return ", ".join(f"{n:,} {name}" for name, n in rows[:MOST_BARS]) or "none"


def _words(status: dict[str, Any]) -> list[str]:
    encoder = status["encoder"]
    return [f"Text vectors by {clean(encoder.split('/')[-1] or encoder, 60)}."] if encoder else []


def _draw(frame: Frame, nodes: list[tuple[str, str, int]], observed: list[tuple[str, int]]) -> Drawn:
    rows: list[list[tuple[Cell, int, str]]] = [
        [(f"{label}: {kind}" if kind else label, n, _COLOURS[label]) for label, kind, n in nodes[:MOST_BARS]],
        [(name, n, "best") for name, n in observed[:MOST_BARS]],
    ]
    height = 0.5 + 0.27 * max(len(part) for part in rows)
    drawn, axes = panels(frame, 2, height)
    for axis, part, title in zip(axes, rows, ("nodes by label and kind", "relationships by type"), strict=True):
        rows_of_bars(axis, [str(name) for name, _, _ in part], [n for _, n, _ in part], [c for _, _, c in part])
        axis.set_title(title)
    return drawn

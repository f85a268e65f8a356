"""Why some people are recommended what they are: the paths through the graph, drawn from left to right."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawn

from graphfeed.graph.store import GraphStore
from graphfeed.queries import lookup
from graphfeed.queries.answers import Reason, Recommendation
from graphfeed.queries.nearness import unknown_node
from graphfeed.queries.wording import Names, shape_of
from graphfeed.report.called import Called
from graphfeed.report.community import Community
from graphfeed.report.figures import Frame, bare, colour, panels
from graphfeed.report.section import Answer, Figure, Missing, Portrait, Section, clean, many, per_cent

SHOWN = 3
"""Recommendations of a person that are drawn, each with at most so many reasons."""
OBSERVED = 2
"""Further paths that join the person and what is recommended, at most so many for each."""
TRIED = 20
"""People without a past who are looked at, until one has recommendations."""
NAME, TITLE = "paths", "Why it is recommended"
LABELS = {"u": "User", "p": "Post", "e": "Entity"}
_COLOURS = {"u": "user", "p": "post", "e": "entity"}
_BY_RANK = ("own", "topic0", "topic4")
MOMENT = ("new", "active", "popular", "unanswered")
"""Types of reasons that are of the moment, not of the person."""

Node = tuple[int, str, str]
"""Column, letter of the label, id."""


@dataclass(frozen=True)
class Way:
    """A path to a recommendation: its place in the list, its share (None: only observed), letters and ids."""

    place: int
    share: float | None
    nodes: tuple[tuple[str, str], ...]


@dataclass
class Drawing:
    """Nodes in columns with their height, 0 to 1 from the top, and the ways as nodes."""

    columns: int
    rows: dict[Node, float] = field(default_factory=dict)
    ways: list[tuple[Way, list[Node]]] = field(default_factory=list)


def paths_section(store: GraphStore, community: Community, called: Called, users: Sequence[str]) -> Section:
    """A portrait of some people, ``users`` or, where none is named, some who did much, something, and nothing.

    Raises UnknownNodeError for a person who is not there.
    """
    for user in users:
        if not lookup.knows_user(store, user):
            raise unknown_node(store, "User", user)
    if not store.run("active_generation"):
        missing = Missing("recommendations, and the paths behind them", "graphfeed publish")
        return Section(NAME, TITLE, "Nothing is published yet.", missing=[missing])
    chosen = [(user, "") for user in dict.fromkeys(users)] or _choose(store, community)
    portraits, shares = [], []
    for place, (user, word) in enumerate(chosen):
        found = [r for r in lookup.recommend(store, user, SHOWN) if r.reasons]
        portraits.append(_portrait(store, community, called, user, word, found, place))
        shares += [_shares(r) for r in found if r.origin == "predicted"]
    if not shares:
        return Section(NAME, TITLE, "These people have no recommendations.", portraits=portraits)
    text = [
        "People are blue, posts gold, topics green. A coloured line is a reason with its share of the score, each"
        " colour for one recommendation; a grey one was observed and is no reason that was stored.",
        "The shares are those of the reasons that are stored with a prediction, the strongest three.",
    ]
    moment, paths = np.mean(shares, axis=0)
    people = many(len(portraits), "person is", "people are")
    finding = (
        f"Being new, active or popular makes up {per_cent(float(moment))} of the scores of what {people} recommended,"
        f" paths through the graph {per_cent(float(paths))}."
    )
    return Section(NAME, TITLE, finding, text, portraits=portraits)


def _shares(found: Recommendation) -> tuple[float, float]:
    """The shares of the moment and of paths in a score, as far as they are stored."""
    moment = sum(reason.share or 0.0 for reason in found.reasons if reason.type in MOMENT)
    return moment, sum(reason.share or 0.0 for reason in found.reasons if len(reason.path) > 1)


def _choose(store: GraphStore, community: Community) -> list[tuple[str, str]]:
    acts, ids = community.acts_of_people(), community.ids["User"]
    active = np.flatnonzero(acts)
    ranked = active[np.argsort(-acts[active], kind="stable")]
    found = []
    if len(ranked):
        found.append((ids[int(ranked[0])].as_py(), "The most active person"))
    if len(ranked) > 2:
        found.append((ids[int(ranked[len(ranked) // 2])].as_py(), "Somebody of average activity"))
    for user in np.flatnonzero(acts == 0)[:TRIED]:
        id_ = ids[int(user)].as_py()
        if any(r.origin == "predicted" for r in lookup.recommend(store, id_, 1)):
            return [*found, (id_, "Somebody who has engaged with nothing yet")]
    return found


def _portrait(
    store: GraphStore,
    community: Community,
    called: Called,
    user: str,
    word: str,
    found: Sequence[Recommendation],
    n: int,
) -> Portrait:
    acts = int(community.acts_of_people()[community.ids["User"].index(user).as_py()])
    ways = _ways(store, user, found)
    nodes = {("u", user), *(("p", r.id) for r in found), *(node for way in ways for node in way.nodes)}
    called.look_up((LABELS[letter], id_) for letter, id_ in nodes)
    heading = called.name("User", user)
    text = (
        f"{word}: {many(acts, 'post')} engaged with so far." if acts else f"{word or 'Has engaged with nothing yet'}."
    )
    figure = None
    if ways:
        drawing = _lay_out(ways)
        figure = Figure(
            f"paths-{n + 1}",
            f"From {heading} to what is recommended",
            f"{many(len(ways), 'path')} from {heading} to {many(len(found), 'recommendation')}; the list below says the"
            " reasons in words.",
            lambda frame: _draw(frame, drawing, called),
        )
    return Portrait(heading, text, figure, [_answer(store, called, r) for r in found])


def _answer(store: GraphStore, called: Called, found: Recommendation) -> Answer:
    names = Names.of(store, [found])
    if called.hide:
        paths = (zip(shape_of(reason, "p"), reason.path, strict=False) for reason in found.reasons)
        nodes = [("p", found.id), *(node for path in paths for node in path)]
        names = Names({(LABELS[letter], id_): called.name(LABELS[letter], id_) for letter, id_ in nodes})
    sentences = [(clean(sentence, 300), share) for sentence, share in names.sentences(found)[:SHOWN]]
    return Answer(found.rank, called.name("Post", found.id), sentences)


def _ways(store: GraphStore, user: str, found: Sequence[Recommendation]) -> list[Way]:
    """The paths of the reasons, and beside them some that were observed, those of several kinds first."""
    ways: list[Way] = []
    for place, recommended in enumerate(found):
        several = [way for r in recommended.reasons[:SHOWN] if (way := _way(place, r)) and way.nodes[0] == ("u", user)]
        there, kinds = {way.nodes for way in several}, {r.type for r in recommended.reasons}
        for row in store.run("explain_paths", user=user, post=recommended.id):
            way = _way(place, Reason(row["type"], None, tuple(row["path"])))
            if way and way.nodes not in there and row["type"] not in kinds and len(kinds) < OBSERVED + SHOWN:
                kinds.add(row["type"])
                several.append(way)
        ways += several[: SHOWN + OBSERVED]
    return ways


def _way(place: int, reason: Reason) -> Way | None:
    shape = shape_of(reason, "p")
    if len(shape) != len(reason.path) or len(shape) < 2:
        return None
    return Way(place, reason.share, tuple(zip(shape, reason.path, strict=True)))


def _lay_out(ways: Sequence[Way]) -> Drawing:
    """The person on the left, what is recommended on the right, and what lies between in columns by its place."""
    drawing = Drawing(max(len(way.nodes) for way in ways))
    for way in ways:
        last = len(way.nodes) - 1
        nodes = [(drawing.columns - 1 if i == last else i, *node) for i, node in enumerate(way.nodes)]
        drawing.ways.append((way, nodes))
    for column in range(drawing.columns):
        here = dict.fromkeys(node for _, nodes in drawing.ways for node in nodes if node[0] == column)
        # What leads to the first recommendation stands above what leads to the next: few lines cross.
        leads = {node: float(np.mean([way.place for way, nodes in drawing.ways if node in nodes])) for node in here}
        for row, node in enumerate(sorted(here, key=lambda node: leads[node])):
            drawing.rows[node] = (row + 0.5) / len(here)
    return drawing


def _draw(frame: Frame, drawing: Drawing, called: Called) -> Drawn:
    most = max(sum(node[0] == column for node in drawing.rows) for column in range(drawing.columns))
    lines = 3 if frame.narrow else 2
    inches = 0.6 + most * (0.3 + 0.13 * lines)
    drawn, (axis,) = panels(frame, 1, inches)
    bare(axis)
    axis.set_xlim(-0.5, drawing.columns - 0.5)
    axis.set_ylim(
        max(drawing.rows.values()) + (0.2 + 0.13 * lines) / inches, min(drawing.rows.values()) - 0.16 / inches
    )
    for way, nodes in sorted(drawing.ways, key=lambda pair: pair[0].share is not None):
        for a, b in pairwise(nodes):
            name = "other" if way.share is None else _BY_RANK[way.place % len(_BY_RANK)]
            width = 0.9 if way.share is None else 1.6 + 7 * way.share
            _step(axis, (a[0], drawing.rows[a]), (b[0], drawing.rows[b]), name, width)
    letters = max(9, round(14 * frame.inches / drawing.columns))
    for (column, letter, id_), row in drawing.rows.items():
        axis.plot(column, row, "o", markersize=13 if frame.narrow else 15, color=colour(_COLOURS[letter]), zorder=3)
        name = called.name(LABELS[letter], id_, lines * letters)
        text = "\n".join(textwrap.wrap(name, letters, max_lines=lines, placeholder="…")) or name
        axis.annotate(text, (column, row), xytext=(0, -10), textcoords="offset points", ha="center", va="top",
                      fontsize=7.5, linespacing=1.05, zorder=4,
                      bbox={"facecolor": colour("surface"), "alpha": 0.8, "edgecolor": "none", "pad": 0.6})  # fmt: skip
    _key(drawn, axis)
    return drawn


def _key(drawn: Drawn, axis: Axes) -> None:
    """What the colours of nodes and lines mean: a picture may stand in a paper, without the page."""
    words = (("user", "person"), ("post", "post"), ("entity", "topic"))
    marks = [axis.plot([], [], "o", color=colour(name), markersize=6, label=word)[0] for name, word in words]
    marks += axis.plot([], [], color=colour(_BY_RANK[0]), linewidth=2.5, alpha=0.6, label="reason")
    marks += axis.plot([], [], color=colour("other"), linewidth=0.9, label="observed")
    drawn.legend(handles=marks, loc="outside lower left", ncols=5, fontsize=7.5, handlelength=1.0, columnspacing=1.2,
                 handletextpad=0.5)  # fmt: skip


def _step(axis: Axes, start: tuple[float, float], end: tuple[float, float], name: str, width: float) -> None:
    """A curve that leaves and arrives level."""
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    bend = (end[0] - start[0]) / 2
    points = [start, (start[0] + bend, start[1]), (end[0] - bend, end[1]), end]
    curve = Path(points, [Path.MOVETO, Path.CURVE4, Path.CURVE4, Path.CURVE4])
    axis.add_patch(PathPatch(curve, facecolor="none", edgecolor=colour(name), linewidth=width, alpha=0.6, zorder=1))

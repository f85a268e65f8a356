"""How evenly it is spread: engagement over people and posts, posts over topics, followers over people."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure as Drawn

from graphfeed.report.community import Community, Int64
from graphfeed.report.figures import Frame, colour, panels, plain_logarithmic
from graphfeed.report.section import Cell, Figure, Missing, Section, Table, many, per_cent


@dataclass(frozen=True)
class Degrees:
    """One distribution."""

    label: str
    colour: str
    dash: str
    values: Int64
    """Of every node, also of those that have none."""

    @property
    def there(self) -> Int64:
        """Of those that have any, ascending."""
        return np.sort(self.values[self.values > 0])


def degrees_section(community: Community) -> Section:
    """Degree distributions."""
    name, title = "degrees", "Who does how much"
    several = [found for found in _distributions(community) if found.values.any()]
    if not several:
        missing = Missing("how evenly engagement is spread", "graphfeed load")
        return Section(name, title, "Nobody has done anything yet.", missing=[missing])
    figure = Figure(
        name,
        "Share of nodes that have at least so many",
        "; ".join(f"{d.label}: half have {int(np.median(d.there)):,} or fewer, the most is {d.there[-1]:,}"
                  for d in several) + ".",
        lambda frame: _draw(frame, several),
    )  # fmt: skip
    rows: list[tuple[Cell, ...]] = [
        (d.label, len(d.there), int((d.values == 0).sum()), *_quantiles(d.there), round(float(d.there.mean()), 2),
         per_cent(top_share(d.there)))
        for d in several
    ]  # fmt: skip
    columns = ("", "have any", "have none", "median", "90 %", "99 %", "most", "mean", "the top tenth has")
    text = ["Those that have none are left out of the picture; the table counts them."]
    return Section(name, title, _finding(several[0]), text, [figure], [Table("Distributions", columns, rows)])


def top_share(values: Int64, share: float = 0.1) -> float:
    """What part of all belongs to the ``share`` of nodes that have most."""
    ranked = np.sort(values)[::-1]
    return float(ranked[: max(1, round(share * len(ranked)))].sum() / max(ranked.sum(), 1))


def _finding(acts: Degrees) -> str:
    once = float((acts.there == 1).mean())
    if acts.colour != "user":
        return f"A tenth of the nodes has {per_cent(top_share(acts.there))} of the {acts.label}."
    return (
        f"The most active tenth did {per_cent(top_share(acts.there))} of all that people did; "
        f"{per_cent(once)} of those who did anything engaged with one post only."
    )


def _distributions(community: Community) -> list[Degrees]:
    mentions, follows = community.mentions, community.follows
    return [
        Degrees("posts engaged with, per person", "user", "-", community.acts_of_people()),
        Degrees("people who engaged, per post", "own", "-", community.acts_on_posts()),
        Degrees("posts about it, per topic", "entity", "--", _distinct(mentions.target, mentions.source,
                                                                       len(community.ids["Entity"]))),
        Degrees("followers, per person", "topic4", "-.", _distinct(follows.target, follows.source, community.people)),
    ]  # fmt: skip


def _distinct(of: Int64, other: Int64, count: int) -> Int64:
    pairs = np.unique(np.stack([of, other]), axis=1)
    return np.bincount(pairs[0], minlength=count)


def _quantiles(values: Int64) -> list[int]:
    return [int(np.quantile(values, q, method="lower")) for q in (0.5, 0.9, 0.99, 1.0)]


def _draw(frame: Frame, several: list[Degrees]) -> Drawn:
    drawn, (axis,) = panels(frame, 1, 3.1 if frame.narrow else 3.0)
    for degrees in several:
        value, first = np.unique(degrees.there, return_index=True)
        share = 1 - first / len(degrees.there)
        label = f"{degrees.label} ({many(len(degrees.there), 'node')})"
        look = {"color": colour(degrees.colour), "linestyle": degrees.dash, "linewidth": 1.6, "markersize": 2.6}
        axis.plot(value, 100 * share, marker="o", label=label, **look)  # type: ignore[arg-type]
    plain_logarithmic(axis, "x")
    plain_logarithmic(axis, "y")
    axis.set_xlabel("at least so many")
    axis.set_ylabel("per cent of nodes")
    axis.grid(which="major")
    drawn.legend(loc="outside lower left", fontsize=8, ncols=1 if frame.narrow else 2)
    return drawn

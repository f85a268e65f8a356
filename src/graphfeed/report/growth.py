"""How the community grew: posts and engagement by period, and who and what there was by then."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawn

from graphfeed.graph.store import NO_TIME
from graphfeed.report.community import Community, Int64
from graphfeed.report.figures import Frame, colour, panels
from graphfeed.report.section import Cell, Figure, Missing, Section, Table, many

_PERIODS = ((92, "D", "day"), (2 * 366, "W", "week"), (12 * 366, "M", "month"))
"""Up to so many days in all: pandas' name of a period, and ours."""
_MOST = 400
"""Periods that a table shows."""


@dataclass(frozen=True)
class Growth:
    """Counts by period, ``[periods]`` each; the last three are of all until the period's end."""

    word: str
    starts: pd.DatetimeIndex
    posts: Int64
    acts: Int64
    people: Int64
    posts_until: Int64
    acts_until: Int64


def growth_section(community: Community) -> Section:
    """Growth over time."""
    name, title = "growth", "Growth"
    growth = _grow(community)
    if growth is None:
        return Section(
            name, title, "Nothing in the graph says when it happened.",
            missing=[Missing("growth over time: give posts `created_at` and relationships `at`", "graphfeed load")],
        )  # fmt: skip
    busiest = int(np.argmax(growth.acts if growth.acts.any() else growth.posts))
    first, last = (f"{growth.starts[i]:%Y-%m-%d}" for i in (0, -1))
    when = f"{growth.starts[busiest]:%B %Y}" if growth.word == "month" else f"{growth.starts[busiest]:%Y-%m-%d}"
    when = f"{growth.starts[busiest]:%Y}" if growth.word == "year" else when
    finding = (
        f"The busiest {growth.word} was {'that of ' if growth.word == 'week' else ''}{when}, with "
        f"{many(int(growth.posts[busiest]), 'new post')} and {many(int(growth.acts[busiest]), 'engagement')}."
    )
    dated = int((community.acts.at != NO_TIME).sum())
    text = [f"By {growth.word}, from {first} to {last} (UTC)."]
    if undated := len(community.acts) - dated:
        text.append(f"{many(undated, 'engagement')} without a time are not in it.")
    figure = Figure(
        name,
        f"New posts and engagement by {growth.word}, and what there was by then",
        f"{finding} In the end {many(int(growth.people[-1]), 'person', 'people')} had done or written something.",
        lambda frame: _draw(frame, growth),
    )
    columns = (growth.word, "new posts", "engagements", "people so far", "posts so far", "engagements so far")
    kept = slice(max(0, len(growth.starts) - _MOST), None)
    rows: list[tuple[Cell, ...]] = [
        (f"{start:%Y-%m-%d}", *map(int, values))
        for start, *values in zip(
            growth.starts[kept], growth.posts[kept], growth.acts[kept], growth.people[kept],
            growth.posts_until[kept], growth.acts_until[kept], strict=True,
        )
    ]  # fmt: skip
    shown = f", the last {_MOST}" if len(growth.starts) > _MOST else ""
    return Section(name, title, finding, text, [figure], [Table(f"By {growth.word}{shown}", columns, rows)])


def _grow(community: Community) -> Growth | None:
    posts = community.post_time[community.post_time != NO_TIME]
    acts = community.acts.at[community.acts.at != NO_TIME]
    people = _first_seen(community)
    times = np.concatenate([posts, acts])
    if not len(times):
        return None
    days = (int(times.max()) - int(times.min())) / 86_400e6
    code, word = next(((code, word) for most, code, word in _PERIODS if days <= most), ("Y", "year"))
    ends = pd.DatetimeIndex(np.array([times.min(), times.max()]).astype("datetime64[us]")).to_period(code)
    periods = pd.period_range(ends[0], ends[1], freq=code)

    def by_period(moments: Int64) -> Int64:
        place = pd.DatetimeIndex(moments.astype("datetime64[us]")).to_period(code)
        inside = np.clip(place.asi8 - periods.asi8[0], 0, len(periods) - 1)
        return np.bincount(inside, minlength=len(periods))

    new_posts, new_acts = by_period(posts), by_period(acts)
    return Growth(
        word, periods.to_timestamp(), new_posts, new_acts, np.cumsum(by_period(people)), np.cumsum(new_posts),
        np.cumsum(new_acts),
    )  # fmt: skip


def _first_seen(community: Community) -> Int64:
    """When each person first did or wrote something, of those of whom it is known."""
    posted = np.maximum(community.posted.at, community.post_time[community.posted.target])
    people = np.concatenate([community.acts.source, community.posted.source])
    at = np.concatenate([community.acts.at, posted])
    known = at != NO_TIME
    first = np.full(community.people, np.iinfo(np.int64).max)
    np.minimum.at(first, people[known], at[known])
    return np.asarray(first[first != np.iinfo(np.int64).max])


def _draw(frame: Frame, growth: Growth) -> Drawn:
    drawn, (new, until) = panels(frame, 2, 2.5)
    x = growth.starts.to_numpy()
    for axis, lines in (
        (new, ((growth.acts, "own", "engagements"), (growth.posts, "post", "posts"))),
        (
            until,
            (
                (growth.acts_until, "own", "engagements"),
                (growth.posts_until, "post", "posts"),
                (growth.people, "user", "people active"),
            ),
        ),
    ):
        for values, name, label in lines:
            axis.plot(x, values, color=colour(name), linewidth=1.6, label=label, marker="o" if len(x) < 3 else None)
        _dates(axis, growth.starts)
        axis.set_ylim(bottom=0)
        axis.grid(axis="y")
        axis.margins(x=0.01)
    new.set_title(f"new in each {growth.word}")
    until.set_title("so far")
    drawn.legend(*until.get_legend_handles_labels(), loc="outside lower left", ncols=3, fontsize=8, handlelength=1.2)
    return drawn


def _dates(axis: Axes, starts: pd.DatetimeIndex) -> None:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    if len(starts) == 1:
        axis.set_xticks(starts.to_numpy(), [f"{starts[0]:%Y-%m-%d}"])
    else:
        locator = AutoDateLocator(maxticks=5)  # type: ignore[no-untyped-call]
        axis.xaxis.set_major_locator(locator)
        axis.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
    axis.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))

"""Who gets seen: coverage of the candidates, and how the places in people's lists are spread over authors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from matplotlib.figure import Figure as Drawn

from graphfeed.graph.store import GraphStore
from graphfeed.report.community import Community, Int64
from graphfeed.report.degrees import top_share
from graphfeed.report.figures import Frame, colour, panels
from graphfeed.report.quality import EVALUATE, Evaluated, interval_dots, main_rows, ranker_name
from graphfeed.report.section import Cell, Figure, Missing, Section, Table, many, per_cent

DEPTH = 10
"""Places of a person's list that count."""
PUBLISH = Missing("whom the published lists show", "graphfeed publish")
NAME, TITLE = "exposure", "Coverage and author exposure"


def exposure_section(
    store: GraphStore, community: Community, evaluated: Evaluated | None, kinds: Sequence[str] = ()
) -> Section:
    """Coverage and exposure, of the published lists and in the evaluation; ``kinds``: of posts that may be shown."""
    shown, may = _places_of_posts(store, community), community.of_kinds(kinds)
    figures, tables, missing, sentences = [], [], [], []
    if shown is None:
        missing.append(PUBLISH)
    else:
        sentences.append(_published_words(shown, may))
        if lorenz := _lorenz(community, shown, may):
            figures.append(lorenz[0])
            tables.append(lorenz[1])
            sentences.insert(0, lorenz[2])
    if evaluated is None:
        missing.append(EVALUATE)
    else:
        figures.append(_in_the_test(evaluated))
        tables.append(_test_table(evaluated))
    finding = sentences.pop(0) if sentences else _test_finding(evaluated)
    text = [*sentences, "Gini: 0 when all authors are shown as often, towards 1 when one is shown alone."]
    return Section(NAME, TITLE, finding, text if figures else [], figures, tables, missing=missing)


def _places_of_posts(store: GraphStore, community: Community) -> Int64 | None:
    """How many of the published lists have each post among their first, ``[posts]``; None before publishing."""
    if not store.run("active_generation"):
        return None
    rows = store.run("shown_posts", depth=DEPTH)
    ids = pa.array([row["id"] for row in rows], pa.string())
    place = pc.index_in(ids, value_set=community.ids["Post"])
    known = place.is_valid().to_numpy(zero_copy_only=False)
    shown = np.zeros(community.posts, dtype=np.int64)
    shown[place.drop_null().to_numpy()] = np.array([row["lists"] for row in rows], dtype=np.int64)[known]
    return shown


def _published_words(shown: Int64, may: npt.NDArray[np.bool_]) -> str:
    return (
        f"All published lists together show {many(int((shown > 0).sum()), 'post')} among their first {DEPTH} places, of"
        f" {int(may.sum()):,} that may be recommended."
    )


def _lorenz(community: Community, shown: Int64, may: npt.NDArray[np.bool_]) -> tuple[Figure, Table, str] | None:
    """How the places are spread over authors, beside how engagement was; None where no post has an author."""
    here = may[community.posted.target]
    authors, place = np.unique(community.posted.source[here], return_inverse=True)
    posts = community.posted.target[here]
    exposure = np.bincount(place, weights=shown[posts], minlength=len(authors)).astype(np.int64)
    if not exposure.any():
        return None
    earned = np.bincount(place, weights=community.acts_on_posts()[posts], minlength=len(authors)).astype(np.int64)
    several = [("places in published lists", "own", "-", exposure)]
    several += [("engagement so far", "soft", "--", earned)] if earned.any() else []
    shares = [top_share(values) for *_, values in several]
    sentence = (
        f"The most shown tenth of {many(len(authors), 'author')} has {per_cent(shares[0])} of the published places"
    )
    sentence += f"; the most engaged-with tenth had {per_cent(shares[1])} of the engagement." if earned.any() else "."
    figure = Figure(
        "exposure", "Share of the places, and of engagement, that the most shown authors have", sentence,
        lambda frame: _draw_lorenz(frame, several),
    )  # fmt: skip
    rows: list[tuple[Cell, ...]] = [
        (label, len(values), int((values == 0).sum()), per_cent(top_share(values, 0.01)), per_cent(top_share(values)),
         f"{_gini(values):.3f}")
        for label, _, _, values in several
    ]  # fmt: skip
    columns = ("", "authors", "with none", "the top 1 % has", "the top tenth has", "Gini")
    return figure, Table("Spread over authors", columns, rows), sentence


def _draw_lorenz(frame: Frame, several: Sequence[tuple[str, str, str, Int64]]) -> Drawn:
    drawn, (axis,) = panels(frame, 1, 2.9)
    for label, name, dash, values in several:
        share = np.concatenate([[0.0], np.cumsum(np.sort(values)[::-1]) / values.sum()])
        x = np.linspace(0, 100, len(share))
        kept = _thinned(len(share))
        axis.plot(x[kept], 100 * share[kept], color=colour(name), linestyle=dash, linewidth=1.8, label=label)
    axis.plot([0, 100], [0, 100], color=colour("grid"), linewidth=1.2, label="all alike")
    axis.set_xlabel("per cent of the authors, those with most first")
    axis.set_ylabel("per cent of all")
    axis.set_xlim(0, 100)
    axis.set_ylim(0, 102)
    axis.grid()
    axis.legend(loc="lower right", fontsize=8)
    return drawn


def _thinned(count: int, most: int = 300) -> Int64:
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(np.int64))


def _gini(values: npt.NDArray[np.int64]) -> float:
    place = np.arange(1, len(values) + 1)
    return float(2 * (place * np.sort(values)).sum() / (len(values) * values.sum()) - (len(values) + 1) / len(values))


def _in_the_test(evaluated: Evaluated) -> Figure:
    rows, k = main_rows(evaluated), evaluated["at"][0]
    several = [
        (f"coverage@{k}", "share of candidates shown"),
        (f"author_gini@{k}", "Gini of the authors"),
    ]
    several = [(metric, words) for metric, words in several if all(metric in row for row in rows)]

    def draw(frame: Frame) -> Drawn:
        drawn, axes = panels(frame, len(several), 0.6 + 0.22 * len(rows))
        for axis, (metric, words) in zip(axes, several, strict=True):
            interval_dots(axis, rows, metric)
            axis.set_xlim(0, 1.02)
            axis.set_title(words)
            if axis is not axes[0] and not frame.narrow:
                axis.set_yticklabels([])
        return drawn

    said = "; ".join(", ".join(f"{ranker_name(r)} {r[metric]:.2f}" for r in rows) for metric, _ in several)
    return Figure("coverage", f"In the test, first {k} places: what each ranker shows, in order of quality",
                  f"{', '.join(words for _, words in several)}: {said}.", draw)  # fmt: skip


def _test_table(evaluated: Evaluated) -> Table:
    k = evaluated["at"][0]
    metrics = [f"{name}@{k}" for name in ("coverage", "author_gini", "novelty", "diversity")]
    rows: list[tuple[Cell, ...]] = [
        (ranker_name(row), *(f"{row[m]:.3f}" if m in row else None for m in metrics)) for row in main_rows(evaluated)
    ]
    return Table("Coverage, exposure, novelty and diversity in the test", ("ranker", *metrics), rows)


def _test_finding(evaluated: Evaluated | None) -> str:
    if evaluated is None:
        return "What is shown is not known before there are predictions."
    k = evaluated["at"][0]
    row = next(row for row in main_rows(evaluated) if row["kind"] == "model")
    return f"In the test, the model's first {k} places showed {per_cent(row[f'coverage@{k}'])} of the candidates."

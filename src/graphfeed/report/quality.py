"""How well the model ranks: beside the simple rules, and apart for what is known and what is new."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawn

from graphfeed.report.figures import Frame, colour, panels
from graphfeed.report.section import Cell, Figure, Missing, Section, Table, Tile, many

Row = Mapping[str, Any]
Evaluated = Mapping[str, Any]
"""What ``TrainingRecord.evaluation`` gives: rows and comparisons of ``training.evaluation``, and how it was asked."""

MAIN = {"posts": "all", "people": "people", "interests": "interests"}
PAIRS = (
    ("warm_users", "people with a past"),
    ("cold_users", "people without one"),
    ("warm_posts", "posts that somebody knows"),
    ("cold_posts", "posts that nobody knows yet"),
    ("young", "posts of the last three days"),
    ("old", "older posts"),
)
EVALUATE = Missing("how well the model ranks, against simple rules", "graphfeed evaluate")
WORDS = {
    "ndcg": "NDCG: how near the top the right answers stand; 1 when they all come first",
    "recall": "recall: the share of the right answers that are in the list",
    "hit_rate": "hit rate: the share of lists with at least one right answer",
    "mrr": "MRR: one divided by the place of the first right answer",
}
_STYLE = {"model": ("own", 2.6, 7), "oracle": ("entity", 1.4, 5), "baseline": ("other", 1.4, 5)}


def quality_section(found: Sequence[Evaluated], why_not: str) -> Section:
    """The model beside the rules, for each kind of link that was evaluated; ``why_not``: why there is no figure."""
    name, title = "quality", "Quality"
    if not found:
        return Section(name, title, why_not, missing=[EVALUATE])
    figures, tables, text = [], [], []
    for evaluated in found:
        figures.append(_ranking(evaluated))
        tables.append(_figures(evaluated))
        text.append(f"{evaluated['kind'].capitalize()}: {evaluated['describe']}.")
    text.append(
        "All candidates are ranked for every person and moment of the test part. Lines are 95 % intervals over people."
    )
    tables.append(
        Table("What the figures say", ("figure", "meaning"), [tuple(w.split(": ", 1)) for w in WORDS.values()])
    )
    missing = [] if _has_rules(found[0]) else [Missing("the simple rules beside the model", "graphfeed evaluate")]
    return Section(name, title, _finding(found[0]), text, figures, tables, missing=missing)


def warmth_section(evaluated: Evaluated | None) -> Section:
    """Cold against warm."""
    name, title = "cold-and-warm", "Cold and warm"
    metric = main_metric(evaluated) if evaluated else ""
    slices = [(key, words) for key, words in PAIRS if evaluated and _of_slice(evaluated, key)]
    if evaluated is None or not slices:
        sentence = "How it does for newcomers is not known yet." if evaluated is None else "The test has no such parts."
        return Section(name, title, sentence, missing=[EVALUATE] if evaluated is None else [])
    rows = {key: (_model(evaluated, key), _best_rule(evaluated, key)) for key, _ in slices}
    said = "; ".join(f"{words} {rows[key][0][metric]:.3f}" for key, words in slices)
    ruled = any(rule for _, rule in rows.values())
    figure = Figure(
        name,
        f"{_word(metric)} of the model" + (" and of the best simple rule of each part" if ruled else " in each part"),
        f"The model's {_word(metric)}: {said}.",
        lambda frame: _draw_parts(frame, [(words, *rows[key]) for key, words in slices], metric),
    )  # fmt: skip
    columns = ("part", "people", "asked", "ranker", _word(metric), "95 % interval")
    table: list[tuple[Cell, ...]] = [
        (words, row["users"], row["questions"], row["model"], f"{row[metric]:.4f}", _ends(row, metric))
        for key, words in slices for row in rows[key] if row
    ]  # fmt: skip
    text = ["A part of the posts is ranked among its like, so its figures are not those of the whole."]
    if ruled:
        text.append("The best rule is picked on the test itself: a harder opponent than one picked beforehand.")
    return Section(name, title, _warm_finding(rows, metric), text, [figure], [Table("Cold and warm", columns, table)])


def main_metric(evaluated: Evaluated) -> str:
    """What rankers are compared by, such as ``ndcg@10``."""
    return f"ndcg@{evaluated['at'][0]}"


def main_rows(evaluated: Evaluated) -> list[Row]:
    """The rows of everything, best first."""
    metric = main_metric(evaluated)
    return sorted(_of_slice(evaluated, MAIN[evaluated["kind"]]), key=lambda row: -row[metric])


def interval_dots(axis: Axes, rows: Sequence[Row], metric: str) -> None:
    """A dot with its interval for each ranker, the first on top."""
    for place, row in enumerate(rows):
        name, width, size = _STYLE[row["kind"]]
        low, high = row.get(f"{metric}_low"), row.get(f"{metric}_high")
        if low is not None and high is not None:
            axis.plot([low, high], [place] * 2, color=colour(name), linewidth=width, solid_capstyle="round")
        axis.plot(row[metric], place, "o", color=colour(name), markersize=size)
    axis.set_yticks(range(len(rows)), [ranker_name(row) for row in rows])
    for label, row in zip(axis.get_yticklabels(), rows, strict=True):
        if row["kind"] == "model":
            label.set(fontweight="bold", color=colour("own"))
    axis.set_ylim(len(rows) - 0.5, -0.5)
    axis.tick_params(axis="y", length=0)
    axis.grid(axis="x")
    axis.spines["left"].set_visible(False)


def ranker_name(row: Row) -> str:
    """As a reader knows it."""
    return "best reachable (planted)" if row["kind"] == "oracle" else str(row["model"])


def _has_rules(evaluated: Evaluated) -> bool:
    return "baseline" in evaluated["kinds"].values()


def _finding(evaluated: Evaluated) -> str:
    metric = main_metric(evaluated)
    row = _model(evaluated, MAIN[evaluated["kind"]])
    against = next(
        (
            c
            for c in evaluated["comparisons"]
            if c["slice"] == row["slice"] and c["best"] and c["model"] == row["model"]
        ),
        None,
    )
    reached = f"{row['model']} reaches {_word(metric)} {row[metric]:.3f}"
    if against is None:
        return f"{reached} for {many(row['users'], 'person', 'people')}."
    difference = f"{against['difference']:+.3f}, 95 % interval {against['low']:+.3f} to {against['high']:+.3f}"
    if against["low"] > 0:
        word = f"more than {against['baseline']}, the best simple rule"
    elif against["high"] < 0:
        word = f"less than {against['baseline']}, the best simple rule"
    else:
        word = f"no clear difference from {against['baseline']}, the best simple rule"
    return f"{reached}: {word} ({difference})."


def _warm_finding(rows: Mapping[str, tuple[Row, Row | None]], metric: str) -> str:
    if "warm_users" in rows and "cold_users" in rows:
        warm, cold = rows["warm_users"][0][metric], rows["cold_users"][0][metric]
        return f"People with a past get lists of {_word(metric)} {warm:.3f}, people without one {cold:.3f}."
    if "warm_posts" in rows and "cold_posts" in rows:
        warm, cold = rows["warm_posts"][0][metric], rows["cold_posts"][0][metric]
        return (
            f"Among posts that somebody knows {_word(metric)} is {warm:.3f}, among those that nobody knows {cold:.3f}."
        )
    name, (row, _) = next(iter(rows.items()))
    return f"The test has only {dict(PAIRS)[name]}: {_word(metric)} {row[metric]:.3f}."


def _ranking(evaluated: Evaluated) -> Figure:
    rows, metric = main_rows(evaluated), main_metric(evaluated)
    name = "quality" if evaluated["kind"] == "posts" else f"quality-{evaluated['kind']}"

    def draw(frame: Frame) -> Drawn:
        drawn, (axis,) = panels(frame, 1, 0.55 + 0.23 * len(rows))
        interval_dots(axis, rows, metric)
        axis.set_xlim(left=0)
        between = "\n" if frame.narrow else " "  # the names of rankers take much of a phone's width
        axis.set_xlabel(f"{_word(metric)},{between}with its 95 % interval")
        return drawn

    said = ", ".join(f"{ranker_name(row)} {row[metric]:.3f}" for row in rows)
    return Figure(name, f"{evaluated['kind'].capitalize()}: {_word(metric)} of every ranker, best first",
                  f"{_word(metric)}, best first: {said}.", draw)  # fmt: skip


def _figures(evaluated: Evaluated) -> Table:
    first, last = evaluated["at"][0], evaluated["at"][-1]
    metrics = (f"ndcg@{first}", f"recall@{last}", f"hit_rate@{first}", f"mrr@{first}")
    rows: list[tuple[Cell, ...]] = [
        (ranker_name(row), row["users"], row["questions"],
         *(cell for m in metrics for cell in (f"{row[m]:.4f}", _ends(row, m))))
        for row in main_rows(evaluated)
    ]  # fmt: skip
    columns = ("ranker", "people", "asked", *(cell for m in metrics for cell in (_word(m), "95 %")))
    return Table(f"{evaluated['kind'].capitalize()}: figures of every ranker", columns, rows)


def _of_slice(evaluated: Evaluated, name: str) -> list[Row]:
    return [row for row in evaluated["rows"] if row["slice"] == name]


def _model(evaluated: Evaluated, name: str) -> Row:
    """The model's own row; with ``--parts`` there are several models, and the whole one comes first."""
    return next(row for row in _of_slice(evaluated, name) if row["kind"] == "model")


def _best_rule(evaluated: Evaluated, name: str) -> Row | None:
    rules = [row for row in _of_slice(evaluated, name) if row["kind"] == "baseline"]
    return max(rules, key=lambda row: float(row[main_metric(evaluated)]), default=None)


def _draw_parts(frame: Frame, parts: Sequence[tuple[str, Row, Row | None]], metric: str) -> Drawn:
    drawn, (axis,) = panels(frame, 1, 0.8 + 0.4 * len(parts))
    for place, (_, model, rule) in enumerate(parts):
        for row, shift in ((model, -0.13), (rule, 0.17)):
            if row is None:
                continue
            name, width, size = _STYLE[row["kind"]]
            ends = [row[f"{metric}_low"], row[f"{metric}_high"]]
            axis.plot(ends, [place + shift] * 2, color=colour(name), linewidth=width, solid_capstyle="round")
            axis.plot(row[metric], place + shift, "o", color=colour(name), markersize=size - 1)
            if row["kind"] == "baseline":
                axis.annotate(row["model"], (ends[1], place + shift), xytext=(5, 0), textcoords="offset points",
                              va="center", fontsize=7.5, color=colour("soft"))  # fmt: skip
    names = [
        words.replace(" that ", "\nthat ").replace(" of ", "\nof ") if frame.narrow else words for words, _, _ in parts
    ]
    axis.set_yticks(range(len(parts)), names)
    axis.set_ylim(len(parts) - 0.5, -0.6)
    axis.set_xlim(0, axis.get_xlim()[1] * (1.3 if frame.narrow else 1.12))
    axis.tick_params(axis="y", length=0)
    axis.grid(axis="x")
    axis.spines["left"].set_visible(False)
    between = "\n" if frame.narrow else " "
    ruled = any(rule for _, _, rule in parts)
    axis.set_xlabel(_word(metric) + (f"; thick: the model,{between}thin: the best rule" if ruled else ""))
    return drawn


def _ends(row: Row, metric: str) -> str | None:
    low, high = row.get(f"{metric}_low"), row.get(f"{metric}_high")
    return None if low is None or high is None else f"{low:.3f}–{high:.3f}"


def _word(metric: str) -> str:
    name, _, k = metric.partition("@")
    return f"{ {'ndcg': 'NDCG', 'mrr': 'MRR', 'hit_rate': 'hit rate'}.get(name, name) }@{k}"


def quality_tiles(evaluated: Evaluated | None) -> list[Tile]:
    """The model's main figure, for the top of the page."""
    if evaluated is None:
        return []
    row, metric = _model(evaluated, MAIN[evaluated["kind"]]), main_metric(evaluated)
    return [Tile(f"{row[metric]:.3f}", f"{_word(metric)} of {row['model']}")]

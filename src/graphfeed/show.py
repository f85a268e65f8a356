"""What the commands print for a person: reports, recommendations and their reasons, the state of a store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from graphfeed.graph.store import GraphStore
from graphfeed.queries.answers import Explanation, Interest, Person, Recommendation, SimilarPost
from graphfeed.queries.wording import Names, shorten
from graphfeed.show_link import show_link

if TYPE_CHECKING:
    from graphfeed.graph.embed import EmbedReport
    from graphfeed.graph.ingest import LoadReport
    from graphfeed.training.evaluation import Evaluation
    from graphfeed.training.model import LinearModel
    from graphfeed.training.publish import PublishReport

_REASONS = 3
_TERMS = 8


def show_load(console: Console, report: LoadReport) -> None:
    """Rows read, kept and rejected by file, the reasons, and what the graph holds now."""
    table = Table(title=f"{report.source}: rows by file", title_justify="left")
    table.add_column("file")
    for column in ("read", "kept", "rejected", "passed over"):
        table.add_column(column, justify="right")
    for name, file in report.files.items():
        table.add_row(escape(name), *(f"{n:,}" for n in (file.read, file.kept, file.rejected, file.passed_over)))
    if len(report.files) > 1:
        passed = sum(file.passed_over for file in report.files.values())
        table.add_section()
        table.add_row("all", *(f"{n:,}" for n in (report.read, report.kept, report.rejected, passed)))
    console.print(table)
    rate = report.read / report.seconds if report.seconds else 0
    _say(
        console,
        f"read {report.read:,} = kept {report.kept:,} + rejected {report.rejected:,}, {rate:,.0f} rows a second",
    )
    beside = sum(file.records_rejected for file in report.files.values())
    if beside:
        _say(console, f"{beside:,} records beside a row's own were left out")
    for reason, count in sorted(report.reasons.items(), key=lambda pair: -pair[1]):
        _say(console, f"  {count:,} × {reason}")
    if report.rejected_file:
        _say(console, f"what was left out, with file, line and reason: {report.rejected_file}")
    show_counts(console, report.graph.nodes, report.graph.relationships)


def show_counts(console: Console, nodes: dict[str, int], relationships: dict[str, int]) -> None:
    """Nodes by label and relationships by type, those that there are."""
    for what, counts in (("nodes", nodes), ("relationships", relationships)):
        there = ", ".join(f"{count:,} {name}" for name, count in counts.items() if count) or "none"
        _say(console, f"{what}: {there}")


def show_embed(console: Console, report: EmbedReport) -> None:
    """What was encoded."""
    again = report.texts - report.distinct
    _say(
        console,
        f"{report.texts:,} nodes have a text: {report.encoded:,} encoded now ({report.texts_per_second:,.0f} texts a "
        f"second), {report.from_cache:,} known from before{f', {again:,} that repeat another' if again else ''}; "
        f"{report.empty:,} node{'' if report.empty == 1 else 's'} without a text",
    )
    _say(console, f"{report.encoder}, {report.width} numbers a text, {report.precision}")
    if report.aside:
        _say(console, f"the vectors are kept on this machine, for training: {report.aside.splitlines()[0]}")


def show_model(console: Console, model: LinearModel) -> None:
    """What was learned: the weight of each term, strongest first, and how the fit went."""
    table = Table(title="what was learned: weight of each way through the graph", title_justify="left")
    kinds = [kind for kind in model.weights if model.report.get(kind, {}).get("questions", 1)]
    for kind in kinds:
        table.add_column(f"for {kind}")
        table.add_column("", justify="right")
    ranked = [sorted(model.weights[kind].items(), key=lambda pair: -abs(pair[1]))[:_TERMS] for kind in kinds]
    for place in range(max(map(len, ranked), default=0)):
        cells: list[str] = []
        for terms in ranked:
            name, weight = terms[place] if place < len(terms) else ("", None)
            cells += [escape(name), "" if weight is None else f"{weight:.3f}"]
        table.add_row(*cells)
    console.print(table)
    for line in _how_it_went(model.report):
        _say(console, line)


def _how_it_went(report: dict[str, Any]) -> Iterator[str]:
    """The fit of each part in a line; all of it stands in the model's learned.json."""
    towers, second = report.get("towers"), report.get("second stage")
    if towers and "best epoch" in towers:
        yield (
            f"towers: {towers['width']} numbers for each node, best after epoch {towers['best epoch']} of"
            f" {len(towers['loss'])} (validation MRR {towers['best validation mrr']:.4f})"
        )
    if factors := report.get("factors"):
        yield f"factors: {', '.join(name.rpartition('_')[2] for name in factors)} numbers"
    for kind in ("posts", "people", "interests"):
        facts = report.get(kind)
        if facts and not facts["questions"]:
            yield f"for {kind}: nothing was learned, for the windows that weights are fitted on have nothing to predict"
        elif facts:
            reached = f"NDCG@10 {facts['validation']:.4f} on validation"
            yield f"for {kind}: fitted on {facts['questions']:,} questions; {reached}"
    if second:
        gain = f"{second['gained on validation']:+.4f} NDCG@10 on validation"
        yield f"second stage: {'used' if second['used'] else 'not used'}, {gain}"


def show_answers(
    console: Console, store: GraphStore, answers: Sequence[Recommendation | SimilarPost | Person | Interest]
) -> None:
    """A ranked list, each with its reasons in words and the share of the score that each has."""
    names = Names.of(store, answers) if answers else None
    for answer in answers:
        title = names.of_answer(answer) if names else None
        kind = getattr(answer, "kind", None)
        about = ", ".join(word for word in (kind, answer.id if title else "") if word)
        head = f"{answer.rank:>3}  [bold]{escape(shorten(title or answer.id, 80))}[/bold]"
        head += f"  [dim]{escape(about)}[/dim]" if about else ""
        console.print(f"{head}  {answer.score:.3f}", highlight=False, soft_wrap=True)
        for sentence, share in (names.sentences(answer) if names else [])[:_REASONS]:
            _reason(console, sentence, share)
    if not answers:
        _say(console, "nothing")


def show_explanation(console: Console, store: GraphStore, explanation: Explanation) -> None:
    """Why one post, for one person."""
    names = Names.read(store, [(reason, "p") for reason in explanation.reasons])
    post = store.run("post", id=explanation.post)[0]
    title = shorten(post["title"] or post["text"] or explanation.post, 80)
    _say(console, _verdict(explanation, title))
    for sentence, share in names.told(explanation.reasons):
        _reason(console, sentence, share)


def _verdict(explanation: Explanation, title: str) -> str:
    """Whether the post is recommended to the person, and what keeps it back."""
    user, acts = explanation.user, " and ".join(explanation.kept_back)
    if explanation.published:
        place = f"number {explanation.rank} for {user}, with a score of {explanation.score:.3f}"
        if acts:
            return f"“{title}” was published as {place}, and is not shown any more: {user} {acts}. Its reasons were:"
        return f"“{title}” is {place}:"
    known = f"is not recommended to {user}, who {acts}" if acts else f"is not among what is published for {user}"
    if explanation.reasons:
        return f"“{title}” {known}. What connects the two:"
    return f"“{title}” {known}, and no short path connects them."


def show_status(console: Console, status: dict[str, Any]) -> None:
    """The state of a store."""
    _say(console, f"store {status['store']}")
    show_counts(console, status["nodes"], status["relationships"])
    _say(console, f"text vectors: {status['encoder'] or 'none yet (graphfeed embed)'}")
    model = status["model"]
    if model is None:
        _say(console, "model: none yet (graphfeed train)")
    else:
        stale = "" if model["current"] else "; the graph has changed since"
        figures = ", ".join(f"{k} {v:.4f}" for k, v in model["figures"].items() if k in ("ndcg@10", "recall@20"))
        _say(console, f"model: trained {model['trained_at']}{stale}" + (f"; test {figures}" if figures else ""))
    for generation in status["generations"]:
        state = "active" if generation["active"] else "kept for rollback, and counted above, too"
        _say(
            console, f"generation {generation['id']}: for {generation['now']}, made {generation['created_at']}, {state}"
        )
    if not status["generations"]:
        _say(console, "published: nothing yet (graphfeed publish)")
    people = ", ".join(p["id"] + (f" ({p['name']})" if p["name"] else "") for p in status["people"])
    if people:
        _say(console, f"people to try: {people}")


def _reason(console: Console, sentence: str, share: float | None) -> None:
    part = "      –" if share is None else f"{share:>6.0%} "
    console.print(f"     [green]{part}[/green] {escape(sentence)}", highlight=False, soft_wrap=True)


def _say(console: Console, text: str) -> None:
    console.print(text, highlight=False, markup=False, soft_wrap=True)


def show_evaluation(console: Console, found: Evaluation, slices: Sequence[str] | None = None) -> None:
    """Rankers by slice, the best last; the first metric with half of its 95 % interval. The JSON has all figures."""
    asked = [name for name in (slices or found.slices) if name in found.slices]
    figures = {name: [{**row, "slice": ""} for row in found.rows if row["slice"] == name] for name in asked}
    shown = [name for place, name in enumerate(asked) if figures[name] not in [figures[n] for n in asked[:place]]]
    main, *others = (found.main_metric, f"recall@{found.at[-1]}", f"hit_rate@{found.at[0]}")
    table = Table(box=SIMPLE_HEAD, title=f"{found.kind}, {found.part}: each ranks all candidates", title_justify="left")
    table.add_column("slice", no_wrap=True)
    table.add_column("ranker", no_wrap=True)
    for column in ("asked", f"{main} ±", *others):
        table.add_column(column, justify="right", no_wrap=True)
    for name in shown:
        for place, row in enumerate(sorted(figures[name], key=lambda row: float(row[main]))):
            style = {"model": "bold", "oracle": "green"}.get(row["kind"], "")
            half = (row[f"{main}_high"] - row[f"{main}_low"]) / 2
            cells = [
                f"{row['questions']:,}",
                f"{row[main]:.4f} {half:.3f}",
                *(f"{row[metric]:.4f}" for metric in others),
            ]
            table.add_row(name if place == 0 else "", escape(row["model"]), *cells, style=style)
        table.add_section()
    console.print(table)
    for name in sorted(set(asked) - set(shown)):
        same = next(other for other in shown if figures[other] == figures[name])
        _say(console, f"{name} is not shown: it has the same questions and figures as {same}")
    for metric in others:
        full = [name for name in shown if all(row[metric] == 1 for row in figures[name])]
        if full:
            _say(
                console,
                f"{metric} is 1 for every ranker in {', '.join(full)}: too few candidates for it to tell anything",
            )
    _say(console, found.describe)
    for row in found.comparisons:
        if row["slice"] in shown and row["best"]:
            _say(
                console,
                f"{row['slice']}: {row['model']} against {row['baseline']}, the best simple rule there, "
                f"{row['metric']} {row['difference']:+.4f}, 95 % interval {row['low']:+.4f} to {row['high']:+.4f}",
            )


def show_rows(console: Console, rows: Sequence[dict[str, Any]]) -> None:
    """Rows of a query as a table."""
    if not rows:
        _say(console, "no rows")
        return
    table = Table()
    for column in rows[0]:
        table.add_column(escape(column))
    for row in rows:
        table.add_row(*(escape(shorten(str(value), 100)) for value in row.values()))
    console.print(table)


def show_published(console: Console, report: PublishReport) -> None:
    """What was published."""
    written = ", ".join(f"{count:,} {type_}" for type_, count in report.written.items())
    if report.dry_run:
        _say(console, f"nothing was written; it would be {written} ({report.seconds:.0f} s to work out)")
    else:
        _say(console, f"generation {report.generation.id} is active: {written}; {report.seconds:.0f} s")
    if report.generation.kinds:
        _say(console, f"kinds of posts that are recommended: {', '.join(report.generation.kinds)}")
    if (others := report.everybody - report.people) > 0:
        _say(console, f"for {report.people:,} people who were active; {others:,} others are served what is trending")
    if report.people_without_posts:
        _say(console, f"{report.people_without_posts:,} people have met every post that there is")
    if report.people_unproven:
        _say(
            console,
            f"for {report.people_unproven:,} people the posts are the best of those looked at; that none of the others"
            " has a higher score is proven for everybody else",
        )


def show_stage(console: Console, stage: str, result: Any) -> None:
    """What a stage of ``graphfeed run`` returned."""
    if stage.startswith("load"):
        show_load(console, result)
    elif stage == "link":
        show_link(console, result)
    elif stage == "embed":
        show_embed(console, result)
    elif stage == "train":
        show_model(console, result)
    elif stage == "evaluate":
        show_evaluation(console, result)
    else:
        show_published(console, result)


def load_as_json(report: LoadReport) -> dict[str, Any]:
    """A load's report for a program."""
    return {
        "source": report.source,
        "read": report.read,
        "kept": report.kept,
        "rejected": report.rejected,
        "files": {name: asdict(file) for name, file in report.files.items()},
        "reasons": report.reasons,
        "rejected_file": str(report.rejected_file) if report.rejected_file else None,
        "nodes": report.graph.nodes,
        "relationships": report.graph.relationships,
        "seconds": report.seconds,
    }


def evaluation_as_json(found: Evaluation) -> dict[str, Any]:
    """An evaluation for a program, as ``Evaluation.to_json`` writes it."""
    return {"rows": found.rows, "comparisons": found.comparisons, "split": found.describe}

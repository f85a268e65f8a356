"""What ``graphfeed link`` prints: counts, the hard names, and examples to judge it by."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from graphfeed.graph.linking.report import HardName, LinkReport

_HARD = 15
STALE = (
    "of an earlier run no longer hold: a text or a name changed, or the settings. A store takes no relationship away;"
    " to be rid of them, load into a new store and link there"
)


def show_link(console: Console, report: LinkReport) -> None:
    """A person's view of a run of the linker."""
    rate = report.letters / 1e6 / report.reading_seconds if report.reading_seconds else 0
    _say(console, f"read {report.texts:,} texts for {report.names:,} names, {rate:.1f} million characters a second")
    new = (
        f"{report.new:,} of them new" if report.written else f"{report.new:,} of them would be new; nothing was written"
    )
    _say(console, f"{report.links.num_rows:,} links in {report.posts:,} posts, {new}")
    _say(console, f"left out: {report.stated:,} that the data says itself, {report.weak:,} with too little confidence")
    if report.stale:
        _say(console, f"{report.stale:,} links {STALE}")
    if report.top:
        table = Table(box=SIMPLE_HEAD, title="linked most", title_justify="left")
        table.add_column("entity")
        table.add_column("posts", justify="right")
        for id_, name, posts in report.top:
            table.add_row(escape(name if name == id_ or not name else f"{name} ({id_})"), f"{posts:,}")
        console.print(table)
    if report.hard:
        _show_hard(console, report)
    for example in report.examples:
        where = f"  → {example.entity} in {example.post}, {example.confidence:.2f}"
        console.print(
            f"{escape(example.before)}[bold green]\\[{escape(example.match)}][/bold green]{escape(example.after)}"
            f"[dim]{escape(where)}[/dim]",
            highlight=False,
            soft_wrap=True,
        )
    if not report.names:
        _say(console, "no entity has a name to look for")


def link_as_json(report: LinkReport) -> dict[str, Any]:
    """A run of the linker for a program, with every link."""
    plain = {name: value for name, value in vars(report).items() if name not in ("links", "hard", "examples", "top")}
    links = report.links.rename_columns(["post", "entity", *report.links.column_names[2:]])
    return {
        **plain,
        "top": [dict(zip(("entity", "name", "posts"), row, strict=True)) for row in report.top],
        "hard": [{**asdict(name), "left_out": name.left_out} for name in report.hard],
        "examples": [asdict(example) for example in report.examples],
        "links": links.to_pylist(),
    }


def _show_hard(console: Console, report: LinkReport) -> None:
    table = Table(box=SIMPLE_HEAD, title="names that do not tell by themselves", title_justify="left")
    table.add_column("name")
    table.add_column("why")
    for column in ("posts", "linked"):
        table.add_column(column, justify="right")
    table.add_column("to")
    for name in report.hard[:_HARD]:
        to = ", ".join(f"{id_} {count:,}" for id_, count in name.linked.items())
        linked = f"{sum(name.linked.values()):,}"
        table.add_row(escape(name.name), _why(name), f"{name.texts:,}", linked, escape(to or "–"))
    console.print(table)
    if len(report.hard) > _HARD:
        _say(console, f"and {len(report.hard) - _HARD:,} more (--json has all)")
    if not report.vectors:
        _say(console, "they are left out: once the texts are embedded (graphfeed embed), their vectors decide")


def _why(name: HardName) -> str:
    return f"shared by {len(name.entities)} entities" if name.why == "shared" else name.why


def _say(console: Console, text: str) -> None:
    console.print(text, highlight=False, markup=False, soft_wrap=True)

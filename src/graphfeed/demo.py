"""``graphfeed demo``: the whole way, told to somebody who sees graphfeed for the first time."""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from graphfeed.errors import ConfigError, StoreError
from graphfeed.feed import Feed
from graphfeed.loaders.sample import NOTICE
from graphfeed.moments import pick_moment
from graphfeed.options import err, out
from graphfeed.progress import ProgressBars
from graphfeed.show import show_answers, show_counts, show_evaluation

_SAMPLE = "sample"


def run_demo(data: str, location: str | None, user: str | None = None) -> None:
    """Load, embed, train, evaluate, publish and ask. ``data``: ``sample``, ``stackexchange:PATH`` or another source.

    Without a location the store is made in a new temporary folder and kept there, to be asked further.
    Raises ConfigError for a store that holds something already.
    """
    source, _, path = data.partition(":")
    console, began = out(), time.monotonic()
    home = location or str(Path(tempfile.mkdtemp(prefix="graphfeed-demo-")) / "feed")
    _refuse_what_is_there(home)
    try:
        with Feed(home) as feed, ProgressBars(err()) as bars:
            _Demo(feed, console, bars, is_sample=source == _SAMPLE).run(source, path or None, user)
    except BaseException:
        if not location:
            shutil.rmtree(Path(home).parent, ignore_errors=True)
        raise
    console.print(f"\n(That took {time.monotonic() - began:.0f} seconds.)", highlight=False)


def _refuse_what_is_there(home: str) -> None:
    """A folder may hold anything; of a server, the counts say whether there is a graph."""
    if "://" not in home:
        there = Path(home).exists() and any(Path(home).iterdir())
    else:
        with Feed(home) as feed:
            feed.setup()
            there = any(feed.store.counts().nodes.values())
    if there:
        raise ConfigError(f"{home} is not empty: the demo makes a store of its own, name a new one with --store")


class _Demo:
    def __init__(self, feed: Feed, console: Console, bars: ProgressBars, *, is_sample: bool) -> None:
        self.feed, self.console, self.bars, self.is_sample = feed, console, bars, is_sample

    def run(self, source: str, path: str | None, user: str | None) -> None:
        """The chapters, in order."""
        self._chapter(1, "Load: people, posts and what posts are about become one graph")
        if self.is_sample:
            self._tell(NOTICE)
        report = self.feed.load(source, path, progress=self.bars.records)
        self._tell(f"Read {report.read:,} rows, kept {report.kept:,}, set aside {report.rejected:,}.")
        show_counts(self.console, report.graph.nodes, report.graph.relationships)
        self._chapter(2, "Embed: a language model turns every text into a vector")
        self._embed()
        self._chapter(3, "Train: learn which ways through the graph lead to what people do next")
        self._train()
        self._chapter(4, "Evaluate: rank all posts for what people did later, against simple rules")
        self._evaluate()
        self._chapter(5, "Publish: predictions go back into the graph, with their reasons")
        latest = self.feed.graph().latest_time()
        moment = pick_moment("latest", latest) if self.is_sample else pick_moment(None, latest)
        published = self.feed.publish(moment.at, progress=self.bars.steps)
        written = ", ".join(f"{count:,} {type_}" for type_, count in published.written.items())
        self._tell(f"For {moment.shown} ({moment.why}): {written}.")
        self._ask(user)

    def _embed(self) -> None:
        from graphfeed.errors import EncoderError

        try:
            report = self.feed.embed(progress=self.bars.counts)
        except EncoderError as error:
            self._tell(f"{error} Going on with TF-IDF, which needs no download.")
            report = self.feed.embed("tfidf", progress=self.bars.counts)
        self._tell(f"{report.texts:,} texts, {report.width} numbers each, by {report.encoder} ({report.precision}).")

    def _train(self) -> None:
        model = self.feed.train(progress=self.bars.steps)
        self._tell(self.feed.split().describe() + ".")
        strongest = sorted(model.weights["posts"].items(), key=lambda pair: -pair[1])[:5]
        self._tell("What counts most here: " + ", ".join(f"{name} ({weight:.2f})" for name, weight in strongest) + ".")

    def _evaluate(self) -> None:
        found = self.feed.evaluate(progress=self.bars.steps)
        if self.is_sample:
            self._tell(
                "These figures are of the sample. What its people want was planted, so the best that any recommender "
                "could reach is known: it is the row “best reachable (planted)”."
            )
        show_evaluation(self.console, found, ["all"])

    def _ask(self, user: str | None) -> None:
        people = self.feed.status()["people"]
        if user is None and not people:
            raise StoreError("nobody in this graph has done anything yet: there is nobody to recommend to")
        who = user or people[0]["id"]
        name = next((p["name"] for p in people if p["id"] == who and p["name"]), who)
        posts = self.feed.recommend(who, 10)
        self._chapter(6, f"Ask: ten posts for {name}, and why")
        if self.is_sample:
            self._tell("(Sample: nobody here is real.)")
        show_answers(self.console, self.feed.store, posts)
        store = self.feed.location
        self._chapter(7, "What to type next")
        for line in (
            f"graphfeed recommend {who} --json --store {store}",
            *([f"graphfeed explain {who} {posts[0].id} --store {store}"] if posts else []),
            *([f"graphfeed similar {posts[0].id} --store {store}"] if posts else []),
            f"graphfeed people {who} --store {store}",
            f"graphfeed interests {who} --store {store}",
            f"graphfeed status --store {store}",
            "graphfeed init FOLDER          # your own data: a folder of CSV files, or a Stack Exchange dump",
        ):
            self.console.print(f"  {line}", highlight=False, markup=False, soft_wrap=True)

    def _chapter(self, number: int, title: str) -> None:
        label = " [yellow](sample)[/yellow]" if self.is_sample else ""
        self.console.print(
            f"\n[bold cyan]{number}. {escape(title)}[/bold cyan]{label}", highlight=False, soft_wrap=True
        )

    def _tell(self, text: str) -> None:
        self.console.print(text, highlight=False, markup=False)

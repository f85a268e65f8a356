"""How well people's next acts are predicted: the model against every simple rule and other libraries, on one community.

    python -m benchmarks.quality quantumcomputing                  # or another of data_sets.py
    python -m benchmarks.quality lastfm-2k --seeds 3 --json benchmarks/results/lastfm-2k.json
    python -m benchmarks.quality --train F --test F [--friends F] [--kg F] [--text F]
    python -m benchmarks.quality --sequences F [--attributes F]    # leave-one-out
    python -m benchmarks.quality --dump FOLDER                     # a Stack Exchange dump, cut in time
    python -m benchmarks.quality --table                           # the results that are kept, and their bars
    python -m benchmarks.quality --table --png quality.png         # and drawn

Load, embed, train and rank as a user does, with default settings; only the split and the encoder depend on the
community (``data_sets.py``). All choose their settings on validation, which is drawn from the training part. Intervals
are 95 %, over people; differences are paired.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

import graphfeed
from benchmarks.data_sets import DATA_SETS, VALIDATION, DataSet, of_dump, of_pairs, of_sequences
from benchmarks.machine import describe_machine
from benchmarks.peers import PEERS, GdsServer, make_peers
from benchmarks.peers.stopping import MINUTES
from benchmarks.quality_plots import draw
from benchmarks.quality_tables import markdown, show
from benchmarks.quality_targets import targets_markdown
from benchmarks.seeds import pooled, with_seeds
from benchmarks.timing import Timed, gauged, whole_peak_mib
from graphfeed.feed import Feed
from graphfeed.graph.tensors import FeedGraph
from graphfeed.planted import PlantedOracle, is_sample
from graphfeed.progress import ProgressBars
from graphfeed.training.baselines import EASE, baselines_for
from graphfeed.training.evaluate import evaluate, fit_all
from graphfeed.training.evaluation import Evaluation
from graphfeed.training.leaks import check_leaks
from graphfeed.training.ranker import Ranker
from graphfeed.training.split import SplitSettings

RESULTS = Path(__file__).parent / "results"
METRICS = ("recall", "ndcg", "mrr", "hit_rate", "precision", "coverage", "diversity", "novelty")
DIGITS = 5


def main() -> None:
    """Measure and print; with ``--json`` write; with ``--table`` only print what is kept."""
    parser = _parser()
    options = parser.parse_args()
    if options.table:
        print(markdown(RESULTS), "", targets_markdown(RESULTS), sep="\n")
        if options.png:
            draw(RESULTS, options.png)
        return
    name, data = _data(parser, options)
    names = options.baselines.split(",") if options.baselines else None
    with tempfile.TemporaryDirectory() as scratch, ProgressBars(Console(stderr=True)) as bars:
        place = options.store or Path(scratch) / "feed"
        # What a store holds from before is not loaded and encoded anew: its seconds are no measure of that.
        result = {"data": name, "new_store": not place.exists()}
        with graphfeed.open(place) as feed:
            gds = GdsServer() if options.gds else None
            more = {"seeds": options.seeds, "minutes": options.minutes, "model": not options.no_model}
            try:
                result |= measure(feed, data, options.encoder, names, bars, gds=gds, **more)
            finally:
                if gds is not None:
                    gds.stop()
    if options.json:
        options.json.write_text(as_json(result), encoding="utf-8")
    show(Console(width=240), result, data.slices)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="?", choices=sorted(DATA_SETS))
    for option, words in {
        "train": "a user's id and then item ids on each line",
        "test": "the same: the pairs to be predicted",
        "friends": "two user ids on each line",
        "kg": "head, relation and tail on each line",
        "text": "an item's id, a tab, its text",
        "sequences": "a user's id and then item ids in their order on each line",
        "attributes": "a JSON object of item ids and lists of attributes",
        "dump": "the folder of a Stack Exchange dump",
    }.items():
        parser.add_argument(f"--{option}", type=Path, metavar="FILE" if option != "dump" else "FOLDER", help=words)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to this file")
    parser.add_argument("--store", type=Path, help="keep the store here; else it is made in a temporary folder")
    parser.add_argument("--encoder", help="another text encoder than the one of data_sets.py")
    parser.add_argument(
        "--baselines", help="only these, with commas between them; or all, simple (no other library's models) or none"
    )
    parser.add_argument(
        "--seeds", type=int, default=1, help="seeds of each ranker that has randomness (mean and spread)"
    )
    parser.add_argument(
        "--minutes", type=float, default=MINUTES, help="time for the epochs of each other library's model"
    )
    parser.add_argument(
        "--gds", action="store_true", help="also Neo4j's Graph Data Science; needs Java 17 to 21 and Maven"
    )
    parser.add_argument("--no-model", action="store_true", help="only what the model is compared with")
    parser.add_argument("--table", action="store_true", help="print the kept results as a Markdown table")
    parser.add_argument("--png", type=Path, metavar="FILE", help="with --table: draw the kept results into this file")
    return parser


def _data(parser: argparse.ArgumentParser, options: argparse.Namespace) -> tuple[str, DataSet]:
    """The data set that the options name, and what it is called."""
    ways = [options.data, options.train, options.sequences, options.dump]
    if sum(way is not None for way in ways) != 1:
        parser.error("name a data set, or --train with --test, or --sequences, or --dump, or --table")
    if bool(options.train) != bool(options.test) or (options.train is None and (options.friends or options.kg)):
        parser.error("--train and --test go together, and --friends, --kg and --text with them")
    files = (
        options.train,
        options.test,
        options.friends,
        options.kg,
        options.text,
        options.sequences,
        options.attributes,
    )
    for file in filter(None, (*files, options.dump)):
        if not file.exists():
            parser.error(f"there is no {file}")
    if options.train:
        return options.train.stem, of_pairs(
            options.train, options.test, friends=options.friends, kg=options.kg, text=options.text
        )
    if options.sequences:
        return options.sequences.stem, of_sequences(options.sequences, options.attributes)
    if options.dump:
        return options.dump.name, of_dump(options.dump)
    return options.data, DATA_SETS[options.data]


def measure(
    feed: Feed,
    data: DataSet,
    encoder: str | None,
    names: Sequence[str] | None,
    bars: ProgressBars,
    *,
    seeds: int = 1,
    minutes: float = MINUTES,
    model: bool = True,
    gds: GdsServer | None = None,
) -> dict[str, Any]:
    """The whole way on one community: figures, comparisons, times (seconds), memory (MiB) and what was chosen.

    ``encoder``: another than the data set's; ``names``: the rankers beside the model, None for those of the data set;
    ``seeds``: of each ranker with randomness; ``minutes``: for each peer's epochs; ``model``: whether it takes part.
    """
    machine, seconds = describe_machine(), dict[str, float]()
    text = encoder or data.encoder
    graph = read(feed, data, text, bars, seconds)
    before = whole_peak_mib()  # the gauges begin it anew
    found_rankers, left_out = rankers_for(graph, names or data.baselines, minutes, gds)
    others = [Timed(ranker) for ranker in found_rankers]
    settings = SplitSettings(kind=data.split, window_days=data.window_days)  # type: ignore[arg-type]
    split = feed.split(settings)
    warnings = check_leaks(split)
    models = []
    if model:
        with _clock(seconds, "train"), gauged() as training:
            feed.train(split=settings, progress=bars.steps)
        models = [Timed(feed.model())]
        models[0].peak_mib, models[0].fit_seconds = training.peak_mib, training.seconds
    fit_all(split, others, bars.steps)
    groups = with_seeds([*models, *others], seeds)
    fit_all(split, [again for group in groups.values() for again in group[1:]], bars.steps)
    oracle = PlantedOracle(graph) if is_sample(feed.store) else None
    with _clock(seconds, "evaluate"):
        asked = [ranker for group in groups.values() for ranker in group]
        found = evaluate(split, asked, at=data.at, progress=bars.steps, oracle=oracle)
    names_of = {name: [ranker.name for ranker in group] for name, group in groups.items()}
    if oracle is not None:
        names_of[oracle.name] = [oracle.name]
    reports = {r.name: r.report() for r in (*models, *others)}
    return {
        "encoder": text or "",
        "at": list(data.at),
        **with_costs(figures(pooled(found, names_of)), reports),
        "to be known": [*data.notes, *left_out, *(str(warning) for warning in warnings)],
        "chosen on": "validation, drawn from the training part; nothing on the test",
        "rankers": reports,
        "seconds": {name: round(value, 2) for name, value in seconds.items()},
        "peak_mib": round(max(before, whole_peak_mib(), *(ranker.peak_mib for ranker in asked)), 1),
        "machine": machine,
    }


def read(feed: Feed, data: DataSet, text: str | None, bars: ProgressBars, seconds: dict[str, float]) -> FeedGraph:
    """Load and embed a community; how long each took goes into ``seconds``."""
    with tempfile.TemporaryDirectory() as scratch:
        source, path, options = data.load_arguments(Path(scratch))
        with _clock(seconds, "load"):
            feed.load(source, path, progress=bars.records, **options)
        validation = Path(scratch) / VALIDATION
        pairs = validation.read_text(encoding="utf-8").splitlines() if validation.exists() else []
    if text:
        with _clock(seconds, "embed"):
            feed.embed(text, progress=bars.counts)
    with _clock(seconds, "tensors"):
        graph = feed.graph()
    if pairs:
        # The feed keeps this graph while nothing changes it: training sees them set apart, too.
        set_apart(graph, pairs)
    return graph


def set_apart(graph: FeedGraph, pairs: Sequence[str]) -> None:
    """Of the held out test pairs those named (a user's and a post's id each) become the split's validation pairs."""
    place = {
        label: {str(id_): row for row, id_ in enumerate(graph.ids[label].to_pylist())} for label in ("User", "Post")
    }
    posts = graph.count("Post")
    named = [place["User"][user] * posts + place["Post"][post] for user, post in map(str.split, pairs)]
    test = graph.held_out["test"]
    validates = torch.isin(test[0] * posts + test[1], torch.tensor(named))
    graph.held_out.update(test=test[:, ~validates], validation=test[:, validates])


def rankers_for(
    graph: FeedGraph, names: Sequence[str], minutes: float, gds: GdsServer | None = None
) -> tuple[list[Ranker], list[str]]:
    """The rankers beside the model by their names (none: all), and what was left out and why.

    Raises SystemExit for a name that there is not.
    """
    simple: list[Ranker] = baselines_for("posts", graph)
    found = simple if list(names) == ["simple"] else [*simple, *make_peers(minutes, gds)]
    by_name = {ranker.name: ranker for ranker in found}
    if list(names) == ["none"]:
        return [], []
    if not names or list(names) in (["all"], ["simple"]):
        if EASE.name in by_name:
            return found, []
        return found, ["ease was left out: it would invert a matrix too large by default (--baselines names it)"]
    by_name.setdefault(EASE.name, EASE(largest=None))
    if unknown := [name for name in names if name not in by_name]:
        raise SystemExit(f"--baselines takes some of {', '.join(by_name)}, found {', '.join(unknown)}")
    return [ranker for name, ranker in by_name.items() if name in names], []


def with_costs(result: dict[str, Any], reports: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Each row with what its ranker cost; that of everything also with its settings. Other libraries' are peers."""
    for row in result["rows"]:
        report = reports.get(row["model"], {})
        if row["model"] in PEERS:
            row["kind"] = "peer"
        row |= {name: report[name] for name in ("fit_seconds", "rank_seconds", "peak_mib") if name in report}
        if row["slice"] == "all":
            row["settings"] = report.get("settings", {})
    return result


def figures(found: Evaluation) -> dict[str, Any]:
    """Rows and comparisons, rounded; the metrics named in ``METRICS`` with their intervals."""
    wanted = {f"{metric}@{k}{end}" for metric in METRICS for k in found.at for end in ("", "_low", "_high", "_sd")}

    def kept(row: dict[str, Any]) -> dict[str, Any]:
        return {
            name: round(value, DIGITS) if isinstance(value, float) else value
            for name, value in row.items()
            if "@" not in name or name in wanted
        }

    comparisons = [kept(row) for row in found.comparisons]
    return {"split": found.describe, "rows": [kept(row) for row in found.rows], "comparisons": comparisons}


def as_json(result: dict[str, Any]) -> str:
    """One line per key and per row: short, and a change shows where it is."""

    def lines(value: Any) -> str:
        if isinstance(value, list) and value and isinstance(value[0], dict):
            return "[\n  " + ",\n  ".join(map(json.dumps, value)) + "\n ]"
        return json.dumps(value)

    return "{\n" + ",\n".join(f" {json.dumps(name)}: {lines(value)}" for name, value in result.items()) + "\n}\n"


@contextmanager
def _clock(seconds: dict[str, float], name: str) -> Iterator[None]:
    started = time.perf_counter()
    yield
    seconds[name] = time.perf_counter() - started


if __name__ == "__main__":
    main()

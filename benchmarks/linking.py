"""How fast names are found in texts, and what links change in the ranking of a real community.

    python -m benchmarks.linking                               # 100,000 names, 20 MB of text, twice: English, Chinese
    python -m benchmarks.linking --quality quantumcomputing    # NDCG@10 with and without; also french.meta, sample

Names and texts of the first are made up: words drawn by Zipf's law from a vocabulary of 50,000, and names of one to
three of its rarer words; of Chinese characters likewise. Texts are read as ``graphfeed link`` does; building the index
is given alone.

The second trains the model on four graphs that differ in MENTIONS alone: none, those that the linker reads out of the
texts, those of the data (tags), and both; figures are those of validation and of the test. It also says how many of the
names found in a post the data names for it, too.
"""

from __future__ import annotations

import argparse
import itertools
import json
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

import graphfeed
from benchmarks.data_sets import DATA_SETS
from graphfeed.graph.embed import CACHE_FILE
from graphfeed.graph.ingest import ingest
from graphfeed.graph.linking.names import Name, NameIndex
from graphfeed.graph.linking.pairs import Pairs, keys
from graphfeed.graph.linking.reading import read_names, read_posts
from graphfeed.graph.linking.settings import LinkSettings
from graphfeed.graph.store import GraphStore, open_store
from graphfeed.loaders.records import Chunk, Loader, Relationships
from graphfeed.loaders.rejected import Rejects
from graphfeed.training.evaluation import Evaluation
from graphfeed.training.intervals import interval, resampled_means
from graphfeed.training.split import SplitSettings

NAMES = 100_000
VOCABULARY = 50_000
MEGABYTES = 20
SYLLABLES = [first + second for first in "bdfklmnrst" for second in "aeio"]
SIGNS = (",", ".", "?", ";", ")", "’s")
GRAPHS = ("none", "linked", "data", "both")
_ROUNDS = 3


def main() -> None:
    """Measure one of the two and print it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--names", type=int, default=NAMES, help=f"how many names (default {NAMES:,})")
    parser.add_argument("--megabytes", type=float, default=MEGABYTES, help=f"of text (default {MEGABYTES})")
    parser.add_argument("--quality", metavar="DATA", choices=("quantumcomputing", "french.meta", "sample", "cofacts"))
    parser.add_argument("--graphs", nargs="+", choices=GRAPHS, default=GRAPHS, help="with --quality: only these")
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep what was found")
    asked = parser.parse_args()
    found = quality(asked.quality, asked.graphs) if asked.quality else speed(asked.names, asked.megabytes)
    for row in found:
        print(
            "  ".join(
                f"{key} {value:,.4g}" if isinstance(value, float) else f"{key} {value}" for key, value in row.items()
            )
        )
    if asked.json:
        asked.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


def speed(names: int, megabytes: float) -> list[dict[str, Any]]:
    """Megabytes (of UTF-8) a second, the best of three rounds, for each of the made-up languages.

    Also by the processor's time, which tells more on a machine that others use, too.
    """
    found = []
    for language, words, between in (("spaced", _words(), " "), ("unspaced", _characters(), "")):
        rng = np.random.default_rng(0)
        began = time.process_time()
        index = NameIndex(_names(words, between, names, rng))
        built = time.process_time() - began
        texts = list(_texts(words, between, int(megabytes * 1e6), rng))
        size = sum(len(text.encode()) for text in texts) / 1e6
        seconds, busy, matches = min(_read(index, texts) for _ in range(_ROUNDS))
        found.append(
            {
                "language": language,
                "names": names,
                "forms": len(index.surfaces),
                "index_processor_seconds": built,
                "megabytes": size,
                "found": matches,
                "megabytes_a_second": size / seconds,
                "a_processor_second": size / busy,
            }
        )
    return found


def quality(name: str, graphs: list[str] | tuple[str, ...] = GRAPHS) -> list[dict[str, Any]]:
    """NDCG@10 on validation and test by graph, and the paired difference from the graph that the data alone gives.

    Also how far the names found agree with what the data says.
    """
    found: dict[tuple[str, str], Evaluation] = {}
    links: dict[str, int] = {}
    agreed: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        for graph in graphs:
            with graphfeed.open(Path(folder) / graph) as feed:
                links[graph] = _make(feed, name, graph, Path(folder) / CACHE_FILE)
                if graph == "data":
                    agreed = agreement(feed.store)
                feed.train(split=SplitSettings(window_days=DATA_SETS[name].window_days))
                for part in ("validation", "test"):
                    found[part, graph] = feed.evaluate(part=part, baselines=False)  # type: ignore[arg-type]
    rows = []
    for (part, graph), evaluation in found.items():
        for slice_ in ("all", "old"):
            against = found.get((part, "data"))
            row = {"data": name, "part": part, "slice": slice_, "graph": graph, "mentions": links[graph]}
            rows.append(row | _figures(evaluation, against, slice_))
    return rows + agreed


def agreement(store: GraphStore) -> list[dict[str, Any]]:
    """Of names found in posts that the data gives MENTIONS: how many are among them, by where and by closeness."""
    reading = read_posts(store, read_names(store))
    pairs = Pairs.of(store, reading, LinkSettings())
    stated = store.read_relation("MENTIONS")[0]
    asked = np.isin(pairs.post, stated.source) & ~pairs.shared
    said = np.isin(keys(pairs.post, pairs.entity), keys(stated.source, stated.target))
    title, text = reading.title[pairs.found] > 0, reading.text[pairs.found]
    several = np.array([name.words > 1 for name in reading.names])[pairs.name]
    slices = {
        f"{where}, {'several words' if more else 'one word'}": chosen & (several == more)
        for where, chosen in (
            ("title", title),
            ("text, once", ~title & (text == 1)),
            ("text, more", ~title & (text > 1)),
        )
        for more in (False, True)
    }
    edges = [-np.inf, 0, 1, 2, 3, 4, np.inf]
    for low, high in itertools.pairwise(edges):
        slices[f"closeness {low:g} to {high:g}"] = (pairs.closeness >= low) & (pairs.closeness < high)
    return [
        {"found": name, "names": int((asked & chosen).sum()), "in the data": float(said[asked & chosen].mean())}
        for name, chosen in slices.items()
        if (asked & chosen).any()
    ]


def _figures(evaluation: Evaluation, against: Evaluation | None, slice_: str) -> dict[str, float]:
    model, metric = next(m for m, kind in evaluation.kinds.items() if kind == "model"), evaluation.main_metric
    values, users = evaluation.values(model, slice_, metric), evaluation.users(slice_)
    found = {"questions": len(values), metric: float(values.mean(dtype=np.float64))}
    if against is not None and against is not evaluation:
        assert np.array_equal(users, against.users(slice_))
        more = (values - against.values(model, slice_, metric))[:, None]
        low, high = interval(resampled_means(more, users))
        found |= {"difference": float(more.mean(dtype=np.float64)), "low": float(low[0]), "high": float(high[0])}
    return found


def _make(feed: graphfeed.Feed, name: str, graph: str, vectors: Path) -> int:
    """Load, embed, and leave in MENTIONS what the graph is to have; how many there are.

    ``vectors``: the cache of text vectors that the graphs share.
    """
    from graphfeed.sources import make_loader

    data = DATA_SETS[name]
    source, path, options = data.load_arguments()
    loader = make_loader(source, path, **options)
    with open_store(feed.location, create=True) as store:
        ingest(store, loader if graph in ("data", "both") else Untagged(loader))
    if vectors.exists():
        shutil.copy(vectors, feed.store.workspace)
    feed.embed(data.encoder)
    if (cache := feed.store.workspace / CACHE_FILE).exists():
        shutil.copy(cache, vectors)
    if graph in ("linked", "both"):
        feed.link()
    return feed.store.counts().relationships["MENTIONS"]


class Untagged:
    """A source without its MENTIONS."""

    def __init__(self, loader: Loader) -> None:
        self.name, self._loader = loader.name, loader

    def chunks(self, rejects: Rejects) -> Iterator[Chunk]:
        """See ``Loader.chunks``."""
        for chunk in self._loader.chunks(rejects):
            if not (isinstance(chunk, Relationships) and chunk.type == "MENTIONS" and not chunk.primary):
                yield chunk


def _read(index: NameIndex, texts: list[str]) -> tuple[float, float, int]:
    began, busy = time.perf_counter(), time.process_time()
    matches = sum(len(index.find(text)) for text in texts)
    return time.perf_counter() - began, time.process_time() - busy, matches


def _words() -> list[str]:
    rng = np.random.default_rng(1)
    made: dict[str, None] = {}
    while len(made) < VOCABULARY:
        made["".join(SYLLABLES[i] for i in rng.integers(0, len(SYLLABLES), rng.integers(1, 5)))] = None
    return list(made)


def _characters() -> list[str]:
    return [chr(0x4E00 + i) for i in range(3_500)]


def _names(words: list[str], between: str, count: int, rng: np.random.Generator) -> list[Name]:
    rarer = np.array(words[len(words) // 50 :], dtype=object)
    made: dict[str, None] = {}
    while len(made) < count:
        size = int(rng.integers(1, 4)) if between else int(rng.integers(2, 5))
        made[between.join(rarer[rng.integers(0, len(rarer), size)]).title()] = None
    return [Name(text, entity) for entity, text in enumerate(made)]


def _texts(words: list[str], between: str, size: int, rng: np.random.Generator) -> Iterator[str]:
    chance = np.cumsum(1 / np.arange(1, len(words) + 1))
    known = np.array(words, dtype=object)
    while size > 0:
        drawn = known[np.searchsorted(chance, rng.random(200) * chance[-1])]
        drawn[::9] += rng.choice(SIGNS, len(drawn[::9]))
        text = between.join(drawn).capitalize()
        size -= len(text.encode())
        yield text


if __name__ == "__main__":
    main()

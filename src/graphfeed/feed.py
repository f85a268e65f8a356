"""The whole of graphfeed on one store, as an object: what every command does, for a program to call.

    with graphfeed.open("feed") as feed:
        feed.load("tables", "exports", mapping="graphfeed.toml")
        feed.embed()
        feed.train()
        print(feed.evaluate().table())
        feed.publish()
        for post in feed.recommend("u1"):
            print(post.rank, post.title)

Each method imports what it needs: asking loads neither torch nor the encoder.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from graphfeed.errors import StoreError, TrainingError
from graphfeed.exchanging import Exchanging
from graphfeed.trained import MODEL_FOLDER, TrainingRecord

if TYPE_CHECKING:
    from graphfeed.graph.embed import EmbedReport
    from graphfeed.graph.graph_mapping import GraphMapping
    from graphfeed.graph.ingest import LoadReport
    from graphfeed.graph.link_report import LinkReport
    from graphfeed.graph.link_settings import LinkSettings
    from graphfeed.graph.schema import Generation
    from graphfeed.graph.store import GraphStore, SetupReport
    from graphfeed.graph.tensors import FeedGraph
    from graphfeed.loaders.frames import Frame
    from graphfeed.loaders.mapping import TableMapping
    from graphfeed.report import Report
    from graphfeed.training.evaluation import Evaluation
    from graphfeed.training.finetune import Finetuning
    from graphfeed.training.links import LinkKind
    from graphfeed.training.model import LinearModel
    from graphfeed.training.publish import PublishReport
    from graphfeed.training.ranker import Progress, Ranker
    from graphfeed.training.settings import ModelSettings
    from graphfeed.training.split import Part, Split, SplitSettings
    from graphfeed.training.tune import Tuning


class Feed(Exchanging):
    """A store and everything that can be done with it. The store is opened when it is first needed."""

    def __init__(self, location: str | Path = "feed", mapping: GraphMapping | None = None) -> None:
        """``mapping``: of a graph on a Neo4j server that is used in place."""
        self.location = str(location)
        self._mapping = mapping
        self._store: GraphStore | None = None
        self._graph: tuple[object, FeedGraph] | None = None

    @property
    def store(self) -> GraphStore:
        """The open store. Raises StoreError where there is none yet."""
        return self._open(create=False)

    def setup(self, *, give_up: bool = False) -> SetupReport:
        """Make what the store needs beside its data; ``give_up`` forgets a change that cannot be finished any more."""
        return self._open(create=self._mapping is None).setup(give_up=give_up)

    def inspect(self) -> str:
        """What the Neo4j database holds, and a ``[graph]`` for it, as the text of a graphfeed.toml. Changes nothing."""
        from graphfeed.graph.mapping_draft import draft_graph
        from graphfeed.graph.neo4j_inspect import inspect_database

        if "://" not in self.location:
            raise StoreError(
                f"inspect looks at a graph on a Neo4j server, and the store is the folder {self.location}: name the"
                " server with --store neo4j://host:7687"
            )
        return draft_graph(inspect_database(self.location))

    def query_text(self, name: str) -> str:
        """A query of ``queries/`` as it is run here: in the graph's own names where it is used in place."""
        from graphfeed.graph.cypher_mapping import CypherMapping
        from graphfeed.graph.query_files import find_query

        text = find_query(name, self.store.dialect).text
        mapping = self.store.mapping
        return text if mapping is None else CypherMapping(mapping).rewrite(text)

    def load(
        self,
        source: str,
        path: str | Path | None = None,
        *,
        strict: bool = False,
        bulk: Callable[[str], None] | None = None,
        progress: Callable[[str, int], None] | None = None,
        fetching: Callable[[str, int, int], None] | None = None,
        **options: Any,
    ) -> LoadReport:
        """Load a source into the store, whole or not at all; makes the store if there is none.

        ``source``: sample, or one of ``graphfeed.loaders.SOURCES`` with its options. ``path``: also an archive, or an
        address (``s3://…``, ``https://…``); ``fetching`` is told how far its files are. ``bulk``: load an empty Neo4j
        database by its own importer, several times as fast; it is told, in words, what happens.
        """
        from graphfeed.graph.ingest import ingest
        from graphfeed.sources import make_loader

        loader = make_loader(source, path, fetching=fetching, **options)
        store = self._open(create=True)
        if bulk is None:
            return ingest(store, loader, strict=strict, progress=progress)
        with store.bulk(bulk) as files:
            return ingest(files, loader, strict=strict, progress=progress)

    def load_frames(
        self,
        frames: Mapping[str, Frame],
        mapping: TableMapping | Mapping[str, Any] | None = None,
        *,
        strict: bool = False,
        progress: Callable[[str, int], None] | None = None,
    ) -> LoadReport:
        """Load data frames of pandas or Polars, by name, whole or not at all; makes the store if there is none.

        ``mapping``: which column is what, ``[[nodes]]`` and ``[[relationships]]`` as a dictionary; None: frames are
        named as the graph's labels and types, and their columns as its properties.
        """
        from graphfeed.graph.ingest import ingest
        from graphfeed.loaders.frames import FramesLoader

        return ingest(self._open(create=True), FramesLoader(frames, mapping), strict=strict, progress=progress)

    def embed(
        self,
        encoder: str | None = None,
        *,
        device: str | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> EmbedReport:
        """Give every node its text vector. ``encoder``: tfidf, a Hugging Face name, or a model's folder."""
        from graphfeed.graph.embed import embed
        from graphfeed.graph.encoder import DEFAULT_ENCODER

        return embed(self.store, encoder or DEFAULT_ENCODER, progress=progress, device=device)

    def link(
        self,
        settings: LinkSettings | None = None,
        *,
        dry_run: bool = False,
        progress: Callable[[int, int], None] | None = None,
    ) -> LinkReport:
        """Find the entities' names in the posts' texts and write them as MENTIONS; ``dry_run``: only look."""
        from graphfeed.graph.linker import link

        return link(self.store, settings, dry_run=dry_run, progress=progress)

    def finetune(self, to: str | Path | None = None, split: SplitSettings | None = None, **options: Any) -> Finetuning:
        """Fit a text encoder to the graph's own links, and write it to a folder where that validates better.

        ``to``: the folder; None: ``encoder`` in the workspace. ``options``: of ``training.finetune.finetune``.
        """
        from graphfeed.training.finetune import finetune

        return finetune(self.split(split), folder=Path(to or self.store.workspace / "encoder"), **options)

    def graph(self) -> FeedGraph:
        """The graph as tensors (``torch_geometric.data.HeteroData`` and the names of its rows)."""
        from graphfeed.graph.embed import read_encoder_mark
        from graphfeed.graph.tensors import read_graph

        state = (self.store.version(), read_encoder_mark(self.store.workspace))
        if self._graph is None or self._graph[0] != state:
            self._graph = (state, read_graph(self.store))
        return self._graph[1]

    def split(self, settings: SplitSettings | None = None) -> Split:
        """The cut of the past into training, validation and test: the data's own, or rolling windows."""
        from graphfeed.training.split import make_split

        return make_split(self.graph(), settings)

    def train(
        self,
        settings: ModelSettings | None = None,
        split: SplitSettings | None = None,
        *,
        device: str = "auto",
        seed: int = 0,
        resume: bool = True,
        progress: Progress | None = None,
    ) -> LinearModel:
        """Train the model and keep it in the store's workspace. An interrupted training goes on where it was."""
        from graphfeed.training.settings import ModelSettings, RunSettings
        from graphfeed.training.split import SplitSettings, make_split
        from graphfeed.training.train import train

        settings, split = settings or ModelSettings(), split or SplitSettings()
        folder = self.store.workspace / MODEL_FOLDER
        run = RunSettings(device=device, seed=seed, folder=folder, resume=resume)
        version, encoder = self.store.version(), self._encoder()
        graph = self.graph()
        model = train(graph, make_split(graph, split), settings, run, progress)
        TrainingRecord.begin(folder)
        model.save(folder)
        TrainingRecord.of(version, encoder, split, settings, seed).write(folder, model)
        return model

    def tune(
        self,
        settings: ModelSettings | None = None,
        split: SplitSettings | None = None,
        *,
        minutes: float | None = None,
        trials: int | None = None,
        device: str = "auto",
        seed: int = 0,
        progress: Progress | None = None,
    ) -> Tuning:
        """Search better settings than ``settings`` on validation, for so many minutes or trials. Keeps no model."""
        from graphfeed.training.settings import RunSettings
        from graphfeed.training.tune import tune

        run = RunSettings(device=device, seed=seed)
        return tune(self.split(split), settings, run, minutes=minutes, trials=trials, progress=progress)

    def model(self, device: str = "auto") -> LinearModel:
        """The trained model. Raises TrainingError where there is none."""
        from graphfeed.training.model import load_model

        TrainingRecord.read(self.store.workspace / MODEL_FOLDER)
        return load_model(self.store.workspace / MODEL_FOLDER, device)

    def evaluate(
        self,
        *,
        part: Part = "test",
        kind: LinkKind = "posts",
        baselines: bool = True,
        parts: bool = False,
        device: str = "auto",
        progress: Progress | None = None,
    ) -> Evaluation:
        """Rank all candidates with the trained model and the baselines, on the split that it was trained with.

        ``parts`` adds a model of each part alone, trained here. For the sample, the best reachable figure is a row.
        Raises TrainingError when the graph has changed since training: the test would hold what was trained on.
        """
        from graphfeed.planted import planted_oracle
        from graphfeed.training.baselines import baselines_for
        from graphfeed.training.evaluate import evaluate, fit_all
        from graphfeed.training.leaks import check_leaks
        from graphfeed.training.model import part_alone
        from graphfeed.training.settings import PARTS
        from graphfeed.training.split import make_split

        record = TrainingRecord.read(self.store.workspace / MODEL_FOLDER)
        if record.store_version != self.store.version() or record.encoder != self._encoder():
            raise TrainingError("the graph or its text vectors changed since the model was trained: train again first")
        model = self.model(device)
        graph = self.graph()
        split = make_split(graph, record.split_settings())
        check_leaks(split)
        others: list[Ranker] = [*(part_alone(p, model.settings, model.run) for p in PARTS)] if parts else []
        others += baselines_for(kind, graph) if baselines else []
        fit_all(split, others, progress)
        oracle = planted_oracle(self.store, self.graph()) if kind == "posts" else None
        found = evaluate(split, [model, *others], part=part, kind=kind, progress=progress, oracle=oracle)
        record.keep_figures(self.store.workspace / MODEL_FOLDER, found)
        return found

    def publish(
        self,
        now: str | int | None = None,
        *,
        top: int = 100,
        device: str = "auto",
        dry_run: bool = False,
        progress: Progress | None = None,
    ) -> PublishReport:
        """Write the predictions as one generation and make it the active one.

        ``now``: the moment that they are for: "clock", "latest" (time in the graph), a date, or microseconds since
        1970. None: the clock, or the latest time where that lies more than 30 days back.
        ``dry_run``: only count what would be written.
        """
        from graphfeed.moments import pick_moment
        from graphfeed.training.publish import publish

        if not dry_run:
            self.require_writable("publish")
        graph = self.graph()
        moment = now if isinstance(now, int) else pick_moment(now, graph.latest_time()).at
        record = TrainingRecord.read(self.store.workspace / MODEL_FOLDER)
        metrics = record.metrics(self.store.workspace / MODEL_FOLDER)
        encoder = self._encoder()
        return publish(
            self.store,
            graph,
            self.model(device),
            now=moment,
            top=top,
            metrics=metrics,
            encoder=encoder,
            dry_run=dry_run,
            progress=progress,
        )

    def report(self, path: str | Path = "report.html", **options: Any) -> Report:
        """Write what there is as one self-contained HTML page. ``options``: of ``graphfeed.report.write_report``."""
        from graphfeed.report import write_report

        return write_report(self, path, **options)

    def require_writable(self, what: str) -> None:
        """Raise StoreError where this user may not do ``what``, which writes: what is missing, and how to get it."""
        if refused := self.store.refusal(what):
            raise StoreError(f"nothing was done: {refused}")

    def rollback(self) -> Generation:
        """Make the generation before the active one active again."""
        from graphfeed.training.publish import rollback

        return rollback(self.store)

    def close(self) -> None:
        """Give the store back. Calling it twice is fine."""
        if self._store is not None:
            self._store.close()
            self._store = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _open(self, *, create: bool) -> GraphStore:
        if self._store is None:
            from graphfeed.graph.store import open_store

            self._store = open_store(self.location, create=create, mapping=self._mapping)
        return self._store

    def _encoder(self) -> str:
        from graphfeed.graph.embed import read_encoder_mark

        mark = read_encoder_mark(self.store.workspace)
        return f"{mark.name}@{mark.revision}" if mark else ""

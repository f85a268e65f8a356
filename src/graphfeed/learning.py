"""What a feed learns and predicts: the methods of ``Feed`` from the graph as tensors to the published generation.

The model stands in the store's workspace with a record of what it was trained on (``graphfeed.trained``).
"""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphfeed.errors import StoreError, TrainingError
from graphfeed.exchanging import Exchanging
from graphfeed.trained import MODEL_FOLDER, TrainingRecord

if TYPE_CHECKING:
    from graphfeed.graph.schema import Generation
    from graphfeed.graph.tensors import FeedGraph
    from graphfeed.training.evaluation import Evaluation
    from graphfeed.training.finetune import Finetuning
    from graphfeed.training.links import LinkKind
    from graphfeed.training.model import LinearModel
    from graphfeed.training.publish import PublishReport
    from graphfeed.training.ranker import Progress, Ranker
    from graphfeed.training.settings import ModelSettings
    from graphfeed.training.split import Part, Split, SplitSettings
    from graphfeed.training.tune import Tuning


class Learning(Exchanging):
    """Training, evaluation and publishing on a store."""

    def __init__(self) -> None:
        self._graph: tuple[object, FeedGraph] | None = None

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
        from graphfeed.training.heap import give_back_large_blocks

        give_back_large_blocks()
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
        track: str | None = None,
        progress: Progress | None = None,
    ) -> LinearModel:
        """Train the model and keep it in the store's workspace. An interrupted training goes on where it was.

        ``track``: where it can be followed, ``tensorboard:FOLDER`` or ``mlflow:ADDRESS`` (``training.tracking``).
        """
        from graphfeed.fingerprints import word
        from graphfeed.training.settings import ModelSettings, RunSettings
        from graphfeed.training.split import SplitSettings, make_split
        from graphfeed.training.tracking import open_tracker, place_of, track_model
        from graphfeed.training.train import train

        settings, split = settings or ModelSettings(), split or SplitSettings()
        folder = self.store.workspace / MODEL_FOLDER
        version, encoder = self.store.version(), self._encoder()
        graph = self.graph()
        record = TrainingRecord.of(version, encoder, split, settings, seed)
        with open_tracker(track) if track else nullcontext() as tracker:
            run = RunSettings(device=device, seed=seed, folder=folder, resume=resume, tracker=tracker)
            if track and tracker:
                tracker.settings(record.described())
                record = replace(record, tracked={"to": word(place_of(track)), "run": tracker.run})
            model = train(graph, make_split(graph, split), settings, run, progress)
            if tracker:
                track_model(tracker, model)
        TrainingRecord.begin(folder)
        model.save(folder)
        record.write(folder, model)
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
        track: str | None = None,
        progress: Progress | None = None,
    ) -> Evaluation:
        """Rank all candidates with the trained model and the baselines, on the split that it was trained with.

        ``parts`` adds a model of each part alone, trained here. For the sample, the best reachable figure is a row.
        ``track``: as for ``train``; where it was that, the figures join those of the training.
        Raises TrainingError when the graph has changed since training: the test would hold what was trained on.
        """
        from graphfeed.fingerprints import word
        from graphfeed.planted import planted_oracle
        from graphfeed.training.baselines import baselines_for
        from graphfeed.training.evaluate import evaluate, fit_all
        from graphfeed.training.leaks import check_leaks
        from graphfeed.training.model import part_alone
        from graphfeed.training.settings import PARTS
        from graphfeed.training.split import make_split
        from graphfeed.training.tracking import open_tracker, place_of, track_evaluation

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
        run = record.tracked.get("run", "") if track and record.tracked.get("to") == word(place_of(track)) else ""
        with open_tracker(track, run) if track else nullcontext() as tracker:
            found = evaluate(split, [model, *others], part=part, kind=kind, progress=progress, oracle=oracle)
            if tracker:
                track_evaluation(tracker, found)
        record.keep_figures(self.store.workspace / MODEL_FOLDER, found)
        return found

    def publish(
        self,
        now: str | int | None = None,
        *,
        top: int = 100,
        active_days: float | None = None,
        device: str = "auto",
        dry_run: bool = False,
        progress: Progress | None = None,
    ) -> PublishReport:
        """Write the predictions as one generation and make it the active one.

        ``now``: the moment that they are for: "clock", "latest" (time in the graph), a date, or microseconds since
        1970. None: the clock, or the latest time where that lies more than 30 days back.
        ``active_days``: only for people who did something in so many days before; the others see what is trending.
        ``dry_run``: only count what would be written.
        Raises TrainingError where the text vectors are not those that the model was trained with: new texts alone do
        not change an encoder, but TF-IDF is fitted anew by them.
        """
        from graphfeed.moments import pick_moment
        from graphfeed.training.publish import publish

        if not dry_run:
            self.require_writable("publish")
        record = TrainingRecord.read(self.store.workspace / MODEL_FOLDER)
        encoder = self._encoder()
        if record.encoder != encoder:
            raise TrainingError(
                f"the text vectors are of another encoder ({encoder or 'none'}) than the model was trained with"
                f" ({record.encoder or 'none'}; tfidf is another one after new texts): `graphfeed train` first"
            )
        graph = self.graph()
        moment = now if isinstance(now, int) else pick_moment(now, graph.latest_time()).at
        metrics = record.metrics(self.store.workspace / MODEL_FOLDER)
        return publish(
            self.store,
            graph,
            self.model(device),
            now=moment,
            top=top,
            active_days=active_days,
            metrics=metrics,
            encoder=encoder,
            dry_run=dry_run,
            progress=progress,
        )

    def require_writable(self, what: str) -> None:
        """Raise StoreError where this user may not do ``what``, which writes: what is missing, and how to get it."""
        if refused := self.store.refusal(what):
            raise StoreError(f"nothing was done: {refused}")

    def rollback(self) -> Generation:
        """Make the generation before the active one active again."""
        from graphfeed.training.publish import rollback

        return rollback(self.store)

    def _encoder(self) -> str:
        from graphfeed.graph.embed import read_encoder_mark

        mark = read_encoder_mark(self.store.workspace)
        return f"{mark.name}@{mark.revision}" if mark else ""

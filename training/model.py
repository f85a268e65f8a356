"""The model: linear message passing over the typed graph, in parts that are added. All of it on one page.

    model = LinearModel(ModelSettings(), RunSettings())
    model.fit(split)                       # towers by the training loop, factors, then the weights of all terms
    scorer = model.scorer(snapshot)        # the graph brought up to a moment, without training
    scorer.scores(users)                   # [users, candidates]

What is learned: the towers (``towers.py``, ``loop.py``), the factors (``factors.py``), and one weight per term and kind
of link (``mixture.py``).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch

from graphfeed.errors import TrainingError
from graphfeed.graph.tensors import FeedGraph
from graphfeed.graph.term_vectors import TermVectors
from graphfeed.training.adjacency import Adjacencies, half_life_of, word_rows
from graphfeed.training.encoder_leaks import check_encoder
from graphfeed.training.factors import Factors, fit_factors, refit
from graphfeed.training.heap import give_back_large_blocks
from graphfeed.training.links import LINK_KINDS, LinkKind
from graphfeed.training.loop import Fit, fit_towers, pick_device
from graphfeed.training.mixture import (
    Float32,
    best_single,
    draw_questions,
    fit_weights,
    refine_weights,
    takes_all,
)
from graphfeed.training.moment_vectors import KeptVectors, kept_vectors
from graphfeed.training.ranker import Progress
from graphfeed.training.reranker import Reranker, fit_reranker
from graphfeed.training.sample import Question, Sample
from graphfeed.training.scorer import LinearScorer
from graphfeed.training.settings import PARTS, ModelSettings, PartName, RunSettings
from graphfeed.training.snapshot import Snapshot
from graphfeed.training.split import Part, Round, Split
from graphfeed.training.tower_kinds import make_towers
from graphfeed.training.towers import Towers
from graphfeed.training.validation import blocks, mean_of_both, ndcg_of_both, sampled_rounds

FORMAT = 3
REFINED_ON = 1_000
"""Questions, about: so many that it takes seconds."""


class LinearModel:
    """Paths, factors, towers and time, added. A ``Ranker``."""

    kind: Literal["model"] = "model"

    def __init__(self, settings: ModelSettings | None = None, run: RunSettings | None = None) -> None:
        give_back_large_blocks()
        self.settings = settings or ModelSettings()
        self.run = run or RunSettings()
        towers, parts = self.settings.towers.kind, self.settings.parts
        self.name = towers if set(parts) == set(PARTS) else f"{towers} ({' + '.join(parts)})"
        self.weights: dict[LinkKind, dict[str, float]] = {}
        """θ by kind of link and term."""
        self.factors: tuple[Factors, ...] = ()
        self.towers: Towers | None = None
        self.rerankers: dict[LinkKind, Reranker] = {}
        """The second stage by kind of link, where it is used."""
        self.words: TermVectors | None = None
        self.report: dict[str, Any] = {}
        """How the fit went: epochs, losses, validation figures, the penalty chosen."""
        self.validated: dict[LinkKind, npt.NDArray[np.float64]] = {}
        """What each validation question reached before validation was learned from, ``[questions]`` (``_validate``)."""
        self._device = pick_device(self.run.device)
        self._word_rows: tuple[FeedGraph, Any] | None = None
        self._kept: KeptVectors | None = None

    def __repr__(self) -> str:
        learned = ", ".join(f"{len(terms)} terms for {kind}" for kind, terms in self.weights.items())
        return f"<LinearModel {self.name}: {learned or 'not fitted yet'}>"

    def fit(self, split: Split, progress: Progress | None = None) -> None:
        """Learn everything from a split's training part; choose on its validation part."""
        fitted = self.choose(split, progress)
        used = tuple(f for f in self.factors if f.name in self.weights["posts"])
        self.factors = refit(used, split.final, self.settings.factors, self.run.seed)
        self.report["factors"] = {f.name: [f.alpha, f.regularization] for f in self.factors}
        if fitted is not None:
            # The weights are known from moments the towers had not seen; now the towers may see all that is known.
            again = self.settings.towers.model_copy(update={"epochs": fitted.best_epoch})
            fitted = self.towers = None  # the new ones need their memory
            self.towers = fit_towers(split.final, [], again, self.run, progress, label="towers again").towers

    def choose(
        self, split: Split, progress: Progress | None = None, kinds: Iterable[LinkKind] = tuple(LINK_KINDS)
    ) -> Fit | None:
        """The first half of ``fit``: everything but learning the vectors again with validation among what is known."""
        check_encoder(split)
        torch.manual_seed(self.run.seed)
        training = split.training
        if not len(training.links("posts")):
            raise TrainingError("there is nothing to train on: the graph has no engagement (LIKED, COMMENTED, ...) yet")
        if "paths" in self.settings.parts:  # some of which go by words
            there = np.flatnonzero(training.graph.data["Post"].time.numpy() <= training.now)
            self.words = TermVectors.fit([training.graph.texts["Post"][i] for i in there])
        fitted: Fit | None = None
        if "towers" in self.settings.parts:
            rounds = list(sampled_rounds(split, "validation", "posts", 1_000, self.run.seed))
            fitted = fit_towers(training, rounds, self.settings.towers, self.run, progress)
            self.towers = fitted.towers
            self.report["towers"] = {
                "width": fitted.towers.width,
                "best epoch": fitted.best_epoch,
                "best validation mrr": round(fitted.best_metric, 5),
                "validation mrr": [round(m, 5) for m in fitted.metrics],
                "loss": [round(loss, 5) for loss in fitted.losses],
            }
        if "factors" in self.settings.parts:
            rounds = list(sampled_rounds(split, "validation", "posts", 1_000, self.run.seed))
            self.factors = fit_factors(training, rounds, self.settings.factors, self.run.seed, progress)
        kept = kept_vectors(self.towers, self._device, self.run.folder) if self.towers else nullcontext()
        try:
            with kept as self._kept:
                for kind in kinds:
                    self._fit_mixture(split, kind, progress)
        finally:
            self._kept = None
        return fitted

    def _fit_mixture(self, split: Split, kind: LinkKind, progress: Progress | None) -> None:
        mixture = self.settings.mixture
        names = self._term_names(split.final, kind)
        fit = self._sample(split, "fit", kind, names, progress)
        first: Float32 | None = None
        if not takes_all(len(split.training.candidates(kind)), mixture.negatives, len(names)):
            # What the terms rank best together is told apart only by questions that have it.
            first = fit_weights(fit, mixture.ridge[len(mixture.ridge) // 2])
            fit = self._sample(split, "fit", kind, names, progress, first)
        chosen = self._sample(split, "validation", kind, names, progress, first)
        rounds = list(sampled_rounds(split, "validation", kind, mixture.questions, self.run.seed))
        by_ridge = [fit_weights(fit, ridge) for ridge in mixture.ridge]
        values = self._validate(rounds, kind, [_named(names, weights) for weights in by_ridge])
        tried = dict(zip(mixture.ridge, (float(v.mean()) if len(v) else 0.0 for v in values), strict=True))
        place = int(np.argmax(list(tried.values())))
        # Coordinate ascent ends where it began: the best penalty's weights, the freest ones, the best single term.
        begins = list(dict.fromkeys((place, 0)))
        starts = [*(by_ridge[i] for i in begins), best_single(fit.thinned(REFINED_ON))]
        refined = [refine_weights(fit.thinned(REFINED_ON), weights) for weights in starts]
        gains = [v - values[place] for v in self._validate(rounds, kind, [_named(names, w) for w in refined])]
        begin = int(np.argmax([g.mean() if len(g) else 0.0 for g in gains]))
        # More than a standard error better on questions that it was not refined on, or it stays as it was.
        gain = gains[begin]
        refine = len(gain) > 1 and bool(gain.mean() > gain.std() / np.sqrt(len(gain)))
        self.validated[kind] = values[place] + gain if refine else values[place]
        second = kind == "posts" and self._second_stage_wins(
            split, fit, names, refined[begin] if refine else by_ridge[place]
        )
        both = fit.and_then(chosen)
        from_term = begin == len(begins)
        penalty = mixture.ridge[begins[begin] if refine and not from_term else place]
        final = fit_weights(both, penalty)
        if refine:
            start = best_single(both.thinned(REFINED_ON)) if from_term else final
            final = refine_weights(both.thinned(REFINED_ON), start)
        self.weights[kind] = _named(names, final)
        reranker = fit_reranker(both, final, names, self.settings.reranker, self.run.seed) if second else None
        self.rerankers |= {} if reranker is None else {kind: reranker}
        if not self.weights[kind]:
            # Nobody did anything new of this kind in the windows: every term counts the same.
            self.weights[kind] = dict.fromkeys(names, 1.0)
        self.report[kind] = {
            "questions": len(both),
            "ridge": penalty,
            "validation ndcg@10": tried,
            "validation": float(self.validated[kind].mean()) if len(self.validated[kind]) else 0.0,
            "refined": refine,
            "refining gained on validation": {
                str(name): float(g.mean()) if len(g) else 0.0
                for name, g in zip([*(mixture.ridge[i] for i in begins), "best term"], gains, strict=True)
            },
        }

    def _second_stage_wins(self, split: Split, fit: Sample, names: list[str], weights: Float32) -> bool:
        """Whether a second stage on top of ``weights``, learned from the fit questions, is to be used for posts."""
        settings, before = self.settings.reranker, self.validated["posts"]
        if settings.use == "never":
            return False
        reranker = fit_reranker(fit, weights, names, settings, self.run.seed)
        if reranker is None or not len(before):
            return settings.use == "always"
        found = []
        for made in sampled_rounds(split, "validation", "posts", self.settings.mixture.questions, self.run.seed):
            scorer = self._scorer(made.snapshot, "posts", _named(names, weights), reranker)
            for block in blocks(made.users, made.answers.shape[1], floats=4_000_000):
                found.append(ndcg_of_both(scorer.scores(made.users[block]), made, block, "posts"))
        values = mean_of_both(np.concatenate(found))
        gain = values - before
        wins = settings.use == "always" or bool(gain.mean() > gain.std() / np.sqrt(len(gain)))
        self.report["second stage"] = {"used": wins, "gained on validation": float(gain.mean())}
        if wins:
            self.validated["posts"] = values
        return wins

    def _validate(
        self, rounds: list[Round], kind: LinkKind, weights: list[dict[str, float]]
    ) -> list[npt.NDArray[np.float64]]:
        """NDCG@10 of every question by several weightings; the terms that count, which cost most, are worked out once.

        A question's value is the mean of that among all candidates and among the old posts; the latter counts for as
        much more as fewer questions have it, so that the mean of the values is the mean of the two figures.
        """
        found: list[list[npt.NDArray[np.float64]]] = [[] for _ in weights]
        counted = {name: weight for weighting in weights for name, weight in weighting.items()}
        for made in rounds:
            scorer = self._scorer(made.snapshot, kind, counted)
            for block in blocks(made.users, made.answers.shape[1], floats=4_000_000):
                for values, scores in zip(found, scorer.scores_by(made.users[block], weights), strict=True):
                    values.append(ndcg_of_both(scores, made, block, kind))
        return [mean_of_both(np.concatenate(values)) if values else np.zeros(0) for values in found]

    def _term_names(self, snapshot: Snapshot, kind: LinkKind) -> list[str]:
        """The terms of the parts that this model has."""
        if not snapshot.graph.count("User"):
            return []
        scorer = self._scorer(snapshot, kind, None)
        terms = [term for term, _ in scorer.terms(np.zeros(1, dtype=np.int64))]
        return [term.name for term in terms if term.part in self.settings.parts]

    def _sample(
        self,
        split: Split,
        part: Part,
        kind: LinkKind,
        names: list[str],
        progress: Progress | None,
        weights: Float32 | None = None,
    ) -> Sample:
        mixture, random = self.settings.mixture, np.random.default_rng([self.run.seed, len(part)])
        found: list[Question] = []
        rounds = list(sampled_rounds(split, part, kind, mixture.questions, self.run.seed))
        for done, made in enumerate(rounds, start=1):
            scorer = self._scorer(made.snapshot, kind, dict.fromkeys(names, 1.0))
            for block in blocks(made.users, made.answers.shape[1], floats=4_000_000):
                found += draw_questions(scorer, made, block, names, mixture.negatives, random, weights)
            if progress:
                progress(f"weights, {kind}, {part}", done, len(rounds), f"{len(found)} questions")
        return Sample.of(found, len(names))

    def scorer(self, snapshot: Snapshot, kind: LinkKind = "posts") -> LinearScorer:
        """The model with its graph brought up to a snapshot, without training."""
        if kind not in self.weights:
            raise TrainingError(f"this model was not trained for {kind}")
        return self._scorer(snapshot, kind, self.weights[kind], self.rerankers.get(kind))

    def _scorer(
        self, snapshot: Snapshot, kind: LinkKind, weights: dict[str, float] | None, reranker: Reranker | None = None
    ) -> LinearScorer:
        if self._word_rows is None or self._word_rows[0] is not snapshot.graph:
            self._word_rows = (snapshot.graph, word_rows(snapshot, self.words))
        adjacencies = Adjacencies(snapshot, self._word_rows[1], half_life_of(snapshot))
        return LinearScorer(adjacencies, kind, weights, self.towers, self._device, self.factors, reranker, self._kept)

    def save(self, folder: Path) -> None:
        """Write the model to a folder, whole or not at all."""
        folder.mkdir(parents=True, exist_ok=True)
        state = {
            "format": FORMAT,
            "settings": self.settings.model_dump_json(),
            "seed": self.run.seed,
            "weights": json.dumps(self.weights),
            "report": json.dumps(self.report),
            "words": self.words.state() if self.words else None,
            "factors": [factors.state() for factors in self.factors],
            "rerankers": {kind: reranker.state() for kind, reranker in self.rerankers.items()},
            "towers": self.towers.state_dict() if self.towers else None,
            "tower_config": self.towers.config if self.towers else None,
        }
        writing = folder / "model.pt.writing"
        torch.save(state, writing)
        writing.replace(folder / "model.pt")


def load_model(folder: Path, device: str = "auto") -> LinearModel:
    """Read a model that ``save`` wrote. Raises TrainingError when there is none or it is of another version."""
    file = folder / "model.pt"
    if not file.exists():
        raise TrainingError(f"no trained model in {folder}; `graphfeed train` makes one")
    state = torch.load(file, map_location="cpu", weights_only=True)
    if state.get("format") != FORMAT:
        raise TrainingError(f"{file} was written by another version of graphfeed; train again")
    settings = ModelSettings.model_validate_json(state["settings"])
    model = LinearModel(settings, RunSettings(device=device, seed=state["seed"]))
    model.weights, model.report = json.loads(state["weights"]), json.loads(state["report"])
    model.factors = tuple(Factors.from_state(factors) for factors in state["factors"])
    model.rerankers = {kind: Reranker.from_state(found) for kind, found in state["rerankers"].items()}
    model.words = TermVectors.from_state(state["words"]) if state["words"] else None
    if state["towers"] is not None:
        model.towers = make_towers(state["tower_config"])
        model.towers.load_state_dict(state["towers"])
        model.towers.to(pick_device(device)).eval()
    return model


def part_alone(part: PartName, settings: ModelSettings, run: RunSettings) -> LinearModel:
    """A model of one part only, for the rows that show what each part is worth."""
    return LinearModel(settings.model_copy(update={"parts": (part,)}), run)


def _named(names: list[str], weights: npt.NDArray[np.float32]) -> dict[str, float]:
    return {name: float(weight) for name, weight in zip(names, weights, strict=True) if weight > 1e-4}

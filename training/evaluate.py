"""The evaluation: every ranker ranks all candidates for every question of a part, and is held against the answers.

    fit_all(split, rankers)
    found = evaluate(split, rankers)
    found.to_json("figures.json")

A question is a person at a moment. Memory holds one block of users × candidates at a time; results do not depend on the
size of the block.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import scipy.sparse as sp
import torch

from graphfeed.errors import NothingToPredictError, TrainingError
from graphfeed.training.evaluation import Evaluation, summarise
from graphfeed.training.intervals import NORMAL, interval, resampled_means
from graphfeed.training.links import LINK_KINDS, Int64, LinkKind
from graphfeed.training.metrics import Float32, ListTally, best, per_list, self_information, sort_keys, tie_breaks
from graphfeed.training.ranker import Progress, Ranker, Scorer
from graphfeed.training.slices import MAIN_SLICE, Slice, slices_of
from graphfeed.training.split import Part, Round, Split
from graphfeed.training.validation import draw_rounds

MOST_SCORED = 2_000_000_000
"""At most so many scores a ranker; of more, a part of the questions is drawn, and the evaluation says so."""
EVERYBODY = 2**62
MOST_CELLS = 16_000_000
"""At most so many scores at once; a score takes 4 bytes and its sort key 8."""


def fit_all(split: Split, rankers: Sequence[Ranker], progress: Progress | None = None) -> None:
    """Fit rankers one after the other."""
    for done, ranker in enumerate(rankers):
        if progress:
            progress("fit", done, len(rankers), ranker.name)
        ranker.fit(split, progress)


def evaluate(
    split: Split,
    rankers: Sequence[Ranker],
    *,
    part: Part = "test",
    kind: LinkKind = "posts",
    at: Sequence[int] = (10, 20),
    block_users: int = 256,
    progress: Progress | None = None,
    oracle: Ranker | None = None,
) -> Evaluation:
    """Ask fitted rankers every question of a part; of very many, some drawn at random (``MOST_SCORED``).

    All candidates are ranked, except what the user must not be recommended. Equal scores are ordered by a fixed shuffle
    of the nodes, the same for all rankers. ``at``: lengths of the lists; rankers are compared at the first.

    Raises TrainingError when two rankers share a name, when the part has no question, or when a score is NaN.
    """
    asked_of = [*rankers, *([oracle] if oracle else [])]
    names = [ranker.name for ranker in asked_of]
    if len(set(names)) < len(names):
        raise TrainingError(f"expected rankers of different names, found {', '.join(names)}")
    gathered = _Gathered(split, names, kind, tuple(at))
    rounds, questions = draw_rounds(split, part, kind, EVERYBODY, 0, MOST_SCORED)
    done, total = 0, len(rounds)
    while rounds:
        asked = rounds.pop(0)  # what is worked out for a round goes with it
        slices = slices_of(asked, kind)
        gathered.add_round(asked, slices)
        for ranker in asked_of:
            if progress:
                progress(f"evaluate on {part}", done, total, ranker.name)
            gathered.add_answers(asked, slices, ranker.name, ranker.scorer(asked.snapshot, kind), block_users)
        done += 1
    if not gathered.users:
        raise NothingToPredictError(f"expected {kind} to predict in the {part} part, found none: {split.describe()}")
    asked_count = sum(len(users) for users in gathered.users[MAIN_SLICE[kind]])
    describe = split.describe()
    if asked_count < questions:
        describe += f"; {asked_count:,} of {questions:,} questions, drawn at random"
    empty = Evaluation(part, kind, tuple(at), describe, {ranker.name: ranker.kind for ranker in asked_of})
    users = {name: np.concatenate(parts) for name, parts in gathered.users.items()}
    asked_by = users[MAIN_SLICE[kind]]
    lists = {name: _with_ends(tally, gathered.authors, asked_by) for name, tally in gathered.tallies.items()}
    return summarise(empty, users, gathered.values(), lists, MAIN_SLICE[kind])


class _Gathered:
    """Lists and answers of every question, and tallies of the lists, as rounds go by."""

    def __init__(self, split: Split, names: Sequence[str], kind: LinkKind, at: tuple[int, ...]) -> None:
        graph = split.training.graph
        label = LINK_KINDS[kind][0]
        vectors: torch.Tensor | None = graph.data[label].x if "x" in graph.data[label] else None
        self.kind, self.at, self.label = kind, at, label
        self.ties = tie_breaks(graph.count(label))
        self.users: dict[str, list[Int64]] = defaultdict(list)
        self._answers: dict[str, list[sp.csr_matrix]] = defaultdict(list)
        self._tops: dict[tuple[str, str], list[torch.Tensor]] = defaultdict(list)
        self.tallies = {name: ListTally(graph.count(label), at, vectors) for name in names}
        self.authors: tuple[Int64, Int64] = (np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64))
        self._information = np.zeros(0, dtype=np.float32)

    def add_round(self, asked: Round, slices: Sequence[Slice]) -> None:
        """What does not depend on the ranker."""
        graph = asked.snapshot.graph
        candidates = asked.snapshot.candidates(self.kind)
        for part in slices:
            self.users[part.name].append(asked.users[part.rows])
            columns = np.arange(len(candidates)) if part.columns is None else part.columns
            answers = asked.answers[part.rows][:, columns].tocoo()
            place = (answers.row, candidates[columns[answers.col]])
            shape = (len(part.rows), graph.count(self.label))
            self._answers[part.name].append(sp.csr_matrix((answers.data, place), shape=shape))
        known = np.bincount(asked.snapshot.links(self.kind).target, minlength=graph.count(self.label))
        self._information = self_information(known, graph.count("User"))
        for tally in self.tallies.values():
            tally.add_candidates(candidates)
        if self.kind == "posts":
            posted = asked.snapshot.edges("POSTED")
            self.authors = (posted.source, posted.target)

    def add_answers(self, asked: Round, slices: Sequence[Slice], name: str, scorer: Scorer, block_users: int) -> None:
        """One ranker's lists for one round, in blocks of users."""
        candidates = asked.snapshot.candidates(self.kind)
        nodes: torch.Tensor = torch.from_numpy(np.append(candidates, asked.snapshot.graph.count(self.label)))
        size = max(1, min(block_users, MOST_CELLS // max(len(candidates), 1)))
        for start in range(0, len(asked.users), size):
            stop = min(start + size, len(asked.users))
            users = asked.users[start:stop]
            scores = _checked(scorer.scores(users), (len(users), len(candidates)), name)
            keys = sort_keys(scores, asked.snapshot.excluded(self.kind, users), self.ties[candidates])
            whole = nodes[best(keys, max(self.at))]
            self.tallies[name].add(whole, self._information)
            for part in slices:
                rows = part.rows[(part.rows >= start) & (part.rows < stop)]
                if not len(rows):
                    continue
                top = whole[rows - start]
                if part.columns is not None:
                    some = nodes[np.append(part.columns, len(candidates))]
                    top = some[best(keys[rows - start][:, part.columns], max(self.at))]
                self._tops[name, part.name].append(top.to(torch.int32))

    def values(self) -> dict[tuple[str, str], dict[str, Float32]]:
        """Metrics of every question by ranker and slice."""
        answers = {name: sp.csr_matrix(sp.vstack(parts, format="csr")) for name, parts in self._answers.items()}
        return {
            (model, name): per_list(torch.cat(tops).long(), answers[name], self.at)
            for (model, name), tops in self._tops.items()
        }


def _with_ends(tally: ListTally, authors: tuple[Int64, Int64], users: Int64) -> dict[str, float]:
    """The figures on all lists of a ranker, with the ends of their 95 % intervals over people where they have one."""
    found = tally.figures(*authors)
    each = {name: values for name, values in tally.each().items() if name in found}
    for name, values in each.items():
        there = ~np.isnan(values)
        low, high = interval(resampled_means(values[there][:, None], users[there]))
        found |= {f"{name}_low": float(low[0]), f"{name}_high": float(high[0])}
    for name, error in tally.coverage_errors(users).items():
        reach = NORMAL * error
        found |= {f"{name}_low": max(found[name] - reach, 0.0), f"{name}_high": min(found[name] + reach, 1.0)}
    return found


def _checked(scores: Float32, shape: tuple[int, int], name: str) -> Float32:
    if scores.shape != shape:
        raise TrainingError(f"expected scores {list(shape)} from {name}, found {list(scores.shape)}")
    if np.isnan(scores).any():
        raise TrainingError(f"expected scores that are numbers from {name}, found NaN")
    return np.asarray(scores, dtype=np.float32)

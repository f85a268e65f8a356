"""How well text vectors alone answer the split's questions: by which a fine-tuned encoder is chosen.

    asked = Questions.of(split, "validation", most=2_000, seed=0)
    reached = asked.reached(asked.vectors_of(encoder.encode))

A person is the mean of the vectors of what they engaged with until the round's moment, a candidate is scored by its
cosine with it, all candidates are ranked. Only people with such a past are asked for: others have no vector.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from graphfeed.graph.tensors import FeedGraph
from graphfeed.training.links import Int64, pair_matrix
from graphfeed.training.split import Part, Round, Split
from graphfeed.training.validation import blocks, mean_of_both, ndcg_of_both, reciprocal_rank_of, sampled_rounds

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Reached:
    """What each question reached, ``[questions]``."""

    ndcg: Float64
    """NDCG@10 among all candidates."""
    ndcg_old: Float64
    """Among the old posts; NaN where the person did nothing with one."""
    reciprocal_rank: Float64
    """1 / rank of the best placed answer among all candidates."""

    def __len__(self) -> int:
        return len(self.ndcg)

    def figures(self) -> dict[str, float]:
        """The means."""
        old = self.ndcg_old[~np.isnan(self.ndcg_old)]
        return {
            "ndcg@10": float(self.ndcg.mean()),
            "ndcg@10 old": float(old.mean()) if len(old) else float("nan"),
            "mrr": float(self.reciprocal_rank.mean()),
        }


@dataclass(frozen=True)
class Questions:
    """The questions of a part of a split, and the posts whose texts it takes to answer them."""

    rounds: list[Round]
    posts: Int64
    """Indices of the posts that are ranked or were engaged with and have a text, ascending."""
    graph: FeedGraph

    @classmethod
    def of(cls, split: Split, part: Part, most: int, seed: int) -> Questions:
        """At most about ``most`` questions, drawn evenly over the rounds; none where nobody asked for has a past."""
        graph = split.training.graph
        worded = np.array([bool(text.strip()) for text in graph.texts["Post"]], dtype=bool)
        rounds = [_with_past(made, worded) for made in sampled_rounds(split, part, "posts", most, seed)]
        rounds = [made for made in rounds if len(made.users)]
        needed = [made.snapshot.candidates("posts") for made in rounds]
        needed += [made.snapshot.links("posts").target for made in rounds]
        posts = np.unique(np.concatenate(needed)) if needed else np.zeros(0, np.int64)
        return cls(rounds, posts[worded[posts]], graph)

    def __len__(self) -> int:
        return sum(len(made.users) for made in self.rounds)

    def vectors_of(self, encode: Callable[[Sequence[str]], Float32]) -> Float32:
        """Vectors of all posts ``[posts of the graph, width]``; zeros for those that are not needed."""
        found = encode([self.graph.texts["Post"][post] for post in self.posts.tolist()])
        vectors = np.zeros((self.graph.count("Post"), found.shape[1]), np.float32)
        vectors[self.posts] = found
        return vectors

    def reached(self, vectors: Float32) -> Reached:
        """What vectors ``[posts of the graph, width]``, each of length 1 or 0, reach."""
        both, ranks = [np.zeros((0, 2))], [np.zeros(0)]
        for made in self.rounds:
            people = _mean_of_past(made, vectors)
            items = vectors[made.snapshot.candidates("posts")]
            for part in blocks(made.users, len(items)):
                scores = np.asarray(people[part] @ items.T, np.float32)
                both.append(ndcg_of_both(scores, made, part, "posts"))
                ranks.append(reciprocal_rank_of(scores, made, part, "posts"))
        ndcg = np.concatenate(both)
        return Reached(ndcg[:, 0], ndcg[:, 1], np.concatenate(ranks))


def value_of(reached: Reached) -> Float64:
    """One value a question, by which encoders are compared: that by which the model is chosen, too."""
    return mean_of_both(np.stack([reached.ndcg, reached.ndcg_old], axis=1))


def _with_past(made: Round, worded: npt.NDArray[np.bool_]) -> Round:
    links = made.snapshot.links("posts")
    kept = np.isin(made.users, links.source[worded[links.target]])
    return Round(made.snapshot, made.end, made.users[kept], sp.csr_matrix(made.answers[kept]))


def _mean_of_past(made: Round, vectors: Float32) -> Float32:
    """A vector of length 1 for each person who is asked for, ``[users, width]``."""
    links = made.snapshot.links("posts")
    asked = np.isin(links.source, made.users)
    row = np.searchsorted(made.users, links.source[asked])
    past = pair_matrix(row, links.target[asked], (len(made.users), len(vectors))) @ vectors
    return np.asarray(past / np.maximum(np.linalg.norm(past, axis=1, keepdims=True), 1e-12), np.float32)


__all__ = ["Questions", "Reached", "value_of"]

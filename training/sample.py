"""Questions with their candidates, for fitting on: what the weights and the second stage learn from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from graphfeed.training.links import Int64

Float32 = npt.NDArray[np.float32]

Question = tuple[Float32, Float32, npt.NDArray[np.bool_]]
"""Terms ``[rows, terms]``, answers ``[rows]`` and which candidates are old posts ``[rows]``."""


@dataclass(frozen=True)
class Sample:
    """Questions with their candidates, laid end to end."""

    terms: Float32
    """``[rows, terms]``"""
    answer: Float32
    """1 for what the person did next, else 0, ``[rows]``."""
    question: Int64
    """Which question a row belongs to, ascending, ``[rows]``."""
    old: npt.NDArray[np.bool_]
    """Whether the candidate is an old post, ``[rows]``."""

    @classmethod
    def of(cls, questions: list[Question], terms: int) -> Sample:
        """Questions one after the other, each with so many terms."""
        none: Question = (np.zeros((0, terms), np.float32), np.zeros(0, np.float32), np.zeros(0, np.bool_))
        rows, answers, old = (np.concatenate(parts) for parts in zip(none, *questions, strict=True))
        return cls(rows, answers, np.repeat(np.arange(len(questions)), [len(q[1]) for q in questions]), old)

    def __len__(self) -> int:
        return int(self.question[-1]) + 1 if len(self.question) else 0

    def and_then(self, other: Sample) -> Sample:
        """The questions of both."""
        return Sample(
            np.concatenate([self.terms, other.terms]),
            np.concatenate([self.answer, other.answer]),
            np.concatenate([self.question, other.question + len(self)]),
            np.concatenate([self.old, other.old]),
        )

    def thinned(self, most: int) -> Sample:
        """About so many questions at most, evenly drawn."""
        step = max(1, len(self) // most)
        rows = self.question % step == 0
        return Sample(self.terms[rows], self.answer[rows], self.question[rows] // step, self.old[rows])

"""Which post stands in which question's thread, in 32 bytes a post: what comments and answers need to be understood."""

from __future__ import annotations

from array import array

import numpy as np
import numpy.typing as npt

NOBODY = -(2**62)
"""Stands for "no such id": the Community user is -1."""


class Threads:
    """Questions and answers by number. Added first, then sealed, then looked up."""

    def __init__(self) -> None:
        self._added = tuple(array("q") for _ in range(4))
        self._post = self._line = self._question = self._owner = np.zeros(0, np.int64)

    def add(self, post: int, line: int, question: int, owner: int) -> None:
        """Add a post: its line, the question it belongs to (itself, if it is one), who wrote it (or NOBODY)."""
        for column, value in zip(self._added, (post, line, question, owner), strict=True):
            column.append(value)

    def seal(self) -> None:
        """Sort what was added; of several posts with one number the first stays."""
        post, line, question, owner = (np.frombuffer(column, np.int64) for column in self._added)
        self._post, first = np.unique(post, return_index=True)
        self._line, self._question, self._owner = line[first], question[first], owner[first]

    def line_of(self, posts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """The line where each post was first seen; -1 for an unknown one."""
        return np.where(self._known(posts), self._line[self._place(posts)], -1) if len(self._post) else posts * 0 - 1

    def question_of(self, posts: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """The question of each post's thread and that question's author, NOBODY where there is none."""
        if not len(self._post):
            return np.full(len(posts), NOBODY), np.full(len(posts), NOBODY)
        question = np.where(self._known(posts), self._question[self._place(posts)], NOBODY)
        place = self._place(question)
        is_question = self._known(question) & (self._question[place] == question)
        return np.where(is_question, question, NOBODY), np.where(is_question, self._owner[place], NOBODY)

    def _place(self, posts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        return np.minimum(np.searchsorted(self._post, posts), len(self._post) - 1)

    def _known(self, posts: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        known: npt.NDArray[np.bool_] = self._post[self._place(posts)] == posts
        return known

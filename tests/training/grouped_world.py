"""A community whose groups can be told by one word in eight, for tests of what learns from texts."""

from __future__ import annotations

import numpy as np
from tests.training.worlds import world

from graphfeed.graph.tensors import FeedGraph

GROUPS = 4
TELLING = [[f"{'abcd'[group]}{letter}" for letter in "pqrs"] for group in range(GROUPS)]
"""Words that only posts of one group use; each of them has one."""
COMMON = [f"x{chr(97 + number)}" for number in range(26)] + [f"y{chr(97 + number)}" for number in range(26)]
"""Words that say nothing; each post has seven."""
WORDS = [*COMMON, *(word for words in TELLING for word in words)]


def planted(users: int = 60, posts: int = 240, seed: int = 0) -> FeedGraph:
    """Five people of four groups like each post of theirs, at any time after they came: post p is of group p % 4.

    To an encoder that knows nothing of the groups, posts are alike that share words which say nothing.
    """
    random = np.random.default_rng(seed)
    rows, likes = [], []
    for post in range(posts):
        said = [str(random.choice(TELLING[post % GROUPS])), *map(str, random.choice(COMMON, 7, replace=False))]
        rows.append((post / 2, f"{' '.join(random.permutation(said))} {post}"))
        fans = random.permutation(np.arange(post % GROUPS, users, GROUPS))[:5]
        likes += [(int(fan), post, post / 2 + 0.1 + (posts - post) / 2 * random.random()) for fan in fans]
    return world(users, rows, {"LIKED": likes})

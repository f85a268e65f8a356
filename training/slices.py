"""The parts of an evaluation that are reported apart: young and old posts, people and posts with and without history.

A slice of posts restricts both the candidates and the answers: its figures say how well those posts are ranked among
their like. A slice of people restricts who is asked.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from graphfeed.training.links import Int64, LinkKind
from graphfeed.training.snapshot import DAY, NO_TIME
from graphfeed.training.split import Round

YOUNG_DAYS = 3
"""A post up to this old is young, days."""

MAIN_SLICE: dict[LinkKind, str] = {"posts": "all", "people": "people", "interests": "interests"}
"""What the slice of everything is called, by kind of link."""


@dataclass(frozen=True)
class Slice:
    """Who is asked for and what is ranked, in one round."""

    name: str
    rows: Int64
    """Positions in ``round.users``."""
    columns: Int64 | None = None
    """Positions in the candidates, ascending; None: all of them."""


def slices_of(asked: Round, kind: LinkKind) -> list[Slice]:
    """The slices of a round; those without people or candidates are left out."""
    everyone = np.arange(len(asked.users))
    whole = [Slice(MAIN_SLICE[kind], everyone)]
    if kind != "posts":
        return whole
    links = asked.snapshot.links("posts")
    candidates = asked.snapshot.candidates("posts")
    warm_user = np.isin(asked.users, links.source)
    warm_post = np.isin(candidates, links.target)
    found = [
        *whole,
        *_posts(asked, "warm_posts", warm_post),
        *_posts(asked, "cold_posts", ~warm_post),
        Slice("warm_users", np.flatnonzero(warm_user)),
        Slice("cold_users", np.flatnonzero(~warm_user)),
    ]
    born = asked.snapshot.graph.data["Post"].time.numpy()[candidates]
    if (born != NO_TIME).any():
        young = born >= asked.snapshot.now - YOUNG_DAYS * DAY
        found += [*_posts(asked, "young", young), *_posts(asked, "old", ~young)]
    return [s for s in found if len(s.rows)]


def _posts(asked: Round, name: str, wanted: np.typing.NDArray[np.bool_]) -> list[Slice]:
    columns = np.flatnonzero(wanted)
    rows = np.flatnonzero(np.diff(asked.answers[:, columns].indptr))
    return [Slice(name, rows, None if wanted.all() else columns)]

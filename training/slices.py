"""The parts of an evaluation that are reported apart: young and old posts, people and posts with and without history.

A slice of posts restricts both the candidates and the answers: its figures say how well those posts are ranked among
their like. A slice of people restricts who is asked.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from graphfeed.training.links import Int64, LinkKind
from graphfeed.training.snapshot import DAY, NO_TIME, Snapshot
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
    old = old_posts(asked.snapshot, "posts")
    if old is not None:
        found += [*_posts(asked, "young", ~old), *_posts(asked, "old", old)]
    return [s for s in found if len(s.rows)]


def old_posts(snapshot: Snapshot, kind: LinkKind) -> npt.NDArray[np.bool_] | None:
    """Which candidates are older than ``YOUNG_DAYS``; None where they are no posts, or no post has a time."""
    born = snapshot.graph.data["Post"].time.numpy()[snapshot.candidates("posts")]
    if kind != "posts" or not (born != NO_TIME).any():
        return None
    return np.asarray(born < snapshot.now - YOUNG_DAYS * DAY)


def _posts(asked: Round, name: str, wanted: npt.NDArray[np.bool_]) -> list[Slice]:
    columns = np.flatnonzero(wanted)
    rows = np.flatnonzero(np.diff(asked.answers[:, columns].indptr))
    return [Slice(name, rows, None if wanted.all() else columns)]

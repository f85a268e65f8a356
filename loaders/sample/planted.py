"""What was planted: how much each person of the sample wants each post at a moment.

A person picks the next post by a softmax over the utility

    interest · log(share of the post's subject) + taste · mean(the person's tastes for the entities it mentions)
    − decay · log(1 + age / decay_days) + follow · [follows its author] + popularity · log(1 + people who viewed it)

among the posts that exist, that are not their own, that they have not viewed, hidden or disliked, and whose author
they have not blocked. The generator of behaviour and ``oracle_scores`` both call ``utility``, so that no ranker can
know more about a moment than the latter does.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from graphfeed.loaders.sample import written
from graphfeed.loaders.sample.people import Person, everyone
from graphfeed.loaders.sample.written import SUBJECTS

DAY = 86_400_000_000
"""Microseconds in a day."""
FIRST_DAY = 1_767_225_600_000_000
"""2026-01-01 00:00 UTC, in microseconds since 1970: behaviour begins."""
DAYS = 90
END = FIRST_DAY + DAYS * DAY
"""2026-04-01 00:00 UTC: behaviour has ended."""
POSTS_FROM = FIRST_DAY - 10 * DAY

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Weights:
    """Planted coefficients of the utility; 0 turns a part off."""

    interest: float = 1.3
    taste: float = 1.2
    decay: float = 1.2
    decay_days: float = 2.0
    follow: float = 1.5
    popularity: float = 0.25


WEIGHTS = Weights()


@dataclass(frozen=True)
class Planted:
    """Everything that does not change with time. U people, P posts, E entities, S subjects."""

    seed: int
    people: list[Person]
    interests: Array
    """[U, S], rows add up to 1."""
    tastes: Array
    """[U, E], standard normal for entities of the person's strong subjects, else 0."""
    subject: npt.NDArray[np.int64]
    """[P], position in ``SUBJECTS``."""
    author: npt.NDArray[np.int64]
    """[P], position in ``people``."""
    published: npt.NDArray[np.int64]
    """[P], microseconds since 1970."""
    joined: npt.NDArray[np.int64]
    """[U], microseconds since 1970."""
    appeal: Array
    """[U, P], the part of the utility that comes from interest and taste."""
    own: npt.NDArray[np.bool_]
    """[U, P]"""


@dataclass
class State:
    """What the graph holds at a moment, as far as the utility depends on it."""

    passed: npt.NDArray[np.bool_]
    """[U, P]: viewed, hidden or disliked."""
    follows: npt.NDArray[np.bool_]
    """[U, U]: row follows column."""
    blocked: npt.NDArray[np.bool_]
    """[U, U]: row has blocked column."""
    viewers: npt.NDArray[np.int64]
    """[P]: people who viewed it."""

    @classmethod
    def empty(cls, people: int, posts: int) -> State:
        """Before anything has happened."""
        follows = np.zeros((people, people), dtype=bool)
        return cls(np.zeros((people, posts), dtype=bool), follows, follows.copy(), np.zeros(posts, dtype=np.int64))


def utility(planted: Planted, state: State, at_us: int, rows: npt.NDArray[np.int64]) -> Array:
    """Planted utility of every post at a moment for some people, ``[len(rows), P]``; -inf where it cannot be picked."""
    age = (at_us - planted.published) / DAY
    fresh = -WEIGHTS.decay * np.log1p(np.maximum(age, 0) / WEIGHTS.decay_days)
    social = WEIGHTS.follow * state.follows[rows][:, planted.author]
    score = planted.appeal[rows] + fresh + social + WEIGHTS.popularity * np.log1p(state.viewers)
    cannot = state.passed[rows] | planted.own[rows] | state.blocked[rows][:, planted.author] | (age < 0)
    return np.where(cannot, -np.inf, score)


@cache
def plant(seed: int) -> Planted:
    """Plant interests, tastes, authors and times. The same seed gives the same."""
    rng = np.random.default_rng([seed, 2])
    people = everyone(seed)
    interests = np.stack([person.interests for person in people])
    mentions = _mentions()
    subject = np.array([SUBJECTS.index(post.subject) for post in written.posts()])
    tastes = rng.standard_normal((len(people), mentions.shape[1])) * _near(interests, mentions, subject)
    appeal = WEIGHTS.interest * np.log(interests[:, subject]) + WEIGHTS.taste * tastes @ mentions.T
    published, joined = _published(rng, subject), _joined(rng, len(people))
    author = _authors(rng, interests, subject, published, joined)
    own = author[None, :] == np.arange(len(people))[:, None]
    return Planted(seed, people, interests, tastes, subject, author, published, joined, appeal, own)


def _mentions() -> Array:
    """[P, E], rows add up to 1."""
    position = {entity.id: i for i, entity in enumerate(written.entities())}
    mentions = np.zeros((len(written.posts()), len(position)))
    for row, post in enumerate(written.posts()):
        mentions[row, [position[entity] for entity in post.mentions]] = 1 / len(post.mentions)
    return mentions


def _near(interests: Array, mentions: Array, subject: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """[U, E]: the entity is mentioned in a subject in which the person has a strong interest."""
    in_subject = np.stack([mentions[subject == s].any(axis=0) for s in range(len(SUBJECTS))])
    near: npt.NDArray[np.bool_] = (interests > 0.1) @ in_subject
    return near


def _published(rng: np.random.Generator, subject: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Evenly through the period in the order of the file, each on an evening between 17:00 and 21:30."""
    times = np.zeros(len(subject), dtype=np.int64)
    days = (END - POSTS_FROM) // DAY
    for s in range(len(SUBJECTS)):
        of_subject = np.flatnonzero(subject == s)
        steps = (np.arange(len(of_subject)) + rng.random(len(of_subject))) / len(of_subject)
        evening = 17 / 24 + rng.random(len(of_subject)) * 4.5 / 24
        times[of_subject] = np.sort(POSTS_FROM + ((np.floor(steps * days) + evening) * DAY).astype(np.int64))
    return times


def _joined(rng: np.random.Generator, people: int) -> npt.NDArray[np.int64]:
    """The written people and most others before it all begins, some during it, a few in the last weeks."""
    day = -20 - rng.random(people) * 280
    late = (rng.random(people) < 0.3) & (np.arange(people) >= len(written.people()))
    day[late] = rng.random(int(late.sum())) * (DAYS - 3)
    return FIRST_DAY + (day * DAY).astype(np.int64)


def _authors(
    rng: np.random.Generator,
    interests: Array,
    subject: npt.NDArray[np.int64],
    published: npt.NDArray[np.int64],
    joined: npt.NDArray[np.int64],
) -> npt.NDArray[np.int64]:
    """Someone with that interest who had joined by then; some write much more than others."""
    prolific = rng.lognormal(sigma=1.0, size=len(interests))
    author = np.zeros(len(subject), dtype=np.int64)
    for post in range(len(subject)):
        weight = prolific * interests[:, subject[post]] ** 2 * (joined < published[post])
        author[post] = rng.choice(len(interests), p=weight / weight.sum())
    return author

"""What people do, drawn hour by hour from what was planted; and the chances by which it was drawn.

Who acts is drawn by activity among those who have joined. What they engage with, at an hour:

    a quarter of the time   the latest post, if it still draws, of somebody they follow (each of them as likely)
    else, one time in ten   any post, by draw(x) = quality · 2^(−age / half-life), 0 after eight half-lives
    else                    one of their topics by its share, and of that topic's posts one by draw(x)

``chances`` gives the probability of every post for a person at an hour by the same ``Hour`` that ``acts`` draws from,
so nobody who sees only the graph can rank better, on average, than by it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from graphfeed.loaders.simulate.planted import (
    FIRST_DAY,
    HOUR,
    TOPICS_A_PERSON,
    Float32,
    Float64,
    Int32,
    Int64,
    Planted,
)

SOCIAL = 0.25
"""Chance that what a followed person wrote last is looked at first."""
ANYTHING = 0.1
"""Chance, otherwise, of any post whatever its topic."""
HALF_LIVES = 8.0
"""After so many, a post draws nobody any more."""

TYPES = ("VIEWED", "LIKED", "COMMENTED", "SAVED")
TYPE_SHARES = (0.55, 0.3, 0.1, 0.05)


@dataclass(frozen=True)
class Acts:
    """Engagements in the order in which they happened."""

    person: Int64
    post: Int64
    at: Int64
    """Microseconds since 1970."""
    type: npt.NDArray[np.int8]
    """Position in ``TYPES``."""


class Hour:
    """The posts that draw people at the beginning of an hour, by topic. Only goes forward."""

    def __init__(self, planted: Planted) -> None:
        self.planted = planted
        self.begin = 0
        self._seen = 0
        self.posts: Int32 = np.zeros(0, dtype=np.int32)
        """Posts that draw, by topic."""
        self._latest = np.full(planted.simulation.people, -1, dtype=np.int32)

    def advance(self, begin: int) -> None:
        """Go to the hour that begins then (microseconds since 1970): posts published before are there."""
        planted, self.begin = self.planted, begin
        new = np.arange(self._seen, np.searchsorted(planted.published, begin), dtype=np.int32)
        self._seen += len(new)
        np.maximum.at(self._latest, planted.author[new], new)
        new = new[np.argsort(planted.topic[new], kind="stable")]
        place = np.searchsorted(planted.topic[self.posts], planted.topic[new], "right")
        posts = np.insert(self.posts, place, new)
        draw = self.draw(posts)
        self.posts, self.draws = posts[draw > 0], draw[draw > 0]
        self.sum = np.concatenate([[0.0], np.cumsum(self.draws, dtype=np.float64)])
        self.start = np.searchsorted(planted.topic[self.posts], np.arange(planted.simulation.topics + 1))
        self.of_topic: Float64 = np.diff(self.sum[self.start])
        """[topics]: what all posts of each draw together."""

    def draw(self, posts: npt.NDArray[np.integer]) -> Float32:
        """How much each of some published posts draws now."""
        planted = self.planted
        lives = ((self.begin - planted.published[posts]) / planted.half_life[posts]).astype(np.float32)
        return np.where(lives < HALF_LIVES, planted.quality[posts] * np.exp2(-lives), np.float32(0))

    def latest(self, people: npt.NDArray[np.integer]) -> Int32:
        """The latest post of each of some people, where it still draws; else -1."""
        post = self._latest[people]
        there = post >= 0
        there[there] = self.draw(post[there]) > 0
        return np.where(there, post, np.int32(-1))

    def shares(self, people: npt.NDArray[np.integer]) -> Float64:
        """The shares of some people's topics now, ``[people, 4]``: none where nothing of a topic draws."""
        share = self.planted.shares[people] * (self.of_topic[self.planted.interests[people]] > 0)
        total = share.sum(axis=1, keepdims=True)
        return np.asarray(np.divide(share, total, out=np.zeros(share.shape), where=total > 0))


def acts(planted: Planted) -> Iterator[Acts]:
    """Everything that people do, an hour at a time."""
    simulation = planted.simulation
    rng = np.random.default_rng([simulation.seed, 3])
    begins = FIRST_DAY + HOUR * np.arange(simulation.days * 24)
    joined = np.searchsorted(planted.joined, begins)
    active = np.concatenate([[0.0], np.cumsum(planted.activity)])
    evening = 1 + 0.8 * np.sin((begins // HOUR % 24 - 13) / 24 * 2 * np.pi)
    weight = active[joined] * evening
    counts = rng.multinomial(simulation.acts, weight / weight.sum())
    hour = Hour(planted)
    for begin, among, count in zip(begins.tolist(), joined.tolist(), counts.tolist(), strict=True):
        hour.advance(begin)
        if not count or not len(hour.posts):
            continue
        person = np.searchsorted(active[: among + 1], rng.random(count) * active[among], "right") - 1
        post = _picked(rng, hour, person)
        at = begin + np.sort(rng.integers(0, HOUR, count))
        type_ = rng.choice(len(TYPES), count, p=TYPE_SHARES).astype(np.int8)
        other = planted.author[post] != person
        yield Acts(person[other], post[other], at[other], type_[other])


def _picked(rng: np.random.Generator, hour: Hour, person: Int64) -> Int64:
    """What each engages with."""
    planted = hour.planted
    chance = rng.random((5, len(person)))
    shares = np.cumsum(hour.shares(person), axis=1)
    slot = (chance[0][:, None] * shares[:, -1:] >= shares).sum(axis=1)
    topic = planted.interests[person, np.minimum(slot, TOPICS_A_PERSON - 1)]
    anything = (chance[1] < ANYTHING) | (shares[:, -1] == 0)
    low = np.where(anything, 0, hour.start[topic])
    high = np.where(anything, len(hour.posts), hour.start[topic + 1])
    sum_ = hour.sum[low] + chance[2] * (hour.sum[high] - hour.sum[low])
    post = hour.posts[np.clip(np.searchsorted(hour.sum, sum_, "right") - 1, low, high - 1)].astype(np.int64)
    first, follows = planted.follow_start[person], np.diff(planted.follow_start)[person]
    ask = np.flatnonzero((chance[3] < SOCIAL) & (follows > 0))
    latest = hour.latest(planted.followed[first[ask] + (chance[4][ask] * follows[ask]).astype(np.int64)])
    post[ask[latest >= 0]] = latest[latest >= 0]
    return np.asarray(post)


def chances(hour: Hour, people: Int64, posts: Int64) -> Float64:
    """The probability that the next engagement of each person is with each post, ``[people, posts]``.

    ``posts`` are any numbers of posts; one that is not there yet, or draws nobody any more, has 0.
    """
    planted = hour.planted
    draw = np.where(planted.published[posts] < hour.begin, hour.draw(posts), np.float32(0)).astype(np.float64)
    topic = planted.topic[posts]
    all_ = hour.of_topic.sum()
    shares = hour.shares(people)
    by_topic = np.zeros((len(people), planted.simulation.topics))
    np.add.at(by_topic, (np.arange(len(people))[:, None], planted.interests[people]), shares)
    anything = np.where(shares.sum(axis=1) > 0, ANYTHING, 1.0)[:, None]
    per_draw = np.divide(by_topic, hour.of_topic, out=np.zeros_like(by_topic), where=hour.of_topic > 0)
    found = (1 - anything) * per_draw[:, topic] * draw + anything * draw / max(all_, 1e-300)
    first, end = planted.follow_start[people], planted.follow_start[people + 1]
    row = np.repeat(np.arange(len(people)), end - first)
    edge = np.arange(len(row)) + np.repeat(first - np.cumsum(end - first) + (end - first), end - first)
    latest = hour.latest(planted.followed[edge])
    weight = np.repeat(SOCIAL / np.maximum(end - first, 1), end - first) * (latest >= 0)
    found *= 1 - np.bincount(row, weight, minlength=len(people))[:, None]
    column = _columns(posts, len(planted.published))[latest]
    there = (latest >= 0) & (column >= 0)
    np.add.at(found, (row[there], column[there]), weight[there])
    return np.asarray(found)


def _columns(posts: Int64, total: int) -> Int64:
    """Where each post stands among ``posts``; -1 where it does not."""
    column = np.full(total, -1, dtype=np.int64)
    column[posts] = np.arange(len(posts))
    return column

"""What a simulated community is made from: people with interests, posts with a subject and a lifetime, follows.

    planted = plant(Simulation(people=1_000, posts=1_000, acts=10_000, seed=1))

Everything is drawn from the seed, array by array. It takes about 150 bytes a person and 40 a post; what people do
(``behaviour.py``) and the texts (``words.py``) are streams on top of it and take no memory that grows.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from graphfeed.errors import ConfigError

HOUR = 3_600_000_000
"""Microseconds."""
DAY = 24 * HOUR
FIRST_DAY = 1_767_225_600_000_000
"""2026-01-01 00:00 UTC, in microseconds since 1970: people begin to act."""
POSTS_FROM = FIRST_DAY - 10 * DAY
"""There is something to read from the first hour on."""

TOPICS_A_PERSON = 4
TOPICS_A_CIRCLE = 5
"""Topics that the same people tend to care about."""
TAGS_A_TOPIC = 6
TAGS_A_POST = 3
"""At most."""
FOLLOWS_A_PERSON = 8
"""On average, where there are people enough."""

KINDS = ("note", "question", "article")
HALF_LIFE_DAYS = (0.5, 1.5, 5.0)
"""Median of each kind: how long until a post draws half as many."""

Int32 = npt.NDArray[np.int32]
Int64 = npt.NDArray[np.int64]
Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Simulation:
    """The size of a community and the seed that it follows from. Its ``name`` says all of it."""

    people: int = 10_000
    posts: int = 10_000
    acts: int = 100_000
    """Engagements, about (a person's acts on their own posts are left out)."""
    days: int = 90
    seed: int = 0

    def __post_init__(self) -> None:
        """Raises ConfigError for a size that no community has."""
        least = {"people": 2, "posts": 1, "acts": 0, "days": 1, "seed": 0}
        most = {"people": 2**31 - 1, "posts": 2**31 - 1, "acts": 2**40, "days": 3_650, "seed": 2**63 - 1}
        for name in least:
            value = getattr(self, name)
            if not least[name] <= value <= most[name]:
                raise ConfigError(
                    f"a simulated community takes {least[name]:,} to {most[name]:,} {name}, found {value:,}"
                )

    @property
    def topics(self) -> int:
        """As many as a community of that size has: half the square root of its people, 5 to 500."""
        circles = np.clip(round(self.people**0.5 / (2 * TOPICS_A_CIRCLE)), 1, 100)
        return int(circles) * TOPICS_A_CIRCLE

    @property
    def end(self) -> int:
        """When it has ended (microseconds since 1970)."""
        return FIRST_DAY + self.days * DAY

    @property
    def name(self) -> str:
        """``simulated people=2 posts=1 acts=0 days=90 seed=0``: written on every node as its platform."""
        return " ".join(["simulated", *(f"{f.name}={getattr(self, f.name)}" for f in fields(self))])

    @classmethod
    def of_name(cls, name: str) -> Simulation | None:
        """The simulation of a name, or None where it is no such name."""
        head, *words = name.split(" ")
        pairs = dict(word.partition("=")[::2] for word in words)
        if head != "simulated" or set(pairs) != {f.name for f in fields(cls)}:
            return None
        return cls(**{key: int(value) for key, value in pairs.items()})


@dataclass(frozen=True)
class Planted:
    """What does not change with time. U people in the order in which they joined, P posts in that of publication."""

    simulation: Simulation
    joined: Int64
    """[U], microseconds since 1970, ascending."""
    activity: Float64
    """[U]: how much each does, and writes, by a power law."""
    interests: Int32
    """[U, 4]: topics, the strongest first."""
    shares: Float32
    """[U, 4], rows add up to 1."""
    follow_start: Int64
    """[U + 1]: where each person's followed people begin in ``followed``."""
    followed: Int32
    published: Int64
    """[P], microseconds since 1970, ascending, on the second."""
    topic: Int32
    """[P]"""
    author: Int32
    """[P]"""
    kind: npt.NDArray[np.int8]
    """[P]: position in ``KINDS``."""
    half_life: Float32
    """[P], microseconds."""
    quality: Float32
    """[P]: how much it draws, beside its subject and age."""


def plant(simulation: Simulation) -> Planted:
    """Plant a community. The same simulation gives the same."""
    rng = np.random.default_rng([simulation.seed, 1])
    people, posts, topics = simulation.people, simulation.posts, simulation.topics
    joined = _joined(rng, simulation)
    # A Pareto law of exponent 1.8 (between the 1.5 and 2.5 that communities show), cut so that nobody is everybody.
    activity = np.minimum(1 + rng.pareto(1.8, people), 30 * people**0.4)
    interests, shares = _interests(rng, people, topics)
    circles = _Circles(interests[:, 0], activity, topics)
    start, followed = _follows(rng, interests, circles)
    published = np.sort(rng.integers(POSTS_FROM, simulation.end, posts) // 1_000_000 * 1_000_000)
    topic = rng.choice(topics, posts, p=_appeal(topics)).astype(np.int32)
    author = _authors(rng, circles, topic, np.searchsorted(joined, published))
    kind = rng.choice(3, posts, p=(0.4, 0.3, 0.3)).astype(np.int8)
    half_life = (np.array(HALF_LIFE_DAYS)[kind] * rng.lognormal(sigma=0.4, size=posts) * DAY).astype(np.float32)
    quality = rng.lognormal(sigma=1.0, size=posts).astype(np.float32)
    return Planted(
        simulation,
        joined,
        activity,
        interests,
        shares,
        start,
        followed,
        published,
        topic,
        author,
        kind,
        half_life,
        quality,
    )


def tags_of(planted: Planted, first: int, last: int) -> tuple[Int64, Int64]:
    """Posts (numbers) and their tags, one to three each, of posts ``[first, last)``: pairs in the order of the posts.

    Tag t belongs to topic ``t // 6``; nine of ten are of the post's own topic. Blocks have to begin at the same places
    for the same tags.
    """
    rng = np.random.default_rng([planted.simulation.seed, 2, first])
    count = rng.integers(1, TAGS_A_POST + 1, last - first)
    post = np.repeat(np.arange(first, last), count)
    topic = np.where(
        rng.random(len(post)) < 0.9, planted.topic[post], rng.integers(planted.simulation.topics, size=len(post))
    )
    tag = topic * TAGS_A_TOPIC + rng.integers(TAGS_A_TOPIC, size=len(post))
    _, kept = np.unique(post * (planted.simulation.topics * TAGS_A_TOPIC) + tag, return_index=True)
    return post[kept], tag[kept].astype(np.int64)


def _joined(rng: np.random.Generator, simulation: Simulation) -> Int64:
    """Four of five in the year before it begins, the others evenly while it goes on; never nobody."""
    people = simulation.people
    before = max(2, int(0.8 * people))
    early = rng.integers(FIRST_DAY - 365 * DAY, POSTS_FROM, before)
    late = rng.integers(FIRST_DAY, simulation.end, people - before)
    return np.sort(np.concatenate([early, late])) // 1_000_000 * 1_000_000


def _appeal(topics: int) -> Float64:
    """Shares of the topics, by rank."""
    weight = 1 / np.arange(1, topics + 1) ** 0.5
    return np.asarray(weight / weight.sum())


def _interests(rng: np.random.Generator, people: int, topics: int) -> tuple[Int32, Float32]:
    """One to four topics for each person, 85 % of them of one circle, with shares; those not used have the share 0."""
    main = rng.choice(topics, people, p=_appeal(topics))
    circle = main // TOPICS_A_CIRCLE
    near = circle[:, None] * TOPICS_A_CIRCLE + rng.integers(TOPICS_A_CIRCLE, size=(people, TOPICS_A_PERSON))
    far = rng.integers(topics, size=(people, TOPICS_A_PERSON))
    found = np.where(rng.random((people, TOPICS_A_PERSON)) < 0.85, near, far)
    found[:, 0] = main
    share = np.sort(rng.standard_gamma(1.0, (people, TOPICS_A_PERSON)), axis=1)[:, ::-1].copy()
    used = rng.integers(1, TOPICS_A_PERSON + 1, people)
    share[np.arange(TOPICS_A_PERSON)[None, :] >= used[:, None]] = 0
    for second in range(1, TOPICS_A_PERSON):  # a topic twice counts once
        share[(found[:, :second] == found[:, second : second + 1]).any(axis=1), second] = 0
    return found.astype(np.int32), (share / share.sum(axis=1, keepdims=True)).astype(np.float32)


class _Circles:
    """People grouped by their main topic, in the order in which they joined, for drawing by activity."""

    def __init__(self, main: Int32, activity: Float64, topics: int) -> None:
        self.people = np.argsort(main, kind="stable")
        self.key = main[self.people].astype(np.int64) * len(main) + self.people
        self.sum = np.concatenate([[0.0], np.cumsum(activity[self.people])])
        self.start = np.searchsorted(main[self.people], np.arange(topics + 1))

    def draw(self, rng: np.random.Generator, topic: npt.NDArray[np.integer], joined: Int64 | None = None) -> Int64:
        """For each topic one of its people by activity, -1 where there is none; ``joined``: only the first so many."""
        low, high = self.start[topic], self.start[topic + 1]
        if joined is not None:
            high = np.searchsorted(self.key, topic.astype(np.int64) * len(self.people) + joined)
        chance = self.sum[low] + rng.random(len(topic)) * (self.sum[high] - self.sum[low])
        place = np.clip(np.searchsorted(self.sum, chance, "right") - 1, low, np.maximum(high - 1, low))
        return np.where(high > low, self.people[np.minimum(place, len(self.people) - 1)], -1)


def _follows(rng: np.random.Generator, interests: Int32, circles: _Circles) -> tuple[Int64, Int32]:
    """Whom each person follows: active people whose main topic is one of theirs. In blocks, for the memory."""
    people = len(interests)
    parts: list[Int32] = []
    counts: list[Int64] = []
    for first in range(0, people, 100_000):
        mine = np.arange(first, min(first + 100_000, people))
        wanted = np.minimum(rng.geometric(1 / (1 + FOLLOWS_A_PERSON), len(mine)) - 1, 200)
        source = np.repeat(mine, wanted)
        slot = np.minimum(rng.geometric(0.5, len(source)) - 1, TOPICS_A_PERSON - 1)
        other = circles.draw(rng, interests[source, slot])
        pairs = np.unique((source * people + other)[(other >= 0) & (other != source)])
        parts.append((pairs % people).astype(np.int32))
        counts.append(np.bincount(pairs // people - first, minlength=len(mine)))
    start = np.concatenate([[0], np.cumsum(np.concatenate(counts))])
    return start.astype(np.int64), np.concatenate(parts)


def _authors(rng: np.random.Generator, circles: _Circles, topic: Int32, joined: Int64) -> Int32:
    """Somebody with that main topic who had joined by then, else anybody who had."""
    author = circles.draw(rng, topic, joined)
    return np.where(author >= 0, author, rng.integers(np.maximum(joined, 1))).astype(np.int32)

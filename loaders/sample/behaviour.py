"""Ninety days of behaviour, drawn one event after the other from what was planted.

    history = simulate(SEED)
    oracle_scores(["ada-mossgrove"], ["bread-01", "stars-04"], at_us)

What is to happen is scheduled first (who opens the community when, who follows or blocks whom); each event then takes
its outcome from the state that the earlier ones left. The best any ranker can do is to rank by ``oracle_scores``, the
utility by which the generator itself draws.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np
import numpy.typing as npt

from graphfeed.errors import UnknownNodeError
from graphfeed.loaders.sample import written
from graphfeed.loaders.sample.planted import DAY, DAYS, END, FIRST_DAY, Array, Planted, State, plant, utility
from graphfeed.loaders.sample.written import SUBJECTS, TOPICS

SEED = 7
SECOND = 1_000_000
STEP = 10 * SECOND
"""Least time between two scheduled events, so that what follows from one is done before the next."""

ACTS = {"LIKED": 0.6, "COMMENTED": 0.2, "SAVED": 0.2, "SHARED": 0.1}
"""Chance of each act after viewing a post of a strong interest; half of it otherwise."""


@dataclass
class Acts:
    """Relationships of one type from people to something, in the order in which they happened."""

    source: list[int] = field(default_factory=list)
    target: list[int] = field(default_factory=list)
    at: list[int] = field(default_factory=list)
    count: list[int] = field(default_factory=list)

    def add(self, source: int, target: int, at: int, count: int = 1) -> None:
        """Append one."""
        self.source.append(source)
        self.target.append(target)
        self.at.append(at)
        self.count.append(count)

    def until(self, at_us: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Sources and targets of those that happened up to and including a moment."""
        keep = np.asarray(self.at, dtype=np.int64) <= at_us
        return np.asarray(self.source, dtype=np.int64)[keep], np.asarray(self.target, dtype=np.int64)[keep]


@dataclass(frozen=True)
class Event:
    """Something scheduled. ``other`` is a person to follow or block, or -1."""

    at: int
    kind: str
    person: int
    other: int = -1


@dataclass
class History:
    """Everything that happened, by relationship type; sources and targets are positions of people and posts."""

    acts: dict[str, Acts]

    def state_at(self, planted: Planted, at_us: int) -> State:
        """What the graph held at a moment, events of that very microsecond included."""
        state = State.empty(*planted.own.shape)
        for name in ("VIEWED", "HID", "DISLIKED"):
            state.passed[self.acts[name].until(at_us)] = True
        state.follows[self.acts["FOLLOWS"].until(at_us)] = True
        state.blocked[self.acts["BLOCKED"].until(at_us)] = True
        state.viewers += np.bincount(self.acts["VIEWED"].until(at_us)[1], minlength=len(state.viewers))
        return state


def oracle_scores(users: Sequence[str], posts: Sequence[str], at_us: int, seed: int = SEED) -> Array:
    """Planted utility ``[users, posts]``: the logarithm, up to a constant per user, of the chance to be picked next.

    Given the graph up to and including ``at_us`` (microseconds since 1970). -inf for a post that does not exist yet or
    that the person cannot pick: their own, already viewed, hidden or disliked, or by someone they have blocked. A
    softmax over a whole row (all posts) gives the chances themselves.

    Raises UnknownNodeError for an id that is not in the sample.
    """
    planted = plant(seed)
    rows = _positions(users, [person.id for person in planted.people], "User")
    columns = _positions(posts, [post.id for post in written.posts()], "Post")
    return utility(planted, simulate(seed).state_at(planted, at_us), at_us, rows)[:, columns]


def _positions(ids: Sequence[str], known: list[str], label: str) -> npt.NDArray[np.int64]:
    position = {id_: i for i, id_ in enumerate(known)}
    for id_ in ids:
        if id_ not in position:
            raise UnknownNodeError(
                f"the sample community has no {label} with id {id_!r}; its best reachable figure needs it"
            )
    return np.array([position[id_] for id_ in ids], dtype=np.int64)


@cache
def simulate(seed: int = SEED) -> History:
    """Let it all happen. The same seed gives the same history."""
    planted = plant(seed)
    rng = np.random.default_rng([seed, 3])
    history = History({n: Acts() for n in ("VIEWED", *ACTS, "HID", "DISLIKED", "FOLLOWS", "BLOCKED")})
    state = State.empty(*planted.own.shape)
    for event in _spaced(_visits(rng, planted) + _meetings(rng, planted)):
        if event.kind == "pick":
            _pick(rng, planted, state, history, event)
        elif event.kind == "turn away":
            _turn_away(rng, planted, state, history, event)
        elif event.kind == "follow":
            _follow(state, history, event)
        elif not state.follows[event.person, event.other]:
            state.blocked[event.person, event.other] = True
            history.acts["BLOCKED"].add(event.person, event.other, event.at)
    return history


def _pick(rng: np.random.Generator, planted: Planted, state: State, history: History, event: Event) -> None:
    """Draw the next post by the softmax of the utility (as the argmax of utility + Gumbel noise), then act on it."""
    person = event.person
    score = utility(planted, state, event.at, np.array([person]))[0]
    post = int(np.argmax(score + rng.gumbel(size=len(score))))
    if score[post] == -np.inf:
        return
    state.passed[person, post] = True
    state.viewers[post] += 1
    history.acts["VIEWED"].add(person, post, event.at, 1 + int(rng.poisson(0.25)))
    strong = planted.interests[person, planted.subject[post]] > 0.1
    for name, chance in ACTS.items():
        if rng.random() < chance * (1.0 if strong else 0.5):
            history.acts[name].add(person, post, event.at + int(rng.integers(20, 400)) * SECOND)
            if name == "LIKED" and rng.random() < 0.12:
                # Two seconds later and thereby before the next event, whose utility it changes.
                author = int(planted.author[post])
                _follow(state, history, Event(event.at + 2 * SECOND, "follow", person, author))


def _turn_away(rng: np.random.Generator, planted: Planted, state: State, history: History, event: Event) -> None:
    """Hide or dislike a post of the last week on a subject that means nothing to the person."""
    score = utility(planted, state, event.at, np.array([event.person]))[0]
    dull = planted.interests[event.person, planted.subject] < 0.1
    shown = np.flatnonzero(dull & (score > -np.inf) & (planted.published > event.at - 7 * DAY))
    if len(shown):
        post = int(rng.choice(shown))
        state.passed[event.person, post] = True
        history.acts["HID" if rng.random() < 0.6 else "DISLIKED"].add(event.person, post, event.at)


def _follow(state: State, history: History, event: Event) -> None:
    one, other = event.person, event.other
    if one != other and not state.follows[one, other] and not state.blocked[one, other]:
        state.follows[one, other] = True
        history.acts["FOLLOWS"].add(one, other, event.at)


def stated_interests(planted: Planted) -> list[tuple[int, str, int]]:
    """What two thirds of the people say they care about: person, entity id, time.

    The topics of their strongest subjects, and the one or two entities for which they have most taste.
    """
    ids = [entity.id for entity in written.entities()]
    rng = np.random.default_rng([planted.seed, 4])
    stated = []
    for person in np.flatnonzero(rng.random(len(planted.people)) < 0.65).tolist():
        strong = np.flatnonzero(planted.interests[person] > 0.25)
        favourites = np.argsort(-planted.tastes[person], kind="stable")[: int(rng.integers(1, 3))]
        chosen = [TOPICS[SUBJECTS[s]] for s in strong] + [ids[e] for e in favourites]
        stated += [(person, entity, int(planted.joined[person])) for entity in dict.fromkeys(chosen)]
    return stated


def _visits(rng: np.random.Generator, planted: Planted) -> list[Event]:
    """When each person looks in, and how many posts they pick there; some people do so much more often than others."""
    events = []
    for person, joined in enumerate(planted.joined):
        per_day = float(np.clip(rng.gamma(3.0, 0.1), 0.05, 0.9))
        for day in np.flatnonzero(rng.random(DAYS) < per_day):
            at = FIRST_DAY + int(day) * DAY + int((6.5 + rng.random() * 15.5) / 24 * DAY)
            for _ in range(1 + int(rng.poisson(0.5))):
                if at > joined:
                    events.append(Event(at, "pick" if rng.random() > 0.04 else "turn away", person))
                at += int(rng.integers(60, 900)) * SECOND
    return events


def _meetings(rng: np.random.Generator, planted: Planted) -> list[Event]:
    """People follow those with the same interests, authors first; a few block an author who has nothing for them."""
    alike = planted.interests @ planted.interests.T
    wrote = np.bincount(planted.author, minlength=len(alike))
    events = []
    for person in range(len(alike)):
        weight = alike[person] ** 2 * (1 + wrote)
        weight[person] = 0
        for other in rng.choice(len(alike), size=int(rng.integers(2, 7)), replace=False, p=weight / weight.sum()):
            both = max(int(planted.joined[person]), int(planted.joined[other]))
            at = both + int(rng.exponential(20) * DAY)
            if at < END:
                events.append(Event(at, "follow", person, int(other)))
    for person in rng.choice(len(alike), size=9, replace=False):
        other = int(rng.choice(np.flatnonzero((wrote > 1) & (alike[person] <= np.median(alike)))))
        both = max(int(planted.joined[person]), int(planted.joined[other]), FIRST_DAY)
        events.append(Event(both + int(rng.random() * (END - both)), "block", int(person), other))
    return events


def _spaced(events: list[Event]) -> list[Event]:
    """In the order of time, moved on where needed so that two events are at least ``STEP`` apart."""
    spaced: list[Event] = []
    for event in sorted(events, key=lambda e: (e.at, e.person, e.other, e.kind)):
        at = max(event.at, spaced[-1].at + STEP) if spaced else event.at
        spaced.append(Event(at, event.kind, event.person, event.other))
    return spaced

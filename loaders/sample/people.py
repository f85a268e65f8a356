"""Everyone in the sample community, and what each of them cares about.

The people written one by one come first; the others are composed, with a seed, from written names and sentences that
say what was planted in them. Nobody here is real.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from graphfeed.loaders.sample import written
from graphfeed.loaders.sample.written import SUBJECTS

COMPOSED = 88
"""People beside the written ones."""

_REST = 0.08
"""Share of a person's interest that is spread evenly over all subjects."""


@dataclass(frozen=True)
class Person:
    """One person. ``interests``: a share for each of ``SUBJECTS``, adding up to 1, one to three of them large."""

    id: str
    name: str
    about: str
    interests: npt.NDArray[np.float64]
    file: str
    line: int


def everyone(seed: int) -> list[Person]:
    """All people, the written ones first. The same seed gives the same people."""
    people = [Person(p.id, p.name, p.about, _shares(p.interests), "people.jsonl", p.line) for p in written.people()]
    rng = np.random.default_rng([seed, 1])
    names, abouts = {p.name for p in people}, {p.about for p in people}
    while len(people) < len(written.people()) + COMPOSED:
        name, about, interests = _compose(rng)
        if name in names or about in abouts:
            continue
        names.add(name)
        abouts.add(about)
        line = len(people) - len(written.people()) + 1
        id_ = name.lower().replace(" ", "-")
        people.append(Person(id_, name, about, _shares(interests), "people (composed)", line))
    return people


def _compose(rng: np.random.Generator) -> tuple[str, str, dict[str, int]]:
    """A name, what they say about themselves, and their one to three interests in parts."""
    phrases = written.phrases()
    strong = rng.choice(len(SUBJECTS), size=int(rng.choice([1, 2, 3], p=[0.3, 0.5, 0.2])), replace=False)
    subjects = [SUBJECTS[int(s)] for s in strong]
    parts = [3, *(int(p) for p in rng.integers(1, 4, size=len(subjects) - 1))]
    sentences = [_pick(rng, phrases.strongest[subjects[0]])]
    sentences += [_pick(rng, phrases.other[subject]) for subject in subjects[1:]]
    sentences.append(_pick(rng, phrases.closing))
    name = f"{_pick(rng, phrases.first_names)} {_pick(rng, phrases.family_names)}"
    return name, " ".join(s for s in sentences if s), dict(zip(subjects, parts, strict=True))


def _shares(parts: dict[str, int]) -> npt.NDArray[np.float64]:
    shares = np.full(len(SUBJECTS), _REST / len(SUBJECTS))
    for subject, part in parts.items():
        shares[SUBJECTS.index(subject)] += (1 - _REST) * part / sum(parts.values())
    return shares


def _pick(rng: np.random.Generator, options: list[str]) -> str:
    return options[int(rng.integers(len(options)))]

"""The written half of the sample community: posts, entities, their relations, and people, read from ``data/``.

Every text here was written for this sample. The town of Sallowbridge, its people and its past are invented. A post's
place in its file is its order of publication within its subject.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

TOPICS = {
    "bread": "bread-baking",
    "bikes": "bicycle-repair",
    "stars": "night-sky",
    "allotment": "allotment-gardening",
    "chess": "chess",
    "circuits": "home-electronics",
    "choir": "choir-singing",
    "mushrooms": "wild-mushrooms",
    "games": "board-games",
    "rowing": "rowing",
    "film": "film-photography",
    "history": "local-history",
}
"""The dozen subjects, each with the id of the entity that stands for it."""

SUBJECTS = tuple(TOPICS)


@dataclass(frozen=True)
class WrittenPost:
    """A post as written: not yet who posted it and when."""

    id: str
    subject: str
    title: str
    text: str
    mentions: tuple[str, ...]
    file: str
    line: int


@dataclass(frozen=True)
class WrittenEntity:
    """An entity and the one line about it."""

    id: str
    kind: str
    name: str
    aliases: tuple[str, ...]
    text: str
    line: int


@dataclass(frozen=True)
class WrittenRelation:
    """A named relation between two entities."""

    source: str
    relation: str
    target: str
    line: int


@dataclass(frozen=True)
class WrittenPerson:
    """An invented person. ``interests``: parts by subject; {"bread": 3, "allotment": 1} is three quarters bread."""

    id: str
    name: str
    about: str
    interests: dict[str, int]
    line: int


@dataclass(frozen=True)
class Phrases:
    """Parts from which further people are composed."""

    first_names: list[str]
    family_names: list[str]
    closing: list[str]
    strongest: dict[str, list[str]]
    """By subject: what someone says whose strongest interest it is."""
    other: dict[str, list[str]]
    """By subject: what someone says for whom it is another interest."""


@cache
def posts() -> tuple[WrittenPost, ...]:
    """All posts, subject by subject in the order of ``SUBJECTS``."""
    found = []
    for subject in SUBJECTS:
        file = f"posts/{subject}.jsonl"
        for line, row in _rows(file):
            mentions = tuple(row["mentions"])
            found.append(WrittenPost(row["id"], subject, row["title"], row["text"], mentions, file, line))
    return tuple(found)


@cache
def entities() -> tuple[WrittenEntity, ...]:
    """All entities."""
    return tuple(
        WrittenEntity(row["id"], row["kind"], row["name"], tuple(row["aliases"]), row["text"], line)
        for line, row in _rows("entities.jsonl")
    )


@cache
def relations() -> tuple[WrittenRelation, ...]:
    """All relations between entities."""
    return tuple(
        WrittenRelation(row["source"], row["relation"], row["target"], line) for line, row in _rows("relations.jsonl")
    )


@cache
def people() -> tuple[WrittenPerson, ...]:
    """The people who were written one by one; ``graphfeed.loaders.sample.people`` composes the others."""
    return tuple(
        WrittenPerson(row["id"], row["name"], row["about"], row["interests"], line)
        for line, row in _rows("people.jsonl")
    )


@cache
def phrases() -> Phrases:
    """The written parts for composed people."""
    parts = tomllib.loads(_read("phrases.toml"))
    return Phrases(
        parts["first_names"],
        parts["family_names"],
        parts["closing"],
        {subject: parts[subject]["first"] for subject in SUBJECTS},
        {subject: parts[subject]["second"] for subject in SUBJECTS},
    )


def _rows(name: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Lines of a JSON Lines file with their numbers, counted from 1."""
    for line, text in enumerate(_read(name).splitlines(), start=1):
        yield line, json.loads(text)


def _read(name: str) -> str:
    return (files("graphfeed") / "loaders" / "sample" / "data" / name).read_text(encoding="utf-8")

"""``mind``: the Microsoft News Dataset (MINDlarge, MINDsmall): who clicked which news, with what the news are about.

The folder has behaviors.tsv and news.tsv, or folders that have them (``MINDsmall_train``, ``MINDsmall_dev``). News are
posts of kind ``news`` with title and abstract; entities of title and abstract are entities by their Wikidata id, with
the confidence that the linker had; category and subcategory are entities, too (``category:sports``).

Of an impression, what was clicked is VIEWED at the impression's time: a click opens the news, and says no more. What
was shown and not clicked is no act: nobody knows whether it was seen, and it is no sign of dislike. The history is
VIEWED without a time: the clicks of the weeks before, of which the file gives the order at most. Every impression of
a person says it again, so that only what is new in it counts; what the person clicked in a folder that was read
before is not new either, for it would lose its time. Impressions without marks (``N123``), as in the test set, say
nothing of clicks. Both are passed over, counted as ``behaviors.tsv: shown only`` and ``: said before``.

Entities that are alike in the vectors that come with the data (entity_embedding.vec) are RELATED_TO each other
(``given_vectors.py``); relation_embedding.vec is not read, for no triple is given that it would belong to.

Memory holds a chunk, the ids of the news and of the entities, what each person clicked, and while they are read the
vectors. Cite F. Wu et al., MIND: A Large-scale Dataset for News Recommendation (ACL 2020).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from graphfeed.errors import ConfigError, SourceError
from graphfeed.loaders.chunks import batches, make_implied, make_relationships
from graphfeed.loaders.collect import Collector
from graphfeed.loaders.fieldlines import LineForm, field_lines
from graphfeed.loaders.given_vectors import NEAREST, near_entities
from graphfeed.loaders.records import CHUNK_ROWS, Chunk
from graphfeed.loaders.rejected import Rejects
from graphfeed.loaders.values import ID_BYTES

_FIELDS = ("id", "category", "subcategory", "title", "abstract", "url", "title_entities", "abstract_entities")
_NEWS = LineForm(_FIELDS, "\t")
_BEHAVIORS = LineForm(("impression", "user", "time", "history", "impressions"), "\t")
VECTORS = "entity_embedding.vec"
_TIME = "%m/%d/%Y %I:%M:%S %p"
_PLATFORM = "msn"
_KINDS = {"P": "person", "G": "place", "O": "organisation"}
"""Of entities, by their type in the file; the others are topics."""
_MARKS = {"1": True, "0": False}


class MindLoader:
    """Loads the folder, or every folder in it that has the files, in the order of their names, train first."""

    name = "mind"

    def __init__(self, folder: Path, near: int = NEAREST) -> None:
        """``near``: each entity is related to at most so many others by their vectors; 0: to none.

        Raises ConfigError for a negative number.
        """
        if near < 0:
            raise ConfigError(f"near says to how many others an entity is related: expected 0 or more, found {near}")
        self.folder, self.near = folder, near

    def chunks(self, rejects: Rejects) -> Iterator[Chunk]:
        """Read the files as a stream; see ``Loader.chunks``."""
        folders = self._folders()
        news = _News()
        for folder in folders:
            yield from news.chunks(folder / "news.tsv", self._shown(folder / "news.tsv"), rejects)
        vectors = [folder / VECTORS for folder in folders if (folder / VECTORS).is_file()]
        if vectors and self.near:
            yield from near_entities([(path, self._shown(path)) for path in vectors], news.entities, self.near, rejects)
        known: dict[str, _Known] = {}
        for folder in folders:
            path = folder / "behaviors.tsv"
            yield from _behaviors(path, self._shown(path), known, rejects)

    def _folders(self) -> list[Path]:
        inside = sorted(self.folder.iterdir()) if self.folder.is_dir() else []
        found = [folder for folder in (self.folder, *inside) if (folder / "behaviors.tsv").is_file()]
        if not found:
            raise SourceError(
                f"{self.folder} has no behaviors.tsv: expected a folder of MIND with behaviors.tsv and news.tsv, or one"
                " with such folders"
            )
        return sorted(found, key=lambda folder: "train" not in folder.name.lower())

    def _shown(self, path: Path) -> str:
        return path.relative_to(self.folder).as_posix()


@dataclass
class _News:
    """News and their entities; those of a second folder are mostly those of the first."""

    known: set[str] = field(default_factory=set)
    entities: set[str] = field(default_factory=set)

    def chunks(self, path: Path, file: str, rejects: Rejects) -> Iterator[Chunk]:
        earlier = frozenset(self.known)
        mention = ("source", "target", "confidence", "said_by")
        posts = Collector(file, ("id", "kind", "title", "text", "url", "platform"), label="Post")
        entities = Collector(file, ("id", "name", "kind"), label="Entity", primary=False)
        mentions = Collector(file, mention, type="MENTIONS", primary=False)
        new = field_lines(path, _NEWS, rejects, lambda _, fields: fields[0] not in earlier, file=file)
        for batch in batches(new, 10_000):
            for line, fields in batch:
                raw = dict(zip(_FIELDS, fields, strict=True))
                id_, category, subcategory, title, abstract, url = fields[:6]
                said = id_ in self.known  # twice in this file: the store sets the second aside
                self.known.add(id_)
                posts.add(line, raw, id_, "news", title, abstract, url, _PLATFORM)
                about = self._topics(category, subcategory) | self._linked(line, raw, file, rejects)
                for entity, (name, kind, confidence) in about.items() if id_ and not said else ():
                    mentions.add(line, raw, id_, entity, confidence, "data")
                    if entity not in self.entities:
                        self.entities.add(entity)
                        entities.add(line, raw, entity, name, kind)
            yield from posts.take(rejects)[0]
            yield from entities.take(rejects)[0]
            yield from mentions.take(rejects)[0]

    @staticmethod
    def _topics(category: str, subcategory: str) -> dict[str, tuple[str, str, float]]:
        topics = {}
        if category:
            topics[f"category:{category}"] = (category, "category", 1.0)
        if subcategory and subcategory != category:
            topics[f"subcategory:{subcategory}"] = (subcategory, "subcategory", 1.0)
        return topics

    @staticmethod
    def _linked(line: int, raw: dict[str, str], file: str, rejects: Rejects) -> dict[str, tuple[str, str, float]]:
        """Entities of title and abstract, each once, with the higher confidence."""
        found: dict[str, tuple[str, str, float]] = {}
        for name in ("title_entities", "abstract_entities"):
            if raw[name] in ("", "[]"):
                continue
            entities = _entities(raw[name])
            if entities is None:
                detail = f"{name} should be a JSON list of entities with WikidataId and Confidence"
                rejects.reject(file, line, "ragged line", detail, raw[name], primary=False)
                continue
            for id_, label, type_, confidence in entities:
                if id_ not in found or found[id_][2] < confidence:
                    found[id_] = (label, _KINDS.get(type_, "topic"), confidence)
        return found


def _entities(text: str) -> list[tuple[str, str, str, float]] | None:
    """Wikidata id, label, type and confidence of each; None where the text is no such list."""
    try:
        found: list[dict[str, Any]] = json.loads(text)
        entities = [
            (str(e["WikidataId"]), str(e.get("Label") or ""), str(e.get("Type") or ""), float(e.get("Confidence", 1.0)))
            for e in found
        ]
        "".join(id_ + label + kind for id_, label, kind, _ in entities).encode()
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    return entities if all(id_ and 0 <= confidence <= 1 for id_, _, _, confidence in entities) else None


@dataclass
class _Known:
    """What was read of one person."""

    history: str = ""
    """The latest one, as it stands in the file."""
    news: str = ""
    """Everything in histories and clicks, with blanks between: sets of all people would fill the memory."""


def _behaviors(path: Path, file: str, known: dict[str, _Known], rejects: Rejects) -> Iterator[Chunk]:
    """VIEWED: clicks with their time, and what is new in people's histories. Every entry is a row."""
    views = _Views(file)
    for line, fields in field_lines(path, _BEHAVIORS, rejects, file=file, rows_are_entries=True):
        _, user, time, history, impressions = fields
        if not user or len(user.encode()) > ID_BYTES:
            reason = "long id" if user else "empty id"
            rejects.read(file)
            rejects.reject(file, line, reason, "the user's id cannot be used", "  ".join(fields))
            continue
        person = known.setdefault(user, _Known())
        views.history(line, user, history, person, rejects)
        views.clicks(line, user, time, impressions, person, rejects)
        if len(views) >= CHUNK_ROWS:
            yield from views.take()
    yield from views.take()


class _Views:
    """What people clicked, under way."""

    def __init__(self, file: str) -> None:
        self.file = file
        self._users: list[str] = []
        self._news: list[str] = []
        self._times: list[int | None] = []
        self._lines: list[int] = []
        self._time, self._at = "", -1

    def __len__(self) -> int:
        return len(self._users)

    def history(self, line: int, user: str, history: str, person: _Known, rejects: Rejects) -> None:
        """The news of a history that were not read before."""
        if history == person.history:
            self._said_before(history.count(" ") + 1 if history else 0, rejects)
            return
        words = history.split()
        seen = frozenset(person.news.split())
        new = [word for word in dict.fromkeys(words) if word not in seen]
        person.history, person.news = history, " ".join([person.news, *new]) if seen else history
        self._said_before(len(words) - len(new), rejects)
        self._add(line, user, new, None, rejects)

    def clicks(self, line: int, user: str, time: str, impressions: str, person: _Known, rejects: Rejects) -> None:
        """The clicked news of an impression. What was shown only is passed over."""
        shown = impressions.split()
        clicked = [word[:-2] for word in shown if word.endswith("-1")]
        wrong = [word for word in shown if word[-2:-1] == "-" and word[-1:] not in _MARKS]
        if only := len(shown) - len(clicked) - len(wrong):
            rejects.pass_over(f"{self.file}: shown only", only)
        rejects.read(self.file, len(wrong))
        for word in wrong:
            rejects.reject(self.file, line, "bad number", "expected news marked -1 or -0", word)
        if time != self._time:
            self._time, self._at = time, _microseconds(time)
        if self._at == _NO_TIME:
            rejects.read(self.file, len(clicked))
            detail = f"the time should be like '11/15/2019 8:55:22 AM', but is {time[:50]!r}"
            for word in clicked:
                rejects.reject(self.file, line, "bad date", detail, f"{user} {word}")
            return
        once = list(dict.fromkeys(clicked))
        self._said_before(len(clicked) - len(once), rejects)
        person.news = " ".join([person.news, *once])
        self._add(line, user, once, self._at, rejects)

    def take(self) -> Iterator[Chunk]:
        """The views so far, after their people."""
        if self._users:
            yield make_implied("User", self.file, self._lines, id=self._users, platform=_PLATFORM)
            users, news, times = self._users, self._news, self._times
            yield make_relationships("VIEWED", self.file, self._lines, source=users, target=news, at=times)
        self._users, self._news, self._times, self._lines = [], [], [], []

    def _said_before(self, rows: int, rejects: Rejects) -> None:
        if rows:
            rejects.pass_over(f"{self.file}: said before", rows)

    def _add(self, line: int, user: str, news: list[str], at: int | None, rejects: Rejects) -> None:
        rejects.read(self.file, len(news))
        for word in [word for word in news if not word or len(word.encode()) > ID_BYTES]:
            news.remove(word)
            rejects.reject(self.file, line, "long id" if word else "empty id", "a news id cannot be used", word)
        self._users += [user] * len(news)
        self._news += news
        self._times += [at] * len(news)
        self._lines += [line] * len(news)


_NO_TIME = -1


def _microseconds(text: str) -> int:
    try:
        moment = datetime.strptime(text, _TIME)
    except ValueError:
        return _NO_TIME
    return int(moment.replace(tzinfo=UTC).timestamp()) * 1_000_000

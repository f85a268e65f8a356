"""ActivityPub's activities as records: one outbox, read as a stream.

Create of a note (an article, a question, …) is a Post and POSTED, with REPLIES_TO, and COMMENTED on what somebody else
wrote; its hashtags are Entities of kind ``tag`` and MENTIONS. Announce is SHARED, Like LIKED, Dislike DISLIKED, Follow
FOLLOWS, Block BLOCKED. Of an edited post (Update) the latest version counts. What was deleted or undone, what is
addressed to some people only, boosts of one's own posts and activities of other kinds are passed over.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from graphfeed.loaders.addresses import Elsewhere
from graphfeed.loaders.chunks import make_implied
from graphfeed.loaders.collect import Collector
from graphfeed.loaders.itemstream import shown_item
from graphfeed.loaders.posthtml import post_text
from graphfeed.loaders.records import Chunk
from graphfeed.loaders.rejected import Rejects

PLATFORM = "mastodon"

_PUBLIC = frozenset(("https://www.w3.org/ns/activitystreams#Public", "as:Public", "Public"))
_ACTS = {"Announce": "SHARED", "Like": "LIKED", "Dislike": "DISLIKED"}
_TIES = {"Follow": "FOLLOWS", "Block": "BLOCKED"}
_TAKEN_BACK = ("Delete", "Undo")
_ACT = ("source", "target", "at")
_UNSAID: dict[str, str] = {}
"""What stood in the row of a record that is never rejected aloud."""


@dataclass
class Revisions:
    """What later activities of an outbox say of its earlier ones."""

    gone: set[str] = field(default_factory=set)
    """Posts that were deleted and activities that were undone."""
    latest: dict[str, str] = field(default_factory=dict)
    """Of edited posts, when the version that counts was written."""

    def note(self, item: Any) -> None:
        """Take in one activity."""
        if not isinstance(item, dict):
            return
        if item.get("type") in _TAKEN_BACK:
            self.gone.add(id_of(item.get("object")))
        elif item.get("type") == "Update" and (id_ := id_of(item.get("object"))):
            self.latest[id_] = max(self.latest.get(id_, ""), version_of(item))

    def is_outdated(self, item: dict[str, Any]) -> bool:
        """Whether an activity was taken back, or is an earlier version of a post."""
        if not self.gone and not self.latest:
            return False
        id_ = id_of(item.get("object"))
        if id_of(item) in self.gone or id_ in self.gone:
            return True
        return id_ in self.latest and item.get("type") in ("Create", "Update") and version_of(item) < self.latest[id_]


def id_of(thing: Any) -> str:
    """The id of an object, or the id that it is; nothing where it has none."""
    found = thing.get("id") if isinstance(thing, dict) else thing
    return found.strip() if isinstance(found, str) else ""


def version_of(item: dict[str, Any]) -> str:
    """When this version of a post was written."""
    note = item.get("object")
    of_note = note.get("updated") or note.get("published") if isinstance(note, dict) else None
    return str(of_note or item.get("updated") or item.get("published") or "")


def is_public(item: dict[str, Any]) -> bool:
    """Whether an activity and what it is about are addressed to everybody, also where no list shows them."""
    note = item.get("object")
    if isinstance(note, dict) and ("to" in note or "cc" in note) and not _is_for_all(note):
        return False
    return _is_for_all(item)


def _is_for_all(part: dict[str, Any]) -> bool:
    return any(to in _PUBLIC for to in _listed(part.get("to"))) or any(to in _PUBLIC for to in _listed(part.get("cc")))


class Outbox:
    """The activities of one person's outbox, under way."""

    def __init__(self, file: str, actor: str, revisions: Revisions, elsewhere: Elsewhere, *, private: bool) -> None:
        self.file, self._actor, self._revisions, self._private = file, actor, revisions, private
        self._elsewhere = elsewhere
        self.names: dict[str, str] = {}
        """Ids of people by the names that they are mentioned with: ``bob@example.net``."""
        self._done: set[str] = set()
        columns = ("id", "kind", "title", "text", "url", "platform", "created_at")
        self._posts = Collector(file, columns, label="Post")
        self._notes: list[tuple[int, str, str, Any, dict[str, Any]]] = []
        self._acts = {name: Collector(file, _ACT, type=name) for name in _ACTS.values()}
        self._ties = {name: Collector(file, _ACT, type=name) for name in _TIES.values()}
        beside: dict[str, Any] = {"primary": False, "silent": True}
        self._posted = Collector(file, _ACT, type="POSTED", **beside)
        self._commented = Collector(file, _ACT, type="COMMENTED", **beside)
        self._replies = Collector(file, (*_ACT, "kind"), type="REPLIES_TO", **beside)
        self._tags = Collector(file, ("id", "name", "kind"), label="Entity", **beside)
        self._mentions = Collector(file, ("source", "target", "confidence", "said_by"), type="MENTIONS", **beside)

    def take(self, line: int, item: Any, rejects: Rejects) -> None:
        """One activity, with its number in the list."""
        kind = item.get("type") if isinstance(item, dict) else None
        if not isinstance(kind, str):
            rejects.read(self.file)
            found = "expected an activity of ActivityPub, an object with a type"
            rejects.reject(self.file, line, "ragged line", found, shown_item(item))
        elif kind in _TAKEN_BACK or self._revisions.is_outdated(item):
            rejects.pass_over(f"{self.file}: deleted, undone or an earlier version")
        elif kind in _TIES:
            self._count(self._ties[_TIES[kind]], line, item, rejects)
        elif kind in _ACTS and kind != "Announce":
            self._count(self._acts[_ACTS[kind]], line, item, rejects)
        elif kind not in ("Create", "Update", "Announce"):
            rejects.pass_over(f"{self.file}: other activities")
        elif not self._private and not is_public(item):
            rejects.pass_over(f"{self.file}: {NOT_PUBLIC}")
        elif kind != "Announce":
            self._note(line, item, rejects)
        elif self._is_own(id_of(item.get("object"))):
            rejects.pass_over(f"{self.file}: one's own posts boosted")
        else:
            self._count(self._acts["SHARED"], line, item, rejects)

    def chunks(self, rejects: Rejects) -> Iterator[Chunk]:
        """The records so far, after what they refer to."""
        posts, good = self._posts.take(rejects)
        yield from posts
        for (line, id_, actor, at, note), usable in zip(self._notes, good.tolist(), strict=True):
            if usable:
                self._beside(line, id_, actor, at, note)
        self._notes = []
        yield from (_as_implied(chunk) for chunk in self._tags.take(rejects)[0])
        beside = (self._posted, self._replies, self._mentions, self._commented)
        for collector in (*beside, *self._acts.values(), *self._ties.values()):
            for chunk in collector.take(rejects)[0]:
                yield from self._elsewhere.around(chunk)

    def _is_own(self, post: str) -> bool:
        return bool(post) and (post in self._done or post.startswith(f"{self._actor}/"))

    def _count(self, collector: Collector, line: int, item: dict[str, Any], rejects: Rejects) -> None:
        """An act or a tie, whose row this is."""
        rejects.read(self.file)
        actor, target = id_of(item.get("actor")) or self._actor, id_of(item.get("object"))
        collector.add(line, {"id": id_of(item), "object": target}, actor, target, _text(item.get("published")))

    def _note(self, line: int, item: dict[str, Any], rejects: Rejects) -> None:
        found = item.get("object")
        note: dict[str, Any] = found if isinstance(found, dict) else {"id": found}
        if note.get("type") == "Tombstone":
            rejects.pass_over(f"{self.file}: deleted, undone or an earlier version")
            return
        rejects.read(self.file)
        id_ = id_of(note)
        at = _text(note.get("published") or item.get("published"))
        actor = id_of(item.get("actor")) or id_of(note.get("attributedTo")) or self._actor
        kind = "comment" if id_of(note.get("inReplyTo")) else str(note.get("type") or "note").lower()
        cells = (id_, kind, post_text(_text(note.get("name"))), _body(note), _url(note) or id_, PLATFORM, at)
        self._posts.add(line, {"id": id_, "published": at or ""}, *cells)
        self._notes.append((line, id_, actor, at, note))
        self._done.add(id_)

    def _beside(self, line: int, id_: str, actor: str, at: Any, note: dict[str, Any]) -> None:
        """What a post says beside itself."""
        raw = _UNSAID
        self._posted.add(line, raw, actor, id_, at)
        if parent := id_of(note.get("inReplyTo")):
            self._replies.add(line, raw, id_, parent, at, "comment")
            if not self._is_own(parent):
                self._commented.add(line, raw, actor, parent, at)
        seen = set()
        for tag in _listed(note.get("tag")):
            name = tag.get("name") if isinstance(tag, dict) else None
            if not isinstance(name, str):
                continue
            if tag.get("type") == "Hashtag" and (word := name.lstrip("#").strip()) and word.casefold() not in seen:
                seen.add(word.casefold())
                self._tags.add(line, raw, f"#{word.casefold()}", word, "tag")
                self._mentions.add(line, raw, id_, f"#{word.casefold()}", 1.0, "data")
            elif tag.get("type") == "Mention" and isinstance(tag.get("href"), str):
                self.names[name.lstrip("@").lower()] = tag["href"]


NOT_PUBLIC = "not public"
"""How posts for some people only are called where rows are counted."""


def _as_implied(chunk: Chunk) -> Chunk:
    rows = chunk.rows
    columns = {name: rows[name].combine_chunks() for name in ("id", "name", "kind")}
    return make_implied("Entity", chunk.file, rows["line"].to_pylist(), **columns)


def _body(note: dict[str, Any]) -> str | None:
    """The warning before a post, its text, and the descriptions of its pictures."""
    content = note.get("content")
    if not isinstance(content, str) and isinstance(by_language := note.get("contentMap"), dict):
        content = next((text for text in by_language.values() if isinstance(text, str)), None)
    parts = [note.get("summary"), content]
    parts += [a.get("name") for a in _listed(note.get("attachment")) if isinstance(a, dict)]
    return " ".join(text for part in parts if isinstance(part, str) and (text := post_text(part))) or None


def _url(note: dict[str, Any]) -> str | None:
    """The page of a post: servers give one address, or several with their kinds."""
    for found in _listed(note.get("url")):
        address = found.get("href") if isinstance(found, dict) else found
        if isinstance(address, str):
            return address
    return None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None if value is None else str(value)


def _listed(value: Any) -> Iterable[Any]:
    """A value that may stand alone or in a list."""
    if value is None:
        return ()
    return value if isinstance(value, list) else (value,)

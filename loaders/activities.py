"""ActivityPub's activities as records: one outbox, read as a stream.

Create of a note (an article, a question, …) is a Post and POSTED, with REPLIES_TO, and COMMENTED on what somebody else
wrote; its hashtags are Entities of kind ``tag`` and MENTIONS. Announce is SHARED, Like LIKED, Dislike DISLIKED, Follow
FOLLOWS, Block BLOCKED. Of an edited post (Update) the latest version counts. What was deleted or undone, what is
addressed to some people only, boosts of one's own posts and activities of other kinds are passed over.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from graphfeed.loaders.activity_records import ActivityRecords, Reply
from graphfeed.loaders.itemstream import shown_item
from graphfeed.loaders.posthtml import post_text
from graphfeed.loaders.rejected import Rejects

PLATFORM = "mastodon"

_PUBLIC = frozenset(("https://www.w3.org/ns/activitystreams#Public", "as:Public", "Public"))
_ACTS = {"Like": "LIKED", "Dislike": "DISLIKED", "Follow": "FOLLOWS", "Block": "BLOCKED"}
_TAKEN_BACK = ("Delete", "Undo")
_REVISING = (*_TAKEN_BACK, "Update")

NOT_PUBLIC = "not public"
"""How posts for some people only are called where rows are counted."""
_OUTDATED = "deleted, undone or an earlier version"
_OTHER = "other activities"
_OWN_BOOSTS = "one's own posts boosted"


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

    def note_all(self, items: list[tuple[int, Any]]) -> None:
        """Take in all activities of an outbox. Mastodon's own archives have none that say something of others."""
        if any(isinstance(item, dict) and item.get("type") in _REVISING for _, item in items):
            for _, item in items:
                self.note(item)

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
    for key in ("to", "cc"):
        for to in _listed(part.get(key)):
            if isinstance(to, str) and to in _PUBLIC:
                return True
    return False


class Outbox:
    """The activities of one person's outbox, under way to the records."""

    def __init__(self, file: str, actor: str, revisions: Revisions, records: ActivityRecords, *, private: bool) -> None:
        self.file, self._actor, self._revisions, self._private = file, actor, revisions, private
        self._records, self._begin = records, records.places.begin(file)
        self.names: dict[str, str] = {}
        """Ids of people by the names that they are mentioned with: ``bob@example.net``."""
        self._own = f"{actor}/"
        self._done: set[str] = set()
        self._parents: list[tuple[int, str]] = []

    def take(self, items: list[tuple[int, Any]], rejects: Rejects) -> None:
        """Activities with their numbers in the list."""
        passed: Counter[str] = Counter()
        for line, item in items:
            if (why := self._take(line, item, rejects)) is not None:
                passed[why] += 1
        for why, rows in passed.items():
            rejects.pass_over(f"{self.file}: {why}", rows)
        if len(items) > (over := passed.total()):
            rejects.read(self.file, len(items) - over)
        self._records.replies += [Reply(post, parent, self._is_own(parent)) for post, parent in self._parents]
        self._parents = []

    def _take(self, line: int, item: Any, rejects: Rejects) -> str | None:
        """One activity; why it is passed over, if it is."""
        kind = item.get("type") if isinstance(item, dict) else None
        if not isinstance(kind, str):
            found = "expected an activity of ActivityPub, an object with a type"
            rejects.reject(self.file, line, "ragged line", found, shown_item(item))
            return None
        if kind in _TAKEN_BACK or self._revisions.is_outdated(item):
            return _OUTDATED
        if kind in _ACTS:
            self._count(_ACTS[kind], line, item)
            return None
        if kind not in ("Create", "Update", "Announce"):
            return _OTHER
        if not self._private and not is_public(item):
            return NOT_PUBLIC
        if kind != "Announce":
            return self._note(line, item)
        if self._is_own(id_of(item.get("object"))):
            return _OWN_BOOSTS
        self._count("SHARED", line, item)
        return None

    def _is_own(self, post: str) -> bool:
        return bool(post) and (post in self._done or post.startswith(self._own))

    def _count(self, type_: str, line: int, item: dict[str, Any]) -> None:
        """An act or a tie, whose row this is."""
        actor, target = id_of(item.get("actor")) or self._actor, id_of(item.get("object"))
        raw = {"id": id_of(item), "object": target}
        self._records.acts[type_].add(self._begin + line, raw, actor, target, _text(item.get("published")))

    def _note(self, line: int, item: dict[str, Any]) -> str | None:
        found = item.get("object")
        note: dict[str, Any] = found if isinstance(found, dict) else {"id": found}
        if note.get("type") == "Tombstone":
            return _OUTDATED
        id_, parent = id_of(note), id_of(note.get("inReplyTo"))
        at = _text(note.get("published") or item.get("published"))
        author = id_of(item.get("actor")) or id_of(note.get("attributedTo")) or self._actor
        kind = "comment" if parent else str(note.get("type") or "note").lower()
        cells = (id_, kind, post_text(_text(note.get("name"))), _body(note), _url(note) or id_, PLATFORM, at)
        post = self._records.add_post(self._begin + line, {"id": id_, "published": at or ""}, author, *cells)
        self._done.add(id_)
        if parent:
            self._parents.append((post, parent))
        if note.get("tag"):
            self._tags(post, note["tag"])
        return None

    def _tags(self, post: int, tags: Any) -> None:
        """The hashtags of a post, and the people that it mentions."""
        seen = set()
        for tag in _listed(tags):
            name = tag.get("name") if isinstance(tag, dict) else None
            if not isinstance(name, str):
                continue
            if tag.get("type") == "Hashtag" and (word := name.lstrip("#").strip()) and word.casefold() not in seen:
                seen.add(word.casefold())
                self._records.tags.append((post, word))
            elif tag.get("type") == "Mention" and isinstance(tag.get("href"), str):
                self.names[name.lstrip("@").lower()] = tag["href"]


def _body(note: dict[str, Any]) -> str | None:
    """The warning before a post, its text, and the descriptions of its pictures."""
    content = note.get("content")
    if not isinstance(content, str) and isinstance(by_language := note.get("contentMap"), dict):
        content = next((text for text in by_language.values() if isinstance(text, str)), None)
    parts = [note.get("summary"), content]
    if pictures := note.get("attachment"):
        parts += [a.get("name") for a in _listed(pictures) if isinstance(a, dict)]
    return " ".join([text for part in parts if isinstance(part, str) and (text := post_text(part))]) or None


def _url(note: dict[str, Any]) -> str | None:
    """The page of a post: servers give one address, or several with their kinds."""
    given = note.get("url")
    if isinstance(given, str):
        return given
    for found in _listed(given):
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

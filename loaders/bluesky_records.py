"""Records of Bluesky (``app.bsky.*``) as the graph's; see ``graphfeed.loaders.bluesky``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from graphfeed.loaders.addresses import Elsewhere, record_address
from graphfeed.loaders.bluesky_files import RepoRecord
from graphfeed.loaders.chunks import make_implied
from graphfeed.loaders.collect import Collector
from graphfeed.loaders.itemstream import shown_item
from graphfeed.loaders.records import Chunk
from graphfeed.loaders.rejected import Rejects

PLATFORM = "bluesky"
POST = "app.bsky.feed.post"

_PROFILE = "app.bsky.actor.profile"
_ACTS = {"app.bsky.feed.like": "LIKED", "app.bsky.feed.repost": "SHARED"}
_TIES = {"app.bsky.graph.follow": "FOLLOWS", "app.bsky.graph.block": "BLOCKED"}
_ACT = ("source", "target", "at")


class BlueskyRecords:
    """The records of one file, under way."""

    def __init__(self, file: str, elsewhere: Elsewhere) -> None:
        self.file, self._elsewhere = file, elsewhere
        columns = ("id", "kind", "text", "url", "platform", "created_at")
        self._users = Collector(file, ("id", "name", "about", "platform", "created_at"), label="User")
        self._posts = Collector(file, columns, label="Post")
        self._notes: list[RepoRecord] = []
        self._acts = {type_: Collector(file, _ACT, type=type_) for type_ in (*_ACTS.values(), *_TIES.values())}
        beside: dict[str, Any] = {"primary": False, "silent": True}
        self._posted = Collector(file, _ACT, type="POSTED", **beside)
        self._replies = Collector(file, (*_ACT, "kind"), type="REPLIES_TO", **beside)
        self._commented = Collector(file, _ACT, type="COMMENTED", **beside)
        self._quotes = Collector(file, ("source", "target", "kind", "at"), type="LINKS_TO", **beside)
        self._tags = Collector(file, ("id", "name", "kind"), label="Entity", **beside)
        self._mentions = Collector(file, ("source", "target", "confidence", "said_by"), type="MENTIONS", **beside)

    def take(self, record: RepoRecord, rejects: Rejects) -> None:
        """One record."""
        value = raw = record.value
        if not isinstance(value, dict):
            rejects.read(self.file)
            rejects.reject(self.file, record.line, "ragged line", "expected an object", shown_item(value))
        elif record.collection == _PROFILE:
            rejects.read(self.file)
            name, about = _text(value.get("displayName")), _text(value.get("description"))
            self._users.add(record.line, raw, record.did, name, about, PLATFORM, _text(value.get("createdAt")))
        elif record.collection == POST:
            rejects.read(self.file)
            at, kind, uri = _text(value.get("createdAt")), "comment" if _parent(value) else "post", record.uri
            page = f"https://bsky.app/profile/{record.did}/post/{record.key}"
            self._posts.add(record.line, raw, uri, kind, _body(value), page, PLATFORM, at)
            self._notes.append(record)
        elif record.collection in _ACTS:
            target = _uri(value.get("subject"))
            address = record_address(target)
            if target and (address is None or address[1] != POST):
                rejects.pass_over(f"{self.file}: likes of other things than posts")
            else:
                self._act(_ACTS[record.collection], record, target, rejects)
        elif record.collection in _TIES:
            self._act(_TIES[record.collection], record, _text(value.get("subject")), rejects)
        else:
            rejects.pass_over(f"{self.file}: other records")

    def chunks(self, rejects: Rejects) -> Iterator[Chunk]:
        """The records so far, after what they refer to."""
        yield from self._users.take(rejects)[0]
        posts, good = self._posts.take(rejects)
        yield from posts
        for record, usable in zip(self._notes, good.tolist(), strict=True):
            if usable:
                self._beside(record)
        self._notes = []
        for chunk in self._tags.take(rejects)[0]:
            columns = {name: chunk.rows[name].combine_chunks() for name in ("id", "name", "kind")}
            yield make_implied("Entity", self.file, chunk.rows["line"].to_pylist(), **columns)
        beside = (self._posted, self._replies, self._commented, self._quotes, self._mentions)
        for collector in (*beside, *self._acts.values()):
            for chunk in collector.take(rejects)[0]:
                yield from self._elsewhere.around(chunk)

    def _act(self, type_: str, record: RepoRecord, target: str | None, rejects: Rejects) -> None:
        rejects.read(self.file)
        at = _text(record.value.get("createdAt"))
        self._acts[type_].add(record.line, record.value, record.did, target, at)

    def _beside(self, record: RepoRecord) -> None:
        """What a post says beside itself."""
        value = raw = record.value
        line, uri = record.line, record.uri
        at = _text(value.get("createdAt"))
        self._posted.add(line, raw, record.did, uri, at)
        if parent := _parent(value):
            self._replies.add(line, raw, uri, parent, at, "comment")
            if not parent.startswith(f"at://{record.did}/"):
                self._commented.add(line, raw, record.did, parent, at)
        if quoted := _quoted(value.get("embed")):
            self._quotes.add(line, raw, uri, quoted, "quote", at)
        for tag in (
            dict.fromkeys(word.casefold() for word in _tags(value)) if "facets" in value or "tags" in value else ()
        ):
            self._tags.add(line, raw, f"#{tag}", tag, "tag")
            self._mentions.add(line, raw, uri, f"#{tag}", 1.0, "data")


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _uri(value: Any) -> str:
    found = value.get("uri") if isinstance(value, dict) else None
    return found if isinstance(found, str) else ""


def _parent(value: dict[str, Any]) -> str:
    reply = value.get("reply")
    return _uri(reply.get("parent")) if isinstance(reply, dict) else ""


def _parts(embed: Any) -> Iterator[dict[str, Any]]:
    """What is embedded in a post: a quote with media has two parts."""
    if isinstance(embed, dict):
        yield embed
        for key in ("record", "media"):
            inside = embed.get(key)
            if isinstance(inside, dict) and "uri" not in inside:
                yield from _parts(inside)


def _quoted(embed: Any) -> str:
    """The post that is quoted; nothing where none is, or something else (a list, a feed)."""
    for part in _parts(embed):
        address = record_address(uri := _uri(part.get("record")))
        if address is not None and address[1] == POST:
            return uri
    return ""


def _body(value: dict[str, Any]) -> str | None:
    """A post's text, the heading of what it links to, and the descriptions of its pictures."""
    found = [value.get("text")]
    for part in _parts(value.get("embed")):
        external, images = part.get("external"), part.get("images")
        if isinstance(external, dict):
            found += [external.get("title"), external.get("description")]
        found += [image.get("alt") for image in images if isinstance(image, dict)] if isinstance(images, list) else []
        found.append(part.get("alt"))
    return " ".join(text for word in found if isinstance(word, str) and (text := " ".join(word.split()))) or None


def _tags(value: dict[str, Any]) -> Iterator[str]:
    """Hashtags, those in the text and those beside it."""
    facets, tags = value.get("facets"), value.get("tags")
    for facet in facets if isinstance(facets, list) else ():
        features = facet.get("features") if isinstance(facet, dict) else None
        for feature in features if isinstance(features, list) else ():
            if isinstance(feature, dict) and isinstance(tag := feature.get("tag"), str) and tag.strip():
                yield tag.strip()
    for tag in tags if isinstance(tags, list) else ():
        if isinstance(tag, str) and tag.strip():
            yield tag.strip()

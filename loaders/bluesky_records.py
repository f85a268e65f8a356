"""Records of Bluesky (``app.bsky.*``) as the graph's; see ``graphfeed.loaders.bluesky``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from graphfeed.loaders.activity_records import ActivityRecords, Reply
from graphfeed.loaders.addresses import record_address
from graphfeed.loaders.bluesky_files import RepoRecord
from graphfeed.loaders.itemstream import shown_item
from graphfeed.loaders.rejected import Rejects

PLATFORM = "bluesky"
POST = "app.bsky.feed.post"

_PROFILE = "app.bsky.actor.profile"
_ACTS = {"app.bsky.feed.like": "LIKED", "app.bsky.feed.repost": "SHARED"}
_TIES = {"app.bsky.graph.follow": "FOLLOWS", "app.bsky.graph.block": "BLOCKED"}
_NO_POSTS = "likes of other things than posts"
_OTHER = "other records"


class BlueskyRecords:
    """The records of one file, under way to the graph's."""

    def __init__(self, file: str, records: ActivityRecords) -> None:
        self.file, self._records, self._begin = file, records, records.places.begin(file)

    def take(self, batch: list[RepoRecord], rejects: Rejects) -> None:
        """Some records."""
        passed: Counter[str] = Counter()
        for record in batch:
            if (why := self._take(record, rejects)) is not None:
                passed[why] += 1
        for why, rows in passed.items():
            rejects.pass_over(f"{self.file}: {why}", rows)
        if len(batch) > (over := passed.total()):
            rejects.read(self.file, len(batch) - over)

    def _take(self, record: RepoRecord, rejects: Rejects) -> str | None:
        """One record; why it is passed over, if it is."""
        value, collection = record.value, record.collection
        if not isinstance(value, dict):
            rejects.reject(self.file, record.line, "ragged line", "expected an object", shown_item(value))
        elif collection in _ACTS:
            target = _uri(value.get("subject"))
            address = record_address(target)
            if target and (address is None or address[1] != POST):
                return _NO_POSTS
            self._act(_ACTS[collection], record, target)
        elif collection == POST:
            self._post(record)
        elif collection in _TIES:
            self._act(_TIES[collection], record, _text(value.get("subject")))
        elif collection == _PROFILE:
            name, about = _text(value.get("displayName")), _text(value.get("description"))
            cells = (record.did, name, about, PLATFORM, _text(value.get("createdAt")))
            self._records.users.add(self._begin + record.line, value, *cells)
        else:
            return _OTHER
        return None

    def _act(self, type_: str, record: RepoRecord, target: str | None) -> None:
        at = _text(record.value.get("createdAt"))
        self._records.acts[type_].add(self._begin + record.line, record.value, record.did, target, at)

    def _post(self, record: RepoRecord) -> None:
        """A post, and what it says beside itself."""
        value, records, parent = record.value, self._records, _parent(record.value)
        page = f"https://bsky.app/profile/{record.did}/post/{record.key}"
        kind, at = "comment" if parent else "post", _text(value.get("createdAt"))
        cells = (record.uri, kind, None, _body(value), page, PLATFORM, at)
        post = records.add_post(self._begin + record.line, value, record.did, *cells)
        if parent:
            records.replies.append(Reply(post, parent, parent.startswith(f"at://{record.did}/")))
        if "embed" in value and (quoted := _quoted(value["embed"])):
            records.quotes.append((post, quoted))
        if "facets" in value or "tags" in value:
            records.tags += [(post, tag) for tag in dict.fromkeys(word.casefold() for word in _tags(value))]


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
    for part in _parts(value["embed"]) if "embed" in value else ():
        external, images = part.get("external"), part.get("images")
        if isinstance(external, dict):
            found += [external.get("title"), external.get("description")]
        found += [image.get("alt") for image in images if isinstance(image, dict)] if isinstance(images, list) else []
        found.append(part.get("alt"))
    return " ".join([text for word in found if isinstance(word, str) and (text := " ".join(word.split()))]) or None


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

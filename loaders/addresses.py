"""What the address of a post says beside naming it: who wrote it, and when, where the network's rules put that in."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from graphfeed.loaders.chunks import make_implied, make_relationships
from graphfeed.loaders.records import Chunk, Relationships

_STATUS = re.compile(r"(https?://[^/]+/(?:users/[^/]+|ap/users/\d+))/statuses/(\d+)")
_RECORD = re.compile(r"at://(did:[^/]+)/([^/]+)/([^/]+)")
_KEY = re.compile("[2-7a-z]{13}")
_DIGITS = str.maketrans("234567abcdefghijklmnopqrstuvwxyz", "0123456789abcdefghijklmnopqrstuv")
_FIRST = 1_451_606_400_000_000  # 2016: before it neither network was there


@dataclass
class Elsewhere:
    """Posts and people that relationships refer to, of whom a source has nothing but the address."""

    platform: str
    tell: Callable[[str], tuple[str | None, int | None]]
    """Author and time, microseconds since 1970, in a post's address."""
    page: Callable[[str], str | None]
    """The address of a post's page."""
    _told: set[str] = field(default_factory=set)

    def around(self, chunk: Chunk) -> Iterator[Chunk]:
        """A chunk of relationships, after the nodes that it refers to; POSTED where an address tells author and time.

        Posts that the chunk itself gives an author are none of these.
        """
        assert isinstance(chunk, Relationships)
        lines = chunk.rows["line"].to_pylist()
        for end, label in (("source", chunk.source_label), ("target", chunk.target_label)):
            if label == "User":
                ids = chunk.rows[end].combine_chunks()
                yield make_implied("User", chunk.file, lines, id=ids, platform=self.platform)
        others = chunk.target_label == "Post" and chunk.type != "POSTED"
        posts = chunk.rows["target"].to_pylist() if others else []
        new = {post: line for post, line in zip(posts, lines, strict=False) if post not in self._told}
        self._told.update(new)
        yield from self._posts(list(new), list(new.values()), chunk.file)
        yield chunk

    def _posts(self, posts: list[str], lines: list[int], file: str) -> Iterator[Chunk]:
        if not posts:
            return
        told = [self.tell(post) for post in posts]
        pages, times = [self.page(post) for post in posts], [at for _, at in told]
        yield make_implied("Post", file, lines, id=posts, url=pages, platform=self.platform, created_at=times)
        known = [
            (author, post, at, line)
            for post, line, (author, at) in zip(posts, lines, told, strict=True)
            if author and at is not None
        ]
        if known:
            authors, written, at, places = zip(*known, strict=True)
            yield make_implied("User", file, places, id=authors, platform=self.platform)
            yield make_relationships("POSTED", file, places, primary=False, source=authors, target=written, at=at)


def mastodon_address(uri: str) -> tuple[str | None, int | None]:
    """Author and time of a Mastodon post, microseconds since 1970; None where the address does not say.

    Mastodon's numbers are milliseconds with 16 further bits; older ones, up to 2018, are only counted.
    """
    found = _STATUS.match(uri)
    if found is None:
        return None, None
    return found[1], _likely((int(found[2]) >> 16) * 1_000 if len(found[2]) <= 20 else 0)


def record_address(uri: str) -> tuple[str, str, str] | None:
    """Owner, collection and key of a record's address ``at://did/collection/key``; None for any other."""
    found = _RECORD.fullmatch(uri)
    return (found[1], found[2], found[3]) if found else None


def tid_time(key: str) -> int | None:
    """The time in a record's key, microseconds since 1970; None where it is no timestamp identifier.

    Thirteen letters of a sortable base 32: a bit, 53 bits of microseconds, 10 bits of a clock's number.
    """
    return _likely(int(key.translate(_DIGITS), 32) >> 10) if _KEY.fullmatch(key) else None


def _likely(at: int) -> int | None:
    return at if _FIRST <= at <= time.time() * 1e6 else None

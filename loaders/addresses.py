"""What the address of a post says beside naming it: who wrote it, and when, where the network's rules put that in."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graphfeed.loaders.chunks import make_implied, make_relationships
from graphfeed.loaders.records import TEXT, TIME, Chunk, Relationships

_STATUS = r"^(?P<author>https?://[^/]+/(?:users/[^/]+|ap/users/[0-9]+))/statuses/(?P<number>[0-9]+)"
_RECORD = re.compile(r"at://(did:[^/]+)/([^/]+)/([^/]+)")
_RECORD_PARTS = r"^at://(?P<did>did:[^/]+)/(?P<collection>[^/]+)/(?P<key>[^/]+)$"
_KEY = "^[2-7a-z]{13}$"
_TIME_LETTERS = 11  # of a key's thirteen; the last two are the number of a clock
_DIGIT = np.zeros(256, np.int64)
_DIGIT[np.frombuffer(b"234567abcdefghijklmnopqrstuvwxyz", np.uint8)] = np.arange(32)
_MOST_DIGITS = 18  # more make no time that has been
_FIRST = 1_451_606_400_000_000  # 2016: before it neither network was there


class Told(NamedTuple):
    """What the addresses of posts say; null where they do not."""

    authors: pa.StringArray
    at: pa.TimestampArray
    pages: pa.StringArray


@dataclass
class Elsewhere:
    """Posts and people that relationships refer to, of whom a source has nothing but the address."""

    platform: str
    tell: Callable[[pa.StringArray], Told]
    """Reads the addresses of posts."""
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
        ids, places = pa.array(posts, TEXT), np.asarray(lines)
        authors, at, pages = self.tell(ids)
        yield make_implied("Post", file, lines, id=ids, url=pages, platform=self.platform, created_at=at)
        known = pc.and_(authors.is_valid(), at.is_valid())
        if known.true_count:
            authors, ids, at = (column.filter(known) for column in (authors, ids, at))
            places = places[np.asarray(known)]
            yield make_implied("User", file, places, id=authors, platform=self.platform)
            yield make_relationships("POSTED", file, places, primary=False, source=authors, target=ids, at=at)


def tell_statuses(addresses: pa.StringArray) -> Told:
    """What the addresses of Mastodon's posts say.

    Mastodon's numbers are milliseconds with 16 further bits; older ones, up to 2018, are only counted.
    """
    found = pc.extract_regex(addresses, _STATUS)
    number = pc.struct_field(found, "number")
    whole = pc.if_else(pc.less_equal(pc.binary_length(number), _MOST_DIGITS), number, None)
    milliseconds = pc.shift_right(whole.cast(pa.int64()), 16)
    return Told(pc.struct_field(found, "author"), _likely(pc.multiply(milliseconds, 1_000)), addresses)


def tell_records(addresses: pa.StringArray, collection: str) -> Told:
    """What the addresses of records of one collection say, at://did/collection/key; those of others say no page."""
    found = pc.extract_regex(addresses, _RECORD_PARTS)
    did, key = pc.struct_field(found, "did"), pc.struct_field(found, "key")
    page = pc.binary_join_element_wise("https://bsky.app/profile/", did, "/post/", key, "")
    return Told(did, tid_times(key), pc.if_else(pc.equal(pc.struct_field(found, "collection"), collection), page, None))


def record_address(uri: str) -> tuple[str, str, str] | None:
    """Owner, collection and key of a record's address ``at://did/collection/key``; None for any other."""
    found = _RECORD.fullmatch(uri)
    return (found[1], found[2], found[3]) if found else None


def tid_times(keys: pa.StringArray) -> pa.TimestampArray:
    """The times in records' keys; null where one is no timestamp identifier.

    Thirteen letters of a sortable base 32: a bit, 53 bits of microseconds, 10 bits of a clock's number.
    """
    timed = np.asarray(pc.fill_null(pc.match_substring_regex(keys, _KEY), fill_value=False))
    letters = np.array(keys.filter(pa.array(timed)).to_pylist(), "S13").view(np.uint8).reshape(-1, 13)
    at = np.zeros(len(keys), np.int64)
    at[timed] = _DIGIT[letters[:, :_TIME_LETTERS]] @ (1 << 5 * np.arange(_TIME_LETTERS - 1, -1, -1))
    return _likely(pa.array(at))


def _likely(at: pa.Int64Array) -> pa.TimestampArray:
    """As times, those that can have been."""
    can_be = pc.and_(pc.greater_equal(at, _FIRST), pc.less_equal(at, int(time.time() * 1e6)))
    return pc.if_else(can_be, at, None).cast(TIME)

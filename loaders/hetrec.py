"""``hetrec``: the folder of HetRec 2011's lastfm-2k: who listened to, tagged and befriended whom on Last.fm.

Artists are posts, tags are entities by their ids. Listening is LIKED with the listening count. Friends FOLLOW each
other. Tags that a person gave an artist are COMMENTED, once for each moment that the file knows (mostly a day): they
say in their own words something of it, and it is the only act with a date. What people call an artist is MENTIONS, with
the confidence n / (n + 1) where n people gave it the tag, so that one person's word is worth 1/2.
``kg_ripplenet/`` in the folder, or ``kg`` and ``kg_items``, is a knowledge graph, whose
entities' ids get an "e" before them.

With ``train`` and ``test``, a published split (a user and an item per line), only train pairs are LIKED and test pairs
are HELD_OUT. Renumbered ids are turned back by userReindex.json and itemReindex.json beside the train file. Taggings of
test pairs then say nothing; those of pairs in neither file are no acts either, for they would tell which artists cannot
be in the test, but still count for MENTIONS.

Lines that are not UTF-8 are read as ISO-8859-1. Memory holds a chunk, the artists' names and every tagging; with a
split also every listening count. Cite I. Cantador, P. Brusilovsky, T. Kuflik, HetRec 2011 (RecSys 2011).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from graphfeed.errors import ConfigError, SourceError
from graphfeed.loaders.chunks import after_users, batches
from graphfeed.loaders.collect import Collector
from graphfeed.loaders.fieldlines import LineForm, field_lines
from graphfeed.loaders.friends import friend_chunks
from graphfeed.loaders.hetrec_split import PLATFORM, Pair, PublishedSplit
from graphfeed.loaders.hetrec_taggings import Taggings
from graphfeed.loaders.knowledge import KnowledgeGraph
from graphfeed.loaders.records import Chunk
from graphfeed.loaders.rejected import Rejects

_LATIN = "iso-8859-1"
_ARTISTS = LineForm(("id", "name", "url", "pictureURL"), "\t", heading=True, fallback=_LATIN)
_TAGS = LineForm(("tagID", "tagValue"), "\t", heading=True, fallback=_LATIN)
_LISTENED = LineForm(("userID", "artistID", "weight"), "\t", heading=True)
_FRIENDS = LineForm(("userID", "friendID"), "\t", heading=True)
_NO_COUNT = "the weight should be a listening count of 1 or more"
_NEEDED = ("artists.dat", "user_artists.dat")


class HetrecLoader:
    """Loads the folder with artists.dat, or whose ``raw`` has it. Raises ConfigError for options that do not fit."""

    name = "hetrec"

    def __init__(
        self,
        folder: Path,
        *,
        train: Path | None = None,
        test: Path | None = None,
        kg: Path | None = None,
        kg_items: Path | None = None,
    ) -> None:
        if (train is None) != (test is None):
            raise ConfigError("a published split of hetrec needs both of its files: train and test")
        if (kg is None) != (kg_items is None):
            raise ConfigError(
                "a knowledge graph of hetrec needs its triples and which entity an artist is: kg, kg_items"
            )
        self.folder = folder / "raw" if (folder / "raw" / _NEEDED[0]).is_file() else folder
        self._split = PublishedSplit(train, test) if train is not None and test is not None else None
        beside = folder / "kg_ripplenet"
        if kg is None and (beside / "kg.txt").is_file():
            kg, kg_items = beside / "kg.txt", beside / "item_index2entity_id.txt"
        self._kg, self._kg_items = kg, kg_items

    def chunks(self, rejects: Rejects) -> Iterator[Chunk]:
        """Read the files as a stream; see ``Loader.chunks``.

        Raises SourceError also where the split's ids are not those of the data.
        """
        for file in _NEEDED:
            if not (self.folder / file).is_file():
                there = ", ".join(sorted(p.name for p in self.folder.glob("*.dat"))) or "no .dat file"
                raise SourceError(
                    f"{self.folder} has no {file}, expected the folder of HetRec 2011's lastfm-2k; there is: {there}"
                )
        names: dict[str, str | None] = {}
        yield from self._artists(rejects, names)
        yield from self._tags(rejects)
        if self._split is None:
            yield from self._listened(rejects)
        else:
            yield from self._split.chunks(self._counts(rejects), rejects)
        if (friends := self.folder / "user_friends.dat").is_file():
            yield from friend_chunks(friends, rejects, both_ways=True, form=_FRIENDS, platform=PLATFORM)
        if (taggings := Taggings.find(self.folder, self._split)) is not None:
            yield from taggings.chunks(rejects, names.keys(), with_tags=not (self.folder / "tags.dat").is_file())
        if self._kg is not None:
            knowledge = KnowledgeGraph(self._kg, self._kg_items, prefix="e", names=names, kind="artist")
            yield from knowledge.chunks(rejects)

    def _artists(self, rejects: Rejects, names: dict[str, str | None]) -> Iterator[Chunk]:
        path = self.folder / "artists.dat"
        artists = Collector(path.name, ("id", "kind", "title", "url", "platform"), label="Post")
        for batch in batches(field_lines(path, _ARTISTS, rejects)):
            for line, (id_, name, url, picture) in batch:
                raw = {"id": id_, "name": name, "url": url, "pictureURL": picture}
                artists.add(line, raw, id_, "artist", name, url, PLATFORM)
            for chunk in artists.take(rejects)[0]:
                names.update(zip(chunk.rows["id"].to_pylist(), chunk.rows["title"].to_pylist(), strict=True))
                yield chunk

    def _tags(self, rejects: Rejects) -> Iterator[Chunk]:
        path = self.folder / "tags.dat"
        if not path.is_file():
            return
        tags = Collector(path.name, ("id", "name", "kind"), label="Entity")
        for batch in batches(field_lines(path, _TAGS, rejects)):
            for line, (id_, name) in batch:
                tags.add(line, {"tagID": id_, "tagValue": name}, id_, name, "tag")
            yield from tags.take(rejects)[0]

    def _listened(self, rejects: Rejects) -> Iterator[Chunk]:
        path = self.folder / "user_artists.dat"
        liked = Collector(path.name, ("source", "target", "count"), type="LIKED")
        for batch in batches(field_lines(path, _LISTENED, rejects)):
            for line, (user, artist, weight) in batch:
                raw = {"userID": user, "artistID": artist, "weight": weight}
                if _is_count(weight):
                    liked.add(line, raw, user, artist, weight)
                else:
                    rejects.reject(path.name, line, "bad number", _NO_COUNT, str(raw))
            for chunk in liked.take(rejects)[0]:
                yield from after_users(chunk, PLATFORM)

    def _counts(self, rejects: Rejects) -> dict[Pair, int]:
        """The listening count of every pair; the rows themselves are those of the split."""
        path = self.folder / "user_artists.dat"
        counts: dict[Pair, int] = {}

        def is_bad(_: int, fields: list[str]) -> bool:
            user, artist, weight = fields
            if _is_count(weight):
                counts[user, artist] = int(weight)
            return (user, artist) not in counts

        for line, fields in field_lines(path, _LISTENED, rejects, is_bad):
            rejects.reject(path.name, line, "bad number", _NO_COUNT, "  ".join(fields))
        return counts


def _is_count(weight: str) -> bool:
    return weight.isascii() and weight.isdigit() and len(weight) < 16 and int(weight) > 0

"""``bluesky``: repositories of Bluesky (the AT Protocol) in any of the ways in which they are exported.

A file, or a folder of such files, of one account or many:

- ``.car``, what "Export my data" gives (needs libipld);
- ``.json``: a list of records, each with ``uri`` and ``value``, alone or as ``records`` of what listRecords answers;
- ``.jsonl``, ``.ndjson``, also with ``.gz``: such a record on each line, or an event of Jetstream, of which the latest
  version counts and deleted records go;
- folders ``DID/collection/key.json``, as tools unpack a repository.

Profiles are Users by their DID, posts Posts by their address with POSTED, REPLIES_TO, COMMENTED on what somebody else
wrote, LINKS_TO of kind ``quote``, and their hashtags as Entities of kind ``tag``; likes are LIKED, reposts SHARED,
follows FOLLOWS, blocks BLOCKED, all with their time. Records of other kinds are passed over. A post of somebody else is
known by its address alone, which tells its author and its time.

Memory holds a chunk and the addresses of such posts; a .car is read as a whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import groupby
from operator import attrgetter
from pathlib import Path

from graphfeed.errors import SourceError
from graphfeed.loaders.activity_records import ActivityRecords
from graphfeed.loaders.addresses import Elsewhere, tell_records
from graphfeed.loaders.bluesky_files import RECORD_FILES, read_records
from graphfeed.loaders.bluesky_records import PLATFORM, POST, BlueskyRecords
from graphfeed.loaders.chunks import batches, rarely_collected
from graphfeed.loaders.records import CHUNK_ROWS, Chunk
from graphfeed.loaders.rejected import Rejects

_RECORDS = 10_000


class BlueskyLoader:
    """Loads a file, or all of a folder."""

    name = "bluesky"

    def __init__(self, path: Path) -> None:
        self.path = path

    def chunks(self, rejects: Rejects) -> Iterator[Chunk]:
        """Read the files as a stream; see ``Loader.chunks``.

        Raises ConfigError where a .car is there and libipld is not.
        """
        if not self.path.exists():
            raise SourceError(f"{self.path} is not there: expected an export of Bluesky, or a folder of such")
        found = False
        with rarely_collected():
            for chunk in self._files(rejects):
                found = True
                yield chunk
        if not found and not rejects.rows_read and not rejects.rows_passed_over:
            raise SourceError(f"{self.path} has no record of Bluesky: expected {', '.join(RECORD_FILES)}, or folders")

    def _files(self, rejects: Rejects) -> Iterator[Chunk]:
        records = ActivityRecords(Elsewhere(PLATFORM, partial(tell_records, collection=POST)))
        for file, own in groupby(read_records(self.path, rejects), key=attrgetter("file")):
            under_way = BlueskyRecords(file, records)
            for batch in batches(own, _RECORDS):
                under_way.take(batch, rejects)
                if len(records) >= CHUNK_ROWS:
                    yield from records.chunks(rejects)
        yield from records.chunks(rejects)

"""``mastodon``: archives of accounts, as Mastodon (and other servers of ActivityPub) give them to their owners.

An archive is a folder, a .tar.gz or a .zip with actor.json, outbox.json, likes.json and bookmarks.json; a folder of
several archives is a community. The actor is a User, activities are as in ``graphfeed.loaders.activities``, likes are
LIKED and bookmarks SAVED, without a time: the archive has none. Where following_accounts.csv, blocked_accounts.csv and
muted_accounts.csv (a page of their own in Mastodon's settings) stand beside, they are FOLLOWS, BLOCKED and MUTED.

Posts that are addressed to some people only are left out unless ``private``. A post of somebody else is known by its
address alone, which tells its author and its time where Mastodon made it.

Archives are taken together until there are enough rows for a chunk. Memory holds that, and the ids of one archive's
posts.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from graphfeed.errors import SourceError
from graphfeed.loaders.activities import PLATFORM, Outbox, Revisions, id_of
from graphfeed.loaders.activity_records import ActivityRecords
from graphfeed.loaders.addresses import Elsewhere, tell_statuses
from graphfeed.loaders.archives import is_archive, unpacked
from graphfeed.loaders.chunks import batches, rarely_collected
from graphfeed.loaders.files import open_bytes
from graphfeed.loaders.gathered import holds_any
from graphfeed.loaders.itemstream import is_encodable, json_items, shown_item
from graphfeed.loaders.posthtml import post_text
from graphfeed.loaders.records import CHUNK_ROWS, Chunk
from graphfeed.loaders.rejected import Rejects

FILES = ("actor.json", "outbox.json", "likes.json", "bookmarks.json")
_TIES = {"following_accounts.csv": "FOLLOWS", "blocked_accounts.csv": "BLOCKED", "muted_accounts.csv": "MUTED"}
WANTED = (*FILES, *_TIES)
"""What is read of an archive: its pictures and films are left where they are."""

_KEYS = ("orderedItems", "items")
_ITEMS = 25_000


class MastodonLoader:
    """Loads an archive, or every archive in a folder. ``private``: also posts that are not for everybody."""

    name = "mastodon"

    def __init__(self, path: Path, *, private: bool = False) -> None:
        self.path, self._private = path, private

    def chunks(self, rejects: Rejects) -> Iterator[Chunk]:
        """Read the archives as a stream; see ``Loader.chunks``."""
        with rarely_collected():
            records = ActivityRecords(Elsewhere(PLATFORM, tell_statuses))
            for _ in self._all_archives(records, rejects):
                if len(records) >= CHUNK_ROWS:
                    yield from records.chunks(rejects)
            yield from records.chunks(rejects)

    def _all_archives(self, records: ActivityRecords, rejects: Rejects) -> Iterator[None]:
        """Add what the archives say to the records, with a pause after every batch."""
        archives = self._archives()
        for archive in archives:
            shown = "" if len(archives) == 1 else f"{archive.name}/"
            with unpacked(archive, WANTED) as folder:
                yield from self._archive(folder, shown, records, rejects)

    def _archives(self) -> list[Path]:
        if is_archive(self.path) or (self.path / "actor.json").is_file():
            return [self.path]
        inside = sorted(self.path.iterdir()) if self.path.is_dir() else []
        found = [path for path in inside if is_archive(path) or (path / "actor.json").is_file()]
        if not found:
            raise SourceError(
                f"{self.path} has no actor.json: expected the archive of a Mastodon account (a folder, .tar.gz or"
                " .zip), or a folder of such archives"
            )
        return found

    def _archive(self, folder: Path, shown: str, records: ActivityRecords, rejects: Rejects) -> Iterator[None]:
        if not (folder / "actor.json").is_file():
            raise SourceError(
                f"{shown.rstrip('/') or self.path} has no actor.json: expected a Mastodon account's archive"
            )
        actor = _read_object(folder / "actor.json")
        id_ = id_of(actor)
        if not id_:
            raise SourceError(f"{shown}actor.json has no id: expected an actor of ActivityPub")
        _add_user(actor, id_, f"{shown}actor.json", records, rejects)
        names: dict[str, str] = {}
        if (path := folder / "outbox.json").is_file():
            yield from self._outbox(path, f"{shown}outbox.json", id_, names, records, rejects)
        for file, type_ in (("likes.json", "LIKED"), ("bookmarks.json", "SAVED")):
            if (path := folder / file).is_file():
                yield from _add_liked(path, shown + file, id_, type_, records, rejects)
        for file, type_ in _TIES.items():
            if (path := folder / file).is_file():
                _add_ties(path, shown + file, id_, type_, names, records, rejects)
                yield

    def _outbox(
        self, path: Path, file: str, actor: str, names: dict[str, str], records: ActivityRecords, rejects: Rejects
    ) -> Iterator[None]:
        revisions = Revisions()
        outbox = Outbox(file, actor, revisions, records, private=self._private)
        with open_bytes(path) as stream:
            for number, batch in enumerate(
                batches(json_items(stream, file, _KEYS, _complaining(file, rejects)), _ITEMS)
            ):
                if number == 0 and len(batch) < _ITEMS:
                    revisions.note_all(batch)  # it is all there is
                elif number == 0:
                    _find_revisions(path, file, revisions)
                outbox.take(batch, rejects)
                yield
        names.update(outbox.names)


def _find_revisions(path: Path, file: str, revisions: Revisions) -> None:
    """What was edited, deleted or undone. Mastodon's own archives say nothing of it: they are read once."""
    if not holds_any(path, (b'"Update"', b'"Delete"', b'"Undo"')):
        return
    with open_bytes(path) as stream:
        for _, item in json_items(stream, file, _KEYS, lambda *_: None):
            revisions.note(item)


def _complaining(file: str, rejects: Rejects) -> Any:
    def complain(number: int, reason: str, detail: str, row: str) -> None:
        rejects.read(file)
        rejects.reject(file, number, reason, detail, row)

    return complain


def _read_object(path: Path) -> dict[str, Any]:
    with open_bytes(path) as stream:
        try:
            found = json.loads(stream.read())
        except (ValueError, RecursionError) as error:
            raise SourceError(f"{path.name} is no JSON: {error}") from error
    if not isinstance(found, dict) or not is_encodable(found):
        raise SourceError(f"{path.name}: expected an actor of ActivityPub, found {shown_item(found)[:50]}")
    return found


def _add_user(actor: dict[str, Any], id_: str, file: str, records: ActivityRecords, rejects: Rejects) -> None:
    texts = {
        key: value
        for key in ("name", "preferredUsername", "summary", "published")
        if isinstance(value := actor.get(key), str)
    }
    name, about = post_text(texts.get("name")) or texts.get("preferredUsername"), post_text(texts.get("summary"))
    rejects.read(file)
    place = records.places.begin(file) + 1
    records.users.add(place, {"id": id_}, id_, name, about, PLATFORM, texts.get("published"))


def _add_liked(
    path: Path, file: str, user: str, type_: str, records: ActivityRecords, rejects: Rejects
) -> Iterator[None]:
    """What somebody liked or saved, the addresses of posts. Who wrote them is known where the addresses say it."""
    acts, begin = records.acts[type_], records.places.begin(file)
    with open_bytes(path) as stream:
        for batch in batches(json_items(stream, file, _KEYS, _complaining(file, rejects)), _ITEMS):
            rejects.read(file, len(batch))
            for line, item in batch:
                post = id_of(item)
                acts.add(begin + line, {"item": post}, user, post, None)
            yield


def _add_ties(
    path: Path, file: str, user: str, type_: str, names: dict[str, str], records: ActivityRecords, rejects: Rejects
) -> None:
    """Accounts by their names, ``bob@example.net``: those that no post mentions get the address that Mastodon gives."""
    ties, begin = records.acts[type_], records.places.begin(file)
    with open_bytes(path) as stream:
        rows = csv.reader(line.decode("utf-8-sig", "surrogateescape") for line in stream)
        for number, row in enumerate(rows, 1):
            name = row[0].strip().lstrip("@").lower() if row else ""
            if not name or (number == 1 and "@" not in name):
                continue
            rejects.read(file)
            local, _, host = name.partition("@")
            if not local or not host or not is_encodable(name):
                rejects.reject(file, number, "ragged line", "expected an account like bob@example.net", name)
                continue
            target = names.get(name) or f"https://{host}/users/{local}"
            ties.add(begin + number, {"account": name}, user, target, None)

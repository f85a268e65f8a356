"""``pairs``: lines of a user id and then item ids, separated by white space, as recommenders' data is published.

A pair is a row: (User)-[:LIKED]->(Post) without a time, or HELD_OUT where it stands in the test file. Of a folder
``train.txt`` is loaded, and ``test.txt`` if it is there.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from graphfeed.errors import SourceError
from graphfeed.loaders.files import open_bytes
from graphfeed.loaders.implied import first_rows
from graphfeed.loaders.records import (
    CHUNK_ROWS,
    RELATIONSHIP_TYPES,
    TEXT,
    Chunk,
    Nodes,
    Relationships,
    node_schema,
    relationship_schema,
)
from graphfeed.loaders.rejected import Rejects
from graphfeed.loaders.values import ID_BYTES


class PairsLoader:
    """Loads one file of pairs, or a folder with train.txt and perhaps test.txt; ``test`` names another test file."""

    name = "pairs"

    def __init__(self, path: Path, *, test: Path | None = None) -> None:
        is_folder = path.is_dir()
        self.train = path / "train.txt" if is_folder else path
        self.test = test if test is not None or not is_folder else path / "test.txt"
        self._test_is_optional = test is None

    def chunks(self, rejects: Rejects) -> Iterator[Chunk]:
        """Read the files as a stream; see ``Loader.chunks``.

        Raises SourceError where a file has no pair at all.
        """
        yield from self._file(self.train, "LIKED", rejects)
        if self.test is not None and (self.test.is_file() or not self._test_is_optional):
            yield from self._file(self.test, "HELD_OUT", rejects)

    def _file(self, path: Path, type_: str, rejects: Rejects) -> Iterator[Chunk]:
        users: list[str] = []
        items: list[str] = []
        lines: list[int] = []
        pairs = 0
        with open_bytes(path) as stream:
            for number, line in enumerate(stream, 1):
                user, found, bad = _pairs_of(line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line)
                rejects.read(path.name, len(found) + bad)
                pairs += len(found) + bad
                for _ in range(bad):
                    shown = line.decode("utf-8", "backslashreplace").rstrip()
                    rejects.reject(path.name, number, "wrong encoding", "the user or the item is not UTF-8", shown)
                user, found = self._short(path.name, number, user, found, rejects)
                if user and not found:
                    yield _implied("User", [user], [number], path.name)
                users += [user] * len(found)
                items += found
                lines += [number] * len(found)
                if len(users) >= CHUNK_ROWS:
                    yield from _chunks(users, items, lines, type_, path.name)
                    users, items, lines = [], [], []
        yield from _chunks(users, items, lines, type_, path.name)
        if not pairs:
            raise SourceError(f"{path} has no pair: expected lines of a user id and item ids, separated by white space")

    @staticmethod
    def _short(file: str, line: int, user: str, items: list[str], rejects: Rejects) -> tuple[str, list[str]]:
        """The user and the items that are short enough for ids; the other pairs are rejected."""
        short = [item for item in items if _is_short(item)] if _is_short(user) else []
        for _ in range(len(items) - len(short)):
            rejects.reject(file, line, "long id", f"an id has more than {ID_BYTES:,} bytes", user[:100])
        return (user if _is_short(user) else ""), short


def _is_short(id_: str) -> bool:
    return len(id_) <= ID_BYTES // 4 or len(id_.encode()) <= ID_BYTES


def _pairs_of(line: bytes) -> tuple[str, list[str], int]:
    """The user, the items, and how many pairs cannot be read."""
    try:
        user, *items = line.decode().split() or [""]
        return user, items, 0
    except UnicodeDecodeError:
        name, *words = line.split()
        readable = [word for word in words if _is_utf8(word)] if _is_utf8(name) else []
        return name.decode("utf-8", "replace"), [word.decode() for word in readable], len(words) - len(readable)


def _is_utf8(word: bytes) -> bool:
    try:
        word.decode()
    except UnicodeDecodeError:
        return False
    return True


def _chunks(users: list[str], items: list[str], lines: list[int], type_: str, file: str) -> Iterator[Chunk]:
    if not users:
        return
    for label, ids in (("User", users), ("Post", items)):
        yield _implied(label, ids, lines, file)
    split = {"split": pa.repeat(pa.scalar("test", TEXT), len(users))}
    columns: dict[str, pa.Array] = {
        "source": pa.array(users, TEXT),
        "target": pa.array(items, TEXT),
        **{name: pa.nulls(len(users), kind) for name, kind in RELATIONSHIP_TYPES[type_].properties.items()},
        **(split if type_ == "HELD_OUT" else {}),
        "line": pa.array(lines, pa.int64()),
    }
    yield Relationships(type_, "User", "Post", pa.table(columns, schema=relationship_schema(type_)), file)


def _implied(label: str, ids: list[str], lines: list[int], file: str) -> Nodes:
    given = {"id": pa.array(ids, TEXT), "line": pa.array(lines, pa.int64())}
    schema = node_schema(label)
    columns = [given[f.name] if f.name in given else pa.nulls(len(ids), f.type) for f in schema]
    rows = first_rows(pa.table(columns, schema=schema))
    return Nodes(label, rows, file, primary=False, implied=True)

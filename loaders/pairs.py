"""``pairs``: lines of a user id and then item ids, separated by white space, as recommenders' data is published.

A pair is a row: (User)-[:LIKED]->(Post) without a time, or HELD_OUT where it stands in the test file. Of a folder
``train.txt`` is loaded, and ``test.txt`` if it is there. Beside them there may be files of friends (FOLLOWS), of a
knowledge graph (Entities, RELATED_TO, MENTIONS) and of the items' texts.

Memory holds one chunk; with a knowledge graph and no file of its items also the items' ids, with friends both ways also
every two friends.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from graphfeed.errors import ConfigError, SourceError
from graphfeed.loaders.chunks import make_implied, make_relationships
from graphfeed.loaders.files import open_bytes
from graphfeed.loaders.friends import friend_chunks
from graphfeed.loaders.knowledge import KnowledgeGraph
from graphfeed.loaders.records import CHUNK_ROWS, Chunk
from graphfeed.loaders.rejected import Rejects
from graphfeed.loaders.texts import text_chunks
from graphfeed.loaders.values import ID_BYTES


class PairsLoader:
    """Loads one file of pairs, or a folder with train.txt and perhaps test.txt; ``test`` names another test file.

    ``friends``: two user ids per line, FOLLOWS from the first to the second, with ``friends_both_ways`` also back.
    ``kg``: head, relation and tail per line; ``kg_items``: item and entity id per line, without it an entity with an
    item's id is that item. ``text``: an item's id, a tab, its text.
    """

    name = "pairs"

    def __init__(
        self,
        path: Path,
        *,
        test: Path | None = None,
        friends: Path | None = None,
        friends_both_ways: bool = False,
        kg: Path | None = None,
        kg_items: Path | None = None,
        text: Path | None = None,
    ) -> None:
        if kg_items is not None and kg is None:
            raise ConfigError("kg_items says which entity an item is, and needs the triples of a knowledge graph (kg)")
        if friends_both_ways and friends is None:
            raise ConfigError("friends_both_ways needs a file of friends (friends)")
        is_folder = path.is_dir()
        self.train = path / "train.txt" if is_folder else path
        self.test = test if test is not None or not is_folder else path / "test.txt"
        self._test_is_optional = test is None
        self.friends, self.text, self._both_ways = friends, text, friends_both_ways
        self.knowledge = KnowledgeGraph(kg, kg_items) if kg is not None else None
        self._items: set[str] | None = set() if kg is not None and kg_items is None else None

    def chunks(self, rejects: Rejects) -> Iterator[Chunk]:
        """Read the files as a stream; see ``Loader.chunks``.

        Raises SourceError where a file has no row at all, or the knowledge graph has no entity that is an item.
        """
        if self.text is not None:
            yield from text_chunks(self.text, rejects)
        yield from self._file(self.train, "LIKED", rejects)
        if self.test is not None and (self.test.is_file() or not self._test_is_optional):
            yield from self._file(self.test, "HELD_OUT", rejects)
        if self.friends is not None:
            yield from friend_chunks(self.friends, rejects, both_ways=self._both_ways)
        if self.knowledge is not None:
            yield from self.knowledge.chunks(rejects, self._items or ())

    def _file(self, path: Path, type_: str, rejects: Rejects) -> Iterator[Chunk]:
        yield from pair_file(path, type_, rejects, self._items)


def pair_file(
    path: Path,
    type_: str,
    rejects: Rejects,
    seen: set[str] | None = None,
    known_as: tuple[Mapping[str, str] | None, Mapping[str, str] | None] = (None, None),
) -> Iterator[Chunk]:
    """A file's pairs as relationships of a type, after their users and posts. ``seen`` gets the items' ids.

    ``known_as``: ids to give users and items instead of the file's own; a pair of another one is dangling.

    Raises SourceError where the file has no pair.
    """
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
            user, found = _short(path.name, number, user, found, rejects)
            if seen is not None:
                seen.update(found)
            user, found = _renamed(path.name, number, user, found, known_as, rejects)
            if user and not found:
                yield make_implied("User", path.name, [number], id=[user])
            users += [user] * len(found)
            items += found
            lines += [number] * len(found)
            if len(users) >= CHUNK_ROWS:
                yield from pair_chunks(users, items, lines, type_, path.name)
                users, items, lines = [], [], []
    yield from pair_chunks(users, items, lines, type_, path.name)
    if not pairs:
        raise SourceError(f"{path} has no pair: expected lines of a user id and item ids, separated by white space")


def pair_chunks(users: list[str], items: list[str], lines: list[int], type_: str, file: str) -> Iterator[Chunk]:
    """Pairs as relationships of a type, HELD_OUT as the test's, after the users and posts that they refer to."""
    if not users:
        return
    yield make_implied("User", file, lines, id=users)
    yield make_implied("Post", file, lines, id=items)
    split = "test" if type_ == "HELD_OUT" else None  # a property that no other type has
    yield make_relationships(type_, file, lines, source=users, target=items, split=split)


def _short(file: str, line: int, user: str, items: list[str], rejects: Rejects) -> tuple[str, list[str]]:
    """The user and the items that are short enough for ids; the other pairs are rejected."""
    short = [item for item in items if _is_short(item)] if _is_short(user) else []
    for _ in range(len(items) - len(short)):
        rejects.reject(file, line, "long id", f"an id has more than {ID_BYTES:,} bytes", user[:100])
    return (user if _is_short(user) else ""), short


def _renamed(
    file: str,
    line: int,
    user: str,
    items: list[str],
    known_as: tuple[Mapping[str, str] | None, Mapping[str, str] | None],
    rejects: Rejects,
) -> tuple[str, list[str]]:
    """User and items by the ids that they are to have; pairs with one that has none are rejected."""
    users, names = known_as
    who = user if users is None else users.get(user, "")
    found = items if names is None else [name for item in items if (name := names.get(item))]
    if not who:
        found = []
    for _ in range(len(items) - len(found)):
        which = "user" if not who else "item"
        rejects.reject(file, line, "dangling key", f"the list of {which}s does not have the {which}", user)
    return who, found


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

"""``citeulike``: the folder of citeulike-t (or -a): who saved which articles on CiteULike, with words, tags, citations.

Articles are posts and users users, both by their place in the files, from "0" on; so are tags, as entities. Saves are
SAVED; of a split (``P1`` or ``P10``, in ``splits_cvae``: so many saves of each user are trained on) the train file's,
and the test file's are HELD_OUT. An article MENTIONS its tags. Citations are LINKS_TO: the file gives each in both
directions, so that who cites whom is not known. An article's citation of
itself is passed over.

An article's text is its bag of words: each word as often as it counts, the most frequent ones first, without an order
beyond that. TF-IDF takes it as it is; for a sentence encoder it is no sentence.

tag-item.dat does not say who gave a tag, so that a tag may know of a held-out save. Memory holds a chunk, the
vocabulary, and with a split its train pairs. Cite H. Wang, B. Chen, W.-J. Li (IJCAI 2013).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from graphfeed.errors import ConfigError, SourceError
from graphfeed.loaders.chunks import batches, make_implied, make_nodes, make_relationships
from graphfeed.loaders.countedlines import counted_lines, is_number
from graphfeed.loaders.fieldlines import shown_line
from graphfeed.loaders.files import open_bytes
from graphfeed.loaders.records import Chunk, Relationships
from graphfeed.loaders.rejected import Rejects

SPLITS = ("P1", "P10")
_NEEDED = ("users.dat", "mult.dat", "vocabulary.dat")
_PLATFORM = "citeulike"
_LINES = 2_000  # of a batch: some ten entries each, of tags up to two thousand
_MOST = 10_000  # times that one article may say a word: beyond it a count is a fault, which would fill the memory


class CiteulikeLoader:
    """Loads the folder. ``split``: P1 or P10. Raises ConfigError for any other split."""

    name = "citeulike"

    def __init__(self, folder: Path, *, split: str | None = None) -> None:
        if split is not None and split not in SPLITS:
            raise ConfigError(f"unknown split {split!r} of citeulike. There are: {', '.join(SPLITS)}.")
        self.folder, self._split = folder, split

    def chunks(self, rejects: Rejects) -> Iterator[Chunk]:
        """Read the files as a stream; see ``Loader.chunks``.

        Raises SourceError also where a split has a pair in both of its files.
        """
        for file in _NEEDED:
            if not (self.folder / file).is_file():
                there = ", ".join(sorted(p.name for p in self.folder.glob("*.dat"))) or "no .dat file"
                raise SourceError(f"{self.folder} has no {file}, expected the folder of citeulike-t; there is: {there}")
        yield from self._articles(rejects)
        yield from self._tags(rejects)
        yield from self._saves(rejects)
        yield from self._citations(rejects)
        yield from self._mentions(rejects)

    def _articles(self, rejects: Rejects) -> Iterator[Chunk]:
        words = [word for _, word in self._names("vocabulary.dat", rejects, primary=False)]
        path = self.folder / "mult.dat"
        for batch in batches(counted_lines(path, rejects, ids=False, primary=False), _LINES):
            lines = [line for line, _ in batch]
            rejects.read(path.name, len(batch))
            texts = [None if bag is None else _text(bag, words, line, rejects) for line, bag in batch]
            ids = [str(line - 1) for line in lines]
            yield make_nodes("Post", path.name, lines, id=ids, kind="article", text=texts, platform=_PLATFORM)

    def _tags(self, rejects: Rejects) -> Iterator[Chunk]:
        if (self.folder / "tags.dat").is_file():
            for batch in batches(self._names("tags.dat", rejects)):
                named = [(line, name) for line, name in batch if name is not None]
                lines = [line for line, _ in named]
                ids, names = [str(line - 1) for line in lines], [name for _, name in named]
                yield make_nodes("Entity", "tags.dat", lines, id=ids, name=names, kind="tag")

    def _names(self, file: str, rejects: Rejects, *, primary: bool = True) -> Iterator[tuple[int, str | None]]:
        """Line and word of every line; None where it cannot be used, which is then rejected."""
        with open_bytes(self.folder / file) as stream:
            for number, line in enumerate(stream, 1):
                if primary:
                    rejects.read(file)
                text = (line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line).strip()
                try:
                    name = text.decode() or None
                    fault = "empty id", "the line is empty: expected a word"
                except UnicodeDecodeError:
                    name, fault = None, ("wrong encoding", "some of its bytes are not UTF-8")
                if name is None:
                    rejects.reject(file, number, *fault, shown_line(line), primary=primary)
                yield number, name

    def _saves(self, rejects: Rejects) -> Iterator[Chunk]:
        if self._split is None:
            for file, rows in _pairs(self.folder / "users.dat", rejects):
                yield from rows.chunks("SAVED", file)
            return
        train, test = (
            self.folder / "splits_cvae" / f"cf-{part}-{self._split.removeprefix('P')}-users.dat"
            for part in ("train", "test")
        )
        trained: set[tuple[str, str]] = set()
        for file, rows in _pairs(train, rejects):
            trained.update(zip(rows.sources, rows.targets, strict=True))
            yield from rows.chunks("SAVED", file)
        for file, rows in _pairs(test, rejects):
            for user, article in zip(rows.sources, rows.targets, strict=True):
                if (user, article) in trained:
                    raise SourceError(
                        f"{test}: user {user} and article {article} are in {train.name} as well: a test pair must not"
                        " be trained on"
                    )
            yield from rows.chunks("HELD_OUT", file, split="test")

    def _citations(self, rejects: Rejects) -> Iterator[Chunk]:
        path = self.folder / "citations.dat"
        if path.is_file():
            for file, rows in _pairs(path, rejects, itself=False):
                yield rows.relationships("LINKS_TO", file, kind="citation")

    def _mentions(self, rejects: Rejects) -> Iterator[Chunk]:
        path = self.folder / "tag-item.dat"
        if not path.is_file():
            return
        unnamed = not (self.folder / "tags.dat").is_file()
        for file, rows in _pairs(path, rejects):
            if unnamed:
                yield make_implied("Entity", file, rows.own_lines, id=rows.own_ids, kind="tag")
            yield rows.turned().relationships("MENTIONS", file, confidence=1.0, said_by="data")


@dataclass(frozen=True)
class _Pairs:
    """What some lines say: from each line's own id to each of its entries. ``own_*`` has each line once."""

    own_ids: list[str]
    own_lines: list[int]
    sources: list[str]
    targets: list[str]
    lines: list[int]

    def chunks(self, type_: str, file: str, **columns: str) -> Iterator[Chunk]:
        """The relationships, after their users, also those without any."""
        yield make_implied("User", file, self.own_lines, id=self.own_ids, platform=_PLATFORM)
        yield self.relationships(type_, file, **columns)

    def relationships(self, type_: str, file: str, **columns: Any) -> Relationships:
        """The relationships alone."""
        return make_relationships(type_, file, self.lines, source=self.sources, target=self.targets, **columns)

    def turned(self) -> Self:
        """The same from the entries to the lines."""
        return replace(self, sources=self.targets, targets=self.sources)


def _pairs(path: Path, rejects: Rejects, *, itself: bool = True) -> Iterator[tuple[str, _Pairs]]:
    for batch in batches(counted_lines(path, rejects, itself=itself), _LINES):
        usable = [(line, str(line - 1), entries) for line, entries in batch if entries is not None]
        rows = [(line, own, entry) for line, own, entries in usable for entry in entries]
        lines, sources, targets = (list(column) for column in zip(*rows, strict=True)) if rows else ([], [], [])
        yield path.name, _Pairs([own for _, own, _ in usable], [line for line, *_ in usable], sources, targets, lines)


def _text(bag: list[str], words: list[str | None], line: int, rejects: Rejects) -> str | None:
    """The words of an article, each as often as it counts; an entry that cannot be used is left out and rejected."""
    counted: list[tuple[int, str]] = []
    faults: list[str] = []
    for entry in bag:
        place, _, count = entry.partition(":")
        word = words[int(place)] if is_number(place) and int(place) < len(words) else None
        if word is None or not is_number(count) or int(count) > _MOST:
            faults.append(entry)
        else:
            counted.append((int(count), word))
    if faults:
        detail = f"{len(faults)} of its {len(bag)} entries are no place in the vocabulary and count: {faults[0][:50]!r}"
        rejects.reject("mult.dat", line, "bad number", detail, " ".join(faults), primary=False)
    counted.sort(key=lambda item: -item[0])
    return " ".join(word for count, word in counted for _ in range(count)) or None

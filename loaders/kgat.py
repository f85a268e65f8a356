"""``kgat``: the folder of a data set of KGAT: pairs in a published split, and a knowledge graph around the items.

train.txt and test.txt are pairs (LIKED, HELD_OUT), kg_final.txt (or kg_final.txt.gz, kg.txt) is triples of numbers, in
which an entity below the number of items is that item. Where user_list.txt, item_list.txt, entity_list.txt and
relation_list.txt are there they turn the numbers back: people and items get the ids that they had before, entities
their Freebase ids, relations their names. A number that such a list does not have is dangling.

Memory holds a chunk and the lists. Cite X. Wang et al., KGAT: Knowledge Graph Attention Network for Recommendation
(KDD 2019).
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path

from graphfeed.errors import SourceError
from graphfeed.loaders.chunks import batches, make_nodes
from graphfeed.loaders.countedlines import is_number
from graphfeed.loaders.fieldlines import shown_line
from graphfeed.loaders.files import open_bytes
from graphfeed.loaders.knowledge import KnowledgeGraph
from graphfeed.loaders.pairs import pair_file
from graphfeed.loaders.records import Chunk
from graphfeed.loaders.rejected import Rejects
from graphfeed.loaders.values import ID_BYTES

_TRIPLES = ("kg_final.txt", "kg_final.txt.gz", "kg.txt")
_KIND = "item"


class KgatLoader:
    """Loads the folder with train.txt, test.txt and kg_final.txt."""

    name = "kgat"

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def chunks(self, rejects: Rejects) -> Iterator[Chunk]:
        """Read the files as a stream; see ``Loader.chunks``.

        Raises SourceError where a file is absent, or no entity is an item.
        """
        triples = next((self.folder / name for name in _TRIPLES if (self.folder / name).is_file()), None)
        missing = [name for name in ("train.txt", "test.txt") if not (self.folder / name).is_file()]
        if missing or triples is None:
            there = ", ".join(sorted(p.name for p in self.folder.glob("*.txt*"))) or "no .txt file"
            raise SourceError(
                f"{self.folder} has no {missing[0] if missing else _TRIPLES[0]}, expected a folder of KGAT with"
                f" train.txt, test.txt and kg_final.txt; there is: {there}"
            )
        users = yield from self._nodes("user_list.txt", "User", rejects)
        items = yield from self._nodes("item_list.txt", "Post", rejects)
        entities = yield from self._nodes("entity_list.txt", "Entity", rejects, kinds=items)
        seen: set[str] = set()
        for file, type_ in (("train.txt", "LIKED"), ("test.txt", "HELD_OUT")):
            yield from pair_file(self.folder / file, type_, rejects, seen, (users, items))
        relations = self._relations(rejects)
        knowledge = KnowledgeGraph(triples, entities=entities, relations=relations, posts=items)
        yield from knowledge.chunks(rejects, seen if items is None else items)

    def _nodes(
        self, file: str, label: str, rejects: Rejects, kinds: dict[str, str] | None = None
    ) -> Generator[Chunk, None, dict[str, str] | None]:
        """The nodes of a list; returns their ids by number, None where there is no such list.

        ``kinds``: the items, whose entities are of their kind.
        """
        if not (self.folder / file).is_file():
            return None
        found: dict[str, str] = {}
        known = kinds or {}
        for batch in batches(_list_lines(self.folder / file, found, rejects)):
            lines, numbers = zip(*batch, strict=True)
            ids = [found[number] for number in numbers]
            kind = (
                None
                if label == "User"
                else [_KIND if label == "Post" or number in known else None for number in numbers]
            )
            yield make_nodes(label, file, lines, id=ids, kind=kind)
        return found

    def _relations(self, rejects: Rejects) -> dict[str, str] | None:
        """Names by number: the end of the address that the list has."""
        path = self.folder / "relation_list.txt"
        if not path.is_file():
            return None
        found: dict[str, str] = {}
        for _ in _list_lines(path, found, rejects, primary=False):
            pass
        return {number: name.rstrip("/").rpartition("/")[2] or name for number, name in found.items()}


def _list_lines(
    path: Path, found: dict[str, str], rejects: Rejects, *, primary: bool = True
) -> Iterator[tuple[int, str]]:
    """Line and number of every usable line of a list ``org_id remap_id [freebase_id]``, whose ids go to ``found``.

    An id may have blanks. The first line names the columns. ``primary`` False: lines are no rows.
    """
    taken: set[str] = set()
    with open_bytes(path) as stream:
        heading = next(stream, b"").removeprefix(b"\xef\xbb\xbf").split()
        if b"remap_id" not in heading:
            raise SourceError(
                f"{path}, line 1: expected the columns org_id remap_id, found: {shown_line(b' '.join(heading))!r}"
            )
        for line_number, line in enumerate(stream, 2):
            if not line.strip():
                continue
            rejects.read(path.name, int(primary))
            fault, id_, number = _parts(line, len(heading) - heading.index(b"remap_id"))
            if not fault and (number in found or id_ in taken):
                fault = "duplicate", f"the list gives {id_ if id_ in taken else number} twice"
            if fault:
                rejects.reject(path.name, line_number, *fault, shown_line(line), primary=primary)
                continue
            found[number] = id_
            taken.add(id_)
            yield line_number, number


def _parts(line: bytes, from_right: int) -> tuple[tuple[str, str] | None, str, str]:
    """What is wrong with a line, its id and its number. An item without a Freebase id has one column fewer."""
    try:
        text = line.decode()
    except UnicodeDecodeError:
        return ("wrong encoding", "some of its bytes are not UTF-8"), "", ""
    for columns in range(from_right, 0, -1):
        words = text.rsplit(None, columns)
        if len(words) == columns + 1 and is_number(words[1]):
            id_ = words[0].strip()
            long = len(id_.encode()) > ID_BYTES
            return (("long id", f"the id has more than {ID_BYTES:,} bytes") if long else None), id_, words[1]
    is_cut = not line.endswith(b"\n")
    return ("truncated line" if is_cut else "ragged line", "expected an id and its number"), "", ""

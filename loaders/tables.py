"""``tables``: a folder of CSV, TSV, JSON Lines and Parquet files, mapped to the graph by ``graphfeed.toml``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from graphfeed.errors import ConfigError
from graphfeed.loaders.delimited import Block, Dialect
from graphfeed.loaders.files import kind_of, read_blocks
from graphfeed.loaders.mapped import MappedTables
from graphfeed.loaders.mapping import TableMapping
from graphfeed.loaders.records import Chunk
from graphfeed.loaders.rejected import Rejects
from graphfeed.loaders.typed import Entry
from graphfeed.loaders.values import Complain


class TablesLoader:
    """Loads the table files of a folder as a mapping (``parse_mapping``) says.

    Raises ConfigError where two entries read one file in different ways, or no entry names a file.
    """

    name = "tables"

    def __init__(self, folder: Path, mapping: TableMapping) -> None:
        self.folder = folder
        self._entries = mapping.entries("file")
        by_file: dict[str, list[Entry]] = {}
        for entry in self._entries:
            by_file.setdefault(entry.file, []).append(entry)
        self._dialects = {file: _dialect(file, entries) for file, entries in by_file.items()}

    def chunks(self, rejects: Rejects) -> Iterator[Chunk]:
        """Read the files as a stream; see ``Loader.chunks``.

        Raises ConfigError for a column that a file does not have.
        """
        yield from MappedTables(self._entries, self).chunks(rejects)

    def blocks(self, table: str, columns: Sequence[str], keys: Sequence[str], complain: Complain) -> Iterator[Block]:
        """See ``TableReader.blocks``."""
        yield from read_blocks(self.folder / table, columns, keys, self._dialects[table], complain)


def _dialect(file: str, entries: list[Entry]) -> Dialect:
    found = {(entry.separator, entry.encoding) for entry in entries}
    if len(found) > 1:
        raise ConfigError(f"{file}: its entries differ in `separator` or `encoding`: a file is read in one way")
    separator, encoding = found.pop()
    try:
        "".encode(encoding)
    except LookupError:
        raise ConfigError(f"{file}: unknown encoding {encoding!r}; usual ones are utf-8, iso-8859-1, cp1252") from None
    return Dialect(separator or ("\t" if kind_of(Path(file)) == "tsv" else ","), encoding)

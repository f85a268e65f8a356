"""The ``<row …/>`` elements of a dump file as a stream, each with its line.

Expat reads block by block and builds no tree, so memory does not grow with the file. A document type is refused: with
it go entity expansion and references to other files.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from xml.parsers import expat

from graphfeed.errors import SourceError

_BLOCK_BYTES = 1_000_000

XmlRow = tuple[int, dict[str, str]]
"""Line (1-based) and attributes."""


def xml_rows(path: Path) -> Iterator[XmlRow]:
    """The rows of one file.

    Raises SourceError, with line and column, for a file that is absent, empty, cut off or no XML.
    """
    if not path.is_file():
        raise SourceError(f"{path} is not there: expected an XML file of a dump")
    if path.stat().st_size == 0:
        raise SourceError(f"{path} is empty: expected XML with <row> elements")
    rows: list[XmlRow] = []
    parser = expat.ParserCreate()

    def start(name: str, attributes: dict[str, str]) -> None:
        if name == "row":
            rows.append((parser.CurrentLineNumber, attributes))

    def refuse(*_: object) -> None:
        where = f"{path}, line {parser.CurrentLineNumber}, column {parser.CurrentColumnNumber + 1}"
        raise SourceError(f"{where}: a document type is declared, which no dump has: refused")

    parser.StartElementHandler = start
    parser.StartDoctypeDeclHandler = refuse
    with path.open("rb") as stream:
        while True:
            block = stream.read(_BLOCK_BYTES)
            try:
                parser.Parse(block, not block)
            except expat.ExpatError as error:
                where = f"{path}, line {error.lineno}, column {error.offset + 1}"
                raise SourceError(f"{where}: not readable as XML: {expat.ErrorString(error.code)}") from error
            yield from rows
            rows.clear()
            if not block:
                return

"""The pages of the documentation, and the blocks in them.

In the source of a page a comment right before a block says what becomes of it in the tests. Every ``sh`` and ``python``
block is run as it stands, in the page's order, but for

- ``<!-- not run: REASON -->``: it is only parsed;
- ``<!-- not run (`COMMAND`, `COMMAND`): REASON -->``: the lines that begin so are only parsed;
- ``<!-- file: NAME -->``: it is written into that file;

Other comments are read by the tests of their page.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
DOCS = sorted((ROOT / "docs").glob("*.md"))
SHOWN = [README, *DOCS]
"""What is run."""
PAGES = [*SHOWN, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", ROOT / "benchmarks" / "README.md"]
_BLOCK = re.compile(r"(?:^<!-- (?P<mark>[^\n]*?) -->\n)?^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.M | re.S)
_NOT_RUN = re.compile(r"not run(?: \((?P<commands>[^)]*)\))?: (?P<reason>\S.*)")


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    page: Path
    line: int
    mark: str
    language: str
    text: str

    @property
    def place(self) -> str:
        return f"{self.page.relative_to(ROOT)}, line {self.line}"

    @property
    def file(self) -> str:
        """The file that it is written into; empty for none."""
        return self.mark.partition("file: ")[2]

    @property
    def left_out(self) -> tuple[str, ...]:
        """The beginnings of the commands that are not run; an empty one is the beginning of all."""
        if not self.mark.startswith("not run"):
            return ()
        found = _NOT_RUN.fullmatch(self.mark)
        assert found, f"{self.place}: a mark is <!-- not run: REASON -->, found {self.mark!r}"
        return tuple(re.findall(r"`([^`]+)`", found["commands"])) if found["commands"] else ("",)

    @property
    def runs(self) -> bool:
        return self.language in ("sh", "python") and "" not in self.left_out

    def lines(self) -> Iterator[str]:
        """The commands of a shell block as they stand; a quotation may go over several lines."""
        begun = ""
        for line in self.text.splitlines(keepends=True):
            begun += line
            try:
                words = shlex.split(begun, comments=True)
            except ValueError:
                continue
            if words:
                yield begun.strip()
            begun = ""
        assert not begun, f"{self.place}: a quotation is not closed"

    def commands(self) -> Iterator[list[str]]:
        """The words of each command of a shell block, comments left out."""
        for line in self.lines():
            yield shlex.split(line, comments=True)


def blocks(page: Path) -> list[Block]:
    """All blocks of a page, in its order."""
    text = page.read_text(encoding="utf-8")
    return [
        Block(page, text.count("\n", 0, m.start()) + 1, m["mark"] or "", m["language"], m["text"])
        for m in _BLOCK.finditer(text)
    ]


def prose(page: Path) -> str:
    """A page without its blocks."""
    return _BLOCK.sub("", page.read_text(encoding="utf-8"))


def words_of(page: Path) -> set[str]:
    """Everything that stands in `backquotes` outside of blocks, cut at what is no part of a name."""
    return {word for code in re.findall(r"`([^`\n]+)`", prose(page)) for word in re.findall(r"\w+(?:-\w+)*", code)}


def rows_of(page: Path) -> list[list[str]]:
    """The cells of every row of every table of a page."""
    lines = prose(page).splitlines()
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines if line.startswith("|")]

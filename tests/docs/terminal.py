"""A user at a terminal: types the blocks of a page in a folder. The commands run in this process."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from tests.docs.pages import Block

from graphfeed.cli import main

VARIABLES = ("GRAPHFEED_STORE", "GRAPHFEED_CONFIG", "NEO4J_URI", "NEO4J_USERNAME", "NEO4J_PASSWORD")


class Terminal:
    """``stands_for``: what is there in place of the pages' addresses. ``shortened``: words that follow a command's own,
    where the page's way would take minutes."""

    def __init__(
        self,
        folder: Path,
        patch: pytest.MonkeyPatch,
        *,
        stands_for: Mapping[str, str] | None = None,
        shortened: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self.folder, self.ran = folder, list[str]()
        self._patch, self._stands_for, self._shortened = patch, stands_for or {}, shortened or {}
        patch.chdir(folder)
        for name in VARIABLES:
            patch.setenv(name, "")  # and so, whatever a block exports, it is as before afterwards

    def type(self, block: Block) -> None:
        """Write the block's file, or run what it says; what is marked as not to be run is passed over."""
        text = block.text
        for name, there in self._stands_for.items():
            text = text.replace(name, there)
        block = Block(block.page, block.line, block.mark, block.language, text)
        if block.file:
            (self.folder / block.file).write_text(text, encoding="utf-8")
        elif block.runs and block.language == "python":
            exec(compile(text, block.place, "exec"), {"__name__": "__main__"})
        elif block.runs:
            for line in block.lines():
                if not any(line.startswith(begun) for begun in block.left_out):
                    self._command(line, block.place)

    def _command(self, line: str, place: str) -> None:
        program = line.split()[0]
        if program == "export":
            for name, value in self._exported(line).items():
                self._patch.setenv(name, value)
            return
        assert program == "graphfeed", f"{place}: {program} is run by nobody here: mark it as not run, with the reason"
        words = self._shell(f"printf '%s\\0' {line}").split("\0")[1:-1]
        with pytest.raises(SystemExit) as ended:
            main([*words, *self._shortened.get(words[0], ())])
        assert ended.value.code == 0, f"{place}: {line}"
        self.ran.append(words[0])

    def _exported(self, line: str) -> dict[str, str]:
        names = [word.partition("=")[0] for word in line.split()[1:] if "=" in word]
        printed = self._shell(f"{line}\nprintf '%s\\0' " + " ".join(f'"${name}"' for name in names))
        return dict(zip(names, printed.split("\0"), strict=False))

    def _shell(self, text: str) -> str:
        """What a shell makes of quotes, comments, variables, ~ and $(…)."""
        done = subprocess.run(["sh", "-euc", text], cwd=self.folder, env=os.environ, capture_output=True, text=True)
        assert done.returncode == 0, f"{text}: {done.stderr}"
        return done.stdout

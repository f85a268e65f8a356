"""Which Java is on this machine."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

# Where systems and version managers put them, each with the way from there to a home of Java.
_USUAL = (
    (Path("/usr/lib/jvm"), "*"),
    (Path("/Library/Java/JavaVirtualMachines"), "*/Contents/Home"),
    (Path("/opt/homebrew/opt"), "openjdk*"),
    (Path("~/.sdkman/candidates/java"), "*"),
)
_VERSION = re.compile(r'version "(?P<whole>(?:1\.)?(?P<major>\d+)[^"]*)"')


@dataclass(frozen=True)
class Java:
    """A Java that runs."""

    command: Path
    major: int
    version: str

    def __str__(self) -> str:
        return f"Java {self.version} ({self.command})"

    @property
    def home(self) -> Path:
        return self.command.resolve().parent.parent


def find_javas() -> list[Java]:
    """Each Java once: JAVA_HOME's first, then that on PATH, then those in the usual folders, newest first."""
    found: dict[Path, Java] = {}
    for command in _named():
        _add(found, command)
    others: dict[Path, Java] = {}
    for folder, pattern in _USUAL:
        for home in sorted(folder.expanduser().glob(pattern)):
            _add(others, home / "bin" / "java")
    for key, java in sorted(others.items(), key=lambda entry: -entry[1].major):
        found.setdefault(key, java)
    return list(found.values())


def _named() -> Iterator[Path]:
    if home := os.environ.get("JAVA_HOME"):
        yield Path(home) / "bin" / "java"
    if command := shutil.which("java"):
        yield Path(command)


def _add(found: dict[Path, Java], command: Path) -> None:
    key = command.resolve()
    if key in found or not os.access(command, os.X_OK):
        return
    if java := _asked(command):
        found[key] = java


def _asked(command: Path) -> Java | None:
    """What ``java -version`` says; None where it does not run: macOS has a stand-in that only says where to get one."""
    try:
        done = subprocess.run([command, "-version"], capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = _VERSION.search(done.stderr + done.stdout)
    return Java(command, int(match["major"]), match["whole"]) if match and done.returncode == 0 else None

"""What a Neo4j server says about itself, read for the sentence that tells why it died."""

from __future__ import annotations

from pathlib import Path

from graphfeed.graph.neo4j.server.home import Home

LOG = "neo4j.log"


def begin_log(home: Home) -> None:
    """Put the log of the former start aside, so that what the log says is of this one."""
    if (home.logs / LOG).exists():
        (home.logs / LOG).replace(home.logs / "neo4j.previous.log")


def errors_in_log(home: Home) -> list[str]:
    """The errors of the server's log and what they come from, in order."""
    return [line for line in lines_of(home.logs / LOG) if " ERROR " in line or line.startswith("Caused by")]


def lines_of(file: Path) -> list[str]:
    """The lines of a log, without Java's stack frames; none where there is no log."""
    try:
        return without_frames(file.read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return []


def without_frames(text: str) -> list[str]:
    """The lines of a text that say something."""
    lines = [line.strip() for line in text.splitlines()]
    return [line for line in lines if line and not line.startswith(("at ", "... "))]

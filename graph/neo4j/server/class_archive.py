"""Java's archive of loaded classes: with it Neo4j starts in about half the time.

    <cache>/neo4j/<version>/java-<version>-<which>.jsa    beside the jars that its classes come from; about 90 MB

The first server that runs without one writes it when it is stopped, which takes some seconds once, into its own folder;
whole, it goes to the jars. Java ignores an archive that does not fit the jars, their order or itself.
"""

from __future__ import annotations

import contextlib
import shutil
import zlib
from pathlib import Path

from graphfeed.graph.neo4j.server.home import Home, Served
from graphfeed.graph.neo4j.server.jars import cache_folder
from graphfeed.graph.neo4j.server.java import Java

_QUIET = "-Xlog:cds*=off"  # which classes it left out, or why it is ignored, is of no use to anybody


def options_with_archive(jars: Path, java: Java) -> list[str]:
    """Java's options to use the archive; none where there is none."""
    archive = _archive(jars, java)
    return [f"-XX:SharedArchiveFile={archive}", _QUIET] if archive.is_file() else []


def options_for_server(jars: Path, java: Java, home: Home) -> list[str]:
    """Java's options to use the archive, or to write one when the server ends."""
    _forget(home)
    made = home.folder / "run" / _archive(jars, java).name
    return options_with_archive(jars, java) or [f"-XX:ArchiveClassesAtExit={made}", _QUIET]


def keep_archive(served: Served, home: Home) -> None:
    """Move what a server has written that ended in order to its jars; without it the next one writes it again."""
    for made in (home.folder / "run").glob("java-*.jsa"):
        kept = cache_folder() / served.version / made.name
        beside = kept.with_suffix(f".{served.handle}")  # the cache may be on another disk: whole when it is renamed
        with contextlib.suppress(OSError):
            shutil.move(made, beside)
            beside.replace(kept)
        beside.unlink(missing_ok=True)
    _forget(home)


def _forget(home: Home) -> None:
    for made in (home.folder / "run").glob("java-*.jsa"):
        made.unlink(missing_ok=True)


def _archive(jars: Path, java: Java) -> Path:
    """A name for each Java: two of one version may be of different makers."""
    return jars / f"java-{java.version}-{zlib.crc32(str(java.home).encode()):08x}.jsa"

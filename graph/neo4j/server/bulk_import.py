"""Fill a development server's database with Neo4j's own importer: stopped, filled, started again."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

from graphfeed.errors import ServerError
from graphfeed.graph.neo4j.server.choice import choose_way
from graphfeed.graph.neo4j.server.home import Home
from graphfeed.graph.neo4j.server.jars import Say
from graphfeed.graph.neo4j.server.java_way import ONE_COMPILER, JavaWay
from graphfeed.graph.neo4j.server.server import start, stop
from graphfeed.graph.neo4j.server.settings import ServerSettings

_SMALL_BYTES = 300 << 20
"""Of all files. With 77 MB, Java's first compiler alone took a quarter less processor time than both; a long import
earns back what the second one costs."""


def import_database(home: Path, arguments: Path, database: str, say: Say) -> None:
    """Replace a database by what the files say that ``arguments`` names, with the server stopped meanwhile.

    Raises ServerError where the importer fails; the database is then empty, and the server runs again.
    """
    place = Home(home)
    served = place.served
    if served is None:
        raise ServerError(f"no server runs in {home}: start it with `graphfeed neo4j start`")
    settings = ServerSettings(
        home=place.folder,
        bolt_port=served.bolt_port,
        http_port=served.http_port,
        way=served.way,
        heap=served.heap,
        page_cache=served.page_cache,
    )
    way = choose_way(settings, place.release)
    stop(place.folder, say)
    try:
        say("importing")
        words = ("database", "import", "full", database, f"@{arguments}")
        if isinstance(way, JavaWay):
            way.admin(place, words, _java_options(served.heap, arguments.parent))
        else:
            way.admin(place, words, arguments.parent, served.heap)
    except BaseException:
        for kind in ("databases", "transactions"):  # half of an import would keep the server from opening it
            shutil.rmtree(place.data / kind / database, ignore_errors=True)
        with contextlib.suppress(ServerError):
            start(settings, say)
        raise
    start(settings, say)


def _java_options(heap: str, folder: Path) -> tuple[str, ...]:
    # Its threads all build at once and nobody waits for an answer: the collector for throughput saved a fifth.
    options = (f"-Xmx{heap}", "-XX:+UseParallelGC")
    small = sum(file.stat().st_size for file in folder.glob("*.csv")) < _SMALL_BYTES
    return (*options, ONE_COMPILER) if small else options

"""Fill a development server's database with Neo4j's own importer: stopped, filled, started again."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

from graphfeed.errors import ServerError
from graphfeed.graph.neo4j_server.choice import choose_way
from graphfeed.graph.neo4j_server.home import Home
from graphfeed.graph.neo4j_server.jars import Say
from graphfeed.graph.neo4j_server.java_way import JavaWay
from graphfeed.graph.neo4j_server.server import start, stop
from graphfeed.graph.neo4j_server.settings import ServerSettings


def import_database(home: Path, arguments: Path, database: str, say: Say) -> None:
    """Replace a database by what the files say that ``arguments`` names, with the server stopped meanwhile.

    Raises ServerError where the importer fails; the database is then empty, and the server runs again.
    """
    place = Home(home)
    served = place.served
    if served is None or served.way != "java":
        raise ServerError(f"the server of {home} does not run from jars: run the importer by hand")
    settings = ServerSettings(
        home=place.folder,
        bolt_port=served.bolt_port,
        http_port=served.http_port,
        way="java",
        heap=served.heap,
        page_cache=served.page_cache,
    )
    way = choose_way(settings, place.release)
    assert isinstance(way, JavaWay)
    stop(place.folder, say)
    try:
        say("importing")
        # Its threads all build at once and nobody waits for an answer: the collector for throughput saved a fifth.
        options = (f"-Xmx{served.heap}", "-XX:+UseParallelGC")
        way.admin(place, ("database", "import", "full", database, f"@{arguments}"), options)
    except BaseException:
        for kind in ("databases", "transactions"):  # half of an import would keep the server from opening it
            shutil.rmtree(place.data / kind / database, ignore_errors=True)
        with contextlib.suppress(ServerError):
            start(settings, say)
        raise
    start(settings, say)

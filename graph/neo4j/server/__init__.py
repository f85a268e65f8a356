"""A real Neo4j Community server with Browser for development and tests, on this machine alone.

    info = start(ServerSettings())      # `graphfeed neo4j start`
    info.uri, info.http                 # "neo4j://127.0.0.1:7687", "http://127.0.0.1:7474"
    info.password_file.read_text()      # only its owner can
    stop(info.home)

Through Docker where an engine answers, else from Maven Central's jars with the machine's Java.
"""

from graphfeed.graph.neo4j.server.home import DEFAULT_BOLT_PORT, DEFAULT_HTTP_PORT, USERNAME, default_home
from graphfeed.graph.neo4j.server.releases import CALENDAR, LTS, RELEASES, Release
from graphfeed.graph.neo4j.server.server import ServerInfo, missing, reset, start, status, stop
from graphfeed.graph.neo4j.server.settings import ServerSettings

__all__ = [
    "CALENDAR",
    "DEFAULT_BOLT_PORT",
    "DEFAULT_HTTP_PORT",
    "LTS",
    "RELEASES",
    "USERNAME",
    "Release",
    "ServerInfo",
    "ServerSettings",
    "default_home",
    "missing",
    "reset",
    "start",
    "status",
    "stop",
]

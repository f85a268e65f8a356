"""How a development server is run: what can be chosen, and what Neo4j is told of it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

from graphfeed.errors import ConfigError
from graphfeed.graph.neo4j.server.home import DEFAULT_BOLT_PORT, DEFAULT_HTTP_PORT, default_home
from graphfeed.graph.neo4j.server.releases import RELEASES

ADDRESS = "127.0.0.1"  # never another: what listens here is for this machine alone
Way = Literal["auto", "docker", "java"]
_SIZE = re.compile(r"[1-9]\d*[kmg]", re.IGNORECASE)


@dataclass(frozen=True)
class ServerSettings:
    """What ``graphfeed neo4j start`` takes. Raises ConfigError for what cannot be."""

    home: Path = field(default_factory=default_home)
    """Folder of the server's data, logs and password."""
    bolt_port: int = DEFAULT_BOLT_PORT
    http_port: int = DEFAULT_HTTP_PORT
    release: str | None = None
    """``"5.26"``, ``"2026"``, or None: that of the data, else by the Java that is found."""
    way: Way = "auto"
    """``"auto"``: docker where an engine answers, else java."""
    heap: str = "1g"
    """Greatest size of Java's heap."""
    page_cache: str = "512m"
    """Memory for pages of the graph's files, beside the heap."""
    timeout_seconds: float = 120.0
    """How long the server may take until it answers."""

    def __post_init__(self) -> None:
        for option, port in (("--bolt-port", self.bolt_port), ("--http-port", self.http_port)):
            if not 1 <= port <= 65535:
                raise ConfigError(f"{option} takes a number from 1 to 65535, found {port}")
        if self.bolt_port == self.http_port:
            raise ConfigError(f"--bolt-port and --http-port take two different numbers, found {self.bolt_port} twice")
        for option, size in (("--heap", self.heap), ("--page-cache", self.page_cache)):
            if not _SIZE.fullmatch(size):
                raise ConfigError(f"{option} takes a number with k, m or g, such as 512m, found {size!r}")
        for option, value, known in (
            ("--release", self.release, (None, *RELEASES)),
            ("--with", self.way, get_args(Way)),
        ):
            if value not in known:
                raise ConfigError(f"{option} takes {' or '.join(k for k in known if k)}, found {value!r}")


def shared_configuration(settings: ServerSettings) -> dict[str, str]:
    """Neo4j's settings, whichever way the server runs."""
    bolt, http = f"{ADDRESS}:{settings.bolt_port}", f"{ADDRESS}:{settings.http_port}"
    return {
        "server.default_advertised_address": ADDRESS,
        "server.bolt.advertised_address": bolt,
        "server.http.advertised_address": http,
        "server.https.enabled": "false",
        "server.memory.pagecache.size": settings.page_cache.lower(),
        # A development server is made anew rather than restored: no old transaction logs, none allotted in advance.
        "db.tx_log.rotation.retention_policy": "keep_none",
        "db.tx_log.rotation.size": "64M",
        "db.tx_log.preallocate": "false",
        "dbms.usage_report.enabled": "false",
        "client.allow_telemetry": "false",
        # Browser shows guides and styles from this machine only; `graphfeed` serves its own there.
        "browser.remote_content_hostname_whitelist": f"{ADDRESS},localhost",
        "dbms.security.procedures.unrestricted": "",
        # Without this a stop waits ten seconds for connections that are closed already.
        "internal.dbms.bolt.netty_server_shutdown_quiet_period": "0",
    }


def configuration_text(settings: ServerSettings) -> str:
    """neo4j.conf for a server that runs from jars. Folders are Neo4j's own names within the home folder."""
    addresses = {
        "server.default_listen_address": ADDRESS,
        "server.bolt.listen_address": f"{ADDRESS}:{settings.bolt_port}",
        "server.http.listen_address": f"{ADDRESS}:{settings.http_port}",
    }
    head = "# Written by `graphfeed neo4j start` at every start: changes made here are lost.\n"
    return head + "".join(f"{k}={v}\n" for k, v in (addresses | shared_configuration(settings)).items())


def java_options(settings: ServerSettings, java_major: int) -> list[str]:
    """What Neo4j's own launcher would give to Java: the server itself does not read heap sizes from neo4j.conf."""
    return [
        f"-Xmx{settings.heap}",
        "-XX:+UseG1GC",
        "-XX:-OmitStackTraceInFastThrow",
        *opened_modules(java_major),
        "-Dio.netty.tryReflectionSetAccessible=true",
        "-Dlog4j2.disable.jmx=true",
        "-Dfile.encoding=UTF-8",
    ]


def opened_modules(java_major: int) -> list[str]:
    """What of Java itself Neo4j reaches into, the server and its admin tool alike."""
    packages = ("java.nio", "java.io", "sun.nio.ch", "java.util.concurrent")
    options = [f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in packages]
    if java_major >= 21:
        options += ["--add-modules=jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED"]
    if java_major >= 24:
        options += ["--sun-misc-unsafe-memory-access=allow"]
    return options

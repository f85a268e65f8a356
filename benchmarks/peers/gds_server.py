"""A Neo4j server with the Graph Data Science plugin, from Maven Central's jars, for as long as it is measured.

GDS (GPLv3) is a peer to be measured against: nothing of it comes with graphfeed. Needs Java 17 to 21 and Maven.
"""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import neo4j
from filelock import FileLock

from graphfeed.graph.neo4j.server.jars import cache_folder, fetch_jars
from graphfeed.graph.neo4j.server.java import Java, find_javas
from graphfeed.graph.neo4j.server.releases import LTS
from graphfeed.graph.neo4j.server.settings import ServerSettings, configuration_text, java_options

VERSION = "2.13.9"
_ARTIFACTS = ("proc", "opengds-extension", "proc-sysinfo")
_PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1"
# What the server has itself, under these or other names, would be there twice.
_SERVERS_OWN = re.compile(r"slf4j|jackson|javassist|commons-text")
_KEPT = re.compile(rf"cypher-.*-9\.0\.\d+\.jar|.*-{re.escape(VERSION)}\.jar")
_NAME = re.compile(r"-\d[\w.-]*\.jar$")
_SECONDS = 120.0


class GdsServer:
    """A server in a temporary folder, on ports of its own, without a password, for this machine alone."""

    def __init__(self, heap: str = "2g") -> None:
        """Raises SystemExit where there is nothing to run it with, or it does not start."""
        java = next((java for java in find_javas() if LTS.runs_on(java.major)), None)
        if java is None or shutil.which("mvn") is None:
            raise SystemExit(f"Neo4j's Graph Data Science needs {LTS.java_words} and Maven, and one is missing here")
        server = fetch_jars(LTS, java, print, lambda *_: None)
        plugin = _fetch_gds(server)
        self._folder = tempfile.TemporaryDirectory()
        home = Path(self._folder.name)
        for name in ("conf", "logs", "run"):
            (home / name).mkdir()
        settings = ServerSettings(home=home, bolt_port=_free_port(), http_port=_free_port(), heap=heap)
        text = configuration_text(settings).replace(
            "dbms.security.procedures.unrestricted=\n", "dbms.security.procedures.unrestricted=gds.*\n"
        )
        more = f"dbms.security.auth_enabled=false\nserver.directories.plugins={plugin}\n"
        (home / "conf" / "neo4j.conf").write_text(text + more, encoding="utf-8")
        self.uri = f"bolt://127.0.0.1:{settings.bolt_port}"
        self._process = _start(java, settings, f"{plugin}/*:{server}/*", home)
        self._wait(home)

    def driver(self) -> neo4j.Driver:
        """A driver; the caller closes it."""
        return neo4j.GraphDatabase.driver(
            self.uri, auth=None, notifications_min_severity="OFF", max_transaction_retry_time=1
        )

    def stop(self) -> None:
        """End the server and delete its folder."""
        self._process.terminate()
        self._process.wait(60)
        self._folder.cleanup()

    def _wait(self, home: Path) -> None:
        deadline = time.monotonic() + _SECONDS
        while True:
            try:
                with self.driver() as driver:
                    driver.execute_query("RETURN gds.version()")
                return
            except neo4j.exceptions.Neo4jError as error:
                self.stop()
                raise SystemExit(f"the server has no Graph Data Science: {error.message}") from error
            except neo4j.exceptions.DriverError as error:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    said = (home / "logs" / "console.out").read_text(encoding="utf-8").strip().splitlines()[-3:]
                    self.stop()
                    raise SystemExit(f"Neo4j did not start: {' '.join(said)}") from error
                time.sleep(1.0)


def _start(java: Java, settings: ServerSettings, class_path: str, home: Path) -> subprocess.Popen[bytes]:
    command = [str(java.command), *java_options(settings, java.major), "-cp", class_path, LTS.main_class]
    with (home / "logs" / "console.out").open("w", encoding="utf-8") as console:
        return subprocess.Popen(
            [*command, f"--home-dir={home}", f"--config-dir={home / 'conf'}"],
            cwd=home,
            stdin=subprocess.DEVNULL,
            stdout=console,
            stderr=subprocess.STDOUT,
        )


def _fetch_gds(server: Path) -> Path:
    """The folder with GDS's jars, but for those that the server has; downloaded once."""
    folder = cache_folder() / f"gds-{VERSION}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.parent / f"gds-{VERSION}.lock"):
        if not folder.is_dir():
            partial = folder.with_name(f".gds-{VERSION}.partial")
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir()
            (partial / "pom.xml").write_text(_pom(), encoding="utf-8")
            words = [
                "mvn",
                "--batch-mode",
                "--quiet",
                "--file",
                str(partial / "pom.xml"),
                f"{_PLUGIN}:copy-dependencies",
            ]
            done = subprocess.run(
                [*words, "-DincludeScope=runtime", f"-DoutputDirectory={partial}"],
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode != 0:
                said = (done.stdout + done.stderr).strip().splitlines()[:1]
                raise SystemExit(f"Maven could not fetch Graph Data Science {VERSION}: {' '.join(said)}")
            own = {_NAME.sub("", jar.name) for jar in server.glob("*.jar")}
            for jar in partial.glob("*.jar"):
                known = _NAME.sub("", jar.name) in own or _SERVERS_OWN.search(jar.name)
                if known and not _KEPT.fullmatch(jar.name):
                    jar.unlink()
            partial.replace(folder)
    return folder


def _pom() -> str:
    dependencies = "".join(
        f"<dependency><groupId>org.neo4j.gds</groupId><artifactId>{name}</artifactId><version>{VERSION}</version></dependency>\n"
        for name in _ARTIFACTS
    )
    return (
        '<project xmlns="http://maven.apache.org/POM/4.0.0">\n<modelVersion>4.0.0</modelVersion>\n'
        "<groupId>graphfeed</groupId><artifactId>gds-jars</artifactId><version>1</version><packaging>pom</packaging>\n"
        f"<dependencies>\n{dependencies}</dependencies>\n</project>\n"
    )


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])

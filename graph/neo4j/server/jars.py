"""Neo4j Community's jars: resolved once by Maven from Maven Central into a folder of the user's cache."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

from graphfeed.errors import ServerError
from graphfeed.graph.neo4j.server.java import Java
from graphfeed.graph.neo4j.server.releases import BROWSER_VERSION, Release

Say = Callable[[str], None]
Progress = Callable[[str, int, int, str], None]
"""What is being done, steps done, steps in all (0: unknown), and a word on how it goes."""

_PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1"
# group, artifact; the version is the release's, but for Browser, which has its own.
_ARTIFACTS = (("org.neo4j", "neo4j"), ("org.neo4j.app", "neo4j-server"), ("org.neo4j", "neo4j-import-tool"))
_BROWSER = ("org.neo4j.client", "neo4j-browser")
_DOWNLOADED = re.compile(r"Downloaded from \S+: \S+\.jar \((?P<size>[\d.,]+) (?P<unit>B|kB|MB|GB)")
_UNITS = {"B": 1e-6, "kB": 1e-3, "MB": 1.0, "GB": 1e3}

MAVEN_MISSING = "the command mvn is not on PATH"


def cache_folder() -> Path:
    """``~/.cache/graphfeed/neo4j``, or where XDG_CACHE_HOME says."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "graphfeed" / "neo4j"


def jar_folder(release: Release) -> Path:
    """Where the jars of a release are, or will be. The folder is there only when it is whole."""
    return cache_folder() / release.version


def fetch_jars(release: Release, java: Java, say: Say, progress: Progress) -> Path:
    """The folder with the jars of a release; downloads them where they are not there yet. Raises ServerError."""
    folder = jar_folder(release)
    if folder.is_dir():
        return folder
    maven = shutil.which("mvn")
    if maven is None:
        raise ServerError(f"Neo4j {release.version} has to be downloaded, and {MAVEN_MISSING}")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.parent / f"{release.version}.lock"):
            if not folder.is_dir():
                say(
                    f"downloading Neo4j Community {release.version} with Browser from Maven Central: "
                    f"{release.jars} jars, {release.megabytes} MB, once, to {folder}"
                )
                _resolve(maven, release, java, folder, progress)
    except OSError as error:
        raise ServerError(f"{error.filename or folder} cannot be written ({error.strerror})") from error
    return folder


def _resolve(maven: str, release: Release, java: Java, folder: Path, progress: Progress) -> None:
    """Into a folder beside it, then renamed: what has the final name is whole."""
    partial, log = folder.with_name(f".{release.version}.partial"), folder.with_name(f"{release.version}.maven.log")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    pom = partial / "pom.xml"
    pom.write_text(pom_text(release), encoding="utf-8")
    command = [
        *(maven, "--batch-mode", "--strict-checksums", "-Dstyle.color=never", "--file", str(pom)),
        *(f"{_PLUGIN}:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={partial}"),
    ]
    code = _run_maven(command, {**os.environ, "JAVA_HOME": str(java.home)}, log, release, progress)
    if code != 0 or not (partial / f"neo4j-kernel-{release.version}.jar").is_file():
        shutil.rmtree(partial, ignore_errors=True)
        raise ServerError(
            f"Maven could not fetch Neo4j {release.version}: {_first_error(log)}. Is Maven Central reachable "
            f"(a proxy or a mirror stands in ~/.m2/settings.xml)? All that Maven said is in {log}"
        )
    partial.replace(folder)
    log.unlink(missing_ok=True)


def _run_maven(command: list[str], environment: dict[str, str], log: Path, release: Release, progress: Progress) -> int:
    what, jars, megabytes = f"Neo4j {release.version}", 0, 0.0
    with (
        log.open("w", encoding="utf-8") as kept,
        subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        ) as maven,
    ):
        assert maven.stdout is not None
        for line in maven.stdout:
            kept.write(line)
            if found := _DOWNLOADED.search(line):
                jars, megabytes = jars + 1, megabytes + float(found["size"].replace(",", ".")) * _UNITS[found["unit"]]
            # A few of Maven's own jars come first.
            progress(what, min(jars, release.jars), release.jars, f"jars, {megabytes:.0f} MB")
    return maven.returncode


def _first_error(log: Path) -> str:
    for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
        if line.startswith("[ERROR]") and line.removeprefix("[ERROR]").strip():
            return line.removeprefix("[ERROR]").strip().partition(" -> [Help")[0].rstrip(".")
    return "it said no reason"


def pom_text(release: Release) -> str:
    """The project file that names what Maven is to fetch."""
    wanted = [*((*artifact, release.version) for artifact in _ARTIFACTS), (*_BROWSER, BROWSER_VERSION)]
    dependencies = "".join(
        f"    <dependency><groupId>{group}</groupId><artifactId>{name}</artifactId>"
        f"<version>{version}</version></dependency>\n"
        for group, name, version in wanted
    )
    return (
        '<project xmlns="http://maven.apache.org/POM/4.0.0">\n'
        "  <modelVersion>4.0.0</modelVersion>\n"
        "  <groupId>graphfeed</groupId><artifactId>neo4j-server-jars</artifactId><version>1</version>\n"
        "  <packaging>pom</packaging>\n"
        f"  <dependencies>\n{dependencies}  </dependencies>\n"
        "</project>\n"
    )

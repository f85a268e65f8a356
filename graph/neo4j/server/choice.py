"""Which way a server is run on this machine, and what is missing where none is."""

from __future__ import annotations

import shutil

from graphfeed.errors import ServerError
from graphfeed.graph.neo4j.server import docker_way
from graphfeed.graph.neo4j.server.docker_way import DockerWay
from graphfeed.graph.neo4j.server.jars import MAVEN_MISSING, jar_folder
from graphfeed.graph.neo4j.server.java import Java, find_javas
from graphfeed.graph.neo4j.server.java_way import JavaWay
from graphfeed.graph.neo4j.server.releases import CALENDAR, LTS, RELEASES, Release
from graphfeed.graph.neo4j.server.settings import ServerSettings

HOW_TO_GET = (
    "Both come with `apt install default-jre-headless maven` (Debian, Ubuntu), `dnf install maven` (Fedora) or "
    "`brew install maven` (macOS); a newer Java is Eclipse Temurin. "
    "Or use a server of your own: set NEO4J_URI, NEO4J_USERNAME and NEO4J_PASSWORD"
)


def choose_way(settings: ServerSettings, of_data: str | None) -> DockerWay | JavaWay:
    """How to run the server, given the release that made the data, if any. Raises ServerError that says what to get."""
    if settings.release and of_data and settings.release != of_data:
        raise ServerError(
            f"the data in {settings.home} was made by Neo4j {of_data}: start it with --release {of_data}, delete it "
            "with `graphfeed neo4j reset`, or name another folder with --home"
        )
    wanted = settings.release or of_data
    if settings.way == "java":
        return _choose_java(wanted, "not asked for")
    no_engine = docker_way.engine_missing()
    if no_engine is None:
        return DockerWay(RELEASES[wanted] if wanted else LTS)
    if settings.way == "docker":
        raise ServerError(f"no container can be started: {no_engine}. Without Docker: --with java")
    return _choose_java(wanted, no_engine)


def _choose_java(wanted: str | None, no_engine: str) -> JavaWay:
    javas = find_javas()
    fit = _fitting(javas, wanted)
    if fit is not None and (jar_folder(fit.release).is_dir() or shutil.which("mvn")):
        return fit
    need = RELEASES[wanted].java_words if wanted else f"Java {LTS.java[0]} or newer"
    others = f" (found: {', '.join(map(str, javas))})" if javas else ""
    java = f"{fit.java} is there" if fit else f"{need} is missing{others}"
    maven = "Maven is there" if shutil.which("mvn") else MAVEN_MISSING
    raise ServerError(
        "there is nothing here to run a Neo4j server with: a Docker engine, or Java and Maven. "
        f"Docker: {no_engine}. Java: {java}. Maven: {maven}. {HOW_TO_GET}"
    )


def _fitting(javas: list[Java], wanted: str | None) -> JavaWay | None:
    """The first Java that runs the wanted release; where none is wanted, the first that runs any decides which."""
    releases: tuple[Release, ...] = (RELEASES[wanted],) if wanted else (CALENDAR, LTS)
    for java in javas:
        for release in releases:
            if release.runs_on(java.major):
                return JavaWay(release, java)
    return None

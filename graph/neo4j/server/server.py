"""Start, stop, look at and reset a development server. Each server is known by its home folder."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from graphfeed.errors import ServerError
from graphfeed.graph.neo4j.server import docker_way, java_way
from graphfeed.graph.neo4j.server.choice import choose_way
from graphfeed.graph.neo4j.server.docker_way import DockerWay
from graphfeed.graph.neo4j.server.home import DEFAULT_BOLT_PORT, DEFAULT_HTTP_PORT, USERNAME, Home, Served
from graphfeed.graph.neo4j.server.jars import Progress, Say
from graphfeed.graph.neo4j.server.java_way import JavaWay
from graphfeed.graph.neo4j.server.readiness import answers, check_ports, wait_until_it_answers
from graphfeed.graph.neo4j.server.settings import ADDRESS, ServerSettings

_WAYS: dict[str, ModuleType] = {"docker": docker_way, "java": java_way}


@dataclass(frozen=True)
class ServerInfo:
    """A server as it is at one moment."""

    home: Path
    exists: bool
    """Whether one was ever started in this folder."""
    running: bool
    answers: bool
    """Whether bolt accepts connections; false for a few seconds after a start."""
    way: str | None = None
    version: str | None = None
    handle: str | None = None
    """The process's number or the container's name."""
    bolt_port: int = DEFAULT_BOLT_PORT
    http_port: int = DEFAULT_HTTP_PORT
    username: str = USERNAME

    @property
    def uri(self) -> str:
        return f"neo4j://{ADDRESS}:{self.bolt_port}"

    @property
    def http(self) -> str:
        return f"http://{ADDRESS}:{self.http_port}"

    @property
    def browser(self) -> str:
        """Where Neo4j Browser is."""
        return f"{self.http}/browser/"

    @property
    def password_file(self) -> Path:
        return Home(self.home).password_file

    def to_dict(self) -> dict[str, Any]:
        """For JSON; without the password."""
        return {
            "running": self.running,
            "answers": self.answers,
            "uri": self.uri,
            "http": self.http,
            "browser": self.browser,
            "username": self.username,
            "password_file": str(self.password_file),
            "home": str(self.home),
            "way": self.way,
            "version": self.version,
            "process": self.handle if self.way == "java" else None,
            "container": self.handle if self.way == "docker" else None,
        }


def missing(settings: ServerSettings | None = None) -> str | None:
    """What this machine lacks to run a server, as a sentence; None where it can."""
    try:
        choose_way(settings or ServerSettings(), None)
    except ServerError as error:
        return str(error)
    return None


def status(home: Path) -> ServerInfo:
    """How the server of a folder is; changes nothing."""
    place = Home(home)
    served = place.served
    if served is None:
        return ServerInfo(place.folder, place.exists, running=False, answers=False)
    running = _is_running(served, place)
    return ServerInfo(
        place.folder,
        exists=True,
        running=running,
        answers=running and answers(served.bolt_port),
        way=served.way,
        version=served.version,
        handle=served.handle,
        bolt_port=served.bolt_port,
        http_port=served.http_port,
    )


def start(settings: ServerSettings, say: Say | None = None, progress: Progress | None = None) -> ServerInfo:
    """Start a server and wait until it answers; one that runs already is left as it is. Raises ServerError."""
    say, progress = say or (lambda _: None), progress or (lambda *_: None)
    place = Home(settings.home)
    with place.locked():
        served = place.served
        if served and _is_running(served, place):
            say(f"a server runs already in {place.folder}: it was left as it is")
            _await(served, settings, place, progress)
        else:
            if served:
                say("the server that was started here before has ended without being stopped")
            place.make()
            way = choose_way(settings, place.release)
            check_ports(settings)
            way.fetch(say, progress)
            say(f"starting {way.words}")
            _launch(way, settings, place, progress)
    return status(place.folder)


def _launch(way: DockerWay | JavaWay, settings: ServerSettings, place: Home, progress: Progress) -> None:
    """Start it and wait. A server that does not come to answer is ended, its last words are in the error."""
    served = way.launch(settings, place)
    place.remember(way.release.name, served)
    try:
        _await(served, settings, place, progress)
    except BaseException as error:
        words = _WAYS[served.way].last_words(place)
        with contextlib.suppress(ServerError):
            _WAYS[served.way].end(served, place, kill=True)
        place.forget_server()
        if not isinstance(error, ServerError):
            raise  # Ctrl-C: nothing half started stays behind
        told = " It said:\n" + "\n".join(f"  {line}" for line in words) if words else ""
        raise ServerError(f"{error}; its logs are in {place.logs}.{told}") from error


def _await(served: Served, settings: ServerSettings, place: Home, progress: Progress) -> None:
    """Wait until the server answers and takes the password."""

    def tell(waited: float) -> None:
        progress("waiting for the server", int(waited), int(settings.timeout_seconds), "seconds at most")

    accepted = wait_until_it_answers(served, place, settings.timeout_seconds, lambda: _is_running(served, place), tell)
    if not accepted:
        raise ServerError(
            f"the server runs on {ADDRESS}:{served.bolt_port}, but does not accept the password of "
            f"{place.password_file}: was it changed elsewhere? Write the present one into that file"
        )


def stop(home: Path, say: Say | None = None) -> bool:
    """Stop the server of a folder and wait until it has written everything; False where none ran."""
    place = Home(home)
    if not place.exists:
        return False
    with place.locked():
        return _stop(place, say or (lambda _: None))


def _stop(place: Home, say: Say) -> bool:
    served = place.served
    running = served is not None and _is_running(served, place)
    if served is not None and running:
        say(f"stopping Neo4j {served.version}")
        _WAYS[served.way].end(served, place)
    if served is not None:
        place.forget_server()
    return running


def reset(home: Path, say: Say | None = None) -> bool:
    """Stop the server and delete its graph; the password stays. False where there was no data. Raises ServerError."""
    place = Home(home)
    if not place.exists:
        raise ServerError(f"no server was ever started in {place.folder}: there is nothing to delete")
    with place.locked():
        _stop(place, say or (lambda _: None))
        had = place.data.exists() and any(place.data.iterdir())
        place.delete_data()
    return had


def _is_running(served: Served, place: Home) -> bool:
    return bool(_WAYS[served.way].is_running(served, place))

"""A server that runs in a container: the official image, bound to this machine alone."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from graphfeed.errors import ServerError
from graphfeed.graph.neo4j.server.home import USERNAME, Home, Served
from graphfeed.graph.neo4j.server.jars import Progress, Say
from graphfeed.graph.neo4j.server.releases import Release
from graphfeed.graph.neo4j.server.server_log import begin_log, errors_in_log, without_frames
from graphfeed.graph.neo4j.server.settings import ADDRESS, ServerSettings, shared_configuration

_ASK_SECONDS = 15.0
_STOP_SECONDS = 60
_WORDS = 4  # lines of the logs that an error shows


@dataclass(frozen=True)
class DockerWay:
    """Runs a release in a container."""

    release: Release

    @property
    def words(self) -> str:
        return f"Neo4j Community {self.release.version} in a Docker container"

    def fetch(self, say: Say, progress: Progress) -> None:
        image = self.release.image
        if docker("image", "inspect", image, check=False).returncode == 0:
            return
        say(f"downloading the Docker image {image}, some hundred megabytes, once")
        # Its own lines show how far it is.
        done = subprocess.run(["docker", "pull", image], stdin=subprocess.DEVNULL, stdout=2, check=False)
        if done.returncode != 0:
            raise ServerError(f"the image {image} could not be downloaded; without Docker: --with java")

    def launch(self, settings: ServerSettings, home: Home) -> Served:
        name = container_name(home)
        docker("rm", "--force", name, check=False)  # a dead one of before keeps the name
        begin_log(home)
        environment = {**os.environ, "NEO4J_AUTH": f"{USERNAME}/{home.password}"}
        docker(*run_arguments(self.release, settings, home), environment=environment, seconds=_STOP_SECONDS)
        settled = (settings.bolt_port, settings.http_port, settings.heap, settings.page_cache)
        return Served("docker", self.release.version, name, *settled)

    def admin(self, home: Home, words: tuple[str, ...], reads: Path, heap: str) -> None:
        """Run Neo4j's admin tool in a container of its own on the data of a server that is stopped.

        ``reads``: a folder with what the tool reads and where it may write a report, at the same path in there.
        Raises ServerError with the tool's last words.
        """
        docker(
            *("run", "--rm", *_as_user(), *_folders(home), f"--volume={reads}:{reads}", f"--env=HEAP_SIZE={heap}"),
            *(self.release.image, "neo4j-admin", *words),
            seconds=None,
        )


def run_arguments(release: Release, settings: ServerSettings, home: Home) -> list[str]:
    """The arguments of ``docker`` that start the server. The password is not among them: Docker's client takes
    NEO4J_AUTH from its own environment."""
    heap = {"server.memory.heap.max_size": settings.heap.lower()}
    told = [f"--env={variable(k)}={v}" for k, v in (heap | shared_configuration(settings)).items() if v]
    return [
        *("run", "--detach", "--name", container_name(home)),
        *_as_user(),
        f"--publish={ADDRESS}:{settings.bolt_port}:7687",
        f"--publish={ADDRESS}:{settings.http_port}:7474",
        *_folders(home),
        "--env=NEO4J_AUTH",
        *told,
        release.image,
    ]


def _as_user() -> tuple[str, str]:
    return "--user", f"{os.getuid()}:{os.getgid()}"  # files in the folders stay the user's own


def _folders(home: Home) -> list[str]:
    return [f"--volume={home.folder / name}:/{name}" for name in ("data", "logs", "plugins", "import")]


def variable(setting: str) -> str:
    """The environment variable by which the image takes a setting."""
    return "NEO4J_" + setting.replace("_", "__").replace(".", "_")


def container_name(home: Home) -> str:
    """One name for each home folder."""
    return "graphfeed-neo4j-" + hashlib.sha256(str(home.folder).encode()).hexdigest()[:12]


def engine_missing() -> str | None:
    """Why no container can be started; None where an engine answers."""
    if shutil.which("docker") is None:
        return "the command docker is not on PATH"
    if os.environ.get("DOCKER_HOST", "").startswith(("tcp://", "ssh://")):
        return "DOCKER_HOST names an engine on another machine"  # whose 127.0.0.1 is not ours
    try:
        done = docker("info", "--format", "{{.ServerVersion}}", check=False)
    except ServerError as error:
        return str(error)
    if done.returncode == 0 and done.stdout.strip():
        return None
    return "the docker client is there, but no engine answers it"


def is_running(served: Served, home: Home) -> bool:
    if shutil.which("docker") is None:
        return False
    done = docker("inspect", "--format", "{{.State.Running}}", served.handle, check=False)
    return done.stdout.strip() == "true"


def end(served: Served, home: Home, *, kill: bool = False) -> None:
    if not kill:
        docker("stop", "--time", str(_STOP_SECONDS), served.handle, seconds=_STOP_SECONDS + 30)
    docker("rm", "--force", served.handle)


def last_words(home: Home) -> list[str]:
    done = docker("logs", "--tail", "20", container_name(home), check=False)
    return (without_frames(done.stdout + done.stderr)[-_WORDS:] + errors_in_log(home))[-_WORDS:]


def docker(
    *arguments: str, check: bool = True, environment: dict[str, str] | None = None, seconds: float | None = _ASK_SECONDS
) -> subprocess.CompletedProcess[str]:
    """Run Docker's client; raises ServerError where it fails, unless ``check`` is false, or does not end in time."""
    try:
        done = subprocess.run(
            ["docker", *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ServerError(f"docker {arguments[0]} does not end: is its engine well?") from error
    if check and done.returncode != 0:
        raise ServerError(f"docker {arguments[0]} failed: {' '.join(done.stderr.split())[-300:]}")
    return done

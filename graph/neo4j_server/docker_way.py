"""A server that runs in a container: the official image, bound to this machine alone."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from dataclasses import dataclass

from graphfeed.errors import ServerError
from graphfeed.graph.neo4j_server.home import USERNAME, Home, Served
from graphfeed.graph.neo4j_server.jars import Progress, Say
from graphfeed.graph.neo4j_server.releases import Release
from graphfeed.graph.neo4j_server.settings import ADDRESS, ServerSettings, shared_configuration

_ASK_SECONDS = 15.0
_STOP_SECONDS = 60


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
        environment = {**os.environ, "NEO4J_AUTH": f"{USERNAME}/{home.password}"}
        docker(*run_arguments(self.release, settings, home), environment=environment)
        return Served("docker", self.release.version, name, settings.bolt_port, settings.http_port)


def run_arguments(release: Release, settings: ServerSettings, home: Home) -> list[str]:
    """The arguments of ``docker`` that start the server. The password is not among them: Docker's client takes
    NEO4J_AUTH from its own environment."""
    heap = {"server.memory.heap.max_size": settings.heap.lower()}
    told = [f"--env={variable(k)}={v}" for k, v in (heap | shared_configuration(settings)).items() if v]
    folders = [f"--volume={home.folder / name}:/{name}" for name in ("data", "logs", "plugins", "import")]
    return [
        *("run", "--detach", "--name", container_name(home)),
        *("--user", f"{os.getuid()}:{os.getgid()}"),  # files in the folders stay the user's own
        f"--publish={ADDRESS}:{settings.bolt_port}:7687",
        f"--publish={ADDRESS}:{settings.http_port}:7474",
        *folders,
        "--env=NEO4J_AUTH",
        *told,
        release.image,
    ]


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
    lines = [line.strip() for line in (done.stdout + done.stderr).splitlines()]
    return [line for line in lines if line and not line.startswith(("at ", "... "))][-4:]


def docker(
    *arguments: str, check: bool = True, environment: dict[str, str] | None = None, seconds: float = _ASK_SECONDS
) -> subprocess.CompletedProcess[str]:
    """Run Docker's client; raises ServerError where it fails, unless ``check`` is false, or does not end."""
    try:
        done = subprocess.run(
            ["docker", *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=max(seconds, _STOP_SECONDS) if arguments[0] == "run" else seconds,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ServerError(f"docker {arguments[0]} does not end: is its engine well?") from error
    if check and done.returncode != 0:
        raise ServerError(f"docker {arguments[0]} failed: {' '.join(done.stderr.split())[:300]}")
    return done

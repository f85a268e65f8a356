"""A server that runs from jars, as a process of its own that outlives the command."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from graphfeed.errors import ServerError
from graphfeed.graph.neo4j_server.home import Home, Served, write_private
from graphfeed.graph.neo4j_server.jars import Progress, Say, fetch_jars
from graphfeed.graph.neo4j_server.java import Java
from graphfeed.graph.neo4j_server.releases import Release
from graphfeed.graph.neo4j_server.settings import ServerSettings, configuration_text, java_options

CONSOLE = "console.out"
LOG = "neo4j.log"
_STOP_SECONDS = 60.0
_ADMIN_SECONDS = 60.0
_LOOKS = 10
_WORDS = 6  # lines of the logs that an error shows


@dataclass(frozen=True)
class JavaWay:
    """Runs a release with a Java that fits it."""

    release: Release
    java: Java

    @property
    def words(self) -> str:
        return f"Neo4j Community {self.release.version} with {self.java}"

    def fetch(self, say: Say, progress: Progress) -> None:
        fetch_jars(self.release, self.java, say, progress)

    def launch(self, settings: ServerSettings, home: Home) -> Served:
        """Start the process; it does not answer yet."""
        jars = fetch_jars(self.release, self.java, _silent, lambda *_: None)
        conf = home.folder / "conf"
        (conf / "neo4j.conf").write_text(configuration_text(settings), encoding="utf-8")
        environment = {k: v for k, v in os.environ.items() if not k.startswith("NEO4J_")}
        environment |= {"NEO4J_HOME": str(home.folder), "NEO4J_CONF": str(conf)}
        if not (home.data / "databases").exists():
            self._set_password(jars, home, environment)
        command = [
            *(str(self.java.command), *java_options(settings, self.java.major)),
            *("-cp", f"{home.folder / 'plugins'}/*:{jars}/*", self.release.main_class),
            *(f"--home-dir={home.folder}", f"--config-dir={conf}"),
        ]
        if (home.logs / LOG).exists():
            (home.logs / LOG).replace(home.logs / "neo4j.previous.log")  # what is said now is of this start
        with (home.logs / CONSOLE).open("w", encoding="utf-8") as console:
            process = subprocess.Popen(
                command,
                env=environment,
                cwd=home.folder,
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C and a closed terminal are not for the server
            )
        return Served("java", self.release.version, str(process.pid), settings.bolt_port, settings.http_port)

    def _set_password(self, jars: Path, home: Home, environment: dict[str, str]) -> None:
        """Neo4j's own tool takes the password only as an argument, and everybody can read the arguments of a process.
        Java reads its arguments from a private file instead."""
        arguments = home.folder / "run" / "set-password.arguments"
        tool = ("org.neo4j.cli.AdminTool", "dbms", "set-initial-password", home.password)
        write_private(arguments, "\n".join(map(_quoted, ("-Xmx128m", "-cp", f"{jars}/*", *tool))))
        try:
            done = subprocess.run(
                [str(self.java.command), f"@{arguments}"],
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=_ADMIN_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ServerError(f"the password could not be set with {self.java}: {error}") from error
        finally:
            arguments.unlink(missing_ok=True)
        if done.returncode != 0:
            what = " ".join((done.stderr or done.stdout).split())[:300].replace(home.password, "…")
            raise ServerError(f"Neo4j {self.release.version} did not take its first password: {what}")


def is_running(served: Served, home: Home) -> bool:
    """Whether the process is there and is the server of this folder: another may have got its number since."""
    pid = int(served.handle)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)  # one that this very program started, and that has died, would stay in the list
    line = command_line(pid)
    for _ in range(_LOOKS):
        if line or not _exists(pid):
            break
        time.sleep(0.02)  # for a moment after it began, a process shows no arguments yet
        line = command_line(pid)
    return f"--home-dir={home.folder} " in line + " "


def end(served: Served, home: Home, *, kill: bool = False) -> None:
    """End the process and wait until it is gone; raises ServerError where it does not go."""
    pid = int(served.handle)
    deadline = time.monotonic() + _STOP_SECONDS
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL if kill else signal.SIGTERM)
    while is_running(served, home):
        if time.monotonic() > deadline:
            raise ServerError(
                f"the server (process {pid}) has not ended in {_STOP_SECONDS:.0f} seconds: see "
                f"{home.logs / LOG}, then end it with: kill -9 {pid}"
            )
        time.sleep(0.1)


def command_line(pid: int) -> str:
    """The arguments of a process, or nothing where there is none."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        if Path("/proc/self").exists():
            return ""
    listed = subprocess.run(
        ["ps", "-ww", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return listed.stdout


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def last_words(home: Home) -> list[str]:
    """Why the server died: what Java or a wrong setting put on the console, then the errors in the log."""
    console = [line for line in _lines(home.logs / CONSOLE) if not line.startswith(("WARNING:", "Picked up"))]
    log = [line for line in _lines(home.logs / LOG) if " ERROR " in line or line.startswith("Caused by")]
    return (console + log)[-_WORDS:]


def _lines(file: Path) -> list[str]:
    """The lines of a log, without Java's stack frames."""
    try:
        lines = [line.strip() for line in file.read_text(encoding="utf-8", errors="replace").splitlines()]
    except OSError:
        return []
    return [line for line in lines if line and not line.startswith(("at ", "... "))]


def _quoted(word: str) -> str:
    """As Java reads it in a file of arguments."""
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _silent(_text: str) -> None:
    pass

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
from graphfeed.graph.neo4j.server.class_archive import keep_archive, options_for_server, options_with_archive
from graphfeed.graph.neo4j.server.home import Home, Served, write_private
from graphfeed.graph.neo4j.server.jars import Progress, Say, fetch_jars
from graphfeed.graph.neo4j.server.java import Java
from graphfeed.graph.neo4j.server.releases import Release
from graphfeed.graph.neo4j.server.server_log import LOG, begin_log, errors_in_log, lines_of, without_frames
from graphfeed.graph.neo4j.server.settings import ServerSettings, configuration_text, java_options, opened_modules

ONE_COMPILER = "-XX:TieredStopAtLevel=1"
"""Java's option for what runs for some seconds only: less is compiled, less well."""
CONSOLE = "console.out"
_STOP_SECONDS = 120.0  # the first one also writes the archive of classes
_ADMIN_SECONDS = 60.0
_LOOKS = 10
_SAID = 400  # characters of what the admin tool said, in an error
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
        if not (home.data / "databases").exists():
            password = ("dbms", "set-initial-password", home.password)
            self.admin(home, password, ("-Xmx128m", ONE_COMPILER), _ADMIN_SECONDS)
        # Neo4j's jars first: the archive of classes fits a class path that begins as the one did that it was made with.
        plugins = f":{home.folder / 'plugins'}/*" if any((home.folder / "plugins").glob("*.jar")) else ""
        command = [
            *(str(self.java.command), *java_options(settings, self.java.major)),
            *options_for_server(jars, self.java, home),
            *("-cp", f"{jars}/*{plugins}", self.release.main_class),
            *(f"--home-dir={home.folder}", f"--config-dir={conf}"),
        ]
        begin_log(home)
        with (home.logs / CONSOLE).open("w", encoding="utf-8") as console:
            process = subprocess.Popen(
                command,
                env=_environment(home),
                cwd=home.folder,
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C and a closed terminal are not for the server
            )
        settled = (settings.bolt_port, settings.http_port, settings.heap, settings.page_cache)
        return Served("java", self.release.version, str(process.pid), *settled)

    def admin(
        self, home: Home, words: tuple[str, ...], options: tuple[str, ...] = (), seconds: float | None = None
    ) -> str:
        """Run Neo4j's admin tool on a server that is stopped; what it said. ``options`` are Java's.

        Everybody can read the arguments of a process, and one of them may be the password: Java reads them from a
        private file instead. Raises ServerError with the tool's last words.
        """
        jars = fetch_jars(self.release, self.java, _silent, lambda *_: None)
        arguments = home.folder / "run" / "admin.arguments"
        options = (*options, *opened_modules(self.java.major), *options_with_archive(jars, self.java))
        call = (*options, "-cp", f"{jars}/*", "org.neo4j.cli.AdminTool", *words)
        write_private(arguments, "\n".join(map(_quoted, call)))
        try:
            done = subprocess.run(
                [str(self.java.command), f"@{arguments}"],
                env=_environment(home),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=seconds,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ServerError(f"Neo4j's `{' '.join(words[:2])}` could not be run with {self.java}: {error}") from error
        finally:
            arguments.unlink(missing_ok=True)
        if done.returncode != 0:
            what = _said(done.stderr or done.stdout).replace(home.password, "…")
            raise ServerError(f"Neo4j {self.release.version} failed at `{' '.join(words[:2])}`: {what}")
        return done.stdout


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
        time.sleep(0.05)
    if not kill:
        keep_archive(served, home)


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
    console = [line for line in lines_of(home.logs / CONSOLE) if not line.startswith(("WARNING:", "Picked up"))]
    return (console + errors_in_log(home))[-_WORDS:]


def _said(text: str) -> str:
    """The end of what a tool said, in one line."""
    lines = [line for line in without_frames(text) if not line.startswith(("WARNING:", "Picked up"))]
    return " ".join(" ".join(lines).split())[-_SAID:]


def _quoted(word: str) -> str:
    """As Java reads it in a file of arguments."""
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _environment(home: Home) -> dict[str, str]:
    """Of a process of Neo4j's: this one's, without settings that are meant for another server."""
    ours = {"NEO4J_HOME": str(home.folder), "NEO4J_CONF": str(home.folder / "conf")}
    return {**{k: v for k, v in os.environ.items() if not k.startswith("NEO4J_")}, **ours}


def _silent(_text: str) -> None:
    pass

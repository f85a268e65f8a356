"""The folder of a development server: its data, its password, and what is known of the process that serves it.

graphfeed-neo4j.json   the marker: this folder is ours; the data's release; the running server
password               of the user neo4j, readable by its owner alone
data/ logs/ conf/ plugins/ import/ run/    Neo4j's own
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from filelock import FileLock, Timeout

from graphfeed.errors import ServerError

DEFAULT_BOLT_PORT = 7687
DEFAULT_HTTP_PORT = 7474
USERNAME = "neo4j"
_MARKER = "graphfeed-neo4j.json"
_LOCK_SECONDS = 180.0  # longer than a start or a stop may take


def default_home() -> Path:
    """``~/.local/share/graphfeed/neo4j``, or where XDG_DATA_HOME says."""
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "graphfeed" / "neo4j"


@dataclass(frozen=True)
class Served:
    """What was started for a home folder."""

    way: Literal["docker", "java"]
    version: str
    handle: str
    """The process's number, or the container's name."""
    bolt_port: int
    http_port: int
    heap: str = "1g"
    page_cache: str = "512m"


class Home:
    """A server's folder. It may not be there yet; ``make`` makes it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.expanduser().resolve()  # one name: the running process is known by it
        self.password_file = self.folder / "password"
        self.data = self.folder / "data"
        self.logs = self.folder / "logs"

    @property
    def exists(self) -> bool:
        return (self.folder / _MARKER).is_file()

    def make(self) -> None:
        """Make the folder with a password of its own; raises ServerError for a folder that is somebody else's."""
        try:
            if not self.exists:
                self._claim()
            for name in ("data", "logs", "conf", "plugins", "import", "run"):
                (self.folder / name).mkdir(exist_ok=True)
            if not self.password_file.exists():
                # Begins with a letter: a "-" would be taken for an option.
                write_private(self.password_file, "g" + secrets.token_urlsafe(24))
        except OSError as error:
            raise ServerError(
                f"{self.folder} cannot be used ({error.strerror}): name another folder with --home"
            ) from error

    def _claim(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        if {path.name for path in self.folder.iterdir()} - {".lock"}:
            raise ServerError(
                f"{self.folder} holds other things and was not made by `graphfeed neo4j`: "
                "name an empty or a new folder with --home"
            )
        self.folder.chmod(0o700)
        self._write({})

    @property
    def password(self) -> str:
        try:
            return self.password_file.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise ServerError(f"the password cannot be read from {self.password_file} ({error.strerror})") from error

    @property
    def release(self) -> str | None:
        """The release that made the data, None where there is none."""
        found = self._read().get("release")
        return str(found) if found and (self.data / "databases").exists() else None

    @property
    def served(self) -> Served | None:
        """What was started last and has not been stopped; it may have died since."""
        found = self._read().get("server")
        return Served(**found) if found else None  # type: ignore[arg-type]

    def remember(self, release: str, served: Served) -> None:
        self._write({"release": release, "server": asdict(served)})

    def forget_server(self) -> None:
        self._write({"release": self.release})

    def delete_data(self) -> None:
        """Delete the graph. The password stays, so what knows it goes on working."""
        if not self.exists:
            raise ServerError(f"{self.folder} was not made by `graphfeed neo4j`: nothing was deleted")
        if self.data.is_symlink():
            raise ServerError(f"{self.data} is a link: delete by hand what it leads to; nothing was deleted")
        if self.data.exists():
            shutil.rmtree(self.data)
        self._write({})

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Held by whoever starts, stops or deletes: one at a time."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with FileLock(self.folder / ".lock", timeout=_LOCK_SECONDS):
                yield
        except Timeout as error:
            raise ServerError(
                f"another `graphfeed neo4j` command is at work in {self.folder}: try again when it is done"
            ) from error
        except PermissionError as error:
            raise ServerError(f"{error.filename} cannot be written: name another folder with --home") from error

    def _read(self) -> dict[str, object]:
        try:
            found = json.loads((self.folder / _MARKER).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise ServerError(f"{self.folder / _MARKER} cannot be read: {error}") from error
        return found if isinstance(found, dict) else {}

    def _write(self, content: dict[str, object]) -> None:
        fresh = self.folder / f".{_MARKER}"
        fresh.write_text(json.dumps({"made_by": "graphfeed neo4j", **content}, indent=2) + "\n", encoding="utf-8")
        fresh.replace(self.folder / _MARKER)


def write_private(path: Path, text: str) -> None:
    """Write a new file that its owner alone can read, from its first moment on."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)

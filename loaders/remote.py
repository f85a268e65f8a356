"""Sources that lie elsewhere (``https://``, ``s3://`` and whatever else fsspec knows) or in an archive.

What a loader needs is fetched into a folder that lasts as long as the load, unpacked there if it is an archive, and
removed afterwards, also when the load fails. Credentials are those that the protocol's own tools look for (the
environment's ``AWS_…``, the user before an address's ``@``) and are shown in no message.
"""

from __future__ import annotations

import errno
import posixpath
import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from graphfeed.errors import ConfigError, GraphfeedError, SourceError
from graphfeed.loaders.archives import SUFFIXES, is_archive, unpacked
from graphfeed.loaders.records import Chunk, Loader
from graphfeed.loaders.rejected import Rejects

Fetching = Callable[[str, int, int], None]
"""Told of what is fetched: its name, bytes so far, bytes in all (0: not known)."""

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_MARKS = ("ETag", "etag", "LastModified", "mtime", "created")
_SECONDS = 60.0  # without a byte: then the other side is gone


def is_remote(path: str | Path) -> bool:
    """Whether a path is an address with a scheme."""
    return _ADDRESS.match(str(path)) is not None


def shown_address(path: str | Path) -> str:
    """An address for a person to read: without user, password, and what stands behind a question mark."""
    text = str(path)
    return without_secrets(text.partition("?")[0]) if is_remote(text) else text


@dataclass
class FetchedLoader:
    """A loader whose files lie elsewhere, or in an archive. ``make`` makes it once they are here."""

    name: str
    path: str | Path
    wanted: Sequence[str]
    """Names in a folder, with ``*``."""
    may_be_file: bool
    """Whether the source also takes a single file."""
    make: Callable[[Path, dict[str, Path]], Loader]
    files: dict[str, str] = field(default_factory=dict)
    """Options whose value is the address of a file."""
    unpack: bool = True
    """Whether an archive is unpacked; off where the loader does so itself."""
    fetching: Fetching | None = None

    def chunks(self, rejects: Rejects) -> Iterator[Chunk]:
        """Fetch, read as a stream, remove; see ``Loader.chunks``.

        Raises ConfigError where a package is missing, SourceError for what is not there, refused or cut off.
        """
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="graphfeed-")))
            path = Path(self.path) if not is_remote(self.path) else self._fetched(str(self.path), folder / "source")
            if self.unpack:
                path = stack.enter_context(unpacked(path, self.wanted))
            options = {
                option: fetch_file(address, folder / option, self.fetching) for option, address in self.files.items()
            }
            yield from self.make(path, options).chunks(rejects)

    def _fetched(self, address: str, folder: Path) -> Path:
        name = _name_of(address)
        is_file = name.lower().endswith(SUFFIXES) or (self.may_be_file and "." in name)
        if is_file:
            return fetch_file(address, folder, self.fetching)
        return fetch_folder(address, self.wanted, folder, self.fetching)


def fetch_file(address: str, folder: Path, fetching: Fetching | None = None) -> Path:
    """One file into a folder. Raises SourceError and leaves nothing where it does not come whole."""
    with _open(address) as (files, root):
        return _get(files, root, address, folder / _name_of(address), fetching)


def fetch_folder(address: str, wanted: Sequence[str], folder: Path, fetching: Fetching | None = None) -> Path:
    """All wanted files of a folder. Raises SourceError where there is none."""
    with _open(address) as (files, root):
        found = list(_listed(files, root, wanted))
        if not found:
            names = ", ".join(wanted)
            raise SourceError(f"{shown_address(address)} has none of the files {names}, or does not list them")
        for name in found:
            _get(files, f"{root.rstrip('/')}/{name}", f"{address.rstrip('/')}/{name}", folder / name, fetching)
    return folder


def remote_state(address: str, wanted: Sequence[str]) -> str:
    """A word that changes with what is there: sizes with marks or times. Nothing where the other side says no such."""
    with _open(address) as (files, root):
        names = [""] if "." in _name_of(address) else sorted(_listed(files, root, wanted))
        states = []
        for name in names:
            info = files.info(f"{root.rstrip('/')}/{name}" if name else root)
            mark = next(
                (info[key] for key in ("ETag", "etag", "LastModified", "mtime", "created") if info.get(key)), None
            )
            if mark is None:
                return ""
            states.append(f"{name} {info.get('size')} {mark}")
    return "\n".join(states)


def _listed(files: Any, root: str, wanted: Sequence[str]) -> Iterator[str]:
    """Names of the wanted files that are there, below the folder. A server that lists nothing is asked for each."""
    base = root.rstrip("/")
    seen: set[str] = set()
    for pattern in wanted:
        if "*" not in pattern:
            found = [f"{base}/{pattern}"] if _is_there(files, f"{base}/{pattern}") else []
        else:
            try:
                found = files.glob(f"{base}/{pattern}")
            except (FileNotFoundError, NotADirectoryError):
                found = []
        for path in sorted(found):
            name = posixpath.relpath(path.partition("?")[0], base)
            if name not in seen and not name.startswith(".."):
                seen.add(name)
                yield name


def _is_there(files: Any, path: str) -> bool:
    """Asked without fetching it: ``exists`` would, over HTTP."""
    try:
        return bool(files.info(path))
    except FileNotFoundError:
        return False


def _get(files: Any, remote: str, address: str, path: Path, fetching: Fetching | None) -> Path:
    from fsspec.callbacks import Callback

    class Told(Callback):  # type: ignore[misc]
        def call(self, *_: object, **__: object) -> None:
            if fetching is not None:
                fetching(path.name, self.value, self.size or 0)

    told = Told()
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    try:
        files.get_file(remote, str(part), callback=told)
        size = part.stat().st_size
        if told.size and size < told.size:
            raise SourceError(f"{shown_address(address)} was cut off: {size:,} of {told.size:,} bytes came; try again")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return path


@contextmanager
def _open(address: str) -> Iterator[tuple[Any, str]]:
    """A file system and the path in it; what its libraries raise, also later, becomes one of our sentences."""
    shown = shown_address(address)
    scheme = address.partition("://")[0]
    try:
        import fsspec
    except ImportError as error:
        raise ConfigError(f"{shown} needs fsspec: pip install 'graphfeed[remote]'") from error
    try:
        files, root = fsspec.core.url_to_fs(address, **_settings(scheme), skip_instance_cache=True)
        files.dircache.clear()  # what was listed before may have changed
        yield files, cast(str, root)
    except GraphfeedError:
        raise
    except ImportError as error:
        package = error.name or str(error).removeprefix("Install ").split()[0]
        raise ConfigError(f"{shown}: {scheme}:// needs {package}: pip install 'graphfeed[remote]'") from error
    except Exception as error:
        raise _sentence(error, shown, scheme) from error


def _settings(scheme: str) -> dict[str, Any]:
    """No bound on how long a file takes, but on how long the other side is silent."""
    if scheme in ("http", "https"):
        import aiohttp

        return {"client_kwargs": {"timeout": aiohttp.ClientTimeout(total=None, sock_connect=20, sock_read=_SECONDS)}}
    if scheme in ("s3", "s3a"):
        return {"config_kwargs": {"connect_timeout": 20, "read_timeout": _SECONDS, "retries": {"max_attempts": 2}}}
    return {}


def _sentence(error: Exception, shown: str, scheme: str) -> GraphfeedError:
    """What went wrong with an address, by the many names that it has in the protocols' libraries."""
    status = getattr(error, "status", None)
    if isinstance(error, ValueError) and "Protocol not known" in str(error):
        return ConfigError(f"{shown}: {scheme}:// is no protocol that fsspec knows; usual ones are https, s3, gs, az")
    if isinstance(error, FileNotFoundError) or status == 404:
        return SourceError(f"{shown} is not there: check the address")
    if isinstance(error, PermissionError) or status in (401, 403):
        return SourceError(f"{shown}: access is refused: check the credentials, and that they may read it")
    if type(error).__name__ in ("NoCredentialsError", "PartialCredentialsError", "ProfileNotFound"):
        return SourceError(f"{shown}: there are no credentials for it: set them as the tools of {scheme} expect them")
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return SourceError(f"{shown}: there is no room left for it in {tempfile.gettempdir()}")
    if status is not None:
        return SourceError(f"{shown}: the server answers with status {status}")
    said = without_secrets(" ".join(str(error).split()))[:200].rstrip(".") or type(error).__name__
    return SourceError(f"{shown} cannot be read: {said}")


def without_secrets(text: str) -> str:
    """A text whose addresses have lost user, password, and what stands behind a question mark."""
    text = re.sub(r"([A-Za-z][A-Za-z0-9+.-]*://)[^/@\s]*@", r"\1", text)
    return re.sub(r"\?[^\s'\")]*", "", text)


def _name_of(address: str) -> str:
    """The last part of an address's path; nothing where it ends in a slash or is a host alone."""
    path = address.partition("?")[0].partition("#")[0].partition("://")[2]
    return path.rpartition("/")[2] if "/" in path else ""


def needs_fetching(path: str | Path | None, files: Sequence[str | Path]) -> bool:
    """Whether any of a source's paths is an address, or its path an archive."""
    paths = [*([path] if path is not None else []), *files]
    return any(is_remote(given) for given in paths) or (path is not None and is_archive(Path(path)))

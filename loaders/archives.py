"""Folders packed into one file: .zip, .tar.gz, .tgz, .tar. What is wanted of them is unpacked for a while."""

from __future__ import annotations

import shutil
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import IO

from graphfeed.errors import SourceError

SUFFIXES = (".zip", ".tar.gz", ".tgz", ".tar")


def is_archive(path: Path) -> bool:
    """Whether a file's name says that it is an archive."""
    return path.name.lower().endswith(SUFFIXES) and path.is_file()


@contextmanager
def unpacked(path: Path, wanted: Sequence[str]) -> Iterator[Path]:
    """The folder itself, or that of what is wanted in an archive (names with ``*``), until the block ends.

    Folders around what is wanted are left out, as many archives have one. Raises SourceError for an
    archive that cannot be read to its end, or has nothing that is wanted.
    """
    if not is_archive(path):
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="graphfeed-") as name:
        folder = Path(name)
        try:
            found = _unpack(path, wanted, folder)
        except (tarfile.TarError, zipfile.BadZipFile, EOFError, zlib.error, RuntimeError, NotImplementedError) as error:
            raise SourceError(
                f"{path} cannot be unpacked: {error}. It may have been cut off: fetch it again."
            ) from error
        except OSError as error:
            raise SourceError(f"{path} cannot be unpacked: {error.strerror or error}") from error
        if not found:
            raise SourceError(f"{path} has none of the files {', '.join(wanted)}")
        yield folder


def _unpack(path: Path, wanted: Sequence[str], folder: Path) -> int:
    """Write every wanted file by its name below the folder that all stand in; how many there are."""
    if path.name.lower().endswith(".zip"):
        with zipfile.ZipFile(path) as packed:
            entries = {entry.filename: entry for entry in packed.infolist() if not entry.is_dir()}
            found = 0
            for old, new in _chosen(entries, wanted):
                found += _write(packed.open(entries[old]), folder / new)
            return found
    with tarfile.open(path) as packed:
        members = {member.name: member for member in packed if member.isfile()}
        found = 0
        for old, new in _chosen(members, wanted):
            stream = packed.extractfile(members[old])
            found += _write(stream, folder / new) if stream is not None else 0
        return found


def _chosen(names: Iterable[str], wanted: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Names of wanted files, and where they go: never outside of the folder."""
    for old in names:
        parts = [part for part in PurePosixPath(old.replace("\\", "/")).parts if part not in ("/", ".", "..")]
        for start in range(len(parts)):
            new = "/".join(parts[start:])
            if any(fnmatch(new, pattern) and new.count("/") == pattern.count("/") for pattern in wanted):
                yield old, new
                break


def _write(stream: IO[bytes], path: Path) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists():
        raise SourceError(f"the archive has {path.name} in two folders: unpack it, and load one of them")
    with stream, path.open("wb") as out:
        shutil.copyfileobj(stream, out)
    return 1

"""Where an export goes: a file or folder that appears when it is whole, or not at all."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from graphfeed.errors import ConfigError


@contextmanager
def new_file(path: Path, *, force: bool = False) -> Iterator[Path]:
    """A path to write to; the file takes its place when the block has ended without an error.

    Raises ConfigError where there is one already (``force`` replaces it) or it cannot be written.
    """
    require_free(path, force=force)
    writing = path.with_name(f"{path.name}.writing")
    with _whole(path, writing):
        path.parent.mkdir(parents=True, exist_ok=True)
        yield writing
        writing.replace(path)


def require_free(path: Path, *, force: bool) -> None:
    """Raise ConfigError where a file cannot take this place."""
    require_name(path)
    if path.is_dir():
        raise ConfigError(f"{path} is a folder, and this format is one file: name a file")
    if path.exists() and not force:
        raise ConfigError(f"{path} is there already: --force replaces it, or name another one")


def require_name(path: Path) -> None:
    """Raise ConfigError for what cannot be the name of anything: too long, or with a zero byte."""
    try:
        path.lstat()
    except FileNotFoundError:
        return
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or error
        raise ConfigError(f"{str(path)[:200]!r} cannot be the name of a file or folder: {reason}") from error


@contextmanager
def new_folder(folder: Path, ours: Callable[[Path], bool], *, force: bool = False) -> Iterator[Path]:
    """A folder to write into, likewise. ``ours``: whether a folder is an export, the only kind that is replaced."""
    require_name(folder)
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"{folder} is a file, and this format is a folder: name a folder")
    filled = folder.is_dir() and any(folder.iterdir())
    if filled and not ours(folder):
        raise ConfigError(f"{folder} holds other things than an export, and is left alone: name a folder that is new")
    if filled and not force:
        raise ConfigError(f"{folder} is there already: --force replaces it, or name another one")
    writing, former = (folder.with_name(f"{folder.name}.{word}") for word in ("writing", "former"))
    with _whole(folder, writing):
        shutil.rmtree(writing, ignore_errors=True)  # of a run that was killed
        if former.exists() and not ours(former):
            raise ConfigError(f"{former} is in the way: it would hold the former export for a moment; rename it")
        shutil.rmtree(former, ignore_errors=True)
        writing.mkdir(parents=True)
        yield writing
        if folder.exists():
            folder.rename(former)
        writing.rename(folder)
        shutil.rmtree(former, ignore_errors=True)


@contextmanager
def _whole(path: Path, writing: Path) -> Iterator[None]:
    """Remove what was begun where it cannot be ended."""
    try:
        yield
    except BaseException as error:
        with suppress(OSError):
            shutil.rmtree(writing) if writing.is_dir() else writing.unlink(missing_ok=True)
        if isinstance(error, OSError):
            full = error.errno == errno.ENOSPC
            reason = "the disk is full" if full else error.strerror or str(error)
            raise ConfigError(f"{path} cannot be written: {reason}; nothing of it was left behind") from error
        raise

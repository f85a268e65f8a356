"""From the words of a command or a configuration to a loader."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphfeed.config import CONFIG_FILE, read_toml
from graphfeed.errors import ConfigError

if TYPE_CHECKING:
    from graphfeed.loaders.records import Loader

SAMPLE = "sample"


def make_loader(source: str, path: str | Path | None = None, **options: Any) -> Loader:
    """The loader for a source: ``sample``, or a source of ``open_loader`` with its path.

    ``tables`` takes its ``mapping``, a TOML file or what is in one, from graphfeed.toml in its folder or in this one.
    Options that are None are left out; files may be given as text. Raises ConfigError.
    """
    given = {name: value for name, value in options.items() if value is not None}
    if source == SAMPLE:
        return _sample(path, given)
    from graphfeed.loaders import FILE_OPTIONS, SOURCES, open_loader
    from graphfeed.loaders.near import near_match

    known = [*SOURCES, SAMPLE]
    if source not in known:
        raise ConfigError(f"unknown source {source!r}{near_match(source, known)} There are: {', '.join(known)}.")
    if path is None:
        raise ConfigError(f"{source} needs the path of what is to be loaded: graphfeed load {source} PATH")
    if source == "tables" and not hasattr(given.get("mapping"), "nodes"):
        from graphfeed.loaders.mapping import parse_mapping

        file = _mapping_file(Path(path), given.get("mapping"))
        given["mapping"] = parse_mapping(read_toml(file), str(file))
    given |= {name: Path(given[name]) for name in FILE_OPTIONS if name in given}
    return open_loader(source, Path(path), **given)


def _sample(path: str | Path | None, options: dict[str, Any]) -> Loader:
    if path is not None or options:
        raise ConfigError("the sample community comes with the package: graphfeed load sample, without a path")
    from graphfeed.loaders.sample import SampleLoader

    return SampleLoader()


def _mapping_file(folder: Path, given: str | Path | None) -> Path:
    if given is not None:
        return Path(given)
    for file in (folder / CONFIG_FILE, Path(CONFIG_FILE)):
        if file.is_file():
            return file
    raise ConfigError(
        f"tables needs a mapping and there is no {CONFIG_FILE} in {folder} or here: `graphfeed init {folder}` drafts "
        "one, --mapping FILE names one"
    )

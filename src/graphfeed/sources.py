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

    ``tables`` and ``sql`` take their ``mapping``, a TOML file or what is in one, from graphfeed.toml in the path's
    folder or in this one. Options that are None are left out; path and files may be given as text, and be addresses.
    ``fetching`` is told how far the fetching of such is. Raises ConfigError.
    """
    fetching = options.pop("fetching", None)
    given = {name: value for name, value in options.items() if value is not None}
    if source == SAMPLE:
        return _sample(path, given)
    from graphfeed.loaders import SOURCES, open_loader
    from graphfeed.loaders.near import near_match

    known = [*SOURCES, SAMPLE]
    if source not in known:
        raise ConfigError(f"unknown source {source!r}{near_match(source, known)} There are: {', '.join(known)}.")
    if source == "tables" and path is None:
        raise ConfigError("tables needs the path of what is to be loaded: graphfeed load tables PATH")
    if "mapping" in SOURCES[source] and not hasattr(given.get("mapping"), "nodes"):
        from graphfeed.loaders.mapping import parse_mapping

        file = _mapping_file(source, Path() if path is None or "://" in str(path) else Path(path), given.get("mapping"))
        given["mapping"] = parse_mapping(read_toml(file), str(file))
    return open_loader(source, path, fetching=fetching, **given)


def _sample(path: str | Path | None, options: dict[str, Any]) -> Loader:
    if path is not None or options:
        raise ConfigError("the sample community comes with the package: graphfeed load sample, without a path")
    from graphfeed.loaders.sample import SampleLoader

    return SampleLoader()


def _mapping_file(source: str, folder: Path, given: str | Path | None) -> Path:
    if given is not None:
        return Path(given)
    for file in (folder / CONFIG_FILE, Path(CONFIG_FILE)):
        if file.is_file():
            return file
    drafts = f": `graphfeed init {folder}` drafts one, " if source == "tables" else ": "
    where = f"in {folder} or here" if folder != Path() else "here"
    raise ConfigError(f"{source} needs a mapping and there is no {CONFIG_FILE} {where}{drafts}--mapping FILE names one")

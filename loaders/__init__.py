"""1 load: one file per source; each yields the same typed records (``graphfeed.loaders.records``)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphfeed.errors import ConfigError

if TYPE_CHECKING:
    from graphfeed.loaders.records import Loader

SOURCES: dict[str, tuple[str, ...]] = {
    "tables": ("mapping",),
    "stackexchange": ("site",),
    "hetrec": ("train", "test", "kg", "kg_items"),
    "citeulike": ("split",),
    "sequences": ("attributes", "text", "text_sequences", "end", "step_days"),
    "pairs": ("test", "friends", "friends_both_ways", "kg", "kg_items", "text"),
    "mind": ("near",),
    "kgat": (),
    "mastodon": ("private",),
    "bluesky": (),
    "sql": ("mapping", "url"),
}
"""The kinds of sources and their options."""

FILE_OPTIONS = ("train", "test", "friends", "kg", "kg_items", "text", "text_sequences", "attributes")
"""Options that name a file."""

FOLDER_FILES = {
    "stackexchange": ("*.xml",),
    "hetrec": ("*.dat", "raw/*.dat", "kg_ripplenet/*.txt"),
    "citeulike": ("*.dat", "splits_cvae/*.dat"),
    "pairs": ("train.txt", "test.txt"),
    "mind": (
        "behaviors.tsv",
        "news.tsv",
        "entity_embedding.vec",
        "*/behaviors.tsv",
        "*/news.tsv",
        "*/entity_embedding.vec",
    ),
    "kgat": ("train.txt", "test.txt", "kg_final.txt", "kg_final.txt.gz", "kg.txt", "*_list.txt"),
    "mastodon": ("*.json", "*_accounts.csv", "*/*.json", "*/*_accounts.csv", "*.tar.gz", "*.zip"),
    "bluesky": ("*.car", "*.json", "*.jsonl", "*.ndjson", "*.jsonl.gz", "*.ndjson.gz", "*/*.json", "*/*/*.json"),
}
"""What is read in a folder, by source."""

_FILE_SOURCES = ("pairs", "sequences", "mastodon", "bluesky")
_MODULES = {
    "stackexchange": ("stackexchange", "StackExchangeLoader"),
    "hetrec": ("hetrec", "HetrecLoader"),
    "citeulike": ("citeulike", "CiteulikeLoader"),
    "sequences": ("sequences", "SequencesLoader"),
    "pairs": ("pairs", "PairsLoader"),
    "mind": ("mind", "MindLoader"),
    "kgat": ("kgat", "KgatLoader"),
    "mastodon": ("mastodon", "MastodonLoader"),
    "bluesky": ("bluesky", "BlueskyLoader"),
    "tables": ("tables", "TablesLoader"),
}


def open_loader(
    source: str, path: str | Path | None, *, fetching: Callable[[str, int, int], None] | None = None, **options: Any
) -> Loader:
    """The loader for a kind of source: ``open_loader("pairs", Path("train.txt"), test=Path("test.txt"))``.

    Options are those of ``SOURCES``, described by each loader; ``tables`` and ``sql`` take their ``mapping`` as
    ``parse_mapping`` makes it. Path and files may be addresses (``s3://…``, ``https://…``), the path an archive: they
    are fetched and unpacked when the loader is read, and ``fetching`` is told how far that is. Nothing is read yet.

    Raises ConfigError for an unknown source or option, saying which there are.
    """
    from graphfeed.loaders.remote import is_remote, needs_fetching

    _check(source, options)
    if source == "sql":
        from graphfeed.loaders.sql import SqlLoader

        return SqlLoader(url=options.pop("url", None) or (str(path) if path else None), **options)
    if path is None:
        raise ConfigError(f"{source} needs the path of what is to be loaded: graphfeed load {source} PATH")
    files = {name: options[name] for name in FILE_OPTIONS if name in options}
    if needs_fetching(path, list(files.values())):
        addresses = {name: str(value) for name, value in files.items() if is_remote(value)}
        return _fetched(source, path, addresses, options, fetching)
    return _make(source, Path(path), {**options, **{name: Path(value) for name, value in files.items()}})


def wanted_files(source: str, options: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of what a source reads in a folder, with ``*``; of tables those of its mapping."""
    if source == "tables":
        return tuple(sorted({entry.file for entry in options["mapping"].entries("file")}))
    return FOLDER_FILES.get(source, ())


def _check(source: str, options: Mapping[str, Any]) -> None:
    from graphfeed.loaders.near import near_match

    if source not in SOURCES:
        raise ConfigError(f"unknown source {source!r}{near_match(source, SOURCES)} There are: {', '.join(SOURCES)}.")
    for option in options:
        if option not in SOURCES[source]:
            known = ", ".join(SOURCES[source]) or "none"
            raise ConfigError(
                f"{source} has no option {option!r}{near_match(option, SOURCES[source])} It has: {known}."
            )
    if "mapping" in SOURCES[source] and "mapping" not in options:
        raise ConfigError(f"{source} needs a mapping: the [[nodes]] and [[relationships]] of graphfeed.toml")


def _make(source: str, path: Path, options: dict[str, Any]) -> Loader:
    module, name = _MODULES[source]
    loader: Loader = getattr(import_module(f"graphfeed.loaders.{module}"), name)(path, **options)
    return loader


def _fetched(
    source: str,
    path: str | Path,
    addresses: dict[str, str],
    options: dict[str, Any],
    fetching: Callable[[str, int, int], None] | None,
) -> Loader:
    from graphfeed.loaders.remote import FetchedLoader

    here = {name: Path(value) if name in FILE_OPTIONS else value for name, value in options.items()}

    def make(local: Path, files: dict[str, Path]) -> Loader:
        return _make(source, local, {**here, **files})

    make(Path(), {})  # options that cannot be are told before anything is fetched
    wanted, is_file = wanted_files(source, options), source in _FILE_SOURCES
    return FetchedLoader(source, path, wanted, is_file, make, addresses, unpack=source != "mastodon", fetching=fetching)

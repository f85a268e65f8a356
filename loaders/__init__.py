"""1 load: one file per source; each yields the same typed records (``graphfeed.loaders.records``)."""

from __future__ import annotations

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
}
"""The kinds of sources and their options."""

FILE_OPTIONS = ("train", "test", "friends", "kg", "kg_items", "text", "text_sequences", "attributes")
"""Options that name a file."""

FOLDER_FILES = {
    "stackexchange": ("*.xml",),
    "hetrec": ("*.dat", "raw/*.dat", "kg_ripplenet/*.txt"),
    "citeulike": ("*.dat", "splits_cvae/*.dat"),
    "pairs": ("train.txt", "test.txt"),
}
"""What is read in a folder, by source."""


def open_loader(source: str, path: Path, **options: Any) -> Loader:
    """The loader for a kind of source: ``open_loader("pairs", Path("train.txt"), test=Path("test.txt"))``.

    Options are those of ``SOURCES``, described by each loader; ``tables`` takes its ``mapping`` as ``parse_mapping``
    makes it. Nothing is read yet.

    Raises ConfigError for an unknown source or option, saying which there are.
    """
    from graphfeed.loaders.near import near_match

    if source not in SOURCES:
        raise ConfigError(f"unknown source {source!r}{near_match(source, SOURCES)} There are: {', '.join(SOURCES)}.")
    for option in options:
        if option not in SOURCES[source]:
            known = ", ".join(SOURCES[source])
            raise ConfigError(
                f"{source} has no option {option!r}{near_match(option, SOURCES[source])} It has: {known}."
            )
    if source == "stackexchange":
        from graphfeed.loaders.stackexchange import StackExchangeLoader

        return StackExchangeLoader(path, **options)
    if source == "hetrec":
        from graphfeed.loaders.hetrec import HetrecLoader

        return HetrecLoader(path, **options)
    if source == "citeulike":
        from graphfeed.loaders.citeulike import CiteulikeLoader

        return CiteulikeLoader(path, **options)
    if source == "sequences":
        from graphfeed.loaders.sequences import SequencesLoader

        return SequencesLoader(path, **options)
    if source == "pairs":
        from graphfeed.loaders.pairs import PairsLoader

        return PairsLoader(path, **options)
    if "mapping" not in options:
        raise ConfigError("tables needs a mapping: the [[nodes]] and [[relationships]] of graphfeed.toml")
    from graphfeed.loaders.tables import TablesLoader

    return TablesLoader(path, **options)

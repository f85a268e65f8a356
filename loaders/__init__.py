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
    "pairs": ("test",),
}
"""The kinds of sources and their options."""


def open_loader(source: str, path: Path, **options: Any) -> Loader:
    """The loader for a kind of source: ``open_loader("pairs", Path("train.txt"), test=Path("test.txt"))``.

    Options: ``tables`` takes ``mapping`` (``parse_mapping``), ``stackexchange`` takes ``site``, ``pairs`` takes
    ``test``. Nothing is read yet.

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
    if source == "pairs":
        from graphfeed.loaders.pairs import PairsLoader

        return PairsLoader(path, **options)
    if "mapping" not in options:
        raise ConfigError("tables needs a mapping: the [[nodes]] and [[relationships]] of graphfeed.toml")
    from graphfeed.loaders.tables import TablesLoader

    return TablesLoader(path, **options)

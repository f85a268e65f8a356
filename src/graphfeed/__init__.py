"""graphfeed: a graph-based recommender for communities.

    import graphfeed

    with graphfeed.open("feed") as feed:
        feed.load("stackexchange", "dumps/quantumcomputing")
        feed.embed()
        feed.train()
        feed.publish()
        feed.recommend("26")

Nothing heavy is imported until it is needed: asking for recommendations does not load torch.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphfeed.errors import (
    ConfigError,
    EncoderError,
    GraphfeedError,
    LeakError,
    NothingToPredictError,
    NotPublishedError,
    QueryError,
    RejectedRowError,
    ServerError,
    SourceError,
    StoreBusyError,
    StoreError,
    StoreFormatError,
    StoreUnreachableError,
    TrainingError,
    UnknownNodeError,
)

if TYPE_CHECKING:
    from graphfeed.feed import Feed

__version__ = "0.1.0"

__all__ = [
    "ConfigError",
    "EncoderError",
    "Feed",
    "GraphfeedError",
    "LeakError",
    "NotPublishedError",
    "NothingToPredictError",
    "QueryError",
    "RejectedRowError",
    "ServerError",
    "SourceError",
    "StoreBusyError",
    "StoreError",
    "StoreFormatError",
    "StoreUnreachableError",
    "TrainingError",
    "UnknownNodeError",
    "__version__",
    "open",
]


def open(location: str | Path = "feed") -> Feed:
    """The feed in a store: a folder, made by the first ``load``."""
    from graphfeed.feed import Feed

    return Feed(location)


def __getattr__(name: str) -> Any:
    if name == "Feed":
        from graphfeed.feed import Feed

        return Feed
    raise AttributeError(f"module 'graphfeed' has no attribute {name!r}")

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

import os
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
    import networkx as nx

    from graphfeed.feed import Feed

# torch takes large tensors in pages of 2 MiB; it looks once, when it makes the first. Training goes through blocks of
# hundreds of megabytes that come and go, and handing out pages of 4 KiB is a quarter of the time of a large epoch.
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")

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
    "to_networkx",
]


def open(location: str | Path | None = None, *, config: str | Path | None = None) -> Feed:
    """The feed in a store: a folder (./feed), made by the first ``load``, or a Neo4j server's address.

    ``config``: a graphfeed.toml, whose [store] names it, and whose [graph] maps a graph that is used in place.
    """
    from graphfeed.feed import Feed

    if config is None:
        return Feed(location or "feed")
    from graphfeed.config import graph_mapping, store_location

    file = Path(config)
    place = store_location(None if location is None else str(location), file)
    return Feed(place, graph_mapping(place, file))


def to_networkx(feed: Feed, *, predictions: bool = False) -> nx.MultiDiGraph[str]:
    """A feed's graph as networkx's: nodes ``LABEL:ID``, edges by type. See docs/exchange.md."""
    return feed.to_networkx(predictions=predictions)


def __getattr__(name: str) -> Any:
    if name == "Feed":
        from graphfeed.feed import Feed

        return Feed
    raise AttributeError(f"module 'graphfeed' has no attribute {name!r}")

"""graphfeed: a graph-based recommender for communities.

    import graphfeed

    feed = graphfeed.open("feed")
    feed.load("stackexchange", "dumps/quantumcomputing")
    feed.train()
    feed.publish()
    feed.recommend("26")
"""

from __future__ import annotations

__version__ = "0.1.0"

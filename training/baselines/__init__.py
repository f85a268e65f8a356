"""Simple rules that the model has to beat, one per file.

``baselines_for`` gives those that make sense for a kind of link; each is a ``Ranker``.
"""

from __future__ import annotations

from graphfeed.graph.tensors import FeedGraph
from graphfeed.training.baselines.ease import EASE, LARGEST, smaller_side
from graphfeed.training.baselines.graph_filter import GraphFilter
from graphfeed.training.baselines.implicit_als import ImplicitALS
from graphfeed.training.baselines.implicit_bpr import ImplicitBPR
from graphfeed.training.baselines.item_knn import ItemKNN
from graphfeed.training.baselines.last_visited import LastVisited
from graphfeed.training.baselines.newest import Newest
from graphfeed.training.baselines.popularity import Popularity
from graphfeed.training.baselines.recent_popularity import RecentPopularity
from graphfeed.training.baselines.tfidf import Tfidf
from graphfeed.training.baselines.tfidf_newest import TfidfNewest
from graphfeed.training.links import LinkKind, observed_links, pair_matrix
from graphfeed.training.ranker import Ranker
from graphfeed.training.snapshot import NO_TIME

__all__ = [
    "EASE",
    "GraphFilter",
    "ImplicitALS",
    "ImplicitBPR",
    "ItemKNN",
    "LastVisited",
    "Newest",
    "Popularity",
    "RecentPopularity",
    "Tfidf",
    "TfidfNewest",
    "baselines_for",
]


def baselines_for(kind: LinkKind, graph: FeedGraph | None = None) -> list[Ranker]:
    """Unfitted baselines for a kind of link.

    With a graph, those are left out that find nothing in it to go by, and EASE where its matrix would be too large.
    """
    if kind != "posts":
        return [Popularity(), RecentPopularity(kind), ItemKNN(kind), GraphFilter(kind)]
    timed = graph is None or bool((graph.data["Post"].time != NO_TIME).any())
    worded = graph is None or any(graph.texts["Post"])
    dated = graph is None or graph.latest_time() != NO_TIME
    found: list[Ranker] = [Popularity()]
    found += [RecentPopularity()] if dated else []
    found += [Newest()] if timed else []
    found += [LastVisited()] if dated else []
    found += [ItemKNN()]
    found += [EASE()] if graph is None or _small_enough(graph) else []
    found += [ImplicitALS(), ImplicitBPR(), GraphFilter()]
    found += [Tfidf()] if worded else []
    found += [TfidfNewest()] if worded and timed else []
    return found


def _small_enough(graph: FeedGraph) -> bool:
    if min(graph.count("User"), graph.count("Post")) <= LARGEST:
        return True
    links = observed_links(graph)["posts"]
    return smaller_side(pair_matrix(links.source, links.target, (graph.count("User"), graph.count("Post")))) <= LARGEST

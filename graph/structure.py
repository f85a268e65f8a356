"""Communities and importance of every node, worked out from the whole graph and written on the nodes.

    report = measure(store)          # Change.write_measures: community and pagerank of every node

Communities are those of the Louvain method (Blondel et al. 2008) on all relationships, whatever their direction; one
that falls into parts which nothing joins is taken as several, as Traag et al. (2019) ask for. ``pagerank`` is that of
Brin and Page (1998), along the way that attention takes. The same graph and seed give the same numbers.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components
from sknetwork.clustering import Louvain, get_modularity

from graphfeed.errors import StoreError, StoreFormatError
from graphfeed.graph.store import GraphStore
from graphfeed.graph.whole_graph import LABELS, Say, WholeGraph, code

Int64 = npt.NDArray[np.int64]

MARK_FILE = "measures.json"
DAMPING = 0.85
_ITERATIONS, _TOLERANCE = 200, 1e-12
_BOTH_WAYS = ("SAME_AS", "RELATED_TO")


@dataclass(frozen=True)
class MeasureReport:
    """Of what the measures on the nodes are."""

    version: str
    """The graph's, when they were worked out."""
    seed: int
    communities: int
    modularity: float
    """Of the communities: 0 is as good as chance, above 0.3 is a clear structure."""
    alone: int
    """Nodes without any relationship: they are in no community."""
    seconds: float


def read_measure_mark(workspace: Path) -> MeasureReport | None:
    """What is on the nodes; None before they were first worked out. Raises StoreFormatError."""
    file = workspace / MARK_FILE
    try:
        return MeasureReport(**json.loads(file.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError) as error:
        raise StoreFormatError(f"{file} should tell of the communities: {error}; remove it and ask again") from error


def measure(store: GraphStore, *, seed: int = 0, say: Say | None = None) -> MeasureReport:
    """Work out ``community`` and ``pagerank`` of every node and write them in one change.

    Communities are numbered from 0, the largest first; a node without any relationship has none. Nothing is done where
    the nodes have them already, for this graph and seed. Raises StoreError and StoreBusyError.
    """
    known = read_measure_mark(store.workspace)
    version = store.version()
    if known is not None and (known.version, known.seed) == (version, seed):
        return known
    if refused := store.refusal("communities"):
        raise StoreError(f"nothing was done: {refused}")
    began = time.perf_counter()
    graph = WholeGraph.of(store, say)
    if say is not None:
        say("working out communities and importance, once until the graph changes")
    community, modularity = communities_of(graph, seed)
    pagerank = pagerank_of(graph)
    with store.change("communities") as change:
        for label in LABELS:
            nodes = graph.among(label)
            own = community[nodes]
            columns = {"community": pa.array(own, mask=own < 0), "pagerank": pa.array(pagerank[nodes])}
            change.write_measures(label, pa.table(columns))
    groups = int(community.max(initial=-1)) + 1
    report = MeasureReport(
        version, seed, groups, modularity, int((community < 0).sum()), round(time.perf_counter() - began, 3)
    )
    _write_mark(store.workspace, report)
    return report


def communities_of(graph: WholeGraph, seed: int = 0) -> tuple[Int64, float]:
    """The community of every node, int64 ``[nodes]``, -1 for one without a relationship; and their modularity."""
    links = _matrix(graph, np.ones(len(graph.targets), np.bool_))
    found = np.full(graph.nodes, -1, np.int64)
    linked = np.flatnonzero(np.diff(graph.offsets))
    if not len(linked):
        return found, 0.0
    inner = links[linked][:, linked].tocsr()
    groups = Louvain(shuffle_nodes=True, random_state=seed).fit_predict(inner)
    groups = _connected(inner, groups)
    order = np.lexsort((np.unique(groups, return_index=True)[1], -np.bincount(groups)))
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    found[linked] = rank[groups]
    return found, round(float(get_modularity(inner, groups)), 6)


def pagerank_of(graph: WholeGraph) -> npt.NDArray[np.float64]:
    """The importance of every node, float64 ``[nodes]``, together 1.

    Attention goes from a person to what they engage with, follow and care about, from a post to its author, to what it
    answers, links to and is about, and between entities both ways.
    """
    if not graph.nodes:
        return np.empty(0)
    posted = code("POSTED")
    attention = (graph.steps > 0) & (graph.steps != posted) | (graph.steps == -posted)
    attention |= np.isin(np.abs(graph.steps), [code(type_) for type_ in _BOTH_WAYS])
    links = _matrix(graph, attention)
    out = np.asarray(links.sum(axis=1)).ravel()
    passed_on = sp.csr_matrix(links.multiply(np.divide(1, out, where=out > 0, out=np.zeros_like(out))[:, None]).T)
    rank = np.full(graph.nodes, 1 / graph.nodes)
    for _ in range(_ITERATIONS):
        kept = rank[out == 0].sum()  # what leads nowhere gives its part to all alike
        former, rank = rank, DAMPING * (passed_on @ rank + kept / graph.nodes) + (1 - DAMPING) / graph.nodes
        if np.abs(rank - former).sum() < _TOLERANCE:
            break
    return rank


def _matrix(graph: WholeGraph, chosen: npt.NDArray[np.bool_]) -> sp.csr_matrix:
    source = np.repeat(np.arange(graph.nodes), np.diff(graph.offsets))[chosen]
    weights = np.ones(len(source))
    return sp.csr_matrix((weights, (source, graph.targets[chosen])), (graph.nodes, graph.nodes))


def _connected(links: sp.csr_matrix, groups: Int64) -> Int64:
    """Groups of which each hangs together by itself."""
    edges = links.tocoo()
    inside = groups[edges.row] == groups[edges.col]
    within = sp.csr_matrix((edges.data[inside], (edges.row[inside], edges.col[inside])), links.shape)
    return np.asarray(connected_components(within, directed=False)[1], np.int64)


def _write_mark(workspace: Path, report: MeasureReport) -> None:
    file = workspace / MARK_FILE
    new = file.with_suffix(".json.new")
    new.write_text(json.dumps(asdict(report), indent=2) + "\n", encoding="utf-8")
    new.replace(file)

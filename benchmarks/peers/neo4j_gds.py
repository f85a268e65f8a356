"""Neo4j's Graph Data Science as rankers: node similarity, FastRP with kNN, and its link prediction pipeline.

Each is given the snapshot's graph straight into GDS's memory (a projection of ids; nothing is written to the
database). The first two say which posts are alike, and a person's score of a post is the sum of its likeness to theirs;
the third predicts (person, post) pairs itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Literal

import neo4j
import numpy as np
import scipy.sparse as sp

from benchmarks.peers.gds_server import GdsServer
from benchmarks.peers.pyg_kge import Triples
from benchmarks.peers.stopping import validation_ndcg
from graphfeed.training.baselines.observed import learnt_from, observed
from graphfeed.training.links import Int64, LinkKind
from graphfeed.training.metrics import Float32
from graphfeed.training.ranker import Progress, Scorer
from graphfeed.training.snapshot import Snapshot
from graphfeed.training.split import Split

Method = Literal["node_similarity", "fastrp_knn", "link_prediction"]
GRAPH = "graphfeed"


@dataclass(frozen=True)
class GdsSettings:
    """What GDS is asked with."""

    neighbours: int = 50
    """``topK``: posts, or for link prediction ends of either side, that each node keeps."""
    metric: str = "COSINE"
    """Of node similarity."""
    width: int = 256
    """Of FastRP's vectors."""
    weights: tuple[float, ...] = (0.0, 1.0, 1.0)
    """``iterationWeights`` of FastRP; GDS's own are 0, 1, 1."""
    seed: int = 0


GRIDS: dict[Method, tuple[GdsSettings, ...]] = {
    "node_similarity": tuple(GdsSettings(k, metric) for k in (50, 10) for metric in ("COSINE", "JACCARD")),
    "fastrp_knn": (GdsSettings(), GdsSettings(weights=(1.0, 1.0, 1.0)), GdsSettings(weights=(0.0, 1.0, 0.5, 0.25))),
    "link_prediction": (GdsSettings(100, width=128),),
}

PROJECT = """
UNWIND $rows AS row
RETURN gds.graph.project($name, row[0], row[1],
  {sourceNodeLabels: [$labels[row[3]]], targetNodeLabels: [$labels[row[4]]], relationshipType: 'R' + row[2]}, $options)
"""
SIMILAR = """
CALL gds.nodeSimilarity.stream($name, {topK: $k, similarityMetric: $metric})
YIELD node1, node2, similarity RETURN node1, node2, similarity
"""
EMBED = """
CALL gds.fastRP.mutate($name,
  {embeddingDimension: $width, iterationWeights: $weights, randomSeed: $seed, mutateProperty: 'vector'})
YIELD nodePropertiesWritten RETURN nodePropertiesWritten
"""
NEAREST = """
CALL gds.knn.stream($name,
  {nodeLabels: ['Post'], nodeProperties: ['vector'], topK: $k, randomSeed: $seed, concurrency: 1})
YIELD node1, node2, similarity RETURN node1, node2, similarity
"""
PIPELINE = (
    "CALL gds.beta.pipeline.linkPrediction.create('pipe')",
    "CALL gds.beta.pipeline.linkPrediction.addNodeProperty('pipe', 'fastRP',"
    " {mutateProperty: 'vector', embeddingDimension: $width, randomSeed: $seed})",
    "CALL gds.beta.pipeline.linkPrediction.addFeature('pipe', 'hadamard', {nodeProperties: ['vector']})",
    "CALL gds.beta.pipeline.linkPrediction.configureSplit('pipe',"
    " {testFraction: 0.1, trainFraction: 0.1, validationFolds: 3})",
    "CALL gds.beta.pipeline.linkPrediction.addLogisticRegression('pipe')",
    "CALL gds.beta.pipeline.linkPrediction.train($name, {pipeline: 'pipe', modelName: 'links',"
    " targetRelationshipType: 'R0', sourceNodeLabel: 'User', targetNodeLabel: 'Post', randomSeed: $seed})",
)
PREDICT = """
CALL gds.beta.pipeline.linkPrediction.predict.stream($name,
  {modelName: 'links', sampleRate: 0.5, topK: $k, randomSeed: $seed, concurrency: 1})
YIELD node1, node2, probability RETURN node1, node2, probability
"""


class Gds:
    """One of GDS's ways, on a server that is running."""

    kind: Literal["baseline"] = "baseline"

    def __init__(self, method: Method, server: GdsServer, settings: GdsSettings | None = None) -> None:
        self.name = f"gds_{method}"
        self.method, self._server = method, server
        self.grid = GRIDS[method] if settings is None else (settings,)
        self.settings = self.grid[0]

    def fit(self, split: Split, progress: Progress | None = None) -> None:
        """Choose the settings on validation; ask GDS once more where the test begins."""
        values: list[float] = []
        for settings in self.grid if len(self.grid) > 1 else ():
            if progress:
                progress("fit", len(values), len(self.grid), self.name)
            found = self._ask(learnt_from(split), settings)
            values.append(validation_ndcg(split, lambda snapshot, found=found: self._scorer(found, snapshot)))  # type: ignore[misc]
        self.settings = self.grid[int(np.argmax(values))] if values else self.grid[0]
        self._found = self._ask(split.final, self.settings)

    def reseeded(self, seed: int) -> Gds:
        """Another one with the settings that were chosen and a seed of its own, not fitted."""
        return Gds(self.method, self._server, replace(self.settings, seed=seed))

    def scorer(self, snapshot: Snapshot, kind: LinkKind = "posts") -> Scorer:
        """What GDS found where the test began, on users' links until the snapshot."""
        return self._scorer(self._found, snapshot)

    def _scorer(self, found: sp.csr_matrix, snapshot: Snapshot) -> Scorer:
        candidates = snapshot.candidates("posts")
        through = None if self.method == "link_prediction" else observed(snapshot, "posts")
        return _GdsScorer(through, sp.csr_matrix(found.tocsc()[:, candidates]))

    def _ask(self, snapshot: Snapshot, settings: GdsSettings) -> sp.csr_matrix:
        """Likeness ``[posts, posts]``, or probabilities ``[users, posts]``."""
        triples = Triples.of(snapshot)
        users, posts = snapshot.graph.count("User"), snapshot.graph.count("Post")
        given = {"name": GRAPH, "k": settings.neighbours, "metric": settings.metric, "width": settings.width}
        given |= {"weights": list(settings.weights), "seed": settings.seed}
        with self._server.driver() as driver, _projected(driver, triples, users, posts, self.method):
            if self.method == "node_similarity":
                rows = _ask(driver, SIMILAR, given)
            elif self.method == "fastrp_knn":
                _ask(driver, EMBED, given)
                rows = _ask(driver, NEAREST, given)
            else:
                for statement in PIPELINE:
                    _ask(driver, statement, given)
                rows = _ask(driver, PREDICT, given)
                _ask(driver, "CALL gds.model.drop('links') YIELD modelName RETURN modelName", {})
                _ask(driver, "CALL gds.pipeline.drop('pipe') YIELD pipelineName RETURN pipelineName", {})
        one, other, value = (np.array([row[i] for row in rows]) for i in range(3))
        if self.method == "link_prediction":
            user, post = np.minimum(one, other).astype(int), np.maximum(one, other).astype(int) - users
            return sp.csr_matrix((value.astype(np.float32), (user, post)), shape=(users, posts))
        pair = (one.astype(int) - users, other.astype(int) - users)
        return sp.csr_matrix((value.astype(np.float32), pair), shape=(posts, posts))


def _ask(driver: neo4j.Driver, statement: str, given: dict[str, Any]) -> list[tuple[Any, ...]]:
    records, _, _ = driver.execute_query(statement, given)
    return [tuple(record.values()) for record in records]


@contextmanager
def _projected(driver: neo4j.Driver, triples: Triples, users: int, posts: int, method: Method) -> Iterator[None]:
    """The triples in GDS's memory: all of them both ways, for node similarity engagement alone, from post to user."""
    head, relation, tail = (part.numpy() for part in (triples.head, triples.relation, triples.tail))
    if method == "node_similarity":
        wanted = relation == 0
        head, relation, tail = tail[wanted], relation[wanted], head[wanted]
    labels = np.repeat([0, 1, 2], [users, posts, triples.nodes - users - posts])
    rows = np.stack([head, tail, relation, labels[head], labels[tail]], axis=1).tolist()
    options = {} if method == "node_similarity" else {"undirectedRelationshipTypes": ["*"]}
    given = {"name": GRAPH, "rows": rows, "labels": ["User", "Post", "Entity"], "options": options}
    _ask(driver, "CALL gds.graph.drop($name, false) YIELD graphName RETURN graphName", given | {"rows": []})
    _ask(driver, PROJECT, given)
    try:
        yield
    finally:
        _ask(driver, "CALL gds.graph.drop($name, false) YIELD graphName RETURN graphName", {"name": GRAPH})


@dataclass(frozen=True)
class _GdsScorer:
    links: sp.csr_matrix | None
    found: sp.csr_matrix

    def scores(self, users: Int64) -> Float32:
        rows = self.found[users] if self.links is None else self.links[users] @ self.found
        return np.asarray(rows.toarray(), dtype=np.float32)

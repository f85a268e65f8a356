"""Other libraries' models as rankers: their scores are their library's own, and they learn what was planted."""

from __future__ import annotations

import os
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from benchmarks.peers import PEERS, GdsServer
from benchmarks.peers.neo4j_gds import GRIDS, Gds
from benchmarks.peers.pyg_kge import KGE_MODELS, KGESettings, PygKGE, Triples
from benchmarks.peers.pyg_lightgcn import LightGCNSettings, PygLightGCN
from benchmarks.peers.stopping import best_epochs
from tests.training import worlds

from graphfeed.training.baselines import Popularity
from graphfeed.training.evaluate import evaluate, fit_all
from graphfeed.training.ranker import Ranker
from graphfeed.training.split import make_split

SMALL_PEERS: list[Ranker] = [
    PygLightGCN(LightGCNSettings(width=8, epochs=150, learning_rate=0.02)),
    *(PygKGE(name, KGESettings(width=16, epochs=60, batch=100)) for name in KGE_MODELS),
]


@pytest.mark.parametrize("ranker", SMALL_PEERS, ids=lambda ranker: ranker.name)
def test_peers_score_a_user_alone_as_in_a_block(ranker: Ranker) -> None:
    assert ranker.name in PEERS
    split = make_split(worlds.two_groups())
    ranker.fit(split)
    asked = next(split.rounds("test"))
    scorer = ranker.scorer(asked.snapshot)
    block = scorer.scores(asked.users)
    assert block.shape == asked.answers.shape
    assert np.isfinite(block).all()
    np.testing.assert_allclose(scorer.scores(asked.users[3:4])[0], block[3], rtol=1e-4, atol=1e-5)
    assert ranker.reseeded(1).settings.seed == 1  # type: ignore[attr-defined]


@pytest.mark.parametrize("ranker", SMALL_PEERS[:2], ids=lambda ranker: ranker.name)
def test_peers_tell_two_groups_apart(ranker: Ranker) -> None:
    split = make_split(worlds.two_groups())
    fit_all(split, [ranker])
    found = evaluate(split, [ranker, Popularity()])
    figures_ = {row["model"]: row["recall@20"] for row in found.rows if row["slice"] == "all"}
    assert figures_[ranker.name] > 1.3 * figures_["popularity"]


@pytest.mark.parametrize("name", list(KGE_MODELS))
def test_scores_of_triples_are_the_library_s_own(name: str) -> None:
    split = make_split(worlds.two_groups())
    ranker = PygKGE(name, KGESettings(width=6, epochs=2, batch=100))
    ranker.fit(split)
    model, first = ranker._trained.model.eval(), ranker._trained.triples.first_post
    scores = ranker.scorer(split.final).scores(np.array([5]))[0]
    posts = torch.arange(60) + first
    own = model(torch.full((60,), 5), torch.zeros(60, dtype=torch.int64), posts).detach().numpy()
    np.testing.assert_allclose(scores, own, rtol=1e-4, atol=1e-5)


def test_triples_show_nothing_that_is_hidden() -> None:
    split = make_split(worlds.two_groups())
    triples = Triples.of(split.training)
    links = split.training.links("posts")
    assert len(triples.head) == len(links)
    assert set(triples.relation.tolist()) == {0}
    assert (triples.tail - triples.first_post).min() >= 0


def test_peers_stop_when_validation_gets_no_better_or_time_is_over() -> None:
    values = iter([0.1, 0.3, 0.2, 0.2, 0.2, 0.2])
    stop = best_epochs(lambda: 0.0, lambda: next(values), most=100, every=10, patience=2, minutes=1)
    assert (stop.epochs, stop.tried, stop.ndcg, stop.capped) == (20, 40, 0.3, False)
    stop = best_epochs(lambda: 0.0, lambda: 0.5, most=100, every=10, patience=2, minutes=0)
    assert (stop.epochs, stop.tried, stop.capped) == (1, 1, True)


@pytest.fixture(scope="module")
def gds() -> Iterator[GdsServer]:
    if not os.environ.get("GRAPHFEED_GDS"):
        pytest.skip("starts a Neo4j server with Graph Data Science from Maven Central: set GRAPHFEED_GDS=1 for it")
    server = GdsServer(heap="1g")
    yield server
    server.stop()


@pytest.mark.parametrize("method", list(GRIDS))
def test_graph_data_science_tells_two_groups_apart(gds: GdsServer, method: str) -> None:
    split = make_split(worlds.two_groups())
    ranker = Gds(method, gds)  # type: ignore[arg-type]
    fit_all(split, [ranker])
    found = evaluate(split, [ranker, Popularity()])
    figures_ = {row["model"]: row["recall@20"] for row in found.rows if row["slice"] == "all"}
    assert figures_[ranker.name] > 1.3 * figures_["popularity"]

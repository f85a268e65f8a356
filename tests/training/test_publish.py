"""Publishing: the best of everybody goes into the graph as one generation, and nothing that must not."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from graphfeed.errors import NotPublishedError, TrainingError
from graphfeed.graph.store import GraphStore, open_store
from graphfeed.graph.tensors import FeedGraph
from graphfeed.queries.lookup import recommend, similar
from graphfeed.training.links import LINK_KINDS
from graphfeed.training.model import LinearModel
from graphfeed.training.predict import best_of_users, moment_ranking, top_of
from graphfeed.training.publish import PublishReport, publish, rollback
from graphfeed.training.snapshot import Past, Snapshot
from graphfeed.training.split import Split


@pytest.fixture(scope="module")
def published(
    sample_store: Path, sample_graph: FeedGraph, sample_model: LinearModel, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, PublishReport]:
    folder = tmp_path_factory.mktemp("published") / "feed"
    shutil.copytree(sample_store, folder)
    with open_store(folder) as store:
        report = publish(store, sample_graph, sample_model, now=sample_graph.latest_time(), top=20)
    return folder, report


def rows(store: GraphStore, type_: str) -> list[dict[str, object]]:
    columns = "a.id AS a, b.id AS b, r.rank AS rank, r.score AS score, r.reasons AS why, r.generation AS generation"
    return store.cypher(f"MATCH (a)-[r:{type_}]->(b) RETURN {columns}")


def test_everybody_gets_their_best_in_order(published: tuple[Path, PublishReport], sample_graph: FeedGraph) -> None:
    folder, report = published
    with open_store(folder) as store:
        found = rows(store, "RECOMMENDED")
        assert len(found) == report.written["RECOMMENDED"] == store.counts().relationships["RECOMMENDED"]
    snapshot = Snapshot(Past(sample_graph), sample_graph.latest_time())
    left = len(snapshot.candidates("posts")) - np.diff(
        snapshot.excluded("posts", np.arange(sample_graph.count("User"))).indptr
    )
    ids = sample_graph.ids["User"].to_pylist()
    for user, eligible in zip(ids, left.tolist(), strict=True):
        mine = sorted((r for r in found if r["a"] == user), key=lambda r: r["rank"])
        assert [r["rank"] for r in mine] == list(range(1, min(20, eligible) + 1))
        scores = [r["score"] for r in mine]
        assert scores == sorted(scores, reverse=True)


def test_nothing_met_own_hidden_or_blocked_is_recommended(published: tuple[Path, PublishReport]) -> None:
    met = """MATCH (u:User)-[:RECOMMENDED]->(p:Post)
             WHERE EXISTS { MATCH (u)-[:VIEWED|LIKED|SAVED|SHARED|COMMENTED|DISLIKED|HID|POSTED]->(p) }
                OR EXISTS { MATCH (u)-[:BLOCKED|MUTED]->(:User)-[:POSTED]->(p) }
             RETURN count(*) AS n"""
    known = """MATCH (u:User)-[:MAY_KNOW]->(v:User)
               WHERE u.id = v.id OR EXISTS { MATCH (u)-[:FOLLOWS]->(v) }
               RETURN count(*) AS n"""
    itself = "MATCH (p:Post)-[:SIMILAR_TO]->(q:Post) WHERE p.id = q.id RETURN count(*) AS n"
    with open_store(published[0]) as store:
        for text in (met, known, itself):
            assert store.cypher(text) == [{"n": 0}]


def test_reasons_are_readable_and_name_what_is_recommended(published: tuple[Path, PublishReport]) -> None:
    with open_store(published[0]) as store:
        for type_ in ("RECOMMENDED", "MAY_KNOW", "MAY_LIKE", "SIMILAR_TO"):
            for row in rows(store, type_):
                reasons = json.loads(str(row["why"]))
                assert len(reasons) <= 3
                for reason in reasons:
                    assert set(reason) == {"type", "share", "path"}
                    assert 0 < reason["share"] <= 1.0001
                    assert reason["path"][-1] == row["b"]
                    assert len(reason["path"]) == 1 or reason["path"][0] == row["a"]


def test_vectors_are_written_for_every_node(published: tuple[Path, PublishReport], sample_graph: FeedGraph) -> None:
    with open_store(published[0]) as store:
        for label in ("User", "Post", "Entity"):
            vectors = store.read_vectors(label, "graph_vector")
            assert vectors is not None
            assert vectors.shape[0] == sample_graph.count(label)
            assert np.isfinite(vectors).all()


def test_a_second_generation_replaces_the_first_and_can_be_taken_back(
    published: tuple[Path, PublishReport], sample_graph: FeedGraph, sample_model: LinearModel, tmp_path: Path
) -> None:
    folder = tmp_path / "feed"
    shutil.copytree(published[0], folder)
    with open_store(folder) as store:
        first = published[1].generation.id
        with pytest.raises(NotPublishedError):
            rollback(store)
        second = publish(store, sample_graph, sample_model, now=sample_graph.latest_time(), top=5).generation.id
        assert [(g.id, g.active) for g in store.generations()] == [(second, True), (first, False)]
        assert rollback(store).id == first
        assert [(g.id, g.active) for g in store.generations()] == [(first, True)]


def test_only_for_those_who_were_active(
    published: tuple[Path, PublishReport], sample_graph: FeedGraph, sample_model: LinearModel, tmp_path: Path
) -> None:
    """The others are served what is trending; those who are served get what they would have got anyway."""
    folder, _ = published
    now = sample_graph.latest_time()
    since = str(np.datetime64(now, "us") - np.timedelta64(3, "D"))
    with open_store(folder) as store:
        everybody = {(r["a"], r["b"]): (r["rank"], r["score"]) for r in rows(store, "RECOMMENDED")}
        recent, lively = ({row["id"] for row in store.cypher(text, {"since": since})} for text in (RECENT, LIVELY))
    copy = shutil.copytree(folder, tmp_path / "feed")
    with open_store(copy) as store:
        report = publish(store, sample_graph, sample_model, now=now, top=20, active_days=3)
        new = [r for r in rows(store, "RECOMMENDED") if r["generation"] == report.generation.id]
        found = {(r["a"], r["b"]): (r["rank"], r["score"]) for r in new}
        assert {user for user, _ in found} == recent
        assert (report.people, report.everybody) == (len(recent), sample_graph.count("User"))
        assert 20 < report.people < report.everybody - 20
        for pair, (rank, score) in found.items():
            assert everybody[pair] == (rank, pytest.approx(score, rel=1e-4))
        similar_to = {r["a"] for r in rows(store, "SIMILAR_TO") if r["generation"] == report.generation.id}
        assert similar_to == lively
        assert 20 < len(lively) < sample_graph.count("Post") - 20
        other = next(id_ for id_ in sample_graph.ids["Post"].to_pylist() if id_ not in lively)
        assert [post.reasons[0].type for post in similar(store, other, limit=3)] == ["similar_text"] * 3
        quiet = next(id_ for id_ in sample_graph.ids["User"].to_pylist() if id_ not in recent)
        served = recommend(store, quiet, limit=5)
        assert len(served) == 5
        assert "recommended" not in {item.origin for item in served}
        with pytest.raises(TrainingError, match="nobody did anything in the 0 days before"):
            publish(store, sample_graph, sample_model, now=now + 1, active_days=0)


RECENT = """MATCH (u:User)
            OPTIONAL MATCH (u)-[r:VIEWED|LIKED|SAVED|SHARED|COMMENTED|DISLIKED|HID|POSTED|FOLLOWS|BLOCKED|MUTED]->()
            WITH u, max(r.at) AS last, count(r) - count(r.at) AS untimed
            WHERE untimed > 0 OR coalesce(last >= timestamp($since), false)
               OR coalesce(u.created_at >= timestamp($since), false)
            RETURN u.id AS id"""
"""Who was active, asked of the store."""
LIVELY = """MATCH (p:Post) OPTIONAL MATCH (p)<-[r:VIEWED|LIKED|SAVED|SHARED|COMMENTED|POSTED]-()
            WITH p, max(r.at) AS last, count(r) - count(r.at) AS untimed
            WHERE untimed > 0 OR coalesce(last >= timestamp($since), false)
               OR coalesce(p.created_at >= timestamp($since), false)
            RETURN p.id AS id"""


def test_before_the_first_post_there_is_nothing_to_publish(
    sample_store: Path, sample_graph: FeedGraph, sample_model: LinearModel
) -> None:
    with open_store(sample_store) as store, pytest.raises(TrainingError, match="later moment"):
        publish(store, sample_graph, sample_model, now=0)


def test_small_blocks_predict_the_same(
    sample_model: LinearModel, sample_split: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    for kind in LINK_KINDS:
        scorer = sample_model.scorer(sample_split.final, kind)
        users = np.arange(12)
        whole = list(best_of_users(scorer, users, 10))
        one_by_one = [part for user in users for part in best_of_users(scorer, np.array([user]), 10)]
        for name in ("source", "target", "rank"):
            joined = np.concatenate([getattr(part, name) for part in one_by_one])
            np.testing.assert_array_equal(np.concatenate([getattr(part, name) for part in whole]), joined)


def test_top_of_breaks_ties_by_the_column_and_leaves_out_what_is_masked() -> None:
    scores = np.array([[1, 3, 3, -np.inf, 2, 0, 0, 0, 0, 0], [-np.inf] * 10], dtype=np.float32)
    for top in (2, 3, 9):
        row, column, rank = top_of(scores, top)
        assert column.tolist() == [1, 2, 4, 0, 5, 6, 7, 8, 9][:top]
        assert rank.tolist() == list(range(1, top + 1))
        assert set(row.tolist()) == {0}


def test_somebody_unknown_gets_what_the_moment_says(sample_model: LinearModel, sample_split: Split) -> None:
    posts, scores = moment_ranking(sample_model.scorer(sample_split.final), 10)
    assert len(set(posts.tolist())) == 10
    assert (np.diff(scores) <= 0).all()
    born = sample_split.final.graph.data["Post"].time.numpy()[posts]
    assert (born <= sample_split.final.now).all()

"""The Python API, and the files that the commands write, on the sample community."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from tests.face.conftest import Told

import graphfeed
from graphfeed.cli import main
from graphfeed.errors import ConfigError, NotPublishedError, StoreError, TrainingError
from graphfeed.moments import pick_moment, show_time
from graphfeed.training.evaluation import Evaluation

US = 10**6
NO_TIME = -(2**63)


@pytest.fixture
def feed(sample_run: tuple[Path, Told], tmp_path: Path) -> Iterator[graphfeed.Feed]:
    with graphfeed.open(shutil.copytree(sample_run[0] / "feed", tmp_path / "copy")) as opened:
        yield opened


def someone(feed: graphfeed.Feed) -> str:
    return str(feed.status()["people"][0]["id"])


def test_opening_makes_nothing(tmp_path: Path) -> None:
    with graphfeed.open(tmp_path / "none") as feed, pytest.raises(StoreError, match="no store at"):
        feed.status()
    assert not (tmp_path / "none").exists()


def test_loading_twice_gives_the_same_graph(tmp_path: Path) -> None:
    with graphfeed.open(tmp_path / "feed") as feed:
        first = feed.load("sample")
        version = feed.store.version()
        again = feed.load("sample")
        assert first.graph == again.graph
        assert feed.store.version() == version
        with pytest.raises(NotPublishedError):
            feed.recommend("anybody")
        with pytest.raises(TrainingError, match="no trained model"):
            feed.publish()


def test_a_dry_run_counts_what_a_publishing_writes(feed: graphfeed.Feed, capsys: pytest.CaptureFixture[str]) -> None:
    before = feed.store.generations()
    counted = feed.publish("latest", top=5, dry_run=True)
    with pytest.raises(SystemExit, match="0"):
        main(["publish", "--dry-run", "--now", "latest", "--top", "5", "--store", feed.location])
    assert f"nothing was written; it would be {counted.written['RECOMMENDED']:,} RECOMMENDED" in capsys.readouterr().out
    with pytest.raises(SystemExit, match="0"):
        main(["publish", "--dry-run", "--now", "latest", "--active-days", "3", "--store", feed.location])
    some = feed.publish("latest", active_days=3, dry_run=True)
    assert f"for {some.people:,} people who were active; " in capsys.readouterr().out
    assert feed.store.generations() == before
    written = feed.publish("latest", top=5).written
    assert written == counted.written
    assert feed.store.counts().relationships["RECOMMENDED"] >= written["RECOMMENDED"] > 0


def test_the_whole_way_as_an_object(feed: graphfeed.Feed) -> None:
    user = someone(feed)
    found = feed.recommend(user, 10)
    assert [r.rank for r in found] == list(range(1, 11))
    assert feed.explain(user, found[0].id).reasons == found[0].reasons
    assert feed.similar(found[0].id, 3)
    assert feed.people(user, 3)
    assert feed.interests(user, 3)
    assert feed.cypher("MATCH (u:User {id: $id}) RETURN u.id AS id", {"id": user}) == [{"id": user}]


def test_status_says_what_there_is(feed: graphfeed.Feed) -> None:
    status = feed.status()
    assert json.loads(json.dumps(status)) == status
    assert status["nodes"]["User"] > 100
    assert status["encoder"] == "tfidf"
    assert status["model"]["current"] is True
    assert 0 < status["generation"]["metrics"]["ndcg@10"] <= 1
    assert status["generation"]["encoder"].startswith("tfidf")
    # Whoever opens the same database from another machine has a workspace that does not know: the generation does.
    (feed.store.workspace / "encoder.json").rename(feed.store.workspace / "elsewhere.json")
    assert feed.status()["encoder"] == "tfidf"
    (feed.store.workspace / "elsewhere.json").rename(feed.store.workspace / "encoder.json")


def test_the_same_seed_trains_the_same_model(feed: graphfeed.Feed) -> None:
    settings = feed.model().settings
    split = feed_split(feed)
    weights = [feed.train(settings, split, seed=3).weights for _ in range(2)]
    assert weights[0] == weights[1]


def feed_split(feed: graphfeed.Feed) -> Any:
    from graphfeed.trained import MODEL_FOLDER, TrainingRecord

    return TrainingRecord.read(feed.store.workspace / MODEL_FOLDER).split_settings()


def test_a_changed_graph_is_not_evaluated_on_what_was_trained_on(feed: graphfeed.Feed) -> None:
    feed.embed("tfidf")
    feed.evaluate(baselines=False)
    from tests.queries.toy import write_edges

    ids = feed.store.node_ids("User").to_pylist()
    with feed.store.change("more") as change:
        write_edges(change, "FOLLOWS", "User", "User", [{"source": ids[0], "target": ids[-1], "at": 0}])
    with pytest.raises(TrainingError, match="changed since the model was trained"):
        feed.evaluate(baselines=False)


def test_vectors_that_the_model_does_not_know_are_not_published(feed: graphfeed.Feed) -> None:
    active = [g.id for g in feed.store.generations()]
    feed.load_frames({"Post": pd.DataFrame({"id": ["one more"], "title": ["Kites over the allotments"]})})
    feed.embed("tfidf")  # fitted anew: other terms
    for dry_run in (True, False):
        with pytest.raises(TrainingError, match=r"of another encoder \(tfidf@.* `graphfeed train` first"):
            feed.publish("latest", dry_run=dry_run)
    assert [g.id for g in feed.store.generations()] == active


def test_publishing_and_rolling_back(feed: graphfeed.Feed) -> None:
    user, before = someone(feed), feed.status()["generation"]["id"]
    shown = [r.id for r in feed.recommend(user, 10)]
    feed.publish("2026-03-01", top=5)
    assert feed.status()["generation"]["now"] == "2026-03-01 00:00"
    assert [r.id for r in feed.recommend(user, 10)] != shown
    feed.rollback()
    assert feed.status()["generation"]["id"] == before
    assert [r.id for r in feed.recommend(user, 10)] == shown


def test_evaluation_has_the_shape_that_programs_rely_on(
    feed: graphfeed.Feed, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = feed.evaluate()
    assert isinstance(found, Evaluation)
    with pytest.raises(SystemExit) as ended:
        main(["evaluate", "--json", str(tmp_path / "f.json"), "--no-baselines", "--store", feed.location])
    assert ended.value.code == 0
    written = json.loads((tmp_path / "f.json").read_text(encoding="utf-8"))
    capsys.readouterr()
    with pytest.raises(SystemExit):
        main(["evaluate", "--json", "-", "--no-baselines", "--store", feed.location])
    assert json.loads(capsys.readouterr().out) == written
    for row in (*written["rows"], *found.rows):
        assert {"model", "kind", "split", "slice", "recall@20", "ndcg@10"} <= set(row)
    everyone = {row["model"]: row for row in found.rows if row["slice"] == "all"}
    assert everyone["linear (time)"]["kind"] == "model"  # the whole model is called linear
    assert {"popularity", "newest", "item_knn", "tfidf_newest"} <= set(everyone)
    best = everyone["best reachable (planted)"]
    assert best["kind"] == "oracle"
    assert all(best["ndcg@10"] >= row["ndcg@10"] for row in everyone.values())


def test_moments() -> None:
    now = int(datetime.now(UTC).timestamp())
    old, recent = (now - 400 * 86_400) * US, (now - 3 * 86_400) * US
    assert pick_moment("latest", old).at == old
    assert pick_moment(None, old).at == old
    assert "old dump" in pick_moment(None, old).why
    for wanted, latest in ((None, recent), ("clock", old), (None, NO_TIME)):
        assert abs(pick_moment(wanted, latest).at - now * US) < 5 * US
    assert show_time(pick_moment("2018-09-01", old).at) == "2018-09-01 00:00"
    assert show_time(pick_moment("2018-09-01T12:30:00+02:00", old).at) == "2018-09-01 10:30"
    with pytest.raises(ConfigError, match="found 'soon'"):
        pick_moment("soon", old)
    with pytest.raises(ConfigError, match="needs times"):
        pick_moment("latest", NO_TIME)


def test_init_drafts_a_configuration_that_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "posts.csv").write_text("id,title,created_at\np1,One,2020-01-01\n", encoding="utf-8")
    (tmp_path / "likes.csv").write_text("user_id,post_id,created_at\nu1,p1,2020-01-02\n", encoding="utf-8")
    with pytest.raises(SystemExit) as ended:
        main(["init", str(tmp_path)])
    assert ended.value.code == 0
    with graphfeed.open(tmp_path / "feed") as feed:
        report = feed.load("tables", tmp_path)
    assert (report.read, report.kept) == (2, 2)
    with pytest.raises(SystemExit) as ended:
        main(["init", str(tmp_path)])
    assert ended.value.code == 1
    assert "is there already" in capsys.readouterr().err

"""The same sources into the embedded store and into Neo4j: the same graph, and loading again changes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from tests.loaders.test_bluesky import as_events
from tests.loaders.test_kgat import FILES as KGAT
from tests.loaders.test_mastodon import LIKED, OTHER, OUTBOX
from tests.loaders.test_mastodon import write as write_archive
from tests.loaders.test_mind import NEWS
from tests.loaders.test_mind import write as write_mind
from tests.loaders.test_sql import MAPPING, ROWS, database
from tests.neo4j_emptied import empty

import graphfeed
from graphfeed.loaders.records import NODE_TYPES, RELATIONSHIP_TYPES


def load_all(feed: graphfeed.Feed, folder: Path) -> list[Any]:
    """Every source; what each load reports."""
    (folder / "sql.toml").write_text(MAPPING)
    return [
        feed.load("mind", folder / "mind"),
        feed.load("kgat", folder / "kgat"),
        feed.load("mastodon", folder / "archive"),
        feed.load("bluesky", folder / "events.jsonl"),
        feed.load("sql", url=f"sqlite:///{folder / 'shop.db'}", mapping=folder / "sql.toml"),
        feed.load_frames({"FOLLOWS": pd.DataFrame({"source": ["ann", "ann"], "target": ["ben", "dee"]})}),
        feed.load("pairs", f"file://{folder}/kgat/train.txt"),
    ]


def state(feed: graphfeed.Feed) -> dict[str, Any]:
    """Everything that the store holds of the observed graph, by id."""
    store = feed.store
    found: dict[str, Any] = {"counts": store.counts()}
    for label, type_ in NODE_TYPES.items():
        found[label] = sorted(store.read_nodes(label, list(type_.properties)).to_pylist(), key=repr)
    for name in RELATIONSHIP_TYPES:
        for relation in store.read_relation(name):
            sources, targets = (store.node_ids(x).to_pylist() for x in (relation.source_label, relation.target_label))
            ends = zip(relation.source.tolist(), relation.target.tolist(), strict=True)
            rest = zip(relation.at.tolist(), relation.count.tolist(), relation.properties.to_pylist(), strict=True)
            found[name] = sorted(
                ((sources[s], targets[t], *more) for (s, t), more in zip(ends, rest, strict=True)), key=repr
            )
    return found


def test_both_stores_hold_the_same(tmp_path: Path, request: pytest.FixtureRequest, monkeypatch) -> None:
    write_mind(tmp_path / "mind", NEWS, ["1|U1|11/15/2019 8:55:22 AM|N3|N1-1 N2-0"])
    (tmp_path / "kgat").mkdir()
    for name, text in KGAT.items():
        (tmp_path / "kgat" / name).write_text(text)
    write_archive(tmp_path / "archive", OUTBOX, [LIKED, OTHER], [OTHER])
    as_events(tmp_path / "events.jsonl")
    database(tmp_path / "shop.db", [(1, "First", None)], ROWS)
    with graphfeed.open(tmp_path / "feed") as feed:
        reports = load_all(feed, tmp_path)
        here = state(feed)
        load_all(feed, tmp_path)
        assert state(feed) == here
    assert len(here["LIKED"]) > 5
    server = request.getfixturevalue("neo4j_server")
    monkeypatch.setenv("NEO4J_USERNAME", server.username)
    monkeypatch.setenv("NEO4J_PASSWORD", server.password)
    monkeypatch.setenv("GRAPHFEED_WORKSPACE", str(tmp_path / "workspace"))
    location = empty(server)
    try:
        with graphfeed.open(location) as feed:
            there = load_all(feed, tmp_path)
            assert [(r.read, r.kept, r.reasons) for r in there] == [(r.read, r.kept, r.reasons) for r in reports]
            assert state(feed) == here
    finally:
        empty(server)

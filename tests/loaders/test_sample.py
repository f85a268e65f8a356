"""The sample community: written data that holds together, and behaviour that follows what was planted."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from graphfeed.errors import UnknownNodeError
from graphfeed.loaders.records import (
    NODE_TYPES,
    RELATIONSHIP_TYPES,
    Chunk,
    Nodes,
    Relationships,
    node_schema,
    relationship_schema,
)
from graphfeed.loaders.rejected import Rejects
from graphfeed.loaders.sample import DAY, END, FIRST_DAY, NOTICE, SEED, SampleLoader, oracle_scores, written
from graphfeed.loaders.sample.behaviour import simulate
from graphfeed.loaders.sample.planted import plant

ENGAGEMENTS = [name for name, type_ in RELATIONSHIP_TYPES.items() if type_.role == "engagement"]


@pytest.fixture(scope="module")
def chunks(tmp_path_factory: pytest.TempPathFactory) -> list[Chunk]:
    with Rejects(tmp_path_factory.mktemp("sample") / "rejected.csv", strict=True) as rejects:
        return list(SampleLoader().chunks(rejects))


def rows_of(chunks: list[Chunk], name: str) -> list[dict]:
    """All rows of a label or a relationship type."""
    return [
        row
        for chunk in chunks
        if (chunk.label if isinstance(chunk, Nodes) else chunk.type) == name
        for row in chunk.rows.to_pylist()
    ]


def us(times: list) -> np.ndarray:
    return np.array(times, dtype="datetime64[us]").astype(np.int64)


def test_counts_and_read_equals_kept(chunks: list[Chunk], tmp_path: Path) -> None:
    with Rejects(tmp_path / "rejected.csv") as rejects:
        kept = Counter()
        for chunk in SampleLoader().chunks(rejects):
            if chunk.primary:
                kept[chunk.file] += chunk.rows.num_rows
    assert kept == rejects.rows_read
    assert not rejects.rows_rejected
    assert not (tmp_path / "rejected.csv").exists()
    counts = {label: len(rows_of(chunks, label)) for label in NODE_TYPES}
    assert counts == {"User": 136, "Post": 216, "Entity": 110}
    assert len(rows_of(chunks, "RELATED_TO")) == 114
    assert 8_000 < sum(len(rows_of(chunks, name)) for name in ENGAGEMENTS) < 12_000
    for name in (*ENGAGEMENTS, "FOLLOWS", "HID", "DISLIKED", "BLOCKED", "INTERESTED_IN", "MENTIONS", "POSTED"):
        assert rows_of(chunks, name), name


def test_tables_have_the_schema_and_lines_are_unique(chunks: list[Chunk]) -> None:
    seen: set[tuple[str, int]] = set()
    for chunk in chunks:
        schema = node_schema(chunk.label) if isinstance(chunk, Nodes) else relationship_schema(chunk.type)
        assert chunk.rows.schema.equals(schema)
        if chunk.primary:
            places = {(chunk.file, line) for line in chunk.rows["line"].to_pylist()}
            assert len(places) == chunk.rows.num_rows
            assert not places & seen
            seen |= places


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(chunks: list[Chunk], tmp_path: Path) -> None:
    simulate.cache_clear()
    plant.cache_clear()
    again = list(SampleLoader().chunks(Rejects(tmp_path / "rejected.csv")))
    assert [chunk.rows for chunk in again] == [chunk.rows for chunk in chunks]
    other = list(SampleLoader(SEED + 1).chunks(Rejects(tmp_path / "rejected.csv")))
    assert rows_of(other, "VIEWED") != rows_of(chunks, "VIEWED")


def test_all_references_resolve_and_nothing_is_there_twice(chunks: list[Chunk]) -> None:
    ids = {label: [row["id"] for row in rows_of(chunks, label)] for label in NODE_TYPES}
    for label, found in ids.items():
        assert len(set(found)) == len(found), label
    first_relationship = next(i for i, chunk in enumerate(chunks) if isinstance(chunk, Relationships))
    assert not any(isinstance(chunk, Nodes) for chunk in chunks[first_relationship:])
    for chunk in chunks[first_relationship:]:
        assert isinstance(chunk, Relationships)
        assert (chunk.source_label, chunk.target_label) in RELATIONSHIP_TYPES[chunk.type].pairs
        assert set(chunk.rows["source"].to_pylist()) <= set(ids[chunk.source_label])
        assert set(chunk.rows["target"].to_pylist()) <= set(ids[chunk.target_label])
    for name in RELATIONSHIP_TYPES:
        pairs = Counter((row["source"], row["target"], row.get("relation")) for row in rows_of(chunks, name))
        assert not pairs or max(pairs.values()) == 1, name


def test_every_node_says_that_it_is_a_sample(chunks: list[Chunk]) -> None:
    assert {row["platform"] for label in ("User", "Post") for row in rows_of(chunks, label)} == {"sample"}
    assert all(chunk.file.startswith("sample/") for chunk in chunks)
    assert "sample" in NOTICE


def test_texts_are_unique_and_of_sensible_length(chunks: list[Chunk]) -> None:
    posts, users, entities = (rows_of(chunks, label) for label in ("Post", "User", "Entity"))
    for rows, name in ((posts, "text"), (posts, "title"), (users, "about"), (users, "name"), (entities, "text")):
        texts = [row[name] for row in rows]
        assert len(set(texts)) == len(texts), name
    assert all(40 <= len(post["text"].split()) <= 90 for post in posts)
    assert all(4 <= len(user["about"].split()) <= 60 for user in users)
    assert {post["kind"] for post in posts} == {"article", "question"}
    mentions = Counter(row["source"] for row in rows_of(chunks, "MENTIONS"))
    assert set(mentions) == {post["id"] for post in posts}
    assert max(mentions.values()) <= 4


def test_every_entity_is_connected(chunks: list[Chunk]) -> None:
    mentioned = {row["target"] for row in rows_of(chunks, "MENTIONS")}
    related = {row[end] for row in rows_of(chunks, "RELATED_TO") for end in ("source", "target")}
    assert {row["id"] for row in rows_of(chunks, "Entity")} <= mentioned | related
    assert set(written.TOPICS.values()) <= mentioned & related


def test_nothing_happens_before_its_time(chunks: list[Chunk]) -> None:
    published = {row["id"]: row["created_at"] for row in rows_of(chunks, "Post")}
    joined = {row["id"]: row["created_at"] for row in rows_of(chunks, "User")}
    author = {row["target"]: row["source"] for row in rows_of(chunks, "POSTED")}
    assert set(author) == set(published)
    viewed = {(row["source"], row["target"]): row["at"] for row in rows_of(chunks, "VIEWED")}
    for row in rows_of(chunks, "POSTED"):
        assert row["at"] == published[row["target"]] > joined[row["source"]]
    for name in (*ENGAGEMENTS, "HID", "DISLIKED"):
        rows = rows_of(chunks, name)
        assert all(row["at"] > max(published[row["target"]], joined[row["source"]]) for row in rows)
        assert all(author[row["target"]] != row["source"] for row in rows)
        at = us([row["at"] for row in rows])
        assert at.min() >= FIRST_DAY
        assert at.max() < END
        if name not in ("VIEWED", "HID", "DISLIKED"):
            assert all(viewed[row["source"], row["target"]] < row["at"] for row in rows)
    for row in (*rows_of(chunks, "FOLLOWS"), *rows_of(chunks, "BLOCKED")):
        assert row["source"] != row["target"]
        assert row["at"] >= max(joined[row["source"]], joined[row["target"]])


def test_nothing_by_a_blocked_author_is_engaged_with_afterwards(chunks: list[Chunk]) -> None:
    author = {row["target"]: row["source"] for row in rows_of(chunks, "POSTED")}
    blocked = {(row["source"], row["target"]): row["at"] for row in rows_of(chunks, "BLOCKED")}
    for name in ENGAGEMENTS:
        for row in rows_of(chunks, name):
            at = blocked.get((row["source"], author[row["target"]]))
            assert at is None or row["at"] < at
    assert not {(row["source"], row["target"]) for row in rows_of(chunks, "FOLLOWS")} & set(blocked)


def test_people_do_what_was_planted_in_them(chunks: list[Chunk]) -> None:
    planted, viewed = plant(SEED), simulate(SEED).acts["VIEWED"]
    people, posts = np.array(viewed.source), np.array(viewed.target)
    strong = planted.interests > 0.1
    share = strong[people, planted.subject[posts]].mean()
    assert share > 3 * strong.mean()


def test_oracle_gives_the_frequencies_with_which_posts_are_picked(chunks: list[Chunk]) -> None:
    """Chances just before each of 800 picks, in bins from rare to likely: as many picked in each as they add up to."""
    posts = [row["id"] for row in rows_of(chunks, "Post")]
    chance, picked = [], []
    for row in rows_of(chunks, "VIEWED")[::6]:
        at_us = int(us([row["at"]])[0])
        score = oracle_scores([row["source"]], posts, at_us - 1)[0]
        weight = np.exp(score - score.max())
        chance.append(weight / weight.sum())
        picked.append(np.array(posts) == row["target"])
    p, hit = np.concatenate(chance), np.concatenate(picked)
    assert hit[p == 0].sum() == 0
    bins = np.digitize(p, [1e-9, 0.002, 0.01, 0.03, 0.1, 0.3, 0.6])
    for which in range(1, 8):
        inside = bins == which
        expected, spread = p[inside].sum(), np.sqrt((p * (1 - p))[inside].sum())
        assert expected > 5, "a bin that says nothing"
        assert abs(hit[inside].sum() - expected) < 4 * spread


def test_oracle_knows_nothing_of_what_comes_later(chunks: list[Chunk]) -> None:
    """A post of the future has no score, and neither has what the person already has; everything else has one."""
    users, posts = ([row["id"] for row in rows_of(chunks, label)] for label in ("User", "Post"))
    published = us([row["created_at"] for row in rows_of(chunks, "Post")])
    for at_us in (FIRST_DAY, FIRST_DAY + 45 * DAY):
        score = oracle_scores(users, posts, at_us)
        assert score.shape == (len(users), len(posts))
        assert np.isneginf(score[:, published > at_us]).all()
        before = [row for row in rows_of(chunks, "VIEWED") if us([row["at"]])[0] <= at_us]
        for row in (*before, *rows_of(chunks, "POSTED")):
            assert score[users.index(row["source"]), posts.index(row["target"])] == -np.inf
        assert np.isfinite(score[:, published <= at_us]).mean() > 0.7


def test_oracle_rows_are_in_the_order_asked_for_and_unknown_ids_are_refused() -> None:
    at_us = FIRST_DAY + 60 * DAY
    users, posts = ["kit-hollowbrook", "ada-mossgrove"], ["stars-04", "bread-01", "film-02"]
    score = oracle_scores(users, posts, at_us)
    assert score[1, 2] == oracle_scores(users[1:], posts[2:], at_us)[0, 0]
    with pytest.raises(UnknownNodeError, match="nobody-here"):
        oracle_scores(["nobody-here"], posts, at_us)


def test_ranking_by_the_oracle_is_far_better_than_newest_first() -> None:
    """How often a pick of the last fifteen days was among the three best at the beginning of its day."""
    planted, viewed = plant(SEED), simulate(SEED).acts["VIEWED"]
    users, posts = [person.id for person in planted.people], [post.id for post in written.posts()]
    at, source, target = (np.array(values) for values in (viewed.at, viewed.source, viewed.target))
    hits = Counter()
    for start in range(END - 15 * DAY, END, DAY):
        oracle = oracle_scores(users, posts, start)
        newest = np.where(np.isneginf(oracle), -np.inf, planted.published)
        today = (at > start) & (at <= start + DAY) & (planted.published[target] <= start)
        for user, post in zip(source[today], target[today], strict=True):
            hits["all"] += 1
            for name, score in (("oracle", oracle), ("newest", newest)):
                hits[name] += (score[user] > score[user, post]).sum() < 3
    assert hits["all"] > 400
    assert hits["oracle"] > 1.6 * hits["newest"]


def test_the_arrow_tables_hold_no_null_where_a_value_is_promised(chunks: list[Chunk]) -> None:
    for chunk in chunks:
        assert isinstance(chunk.rows, pa.Table)
        may_be_null = {"account", "url"}
        assert {n for n in chunk.rows.column_names if chunk.rows[n].null_count} <= may_be_null

"""Who would care about a post, what is trending, what is cold: on both stores."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from tests.queries.planted_town import NOW, make_town
from tests.queries.toy import DAY, START
from tests.store_rows import links, nodes

from graphfeed.errors import ConfigError, UnknownNodeError
from graphfeed.graph.store import GraphStore, open_store
from graphfeed.queries.answers import Reason
from graphfeed.queries.audience import audience
from graphfeed.queries.decayed import latest_act, trending
from graphfeed.queries.whole import cold
from graphfeed.trend_moment import trend_moment

# who


def test_first_those_to_whom_it_is_recommended(town: GraphStore) -> None:
    found = audience(town, "bakery", 10)
    assert [(reader.id, reader.origin, reader.place) for reader in found[:3]] == [
        ("ada", "predicted", 1),
        ("eli", "predicted", 1),
        ("ben", "predicted", 2),
    ]
    assert [reader.rank for reader in found] == list(range(1, len(found) + 1))
    assert found[0].name == "Ada Example"
    assert len({reader.id for reader in found}) == len(found)


def test_then_readers_of_what_reads_like_it(town: GraphStore) -> None:
    found = audience(town, "late", 10)
    assert found[0].origin == "readers"
    assert {reader.id for reader in found[:3]} == {"ada", "ben", "cleo"}
    assert found[0].reasons[0].type == "similar_text"
    person, through, post = found[0].reasons[0].path
    assert (person, post) == (found[0].id, "late")
    assert through in ("loaf", "crust", "rye")
    assert [reader.score for reader in found] == sorted((reader.score for reader in found), reverse=True)


def test_who_met_or_barred_it_never_comes(town: GraphStore) -> None:
    assert not {reader.id for reader in audience(town, "fork", 50)} & {"cleo", "dov", "eli", "fay", "gus"}
    assert {reader.id for reader in audience(town, "mate", 50)} <= {"ada", "ben", "cleo"}  # gus blocked its author
    assert "gus" not in {reader.id for reader in audience(town, "crust", 50)}


def test_without_vectors_words_tell_what_reads_like_it(tmp_path: Path) -> None:
    with make_town(tmp_path / "feed", vectors=False, publish=False) as store:
        assert {reader.id for reader in audience(store, "late", 3)} == {"ada", "ben", "cleo"}
        assert audience(store, "silent") == []
        assert [reader.id for reader in audience(store, "late", 1)] == [audience(store, "late", 3)[0].id]


def test_who_of_an_unknown_post(town: GraphStore) -> None:
    with pytest.raises(UnknownNodeError, match="no post has the id 'lofa'; near: 'loaf'"):
        audience(town, "lofa")
    with pytest.raises(ConfigError, match="1 or more"):
        audience(town, "loaf", 0)


def test_a_reason_of_a_reader_is_a_path(town: GraphStore) -> None:
    reader = next(r for r in audience(town, "late", 10) if r.id == "ben")
    assert isinstance(reader.reasons[0], Reason)
    assert reader.to_dict()["reasons"][0]["share"] is None


# trending


def test_an_act_counts_half_after_a_half_life(town: GraphStore) -> None:
    assert latest_act(town) == NOW
    found = {trend.id: trend for trend in trending(town, 20, now=NOW, half_life_days=2.0)}
    # loaf: ada on day 0, ben on day 3, cleo on day 6
    expected = sum(2.0 ** (-(10 - day) / 2) for day in (0, 3, 6))
    assert math.isclose(found["loaf"].score, expected, abs_tol=1e-6)
    assert (found["loaf"].acts, found["loaf"].people) == (3, 3)
    assert found["fork"].acts == 4
    assert [t.rank for t in trending(town, 3, now=NOW)] == [1, 2, 3]
    assert next(iter(found)) == "fork"  # viewed at that very moment


def test_what_comes_later_does_not_count(town: GraphStore) -> None:
    assert {trend.id for trend in trending(town, 20, now=START)} == {"loaf", "mate", "fork", "opening"}
    assert trending(town, 20, now=START - DAY) == []


def test_trends_of_one_entity_and_of_entities(town: GraphStore) -> None:
    about = trending(town, 20, now=NOW, entity="Bread")
    assert {trend.id for trend in about} == {"loaf", "crust", "rye"}
    assert trending(town, 20, now=NOW, entity="bread") == about
    all_posts = {trend.id: trend.score for trend in trending(town, 20, now=NOW)}
    assert all(trend.score == all_posts[trend.id] for trend in about)
    found = {trend.id: trend for trend in trending(town, 20, now=NOW, entities=True)}
    assert found["bread"].score == pytest.approx(sum(trend.score for trend in about), abs=1e-5)
    assert (found["bread"].acts, found["bread"].people, found["bread"].posts) == (9, 3, 3)
    assert (found["chess"].acts, found["chess"].people) == (10, 4)


def test_trending_cannot_be_asked_so(town: GraphStore) -> None:
    for days in (0.0, -1.0, math.nan, math.inf):
        with pytest.raises(ConfigError, match="half-life"):
            trending(town, now=NOW, half_life_days=days)
    with pytest.raises(ConfigError, match="either entities or"):
        trending(town, now=NOW, entity="bread", entities=True)
    with pytest.raises(UnknownNodeError, match="no entity has the id or the name 'breda'"):
        trending(town, now=NOW, entity="breda")


def test_a_name_that_several_entities_have(tmp_path: Path) -> None:
    with open_store(tmp_path / "feed", create=True) as store:
        with store.change("load") as change:
            change.write_nodes("Entity", nodes("Entity", ["e1", "e2"], name=["Java", "java"]))
        with pytest.raises(
            UnknownNodeError, match="several entities are called 'JAVA': give the id of one, such as 'e1'"
        ):
            trending(store, now=NOW, entity="JAVA")


def test_without_times_nothing_is_trending(tmp_path: Path) -> None:
    with open_store(tmp_path / "feed", create=True) as store:
        with store.change("load") as change:
            change.write_nodes("User", nodes("User", ["a"]))
            change.write_nodes("Post", nodes("Post", ["p"]))
            change.write_relationships("LIKED", "User", "Post", links("LIKED", [("a", "p")]))
        with pytest.raises(ConfigError, match=r"no engagement in .* has a time"):
            trend_moment(store, None)
        assert trending(store, now=NOW) == []


# cold


def test_cold_people(town: GraphStore) -> None:
    found = cold(town, "User", few=4)
    assert (found.cold, found.all, found.few) == (6, 7, 4)  # cleo alone has four
    assert found.reasons == {"few_acts": 6, "new": 0, "no_text": 1, "no_follows": 5}
    assert (found.nodes[0].id, found.nodes[0].acts) == ("gus", 0)
    assert found.nodes[0].lacks == ("few_acts", "no_text", "no_follows")
    assert [node.id for node in found.nodes] == ["gus", "ada", "ben", "dov", "eli", "fay"]
    assert cold(town, "User", few=1).cold == 1


def test_cold_posts(town: GraphStore) -> None:
    found = cold(town, "Post", 2, few=1)
    assert found.cold == 5  # bakery, odd, chinese, silent, late
    assert found.reasons == {"few_acts": 5, "new": 1, "no_text": 1, "no_entity": 4, "no_author": 5}
    assert {node.id for node in found.nodes} == {"late", "silent"}
    assert found.nodes[0].to_dict()["lacks"] == ["few_acts", "new", "no_entity", "no_author"]


def test_what_nobody_has_is_no_reason(tmp_path: Path) -> None:
    with open_store(tmp_path / "feed", create=True) as store:
        with store.change("load") as change:
            change.write_nodes("Post", nodes("Post", ["p"], title=["Words"]))
        assert cold(store, "Post").reasons == {"few_acts": 1, "new": 0, "no_text": 0}
        assert cold(store, "User").to_dict()["cold"] == 0


def test_cold_cannot_be_asked_so(town: GraphStore) -> None:
    with pytest.raises(ConfigError, match="User or Post, found 'Entity'"):
        cold(town, "Entity")
    with pytest.raises(ConfigError, match="found 0"):
        cold(town, "Post", few=0)

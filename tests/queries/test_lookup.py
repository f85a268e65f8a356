"""The lookups: what they return, how a short list is filled, and what they say when there is nothing to return."""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from tests.queries.toy import DAY, NOW, make_toy, write_edges

from graphfeed.errors import ConfigError, NotPublishedError, UnknownNodeError
from graphfeed.graph.store import GraphStore, open_store
from graphfeed.queries.answers import Reason
from graphfeed.queries.lookup import explain, interests, knows_user, people, recommend, similar
from graphfeed.queries.wording import Names
from graphfeed.show import show_explanation


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("toy") / "feed"
    make_toy(made).close()
    return made


@pytest.fixture(scope="module")
def store(folder: Path) -> Iterator[GraphStore]:
    with open_store(folder) as opened:
        yield opened


@pytest.fixture
def own_store(folder: Path, tmp_path: Path) -> Iterator[GraphStore]:
    """A copy that a test may change."""
    with open_store(shutil.copytree(folder, tmp_path / "copy")) as opened:
        yield opened


def test_predictions_come_first_then_popular_then_new(store: GraphStore) -> None:
    found = recommend(store, "ann", 10)
    assert [(r.id, r.origin) for r in found] == [
        ("bread2", "predicted"),
        ("bread3", "predicted"),
        ("chess1", "predicted"),
        ("fresh", "newest"),
        ("undated", "newest"),
    ]
    assert [r.rank for r in found] == [1, 2, 3, 4, 5]
    assert [r.score for r in found] == sorted((r.score for r in found), reverse=True)


def test_what_was_met_is_never_recommended(store: GraphStore) -> None:
    met = {"ann": {"bread1", "oven", "ask", "spam"}, "bob": {"bread1", "bread2", "bread3", "chess1"}, "cat": {"oven"}}
    for user, posts in met.items():
        assert not posts & {r.id for r in recommend(store, user, 50)}


def test_as_many_as_are_asked_for_while_there_are_some(store: GraphStore) -> None:
    eligible = {"ann": 5, "bob": 5, "cat": 8, "nobody": 9}  # the nine questions that there were, less those met
    for user, count in eligible.items():
        for limit in (1, 3, count, count + 5):
            assert len(recommend(store, user, limit)) == min(limit, count), (user, limit)


def test_an_unknown_person_gets_what_is_popular(store: GraphStore) -> None:
    assert not knows_user(store, "nobody")
    found = recommend(store, "nobody", 3)
    assert [(r.id, r.origin) for r in found] == [("bread1", "popular"), ("oven", "popular"), ("spam", "popular")]
    assert found[0].reasons == (Reason("popular", 1.0, ("bread1",)),)


def test_posts_from_after_the_moment_only_when_published_by_the_clock(store: GraphStore, tmp_path: Path) -> None:
    assert "future" not in {r.id for r in recommend(store, "ann", 50)}
    with make_toy(tmp_path / "live", live=True) as live:
        assert "future" in {r.id for r in recommend(live, "ann", 50)}


def test_what_a_person_does_after_publishing_counts_at_once(own_store: GraphStore) -> None:
    with own_store.change("later") as change:
        write_edges(change, "LIKED", "User", "Post", [{"source": "ann", "target": "bread2", "at": NOW + DAY}])
        write_edges(change, "MUTED", "User", "User", [{"source": "ann", "target": "bob"}])
    assert [r.id for r in recommend(own_store, "ann", 10)] == ["chess1", "fresh", "undated"]


def test_rollback_shows_the_generation_before(own_store: GraphStore) -> None:
    with own_store.change("rollback") as change:
        assert change.rollback().id == "g1"
    assert [r.id for r in recommend(own_store, "ann", 10) if r.origin == "predicted"] == ["chess1"]


def test_json_shape(store: GraphStore) -> None:
    assert recommend(store, "ann", 1)[0].to_dict() == {
        "id": "bread2",
        "rank": 1,
        "score": 1.0,
        "title": "Second rise",
        "kind": "question",
        "origin": "predicted",
        "reasons": [{"type": "people_like_you", "share": 0.75, "path": ["ann", "bread1", "bob", "bread2"]}],
    }
    for answer in (*similar(store, "bread1"), *people(store, "ann"), *interests(store, "ann")):
        assert {"id", "rank", "score", "reasons"} <= set(answer.to_dict())


def test_explain_published_and_observed(store: GraphStore) -> None:
    published = explain(store, "ann", "bread2")
    assert (published.published, published.rank, published.reasons[0].share) == (True, 1, 0.75)
    nothing = explain(store, "cat", "spam")
    assert (nothing.published, nothing.rank, nothing.reasons) == (False, None, ())
    linked = explain(store, "ann", "reply")
    assert linked.reasons == (Reason("conversation", None, ("ann", "ask", "reply")),)


def test_explain_says_what_keeps_a_post_back(store: GraphStore) -> None:
    def told(user: str, post: str) -> str:
        console = Console(width=200, record=True, file=io.StringIO())
        show_explanation(console, store, explain(store, user, post))
        return console.export_text()

    assert explain(store, "ann", "bread2").kept_back == ()
    assert "number 1 for ann, with a score of" in told("ann", "bread2")
    hidden = explain(store, "bob", "chess1")
    assert (hidden.published, hidden.kept_back) == (True, ("disliked or hid it",))
    assert hidden.to_dict()["kept_back"] == ["disliked or hid it"]
    assert "and is not shown any more: bob disliked or hid it. Its reasons were:" in told("bob", "chess1")
    assert "is not recommended to ann, who wrote it" in told("ann", "ask")


def test_unknown_nodes_are_named_with_near_ones(store: GraphStore) -> None:
    with pytest.raises(UnknownNodeError, match=r"no post has the id 'bread9'; near: 'bread[123]', 'bread[123]'"):
        similar(store, "bread9")
    with pytest.raises(UnknownNodeError, match=r"no person has the id 'Mallory'; near: 'mallory' \(Mallory Example\)"):
        people(store, "Mallory")
    with pytest.raises(UnknownNodeError, match="no person has the id 'zzz'; `graphfeed status`"):
        interests(store, "zzz")
    with pytest.raises(UnknownNodeError, match="no person has the id ''"):
        explain(store, "", "bread1")


def test_a_post_that_came_after_publishing_is_like_those_of_similar_text(own_store: GraphStore) -> None:
    assert similar(own_store, "undated") == []  # nothing published for it, and no text vectors at all
    posts = own_store.node_ids("Post").to_pylist()
    vectors = np.zeros((len(posts), 2), dtype=np.float32)
    for id_, vector in {"undated": (1, 0), "bread3": (0.8, 0.6), "oven": (0.6, 0.8), "spam": (-1, 0)}.items():
        vectors[posts.index(id_)] = vector
    with own_store.change("embed") as change:
        change.write_vectors("Post", "text_vector", vectors)
    found = similar(own_store, "undated")
    assert [(post.id, post.rank, round(post.score, 3)) for post in found] == [("bread3", 1, 0.8), ("oven", 2, 0.6)]
    assert found[0].reasons == (Reason("similar_text", 1.0, ("undated", "bread3")),)
    assert Names.of(own_store, found).sentences(found[0])[0][0] == "the two read alike"
    assert [post.id for post in similar(own_store, "undated", 1)] == ["bread3"]


def test_nothing_published(tmp_path: Path) -> None:
    with make_toy(tmp_path / "feed", publish=False) as store:
        for ask in (recommend, people, interests):
            with pytest.raises(NotPublishedError, match="`graphfeed publish`"):
                ask(store, "ann")
        with pytest.raises(NotPublishedError):
            similar(store, "ask")
        with pytest.raises(NotPublishedError):
            explain(store, "ann", "ask")


@pytest.mark.parametrize("limit", [0, -3])
def test_a_limit_below_one_is_refused(store: GraphStore, limit: int) -> None:
    with pytest.raises(ConfigError, match="1 or more"):
        recommend(store, "ann", limit)


def test_ids_are_values_never_query_text(store: GraphStore) -> None:
    for odd in ("' OR 1=1 //", "ann\\", "{id: 1}", "$user", "日本", "x" * 10_000):
        assert [r.origin for r in recommend(store, odd, 2)] == ["popular", "popular"]


def test_reasons_as_sentences(store: GraphStore) -> None:
    names = Names.of(store, recommend(store, "ann", 10))
    assert names.sentence(Reason("people_like_you", 0.5, ("ann", "bread1", "bob", "bread2"))) == (
        "Bob Example, who engaged with “Starter basics” as you did, engaged with this"
    )
    assert names.sentence(Reason("new", 1.0, ("fresh",))) == "it is new"
    assert names.sentence(Reason("new", 1.0, ("bob",)), "u") == "they are new here"
    assert names.sentence(Reason("popular", 1.0, ("bob",)), "u") == "many turn to them"
    assert names.sentence(Reason("popular", 1.0, ("bread",)), "e") == "it is popular just now"
    assert names.sentence(Reason("taste", 0.1, ("fresh",))) == "it fits your taste overall (no single path)"
    assert names.sentence(Reason("brand_new_type", 0.1, ("ann", "fresh"))) == "brand new type (ann – fresh)"


def test_reasons_that_read_the_same_are_told_once() -> None:
    names = Names({("Post", "p"): "Loaf", ("Entity", "e"): "Bread", ("Entity", "f"): "Rye"})
    through = [Reason("topic", share, ("ann", "p", "e", other, "f")) for share, other in ((0.3, "q"), (0.2, "r"))]
    reasons = (Reason("popular", 0.4, ("f",)), *through, Reason("similar_text", None, ("ann", "p", "f")))
    assert names.told(reasons, "e") == [
        ("it goes with Bread, which “Loaf” is about, which you know", 0.5),
        ("it is popular just now", 0.4),
        ("it is close in meaning to “Loaf”, which you know", None),
    ]


def test_an_id_is_named_by_its_label(store: GraphStore) -> None:
    """Ids are unique only within a label: person 1 and post 1 must not be mixed up."""
    names = Names({("User", "1"): "Ann Example", ("Post", "1"): "Starter basics", ("Entity", "1"): "Bread"})
    assert names.sentence(Reason("topic", 1.0, ("1", "1", "1", "1"))) == (
        "it is about Bread, as is “Starter basics”, which you know"
    )
    reason = Reason("topic", 1.0, ("ann", "bread1", "bread", "bread2"))
    assert ("Entity", "bread") in Names.read(store, [(reason, "p")]).names


def test_a_node_without_a_name_goes_by_its_id(store: GraphStore) -> None:
    reason = Reason("people_you_follow", 1.0, ("ann", "cat", "bread2"))
    assert Names.read(store, [(reason, "p")]).sentence(reason) == "person cat, whom you follow, engaged with this"

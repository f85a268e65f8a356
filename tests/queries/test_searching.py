"""Search: what is found and in which order, on both stores alike; no text breaks it."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from tests.queries.planted_town import make_town
from tests.store_rows import nodes

from graphfeed.errors import ConfigError, EncoderError, UnknownNodeError
from graphfeed.graph.encoder import TermEncoder
from graphfeed.graph.question_vectors import question_vector
from graphfeed.graph.store import GraphStore
from graphfeed.graph.text_index import TextIndex, search_terms
from graphfeed.queries.searching import excerpt, fuse, search

ODD = [
    "AND", "OR NOT", "*:*", "title:bread", "(", '"', "'", "\\", "a' OR 1=1 //", "~2", "^3", "[a TO b]", "C++", "&& ||",
    "日本", "疫苗", "ä", "x" * 100_000, "bread " * 20_000, "line\nbreak\ttab\x00zero", "🦉 owl", "$user", "%27",
]  # fmt: skip


def ids(store: GraphStore, text: str, **options: object) -> list[str]:
    return [hit.id for hit in search(store, text, **options).hits]  # type: ignore[arg-type]


def test_words_find_the_posts_that_have_them(town: GraphStore) -> None:
    assert ids(town, "knight", by="text") == ["fork"]
    assert set(ids(town, "bread", by="text")) == {"loaf", "crust", "rye", "bakery", "late"}
    assert ids(town, "opening", by="text")[:2] == ["opening", "bakery"]  # twice in the one
    assert ids(town, "nowhere", by="text") == []


def test_a_plural_is_its_singular(town: GraphStore) -> None:
    assert ids(town, "knights", by="text") == ids(town, "knight", by="text") == ["fork"]
    assert search_terms("Walls, stories, gas, ties, classes and a bus") == [
        *("wall", "story", "gas", "ty", "classe", "and", "bus")
    ]


def test_a_word_of_the_title_counts_more(town: GraphStore) -> None:
    assert ids(town, "crust", by="text")[0] == "crust"
    assert ids(town, "rye flour", by="text")[0] == "rye"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("größe", ["odd"]),
        ("NAIVE Café", ["odd"]),
        ("疫苗", ["chinese"]),
        ("含有晶片", ["chinese"]),
        ("芯", []),
    ],
)
def test_accents_case_and_chinese(town: GraphStore, text: str, found: list[str]) -> None:
    assert ids(town, text, by="text") == found


@pytest.mark.parametrize("text", ODD, ids=lambda text: text[:12])
def test_a_text_is_data(town: GraphStore, text: str) -> None:
    try:
        answer = search(town, text)
    except ConfigError as error:
        assert "no letter and no number" in str(error)  # noqa: PT017
        return
    assert len(answer.hits) <= 10
    assert answer.notes == ()


def test_the_fusion_by_hand() -> None:
    assert fuse([["a", "b"], ["b", "c"]]) == [("b", 1 / 62 + 1 / 61), ("a", 1 / 61), ("c", 1 / 62)]
    assert fuse([["a"], ["b"]]) == [("a", 1 / 61), ("b", 1 / 61)]  # a tie: first seen first
    assert fuse([]) == []


def test_both_ways_are_fused(town: GraphStore) -> None:
    answer = search(town, "sourdough bread with a crust")
    assert answer.ways == ("text", "vector")
    best = answer.hits[0]
    assert best.score == pytest.approx(sum(1 / (60 + rank) for rank in best.ranks.values()))
    assert [hit.rank for hit in answer.hits] == list(range(1, len(answer.hits) + 1))
    assert {hit.id for hit in answer.hits} >= {"loaf", "crust", "rye"}
    assert not {hit.id for hit in answer.hits[:4]} & {"mate", "fork", "opening"}


def test_meaning_alone(town: GraphStore) -> None:
    answer = search(town, "a queen and a king", by="vector")
    assert answer.ways == ("vector",)
    assert {hit.id for hit in answer.hits[:2]} == {"mate", "fork"}
    assert answer.hits[0].ranks == {"vector": 1}


def test_the_questions_vector_is_the_encoders(town: GraphStore) -> None:
    from graphfeed.graph.embed import node_texts
    from graphfeed.loaders.records import NODE_TYPES

    encoder = TermEncoder()
    encoder.fit([text for label in NODE_TYPES for text in node_texts(town, label) if text])
    for text in ("Sourdough bread, bread and flour", "chess"):
        np.testing.assert_allclose(question_vector(town, text), encoder.encode([text])[0], atol=1e-5)
    assert question_vector(town, "unheard") is None


def test_for_one_person(town: GraphStore) -> None:
    everybody = ids(town, "opening", by="text")
    assert everybody == ["opening", "bakery"]
    assert ids(town, "opening", by="text", user="dov") == ["opening", "bakery"]
    assert ids(town, "opening", by="text", user="ben") == ["bakery", "opening"]  # recommended to him
    assert "crust" not in ids(town, "bread", user="gus")  # hidden
    assert ids(town, "opening chess", by="text", user="gus") == ["bakery"]  # by somebody whom he blocked
    answer = search(town, "rye", by="text", user="gus")
    assert (answer.ways, "nothing is known" in answer.notes[0]) == (("text",), True)
    with pytest.raises(UnknownNodeError, match="no person has the id 'ann'"):
        search(town, "bread", user="ann")


def test_people_entities_and_kinds(town: GraphStore) -> None:
    assert ids(town, "cleo", label="User", by="text") == ["cleo"]
    assert ids(town, "loaves", label="Entity", by="text") == ["bread"]  # by an alias
    assert set(ids(town, "bread", by="text", kinds=["question"])) == {"rye", "late"}
    assert set(ids(town, "bread", kinds=["question"])) <= {"rye", "late", "mate", "odd", "chinese"}
    assert ids(town, "bread", kinds=["nonsense"]) == []


@pytest.mark.parametrize(
    ("text", "options", "what"),
    [
        ("", {}, "is empty"),
        (" \n", {}, "is empty"),
        ("???", {}, "no letter and no number"),
        ("bread", {"limit": 0}, "1 or more"),
        ("bread", {"by": "magic"}, "goes by both, text, vector, found 'magic'"),
        ("bread", {"label": "Robot"}, "found 'Robot'"),
        ("bread", {"label": "User", "user": "ada"}, "only posts"),
        ("bread", {"label": "User", "kinds": ["x"]}, "people have no kinds"),
    ],
)
def test_what_cannot_be_asked(town: GraphStore, text: str, options: dict[str, object], what: str) -> None:
    with pytest.raises(ConfigError, match=what):
        search(town, text, **options)  # type: ignore[arg-type]


def test_without_vectors_words_do_and_it_is_said(tmp_path: Path) -> None:
    with make_town(tmp_path / "feed", vectors=False, publish=False) as store:
        answer = search(store, "bread")
        assert answer.ways == ("text",)
        assert "run `graphfeed embed` first" in answer.notes[0]
        with pytest.raises(EncoderError, match="`graphfeed embed`"):
            search(store, "bread", by="vector")


def test_what_is_loaded_later_is_found(tmp_path: Path) -> None:
    with make_town(tmp_path / "feed") as store:
        assert ids(store, "croissant", by="text") == []
        with store.change("more") as change:
            change.write_nodes("Post", nodes("Post", ["new"], title=["Croissant"], text=["of bread"]))
        assert ids(store, "croissant", by="text") == ["new"]
        answer = search(store, "bread")  # tfidf was fitted on the former texts, and what it learnt is kept
        assert (answer.ways, answer.notes) == (("text", "vector"), ())
        assert "new" in {hit.id for hit in answer.hits}


def test_terms_that_are_lost_and_cannot_be_made_again_are_said(tmp_path: Path) -> None:
    from graphfeed.graph import question_vectors

    with make_town(tmp_path / "feed") as store:
        with store.change("more") as change:
            change.write_nodes("Post", nodes("Post", ["new"], title=["Croissant"], text=["of bread"]))
        shutil.rmtree(store.workspace / "questions")
        question_vectors._opened.cache_clear()  # as in another process
        answer = search(store, "bread")
        assert "embed` again" in answer.notes[0]
        assert "new" in {hit.id for hit in answer.hits}


def test_terms_that_were_kept_outlive_new_texts(tmp_path: Path) -> None:
    with make_town(tmp_path / "feed") as store:
        assert search(store, "bread").ways == ("text", "vector")
        with store.change("more") as change:
            change.write_nodes("Post", nodes("Post", ["new"], title=["Croissant"]))
        assert search(store, "bread").ways == ("text", "vector")


def test_what_is_kept_is_made_again_where_it_is_damaged(tmp_path: Path) -> None:
    from graphfeed.graph import question_vectors, text_index, whole_graph

    with make_town(tmp_path / "feed") as store:
        before = search(store, "bread", user="ben").to_dict()
        for way in ("emptied", "removed"):
            for file in sorted((store.workspace / "questions").rglob("*")):
                if file.is_file():
                    file.write_bytes(b"") if way == "emptied" else file.unlink()
            for module in (question_vectors, text_index, whole_graph):
                module._opened.cache_clear()  # as in another process
            assert search(store, "bread", user="ben").to_dict() == before


def test_of_many_words_the_rarest_are_looked_up(town: GraphStore) -> None:
    index = TextIndex.of(town, "Post")
    assert index.best("bread", 3) == index.best("bread bread unheard", 3)
    ranked = index.best("bread", 100)
    assert [score for _, score in ranked] == sorted((score for _, score in ranked), reverse=True)
    assert index.best("bread", 2) == ranked[:2]


def test_the_excerpt_shows_the_word() -> None:
    text = "nothing here " * 30 + "and then a LOAF of it " + "more " * 50
    shown = excerpt(text, {"loaf"})
    assert "LOAF" in shown
    assert shown.startswith("… ")
    assert shown.endswith(" …")
    assert len(shown) < 200
    assert excerpt("short", {"x"}) == "short"
    assert excerpt(text, {"absent"}).startswith("nothing")

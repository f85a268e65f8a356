"""TF-IDF: which terms a text has, and what their weights make near."""

from __future__ import annotations

import numpy as np
import pytest

from graphfeed.graph.term_vectors import TermVectors


def terms_of(text: str) -> set[str]:
    return set(TermVectors.fit([text]).terms)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The Cat sat", {"the", "cat", "sat"}),
        ("Café crème, à la Façade", {"cafe", "creme", "la", "facade"}),
        (
            "run my_func2() on 3 qubits of qiskit 0.12.1",
            {"run", "my_func2", "on", "3", "qubits", "of", "qiskit", "0.12.1"},
        ),
        ("ＦＵＬＬ width", {"full", "width"}),
        ("謠言 ok", {"謠", "言", "謠言", "ok"}),
        ("量子コンピュータ", {*"量子コンピュータ", "量子", "子コ", "コン", "ンピ", "ピュ", "ュー", "ータ"}),
        ("양자 컴퓨터", {*"양자컴퓨터", "양자", "컴퓨", "퓨터"}),
        ("हिन्दी भाषा", {"हिन्दी", "भाषा"}),
        ("ガ が", {"ガ", "が"}),
    ],
)
def test_terms(text: str, expected: set[str]) -> None:
    assert terms_of(text) == expected


def test_rows_have_length_one_and_unknown_words_none() -> None:
    model = TermVectors.fit(["quantum gate", "classical gate", "soup"])
    matrix = model.transform(["quantum gate gate", "nothing known", "", "soup"])
    assert matrix.shape == (4, 4)
    assert matrix.dtype == np.float32
    norms = np.sqrt(matrix.multiply(matrix).sum(axis=1)).A1
    assert norms == pytest.approx([1, 0, 0, 1])
    assert model.terms == ["classical", "gate", "quantum", "soup"]


def test_rare_word_weighs_more_and_columns_follow_terms() -> None:
    model = TermVectors.fit(["gate one", "gate two", "gate three"])
    row = model.transform(["gate two"]).toarray()[0]
    assert row[model.terms.index("two")] > row[model.terms.index("gate")] > 0


@pytest.mark.parametrize(
    ("query", "near", "far"),
    [
        ("量子電腦的原理", "量子電腦如何運作", "檸檬水能治百病"),
        ("how do quantum gates work", "a quantum gate at work", "lemon juice cures everything"),
    ],
)
def test_texts_on_one_subject_are_near_in_chinese_and_english(query: str, near: str, far: str) -> None:
    rows = TermVectors.fit([query, near, far]).transform([query, near, far])
    cosines = (rows @ rows.T).toarray()[0]
    assert cosines[1] > 0.2
    assert cosines[1] > 5 * cosines[2]


def test_what_half_of_the_texts_say_is_left_out_without_a_list_of_words() -> None:
    texts = [f"el gato numero{i}" for i in range(10)] * 3
    assert "el" not in TermVectors.fit(texts).terms
    assert "numero7" in TermVectors.fit(texts).terms


def test_large_corpus_drops_words_seen_once_and_keeps_to_its_limit() -> None:
    texts = [f"shared{i % 50} only{i}" for i in range(1_000)]
    assert TermVectors.fit(texts).terms == sorted(f"shared{i}" for i in range(50))
    assert len(TermVectors.fit(texts, max_terms=20).terms) == 20


@pytest.mark.parametrize("texts", [[], ["", "  "], ["! ?", "a"]])
def test_no_terms_at_all_gives_no_columns(texts: list[str]) -> None:
    model = TermVectors.fit(texts)
    assert model.terms == []
    assert model.transform(["some text", ""]).shape == (2, 0)


def test_fitted_on_the_past_does_not_know_the_future() -> None:
    past = TermVectors.fit(["old words", "older words"])
    assert past.transform(["brand new"]).nnz == 0
    assert past.transform([]).shape == (0, 3)

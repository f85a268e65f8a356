"""Names found in texts: at word boundaries, whatever the case and number, the longest first, in any script."""

from __future__ import annotations

import time

import numpy as np
import pytest

from graphfeed.graph.linking.choice import chosen, weight
from graphfeed.graph.linking.names import Name, NameIndex, excerpt, forms, read_as


def found(names: list[str], text: str) -> list[str]:
    """What was found, as it is written in the text."""
    index = NameIndex([Name(name, i) for i, name in enumerate(names)])
    return [excerpt(text, at, index.surfaces[surface])[1] for surface, at in index.find(text)]


@pytest.mark.parametrize(
    ("names", "text", "expected"),
    [
        (["Rye"], "Rye, rye; RYE: (rye) fryer ryegrass", ["Rye", "rye", "RYE", "rye"]),
        (["Dutch oven"], "two Dutch  ovens, a dutch-oven,\na Dutch\noven", ["Dutch ovens", "dutch-oven", "Dutch oven"]),
        (["error_correction", "error"], "Error correction of errors", ["Error correction", "errors"]),
        (["New York", "New York City", "York"], "New Yorker in New York City or York", ["New York City", "York"]),
        # The longest, though another begins before it.
        (["the Mill", "Mill Lane oven", "oven"], "the Mill Lane oven and the mill", ["Mill Lane oven", "the mill"]),
        (["berry", "City of", "of the Sea"], "berries in the city of the sea", ["berries", "of the sea"]),
        (["shors-algorithm"], "Shor’s algorithm, Shor's Algorithms", ["Shor’s algorithm", "Shor's Algorithms"]),
        (["Ada", "bus", "Łódź"], "Ada's bus’s wheel, ŁÓDŹ’s", ["Ada's", "bus’s", "ŁÓDŹ’s"]),
        (["bus", "analysis", "matrix"], "buses, analyses, matrices, bu, us", ["buses", "analyses", "matrices"]),
        (["quantum-gates", "news"], "a quantum gate is new", ["quantum gate", "new"]),
        (["Mercury (planet)"], "Mercury, mercury (planet)", ["Mercury", "mercury (planet)"]),
        (["C++", "C#", ".NET", "node.js"], "c++, C#; .net and Node.js, not c or net", ["c++", "C#", ".net", "Node.js"]),
        (["IT", "US", "NASA"], "It is us. IT of the US, NASA's", ["IT", "US", "NASA's"]),
        (["R", "7"], "R and 7", []),  # one character is no name
        (["Straße", "café"], "STRASSE, cafe\u0301s", ["STRASSE", "cafés"]),
        # Scripts without spaces need no boundary; a run of Katakana is a word.
        (["台灣", "人", "パン", "ไทย"], "我在台灣。パンダとパン、ภาษาไทย", ["台灣", "パン", "ไทย"]),
        (["서울"], "서울에서", ["서울"]),
        # A vowel sign belongs to its letter.
        (["हि", "हिन्दी"], "हिन्दी में", ["हिन्दी"]),
        (["ＡＢＣ商店"], "abc商店", ["abc商店"]),
        (["🦉 club"], "the 🦉 Club!", ["🦉 Club"]),
        ([" ", "", "-"], "a - b", []),
        ([], "nothing to look for", []),
    ],
)
def test_what_is_found(names: list[str], text: str, expected: list[str]) -> None:
    assert found(names, text) == expected


def test_a_name_that_somebody_has_goes_before_a_form_of_another() -> None:
    index = NameIndex([Name("gate", 0), Name("gates", 1), Name("Gate", 2)])
    surfaces = [index.surfaces[i] for i, _ in index.find("gate, gates")]
    assert [(surface.name, surface.entities) for surface in surfaces] == [("gate", (0, 2)), ("gates", (1,))]


def test_forms() -> None:
    assert list(forms("fairy")) == ["fairies", "fairy's"]
    assert list(forms("Moon (satellite)")) == ["Moon", "Moons", "Moon's"]
    assert list(forms("HTTP")) == ["HTTP's"]
    assert list(forms("C++")) == []
    assert list(forms("classes")) == ["class", "classes's"]


def test_reading_is_the_same_for_what_is_the_same() -> None:
    assert read_as("The  Well-Tempered\tClavier") == read_as("the well tempered clavier")
    assert read_as("A B") == " a  b "
    assert read_as("Grover’s") == read_as("grovers") == " grovers "
    assert read_as(" \n") == ""
    for text in ("'" * 1_000, "'s", "İstanbul's", "a\x00b", "ſ", "\u0301", "x" * 10_000):
        assert read_as(read_as(text)) == read_as(text)


def test_an_excerpt_is_as_it_is_written() -> None:
    index = NameIndex([Name("Iron pot", 0)])
    text = f"{'İ' * 50} ’s an\n\n  iron—no: an Iron-Pot, with a lid {'x' * 60}"
    ((surface, at),) = index.find(text)
    before, match, after = excerpt(text, at, index.surfaces[surface], width=12)
    assert (before, match, after) == ("…iron—no: an ", "Iron-Pot", ", with a lid…")


def test_a_million_quotes_take_no_time() -> None:
    index = NameIndex([Name("'", 0), Name("rye", 1)])
    began = time.perf_counter()
    assert len(index.find("'" * 1_000_000 + " rye")) == 1
    assert time.perf_counter() - began < 20


def test_the_closest_entity_is_chosen_where_it_is_close_and_ahead() -> None:
    nan = float("nan")
    cases = [[2.0, 1.0], [2.0, 1.8], [1.0, -1.0], [nan, 3.0], [1.6, 3.0, 0.0], [1.5]]
    values = np.array([score for case in cases for score in case], np.float32)
    group = np.repeat(np.arange(len(cases)), [len(case) for case in cases])
    expected = [[True, False], [False] * 2, [False] * 2, [False] * 2, [False, True, False], [True]]
    assert chosen(values, group).tolist() == [value for case in expected for value in case]
    assert chosen(values[:0], group[:0]).tolist() == []


def test_what_closeness_is_worth() -> None:
    values = np.array([np.nan, -5, 0, 1, 2.5, 9], np.float32)
    np.testing.assert_allclose(weight(values), [1, 1 / 3, 1 / 3, 1, 2, 3], rtol=1e-6)

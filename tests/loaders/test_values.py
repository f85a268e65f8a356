"""Cells to typed values: every usual form of a date, numbers as databases write them, lists."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphfeed.loaders.records import TEXT, TIME
from graphfeed.loaders.values import as_ids, convert

T = datetime(2018, 3, 12, 17, 0, 45)


def times(*cells: object, date_format: str | None = None) -> list[datetime | str | None]:
    found = convert(pa.array(cells), TIME, date_format=date_format)
    return ["bad" if bad else value for bad, value in zip(found.bad.tolist(), found.values.to_pylist(), strict=True)]


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("2018-03-12T17:00:45", T),
        ("2018-03-12 17:00:45", T),
        ("2018-03-12T17:00:45Z", T),
        ("2018-03-12T17:00:45z", T),
        ("20180312T170045Z", T),
        ("2018-03-12T19:00:45+02:00", T),
        ("2018-03-12T19:00:45+0200", T),
        ("2018-03-12T12:30:45-04:30", T),
        (" 2018-03-12T17:00:45 ", T),
        ("2018-03-12T17:00:45.567", T + timedelta(milliseconds=567)),
        ("2018-03-12T17:00:45,5Z", T + timedelta(milliseconds=500)),
        ("2018-03-12T17:00:45.123456789Z", T + timedelta(microseconds=123456)),
        ("2018-03-12T17:00", T.replace(second=0)),
        ("2018-03-12", datetime(2018, 3, 12)),
        ("20180312", datetime(2018, 3, 12)),
        ("2018-W11-1", datetime(2018, 3, 12)),
        ("2018-03", datetime(2018, 3, 1)),
        ("2018", datetime(2018, 1, 1)),
        ("1520874045", T),
        ("1520874045.5", T + timedelta(milliseconds=500)),
        ("1520874045000", T),
        ("1520874045000000", T),
        ("1520874045000000000", T),
        ("1969-12-31T23:59:59Z", datetime(1969, 12, 31, 23, 59, 59)),
        ("", None),
        ("NULL", None),
        ("\\N", None),
        ("now", "bad"),
        ("today", "bad"),
        ("NaT", "bad"),
        ("12/03/2018", "bad"),
        ("2018-02-30", "bad"),
        ("2018-03-12T25:00:00Z", "bad"),
        ("999999999999999999999999999", "bad"),
    ],
)
def test_dates(cell: str, expected: object) -> None:
    assert times(cell) == [expected]
    assert times("2018-03-12T17:00:45Z", cell, None) == [T, expected, None]


def test_dates_that_are_no_strings() -> None:
    assert times(1520874045, 1520874045000) == [T, T]
    assert times(T.replace(tzinfo=UTC)) == [T]
    assert times(T.date()) == [datetime(2018, 3, 12)]
    assert times("12.03.2018 17h", "2018", "", date_format="%d.%m.%Y %Hh") == [datetime(2018, 3, 12, 17), "bad", None]
    assert times("12.03.2018 19 +0200", date_format="%d.%m.%Y %H %z") == [datetime(2018, 3, 12, 17)]
    assert times() == []


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.datetimes(
            datetime(1900, 1, 1),
            datetime(2200, 1, 1),
            timezones=st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes))),
        ),
        max_size=5,
    )
)
def test_isoformat_is_read_back(moments: list[datetime]) -> None:
    assert times(*(m.isoformat() for m in moments)) == [m.astimezone(UTC).replace(tzinfo=None) for m in moments]


def test_numbers_and_truth() -> None:
    found = convert(pa.array(["3", " 4.0", "2.5", "x", "", "NULL", "inf", "1e300"]), pa.int64())
    assert found.values.to_pylist() == [3, 4, None, None, None, None, None, None]
    assert found.bad.tolist() == [False, False, True, True, False, False, True, True]
    found = convert(pa.array(["0.25", "nan", "1e3"]), pa.float64())
    assert (found.values.to_pylist(), found.bad.tolist()) == ([0.25, None, 1000.0], [False, True, False])
    found = convert(pa.array(["TRUE", "0", "maybe", ""]), pa.bool_())
    assert (found.values.to_pylist(), found.bad.tolist()) == ([True, False, None, None], [False, False, True, False])


def test_ids_and_lists() -> None:
    assert as_ids(pa.array([" a ", "", "  ", None])).to_pylist() == ["a", None, None, None]
    assert as_ids(pa.array([1.0, None, 3.0]), "c").to_pylist() == ["c1", None, "c3"]
    assert as_ids(pa.array([26.0, 2.5, float("nan"), 123456789012.0])).to_pylist() == [
        "26",
        "2.5",
        None,
        "123456789012",
    ]
    assert as_ids(pa.array([2**60 + 1])).to_pylist() == [str(2**60 + 1)]
    lists = convert(pa.array(["a| b ||c", "", None]), pa.list_(TEXT), split="|").values
    assert lists.to_pylist() == [["a", "b", "c"], None, None]
    assert convert(pa.array(["a|b", ""]), pa.list_(TEXT)).values.to_pylist() == [["a|b"], None]

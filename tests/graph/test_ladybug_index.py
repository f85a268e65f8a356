"""What a reader may ask the index: Ladybug, opened read-only, would still let a statement out of the graph."""

from __future__ import annotations

import pytest

from graphfeed.errors import QueryError
from graphfeed.graph.ladybug.index import check_reading


@pytest.mark.parametrize(
    "text",
    [
        "COPY (MATCH (u:User) RETURN u.id) TO 'out.csv'",
        "PROFILE COPY (MATCH (u:User) RETURN u.id) TO 'out.csv'",
        "RETURN 1; COPY (MATCH (u:User) RETURN u.id) TO 'out.csv'",
        "/* RETURN 1 */ EXPORT DATABASE 'out'",
        "LOAD FROM 'secret.csv' RETURN *",
        "MATCH (u:User) LOAD FROM 'secret.csv' RETURN *",
        "CHECKPOINT",
        "BEGIN TRANSACTION",
        "CALL threads=1",
        "INSTALL fts",
    ],
)
def test_statements_that_leave_the_graph(text: str) -> None:
    with pytest.raises(QueryError, match="only one statement"):
        check_reading(text, {})


@pytest.mark.parametrize(
    "text",
    [
        "MATCH (u:User) RETURN u.id;",
        "// COPY x\n match (u) return 'a; LOAD FROM b', u.`copy`",
        "PROFILE MATCH (u:User) RETURN u",
        "CALL show_tables() RETURN *",
        "UNWIND $ids AS id RETURN id",
    ],
)
def test_statements_that_read(text: str) -> None:
    check_reading(text, {"ids": [1]})

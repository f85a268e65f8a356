"""Databases: a real SQLite file whose graph is known, what can be wrong with it, and that no password is shown."""

from __future__ import annotations

import sqlite3
import tomllib
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from graphfeed.errors import ConfigError, SourceError
from graphfeed.graph.ingest import ingest
from graphfeed.graph.store import open_store
from graphfeed.loaders.cells import value_block
from graphfeed.loaders.mapping import parse_mapping
from graphfeed.loaders.sql import SqlLoader, said_by, shown_url
from graphfeed.loaders.values import as_text

MAPPING = """
[[nodes]]
query = "select id, headline, at from articles"
label = "Post"
id = "id"
title = "headline"
created_at = "at"

[[relationships]]
query = '''
  -- who voted, '%' and ':x' are no parameters
  select person, article, score, at from votes where note is null or note <> '100%:x'
'''
type = "LIKED"
where = { score = 1 }
source = { column = "person", create = true }
target = "article"
at = "at"

[[relationships]]
query = '''
  -- who voted, '%' and ':x' are no parameters
  select person, article, score, at from votes where note is null or note <> '100%:x'
'''
type = "DISLIKED"
where = { score = -1 }
source = { column = "person", create = true }
target = "article"
at = "at"
"""
VOTES = "query 2: -- who voted, '%' and ':x' are no param…"
ARTICLES = "query 1: select id, headline, at from articles"
SCHEMA = """
create table articles (id integer, headline text, at text);
create table votes (person text, article integer, score integer, at text, note text);
"""
NOON = datetime(2024, 5, 1, 12)


def database(path: Path, articles: list[tuple[Any, ...]], votes: list[tuple[Any, ...]]) -> str:
    with sqlite3.connect(path) as opened:
        opened.executescript(SCHEMA)
        opened.executemany("insert into articles values (?, ?, ?)", articles)
        opened.executemany("insert into votes values (?, ?, ?, ?, ?)", votes)
    opened.close()
    return f"sqlite:///{path}"


def loader(url: str | None, mapping: str = MAPPING) -> SqlLoader:
    return SqlLoader(parse_mapping(tomllib.loads(mapping), "graphfeed.toml"), url)


AT = "2024-05-01T12:00:00"
ROWS = [("ann", 1, 1, AT, None), ("ben", 1, -1, 1714564800, "x"), ("cy", 2, 0, AT, None), ("dee", 2, 1, AT, "100%:x")]


@pytest.fixture
def url(tmp_path: Path) -> str:
    return database(tmp_path / "shop.db", [(1, "First", AT), (2, "It's “two”", None)], ROWS)


def test_clean_world(url: str, read) -> None:
    reading = read(loader(url))
    assert [(r["id"], r["title"], r["created_at"]) for r in reading.records["Post"]] == [
        ("1", "First", NOON), ("2", "It's “two”", None),
    ]  # fmt: skip
    assert [(r["source"], r["target"], r["at"]) for r in reading.records["LIKED"]] == [("ann", "1", NOON)]
    assert [(r["source"], r["target"], r["at"]) for r in reading.records["DISLIKED"]] == [("ben", "1", NOON)]
    assert {r["id"] for r in reading.records["implied User"]} == {"ann", "ben"}
    assert reading.rejects.rows_read == {ARTICLES: 2, VOTES: 2}
    assert reading.rejects.rows_passed_over == {ARTICLES: 0, VOTES: 1}


def test_many_batches_and_a_store(tmp_path: Path) -> None:
    votes = [(f"u{n % 500}", n % 1000, 1, 1714564800 + n, None) for n in range(45_000)]
    url = database(tmp_path / "s.db", [(n, f"t{n}", None) for n in range(1000)], votes)
    with open_store(tmp_path / "feed", create=True) as store:
        report = ingest(store, loader(url))
        assert (report.read, report.rejected) == (46_000, 0)
        assert ingest(store, loader(url)).graph == report.graph


def test_dirty_world(tmp_path: Path, read) -> None:
    votes = [
        ("ann", 1, 1, AT, None),
        ("", 1, 1, AT, None),
        (None, 1, 1, AT, None),
        ("bo", 1, 1, "never", None),
        ("cy", 99, 1, AT, None),
        ("x" * 5000, 1, 1, AT, None),
        (b"dee", 1, 1, AT, None),  # bytes that are text
        (b"\xff\xfe", 1, 1, AT, None),
        (7, 1, 1.0, AT, None),  # SQLite holds anything in any column
    ]
    url = database(tmp_path / "s.db", [(1, "one", AT)], votes)
    with sqlite3.connect(tmp_path / "s.db") as opened:
        opened.execute("insert into votes values (cast(x'c3' as text), 1, 1, ?, null)", (AT,))
    opened.close()
    reading = read(loader(url))
    assert [r["source"] for r in reading.records["LIKED"]] == ["ann", "cy", "dee", "7"]
    assert reading.rejects.reasons == {"empty id": 2, "bad date": 1, "long id": 1, "wrong encoding": 2}
    assert reading.rejects.rows_read[VOTES] == 10
    with open_store(tmp_path / "feed", create=True) as store:
        report = ingest(store, loader(url))
    assert report.reasons["dangling key"] == 1
    assert "query 2" in (tmp_path / "feed" / "rejected.csv").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (("from articles", "from article"), r"query 1: .*: no such table: article"),
        (("select id, headline, at", "selec id, headline, at"), "query 1: .* expected a query that reads"),
        (
            ("select id, headline, at from articles", "delete from articles"),
            "query 1: delete .*: expected a query",
        ),
        (('"headline"', '"headlin"'), r"has no column 'headlin': did you mean 'headline'\?"),
        (("select id, headline, at", "select id, id, headline, at"), "has 2 columns named 'id': rename all but one"),
        (('query = "select', 'file = "a.csv"\nquery = "select'), "has both file and query: its rows come from one of"),
    ],
)
def test_mappings_that_cannot_be(url: str, read, change: tuple[str, str], sentence: str) -> None:
    with pytest.raises((ConfigError, SourceError), match=sentence):
        read(loader(url, MAPPING.replace(*change, 1)))


@pytest.mark.parametrize(
    ("url", "error", "sentence"),
    [
        ("nonsense secret", ConfigError, "the address of the database cannot be read"),
        (
            "postgresql+psycopg://u:secret@127.0.0.1:1/x",
            SourceError,
            r"//u:\*\*\*@127\.0\.0\.1:1/x does not",
        ),
        ("mysql+nodriver://u:secret@h/x", ConfigError, r"SQLAlchemy knows no database 'mysql\+nodriver'"),
        ("oracle+oracledb://u:secret@h/x", ConfigError, r"oracle\+oracledb needs the driver oracledb: pip install"),
        ("sqlite:///none.db?key=secret", SourceError, r"none\.db is not there: expected an SQLite database"),
        ("sqlite:///${NO_SUCH}.db", ConfigError, "names the variable NO_SUCH, which is not set"),
        (None, ConfigError, "sql needs the address of a database: url in .*GRAPHFEED_SQL_URL"),
    ],
)
def test_addresses_that_cannot_be_and_no_password_is_shown(
    read, url: str | None, error: type[Exception], sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GRAPHFEED_SQL_URL", raising=False)
    with pytest.raises(error, match=sentence) as raised:
        read(loader(url))
    assert "secret" not in str(raised.value)
    assert not list(tmp_path.glob("none.db"))


def test_the_address_from_variables(url: str, read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRAPHFEED_SQL_URL", url)
    assert len(read(loader(None)).records["Post"]) == 2
    monkeypatch.setenv("SHOP", "p@ss/wo:rd")
    made = loader("postgresql+psycopg://u:${SHOP}@h/x?sslpassword=hidden").url
    assert made.password == "p@ss/wo:rd"
    assert shown_url(made) == "postgresql+psycopg://u:***@h/x"


def test_nothing_is_written(url: str, read, tmp_path: Path) -> None:
    before = (tmp_path / "shop.db").read_bytes()
    writing = "with x as (select 1) insert into articles select 9, 'x', 'y'"
    mapping = MAPPING.replace("select id, headline, at from articles", writing)
    with pytest.raises(ConfigError, match="gives no rows: expected a query that reads"):
        read(loader(url, mapping))
    assert (tmp_path / "shop.db").read_bytes() == before


def test_what_is_no_database(tmp_path: Path, read) -> None:
    (tmp_path / "x.db").write_bytes(b"this is text " * 1000)
    with pytest.raises(SourceError, match=r"sqlite:///.*x\.db.*: file is not a database"):
        read(loader(f"sqlite:///{tmp_path / 'x.db'}"))


@pytest.mark.parametrize(
    ("original", "said"),
    [
        (Exception(1146, "Table 'shop.likes' doesn't exist"), "Table 'shop.likes' doesn't exist"),  # PyMySQL
        (Exception('relation "likes" does not exist\nLINE 1: …'), 'relation "likes" does not exist'),  # psycopg
        (Exception("no entry for hush2 in the file"), "no entry for *** in the file"),
        (Exception(), "Exception"),
    ],
)
def test_what_a_driver_said_in_a_line(original: Exception, said: str) -> None:
    import sqlalchemy

    url = sqlalchemy.engine.make_url("postgresql://reader:hush2@db.example/shop")
    for error in (original, sqlalchemy.exc.OperationalError("select 1", None, original)):
        assert said_by(error, url) == said


def test_values_of_every_kind() -> None:
    import uuid
    from datetime import UTC, date, time, timedelta

    columns: dict[str, list[Any]] = {
        "decimal": [Decimal("12"), Decimal("1.50"), Decimal("NaN")],
        "mixed": [1, "two", 3.0],
        "bool": [True, None, False],
        "date": [date(2024, 5, 1), None, date(1066, 10, 14)],
        "zoned": [datetime(2024, 5, 1, 14, tzinfo=UTC), None, None],
        "both": [datetime(2024, 5, 1, 14, tzinfo=UTC), "2024", datetime(2024, 5, 1)],
        "uuid": [uuid.UUID(int=7), None, None],
        "json": [{"a": 1}, None, {"b": [2]}],
        "big": [2**70, 1, None],
        "bytes": [b"a", memoryview(b"b"), None],
        "none": [None, None, None],
        "span": [timedelta(days=1), None, time(12)],
    }
    complaints: list[Any] = []
    block = value_block(columns, 3, 1, lambda *found: complaints.append(found))
    words = {name: as_text(cells).to_pylist() for name, cells in block.columns.items()}
    assert words["decimal"] == ["12", "1.50", None]
    assert words["mixed"] == ["1", "two", "3"]
    assert words["bool"] == ["true", None, "false"]
    assert words["date"] == ["2024-05-01", None, "1066-10-14"]
    assert words["zoned"][0].startswith("2024-05-01 14:00:00")
    assert words["both"] == ["2024-05-01T14:00:00+00:00", "2024", "2024-05-01T00:00:00"]
    assert words["uuid"][0] == "00000000-0000-0000-0000-000000000007"
    assert words["json"] == ['{"a": 1}', None, '{"b": [2]}']
    assert words["big"] == [str(2**70), "1", None]
    assert words["bytes"] == ["a", "b", None]
    assert words["none"] == [None, None, None]
    assert not complaints

"""``sql``: the rows of a database's queries, mapped to the graph by ``graphfeed.toml``, through SQLAlchemy.

    [[load]]
    source = "sql"
    url = "postgresql+psycopg://reader:${SHOP_PASSWORD}@db.example/shop"

    [[nodes]]
    query = "select id, headline, body, published from articles"
    label = "Post"
    id = "id"
    title = "headline"

Queries are read in batches, with a cursor on the server where the driver has one, in one transaction that sees one
state of the database where it can (PostgreSQL, MySQL, SQLite) and is rolled back: nothing is ever written. A query
is run once for each round that needs it (see ``graphfeed.loaders.mapped``). The address may also stand in the
variable ``GRAPHFEED_SQL_URL``; its password is never shown.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from graphfeed.errors import ConfigError, SourceError
from graphfeed.loaders.cells import value_block
from graphfeed.loaders.delimited import Block
from graphfeed.loaders.files import check_columns
from graphfeed.loaders.mapped import MappedTables
from graphfeed.loaders.mapping import TableMapping
from graphfeed.loaders.records import Chunk
from graphfeed.loaders.rejected import Rejects
from graphfeed.loaders.typed import Entry
from graphfeed.loaders.values import Complain

if TYPE_CHECKING:
    from sqlalchemy import URL, Connection

URL_VARIABLE = "GRAPHFEED_SQL_URL"

_BATCH_ROWS = 20_000
_READING = re.compile(r"(?:\s|--[^\n]*\n|/\*.*?\*/|\()*(select|with|values|table|from)\b", re.I | re.S)
_SNAPSHOT: dict[str, dict[str, Any]] = {
    "postgresql": {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True},
    "mysql": {"isolation_level": "REPEATABLE READ"},
    "mariadb": {"isolation_level": "REPEATABLE READ"},
}
_SHOWN = 40


class SqlLoader:
    """Loads what the mapping's queries give. ``url``: as SQLAlchemy writes it, ``${NAME}`` for a variable's value.

    Raises ConfigError for an address that cannot be, or an entry's query that does not begin as one that reads.
    """

    name = "sql"

    def __init__(self, mapping: TableMapping, url: str | None = None) -> None:
        self.url = _parse(url)
        self.queries: dict[str, str] = {}
        """The queries by the names that they have in messages and in the report."""
        names: dict[str, str] = {}
        self._entries: list[Entry] = []
        for entry in mapping.entries("query"):
            name = names.get(entry.file) or _name_of(entry.file, len(names) + 1)
            names[entry.file], self.queries[name] = name, entry.file
            self._entries.append(entry.model_copy(update={"file": name}))
        self._connection: Connection | None = None

    def chunks(self, rejects: Rejects) -> Iterator[Chunk]:
        """Read the queries as a stream; see ``Loader.chunks``.

        Raises ConfigError where a driver is missing or a query does not give a column, SourceError where the database
        does not answer or refuses.
        """
        with _connected(self.url) as connection:
            self._connection = connection
            yield from MappedTables(self._entries, self).chunks(rejects)

    def blocks(self, table: str, columns: Sequence[str], keys: Sequence[str], complain: Complain) -> Iterator[Block]:
        """See ``TableReader.blocks``."""
        from sqlalchemy.exc import SQLAlchemyError

        assert self._connection is not None
        try:
            result = self._connection.exec_driver_sql(self.queries[table])
            if not result.returns_rows:
                raise ConfigError(f"{table} gives no rows: expected a query that reads, such as select … from …")
            names = list(result.keys())
            check_columns(table, columns, names)
            places = [names.index(name) for name in columns]
            line = 1
            for batch in result.partitions(_BATCH_ROWS):
                cells = list(zip(*batch, strict=True))
                found = {name: cells[place] for name, place in zip(columns, places, strict=True)}
                yield value_block(found, len(batch), line, complain)
                line += len(batch)
        except SQLAlchemyError as error:
            raise SourceError(f"{shown_url(self.url)}: {table}: {said_by(error, self.url)}") from error


def shown_url(url: URL) -> str:
    """An address for a person to read: without the password, and without what stands behind a question mark."""
    return url.set(query={}).render_as_string(hide_password=True)


def _parse(given: str | None) -> URL:
    sqlalchemy = _sqlalchemy()
    text = given or os.environ.get(URL_VARIABLE)
    if not text:
        raise ConfigError(
            f"sql needs the address of a database: url in [[load]], or the variable {URL_VARIABLE}, such as"
            " postgresql+psycopg://reader@db.example/shop or sqlite:///shop.db"
        )
    try:
        url: URL = sqlalchemy.engine.make_url(_expanded(text))
    except (sqlalchemy.exc.ArgumentError, ValueError) as error:
        raise ConfigError(
            "the address of the database cannot be read (it is not shown, for it may hold a password): expected one"
            " like postgresql+psycopg://reader@db.example/shop or sqlite:///shop.db"
        ) from error
    return url


def _expanded(text: str) -> str:
    """The text with the values of variables, written so that no character of theirs ends a part of the address."""

    def value(match: re.Match[str]) -> str:
        found = os.environ.get(match[1])
        if found is None:
            raise ConfigError(f"the address of the database names the variable {match[1]}, which is not set")
        return quote(found, safe="")

    return re.sub(r"\$\{(\w+)\}", value, text)


@contextmanager
def _connected(url: URL) -> Iterator[Connection]:
    sqlalchemy = _sqlalchemy()
    if url.get_backend_name() == "sqlite" and url.database and url.database != ":memory:":
        path = url.database.removeprefix("file:").partition("?")[0]
        if not Path(path).is_file():  # SQLite would make an empty one
            raise SourceError(f"{path} is not there: expected an SQLite database")
    try:
        engine = sqlalchemy.create_engine(url, poolclass=sqlalchemy.pool.NullPool)
    except sqlalchemy.exc.NoSuchModuleError as error:
        raise ConfigError(
            f"SQLAlchemy knows no database {url.drivername!r}: install the package that brings it"
        ) from error
    except ModuleNotFoundError as error:
        raise ConfigError(f"{url.drivername} needs the driver {error.name}: pip install {error.name}") from error
    try:
        connection = _reading(engine.connect())
    except (sqlalchemy.exc.SQLAlchemyError, TypeError) as error:  # TypeError: the driver has no such parameter
        raise SourceError(f"{shown_url(url)} does not answer, or refuses: {said_by(error, url)}") from error
    try:
        yield connection
    finally:
        connection.close()  # rolls back
        engine.dispose()


def _reading(connection: Connection) -> Connection:
    """The connection, set to read as a stream and from one state of the database."""
    name = connection.dialect.name
    streaming: dict[str, Any] = {"stream_results": True, "yield_per": _BATCH_ROWS, "no_parameters": True}
    connection = connection.execution_options(**streaming, **_SNAPSHOT.get(name, {}))
    if name == "sqlite":
        raw: Any = connection.connection.driver_connection
        raw.text_factory = lambda text: text.decode("utf-8", "surrogateescape")  # to set such rows aside, not to stop
        connection.exec_driver_sql("BEGIN")
    return connection


def said_by(error: Exception, url: URL) -> str:
    """What the database said, in one line, without the password."""
    original = getattr(error, "orig", None) or error
    match original.args:
        case (int(), str(words)):  # MySQL's drivers put a number before what they say
            said = words.strip().splitlines()
        case _:
            said = str(original).strip().splitlines()
    said = said or [type(original).__name__]
    text = said[0].strip().rstrip(".")
    for secret in (url.password, *(value for value in url.query.values() if isinstance(value, str))):
        text = text.replace(str(secret), "***") if secret else text
    return text


def _name_of(query: str, number: int) -> str:
    line = " ".join(query.split())
    name = f"query {number}: {line if len(line) <= _SHOWN else line[: _SHOWN - 1] + '…'}"
    if not _READING.match(query):
        raise ConfigError(f"{name}: expected a query that reads, beginning with select, with or values")
    return name


def _sqlalchemy() -> Any:
    try:
        import sqlalchemy
        import sqlalchemy.exc
    except ImportError as error:
        raise ConfigError("loading from a database needs SQLAlchemy: pip install 'graphfeed[sql]'") from error
    return sqlalchemy

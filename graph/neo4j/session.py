"""Talking to a Neo4j server: the one place that knows the driver, its retries and its errors.

    server = Server(address, Credentials.find(address))
    rows = server.read("MATCH (u:User) RETURN u.id AS id")          # in READ mode: the server refuses writes
    server.write(lambda transaction: transaction.run(...).consume())

Transient errors (a deadlock, a leader that moved, a connection that broke) are tried again for ``RETRY_SECONDS``;
everything else becomes a sentence of ``graphfeed.errors``. No password is ever part of one.
"""

from __future__ import annotations

import logging
import re
import ssl
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar, cast

import neo4j
from neo4j import exceptions as driver_errors

from graphfeed.errors import GraphfeedError, QueryError, StoreError, StoreUnreachableError
from graphfeed.graph.mapping.cypher import CypherMapping
from graphfeed.graph.neo4j.address import PASSWORD_VARIABLE, USER_VARIABLE, Address, Credentials
from graphfeed.graph.neo4j.faults import all_causes, fault
from graphfeed.graph.neo4j.reach import refused_certificate, why_unreachable
from graphfeed.graph.neo4j.values import plain, quiet

CONNECT_SECONDS = 5.0
RETRY_SECONDS = 6.0
"""An unreachable server is reported within ten seconds."""
_FETCH_ROWS = 2_000
_AHEAD = 2

Parameters = Mapping[str, Any]
T = TypeVar("T")

logging.getLogger("neo4j").addHandler(logging.NullHandler())  # its warnings are for programmers


class Server:
    """A connection pool to one database. Threads may share it."""

    def __init__(self, address: Address, credentials: Credentials | None) -> None:
        """Connect. Raises StoreUnreachableError."""
        self.address = address
        self._known = credentials is not None
        auth = (credentials.user, credentials.password) if credentials else None
        with self.errors():
            self._driver = neo4j.GraphDatabase.driver(
                address.uri,
                auth=auth,
                connection_timeout=CONNECT_SECONDS,
                connection_acquisition_timeout=CONNECT_SECONDS + 3,
                max_transaction_retry_time=RETRY_SECONDS,
                keep_alive=True,
                notifications_min_severity="OFF",
                user_agent="graphfeed",
                telemetry_disabled=True,
            )
        self._bookmarks = neo4j.GraphDatabase.bookmark_manager()  # a cluster's reader sees what was just written
        self.mapping: CypherMapping | None = None
        """Of a graph that is used in place: every statement goes through it."""
        self.database = address.database or ""
        self.year = 0
        try:
            with self.errors(), self._session(neo4j.READ_ACCESS) as session:
                summary = session.run("RETURN 1").consume()
                self.database = summary.database or self.database or "neo4j"
                self.year = _year(summary.server.agent)
        except GraphfeedError:
            self.close()
            raise

    def text(self, text: str) -> str:
        """A statement of graphfeed's in the names that the graph has."""
        return text if self.mapping is None else self.mapping.rewrite(text)

    def labels(self, role: str) -> list[str]:
        """The labels that play a role: itself, unless the graph is used in place."""
        return [role] if self.mapping is None else self.mapping.labels(role)

    def forget(self) -> None:
        """Forget what was written so far: the database was replaced, and waits for no transaction of the former one."""
        self._bookmarks = neo4j.GraphDatabase.bookmark_manager()

    def read(self, text: str, parameters: Parameters | None = None, *, as_is: bool = False) -> list[dict[str, Any]]:
        """Rows of one statement that reads, with Python's own values. ``as_is``: it is in the graph's names already."""
        text = text if as_is else self.text(text)

        def rows(runner: neo4j.Session | neo4j.ManagedTransaction) -> list[dict[str, Any]]:
            result = runner.run(text, quiet(parameters))
            names = result.keys()
            return [dict(zip(names, map(plain, record.values()), strict=True)) for record in result]

        with self.errors(), self._session(neo4j.READ_ACCESS) as session:
            try:
                try:
                    return rows(session)  # one way to the server and back, where a transaction of its own takes two
                except (driver_errors.Neo4jError, driver_errors.DriverError) as error:
                    if not error.is_retryable():
                        raise
                return session.execute_read(rows)
            except (ValueError, TypeError, OverflowError) as error:  # an empty text, a parameter of a strange type
                raise QueryError(f"the query cannot be run: {error}") from error

    def stream(self, text: str, parameters: Parameters | None = None) -> Iterator[tuple[Any, ...]]:
        """Records of one statement as they come, values as the driver gives them: not tried again in the middle."""
        with self.errors(), self._session(neo4j.READ_ACCESS) as session, session.begin_transaction() as transaction:
            for record in transaction.run(self.text(text), quiet(parameters)):
                yield tuple(record)

    def stream_each(self, text: str, parameters: Iterable[Parameters]) -> Iterator[list[tuple[Any, ...]]]:
        """The records of one statement for each of these parameters, in order.

        They are asked for ahead over ``_AHEAD`` connections: the server works on the next answers while one is used.
        """
        waiting: deque[Future[list[tuple[Any, ...]]]] = deque()
        pool = ThreadPoolExecutor(_AHEAD, "graphfeed-read")
        try:
            for some in parameters:
                waiting.append(pool.submit(self._all, text, some))
                if len(waiting) > _AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)

    def _all(self, text: str, parameters: Parameters) -> list[tuple[Any, ...]]:
        return list(self.stream(text, parameters))

    def write(self, work: Callable[[neo4j.ManagedTransaction], T]) -> T:
        """Run ``work`` in one transaction. It may run more than once, also after a commit whose answer was lost."""
        with self.errors(), self._session(neo4j.WRITE_ACCESS) as session:
            if self.mapping is None:
                return session.execute_write(work)
            return session.execute_write(lambda t: work(cast(neo4j.ManagedTransaction, _Renaming(t, self))))

    def command(self, text: str, parameters: Parameters | None = None) -> list[dict[str, Any]]:
        """A statement with a transaction of its own: of the schema, or ``CALL … IN TRANSACTIONS``. Tried once."""
        with self.errors(), self._session(neo4j.WRITE_ACCESS) as session:
            return session.run(self.text(text), quiet(parameters)).data()

    def begin(self, metadata: Mapping[str, Any], seconds: float) -> tuple[neo4j.Session, neo4j.Transaction]:
        """An open transaction that others can see with its ``metadata``. Whoever begins it closes both.

        ``seconds``: how long the server lets it live, 0 for ever.
        """
        with self.errors():
            session = self._session(neo4j.WRITE_ACCESS)
            return session, session.begin_transaction(metadata=dict(metadata), timeout=seconds)

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Turn the driver's errors into graphfeed's."""
        try:
            yield
        except driver_errors.Neo4jError as error:
            raise self._refused(error) from error
        except (driver_errors.DriverError, OSError) as error:
            raise self._unreachable(error) from error

    def close(self) -> None:
        """Give the connections back."""
        self._driver.close()

    def _session(self, access: str) -> neo4j.Session:
        return self._driver.session(
            database=self.address.database,
            default_access_mode=access,
            bookmark_manager=self._bookmarks,
            fetch_size=_FETCH_ROWS,
        )

    def _refused(self, error: driver_errors.Neo4jError) -> GraphfeedError:
        """What the server said, as one sentence."""
        code, message = error.code or "", " ".join(str(error.message or error).split())
        where = self.address.location
        if code.startswith("Neo.ClientError.Security.Forbidden"):
            return StoreError(f"the user lacks a privilege in {where}: {message}")
        if code.startswith("Neo.ClientError.Security."):
            what = (
                f"refuses the user and password of {USER_VARIABLE} and {PASSWORD_VARIABLE}"
                if self._known
                else f"wants a user and a password: set {USER_VARIABLE} and {PASSWORD_VARIABLE}"
            )
            again = "; wait a few seconds after several wrong ones" if "RateLimit" in code else ""
            return StoreUnreachableError(f"{where} {what}{again}")
        if "Database.DatabaseNotFound" in code:
            return StoreUnreachableError(
                f"there is no database {self.address.database!r} at {self.address.uri}: leave it out of the address for"
                " the server's own, or have it made (Neo4j Community has one database)"
            )
        found = fault(where, code, message)
        if found is not None:
            return found
        if code.startswith(("Neo.ClientError.Statement.", "Neo.ClientError.Procedure.")):
            return QueryError(f"the query failed: {message}")
        return StoreError(f"{where} could not do it: {message} ({code})")

    def _unreachable(self, error: BaseException) -> StoreError:
        where = self.address.uri
        causes = list(all_causes(error))
        said = next((cause for cause in causes if isinstance(cause, driver_errors.Neo4jError)), None)
        known = fault(self.address.location, said.code or "", said.message or "") if said is not None else None
        if known is not None:  # it answers, and says why it gives no routing information
            return known
        refused = next((cause for cause in causes if isinstance(cause, ssl.SSLCertVerificationError)), None)
        if refused is not None:
            return StoreUnreachableError(refused_certificate(where, refused))
        lost = (ConnectionRefusedError, ssl.SSLError, OSError)
        if "routing information" in str(error) or any(isinstance(cause, lost) for cause in causes):
            why = why_unreachable(self.address)
            if "something answers" not in why:
                return StoreUnreachableError(why)
            if "routing information" in str(error):
                return StoreUnreachableError(
                    f"{where} gives no routing information: is this its Bolt port, and does it want TLS (neo4j+s://)?"
                    " bolt:// in place of neo4j:// does without routing"
                )
        what = " ".join(str(error).split()) or type(error).__name__
        return StoreUnreachableError(f"{where} does not answer, or stopped answering: {what}")


class _Renaming:
    """A transaction whose statements go through the mapping."""

    def __init__(self, transaction: neo4j.ManagedTransaction, server: Server) -> None:
        self._transaction, self._server = transaction, server

    def run(self, text: str, parameters: Parameters | None = None, **more: Any) -> neo4j.Result:
        return self._transaction.run(self._server.text(text), dict(parameters or {}), **more)


def _year(agent: str) -> int:
    """The first number of a version such as Neo4j/5.26.30 or Neo4j/2026.05.0; 0 for none."""
    found = re.search(r"/(\d+)", agent)
    return int(found[1]) if found else 0

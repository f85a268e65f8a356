"""One writer at a time on a Neo4j database.

The writer holds a write lock on the node ``(:GraphfeedLock)`` in a transaction that stays open as long as its change
lasts: when its process or its connection dies, the server lets go of it at once. What it is at work on stands in the
transaction's metadata, where a second writer finds it without waiting.

What a dead writer had sent over its other connections may still be carried out after that. So each writer first puts a
word of its own into ``(:GraphfeedStore)``, its fencing token, and what begins a change asks for it there (Kleppmann,
"How to do distributed locking", 2016).
"""

from __future__ import annotations

import os
import secrets
import socket
import threading
import time
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

import neo4j
from neo4j import exceptions as driver_errors

from graphfeed.errors import StoreBusyError, StoreError, StoreUnreachableError
from graphfeed.graph.neo4j.session import Server

_WAIT_SECONDS = 1.0  # for a holder that cannot be seen; the server looks at its clock every two seconds
_MOMENT_SECONDS = 5.0  # until the server has noticed that a process of this machine died
_PING_SECONDS = 30.0  # a connection that is idle for minutes may be cut by what lies between

_LOCK = "MATCH (l:GraphfeedLock {id: 'lock'}) SET l.id = 'lock' RETURN count(l) AS n"
_CLAIM = "MATCH (s:GraphfeedStore {id: 'store'}) SET s.fence = $token"
_WRITERS = (
    "SHOW TRANSACTIONS YIELD transactionId, metaData, database WHERE database = $database"
    " RETURN transactionId AS transaction, metaData.graphfeed_what AS what, metaData.graphfeed_host AS host,"
    " metaData.graphfeed_pid AS pid, metaData.graphfeed_token AS token"
)


class WriteLock:
    """Held inside its ``with`` block. Raises StoreBusyError, saying who is at work."""

    def __init__(self, server: Server, what: str) -> None:
        self._server, self._what = server, what
        self.token = secrets.token_hex(8)
        """Stands in ``(:GraphfeedStore)`` as ``fence`` until another writer comes."""
        self._guard = threading.Lock()
        self._ended = threading.Event()
        self._lost: BaseException | None = None

    def __enter__(self) -> Self:
        until = time.monotonic() + _MOMENT_SECONDS
        while (others := self._writers()) and all(map(_dead, others)) and time.monotonic() < until:
            time.sleep(0.05)
        self._refuse(others)
        self._try()
        mark = {
            "graphfeed_what": self._what,
            "graphfeed_host": socket.gethostname(),
            "graphfeed_pid": os.getpid(),
            "graphfeed_token": self.token,
        }
        self._session, self._transaction = self._server.begin(mark, seconds=0)
        try:
            self._elect()
            with self._server.errors():
                self._transaction.run(_LOCK).consume()
            self._server.write(lambda transaction: transaction.run(_CLAIM, token=self.token).consume())
        except BaseException:
            self._release()
            raise
        threading.Thread(target=self._ping, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        with self._guard:
            self._release()

    def check(self) -> None:
        """Raise StoreUnreachableError if the lock was lost with its connection."""
        with self._guard:
            if self._lost is None:
                try:
                    with self._server.errors():
                        self._transaction.run("RETURN 1").consume()
                    return
                except StoreError as error:
                    self._lost = error
        raise StoreUnreachableError(
            f"the connection to {self._server.address.location} broke during the change ({self._lost}); nothing of it"
            " was written: run it again"
        )

    def _writers(self) -> list[dict[str, Any]]:
        with suppress(StoreError):  # a user who may not see transactions waits for the lock instead
            rows = self._server.read(_WRITERS, {"database": self._server.database})
            return [row for row in rows if row["what"] is not None]
        return []

    def _elect(self) -> None:
        """Two that began at the same moment see each other: the one that began later steps back."""
        with self._server.errors():
            self._transaction.run("RETURN 1").consume()
        writers = self._writers()
        mine = [_number(w) for w in writers if w["token"] == self.token]
        self._refuse([w for w in writers if mine and _number(w) < mine[0]])

    def _try(self) -> None:
        """Take the lock and give it back, waiting a moment: a holder that cannot be seen is met here."""
        session, transaction = self._server.begin({}, seconds=_WAIT_SECONDS)
        try:
            with self._server.errors():
                transaction.run(_LOCK).consume()
        except StoreError as error:
            if not _waited(error.__cause__):
                raise
            self._refuse(self._writers() or [{}])  # it may have begun a moment ago
        finally:
            _close(session, transaction)

    def _refuse(self, others: list[dict[str, Any]]) -> None:
        if others:
            other = others[0]
            who = f" (process {other['pid']} on {other['host']}: {other['what']})" if other else " by another user"
            raise StoreBusyError(
                f"{self._server.address.location} is being written to by another process{who}; wait for it to end"
            )

    def _ping(self) -> None:
        while not self._ended.wait(_PING_SECONDS):
            with self._guard:
                if self._ended.is_set() or self._lost is not None:
                    return
                try:
                    self._transaction.run("RETURN 1").consume()
                except (driver_errors.Neo4jError, driver_errors.DriverError, OSError) as error:
                    self._lost = error

    def _release(self) -> None:
        _close(self._session, self._transaction)


def _waited(error: BaseException | None) -> bool:
    """Whether the server ended a transaction because it waited too long for a lock."""
    code = (error.code or "") if isinstance(error, driver_errors.Neo4jError) else ""
    return any(word in code for word in ("TransactionTimedOut", "Lock", "Terminated"))


def _close(session: neo4j.Session, transaction: neo4j.Transaction) -> None:
    for thing in (transaction, session):
        with suppress(driver_errors.Neo4jError, driver_errors.DriverError, OSError):
            thing.close()


def _dead(writer: dict[str, Any]) -> bool:
    """Whether it was a process of this machine that is there no more."""
    if writer["host"] != socket.gethostname():
        return False
    try:
        os.kill(int(writer["pid"]), 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


def _number(row: dict[str, Any]) -> int:
    return int(str(row["transaction"]).rpartition("-")[2])

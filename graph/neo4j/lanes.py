"""The batches of a change over several connections at once.

While the server works on one batch, the next one is made ready and sent. Every batch belongs to a lane, by its number;
a lane sends its own in order and counts them in a node of its own, ``(:GraphfeedStore {id: "lane 0"})``, in the
transaction of each: a batch is in exactly once, however often it is sent, and no lane waits for another's lock.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from functools import partial
from types import TracebackType
from typing import Any, Self

import neo4j

from graphfeed.errors import StoreUnreachableError
from graphfeed.graph.neo4j.faults import DatabaseStoppedError
from graphfeed.graph.neo4j.session import Server

LANES = 2
"""On two cores a second one makes relationships 1.1 (a server just started) to 1.5 times as fast; four are slower."""

BEGIN = (
    "UNWIND range(0, $lanes - 1) AS lane MERGE (l:GraphfeedStore {id: 'lane ' + lane})"
    " SET l.applied = CASE WHEN l.change = $change THEN l.applied ELSE 0 END, l.change = $change"
    " RETURN l.applied AS applied ORDER BY lane"
)
"""Makes the lanes of ``$change`` ready, or finds them: how many batches of each are in."""
END = "MATCH (l:GraphfeedStore) WHERE l.change = $change SET l.change = null"
_TAKE = (
    "MATCH (l:GraphfeedStore {id: $lane, change: $change}) WHERE l.applied = $number"
    " SET l.applied = $number + 1 RETURN 1"
)

_FOLLOWING = (DatabaseStoppedError, StoreUnreachableError)
"""What the other lanes meet when a transaction of one has brought the server down."""
_Write = Callable[[neo4j.ManagedTransaction, int], Any]
"""Sends the rows of one batch, by its number."""


class Lanes:
    """Runs batches inside its ``with`` block."""

    def __init__(self, server: Server, change: str, applied: list[int]) -> None:
        """``applied``: what ``BEGIN`` returned."""
        self._server, self._change, self._applied = server, change, applied
        self._stop = threading.Event()
        self._pool = ThreadPoolExecutor(len(applied), "graphfeed-lane")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._pool.shutdown()

    def run(self, numbers: range, write: _Write) -> None:
        """Have all these batches in.

        Raises what ``write`` raises, when no lane runs any more; of several errors the cause, not what follows from it.
        """
        lanes = len(self._applied)
        own = [
            [n for n in numbers if n % lanes == lane and n // lanes >= done] for lane, done in enumerate(self._applied)
        ]
        tasks = [self._pool.submit(self._lane, batches, write) for batches in own if batches]
        _, others = wait(tasks, return_when=FIRST_EXCEPTION)
        if others:
            self._stop.set()
            wait(others)
        errors = [error for task in tasks if (error := task.exception()) is not None]
        if errors:
            raise min(errors, key=lambda error: isinstance(error, _FOLLOWING))

    def _lane(self, batches: list[int], write: _Write) -> None:
        for number in batches:
            if self._stop.is_set():
                return
            self._server.write(partial(self._take, write, number))

    def _take(self, write: _Write, number: int, transaction: neo4j.ManagedTransaction) -> None:
        place, lane = divmod(number, len(self._applied))
        known = {"lane": f"lane {lane}", "change": self._change, "number": place}
        if transaction.run(_TAKE, known).values():  # else it is in: the answer to its commit was lost
            write(transaction, number)

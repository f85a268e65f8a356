"""What a Neo4j server says when it is unwell itself (no memory, a full disk, read-only), as a sentence that helps.

Its own words name none of these but the memory: a full disk is a transaction that "could not be appended to the log",
and from then on a "critical error" until somebody starts the server again.
"""

from __future__ import annotations

from collections.abc import Iterator

from graphfeed.errors import StoreError, StoreUnreachableError

_READ_ONLY = "ReadOnly"
_AGAIN = "start the server again (`graphfeed neo4j stop` and `graphfeed neo4j start` for one of its own)"


class DatabaseStoppedError(StoreError):
    """What a server says of everything else once a transaction has met a fault that stopped the database."""


def fault(where: str, code: str, message: str) -> StoreError | None:
    """The error for what a server said with a code; None where it is nothing of the server's own."""
    if code.startswith(("Neo.ClientError.Statement.", "Neo.ClientError.Procedure.")):
        return None  # its words repeat those of the query
    said = " ".join(message.split())
    lower = said.lower()
    if "OutOfMemory" in code or "MemoryPool" in code:
        return StoreError(
            f"{where} ran out of memory: give the server a larger heap (server.memory.heap.max_size), or a higher"
            f" db.memory.transaction.total.max; it said: {said}"
        )
    if "TransactionLogError" in code or "no space left" in lower:
        return StoreError(
            f"{where} could not write to its own disk, which is full in all likelihood: make room on the server, then"
            f" {_AGAIN}; it said: {said}"
        )
    if "critical error" in lower:
        return DatabaseStoppedError(
            f"{where} stopped its database, most often because the server's disk was full: make room there, then"
            f" {_AGAIN}; it said: {said}"
        )
    if "DatabaseUnavailable" in code:
        return StoreUnreachableError(
            f"{where} runs, but its database is not open: wait a moment where it has only just been started; else its"
            " logs/debug.log says why (after a full disk it may need a larger heap to open,"
            f" server.memory.heap.max_size); it said: {said}"
        )
    if _READ_ONLY in code or "read-only" in lower or "read only" in lower:
        return StoreError(
            f"{where} is read-only, nothing was written: its administrator can allow it (server.databases.read_only,"
            f" server.databases.default_to_read_only); it said: {said}"
        )
    return None


def all_causes(error: BaseException) -> Iterator[BaseException]:
    """An error and all that led to it, also those that stand together in a group."""
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        for one in getattr(seen, "exceptions", ()):
            yield from all_causes(one)
        seen = seen.__cause__ or seen.__context__

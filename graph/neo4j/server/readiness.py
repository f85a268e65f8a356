"""Whether a server answers: its ports, its password."""

from __future__ import annotations

import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable

from graphfeed.errors import ServerError
from graphfeed.graph.neo4j.server.home import USERNAME, Home, Served
from graphfeed.graph.neo4j.server.settings import ADDRESS, ServerSettings

_PAUSE = 0.05  # seconds between two questions


def check_ports(settings: ServerSettings) -> None:
    """Raises ServerError where another program has one of the ports."""
    for what, option, port in (
        ("bolt", "--bolt-port", settings.bolt_port),
        ("http", "--http-port", settings.http_port),
    ):
        if answers(port) or not _can_be_bound(port):
            raise ServerError(
                f"port {port} ({what}) is taken by another program, perhaps another Neo4j: stop that, or choose "
                f"another port with {option}"
            )


def answers(port: int) -> bool:
    """Whether anything accepts connections there."""
    with socket.socket() as link:
        link.settimeout(1.0)
        return link.connect_ex((ADDRESS, port)) == 0


def _can_be_bound(port: int) -> bool:
    with socket.socket() as link:
        link.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            link.bind((ADDRESS, port))
        except PermissionError as error:
            raise ServerError(f"port {port} is not for everybody to use: choose one above 1023") from error
        except OSError:
            return False
    return True


def wait_until_it_answers(
    served: Served, home: Home, seconds: float, alive: Callable[[], bool], tell: Callable[[float], None]
) -> bool:
    """Wait for bolt and http; ``tell`` is given the seconds waited. Returns whether the password was accepted.

    Raises ServerError when the server dies or does not answer in time.
    """
    began = time.monotonic()
    ready = False
    while not ready:
        waited = time.monotonic() - began
        tell(waited)
        if not alive():
            raise ServerError("the server ended while it started")
        if waited > seconds:
            raise ServerError(f"the server did not answer within {seconds:.0f} seconds")
        ready = answers(served.bolt_port) and _http_answers(served.http_port)
        if not ready:
            time.sleep(_PAUSE)
    return _accepts_password(served.bolt_port, home, began + seconds)


def _http_answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://{ADDRESS}:{port}/", timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _accepts_password(port: int, home: Home, deadline: float) -> bool:
    """Ask the database something: bolt may be open a moment before the database is."""
    from neo4j import GraphDatabase
    from neo4j.exceptions import AuthError, DriverError, Neo4jError

    uri, auth = f"bolt://{ADDRESS}:{port}", (USERNAME, home.password)
    while True:
        try:
            with GraphDatabase.driver(uri, auth=auth, max_transaction_retry_time=1.0) as driver:
                driver.execute_query("RETURN 1")
                return True
        except AuthError:
            return False
        except (DriverError, Neo4jError) as error:
            if time.monotonic() > deadline:
                said = getattr(error, "message", None) or error
                raise ServerError(
                    f"the server runs, but its database does not open ({said}): debug.log says why; after a full disk"
                    " it may need more memory once, --heap 3g"
                ) from error
            time.sleep(_PAUSE)

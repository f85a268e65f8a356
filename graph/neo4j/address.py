"""Where a Neo4j database is, as a person writes it: ``neo4j://host:7687/database``, and who asks.

The database may be left out: then it is the server's home database. User and password stand in ``NEO4J_USERNAME`` and
``NEO4J_PASSWORD``, never in the address, where they would show up in histories and process lists.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self
from urllib.parse import unquote, urlsplit

from graphfeed.errors import ServerError, StoreError
from graphfeed.graph.neo4j.server.home import USERNAME, Home, default_home

SCHEMES = ("neo4j", "neo4j+s", "neo4j+ssc", "bolt", "bolt+s", "bolt+ssc")
DEFAULT_PORT = 7687
USER_VARIABLE, PASSWORD_VARIABLE = "NEO4J_USERNAME", "NEO4J_PASSWORD"
WORKSPACE_VARIABLE = "GRAPHFEED_WORKSPACE"

_DATABASE = re.compile(r"[A-Za-z0-9][A-Za-z0-9.\-]*")
_THIS_MACHINE = ("127.0.0.1", "localhost", "::1")
_EXAMPLE = "neo4j://host:7687 or neo4j://host:7687/database"


@dataclass(frozen=True)
class Address:
    """A database's address. ``location`` is what goes after ``--store``."""

    scheme: str
    host: str
    port: int
    database: str | None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read an address. Raises StoreError, which never repeats a password."""
        try:
            parts = urlsplit(text)
            port = parts.port or DEFAULT_PORT
        except ValueError:
            raise StoreError(f"the store's address is not one: expected {_EXAMPLE}") from None
        if parts.username is not None or parts.password is not None:
            raise StoreError(
                f"the address of {parts.hostname} holds a user or a password; give them by the variables"
                f" {USER_VARIABLE} and {PASSWORD_VARIABLE}, and the address as {parts.scheme}://{parts.hostname}:{port}"
            )
        if parts.scheme not in SCHEMES:
            raise StoreError(
                f"no kind of store is called {parts.scheme}://; a server's address begins with one of"
                f" {', '.join(s + '://' for s in SCHEMES)}; anything else is a folder"
            )
        database = unquote(parts.path.strip("/")) or None
        wrong = database is not None and not _DATABASE.fullmatch(database)
        if not parts.hostname or wrong or parts.query or parts.fragment:
            raise StoreError(f"the store's address {text} is not one: expected {_EXAMPLE}")
        try:
            parts.hostname.encode("idna")
        except UnicodeError:
            raise StoreError(f"the store's address names no host that can be: expected {_EXAMPLE}") from None
        return cls(parts.scheme, parts.hostname, port, database)

    @property
    def uri(self) -> str:
        """What the driver connects to."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"

    @property
    def location(self) -> str:
        """The whole of it, as it was written."""
        return f"{self.uri}/{self.database}" if self.database else self.uri

    def workspace(self, database: str) -> Path:
        """The folder on this machine for what belongs to this graph and is no graph."""
        given = os.environ.get(WORKSPACE_VARIABLE)
        if given:
            return Path(given).expanduser()
        home = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
        host = re.sub(r"[^A-Za-z0-9.\-]", "-", self.host)
        return Path(home) / "graphfeed" / "stores" / f"{host}_{self.port}_{database}"


@dataclass(frozen=True)
class Credentials:
    """Who asks. The password shows up in no ``repr``."""

    user: str
    password: str = field(repr=False)

    @classmethod
    def find(cls, address: Address) -> Credentials | None:
        """From the environment, else those of the development server, else None: a server may be open to all."""
        password = os.environ.get(PASSWORD_VARIABLE)
        if password:
            return cls(os.environ.get(USER_VARIABLE) or "neo4j", password)
        try:
            home = development_home(address)
            return Credentials(USERNAME, home.password) if home is not None else None
        except ServerError:
            return None  # the folder or the password in it cannot be read: the server will say what it wants


def development_home(address: Address) -> Home | None:
    """The folder of the development server that is at this address (`graphfeed neo4j start`); None where it is another.

    Raises ServerError where the folder cannot be read.
    """
    home = Home(default_home())
    served = home.served if address.host in _THIS_MACHINE else None
    return home if served is not None and served.bolt_port == address.port else None

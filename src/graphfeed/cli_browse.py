"""``graphfeed browse``: the graph in Neo4j Browser, styled, with a guide and saved queries."""

from __future__ import annotations

import webbrowser
from typing import TYPE_CHECKING, Annotated

import typer

from graphfeed.errors import ConfigError, ServerError, StoreError
from graphfeed.options import Debug, Store, note, open_feed, out

if TYPE_CHECKING:
    from graphfeed.graph.neo4j.address import Address
    from graphfeed.queries.browser import Subject

_NEO4J_HTTP_PORT = 7474


def browse(
    user: Annotated[str | None, typer.Argument(help="Id of a person; none: the guide, about somebody busy.")] = None,
    browser: Annotated[
        str | None,
        typer.Option("--browser", metavar="URL", help="Neo4j's HTTP address; else the development server's."),
    ] = None,
    port: Annotated[int, typer.Option("--port", help="Port of this machine; Browser keeps things by it.")] = 7480,
    show: Annotated[bool, typer.Option("--open/--no-open", help="Open the web browser.")] = True,
    store: Store = None,
    debug: Debug = False,
) -> None:
    """Look at the graph in Neo4j Browser: a person's neighbourhood drawn, a guide, saved queries. Runs until Ctrl-C."""
    from graphfeed.queries.browser import BrowserServer, check_browser, find_subject, make_pages

    with open_feed(store) as feed:
        if "://" not in feed.location:
            raise StoreError(
                f"Neo4j Browser shows what is in Neo4j, and {feed.location} is a folder: `graphfeed neo4j start` runs a"
                " server; load and publish with --store neo4j://127.0.0.1:7687, then browse with the same --store"
            )
        address = _address(feed.location)
        http = _http_address(address, browser)
        check_browser(http)
        subject = find_subject(feed.store, user)
        with BrowserServer(port, {}, http) as server:
            server.pages = make_pages(feed.store, subject, server.address, _form(address), draw=user is not None)
            feed.close()  # the pages are made: nothing more is asked of the store
            _tell(server.address, subject, http)
            if show and not webbrowser.open(f"{server.address}/start"):
                note("no web browser could be opened here: open the first address yourself")
            server.serve_forever()


def _tell(address: str, subject: Subject, http: str) -> None:
    """The addresses, and what to type in a Browser that is open already."""
    for line in (
        f"Neo4j Browser, with style, guide and saved queries, about {subject.name}:",
        f"  {address}/start",
        "It asks for the password of Neo4j once (`graphfeed neo4j status` says where it is).",
        f"In a Browser that is open already, such as {http}/browser/, type:",
        f"  :style {address}/style.grass",
        f"  :play {address}/guide.html",
        "Ctrl-C ends it.",
    ):
        out().print(line, highlight=False, markup=False, soft_wrap=True)


def _form(address: Address) -> dict[str, str]:
    """What Browser's form for connecting is filled with; the password is never part of an address."""
    from graphfeed.graph.neo4j.address import Credentials

    known = Credentials.find(address)
    scheme, _, host = address.uri.partition("://")
    form = {"dbms": f"{scheme}://{known.user}@{host}" if known else address.uri}
    if known is None:
        form["preselectAuthMethod"] = "NO_AUTH"
    if address.database:
        form["db"] = address.database
    return form


def _http_address(address: Address, given: str | None) -> str:
    """Where Browser is: as given, else the development server's, else the usual port of the store's host."""
    from graphfeed.graph.neo4j.server import default_home, status

    if given:
        if not given.startswith(("http://", "https://")):
            raise ConfigError(f"--browser takes an address such as http://127.0.0.1:7474, found {given!r}")
        return given.rstrip("/").removesuffix("/browser")
    try:
        server = status(default_home())
    except ServerError:
        server = None
    if server and server.running and server.bolt_port == address.port and address.host in ("127.0.0.1", "localhost"):
        return server.http
    host = f"[{address.host}]" if ":" in address.host else address.host
    return f"http://{host}:{_NEO4J_HTTP_PORT}"


def _address(location: str) -> Address:
    from graphfeed.graph.neo4j.address import Address

    return Address.parse(location)

"""The server of `graphfeed browse`: what it serves, to whom, and what it passes on."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from tests.queries.toy import make_toy

from graphfeed.cli import main
from graphfeed.errors import ConfigError, StoreUnreachableError
from graphfeed.queries.browser import BrowserServer, check_browser


class _Upstream(BaseHTTPRequestHandler):
    """Stands for Neo4j's HTTP port."""

    def do_GET(self) -> None:
        found = self.path == "/browser/"
        self.send_response(200 if found else 404)
        self.send_header("Content-Type", "text/html")
        self.send_header("Set-Cookie", "a=b")
        self.end_headers()
        self.wfile.write(b"<title>Neo4j Browser</title>" if found else b"")

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def upstream() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Upstream) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def served(upstream: str) -> Iterator[BrowserServer]:
    with BrowserServer(0, {"/guide.html": ("text/html; charset=utf-8", b"<p>guide</p>")}, upstream) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def ask(server: BrowserServer, path: str, method: str = "GET", **headers: str) -> HTTPResponse:
    link = HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    link.request(method, path, headers={"Host": f"localhost:{server.server_port}", **named})
    return link.getresponse()


def test_a_page_is_served_and_nothing_else(served: BrowserServer) -> None:
    found = ask(served, "/guide.html")
    assert (found.status, found.read()) == (200, b"<p>guide</p>")
    assert found.headers["Content-Type"] == "text/html; charset=utf-8"
    for path in ("/", "/guide", "/guide.html/", "/../guide.html", "/queries/", "/%2e%2e/etc/passwd"):
        assert ask(served, path).status == 404, path
    assert ask(served, "/guide.html", "HEAD").read() == b""
    assert ask(served, "/guide.html", "POST").status == 501


def test_a_browser_of_this_machine_may_read_and_may_ask_before(served: BrowserServer) -> None:
    for origin in ("http://127.0.0.1:7474", "http://localhost:7474", served.browser):
        before = ask(
            served, "/guide.html", "OPTIONS", Origin=origin, Access_Control_Request_Headers="cache-control, pragma"
        )
        assert (before.status, before.read()) == (204, b"")
        assert before.headers["Access-Control-Allow-Origin"] == origin
        assert before.headers["Access-Control-Allow-Headers"] == "cache-control, pragma"
        assert "GET" in before.headers["Access-Control-Allow-Methods"]
        assert ask(served, "/guide.html", Origin=origin).headers["Access-Control-Allow-Origin"] == origin
    assert ask(served, "/elsewhere", "OPTIONS", Origin="http://localhost:7474").status == 404


def test_a_page_of_another_site_may_not(served: BrowserServer) -> None:
    for headers in ({"Origin": "https://example.org"}, {"Origin": "null"}, {"Host": "rebound.example.org"}):
        for method in ("GET", "OPTIONS"):
            found = ask(served, "/guide.html", method, **headers)
            assert (found.status, found.read()) == (403, b"")
            assert "Access-Control-Allow-Origin" not in found.headers


def test_browsers_own_files_are_passed_on(served: BrowserServer) -> None:
    found = ask(served, "/browser/?dbms=neo4j://127.0.0.1:7687")
    assert (found.status, found.read()) == (200, b"<title>Neo4j Browser</title>")
    assert "Set-Cookie" not in found.headers
    for path in ("/browser/absent.js", "/browser/../db/data", "/browser/%2e%2e/db", "/db/neo4j/tx"):
        assert ask(served, path).status == 404, path


def test_what_is_missing_is_said(served: BrowserServer, upstream: str) -> None:
    check_browser(upstream)
    with pytest.raises(StoreUnreachableError, match="--browser"):
        check_browser(served.address + "/elsewhere")
    with pytest.raises(ConfigError, match="--port takes another"):
        BrowserServer(served.server_port, {}, upstream)


def test_an_embedded_store_is_told_what_browser_needs(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    make_toy(tmp_path / "feed").close()
    with pytest.raises(SystemExit) as ended:
        main(["browse", "ann", "--store", str(tmp_path / "feed"), "--no-open"])
    assert ended.value.code == 1
    assert "graphfeed neo4j start" in capfd.readouterr().err

"""The server of ``graphfeed browse``: graphfeed's own few pages, and Neo4j Browser's files passed on beside them.

They have one origin so that the start page can put the saved queries and the style where Browser keeps its own. It
listens on this machine only, answers only GET, HEAD and OPTIONS, and lets no page of another site read what it serves.
"""

from __future__ import annotations

import re
import urllib.error
import urllib.request
from http.client import HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from graphfeed.errors import ConfigError, StoreUnreachableError
from graphfeed.queries.browser.pages import Pages

DEFAULT_PORT = 7480
"""Fixed, because Browser keeps saved queries and settings by address."""
_BROWSER_FILE = re.compile(r"/browser/(?:[\w@-][\w.@-]*/)*(?:[\w@-][\w.@-]*)?")
_PASSED_ON = ("Content-Type", "Content-Security-Policy", "X-Frame-Options", "Last-Modified")
_TIMEOUT_SECONDS = 10.0
_LOCAL = ("localhost", "127.0.0.1")
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # this machine's servers are behind no proxy


def check_browser(browser: str) -> None:
    """Raise StoreUnreachableError unless Neo4j Browser is served at ``browser``/browser/."""
    try:
        with _open(f"{browser}/browser/") as answer:
            found = b"Neo4j Browser" in answer.read()
    except (OSError, HTTPException, ValueError):
        found = False
    if not found:
        raise StoreUnreachableError(
            f"no Neo4j Browser answers at {browser}/browser/: name the address of the server's HTTP port with --browser"
        )


class BrowserServer(ThreadingHTTPServer):
    """Serves ``pages`` and passes ``/browser/`` on to ``browser``, the address of Neo4j's HTTP port."""

    daemon_threads = True

    def __init__(self, port: int, pages: Pages, browser: str) -> None:
        """Raises ConfigError for a port that somebody else has. Port 0 takes any that is free."""
        self.pages, self.browser = pages, browser.rstrip("/")
        try:
            super().__init__(("127.0.0.1", port), _Handler)
        except OSError as error:
            raise ConfigError(
                f"port {port} of this machine cannot be had ({error.strerror}): is another `graphfeed browse` running? "
                "--port takes another one"
            ) from error

    @property
    def address(self) -> str:
        # localhost, which every Neo4j server lets Browser take guides and styles from, unless it is told otherwise.
        return f"http://localhost:{self.server_port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Nothing: a browser that closes a connection early is no error."""


class _Handler(BaseHTTPRequestHandler):
    server: BrowserServer
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "graphfeed", ""

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if self._is_foreign():
            self._answer(403)
        elif path in self.server.pages:
            kind, content = self.server.pages[path]
            self._answer(200, content, {"Content-Type": kind})
        elif _BROWSER_FILE.fullmatch(path):
            self._pass_on(path)
        else:
            self._answer(404)

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_OPTIONS(self) -> None:
        """Before a page of another origin asks, its browser asks whether it may."""
        if self._is_foreign():
            self._answer(403)
        elif urlsplit(self.path).path not in self.server.pages:
            self._answer(404)
        else:
            wanted = self.headers.get("Access-Control-Request-Headers", "")
            allowed = {"Access-Control-Allow-Methods": "GET, HEAD, OPTIONS", "Access-Control-Max-Age": "600"}
            if re.fullmatch(r"[\w, -]+", wanted):
                allowed["Access-Control-Allow-Headers"] = wanted
            if "Access-Control-Request-Private-Network" in self.headers:
                allowed["Access-Control-Allow-Private-Network"] = "true"
            self._answer(204, headers=allowed)

    def _is_foreign(self) -> bool:
        """A name that was made to lead here by somebody else, or a page of another site."""
        host = urlsplit(f"//{self.headers.get('Host', '')}")
        origin = self.headers.get("Origin")
        known = host.hostname in _LOCAL and (origin is None or self._is_browser(origin))
        return not known

    def _is_browser(self, origin: str) -> bool:
        """Whether the origin is Browser's, or another page of this machine."""
        here = urlsplit(origin)
        return here.hostname in _LOCAL or origin == self.server.browser

    def _pass_on(self, path: str) -> None:
        try:
            with _open(self.server.browser + path) as answer:
                kept = {name: answer.headers[name] for name in _PASSED_ON if name in answer.headers}
                self._answer(200, answer.read(), kept)
        except urllib.error.HTTPError as error:
            self._answer(404 if error.code == 404 else 502)
        except (OSError, HTTPException):
            self._answer(502)

    def _answer(self, status: int, content: bytes = b"", headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        origin = self.headers.get("Origin")
        if status < 400 and origin is not None:
            self.send_header("Access-Control-Allow-Origin", origin)
        self.send_header("Vary", "Origin")
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        if status != 204:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD" and status != 204:
            self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the terminal tells the person what to type."""


def _open(url: str) -> Any:
    if urlsplit(url).scheme not in ("http", "https"):
        raise ConfigError(f"Neo4j Browser's address begins with http:// or https://, found {url}")
    return _DIRECT.open(url, timeout=_TIMEOUT_SECONDS)

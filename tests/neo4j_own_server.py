"""A Neo4j server of a test's own, which it may kill, start again with other settings, and give a small disk."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.neo4j_emptied import ask
from tests.neo4j_fixture import Neo4jServer, free_ports

from graphfeed.graph.neo4j.server import LTS, ServerSettings, java_way, start, status, stop
from graphfeed.graph.neo4j.server.home import Home

_FAST = "-XX:TieredStopAtLevel=1"  # of a server that lives a minute, starting takes the longest


class OwnServer:
    """Runs from jars, for it is killed by its process. ``link`` is how to get in."""

    def __init__(self, home: Path) -> None:
        self.home, self.mounted = home, False
        bolt, http = free_ports(2)
        self._settings = ServerSettings(
            *(home, bolt, http, LTS.name), way="java", heap="512m", page_cache="64m", timeout_seconds=150
        )
        place = Home(home)
        place.make()
        self.data = place.data
        self.link = Neo4jServer(f"neo4j://127.0.0.1:{bolt}", "neo4j", place.password)
        self._more = ""

    def environment(self, workspace: Path) -> dict[str, str]:
        """What a client's environment says."""
        return {
            "NEO4J_USERNAME": self.link.username,
            "NEO4J_PASSWORD": self.link.password,
            "GRAPHFEED_WORKSPACE": str(workspace),
        }

    def up(self, more: str = "", heap: str = "512m") -> str:
        """Let it run with ``more`` lines in neo4j.conf; one that runs with others is started again. The address."""
        if self._more != more or not status(self.home).running:
            self._more = more
            self.down()
            text = java_way.configuration_text
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("JAVA_TOOL_OPTIONS", _FAST)
                patch.setattr(java_way, "configuration_text", lambda settings: text(settings) + more)
                start(replace(self._settings, heap=heap), say=print)
        return self.link.uri

    def down(self) -> None:
        """Stop it."""
        stop(self.home)

    def kill(self) -> None:
        """kill -9, and wait until it is gone."""
        os.kill(int(status(self.home).handle or 0), signal.SIGKILL)
        while status(self.home).running:
            time.sleep(0.01)

    def kill_when(self, reached: Callable[[], bool]) -> threading.Thread:
        """Kill it from a second thread as soon as something is so."""

        def watch() -> None:
            until = time.monotonic() + 60
            while not reached() and time.monotonic() < until:
                time.sleep(0.002)
            self.kill()

        thread = threading.Thread(target=watch)
        thread.start()
        return thread

    def batches_in(self) -> int:
        """How many batches of the change that is being applied are in; 0 for none."""
        rows = ask(self.link, "MATCH (l:GraphfeedStore) WHERE l.change IS NOT NULL RETURN sum(l.applied) AS n")
        return int(rows[0]["n"]) if rows else 0

    def mount(self, megabytes: int) -> str | None:
        """Give its data a disk of its own in memory, or that one another size. Why not, where it cannot be done."""
        if sys.platform != "linux" or os.geteuid() != 0:
            return "a small disk is mounted by root on Linux only"
        kind = ["-o", f"remount,size={megabytes}m"] if self.mounted else ["-t", "tmpfs", "-o", f"size={megabytes}m"]
        command = ["mount", *kind, "graphfeed-test", str(self.data)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        self.mounted |= done.returncode == 0
        return None if done.returncode == 0 else f"no small disk can be mounted here: {done.stderr.strip()}"

    def used_megabytes(self) -> int:
        """What lies on the small disk, rounded up."""
        return -(-shutil.disk_usage(self.data).used >> 20)

    def certificate(self) -> str:
        """Sign a certificate for this machine; the lines of neo4j.conf with which the server shows it to who wants."""
        folder = self.home / "certificates"
        folder.mkdir(exist_ok=True)
        key, shown = folder / "private.key", folder / "public.crt"
        if shutil.which("openssl") is None:
            pytest.skip("a certificate is made by openssl, which is not here")
        files = ("-keyout", str(key), "-out", str(shown))
        names = ("-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost")
        command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *files, *names]
        subprocess.run(command, capture_output=True, check=True)
        policy = {"enabled": "true", "base_directory": folder, "private_key": key.name}
        policy |= {"public_certificate": shown.name, "client_auth": "NONE"}
        lines = [f"dbms.ssl.policy.bolt.{name}={value}\n" for name, value in policy.items()]
        return "".join(lines) + "server.bolt.tls_level=OPTIONAL\n"

    def close(self) -> None:
        """Leave nothing behind."""
        if status(self.home).running:
            self.kill()  # with a full disk it would not end
        self.down()
        if self.mounted:
            subprocess.run(["umount", str(self.data)], check=True)

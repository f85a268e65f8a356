"""Runs a command as a process of its own, with its seconds and its peak memory, and an end when it takes too long."""

from __future__ import annotations

import os
import signal
import sys
import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Ran:
    """What a process took."""

    seconds: float
    """On the wall."""
    cpu_seconds: float
    peak_mib: float
    code: int
    """Its exit code; negative: the signal that ended it."""
    stopped: bool = False
    """Whether it was ended because it took too long."""


def run_child(command: list[str], limit: float | None = None) -> Ran:
    """Run a command to its end, or end it after ``limit`` seconds.

    The kernel lets a child's peak begin with its parent's: what calls this imports nothing that is large.
    """
    began = time.perf_counter()
    child = os.posix_spawn(command[0], command, os.environ)
    stopped = False
    try:
        while True:
            found, status, used = os.wait4(child, os.WNOHANG if limit else 0)
            if found:
                break
            if limit and not stopped and time.perf_counter() - began > limit:
                os.kill(child, signal.SIGKILL)
                stopped = True
            time.sleep(0.05)
    except BaseException:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        raise
    seconds = time.perf_counter() - began
    unit = 2**20 if sys.platform == "darwin" else 2**10  # bytes there, KiB elsewhere
    cpu = round(used.ru_utime + used.ru_stime, 2)
    code = os.waitstatus_to_exitcode(status)
    return Ran(round(seconds, 2), cpu, round(used.ru_maxrss / unit, 1), code, stopped)

"""The C library's heap: what large arrays leave behind."""

from __future__ import annotations

import ctypes
import os
import sys

LARGE_BLOCK = 8 << 20
"""Bytes from which a block of memory goes back to the system when it is freed."""
_M_MMAP_THRESHOLD = -3


def give_back_large_blocks() -> None:
    """Let blocks of 8 MiB and more go back to the system at once (glibc; elsewhere nothing is done).

    glibc raises that bound by itself, up to 32 MiB, as such blocks come and go, and keeps them from then on: training
    on a million links then holds twice the memory that it uses. MALLOC_MMAP_THRESHOLD_ in the environment is obeyed.
    """
    if sys.platform != "linux" or "MALLOC_MMAP_THRESHOLD_" in os.environ:
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, LARGE_BLOCK)

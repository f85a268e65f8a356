"""torch asks the system for large pages once graphfeed is imported, unless the environment says otherwise."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SIZE = 64 << 20
ASK = f"""
import graphfeed, torch
kept = torch.zeros({SIZE} // 4)
large, found = False, False
for line in open("/proc/self/smaps"):
    word, *values = line.split()
    if word == "Size:":
        large = int(values[0]) * 1024 >= {SIZE}
    if word == "VmFlags:":
        found = found or (large and "hg" in values)
print(found)
"""


@pytest.mark.skipif(
    not Path("/sys/kernel/mm/transparent_hugepage").exists(), reason="this system has no transparent huge pages"
)
@pytest.mark.parametrize(("said", "found"), [(None, "True"), ("0", "False")])
def test_large_tensors_lie_in_large_pages(said: str | None, found: str) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "THP_MEM_ALLOC_ENABLE"}
    environment |= {"THP_MEM_ALLOC_ENABLE": said} if said else {}
    done = subprocess.run([sys.executable, "-c", ASK], capture_output=True, text=True, env=environment, check=False)
    assert done.stdout.strip() == found, done.stderr

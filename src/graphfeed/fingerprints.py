"""Facts about a stage's inputs, to tell whether one has changed since the last time, and which."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

Facts = dict[str, Any]
"""What a stage was run with, by a name that can be put before "changed". Plain JSON."""


def file_facts(files: Iterable[Path], known: Mapping[str, Any]) -> Facts:
    """A fact for each file: size, time of change, SHA-256.

    A file whose size and time are those of the ``known`` facts is not read again. What is not there has no fact: the
    loader says what it misses.
    """
    facts: Facts = {}
    for file in files:
        if not file.is_file():
            continue
        status = file.stat()
        former = known.get(str(file))
        if isinstance(former, list) and former[:2] == [status.st_size, status.st_mtime_ns]:
            facts[str(file)] = former
        else:
            facts[str(file)] = [status.st_size, status.st_mtime_ns, _digest(file)]
    return facts


def remote_facts(source: str, arguments: Mapping[str, Any]) -> Facts:
    """Facts of what lies elsewhere: sizes and marks as the other side tells them. Of a database nothing is known."""
    from graphfeed.loaders import FILE_OPTIONS, wanted_files
    from graphfeed.loaders.remote import is_remote, remote_state, shown_address

    now = time.time()  # never the same: loaded each time
    if source == "sql":
        return {"what the database holds may have": now}
    facts: Facts = {}
    for name in ("path", *FILE_OPTIONS):
        address = arguments.get(name)
        if address and is_remote(address):
            facts[shown_address(address)] = word(remote_state(address, wanted_files(source, arguments)) or now)
    return facts


def is_secret(value: Any) -> bool:
    """Whether a setting may hold a password: an address may."""
    return isinstance(value, str) and "://" in value


def changed(known: Mapping[str, Any], facts: Mapping[str, Any]) -> str:
    """Why a stage has to be run, in words; empty when nothing changed. A file that was only touched has not changed."""
    for name, fact in facts.items():
        if name not in known:
            return f"{name} is new"
        if _content(fact) != _content(known[name]):
            return f"{name} changed"
    gone = [name for name in known if name not in facts]
    return f"{gone[0]} is gone" if gone else ""


def word(content: Any) -> str:
    """A short word that changes with the content (a dict, or a pydantic model)."""
    if hasattr(content, "model_dump_json"):
        text = content.model_dump_json()
    else:
        text = json.dumps(content, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _content(fact: Any) -> Any:
    is_file = isinstance(fact, list) and len(fact) == 3 and isinstance(fact[2], str) and len(fact[2]) == 64
    return fact[2] if is_file else fact


def _digest(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()

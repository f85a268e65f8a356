"""The files in which repositories of Bluesky are exported, as one stream of records (``graphfeed.loaders.bluesky``)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from graphfeed.errors import ConfigError, SourceError
from graphfeed.loaders.addresses import record_address
from graphfeed.loaders.files import open_bytes
from graphfeed.loaders.gathered import holds_any
from graphfeed.loaders.itemstream import is_encodable, json_items, shown_item
from graphfeed.loaders.rejected import Rejects

RECORD_FILES = (".car", ".json", ".jsonl", ".ndjson", ".jsonl.gz", ".ndjson.gz")
"""The ends of the names of what is read."""

_LINES = (".jsonl", ".ndjson", ".jsonl.gz", ".ndjson.gz")
_KEYS = ("records",)


class RepoRecord(NamedTuple):
    """A record of somebody's repository."""

    file: str
    line: int
    did: str
    collection: str
    key: str
    value: Any

    @property
    def uri(self) -> str:
        """Its address."""
        return f"at://{self.did}/{self.collection}/{self.key}"


def read_records(path: Path, rejects: Rejects) -> Iterator[RepoRecord]:
    """Every record of a file, or of a folder's files in the order of their names.

    What cannot be read is rejected; accounts' events are passed over. Raises SourceError for a file of another kind.
    """
    if path.is_dir():
        if (repository := _did_of(path)) is not None:
            yield from _unpacked(path, repository, rejects)
            return
        for inside in sorted(path.iterdir()):
            if (repository := _did_of(inside)) is not None:
                yield from _unpacked(inside, repository, rejects)
            elif inside.is_file() and inside.name.lower().endswith(RECORD_FILES):
                yield from read_records(inside, rejects)
        return
    name = path.name.lower()
    if name.endswith(".car"):
        yield from _car(path)
    elif name.endswith(_LINES):
        yield from _lines(path, rejects)
    elif name.endswith(".json"):
        with open_bytes(path) as stream:
            for line, item in json_items(stream, path.name, _KEYS, _complaining(path.name, rejects)):
                if (record := _of_list(path.name, line, item, rejects)) is not None:
                    yield record
    else:
        raise SourceError(f"{path}: expected a file that ends in one of {', '.join(RECORD_FILES)}")


def _of_list(file: str, line: int, item: Any, rejects: Rejects) -> RepoRecord | None:
    """A record as listRecords gives it: its address and its value."""
    uri = item.get("uri") if isinstance(item, dict) else None
    address = record_address(uri) if isinstance(uri, str) else None
    if address is None or not isinstance(item.get("value"), dict):
        rejects.read(file)
        expected = "expected a record: an object with uri (at://did/collection/key) and value"
        rejects.reject(file, line, "ragged line", expected, shown_item(item))
        return None
    return RepoRecord(file, line, *address, item["value"])


def _lines(path: Path, rejects: Rejects) -> Iterator[RepoRecord]:
    file, latest = path.name, _latest_events(path)
    with open_bytes(path) as stream:
        for number, line in enumerate(stream, 1):
            if not line.strip():
                continue
            item, fault = _json_line(line)
            if fault is not None:
                rejects.read(file)
                rejects.reject(file, number, *fault, line.decode("utf-8", "backslashreplace")[:500])
            elif not isinstance(item, dict) or "kind" not in item or "did" not in item:
                if (record := _of_list(file, number, item, rejects)) is not None:
                    yield record
            elif item["kind"] != "commit":
                rejects.pass_over(f"{file}: events of accounts")
            elif (event := _of_event(file, number, item)) is None:
                rejects.read(file)
                expected = "expected a commit with operation, collection, rkey and record"
                rejects.reject(file, number, "ragged line", expected, shown_item(item))
            elif item["commit"]["operation"] == "delete" or (latest and latest.get(event.uri, number) != number):
                rejects.pass_over(f"{file}: deleted or an earlier version")
            else:
                yield event


def _of_event(file: str, line: int, item: dict[str, Any]) -> RepoRecord | None:
    """A record as Jetstream tells of it; None for what is no such event."""
    commit = item.get("commit")
    if not isinstance(commit, dict) or commit.get("operation") not in ("create", "update", "delete"):
        return None
    did, collection, key = item.get("did"), commit.get("collection"), commit.get("rkey")
    value = commit.get("record")
    if not (isinstance(did, str) and isinstance(collection, str) and isinstance(key, str)):
        return None
    if not (did and collection and key) or (commit["operation"] != "delete" and not isinstance(value, dict)):
        return None
    return RepoRecord(file, line, did, collection, key, value)


def _latest_events(path: Path) -> dict[str, int]:
    """Of records that were changed or deleted, the line that counts."""
    lines: dict[str, int] = {}
    if not holds_any(path, (b'"update"', b'"delete"')):
        return lines
    with open_bytes(path) as stream:
        for number, line in enumerate(stream, 1):
            if b'"update"' not in line and b'"delete"' not in line:
                continue
            item, _ = _json_line(line)
            event = _of_event("", number, item) if isinstance(item, dict) else None
            if event is not None:
                lines[event.uri] = number
    return lines


def _json_line(line: bytes) -> tuple[Any, tuple[str, str] | None]:
    """A line's value, or reason and detail why it has none."""
    try:
        return orjson.loads(line), None
    except orjson.JSONDecodeError:
        return _careful_line(line)


def _careful_line(line: bytes) -> tuple[Any, tuple[str, str] | None]:
    """The same, slower, of a line that the quick way refused: says what is wrong with it."""
    try:
        item = json.loads(line)
    except UnicodeDecodeError as error:
        return None, ("wrong encoding", f"not UTF-8 at byte {error.start + 1}")
    except (json.JSONDecodeError, RecursionError) as error:
        reason = "ragged line" if line.endswith(b"\n") else "truncated line"
        return None, (reason, f"no JSON: {getattr(error, 'msg', 'nested too deeply')}")
    if b"\\ud" in line.lower() and not is_encodable(item):
        return None, ("wrong encoding", "it holds half of a surrogate pair (\\ud800 to \\udfff)")
    return item, None


def _did_of(folder: Path) -> str | None:
    """Whose repository is unpacked in a folder, as its name or its _commit.json says; None where it is no such."""
    if not folder.is_dir():
        return None
    if (folder / "_commit.json").is_file():
        item, _ = _json_line((folder / "_commit.json").read_bytes())
        if isinstance(item, dict) and isinstance(item.get("did"), str):
            return str(item["did"])
    for prefix in ("did:plc:", "did-plc-", "did_plc_", "did:web:", "did-web-", "did_web_"):
        if folder.name.startswith(prefix):
            return prefix.replace("-", ":").replace("_", ":") + folder.name.removeprefix(prefix)
    return None


def _unpacked(folder: Path, did: str, rejects: Rejects) -> Iterator[RepoRecord]:
    for collection in sorted(path for path in folder.iterdir() if path.is_dir()):
        file = f"{folder.name}/{collection.name}"
        for number, path in enumerate(sorted(collection.glob("*.json")), 1):
            item, fault = _json_line(path.read_bytes())
            if fault is None and not isinstance(item, dict):
                fault = "ragged line", f"expected a JSON object, found {type(item).__name__}"
            if fault is not None:
                rejects.read(file)
                rejects.reject(file, number, fault[0], f"{path.name}: {fault[1]}")
                continue
            value = item["value"] if isinstance(item.get("value"), dict) and "$type" not in item else item
            yield RepoRecord(file, number, did, collection.name, path.stem, value)


def _car(path: Path) -> Iterator[RepoRecord]:
    """The records of a repository in the order of their keys, found by its tree from its newest commit."""
    try:
        import libipld
    except ImportError as error:
        raise ConfigError(f"{path.name}: a .car needs libipld: pip install 'graphfeed[bluesky]'") from error
    with open_bytes(path) as stream:
        data = stream.read()
    try:
        header, blocks = libipld.decode_car(data)
        commit = blocks[header["roots"][0]]
        entries = list(_entries(commit["data"], blocks))
        did = str(commit["did"])
    except (ValueError, KeyError, IndexError, TypeError, RecursionError) as error:
        raise SourceError(
            f"{path} is no repository of Bluesky, or was cut off: {error or type(error).__name__}"
        ) from error
    for number, (key, value) in enumerate(entries, 1):
        collection, _, name = key.partition("/")
        yield RepoRecord(path.name, number, did, collection, name, value)


def _entries(node: Any, blocks: dict[Any, Any]) -> Iterator[tuple[str, Any]]:
    """Keys and records of a Merkle search tree, left to right. Keys share the beginning of the one before."""
    tree = blocks[node]
    if tree["l"] is not None:
        yield from _entries(tree["l"], blocks)
    key = b""
    for entry in tree["e"]:
        key = key[: entry["p"]] + bytes(entry["k"])
        if entry["v"] not in blocks:
            raise ValueError(f"the record {key.decode('utf-8', 'replace')} is missing")
        yield key.decode(), blocks[entry["v"]]
        if entry["t"] is not None:
            yield from _entries(entry["t"], blocks)


def _complaining(file: str, rejects: Rejects) -> Any:
    def complain(number: int, reason: str, detail: str, row: str) -> None:
        rejects.read(file)
        rejects.reject(file, number, reason, detail, row)

    return complain

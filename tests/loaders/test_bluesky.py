"""Bluesky's repositories: one small world in every form of export, and the same with faults."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import libipld
import pyarrow as pa
import pytest

from graphfeed.errors import SourceError
from graphfeed.graph.ingest import ingest
from graphfeed.graph.store import open_store
from graphfeed.loaders.addresses import tid_times
from graphfeed.loaders.bluesky import BlueskyLoader

ADA, BO = "did:plc:adaadaadaadaadaadaadaada", "did:plc:bobobobobobobobobobobobo"
AT = "2024-05-01T12:00:00.000Z"
NOON = datetime(2024, 5, 1, 12)


def tid(at: datetime) -> str:
    """A key of that moment: 53 bits of microseconds and 10 of a clock's number, five bits a letter."""
    bits = f"{int((at - datetime(1970, 1, 1)).total_seconds() * 1e6):055b}{7:010b}"
    return "".join("234567abcdefghijklmnopqrstuvwxyz"[int(bits[i : i + 5], 2)] for i in range(0, 65, 5))


WRITTEN = datetime(2024, 4, 24, 1, 2, 3, 456000)
BOS_POST = f"at://{BO}/app.bsky.feed.post/{tid(WRITTEN)}"
FEED = f"at://{BO}/app.bsky.feed.generator/bread"


def post(text: str, **more: Any) -> dict[str, Any]:
    return {"$type": "app.bsky.feed.post", "text": text, "createdAt": AT, "langs": ["en"], **more}


def tied(kind: str, subject: Any) -> dict[str, Any]:
    return {"$type": kind, "subject": subject, "createdAt": AT}


TAG = {"index": {"byteStart": 0, "byteEnd": 6}, "features": [{"$type": "app.bsky.richtext.facet#tag", "tag": "Bread"}]}
EMBED = {
    "$type": "app.bsky.embed.recordWithMedia",
    "record": {"$type": "app.bsky.embed.record", "record": {"uri": BOS_POST, "cid": "c"}},
    "media": {"$type": "app.bsky.embed.images", "images": [{"alt": "a loaf", "image": {}}]},
}
CARD = {
    "$type": "app.bsky.embed.external",
    "external": {"uri": "https://x.example", "title": "Rye", "description": "it"},
}
WORLD: dict[str, dict[str, Any]] = {
    "app.bsky.actor.profile/self": {"displayName": "Ada", "description": "bakes", "createdAt": AT},
    "app.bsky.feed.like/3l1": tied("app.bsky.feed.like", {"uri": BOS_POST, "cid": "c"}),
    "app.bsky.feed.like/3l2": tied("app.bsky.feed.like", {"uri": FEED, "cid": "c"}),
    "app.bsky.feed.post/3p1": post("#Bread first", facets=[TAG], tags=["bread", "Rye"]),
    "app.bsky.feed.post/3p2": post("yes", reply={"root": {"uri": BOS_POST}, "parent": {"uri": BOS_POST}}),
    "app.bsky.feed.post/3p3": post("look", embed=EMBED),
    "app.bsky.feed.post/3p4": post("", embed=CARD, reply={"parent": {"uri": f"at://{ADA}/app.bsky.feed.post/3p3"}}),
    "app.bsky.feed.repost/3r1": tied("app.bsky.feed.repost", {"uri": BOS_POST, "cid": "c"}),
    "app.bsky.feed.threadgate/3p1": {"$type": "app.bsky.feed.threadgate"},
    "app.bsky.graph.block/3b1": tied("app.bsky.graph.block", "did:web:x.example"),
    "app.bsky.graph.follow/3f1": tied("app.bsky.graph.follow", BO),
}  # fmt: skip


def as_list(path: Path) -> Path:
    records = [{"uri": f"at://{ADA}/{key}", "cid": "c", "value": value} for key, value in WORLD.items()]
    path.write_text(json.dumps({"cursor": "x", "records": records}))
    return path


def as_lines(path: Path) -> Path:
    lines = [json.dumps({"uri": f"at://{ADA}/{key}", "value": value}) for key, value in WORLD.items()]
    path.write_text("\n".join(lines) + "\n\n")
    return path


def event(key: str, value: Any, operation: str = "create") -> dict[str, Any]:
    collection, _, rkey = key.partition("/")
    commit = {"rev": "3", "operation": operation, "collection": collection, "rkey": rkey, "record": value, "cid": "c"}
    return {"did": ADA, "time_us": 1714564800000000, "kind": "commit", "commit": commit}


def as_events(path: Path) -> Path:
    path.write_text("".join(json.dumps(event(key, value)) + "\n" for key, value in WORLD.items()))
    return path


def as_folders(path: Path) -> Path:
    folder = path / ADA.replace(":", "-")
    for key, value in WORLD.items():
        (folder / key).parent.mkdir(parents=True, exist_ok=True)
        (folder / f"{key}.json").write_text(json.dumps(value))
    return path


def as_car(path: Path) -> Path:
    """A repository as the protocol packs it: blocks of DAG-CBOR under a search tree, here of two levels."""
    blocks: list[bytes] = []

    def put(value: Any) -> bytes:
        data = libipld.encode_dag_cbor(value)
        cid = b"\x01\x71\x12\x20" + hashlib.sha256(data).digest()  # bytes of this form are written as a link
        blocks.append(cid + data)
        return cid

    def node(keys: list[str], left: bytes | None) -> bytes:
        entries = [{"p": p, "k": k, "v": put(WORLD[key]), "t": None} for key, p, k in shared(keys)]
        return put({"l": left, "e": entries})

    keys = list(WORLD)
    tree = node(keys[5:], node(keys[:5], None))
    root = put({"did": ADA, "version": 3, "data": tree, "rev": "3", "prev": None, "sig": b"x"})
    header = libipld.encode_dag_cbor({"roots": [root], "version": 1})
    path.write_bytes(b"".join(varint(len(part)) + part for part in [header, *blocks]))
    return path


def shared(keys: list[str]) -> list[tuple[str, int, bytes]]:
    """Keys with the length that they share with the one before, and the rest."""
    found, before = [], b""
    for key in keys:
        now = key.encode()
        p = next((i for i, (a, b) in enumerate(zip(before, now, strict=False)) if a != b), min(len(before), len(now)))
        found.append((key, p, now[p:]))
        before = now
    return found


def varint(number: int) -> bytes:
    out = b""
    while True:
        number, low = number >> 7, number & 127
        out += bytes([low | (128 if number else 0)])
        if not number:
            return out


FORMS = {
    **{"repo.json": as_list, "repo.jsonl": as_lines, "events.ndjson": as_events},
    **{"unpacked": as_folders, "repo.car": as_car},
}


def edges(reading: Any, type_: str) -> set[tuple[str, str]]:
    return {(r["source"].rpartition("/")[2], r["target"]) for r in reading.records[type_]}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_says_the_same(tmp_path: Path, read, form: str) -> None:
    reading = read(BlueskyLoader(FORMS[form](tmp_path / form)))
    (user,) = reading.records["User"]
    assert (user["id"], user["name"], user["about"], user["platform"]) == (ADA, "Ada", "bakes", "bluesky")
    assert {r["id"].rpartition("/")[2]: (r["kind"], r["text"], r["created_at"]) for r in reading.records["Post"]} == {
        "3p1": ("post", "#Bread first", NOON), "3p2": ("comment", "yes", NOON), "3p3": ("post", "look a loaf", NOON),
        "3p4": ("comment", "Rye it", NOON),
    }  # fmt: skip
    assert reading.records["Post"][0]["url"] == f"https://bsky.app/profile/{ADA}/post/3p1"
    assert edges(reading, "LIKED") == edges(reading, "SHARED") == edges(reading, "COMMENTED") == {(ADA, BOS_POST)}
    assert edges(reading, "FOLLOWS") == {(ADA, BO)}
    assert edges(reading, "BLOCKED") == {(ADA, "did:web:x.example")}
    assert edges(reading, "REPLIES_TO") == {("3p2", BOS_POST), ("3p4", f"at://{ADA}/app.bsky.feed.post/3p3")}
    assert edges(reading, "LINKS_TO") == {("3p3", BOS_POST)}
    assert edges(reading, "MENTIONS") == {("3p1", "#bread"), ("3p1", "#rye")}
    assert {r["at"] for r in reading.records["LIKED"]} == {NOON}
    (liked,) = [r for r in reading.records["implied Post"] if r["id"] == BOS_POST]
    assert liked["created_at"] == WRITTEN
    assert (BO, BOS_POST) in {(r["source"], r["target"]) for r in reading.records["POSTED"]}
    assert sum(reading.rejects.rows_read.values()) == 9
    assert sum(reading.rejects.rows_passed_over.values()) == 2  # a feed that was liked, a gate
    assert not reading.rejects.reasons


def test_times_in_keys() -> None:
    known = "3jzfcijpj2z2a"  # a key of the protocol's documentation
    none = ["self", "3jzfcijpj2z2", "0000000000000", "2222222222222", "z" * 13, "", "ü" * 13, None]
    times = tid_times(pa.array([*none, known])).cast(pa.int64())
    assert times.to_pylist() == [None] * len(none) + [1_688_137_381_887_007]


def test_edits_and_deletions_of_jetstream(tmp_path: Path, read) -> None:
    profile = "app.bsky.actor.profile/self"
    lines = [
        event(profile, {"displayName": "Old"}),
        event("app.bsky.feed.post/3p1", post("stays")),
        event("app.bsky.feed.post/3p2", post("goes")),
        event(profile, {"displayName": "New"}, "update"),
        event("app.bsky.feed.post/3p2", None, "delete"),
        {"did": ADA, "time_us": 1, "kind": "identity", "identity": {"did": ADA, "handle": "ada.example"}},
    ]
    (tmp_path / "e.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    reading = read(BlueskyLoader(tmp_path / "e.jsonl"))
    assert [r["name"] for r in reading.records["User"]] == ["New"]
    assert [r["text"] for r in reading.records["Post"]] == ["stays"]
    assert reading.rejects.rows_passed_over == {
        "e.jsonl: deleted or an earlier version": 3, "e.jsonl: events of accounts": 1,
    }  # fmt: skip


def test_dirty_world(tmp_path: Path, read) -> None:
    odd = {"text": 7, "facets": "x", "tags": [1], "embed": [], "reply": 3}
    good = json.dumps(event("app.bsky.feed.post/3p1", post("good"))).encode()
    lines = [
        good,
        json.dumps(event("app.bsky.feed.post/3p2", post("when?") | {"createdAt": "yesterday"})).encode(),
        json.dumps(event("app.bsky.feed.like/3l1", tied("x", {"uri": ""}))).encode(),
        json.dumps(event("app.bsky.feed.like/3l2", {"createdAt": AT})).encode(),
        json.dumps(event("app.bsky.graph.follow/3f1", tied("x", {"did": BO}))).encode(),
        json.dumps(event("app.bsky.feed.post/3p3", "no object")).encode(),
        json.dumps(event("", post("no key"))).encode(),
        json.dumps(event("app.bsky.feed.post/3p4", post("half \ud800"))).encode(),
        json.dumps({"uri": "https://x.example", "value": {}}).encode(),
        b'{"did": "\xff", "kind": "commit"}',
        b"[1, 2]",
        b"{not json}",
        json.dumps(event("app.bsky.feed.post/3p5", odd)).encode(),
        good,  # a duplicate
        good[: len(good) // 2],
    ]
    (tmp_path / "e.jsonl").write_bytes(b"\n".join(lines))
    reading = read(BlueskyLoader(tmp_path / "e.jsonl"))
    assert [r["text"] for r in reading.records["Post"]] == ["good", None, "good"]
    assert reading.rejects.reasons == {
        "bad date": 1, "empty id": 3, "ragged line": 5, "wrong encoding": 2, "truncated line": 1,
    }  # fmt: skip
    with open_store(tmp_path / "feed", create=True) as store:
        report = ingest(store, BlueskyLoader(tmp_path / "e.jsonl"))
        assert report.reasons["duplicate"] == 2  # the post and its POSTED
        assert ingest(store, BlueskyLoader(tmp_path / "e.jsonl")).graph == report.graph
    assert report.read == report.kept + report.rejected == 15


def test_what_is_no_export(tmp_path: Path, read) -> None:
    car = as_car(tmp_path / "repo.car")
    whole = car.read_bytes()
    for content, sentence in (
        (whole[: len(whole) // 2], r"repo\.car is no repository of Bluesky, or was cut off: "),
        (b"hello", r"repo\.car is no repository of Bluesky"),
        (b"", r"repo\.car is empty"),
    ):
        car.write_bytes(content)
        with pytest.raises(SourceError, match=sentence):
            read(BlueskyLoader(car))
    car.unlink()
    with pytest.raises(SourceError, match=r"has no record of Bluesky: expected \.car, \.json"):
        read(BlueskyLoader(tmp_path))
    with pytest.raises(SourceError, match=r"x\.json is not there: expected an export of Bluesky"):
        read(BlueskyLoader(tmp_path / "x.json"))
    (tmp_path / "x.txt").write_text("x")
    with pytest.raises(SourceError, match=r"x\.txt: expected a file that ends in one of \.car"):
        read(BlueskyLoader(tmp_path / "x.txt"))
    (tmp_path / "x.json").write_text('{"records": 1}')
    with pytest.raises(SourceError, match=r"x\.json: expected JSON with a list 'records'; there is none"):
        read(BlueskyLoader(tmp_path / "x.json"))

"""Mastodon's archives: a small world in their format whose graph is known, and the same with faults."""

from __future__ import annotations

import json
import tarfile
import zipfile
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from graphfeed.errors import SourceError
from graphfeed.graph.ingest import ingest
from graphfeed.graph.store import open_store
from graphfeed.loaders.mastodon import MastodonLoader
from graphfeed.loaders.posthtml import post_text

ADA = "https://tide.example/users/ada"
BO = "https://pelm.example/users/bo"
PUBLIC = "https://www.w3.org/ns/activitystreams#Public"
NOON = datetime(2024, 5, 1, 12)


def status(who: str, at: datetime = NOON) -> str:
    """The address of a post of that moment, as Mastodon makes it."""
    return f"{who}/statuses/{int((at - datetime(1970, 1, 1)).total_seconds() * 1000) << 16}"


OTHER = status(BO, datetime(2024, 4, 1))
LIKED = status(BO, datetime(2024, 4, 2, 3, 4, 5))


def note(number: int, content: str = "<p>Hello</p>", to: Any = PUBLIC, cc: Any = None, **more: Any) -> dict[str, Any]:
    id_ = f"{ADA}/statuses/{number}"
    at = f"2024-05-0{number % 9 + 1}T12:00:00Z"
    object_ = {
        "id": id_, "type": "Note", "summary": None, "inReplyTo": None, "published": at, "url": f"https://tide.example/@ada/{number}",
        "attributedTo": ADA, "to": [to], "cc": cc or [], "content": content, "tag": [], "attachment": [],
    }  # fmt: skip
    return {
        "id": f"{id_}/activity", "type": "Create", "actor": ADA, "published": at, "to": [to], "cc": cc or [],
        "object": {**object_, **more},
    }  # fmt: skip


def act(type_: str, thing: Any, number: int = 1, **more: Any) -> dict[str, Any]:
    id_ = f"{ADA}#{type_}/{number}"
    return {
        "id": id_,
        "type": type_,
        "actor": ADA,
        "published": "2024-05-01T12:00:00Z",
        "to": [PUBLIC],
        "object": thing,
        **more,
    }


def collection(name: str, items: list[Any]) -> str:
    head = {"@context": "https://www.w3.org/ns/activitystreams", "id": name, "type": "OrderedCollection"}
    return json.dumps({**head, "totalItems": len(items), "orderedItems": items})


def write(folder: Path, outbox: list[Any], likes: list[Any] = (), bookmarks: list[Any] = ()) -> Path:  # type: ignore[assignment]
    folder.mkdir(parents=True, exist_ok=True)
    actor = {
        "id": ADA, "type": "Person", "preferredUsername": "ada", "name": "Ada Reedmace",
        "published": "2023-01-01T00:00:00Z", "summary": "<p>Bakes &amp; rows</p>", "outbox": "outbox.json",
    }  # fmt: skip
    (folder / "actor.json").write_text(json.dumps(actor))
    for name, items in (("outbox", outbox), ("likes", likes), ("bookmarks", bookmarks)):
        (folder / f"{name}.json").write_text(collection(f"{name}.json", list(items)))
    return folder


HASHTAG = {"type": "Hashtag", "href": "https://tide.example/tags/bread", "name": "#Bread"}
MENTION = {"type": "Mention", "href": "https://pelm.example/people/bo-7", "name": "@bo@pelm.example"}
OUTBOX = [
    note(
        1,
        '<p>A loaf &amp; <a href="x">a <span class="invisible">link</span></a><br>more</p>',
        tag=[HASHTAG, HASHTAG, MENTION],
    ),
    note(2, "<p>Indeed</p>", inReplyTo=OTHER, summary="food"),
    note(3, "<p>and so on</p>", inReplyTo=f"{ADA}/statuses/1", attachment=[{"name": "A round loaf"}]),
    note(4, "<p>unlisted</p>", to=f"{ADA}/followers", cc=[PUBLIC]),
    note(5, "<p>for followers</p>", to=f"{ADA}/followers"),
    note(6, "<p>for Bo</p>", to=BO),
    act("Announce", OTHER),
    act("Announce", f"{ADA}/statuses/1", 2),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(tmp_path / "archive", OUTBOX, [LIKED, OTHER], [OTHER])


def ends(reading: Any, type_: str) -> set[tuple[str, str]]:
    return {(r["source"].removeprefix(f"{ADA}/statuses/"), r["target"]) for r in reading.records[type_]}


def test_clean_world(folder: Path, read) -> None:
    reading = read(MastodonLoader(folder))
    (user,) = reading.records["User"]
    assert (user["id"], user["name"], user["about"], user["created_at"]) == (
        ADA,
        "Ada Reedmace",
        "Bakes & rows",
        datetime(2023, 1, 1),
    )
    posts = {r["id"].removeprefix(f"{ADA}/statuses/"): r for r in reading.records["Post"]}
    assert {key: (r["kind"], r["text"]) for key, r in posts.items()} == {
        "1": ("note", "A loaf & a link more"), "2": ("comment", "food Indeed"),
        "3": ("comment", "and so on A round loaf"), "4": ("note", "unlisted"),
    }  # fmt: skip
    assert posts["1"]["url"] == "https://tide.example/@ada/1"
    assert posts["1"]["created_at"] == datetime(2024, 5, 2, 12)
    assert ends(reading, "REPLIES_TO") == {("2", OTHER), ("3", f"{ADA}/statuses/1")}
    assert ends(reading, "COMMENTED") == {(ADA, OTHER)}  # not on what she wrote herself
    assert [(r["source"], r["target"], r["at"]) for r in reading.records["SHARED"]] == [(ADA, OTHER, NOON)]
    assert ends(reading, "LIKED") == {(ADA, LIKED), (ADA, OTHER)}
    assert ends(reading, "SAVED") == {(ADA, OTHER)}
    assert ends(reading, "MENTIONS") == {("1", "#bread")}
    assert [(r["id"], r["name"], r["kind"]) for r in reading.records["implied Entity"]] == [("#bread", "Bread", "tag")]
    posted = {(r["source"], r["target"]) for r in reading.records["POSTED"]}
    assert {(BO, OTHER), (BO, LIKED)} <= posted
    assert len(posted) == 6  # those, and her four
    implied = {r["id"]: r["created_at"] for r in reading.records["implied Post"]}
    assert implied[LIKED] == datetime(2024, 4, 2, 3, 4, 5)  # the address says when
    assert reading.rejects.rows_passed_over == {"outbox.json: not public": 2, "outbox.json: one's own posts boosted": 1}
    assert reading.rejects.rows_read == {"actor.json": 1, "outbox.json": 5, "likes.json": 2, "bookmarks.json": 1}
    assert not reading.rejects.reasons


def test_private_posts_come_only_when_asked_for(folder: Path, read) -> None:
    texts = {r["text"] for r in read(MastodonLoader(folder, private=True)).records["Post"]}
    assert {"for followers", "for Bo"} <= texts
    hidden = note(7, "<p>secret</p>")
    hidden["object"]["to"] = [BO]  # the activity says public, the note does not
    write(folder, [hidden, {**note(8), "to": "as:Public", "cc": None}, {**note(9), "to": [], "cc": []}])
    kept = [r["id"] for r in read(MastodonLoader(folder)).records["Post"]]
    assert kept == [f"{ADA}/statuses/8"]


def test_edits_deletes_and_undoing_of_other_servers(tmp_path: Path, read) -> None:
    first, gone = note(1, "<p>old</p>"), note(2, "<p>gone</p>")
    edit = note(1, "<p>new</p>", updated="2024-06-01T00:00:00Z") | {"type": "Update", "id": "e1"}
    boost, like = act("Announce", OTHER, 1), act("Like", LIKED, 2)
    outbox = [
        edit,
        first,
        gone,
        boost,
        like,
        act("Follow", BO),
        act("Block", "https://x.example/u"),
        act("Undo", boost, 3),
    ]
    outbox += [
        act("Delete", {"id": gone["object"]["id"], "type": "Tombstone"}),
        act("Move", ADA),
        act("Dislike", OTHER),
    ]
    outbox += [act("Create", {"id": "t", "type": "Tombstone"}), act("Undo", act("Follow", "nobody", 99))]
    reading = read(MastodonLoader(write(tmp_path / "a", outbox)))
    assert [r["text"] for r in reading.records["Post"]] == ["new"]
    assert not reading.records["SHARED"]
    for type_, target in (("LIKED", LIKED), ("FOLLOWS", BO), ("BLOCKED", "https://x.example/u"), ("DISLIKED", OTHER)):
        assert [(r["source"], r["target"]) for r in reading.records[type_]] == [(ADA, target)]
    assert reading.rejects.rows_passed_over == {
        "outbox.json: deleted, undone or an earlier version": 7, "outbox.json: other activities": 1,
    }  # fmt: skip


def test_dirty_world(tmp_path: Path, read) -> None:
    no_id, bad_date = note(1), note(2)
    no_id["object"]["id"] = " "
    bad_date["object"]["published"] = "soon"
    broken = note(3, "<p>half \ud800 a pair</p>")
    odd = note(
        4,
        "<p>un<b>closed <script>x()</script></p> 1 < 2",
        tag=["x", {"type": "Hashtag", "name": None}],
        url=[{"href": "u"}],
    )
    outbox = [
        no_id,
        bad_date,
        broken,
        "just text",
        {"no": "type"},
        odd,
        note(4, "again"),
        act("Announce", None),
        act("Announce", "u" * 5000),
    ]
    folder = write(tmp_path / "a", outbox, [OTHER, "", 7, OTHER, {"id": LIKED}])
    reading = read(MastodonLoader(folder))
    assert reading.rejects.rows_rejected == {"outbox.json": 7, "likes.json": 2}
    assert reading.rejects.reasons == {
        "empty id": 4, "bad date": 1, "wrong encoding": 1, "ragged line": 2, "long id": 1,
    }  # fmt: skip
    assert reading.records["Post"][0]["text"] == "unclosed 1 < 2"
    with open_store(tmp_path / "feed", create=True) as store:
        report = ingest(store, MastodonLoader(folder))
        assert report.reasons["duplicate"] == 3  # note 4 with its POSTED, and a like
        assert ingest(store, MastodonLoader(folder)).graph == report.graph
    assert report.read == report.kept + report.rejected


def test_an_archive_that_was_cut_off(folder: Path, tmp_path: Path, read) -> None:
    packed = tmp_path / "archive-20240501.tar.gz"
    with tarfile.open(packed, "w:gz") as archive:
        for file in sorted(folder.iterdir()):
            archive.add(file, file.name)
    whole = read(MastodonLoader(packed)).records
    assert whole == read(MastodonLoader(folder)).records
    packed.write_bytes(packed.read_bytes()[:-200])
    with pytest.raises(SourceError, match=r"\.tar\.gz cannot be unpacked: .* fetch it again"):
        read(MastodonLoader(packed))
    text = (folder / "outbox.json").read_text()
    (folder / "outbox.json").write_text(text[: text.index('"id"', text.index("statuses/3/activity"))])
    reading = read(MastodonLoader(folder))
    assert [r["id"][-1] for r in reading.records["Post"]] == ["1", "2"]
    assert reading.rejects.reasons == {"truncated line": 1}


def test_a_folder_of_archives_is_a_community(tmp_path: Path, read) -> None:
    write(tmp_path / "all" / "ada", OUTBOX[:2])
    other = write(tmp_path / "bo", [], [f"{ADA}/statuses/1"])
    actor = json.loads((other / "actor.json").read_text())
    (other / "actor.json").write_text(json.dumps({**actor, "id": BO, "name": "Bo"}))
    with zipfile.ZipFile(tmp_path / "all" / "bo.zip", "w") as packed:
        for file in other.iterdir():
            packed.write(file, f"export/{file.name}")
        packed.writestr("export/media_attachments/files/1.png", b"x" * 1000)
    reading = read(MastodonLoader(tmp_path / "all"))
    assert {r["id"] for r in reading.records["User"]} == {ADA, BO}
    assert ends(reading, "LIKED") == {(BO, f"{ADA}/statuses/1")}
    assert set(reading.rejects.rows_read) >= {"ada/outbox.json", "bo.zip/likes.json"}
    with open_store(tmp_path / "feed", create=True) as store:
        report = ingest(store, MastodonLoader(tmp_path / "all"))
        posts = store.read_nodes("Post", ["text"])["text"].to_pylist()
    assert report.rejected == 0
    assert "A loaf & a link more" in posts  # also where somebody else's like named it


def test_whom_somebody_follows_blocks_and_mutes(folder: Path, read) -> None:
    (folder / "following_accounts.csv").write_text(
        "Account address,Show boosts,Notify on new posts,Languages\n"
        "bo@pelm.example,true,false,\n@cy@x.example,true,false,\nno account,,\n"
    )
    (folder / "blocked_accounts.csv").write_text("dee@x.example\n")
    (folder / "muted_accounts.csv").write_text("Account address,Hide notifications\nel@x.example,true\n")
    reading = read(MastodonLoader(folder))
    assert ends(reading, "FOLLOWS") == {(ADA, "https://pelm.example/people/bo-7"), (ADA, "https://x.example/users/cy")}
    assert ends(reading, "BLOCKED") == {(ADA, "https://x.example/users/dee")}
    assert ends(reading, "MUTED") == {(ADA, "https://x.example/users/el")}
    assert reading.rejects.reasons == {"ragged line": 1}


@pytest.mark.parametrize(
    ("file", "text", "sentence"),
    [
        ("actor.json", "[1]", r"actor\.json: expected an actor of ActivityPub, found \[1\]"),
        ("actor.json", "{}", r"actor\.json has no id"),
        ("actor.json", "{", r"actor\.json is no JSON"),
        ("outbox.json", "{}", r"outbox\.json: expected JSON with a list 'orderedItems' or 'items'; there is none"),
        ("outbox.json", "<html>", r"outbox\.json: expected JSON with a list .*, found '<html>'"),
        ("likes.json", '{"id" 7}', r"likes\.json is no JSON: expected a colon"),
        ("likes.json", "", r"likes\.json is empty"),
    ],
)
def test_files_of_another_kind(folder: Path, read, file: str, text: str, sentence: str) -> None:
    (folder / file).write_text(text)
    with pytest.raises(SourceError, match=sentence):
        read(MastodonLoader(folder))


def test_what_is_no_archive(tmp_path: Path, read) -> None:
    with pytest.raises(SourceError, match=r"has no actor\.json: expected the archive of a Mastodon account"):
        read(MastodonLoader(tmp_path))
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as packed:
        packed.writestr("a/readme.txt", "x")
    with pytest.raises(SourceError, match=r"x\.zip has none of the files actor\.json"):
        read(MastodonLoader(tmp_path / "x.zip"))


@pytest.mark.parametrize(
    "markup",
    [
        "<p>a</p><p>b</p>",
        "a<br/>b &lt;c&gt;",
        "<p>x <em>y</em></p>",
        '<p><a href="u">l<span>k</span></a></p>',
        "a &amp; b",
        "",
        "<p></p>",
    ],
)
def test_the_quick_way_says_what_the_slow_one_does(markup: str) -> None:
    from graphfeed.loaders.markup import plain_text

    assert post_text(markup) == plain_text(markup)


def test_addressees_may_be_anything(tmp_path: Path) -> None:
    odd = note(1)
    odd["to"] = [{"id": PUBLIC}, 3, PUBLIC]
    folder = write(tmp_path / "archive", [odd, {**note(2), "to": [{"type": "Collection"}], "cc": None}])
    with open_store(tmp_path / "feed", create=True) as store:
        report = ingest(store, MastodonLoader(folder))
        assert store.node_ids("Post").to_pylist() == [f"{ADA}/statuses/1"]
    assert report.files["outbox.json: not public"].passed_over == 1


def test_archives_are_the_same_graph_taken_together_or_each_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        write(tmp_path / "all" / f"archive-{number}", [*OUTBOX, note(100 + number)], [LIKED, OTHER], [OTHER])
    found = []
    for rows in (50_000, 1):
        monkeypatch.setattr("graphfeed.loaders.mastodon.CHUNK_ROWS", rows)
        with open_store(tmp_path / f"feed-{rows}", create=True) as store:
            report = ingest(store, MastodonLoader(tmp_path / "all"))
            posts = sorted(store.read_nodes("Post", ["id", "text", "created_at"]).to_pylist(), key=repr)
            found.append((posts, report.graph, {n: (f.read, f.kept, f.rejected) for n, f in report.files.items()}))
    assert found[0] == found[1]
    assert {f"{ADA}/statuses/{100 + n}" for n in range(3)} <= {post["id"] for post in found[0][0]}

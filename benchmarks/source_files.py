"""Data of any size in the formats of the sources, for ``benchmarks.sources``: as large and as full as real rows are."""

from __future__ import annotations

import json
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

START = datetime(2024, 1, 1, tzinfo=UTC)
_WORDS = (
    *("the", "a", "of", "bread", "choir", "harbour", "river", "council", "market", "late", "early", "new", "old"),
    *("train", "bridge", "says", "after", "before", "what"),
)
_LETTERS = "234567abcdefghijklmnopqrstuvwxyz"


def write_mind(folder: Path, rows: int) -> None:
    """News with two entities each, and impressions of 37 shown news, 1.5 of them clicked, after a history of 32."""
    folder.mkdir()
    random = np.random.default_rng(0)
    news, people = max(rows // 40, 100), max(rows // 40, 10)
    with (folder / "news.tsv").open("w", encoding="utf-8") as out:
        for i in range(news):
            entities = [
                {
                    "Label": f"Thing {e}", "Type": "P", "WikidataId": f"Q{e}", "Confidence": 0.9,
                    "OccurrenceOffsets": [3], "SurfaceForms": ["Thing"],
                }
                for e in random.integers(news, size=2)
            ]  # fmt: skip
            cells = (
                f"N{i}",
                f"c{i % 17}",
                f"s{i % 200}",
                _text(random, 10),
                _text(random, 35),
                f"https://n.example/{i}",
            )
            out.write("\t".join([*cells, json.dumps(entities), "[]"]) + "\n")
    histories = [" ".join(f"N{n}" for n in set(random.integers(news, size=32).tolist())) for _ in range(people)]
    clicks = max(rows - people * 32, rows // 10)
    with (folder / "behaviors.tsv").open("w", encoding="utf-8") as out:
        for i in range(int(clicks / 1.5)):
            shown = random.integers(news, size=37).tolist()
            marks = [1, i % 2] + [0] * 35
            impressions = " ".join(f"N{n}-{m}" for n, m in zip(shown, marks, strict=True))
            at = START + timedelta(seconds=20 * i)
            who = int(random.integers(people))
            cells = (str(i + 1), f"U{who}", at.strftime("%m/%d/%Y %I:%M:%S %p"), histories[who], impressions)
            out.write("\t".join(cells) + "\n")


def write_kgat(folder: Path, rows: int) -> None:
    """A fifth pairs, the rest triples, and the four lists."""
    folder.mkdir()
    random = np.random.default_rng(0)
    users, items, entities, relations = rows // 100 + 10, rows // 100 + 10, rows // 20 + 100, 20
    for name, count in (("train.txt", rows // 6), ("test.txt", rows // 30)):
        with (folder / name).open("w") as out:
            for user in range(users):
                found = set(random.integers(items, size=max(count // users, 1)).tolist())
                out.write(" ".join(map(str, [user, *found])) + "\n")
    triples = np.unique(
        np.column_stack([random.integers(n, size=rows * 4 // 5) for n in (entities, relations, entities)]), axis=0
    )
    np.savetxt(folder / "kg_final.txt", triples, fmt="%d")
    for name, heading, form, count in (
        ("user_list", "org_id remap_id", "A{0:09d} {0}", users),
        ("item_list", "org_id remap_id freebase_id", "B{0:09d} {0} m.{0:06x}", items),
        ("entity_list", "org_id remap_id", "m.{0:06x} {0}", entities),
        ("relation_list", "org_id remap_id", "http://rdf.freebase.com/ns/book.relation.r{0} {0}", relations),
    ):
        lines = [heading, *(form.format(i) for i in range(count))]
        (folder / f"{name}.txt").write_text("\n".join(lines) + "\n")


def write_mastodon(folder: Path, rows: int) -> None:
    """Twenty archives: half of their rows are posts, a fifth boosts, the rest likes and bookmarks."""
    random = np.random.default_rng(0)
    for account in range(20):
        own = folder / f"archive-{account}"
        own.mkdir(parents=True)
        actor = f"https://social.example/users/person{account}"
        (own / "actor.json").write_text(json.dumps({"id": actor, "type": "Person", "preferredUsername": f"p{account}"}))
        items = [_activity(random, actor, i) for i in range(rows // 20 * 7 // 10)]
        _collection(own / "outbox.json", items)
        for name, share in (("likes", 25), ("bookmarks", 5)):
            _collection(own / f"{name}.json", [_status(random, i) for i in range(rows // 20 * share // 100)])


def write_bluesky(path: Path, rows: int) -> None:
    """Jetstream's events of many accounts: likes, posts, reposts and follows."""
    random = np.random.default_rng(0)
    people = [f"did:plc:{''.join(random.choice(list(_LETTERS), 24))}" for _ in range(max(rows // 50, 10))]
    kinds = ("app.bsky.feed.like", "app.bsky.feed.post", "app.bsky.feed.repost", "app.bsky.graph.follow")
    with path.open("w", encoding="utf-8") as out:
        for i, kind in enumerate(random.choice(kinds, size=rows, p=(0.5, 0.25, 0.1, 0.15)).tolist()):
            at = START + timedelta(milliseconds=50 * i)
            who, whom = (people[n] for n in random.integers(len(people), size=2))
            record: dict[str, Any] = {"$type": kind, "createdAt": at.isoformat().replace("+00:00", "Z")}
            if kind == "app.bsky.feed.post":
                record |= {"text": _text(random, 20), "langs": ["en"]}
            elif kind == "app.bsky.graph.follow":
                record["subject"] = whom
            else:
                key = _tid(START + timedelta(milliseconds=50 * int(random.integers(i + 1))))
                record["subject"] = {"cid": "bafyrei" + "a" * 52, "uri": f"at://{whom}/app.bsky.feed.post/{key}"}
            commit = {"rev": _tid(at), "operation": "create", "collection": kind, "rkey": _tid(at), "record": record}
            out.write(
                json.dumps({"did": who, "time_us": int(at.timestamp() * 1e6), "kind": "commit", "commit": commit})
            )
            out.write("\n")


def write_database(path: Path, rows: int) -> None:
    """An SQLite database of the same people, posts and likes as the frames."""
    frames = people_frame(rows)
    renamed = {"source": "person", "target": "post"}
    with sqlite3.connect(path) as database:
        frames["User"].to_sql("people", database, index=False)
        frames["Post"].rename(columns={"created_at": "at"}).to_sql("posts", database, index=False)
        frames["LIKED"].rename(columns=renamed).to_sql("likes", database, index=False)
    database.close()


def people_frame(rows: int) -> dict[str, pd.DataFrame]:
    """A twelfth people, a twelfth posts, the rest likes, named as the graph's."""
    random = np.random.default_rng(0)
    people, posts = rows // 12, rows // 12
    first = pd.Timestamp(START)
    users = pd.DataFrame({"id": [f"person-{i}" for i in range(people)], "name": [f"Person {i}" for i in range(people)]})
    born = first + pd.to_timedelta(np.arange(posts), unit="s")
    written = pd.DataFrame(
        {"id": [f"post-{i}" for i in range(posts)], "title": [f"Post number {i}" for i in range(posts)]}
    )
    likes = rows - people - posts
    liked = pd.DataFrame(
        {
            "source": users["id"].to_numpy()[random.integers(people, size=likes)],
            "target": written["id"].to_numpy()[random.integers(posts, size=likes)],
            "at": first + pd.to_timedelta(posts + np.arange(likes), unit="s"),
        }
    )
    return {"User": users, "Post": written.assign(created_at=born), "LIKED": liked}


def _activity(random: np.random.Generator, actor: str, number: int) -> dict[str, Any]:
    at = (START + timedelta(seconds=60 * number)).strftime("%Y-%m-%dT%H:%M:%SZ")
    public = ["https://www.w3.org/ns/activitystreams#Public"]
    head = {"actor": actor, "published": at, "to": public, "cc": [f"{actor}/followers"]}
    id_ = f"{actor}/statuses/{(int(START.timestamp() * 1000) + 60_000 * number) << 16}"
    if number % 7 >= 5:
        return {"id": f"{id_}/activity", "type": "Announce", **head, "object": _status(random, number)}
    content = f'<p>{_text(random, 15)} <a href="https://social.example/tags/Bread" class="mention hashtag" rel="tag">#'
    content += f"<span>Bread</span></a></p><p>{_text(random, 10)}</p>"
    note = {
        "id": id_, "type": "Note", "summary": None, "inReplyTo": _status(random, number) if number % 3 == 0 else None,
        "published": at, "url": id_.replace("/users/", "/@"), "attributedTo": actor, "to": public,
        "cc": head["cc"], "sensitive": False, "atomUri": id_, "inReplyToAtomUri": None, "conversation": f"tag:{number}",
        "content": content, "contentMap": {"en": content}, "attachment": [],
        "tag": [{"type": "Hashtag", "href": "https://social.example/tags/bread", "name": "#bread"}],
        "replies": {"id": f"{id_}/replies", "type": "Collection", "first": {"type": "CollectionPage", "items": []}},
    }  # fmt: skip
    return {
        "id": f"{id_}/activity",
        "type": "Create",
        **head,
        "object": note,
        "signature": {"type": "RsaSignature2017"},
    }


def _status(random: np.random.Generator, number: int) -> str:
    """Somebody else's post, each number once."""
    ms = int(START.timestamp() * 1000) + 1000 * number + int(random.integers(1000))
    return f"https://other.example/users/u{random.integers(1000)}/statuses/{(ms << 16) + number % 65536}"


def _collection(path: Path, items: list[Any]) -> None:
    head = {"@context": "https://www.w3.org/ns/activitystreams", "id": path.name, "type": "OrderedCollection"}
    path.write_text(json.dumps({**head, "totalItems": len(items), "orderedItems": items}, ensure_ascii=False))


def _text(random: np.random.Generator, words: int) -> str:
    return " ".join(_WORDS[i] for i in random.integers(len(_WORDS), size=words).tolist())


def _tid(at: datetime) -> str:
    number = int(at.timestamp() * 1e6) << 10
    return "".join(_LETTERS[(number >> (5 * place)) & 31] for place in range(12, -1, -1))

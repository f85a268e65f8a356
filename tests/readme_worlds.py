"""The communities that the pages' commands are run on: as small as training allows, in the folders that they name."""

from __future__ import annotations

import csv
import gzip
import random
from datetime import datetime, timedelta
from pathlib import Path
from xml.sax.saxutils import quoteattr

START = datetime(2018, 3, 1)
DAYS = 24
TAGS = ("error-correction", "qubit-state", "algorithms")
PEOPLE = (*range(20, 31), 1837)
"""Ids; the pages ask for the people 26 and 1837, and for post 4125."""


def make_worlds(folder: Path) -> None:
    """Write dumps/quantumcomputing, exports, gowalla and cofacts into a folder."""
    make_dump(folder / "dumps" / "quantumcomputing", random.Random(0))
    make_exports(folder / "exports", random.Random(1))
    _pairs(folder / "gowalla", random.Random(2))
    _cofacts(folder / "cofacts", random.Random(3))


def make_dump(folder: Path, chance: random.Random) -> None:
    """A Stack Exchange site's dump."""
    posts, comments = [], []
    for day in range(DAYS):
        question, asker = 4110 + day, chance.choice(PEOPLE)
        tag, at = TAGS[day % 3], START + timedelta(days=day, hours=1)
        head = {"Id": question, "PostTypeId": 1, "OwnerUserId": asker, "CreationDate": at.isoformat()}
        posts.append(head | {"Title": f"On {tag}, {day}", "Body": f"<p>About {tag} and more</p>", "Tags": f"<{tag}>"})
        for place, person in enumerate(chance.sample(PEOPLE, 4)):
            when = (at + timedelta(hours=3 + 17 * place)).isoformat()
            row = {"Id": 5000 + 10 * day + place, "CreationDate": when}
            if place < 2:
                posts.append(
                    row | {"PostTypeId": 2, "ParentId": question, "OwnerUserId": person, "Body": f"An answer on {tag}"}
                )
            else:
                comments.append(row | {"PostId": question, "UserId": person, "Text": f"A word on {tag}"})
    users = [{"Id": n, "DisplayName": f"Example {n}", "CreationDate": START.isoformat()} for n in PEOPLE]
    tags = [{"Id": n, "TagName": tag} for n, tag in enumerate(TAGS, 1)]
    folder.mkdir(parents=True)
    for name, rows in (("Users", users), ("Posts", posts), ("Comments", comments), ("Tags", tags)):
        lines = "\n".join("<row " + " ".join(f"{k}={quoteattr(str(v))}" for k, v in r.items()) + "/>" for r in rows)
        (folder / f"{name}.xml").write_text(f"<{name.lower()}>\n{lines}\n</{name.lower()}>\n", encoding="utf-8")


def make_exports(folder: Path, chance: random.Random) -> None:
    """A site's people, articles and likes as CSV."""
    people = [f"u{n}" for n in range(1, 13)]
    articles, likes = [], []
    for day in range(DAYS):
        topic, at = ("bread|baking", "chess", "choir|song")[day % 3], START + timedelta(days=day, hours=1)
        articles.append((f"a{day}", f"Title {day}", f"All about {topic}", chance.choice(people), topic, at.isoformat()))
        for hour, person in enumerate(chance.sample(people, 4)):
            likes.append((person, f"a{day}", (at + timedelta(hours=2 + 17 * hour)).isoformat()))
    folder.mkdir()
    tables = {
        "people": (("person_id", "name", "bio"), [(p, f"Example {p}", "likes bread and chess") for p in people]),
        "articles": (("article_id", "title", "body", "author_id", "tags", "published_at"), articles),
        "likes": (("person_id", "article_id", "liked_at"), likes),
    }
    for name, (header, rows) in tables.items():
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream).writerows([header, *rows])


def _pairs(folder: Path, chance: random.Random) -> None:
    folder.mkdir()
    with (folder / "train.txt").open("w") as train, (folder / "test.txt").open("w") as test:
        for user in range(20):
            items = chance.sample(range(20 * (user % 2), 20 * (user % 2) + 20), 10)
            train.write(" ".join(map(str, [user, *items[:8]])) + "\n")
            test.write(" ".join(map(str, [user, *items[8:]])) + "\n")


def _cofacts(folder: Path, chance: random.Random) -> None:
    """The four files that docs/cofacts.toml maps, with the columns that it reads."""
    replies, attached, requests, votes = [], [], [], []
    for day in range(3 * DAYS):
        at = START + timedelta(days=day)
        replies.append((f"r{day}", f"p{chance.randrange(9)}", "RUMOR", f"查證 {day}", at.isoformat()))
        attached.append((f"r{day}", f"a{day % 20}", "NORMAL", at.isoformat()))
        for hour, person in enumerate(chance.sample(range(9), 4)):
            when = (at + timedelta(hours=1 + 5 * hour)).isoformat()
            requests.append((f"p{person}", f"a{(day + hour) % 20}", when))
            votes.append((f"p{person}", f"r{chance.randrange(day + 1)}", chance.choice((1, 1, -1)), when))
    tables = {
        "replies": (("id", "userIdsha256", "type", "text", "createdAt"), replies),
        "article_replies": (("replyId", "articleId", "status", "createdAt"), attached),
        "reply_requests": (("userIdsha256", "articleId", "createdAt"), requests),
        "article_reply_feedbacks": (("userIdsha256", "replyId", "score", "createdAt"), votes),
    }
    folder.mkdir()
    for name, (header, rows) in tables.items():
        with gzip.open(folder / f"{name}.csv.gz", "wt", encoding="utf-8", newline="") as stream:
            csv.writer(stream).writerows([header, *rows])

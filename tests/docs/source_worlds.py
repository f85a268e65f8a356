"""What docs/sources.md loads: a small community in each source's format, in the files that the page names."""

from __future__ import annotations

import csv
import functools
import http.server
import json
import shutil
import sqlite3
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from benchmarks.source_files import write_bluesky, write_kgat, write_mastodon, write_mind
from tests.loaders.test_bluesky import as_car
from tests.loaders.test_citeulike import FILES as CITEULIKE
from tests.loaders.test_hetrec import write as write_hetrec
from tests.readme_worlds import START

BUCKET = "bucket"
ADDRESSES = {"postgresql+psycopg://reader:${SHOP_PASSWORD}@db.example/shop": "sqlite:///shop.db"}
"""The page's address of a database stands for this file. Its queries are the same to SQLite."""
MAPPING = """
[[nodes]]
file = "articles.csv"
label = "Post"
id = "article_id"
title = "title"
text = "body"

[[relationships]]
file = "likes.csv"
type = "LIKED"
source = { column = "person_id", create = true }
target = "article_id"
at = "liked_at"
"""


def make_sources(folder: Path, exports: Path) -> None:
    """Write all of them. ``exports``: the tables of the README."""
    (folder / "graphfeed.toml").write_text(MAPPING, encoding="utf-8")
    _pairs(folder)
    _hetrec(folder)
    _citeulike(folder / "citeulike-t")
    write_mind(folder / "MINDsmall_train", 400)
    for name in ("MINDsmall_train", "MINDsmall_dev"):
        shutil.copytree(folder / "MINDsmall_train", folder / "MINDsmall" / name)
    write_kgat(folder / "amazon-book", 400)
    write_mastodon(folder / "archives", 400)
    with tarfile.open(folder / "archive-20240501.tar.gz", "w:gz") as packed:
        packed.add(folder / "archives" / "archive-0", ".")
    as_car(folder / "repo.car")
    (folder / "exports").mkdir()
    as_car(folder / "exports" / "ada.car")
    write_bluesky(folder / "exports" / "events.jsonl", 400)
    _database(folder / "shop.db", exports)


def make_served(folder: Path, world: Path) -> None:
    """What the page's web server has."""
    folder.mkdir()
    shutil.make_archive(str(folder / "MINDsmall_train"), "zip", world / "MINDsmall_train")
    shutil.copy(world / "train.txt", folder)


@contextmanager
def web_server(folder: Path) -> Iterator[str]:
    """Serve a folder. The address."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@contextmanager
def s3_server(world: Path, exports: Path, patch: pytest.MonkeyPatch) -> Iterator[None]:
    """An S3 server, moto's, with the page's bucket; the environment has its address and credentials."""
    import s3fs
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    host, port = server.get_host_and_port()
    address = f"http://{host}:{port}"
    access = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "eu-west-1"}
    for name, value in {**access, "AWS_ENDPOINT_URL": address}.items():
        patch.setenv(name, value)
    s3fs.S3FileSystem.clear_instance_cache()
    files = s3fs.S3FileSystem(endpoint_url=address, key="key", secret="secret")
    files.mkdir(BUCKET, region_name="eu-west-1")
    for table in ("articles.csv", "likes.csv"):
        files.put(str(exports / table), f"{BUCKET}/exports/{table}")
    files.put(str(world / "kg.txt"), f"{BUCKET}/kg.txt")
    yield
    s3fs.S3FileSystem.clear_instance_cache()
    server.stop()


def _pairs(folder: Path) -> None:
    """Pairs with all that may lie beside them, and sequences with attributes."""
    lines = [" ".join(map(str, [user, *range(user % 5, user % 5 + 6)])) for user in range(10)]
    texts = "".join(f"{item}\tTitle {item}\n" for item in range(10))
    for name, text in (
        ("train.txt", "\n".join(lines)), ("test.txt", "0 9\n1 9"), ("trust.txt", "0 1\n1 2"),
        ("kg.txt", "0 by 20\n1 by 20\n20 from 21"), ("titles.txt", texts), ("Beauty.txt", "\n".join(lines)),
    ):  # fmt: skip
        (folder / name).write_text(f"{text}\n", encoding="utf-8")
    (folder / "Beauty_item2attributes.json").write_text(json.dumps({str(item): [item % 3] for item in range(10)}))


def _hetrec(folder: Path) -> None:
    radio, split = folder / "lastfm-2k", folder / "sociallgn_split"
    radio.mkdir()
    split.mkdir()
    write_hetrec(radio, "artists", *(f"{n} Name{n} http://radio.example/{n} x" for n in (10, 11, 12)))
    write_hetrec(radio, "tags", "1 jazz", "2 folk")
    write_hetrec(radio, "user_artists", "1 10 500", "1 11 20", "2 10 7", "3 12 1")
    write_hetrec(radio, "user_friends", "1 2", "2 1")
    write_hetrec(radio, "user_taggedartists", "1 10 1 1 4 2009", "1 10 2 1 4 2009", "2 10 1 29 2 2008")
    (split / "train_set.txt").write_text("user,item\n0,0\n1,0\n2,2\n")
    (split / "test_set.txt").write_text("user,item\n0,1\n")
    (split / "userReindex.json").write_text(json.dumps({"1": 0, "2": 1, "3": 2}))
    (split / "itemReindex.json").write_text(json.dumps({"10": 0, "11": 1, "12": 2}))


def _citeulike(folder: Path) -> None:
    splits = folder / "splits_cvae"
    splits.mkdir(parents=True)
    for name, text in CITEULIKE.items():
        (folder / name).write_text(text, encoding="utf-8")
    (splits / "cf-train-10-users.dat").write_text("1 2\n1 1\n0 \n")
    (splits / "cf-test-10-users.dat").write_text("1 0\n0 \n1 0\n")


def _database(file: Path, exports: Path) -> None:
    """The shop's articles and votes: those of the tables, so that there is enough to train on."""
    with (exports / "articles.csv").open(encoding="utf-8", newline="") as articles:
        written = [(r["article_id"], r["title"], r["body"], r["published_at"]) for r in csv.DictReader(articles)]
    with (exports / "likes.csv").open(encoding="utf-8", newline="") as likes:
        votes = [(r["person_id"], r["article_id"], r["liked_at"], 1) for r in csv.DictReader(likes)]
    votes.append(("u1", written[0][0], (START + timedelta(days=1)).isoformat(), -1))
    with sqlite3.connect(file) as database:
        database.execute("create table articles (id text, headline text, body text, published text)")
        database.execute("create table votes (person text, article text, at text, score integer)")
        database.executemany("insert into articles values (?, ?, ?, ?)", written)
        database.executemany("insert into votes values (?, ?, ?, ?)", votes)
    database.close()

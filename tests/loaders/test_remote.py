"""Sources elsewhere: a real web server and a real S3 server on this machine, and what can go wrong on the way."""

from __future__ import annotations

import functools
import gzip
import http.server
import shutil
import socket
import tempfile
import threading
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest

from graphfeed.errors import ConfigError, SourceError
from graphfeed.loaders import open_loader
from graphfeed.loaders.mapping import parse_mapping
from graphfeed.loaders.remote import remote_state, shown_address

MAPPING = parse_mapping(
    tomllib.loads('[[relationships]]\nfile="likes.csv.gz"\ntype="LIKED"\nsource="u"\ntarget="p"\n'), "graphfeed.toml"
)
PAIRS = "u1 a b\nu2 b\n"


class Handler(http.server.SimpleHTTPRequestHandler):
    """Files of a folder; some addresses are refused, cut off, or answered only with the right password."""

    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        if self.path.startswith("/refused"):
            self.send_error(403)
        elif self.path.startswith("/broken"):
            self.send_error(500)
        elif self.path.startswith("/guarded") and "Basic YWRhOnNlY3JldA==" not in self.headers.get("Authorization", ""):
            self.send_error(401)
        elif self.path.startswith("/cut"):
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(PAIRS.encode())
        else:
            super().do_GET()

    do_HEAD = do_GET  # noqa: N815

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def web(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """The address of a web server, and the folder that it serves."""
    folder = tmp_path / "served"
    folder.mkdir()
    handler = type("Here", (Handler,), {"asked": []})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(handler, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}", folder
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """The address of an S3 server, moto's, with a bucket ``bucket``."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(s3: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    import s3fs

    for name, value in (
        ("AWS_ENDPOINT_URL", s3), ("AWS_ACCESS_KEY_ID", "key"), ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_REGION", "eu-west-1"),
    ):  # fmt: skip
        monkeypatch.setenv(name, value)
    s3fs.S3FileSystem.clear_instance_cache()
    files = s3fs.S3FileSystem(endpoint_url=s3, key="key", secret="secret")
    if files.exists("bucket"):
        files.rm("bucket", recursive=True)
    files.mkdir("bucket", region_name="eu-west-1")
    yield files
    s3fs.S3FileSystem.clear_instance_cache()


@pytest.fixture(autouse=True)
def nothing_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whatever happens, nothing of what was fetched is left."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield
    assert not list(folder.iterdir())


def edges(reading: Any) -> list[tuple[str, str]]:
    return [(r["source"], r["target"]) for r in reading.records["LIKED"]]


ALL = [("u1", "a"), ("u1", "b"), ("u2", "b")]


def test_one_file_over_http_with_progress(web: tuple[str, Path], read) -> None:
    address, folder = web
    (folder / "train.txt").write_text(PAIRS)
    told: list[tuple[str, int, int]] = []
    loader = open_loader("pairs", f"{address}/train.txt", fetching=lambda *state: told.append(state))
    assert edges(read(loader)) == ALL
    assert told[-1] == ("train.txt", len(PAIRS), len(PAIRS))


def test_folders_over_http(web: tuple[str, Path], read) -> None:
    address, folder = web
    (folder / "d").mkdir()
    (folder / "d" / "train.txt").write_text(PAIRS)
    (folder / "d" / "test.txt").write_text("u2 a\n")
    reading = read(open_loader("pairs", f"{address}/d/"))
    assert edges(reading) == ALL
    assert [(r["source"], r["target"]) for r in reading.records["HELD_OUT"]] == [("u2", "a")]
    (folder / "d" / "likes.csv.gz").write_bytes(gzip.compress(b"u,p\nann,1\n"))
    assert edges(read(open_loader("tables", f"{address}/d", mapping=MAPPING))) == [("ann", "1")]


def test_names_with_stars_over_http(web: tuple[str, Path], read) -> None:
    """A web server's own page of a folder is what says which files there are."""
    address, folder = web
    for name, text in (("train.txt", "0 0\n"), ("test.txt", "0 1\n"), ("kg_final.txt", "0 0 1\n")):
        (folder / name).write_text(text)
    (folder / "user_list.txt").write_text("org_id remap_id\nAda 0\n")
    reading = read(open_loader("kgat", f"{address}/"))
    assert edges(reading) == [("Ada", "0")]


def test_an_archive_and_files_of_options_over_http(web: tuple[str, Path], read, tmp_path: Path) -> None:
    address, folder = web
    packed = tmp_path / "packed"
    packed.mkdir()
    (packed / "train.txt").write_text(PAIRS)
    shutil.make_archive(str(folder / "data"), "zip", packed)
    (folder / "friends.txt").write_text("u1 u2\n")
    reading = read(open_loader("pairs", f"{address}/data.zip", friends=f"{address}/friends.txt"))
    assert edges(reading) == ALL
    assert len(reading.records["FOLLOWS"]) == 1


def test_s3(bucket: Any, read) -> None:
    bucket.pipe("bucket/d/train.txt", PAIRS.encode())
    bucket.pipe("bucket/d/kg.txt", b"a r e\n")
    assert edges(read(open_loader("pairs", "s3://bucket/d/train.txt", kg="s3://bucket/d/kg.txt"))) == ALL
    assert edges(read(open_loader("pairs", "s3://bucket/d"))) == ALL
    before = remote_state("s3://bucket/d", ("train.txt", "*.csv"))
    assert before
    bucket.pipe("bucket/d/train.txt", b"u9 a\n")
    assert remote_state("s3://bucket/d", ("train.txt", "*.csv")) != before
    with pytest.raises(SourceError, match=r"s3://bucket/none\.txt is not there"):
        read(open_loader("pairs", "s3://bucket/none.txt"))
    with pytest.raises(SourceError, match=r"s3://nobucket/d has none of the files train\.txt, test\.txt|is not there"):
        read(open_loader("pairs", "s3://nobucket/d"))


def test_s3_without_credentials(s3: str, read, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import s3fs

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("HOME", str(tmp_path))
    s3fs.S3FileSystem.clear_instance_cache()
    with pytest.raises(SourceError, match=r"s3://bucket/x\.txt: there are no credentials"):
        read(open_loader("pairs", "s3://bucket/x.txt"))


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("none.txt", "none.txt is not there: check the address"),
        ("refused.txt?token=secret", "refused.txt: access is refused: check the credentials"),
        ("guarded.txt", "guarded.txt: access is refused"),
        ("broken.txt?token=secret", "broken.txt: the server answers with status 500"),
        ("cut.txt?token=secret", "cut.txt (cannot be read|was cut off)"),
        ("empty/", "empty/ has none of the files train.txt, test.txt"),
    ],
)
def test_what_a_web_server_may_say(web: tuple[str, Path], read, path: str, sentence: str) -> None:
    address, folder = web
    (folder / "empty").mkdir()
    with pytest.raises(SourceError, match=sentence) as raised:
        read(open_loader("pairs", f"{address}/{path}"))
    assert "secret" not in str(raised.value)
    assert "token" not in str(raised.value)


def test_a_password_in_the_address_is_used_and_not_shown(web: tuple[str, Path], read) -> None:
    address, folder = web
    (folder / "guarded.txt").write_text(PAIRS)
    with_user = address.replace("http://", "http://ada:secret@")
    assert edges(read(open_loader("pairs", f"{with_user}/guarded.txt"))) == ALL
    with pytest.raises(SourceError, match=r"none\.txt is not there") as raised:
        read(open_loader("pairs", f"{with_user}/none.txt"))
    assert "secret" not in str(raised.value)
    assert shown_address(f"{with_user}/x?sig=secret") == f"{address}/x"


def test_hosts_that_do_not_answer(read) -> None:
    with socket.socket() as taken:  # bound, and not listening
        taken.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{taken.getsockname()[1]}/train.txt"
        with pytest.raises(SourceError, match=r"/train\.txt cannot be read: Cannot connect to host"):
            read(open_loader("pairs", address))
    with pytest.raises(SourceError, match=r"no-such-host\.invalid/train\.txt cannot be read"):
        read(open_loader("pairs", "http://no-such-host.invalid/train.txt"))


def test_protocols_that_are_not_known_or_need_a_package(read, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="nosuch:// is no protocol that fsspec knows"):
        read(open_loader("pairs", "nosuch://x/train.txt"))
    with pytest.raises(ConfigError, match=r"gs:// needs .*: pip install"):
        read(open_loader("pairs", "gs://x/train.txt"))


def test_memory_and_files_by_address(read, tmp_path: Path) -> None:
    fsspec.filesystem("memory").pipe("/d/train.txt", PAIRS.encode())
    assert edges(read(open_loader("pairs", "memory://d/train.txt"))) == ALL
    (tmp_path / "train.txt").write_text(PAIRS)
    assert edges(read(open_loader("pairs", f"file://{tmp_path}/train.txt"))) == ALL


def test_options_are_checked_before_anything_is_fetched(web: tuple[str, Path]) -> None:
    address, _ = web
    with pytest.raises(ConfigError, match="kg_items says which entity an item is"):
        open_loader("pairs", f"{address}/x.txt", kg_items=f"{address}/y.txt")

"""``graphfeed load`` and ``[[load]]``: every option of every source reaches its loader."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from rich.console import Console

import graphfeed
from graphfeed.cli import main
from graphfeed.config import LoadSection, read_config
from graphfeed.loaders import FILE_OPTIONS, SOURCES
from graphfeed.progress import ProgressBars
from graphfeed.stages import Pipeline

FILES = {
    "train.txt": "u1 a b\nu2 b\n",
    "rest.txt": "u2 a\n",
    "friends.txt": "u1 u2\n",
    "kg.txt": "e1 r e2\n",
    "items.txt": "a e1\n",
    "text.txt": "a\tan apple\nb\tbread\n",
    "other.txt": "x1 a9 b9\nx2 b9\n",
    "other_text.txt": "a9 an apple\n",
    "about.json": '{"a": [1, 2]}',
    "radio/artists.dat": "id\tname\turl\tpictureURL\na\tA\tx\ty\nb\tB\tx\ty\n",
    "radio/user_artists.dat": "userID\tartistID\tweight\nu1\ta\t7\nu1\tb\t3\n",
    "radio/train.csv": "u1,a\n",
    "radio/test.csv": "u1,b\n",
    "library/users.dat": "1 0\n",
    "library/mult.dat": "1 0:2\n1 0:1\n",
    "library/vocabulary.dat": "owl\n",
    "library/splits_cvae/cf-train-1-users.dat": "1 0\n",
    "library/splits_cvae/cf-test-1-users.dat": "1 1\n",
    "mind/news.tsv": "N1\tsports\tgolf\tA title\t\t\t"
    + json.dumps([{"WikidataId": f"Q{i}"} for i in (1, 2, 3)])
    + "\t[]\n",
    "mind/entity_embedding.vec": "Q1\t1\t0\t\nQ2\t1\t.1\t\nQ3\t1\t.3\t\n",
    "mind/behaviors.tsv": "1\tU1\t11/15/2019 8:55:22 AM\t\tN1-1\n",
    "kgat/train.txt": "0 0\n",
    "kgat/test.txt": "0 1\n",
    "kgat/kg_final.txt": "0 2 1\n",
    "archive/actor.json": '{"id": "https://tide.example/users/ada", "type": "Person"}',
    "archive/outbox.json": json.dumps(
        {"orderedItems": [{"type": "Create", "to": ["bo"], "object": {"id": "n1", "to": ["bo"], "content": "psst"}}]}
    ),
    "sky.jsonl": '{"uri": "at://did:plc:a/app.bsky.graph.follow/1", "value": {"subject": "did:plc:b"}}\n',
    "sql.toml": '[[relationships]]\nquery = "select u, p from likes"\ntype = "LIKED"\n'
    'source = { column = "u", create = true }\ntarget = { column = "p", create = true }\n',
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    with sqlite3.connect(tmp_path / "shop.db") as database:
        database.executescript("create table likes (u text, p text); insert into likes values ('ann', 'x');")
    database.close()
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GRAPHFEED_STORE", raising=False)
    return tmp_path


CASES = [
    (
        "pairs train.txt --test rest.txt --friends friends.txt --friends-both-ways --kg kg.txt --kg-items items.txt"
        " --text text.txt",
        {"LIKED": 3, "HELD_OUT": 1, "FOLLOWS": 2, "RELATED_TO": 1, "MENTIONS": 1, "Post": 2},
    ),
    ("hetrec radio --train radio/train.csv --test radio/test.csv", {"LIKED": 1, "HELD_OUT": 1, "Post": 2}),
    ("hetrec radio --kg kg.txt --kg-items items.txt", {"LIKED": 2, "RELATED_TO": 1, "MENTIONS": 1, "Post": 2}),
    ("citeulike library --split P1", {"SAVED": 1, "HELD_OUT": 1, "Post": 2}),
    (
        "sequences train.txt --attributes about.json --text other_text.txt --text-sequences other.txt"
        " --end 2020-05-01 --step-days 2",
        {"LIKED": 3, "MENTIONS": 2, "Post": 1},
    ),
    ("mind mind", {"VIEWED": 1, "MENTIONS": 5, "RELATED_TO": 6}),
    ("mind mind --near 1", {"RELATED_TO": 3}),
    ("kgat kgat", {"LIKED": 1, "HELD_OUT": 1, "RELATED_TO": 1, "MENTIONS": 2}),
    ("mastodon archive --private", {"POSTED": 1}),
    ("mastodon archive", {"POSTED": 0}),
    ("bluesky sky.jsonl", {"FOLLOWS": 1}),
    ("sql sqlite:///shop.db --mapping sql.toml", {"LIKED": 1}),
]


@pytest.mark.parametrize(("command", "records"), CASES)
def test_every_option_reaches_its_loader(command: str, records: dict[str, int]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["load", *command.split(), "--store", "feed"])
    assert ended.value.code == 0
    with graphfeed.open("feed") as feed:
        source = command.split()[0]
        counts = feed.store.counts()
        for type_, count in records.items():
            if type_ != "Post":
                assert counts.relationships[type_] == count
        times = feed.graph().data["User", "LIKED", "Post"].time.tolist() if source == "sequences" else []
    assert times in ([], [1588118400000000, 1588291200000000, 1588291200000000])  # 29 April, and 1 May 2020


def test_the_commands_and_the_configuration_know_every_option() -> None:
    options = {option for names in SOURCES.values() for option in names}
    assert options | {"source", "path", "strict"} == set(LoadSection.model_fields)
    assert set(FILE_OPTIONS) <= options
    given = {
        word.removeprefix("--").replace("-", "_") for command, _ in CASES for word in command.split() if "--" in word
    }
    assert given - {"mapping"} == options - {"mapping", "site", "url"}  # the url is the path


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        ("hetrec radio --friends x", "hetrec has no option 'friends'"),
        ("citeulike library --split P5", "unknown split 'P5' of citeulike. There are: P1, P10."),
        ("sequences train.txt --step-days 0", "step_days takes a number of days above 0, found 0"),
        ("hetrec library", "library has no artists.dat"),
        ("citeulike radio", "radio has no users.dat"),
        ("pairs train.txt --kg none.txt", "none.txt is not there"),
        ("mind radio", "radio has no behaviors.tsv"),
        ("kgat radio", "radio has no train.txt, expected a folder of KGAT"),
        ("mastodon radio", "radio has no actor.json"),
        ("bluesky radio", "radio has no record of Bluesky"),
        ("sql sqlite:///none.db --mapping sql.toml", "none.db is not there: expected an SQLite database"),
        ("sql --mapping sql.toml", "sql needs the address of a database"),
        ("sql sqlite:///shop.db", "sql needs a mapping and there is no graphfeed.toml here: --mapping FILE names one"),
        ("tables radio --mapping sql.toml", "none of the [[nodes]] and [[relationships]] has a 'file'"),
        ("pairs http://127.0.0.1:1/train.txt?key=hidden", "http://127.0.0.1:1/train.txt cannot be read"),
        ("pairs", "pairs needs the path of what is to be loaded"),
        ("sequence train.txt", "unknown source 'sequence': did you mean 'sequences'?"),
    ],
)
def test_what_cannot_be_is_one_sentence(command: str, sentence: str, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["load", *command.split(), "--store", "feed"])
    assert ended.value.code == 1
    said = capfd.readouterr().err
    assert sentence in said
    assert "Traceback" not in said


def test_posts_that_are_not_for_everybody_are_left_out_and_said(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["load", "mastodon", "archive", "--store", "feed"])
    said = capfd.readouterr()
    assert "1 posts that are not for everybody were left out: --private loads them, too" in said.err
    assert "psst" not in said.out + said.err


@pytest.mark.parametrize(
    ("folder_name", "source"),
    [
        *(("radio", "hetrec"), ("library", "citeulike"), (".", "pairs")),
        *(("mind", "mind"), ("kgat", "kgat"), ("archive", "mastodon")),
    ],
)
def test_init_knows_the_folders(folder: Path, folder_name: str, source: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["init", folder_name, "--output", "found.toml"])
    assert ended.value.code == 0
    assert read_config(folder / "found.toml").load == (LoadSection(source=source, path=folder_name),)


@pytest.mark.parametrize(
    ("section", "changed"),
    [
        ('source = "pairs"\npath = "train.txt"\nkg = "kg.txt"\nkg_items = "items.txt"\n', "items.txt"),
        (
            'source = "hetrec"\npath = "radio"\ntrain = "radio/train.csv"\ntest = "radio/test.csv"\n',
            "radio/artists.dat",
        ),
        ('source = "citeulike"\npath = "library"\nsplit = "P1"\n', "library/splits_cvae/cf-test-1-users.dat"),
        ('source = "sequences"\npath = "train.txt"\nattributes = "about.json"\n', "about.json"),
        ('source = "mind"\npath = "mind"\n', "mind/news.tsv"),
        ('source = "kgat"\npath = "kgat"\n', "kgat/kg_final.txt"),
        ('source = "mastodon"\npath = "archive"\n', "archive/outbox.json"),
        ('source = "bluesky"\npath = "sky.jsonl"\n', "sky.jsonl"),
    ],
)
def test_a_run_loads_again_when_one_of_the_files_changed(folder: Path, section: str, changed: str) -> None:
    file = folder / "graphfeed.toml"
    file.write_text(f'[store]\nlocation = "feed"\n[[load]]\n{section}[embed]\nencoder = "tfidf"\n')

    assert "runs, it was not run yet" in said_of_the_load(file)
    assert "skipped, nothing changed" in said_of_the_load(file)
    (folder / changed).write_text((folder / changed).read_text() + " ")
    assert f"{changed} changed" in said_of_the_load(file)


def test_a_database_is_read_at_every_run_and_its_password_is_kept_nowhere(folder: Path) -> None:
    file = folder / "graphfeed.toml"
    load = '[[load]]\nsource = "sql"\nurl = "sqlite:///shop.db?timeout=71"\nmapping = "sql.toml"\n'
    file.write_text(f'[store]\nlocation = "feed"\n{load}[embed]\nencoder = "tfidf"\n')
    assert "runs, it was not run yet" in said_of_the_load(file)
    assert "runs, what the database holds may have changed" in said_of_the_load(file)
    for kept in (folder / "feed").rglob("*"):
        assert kept.is_dir() or b"timeout=71" not in kept.read_bytes(), kept


def test_what_lies_elsewhere_is_fetched_again_when_it_changed(folder: Path) -> None:
    file = folder / "graphfeed.toml"
    load = f'[[load]]\nsource = "pairs"\npath = "file://{folder}/train.txt"\n'
    file.write_text(f'[store]\nlocation = "feed"\n{load}[embed]\nencoder = "tfidf"\n')
    assert "runs, it was not run yet" in said_of_the_load(file)
    assert "skipped, nothing changed" in said_of_the_load(file)
    (folder / "train.txt").write_text("u1 a b\nu2 b a\n")
    assert f"file://{folder}/train.txt changed" in said_of_the_load(file)


def said_of_the_load(file: Path) -> str:
    """Run the first stage only: the worlds are too small to be trained on."""
    lines: list[str] = []

    def say(line: str) -> None:
        lines.append(line)
        if not line.startswith("load 1"):
            raise InterruptedError

    with graphfeed.open("feed") as feed, ProgressBars(Console(quiet=True)) as bars, pytest.raises(InterruptedError):
        Pipeline(file).run(feed, say, lambda *_: None, bars)
    return lines[0]


@pytest.mark.parametrize("more", ["", " --mapping sql.toml"])
def test_tables_that_are_not_there_are_said_first(more: str, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["load", "tables", "exports/nothere", *more.split(), "--store", "feed"])
    assert ended.value.code == 1
    said = capfd.readouterr().err
    assert "exports/nothere is not there: expected a folder with table files" in said
    assert "graphfeed init" not in said


def test_what_is_left_out_beside_a_row_is_said_of_rejected_rows_too(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (folder / "posts.csv").write_text("id,author,at\np1,u1,2024-01-01\np2,u1,soon\n")
    (folder / "posts.toml").write_text(
        '[[nodes]]\nfile = "posts.csv"\nlabel = "Post"\nid = "id"\ncreated_at = "at"\n[[relationships]]\n'
        'file = "posts.csv"\ntype = "POSTED"\nsource = { column = "author", create = true }\ntarget = "id"\nat = "at"\n'
    )
    with pytest.raises(SystemExit):
        main(["load", "tables", ".", "--mapping", "posts.toml", "--store", "feed"])
    said = capfd.readouterr().out
    assert "kept 1 + rejected 1" in said
    assert "1 records beside a row's own were left out" in said

"""``graphfeed load`` and ``[[load]]``: every option of every source reaches its loader."""

from __future__ import annotations

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
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
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
    assert given == options - {"mapping", "site"}


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        ("hetrec radio --friends x", "hetrec has no option 'friends'"),
        ("citeulike library --split P5", "unknown split 'P5' of citeulike. There are: P1, P10."),
        ("sequences train.txt --step-days 0", "step_days takes a number of days above 0, found 0"),
        ("hetrec library", "library has no artists.dat"),
        ("citeulike radio", "radio has no users.dat"),
        ("pairs train.txt --kg none.txt", "none.txt is not there"),
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


@pytest.mark.parametrize(("folder_name", "source"), [("radio", "hetrec"), ("library", "citeulike"), (".", "pairs")])
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
    ],
)
def test_a_run_loads_again_when_one_of_the_files_changed(folder: Path, section: str, changed: str) -> None:
    file = folder / "graphfeed.toml"
    file.write_text(f'[store]\nlocation = "feed"\n[[load]]\n{section}[embed]\nencoder = "tfidf"\n')

    assert "runs, it was not run yet" in said_of_the_load(file)
    assert "skipped, nothing changed" in said_of_the_load(file)
    (folder / changed).write_text((folder / changed).read_text() + " ")
    assert f"{changed} changed" in said_of_the_load(file)


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

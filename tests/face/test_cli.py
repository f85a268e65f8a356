"""The command line as a person and as another program meet it: real processes, real exit codes."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from tests.queries.toy import make_toy
from typer.testing import CliRunner

from graphfeed.cli import app, main
from graphfeed.graph.store import open_store

Run = Callable[..., subprocess.CompletedProcess[str]]
COMMANDS = sorted(typer.main.get_command(app).commands)  # type: ignore[attr-defined]
NAMED = {
    *("init", "load", "embed", "train", "evaluate", "publish", "rollback", "run", "status", "demo"),
    *("recommend", "explain", "similar", "people", "interests"),
}


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("toy") / "feed"
    make_toy(folder).close()
    return folder


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs the command line in an empty folder, without the environment's own settings."""

    def call(*arguments: str | Path, cwd: Path = tmp_path, **more: str) -> subprocess.CompletedProcess[str]:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("GRAPHFEED_")} | more
        command = [sys.executable, "-m", "graphfeed.cli", *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=environment, check=False)

    return call


def test_all_commands_are_there() -> None:
    assert set(COMMANDS) >= NAMED


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(command: str) -> None:
    result = CliRunner().invoke(app, [command, "--help"])
    assert result.exit_code == 0
    assert f"Example: graphfeed {command}" in result.stdout
    assert "--debug" in result.stdout
    assert command in {"init", "neo4j"} or "--store" in result.stdout


@pytest.mark.parametrize("command", ["start", "stop", "status", "reset"])
def test_every_command_for_the_server_has_help_with_an_example(command: str) -> None:
    result = CliRunner().invoke(app, ["neo4j", command, "--help"])
    assert result.exit_code == 0
    assert f"Example: graphfeed neo4j {command}" in result.stdout
    assert "--home" in result.stdout


@pytest.mark.parametrize("command", ["recommend", "explain", "similar", "people", "interests", "status"])
def test_what_prints_data_can_print_json(command: str) -> None:
    assert "--json" in CliRunner().invoke(app, [command, "--help"]).stdout


def test_json_is_all_that_is_on_standard_output(run: Run, toy: Path) -> None:
    for command in (["recommend", "ann"], ["similar", "bread1"], ["people", "ann"], ["interests", "ann"]):
        done = run(*command, "--json", "--store", toy)
        assert done.returncode == 0, done.stderr
        rows = json.loads(done.stdout)
        assert rows
        assert all({"id", "rank", "score", "reasons"} <= set(row) for row in rows)
        assert [row["rank"] for row in rows] == list(range(1, len(rows) + 1))
        assert all(set(reason) == {"type", "share", "path"} for row in rows for reason in row["reasons"])
    status = json.loads(run("status", "--json", "--store", toy).stdout)
    assert status["nodes"] == {"User": 4, "Post": 11, "Entity": 2, "Generation": 2}
    assert (status["relationships"]["LIKED"], status["relationships"]["SHARED"]) == (2, 0)
    assert status["generation"]["id"] == "g2"
    explained = json.loads(run("explain", "ann", "bread2", "--json", "--store", toy).stdout)
    assert (explained["published"], explained["reasons"][0]["type"]) == (True, "people_like_you")


def test_a_person_reads_titles_and_reasons(run: Run, toy: Path) -> None:
    done = run("recommend", "ann", "--store", toy)
    assert "Second rise" in done.stdout
    assert "75%  Bob Example, who engaged with “Starter basics” as you did, engaged with this" in done.stdout
    done = run("explain", "ann", "reply", "--store", toy)
    assert "not among what is published" in done.stdout
    assert "it belongs to the conversation of “Why is my loaf flat?”, which you wrote" in done.stdout


def test_an_unknown_person_gets_popular_posts_and_is_told(run: Run, toy: Path) -> None:
    done = run("recommend", "nobody", "--limit", "2", "--json", "--store", toy)
    assert [row["id"] for row in json.loads(done.stdout)] == ["bread1", "oven"]
    assert done.returncode == 0
    assert "no person has the id 'nobody'" in done.stderr


def test_the_store_by_option_environment_or_configuration(run: Run, toy: Path, tmp_path: Path) -> None:
    ask = ("recommend", "ann", "--json")
    expected = run(*ask, "--store", toy).stdout
    assert run(*ask, GRAPHFEED_STORE=str(toy)).stdout == expected
    (tmp_path / "graphfeed.toml").write_text(f"[store]\nlocation = {json.dumps(str(toy))}\n", encoding="utf-8")
    assert run(*ask).stdout == expected
    shutil.copytree(toy, tmp_path / "feed")
    (tmp_path / "graphfeed.toml").unlink()
    assert run(*ask).stdout == expected


FAULTS: list[tuple[list[str], str]] = [
    (["recommend", "ann"], "no store at feed"),
    (["recommend", "ann", "--limit", "0"], "Invalid value for '--limit'"),
    (["nonsense"], "No such command 'nonsense'"),
    (["recommend"], "Missing argument"),
    (["load", "tablse", "."], "unknown source 'tablse': did you mean 'tables'?"),
    (["load", "tables", "."], "graphfeed init ."),
    (["load", "tables"], "needs the path"),
    (["load", "sample", "."], "comes with the package"),
    (["load", "pairs", "nowhere.txt"], "nowhere.txt is not there"),
    (["load", "stackexchange", "nowhere"], "nowhere"),
    (["load", "pairs", "x", "--site", "y"], "pairs has no option 'site'"),
    (["load", "tables", ".", "--mapping", "nowhere.toml"], "nowhere.toml cannot be read"),
    (["init", "nowhere"], "nowhere is not a folder"),
    (["init", "."], "has no CSV"),
    (["run"], "graphfeed.toml cannot be read"),
    (["run", "nowhere.toml"], "nowhere.toml cannot be read"),
    (["train"], "no store at feed"),
    (["train", "--part", "wings"], "parts"),
    (["train", "--window-days", "-1"], "--window-days takes a number above 0"),
    (["leaks", "--split", "sideways"], "--split takes one of auto, rolling, given, leave-one-out, random, cold"),
    (["evaluate", "--on", "train"], "--on takes one of test, validation, fit"),
    (["publish", "--now", "soon"], "no store at feed"),
    (["rollback"], "no store at feed"),
    (["status"], "no store at feed"),
    (["demo", "--data", "nonsense:x"], "unknown source 'nonsense'"),
    (["demo", "--data", "stackexchange:nowhere"], "nowhere"),
]


@pytest.mark.parametrize(("arguments", "sentence"), FAULTS, ids=lambda v: " ".join(v) if isinstance(v, list) else "")
def test_a_fault_is_a_sentence_and_an_exit_code(
    arguments: list[str],
    sentence: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GRAPHFEED_STORE", raising=False)
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    shown = capfd.readouterr()
    assert ended.value.code not in (0, None)
    assert shown.out == "" or arguments[0] == "demo"
    assert sentence in " ".join(shown.err.split()).replace("│ ", "")
    assert "Traceback" not in shown.err
    if (tmp_path / "feed").exists():  # a load that failed has at most made an empty store
        with open_store(tmp_path / "feed") as store:
            assert not any(store.counts().nodes.values())


def test_faults_on_a_store_that_is_there(run: Run, toy: Path, tmp_path: Path) -> None:
    store = shutil.copytree(toy, tmp_path / "copy")
    for arguments, sentence in (
        (["similar", "bread9"], "no post has the id 'bread9'; near: 'bread"),
        (["people", "zoe"], "no person has the id 'zoe'"),
        (["explain", "ann", "zzz"], "no post has the id 'zzz'"),
        (["evaluate"], "no trained model"),
        (["cypher", "MATCH (n) DETACH DELETE n"], "only read"),
        (["cypher", "MATCH (n RETURN n"], "Parser exception"),
        (["publish", "--now", "soon"], "--now takes clock, latest or a date such as 2018-09-01, found 'soon'"),
        (["demo"], "is not empty"),
    ):
        done = run(*arguments, "--store", store)
        assert done.returncode == 1, arguments
        assert done.stderr.startswith("graphfeed: ")
        assert sentence in done.stderr, arguments
        assert "Traceback" not in done.stderr


def test_debug_shows_where(run: Run) -> None:
    done = run("recommend", "ann", "--debug")
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "no store at feed" in done.stderr


def test_an_unexpected_error_is_a_sentence_too(
    toy: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("graphfeed.feed.Feed.status", lambda _: 1 // 0)
    monkeypatch.delenv("GRAPHFEED_DEBUG", raising=False)
    with pytest.raises(SystemExit) as ended:
        main(["status", "--store", str(toy)])
    assert ended.value.code == 1
    assert capsys.readouterr().err == (
        "graphfeed: unexpected ZeroDivisionError: integer division or modulo by zero. "
        "Run again with --debug to see where.\n"
    )


def test_a_reader_that_goes_away_is_no_error(toy: Path) -> None:
    line = f"{sys.executable} -m graphfeed.cli recommend ann --json --store {toy} | head -c 1"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", line], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("[", "")


def test_rollback(run: Run, toy: Path, tmp_path: Path) -> None:
    store = shutil.copytree(toy, tmp_path / "copy")
    done = run("rollback", "--store", store)
    assert (done.returncode, done.stdout.strip()) == (0, "generation g1 is active again")
    done = run("rollback", "--store", store)
    assert done.returncode == 1
    assert "no generation before" in done.stderr


def test_cypher_of_ones_own(run: Run, toy: Path) -> None:
    done = run("cypher", "MATCH (u:User) RETURN count(*) AS people", "--json", "--store", toy)
    assert json.loads(done.stdout) == [{"people": 4}]


def test_titles_are_not_markup(run: Run, toy: Path) -> None:
    done = run("cypher", "RETURN '[bold]x[/nonsense]' AS text", "--store", toy)
    assert done.returncode == 0
    assert "[bold]x[/nonsense]" in done.stdout


def test_no_help_loses_words_in_brackets() -> None:
    """Rich would take them for its markup, and leave them out."""
    from typer.main import get_command

    group = get_command(app)
    helps = {name: command.help or "" for name, command in group.commands.items()}  # type: ignore[attr-defined]
    assert {name for name, text in helps.items() if re.search(r"\[[a-z]", text)} == set()

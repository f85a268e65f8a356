"""``graphfeed link`` and ``[link]`` as a user meets them."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from tests.face.conftest import QUICK, Told
from typer.testing import CliRunner

import graphfeed
from graphfeed import cli
from graphfeed.cli import app
from graphfeed.errors import ConfigError
from graphfeed.stages import Pipeline


@pytest.fixture
def folder(sample_run: tuple[Path, Told], tmp_path: Path) -> Path:
    """A copy of the sample's run, to change."""
    return shutil.copytree(sample_run[0], tmp_path / "copy")


def run(*words: str) -> str:
    result = CliRunner().invoke(app, ["link", *words])
    assert result.exit_code == 0, result.output
    return result.output


def linked(folder: Path) -> int:
    with graphfeed.open(folder / "feed") as feed:
        text = "MATCH (:Post)-[r:MENTIONS]->(:Entity) WHERE r.said_by = 'linker' RETURN count(*) AS n"
        return int(feed.cypher(text)[0]["n"])


def test_a_dry_run_shows_what_would_be_linked(folder: Path) -> None:
    shown = run("--dry-run", "--store", str(folder / "feed"))
    assert "nothing was written" in shown
    assert "next:" not in shown
    assert linked(folder) == 0
    lines = [line for line in shown.splitlines() if " → " in line]
    assert len(lines) == 8
    with graphfeed.open(folder / "feed") as feed:
        rows = feed.store.read_nodes("Post", ["id", "title", "text"]).to_pylist()
    texts = {row["id"]: f"{row['title']}\n{row['text']}" for row in rows}
    for line in lines:
        match, post = line.partition("[")[2].partition("]")[0], line.split(" in ")[-1].partition(",")[0]
        assert match in " ".join(texts[post].split()), line


def test_links_are_written_once_and_json_has_them_all(folder: Path) -> None:
    store = str(folder / "feed")
    told = json.loads(run("--json", "--store", store, "--no-vectors"))
    assert told["new"] == len(told["links"]) == linked(folder) > 50
    assert {"post", "entity", "confidence", "said_by"} == set(told["links"][0])
    assert all(0.25 <= row["confidence"] < 1 for row in told["links"])
    assert told["hard"] == []  # the sample's names are its own
    shown = run("--store", store, "--no-vectors")
    assert "0 of them new" in shown
    fewer = json.loads(run("--json", "--store", store, "--no-vectors", "--min-confidence", "0.5"))
    assert fewer["new"] == 0
    assert fewer["stale"] == told["new"] - len(fewer["links"]) > 0
    assert "of an earlier run no longer hold" in run("--store", store, "--no-vectors", "--min-confidence", "0.5")


def test_names_that_are_too_common_are_listed(folder: Path) -> None:
    options = ("--dry-run", "--no-vectors", "--store", str(folder / "feed"), "--max-share", "0.09")
    (hard,) = json.loads(run("--json", *options))["hard"]
    assert (hard["name"], hard["entities"], hard["texts"], hard["linked"]) == ("Rounds", ["rounds"], 21, {})
    shown = run(*options)
    assert "names that do not tell by themselves" in shown
    assert re.search(r"Rounds +in 10% of the texts +21 +0 +–", shown)
    assert "once the texts are embedded (graphfeed embed), their vectors decide" in shown
    assert "names that do not tell" not in run(*options, "--kind", "topic")


def test_the_next_step_and_the_python_way(folder: Path) -> None:
    from graphfeed.graph.linking.settings import LinkSettings

    with graphfeed.open(folder / "feed") as feed:
        report = feed.link(LinkSettings(min_confidence=0.6))
    assert report.new == linked(folder)
    with pytest.raises(graphfeed.TrainingError, match="train again"), graphfeed.open(folder / "feed") as feed:
        feed.evaluate()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--min-confidence", "2"], "the options: min_confidence: input should be less than or equal to 1, found 2.0"),
        (["--max-share", "-1"], "the options: max_share: input should be greater than or equal to 0, found -1.0"),
        (["--store", "no-such-folder"], "no store at no-such-folder"),
    ],
)
def test_what_cannot_be_is_said(words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["link", *words])
    assert ended.value.code == 1
    assert sentence in capsys.readouterr().err


def test_a_word_for_a_kind_is_only_a_value(folder: Path) -> None:
    for word in ("'", "`) DETACH DELETE n //", "x" * 100_000, "\u2028"):
        assert json.loads(run("--json", "--store", str(folder / "feed"), "--kind", word))["names"] == 0
    assert linked(folder) == 0


def test_the_split_of_a_linked_graph_has_no_leak(folder: Path) -> None:
    run("--store", str(folder / "feed"))
    result = CliRunner().invoke(app, ["leaks", "--store", str(folder / "feed"), "--window-days", "3"])
    assert result.exit_code == 0, result.output


LOAD = "load 1: sample"


def test_run_links_where_it_is_told_to(tmp_path: Path) -> None:
    file = tmp_path / "graphfeed.toml"
    text = QUICK + "\n[link]\nmin_confidence = 0.3\n"
    file.write_text(text, encoding="utf-8")
    first = Told.of(file)
    assert first.ran == [LOAD, "link", "embed", "train", "evaluate", "publish"]
    report = first.results["link"]
    assert isinstance(report, graphfeed.graph.linking.report.LinkReport)
    assert report.vectors
    assert report.new == linked(tmp_path) > 20
    assert Told.of(file).ran == []
    file.write_text(text.replace("0.3", "0.4"), encoding="utf-8")
    second = Told.of(file)
    assert second.ran == ["link"]  # fewer links than there are: the graph stays as it is
    assert "link: runs, settings changed" in second.said


def test_run_does_not_link_a_graph_in_place(tmp_path: Path) -> None:
    file = tmp_path / "graphfeed.toml"
    file.write_text("[link]\n\n[graph.nodes.User]\nlabels = ['Member']\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"both a \[link\] and a \[graph\]"):
        Pipeline(file)

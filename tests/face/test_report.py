"""``graphfeed report``: what the page says at every stage, on every store, and what may never be in it."""

from __future__ import annotations

import builtins
import re
import shutil
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from lxml import html
from tests.face.conftest import Told
from tests.face.test_injection import BREAKERS, location, state  # noqa: F401

import graphfeed
from graphfeed.cli import main
from graphfeed.errors import ConfigError, UnknownNodeError
from graphfeed.feed import Feed
from graphfeed.report.figures import NARROW, PALETTE, WIDE, svg
from graphfeed.report.section import clean
from graphfeed.report.vector_map import map_section
from graphfeed.trained import MODEL_FOLDER, TrainingRecord
from graphfeed.training.settings import MixtureSettings, ModelSettings, TowerSettings
from graphfeed.training.split import SplitSettings

SECTIONS = ["contents", "growth", "degrees", "training", "quality", "cold-and-warm", "exposure", "map", "paths"]


def page_of(feed: Feed, folder: Path, **options: Any) -> Any:
    """The report as a tree."""
    made = feed.report(folder / "report.html", **options)
    assert made.bytes == made.path.stat().st_size
    return html.parse(str(made.path), html.HTMLParser(encoding="utf-8")).getroot()


def findings(page: Any) -> dict[str, str]:
    return {s.get("id"): s.findtext(".//h2") for s in page.iter("section")}


def commands(page: Any) -> set[str]:
    return {code.text for code in page.xpath("//p[@class='missing']/code")}


def without_the_moment(page: Any) -> str:
    return re.sub(r"Made [\d: -]+ UTC", "", html.tostring(page, encoding="unicode"))


@pytest.fixture
def feed(sample_run: tuple[Path, Told], tmp_path: Path) -> Iterator[Feed]:
    with graphfeed.open(shutil.copytree(sample_run[0] / "feed", tmp_path / "sample")) as opened:
        yield opened


def test_an_empty_store_says_what_comes_first(tmp_path: Path) -> None:
    with graphfeed.open(tmp_path / "feed") as feed:
        feed.setup()
        page = page_of(feed, tmp_path)
    assert list(findings(page)) == SECTIONS
    assert findings(page)["contents"] == "The graph is empty."
    assert "graphfeed load" in commands(page)
    assert not page.xpath("//*[local-name()='svg']")


def test_a_store_that_was_only_loaded_tells_of_that(tmp_path: Path) -> None:
    with graphfeed.open(tmp_path / "feed") as feed:
        feed.load("sample")
        made = feed.report(tmp_path / "report.html")
        found = findings(html.parse(str(made.path)).getroot())
    assert found["contents"].startswith("136 people, 216 posts and 110 topics are joined by ")
    assert found["growth"].startswith("The busiest ")
    assert "did" in found["degrees"]
    assert {m.command for m in made.missing} == {f"graphfeed {c}" for c in ("embed", "train", "evaluate", "publish")}


def test_a_published_store_has_every_section_whole(feed: Feed, tmp_path: Path) -> None:
    made = feed.report(tmp_path / "report.html", png=tmp_path / "png", title="A <b>small</b> town")
    page = html.parse(str(made.path)).getroot()
    assert page.findtext(".//h1") == "A <b>small</b> town"
    assert {m.command for m in made.missing} == {"graphfeed evaluate"}  # it was evaluated without the simple rules
    figures = TrainingRecord.read(feed.store.workspace / MODEL_FOLDER).metrics(feed.store.workspace / MODEL_FOLDER)
    assert f"{figures['ndcg@10']:.3f}" in findings(page)["quality"]
    assert "planted" in page.xpath("//section[@id='quality']//table")[0].text_content()
    names = {file.stem for file in made.pictures}
    assert names >= {
        "contents",
        "growth",
        "degrees",
        "weights",
        "quality",
        "cold-and-warm",
        "exposure",
        "map",
        "paths-1",
    }
    for file in made.pictures:
        assert file.read_bytes().startswith(b"\x89PNG")
    shown = page.xpath("//*[local-name()='svg' and @class='wide']")
    assert len(shown) == len(made.pictures)
    assert all(len(s.get("aria-label")) > 20 for s in shown)
    people = page.xpath("//section[@id='paths']//h3")
    assert len(people) == 3
    ranked = feed.recommend(str(feed.status()["people"][0]["id"]), 3)
    told = page.xpath("(//section[@id='paths']//ol)[1]/li/bdi/text()")
    assert told == [clean(r.title or "") for r in ranked]


def test_training_curves_are_the_trainings(feed: Feed, tmp_path: Path) -> None:
    mixture = MixtureSettings(questions=40, negatives=40, ridge=(0.001,))
    settings = ModelSettings(parts=("towers",), towers=TowerSettings(epochs=2), mixture=mixture)
    model = feed.train(settings, SplitSettings(window_days=3, max_windows=3), device="cpu")
    page = page_of(feed, tmp_path, evaluate=False)
    towers = model.report["towers"]
    rows = page.xpath("//section[@id='training']//table")[0].xpath(".//tbody/tr")
    told = [[cell.text for cell in row] for row in rows]
    assert told == [
        [str(epoch), f"{loss:.4f}", f"{mrr:.4f}"]
        for epoch, (loss, mrr) in enumerate(zip(towers["loss"], towers["validation mrr"], strict=True), 1)
    ]
    assert towers["best validation mrr"] >= max(towers["validation mrr"])
    assert "epoch" in findings(page)["training"]


def test_pictures_speak_in_text_and_in_the_pages_colours(feed: Feed, tmp_path: Path) -> None:
    text = (feed.report(tmp_path / "report.html").path).read_text(encoding="utf-8")
    for picture in re.findall(r"<svg.*?</svg>", text, re.S):
        assert not set(re.findall(r"#[0-9a-f]{6}\b", picture))
        assert "<text" in picture
        ids = re.findall(r' id="([^"]+)"', picture)
        assert len(ids) == len(set(ids))
        assert set(re.findall(r'(?:href="#|url\(#)([^")]+)', picture)) <= set(ids)
    every = re.findall(r' id="([^"]+)"', text)
    assert len(every) == len(set(every))
    assert "<script" not in text
    assert not re.findall(r'(?:src|href)="(?!#|data:)', text)
    light = [pair[0] for pair in PALETTE.values()]
    assert len(set(light)) == len(light)


def test_what_was_evaluated_is_not_evaluated_again(feed: Feed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("evaluated again")

    monkeypatch.setattr(Feed, "evaluate", never)
    assert "NDCG@10" in findings(page_of(feed, tmp_path))["quality"]
    monkeypatch.undo()
    folder = feed.store.workspace / MODEL_FOLDER
    (folder / "evaluated-posts.json").unlink()
    assert findings(page_of(feed, tmp_path, evaluate=False))["quality"] == "The model was not evaluated."
    assert "NDCG@10" in findings(page_of(feed, tmp_path))["quality"]
    kept = TrainingRecord.read(folder).evaluation(folder, "posts")
    assert kept is not None
    assert "baseline" in kept["kinds"].values()
    feed.evaluate(baselines=False)  # fewer rankers: what is known stays
    assert TrainingRecord.read(folder).evaluation(folder, "posts") == kept


def test_a_graph_that_changed_since_training_is_told(feed: Feed, tmp_path: Path) -> None:
    (feed.store.workspace / MODEL_FOLDER / "evaluated-posts.json").unlink()
    with feed.store.change("more") as change:
        rows = pa.table({n: pa.array(["new"] if n == "id" else [None], t) for n, t in _user_columns()})
        change.write_nodes("User", rows)
    page = page_of(feed, tmp_path)
    assert "the graph or its text vectors changed" in findings(page)["quality"]
    assert "have changed since" in page.xpath("string(//section[@id='training'])")
    assert "graphfeed train" in commands(page)


def _user_columns() -> list[tuple[str, pa.DataType]]:
    from graphfeed.loaders.records import node_schema

    return [(field.name, field.type) for field in node_schema("User")]


def test_names_can_be_hidden(feed: Feed, tmp_path: Path) -> None:
    store = feed.store
    hidden = [*store.node_ids("User").to_pylist(), *store.node_ids("Post").to_pylist()]
    hidden += store.read_nodes("User", ["name"])["name"].to_pylist()
    hidden += [t for t in store.read_nodes("Post", ["title"])["title"].to_pylist() if t]
    kinds, names = (store.read_nodes("Entity", [c])[c].to_pylist() for c in ("kind", "name"))
    hidden += [name for kind, name in zip(kinds, names, strict=True) if kind == "person"]
    whole = unescape(feed.report(tmp_path / "whole.html").path.read_text(encoding="utf-8"))
    assert sum(word in whole for word in hidden) > 50
    text = unescape(feed.report(tmp_path / "report.html", names=False).path.read_text(encoding="utf-8"))
    assert [word for word in hidden if re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text)] == []
    assert "person 1" in text
    assert feed.location not in whole + text


def test_people_can_be_named(feed: Feed, tmp_path: Path) -> None:
    user = str(feed.status()["people"][1]["id"])
    page = page_of(feed, tmp_path, users=[user, user])
    assert len(page.xpath("//section[@id='paths']//h3")) == 1
    with pytest.raises(UnknownNodeError, match="no person has the id 'nobody'"):
        feed.report(tmp_path / "none.html", users=["nobody"])
    assert not (tmp_path / "none.html").exists()


def test_faults_are_sentences_and_leave_nothing(
    feed: Feed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("kept", encoding="utf-8")
    for options, sentence in (
        ({"path": tmp_path}, "is a folder: name a file"),
        ({"path": tmp_path / "file" / "report.html"}, "name another place with --output"),
        ({"path": tmp_path / ("x" * 300)}, "cannot be written"),
        ({"path": tmp_path / "a\0b"}, "cannot be written"),
        ({"path": tmp_path / "report.html", "png": tmp_path / "file"}, "name another place with --png"),
    ):
        with pytest.raises(ConfigError, match=sentence):
            feed.report(**options)  # type: ignore[arg-type]
    assert sorted(f.name for f in tmp_path.iterdir()) == ["file", "sample"]
    real = builtins.__import__

    def no_matplotlib(name: str, *rest: Any) -> Any:
        if name.split(".")[0] == "matplotlib":
            raise ImportError("No module named 'matplotlib'", name="matplotlib")
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", no_matplotlib)
    with pytest.raises(SystemExit, match="1"):
        main(["report", "--store", feed.location, "-o", str(tmp_path / "report.html")])
    monkeypatch.undo()
    assert capsys.readouterr().err == (
        "graphfeed: report needs matplotlib, which is not installed: pip install 'graphfeed[plots]'\n"
    )


def test_the_command(feed: Feed, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "deep" / "er" / "report.html"
    target.parent.mkdir(parents=True)
    target.write_text("old", encoding="utf-8")
    with pytest.raises(SystemExit, match="0"):
        main(["report", "--store", feed.location, "-o", str(target), "--png", str(tmp_path / "png"), "--no-evaluate"])
    shown = capsys.readouterr()
    assert f"wrote {target}: 9 sections, " in shown.out
    assert "not in it yet: the simple rules beside the model (graphfeed evaluate)" in shown.err
    assert target.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert [f.name for f in target.parent.iterdir()] == ["report.html"]


def test_a_large_graph_is_read_in_part(feed: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    from graphfeed.report import vector_map
    from graphfeed.report.called import Called
    from graphfeed.report.community import read_community

    monkeypatch.setattr(vector_map, "WHOLE", 50)
    monkeypatch.setattr(vector_map, "FEW", 40)
    one, asked = feed.store.read_vector, []

    def read_vector(label: str, name: str, id_: str) -> Any:
        asked.append((name, id_))
        return one(label, name, id_)

    monkeypatch.setattr(feed.store, "read_vector", read_vector)
    made = map_section(feed.store, read_community(feed.store), Called(feed.store), (), published=True)
    assert made.figures[0].title.startswith("40 posts of 216 by ")
    assert len({id_ for name, id_ in asked if name == "text_vector"}) == 40


def test_odd_letters_are_drawn(feed: Feed) -> None:
    from graphfeed.report.section import Figure

    def draw(frame: Any) -> Any:
        from graphfeed.report.figures import panels

        drawn, (axis,) = panels(frame)
        axis.set_title(clean("$x_1 日本\x07\u202e<b>&\ud800"))
        return drawn

    for frame in (WIDE, NARROW):
        assert "$x_1 日本 <b>&" in unescape(svg(Figure("odd", "odd", "odd", draw), frame))

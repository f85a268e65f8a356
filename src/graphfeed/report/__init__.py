"""A store as one self-contained HTML page: what is in it, how training went, how well it ranks, whom it shows and why.

    with graphfeed.open("feed") as feed:
        feed.report("report.html", png="pictures")

The page has no script and asks nothing of the network. Every section stands for itself: where something is not there
yet it says what could be, and by which command.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from graphfeed.errors import ConfigError, GraphfeedError, TrainingError
from graphfeed.report.section import Missing, Section, Tile
from graphfeed.trained import MODEL_FOLDER, Learned, TrainingRecord

if TYPE_CHECKING:
    from graphfeed.feed import Feed
    from graphfeed.report.quality import Evaluated
    from graphfeed.training.ranker import Progress

KINDS = ("posts", "people", "interests")


@dataclass(frozen=True)
class Report:
    """What was written."""

    path: Path
    sections: tuple[str, ...]
    """Titles of the sections."""
    missing: tuple[Missing, ...]
    """What else could be there, and by which command."""
    pictures: tuple[Path, ...]
    """PNG files."""
    bytes: int
    seconds: float


def write_report(
    feed: Feed,
    path: str | Path,
    *,
    png: str | Path | None = None,
    users: Sequence[str] = (),
    evaluate: bool = True,
    names: bool = True,
    title: str | None = None,
    progress: Progress | None = None,
) -> Report:
    """Write the page, and each picture as a PNG file into the folder ``png``.

    ``users``: ids of people whose recommendations are drawn; none: some are picked. ``evaluate``: evaluate the model on
    posts where that was not done. ``names``: False numbers people and posts instead of naming them.

    Raises ConfigError where a file cannot be written or matplotlib is not installed, UnknownNodeError for a person who
    is not there.
    """
    from graphfeed.report.figures import png as as_png
    from graphfeed.report.figures import require_matplotlib

    began = time.monotonic()
    require_matplotlib()
    from graphfeed.report.page import render, write_whole

    _check_target(Path(path))
    sections, tiles = _sections(feed, users, evaluate, names, progress)
    pictures = []
    if png is not None:
        for figure in (figure for section in sections for figure in section.pictures()):
            pictures.append(Path(png) / f"{figure.name}.png")
            write_whole(pictures[-1], as_png(figure), "--png")
    page = render(feed.store, sections, tiles, title or _title(feed, names), progress).encode()
    write_whole(Path(path), page, "--output")
    missing = dict.fromkeys(missing for section in sections for missing in section.missing)
    told = tuple(section.title for section in sections)
    return Report(Path(path), told, tuple(missing), tuple(pictures), len(page), time.monotonic() - began)


def _sections(
    feed: Feed, users: Sequence[str], evaluate: bool, names: bool, progress: Progress | None
) -> tuple[list[Section], list[Tile]]:
    from graphfeed.report.called import Called
    from graphfeed.report.community import read_community
    from graphfeed.report.contents import contents_section, tiles_of
    from graphfeed.report.degrees import degrees_section
    from graphfeed.report.exposure import exposure_section
    from graphfeed.report.growth import growth_section
    from graphfeed.report.learning import learning_section
    from graphfeed.report.paths import paths_section
    from graphfeed.report.quality import quality_section, quality_tiles, warmth_section
    from graphfeed.report.vector_map import map_section

    def say(what: str, done: int) -> None:
        if progress:
            progress("report", done, 6, what)

    store = feed.store
    say("counting", 0)
    community, status = read_community(store), feed.status()
    called = Called(store, hide=not names)
    say("paths", 1)
    paths = paths_section(store, community, called, users)  # first, since it may say that there is no such person
    model = None if status["model"] is None else _learned(feed)
    found, why_not = _evaluations(feed, evaluate, progress)
    posts = next((e for e in found if e["kind"] == "posts"), None)
    published = status["generation"] is not None
    kinds = status["generation"]["kinds"] if published else ()
    say("map", 2)
    sections = [
        contents_section(community, status),
        growth_section(community),
        degrees_section(community),
        learning_section(model, *(status["model"][key] for key in ("trained_at", "current")) if model else ("", True)),
        quality_section(found, why_not),
        warmth_section(posts),
        exposure_section(store, community, posts, kinds),
        map_section(store, community, called, kinds, published=published),
        paths,
    ]
    return sections, [*tiles_of(community), *quality_tiles(posts)]


def _learned(feed: Feed) -> Learned:
    folder = feed.store.workspace / MODEL_FOLDER
    return TrainingRecord.read(folder).learned(folder) or Learned.of(feed.model("cpu"))


def _evaluations(feed: Feed, evaluate: bool, progress: Progress | None) -> tuple[list[Evaluated], str]:
    """What is known of the trained model's test, by kind; posts are evaluated now if they were not. And why not."""
    folder = feed.store.workspace / MODEL_FOLDER
    try:
        record = TrainingRecord.read(folder)
    except TrainingError:
        return [], "No model is trained yet."
    why_not = "The model was not evaluated."
    if evaluate and record.evaluation(folder, "posts") is None:
        try:
            feed.evaluate(progress=progress)
        except GraphfeedError as error:
            why_not = f"The model cannot be evaluated: {error}."
    return [found for kind in KINDS if (found := record.evaluation(folder, kind)) is not None], why_not


def _check_target(path: Path) -> None:
    there = False
    with suppress(OSError, ValueError):  # a name that cannot be is told of when it is written
        there = path.is_dir()
    if there:
        raise ConfigError(f"{path} is a folder: name a file to write the report to, such as {path / 'report.html'}")


def _title(feed: Feed, names: bool) -> str:
    place = feed.store.location if "://" not in feed.location else ""
    return f"graphfeed: {Path(place).resolve().name}" if place and names else "graphfeed: a community"


__all__ = ["Report", "write_report"]

"""Sections as one HTML page, and files written whole or not at all. What the page looks like is in ``page.html``."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphfeed.errors import ConfigError
from graphfeed.report.figures import NARROW, WIDE, css_colours, svg
from graphfeed.report.section import Cell, Section, Tile, clean, per_cent

if TYPE_CHECKING:
    from graphfeed.graph.store import GraphStore
    from graphfeed.training.ranker import Progress


def render(
    store: GraphStore, sections: Sequence[Section], tiles: Sequence[Tile], title: str, progress: Progress | None = None
) -> str:
    """The page. Every text is escaped by the template, but for the pictures, which lxml has written."""
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    from graphfeed import __version__

    pictures: dict[str, Any] = {}
    for done, figure in enumerate(drawn := [figure for section in sections for figure in section.pictures()]):
        if progress:
            progress("report", done, len(drawn), "drawing")
        pictures[figure.name] = Markup(svg(figure, WIDE) + svg(figure, NARROW))
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {"cell": cell, "per_cent": per_cent}
    environment.tests |= {"number": is_number}
    template = environment.from_string((files("graphfeed.report") / "page.html").read_text(encoding="utf-8"))
    light, dark = css_colours()
    return template.render(
        title=clean(title, 120),
        sections=sections,
        tiles=tiles,
        pictures=pictures,
        light=Markup(light),
        dark=Markup(dark),
        made=f"{datetime.now(UTC):%Y-%m-%d %H:%M}",
        version=__version__,
    )


def cell(value: Cell) -> str:
    """What stands in a table."""
    if value is None:
        return "–"
    return f"{value:,}" if isinstance(value, int) else str(value)


def is_number(value: Cell) -> bool:
    """Whether a cell stands on the right."""
    return value is None or not isinstance(value, str) or value[:1].isdigit() or (value[:1] in "+-" and len(value) > 1)


def write_whole(path: Path, content: bytes, option: str) -> None:
    """Replace a file at once; makes its folder. Raises ConfigError where it cannot be written."""
    writing = path.with_name(path.name + ".writing")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        writing.write_bytes(content)
        writing.replace(path)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        shown = clean(str(path), 200)
        raise ConfigError(f"{shown} cannot be written ({reason}): name another place with {option}") from error
    finally:
        with suppress(OSError, ValueError):
            writing.unlink(missing_ok=True)

"""How pictures look: as inline SVG in the colours of the page, light or dark, and as PNG for papers.

A picture is drawn with the light colours; in the SVG each of them becomes a CSS variable, for which the page has both
values. Text stays text: it can be read aloud, searched and copied.
"""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any

from lxml import etree

from graphfeed.errors import ConfigError
from graphfeed.report.section import Figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawn

PALETTE: dict[str, tuple[str, str]] = {
    "surface": ("#ffffff", "#14181d"),
    "ink": ("#1f2328", "#e6e9ec"),
    "soft": ("#57606a", "#a5aeb8"),
    "grid": ("#dde2e7", "#323a43"),
    "own": ("#c2410c", "#ff9150"),
    "other": ("#848d97", "#8b95a0"),
    "best": ("#3d4a57", "#c6ced6"),
    "user": ("#0072b2", "#58b4ec"),
    "post": ("#a87f00", "#e8c547"),
    "entity": ("#00805e", "#3ecb9c"),
    "topic0": ("#0b6fae", "#5cb6ea"),
    "topic1": ("#cc4d00", "#ff8f4d"),
    "topic2": ("#07845f", "#40cda0"),
    "topic3": ("#b04a86", "#e793c3"),
    "topic4": ("#6c4fb8", "#ad97f0"),
    "topic5": ("#8a6d00", "#dcc04e"),
    "topic6": ("#b3263a", "#f47a88"),
    "rest": ("#a9b1b9", "#5d6772"),
}
"""Name → the light and the dark value. Every light value is another one: it is how the SVG knows which is meant."""
TOPICS = tuple(name for name in PALETTE if name.startswith("topic"))

_FONTS = ("DejaVu Sans", "Noto Sans CJK SC", "Noto Sans CJK JP", "Microsoft YaHei", "Hiragino Sans", "Arial Unicode MS")
_SVG, _XLINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
_VARIABLES = {light: f"var(--{name})" for name, (light, _) in PALETTE.items()}
_HEX = re.compile(r"#[0-9a-f]{6}\b")
_FONT = re.compile(r"font-family: [^;]*")
_REFERENCE = re.compile(r"#([\w-]+)")
_PNG_DPI = 300


@dataclass(frozen=True)
class Frame:
    """What a picture is drawn for. An inch is 100 pixels of the page, so a text of 9 points is 12.5 pixels high."""

    name: str
    inches: float

    @property
    def narrow(self) -> bool:
        """A phone held upright: panels stand below each other."""
        return self.name == "narrow"


WIDE, NARROW = Frame("wide", 7.2), Frame("narrow", 3.5)


def colour(name: str) -> str:
    """The colour to draw with."""
    return PALETTE[name][0]


def panels(frame: Frame, count: int = 1, height: float = 2.7) -> tuple[Drawn, list[Axes]]:
    """A picture of ``count`` panels, beside each other or, on a phone, below; ``height`` of each, inches."""
    from matplotlib.figure import Figure as Drawn

    rows, columns = (count, 1) if frame.narrow else (1, count)
    drawn = Drawn(figsize=(frame.inches, height * rows), layout="constrained", facecolor="none")
    axes = drawn.subplots(rows, columns, squeeze=False)
    for axis in axes.flat:
        axis.set_facecolor("none")
    return drawn, list(axes.flat)


def bare(axis: Axes) -> None:
    """An axis without lines and numbers."""
    axis.set_xticks([])
    axis.set_yticks([])
    axis.spines[:].set_visible(False)


def rows_of_bars(axis: Axes, names: Sequence[str], values: Sequence[float], colours: Sequence[str]) -> None:
    """Bars that lie, the first on top, each with its value."""
    places = range(len(names))
    axis.barh(places, values, color=[colour(c) for c in colours], height=0.66)
    top = max(values, default=1) or 1
    for place, value in zip(places, values, strict=True):
        text = f"{value:,}" if isinstance(value, int) else f"{value:.3g}"
        axis.text(value + top * 0.02, place, text, va="center", color=colour("ink"))
    axis.set_yticks(list(places), names)
    axis.set_ylim(len(names) - 0.4, -0.6)
    axis.set_xlim(0, top * 1.22)
    axis.tick_params(axis="y", length=0)
    axis.xaxis.set_visible(False)
    axis.spines[["bottom", "left"]].set_visible(False)


def plain_logarithmic(axis: Axes, which: str) -> None:
    """A logarithmic axis whose numbers are written as 1, 10, 1,000 and, below 1, as per cent where it is a share."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axis.set(**{f"{which}scale": "log"})
    part = axis.xaxis if which == "x" else axis.yaxis
    part.set_major_locator(LogLocator(10.0, numticks=7))
    part.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}" if value >= 1 else f"{value:g}"))
    part.set_minor_formatter(NullFormatter())


def svg(figure: Figure, frame: Frame) -> str:
    """The picture as an SVG element for the page."""
    with _style():
        drawn, written = figure.draw(frame), BytesIO()
        drawn.savefig(written, format="svg", metadata={"Date": None, "Creator": None})
    root = etree.fromstring(
        written.getvalue(), etree.XMLParser(remove_comments=True, remove_blank_text=True, huge_tree=True)
    )
    if not frame.narrow:  # on a phone there is no pointer to rest on a point
        _tell(root, figure)
    _prefix_ids(root, f"{figure.name}-{frame.name}-")
    for element in root.iter():
        if style := element.get("style"):
            element.set("style", _FONT.sub("font-family: var(--font)", _in_variables(style)))
        if (element.get("transform") or "").startswith("rotate(-0 "):
            del element.attrib["transform"]
        for name in ("fill", "stroke"):
            if element.get(name):
                element.set("style", f"{element.get('style', '')}; {name}: {_in_variables(element.attrib.pop(name))}")
    for name in ("width", "height", "version"):
        root.attrib.pop(name, None)
    root.set("class", frame.name)
    root.set("role", "img")
    root.set("aria-label", figure.alt)
    text: str = etree.tostring(root, encoding="unicode")
    return text


def png(figure: Figure) -> bytes:
    """The picture for a paper: light, 7.2 inches wide, 300 dots an inch."""
    with _style():
        written = BytesIO()
        figure.draw(WIDE).savefig(written, format="png", dpi=_PNG_DPI, facecolor=colour("surface"))
    return written.getvalue()


def css_colours() -> tuple[str, str]:
    """The variables of the palette as CSS declarations, light and dark."""
    light, dark = (";".join(f"--{name}:{pair[place]}" for name, pair in PALETTE.items()) for place in (0, 1))
    return light, dark


def require_matplotlib() -> None:
    """Raise ConfigError where it is not installed."""
    try:
        import jinja2  # noqa: F401
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise ConfigError(
            f"report needs {error.name}, which is not installed: pip install 'graphfeed[plots]'"
        ) from error


@contextmanager
def _style() -> Iterator[None]:
    import matplotlib

    look: Any = {
        "font.family": [name for name in _FONTS if name in _known_fonts()],
        "font.size": 9,
        "axes.titlesize": 9,
        "axes.titlelocation": "left",
        "axes.titlecolor": colour("ink"),
        "axes.labelcolor": colour("soft"),
        "axes.edgecolor": colour("grid"),
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": False,
        "grid.color": colour("grid"),
        "grid.linewidth": 0.8,
        "xtick.color": colour("grid"),
        "ytick.color": colour("grid"),
        "xtick.labelcolor": colour("soft"),
        "ytick.labelcolor": colour("ink"),
        "text.color": colour("ink"),
        "legend.frameon": False,
        "svg.fonttype": "none",
        "svg.hashsalt": "graphfeed",
        # A name with dollar signs is no formula.
        "text.parse_math": False,
    }
    logger = logging.getLogger("matplotlib.font_manager")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with matplotlib.rc_context(look), warnings.catch_warnings():
            # A letter that the font has not: the browser draws texts with fonts of its own.
            warnings.filterwarnings("ignore", message="Glyph .* missing from")
            yield
    finally:
        logger.setLevel(before)


def _known_fonts() -> set[str]:
    from matplotlib import font_manager

    return set(font_manager.get_font_names())


def _in_variables(text: str) -> str:
    return _HEX.sub(lambda found: _VARIABLES.get(found[0], found[0]), text)


def _tell(root: Any, figure: Figure) -> None:
    """Put what each point shows into it as its title."""
    for gid, texts in figure.tips.items():
        group = next((e for e in root.iter(f"{{{_SVG}}}g") if e.get("id") == gid), None)
        if group is None:
            continue
        # Drawn once and used at each place, or drawn anew for each.
        points = list(group.iter(f"{{{_SVG}}}use")) or list(group.iter(f"{{{_SVG}}}path"))
        for point, text in zip(points, texts, strict=True):
            etree.SubElement(point, f"{{{_SVG}}}title").text = text


def _prefix_ids(root: Any, prefix: str) -> None:
    """Keep the ids that are referred to, and make them the picture's own: many pictures stand in one page."""
    href = f"{{{_XLINK}}}href"
    used = {
        found for e in root.iter() for value in (e.get(href), e.get("clip-path")) if value
        for found in _REFERENCE.findall(value)
    }  # fmt: skip
    for element in root.iter():
        if (own := element.get("id")) is not None:
            del element.attrib["id"]
            if own in used:
                element.set("id", prefix + own)
        if href in element.attrib:  # the plain name does what the old one did, in fewer letters
            element.set("href", element.attrib.pop(href).replace("#", f"#{prefix}"))
        if clip := element.get("clip-path"):
            element.set("clip-path", clip.replace("#", f"#{prefix}"))
    for element in list(root.iter(f"{{{_SVG}}}metadata", f"{{{_SVG}}}style")):
        element.getparent().remove(element)
    etree.cleanup_namespaces(root)

"""Write the kept results into the pages that show them, between ``<!-- figures:NAME -->`` and its end.

    python -m benchmarks.pages               # README.md, benchmarks/README.md, docs/quality.md, docs/speed.md, pictures

A test holds the pages to the kept results, so run this whenever one of those is replaced.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from benchmarks.quality_plots import draw
from benchmarks.quality_tables import markdown
from benchmarks.quality_targets import targets_markdown
from benchmarks.speed_tables import draw_growth, figures_markdown, growth_markdown, ratios_markdown

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"

TABLES: tuple[tuple[str, str, Callable[[Path], str]], ...] = (
    ("README.md", "quality", lambda folder: markdown(folder, ("all",))),
    ("benchmarks/README.md", "quality", markdown),
    ("docs/quality.md", "targets", targets_markdown),
    ("docs/speed.md", "ratios", ratios_markdown),
    ("docs/speed.md", "growth", growth_markdown),
    ("docs/speed.md", "behind", figures_markdown),
)
"""Page, the name of its marks, and what makes the table."""
PICTURES: tuple[tuple[str, Callable[[Path, Path], None]], ...] = (
    ("docs/images/quality.png", draw),
    ("docs/images/growth.png", draw_growth),
)


def main() -> None:
    """Write all tables and pictures."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    for page, name, table in TABLES:
        file = ROOT / page
        file.write_text(with_table(file.read_text(encoding="utf-8"), name, table(RESULTS)), encoding="utf-8")
        print(f"wrote {page}: {name}")
    for picture, draw_it in PICTURES:
        draw_it(RESULTS, ROOT / picture)
        print(f"wrote {picture}")


def with_table(text: str, name: str, table: str) -> str:
    """A page with its first table after a mark replaced. Raises ValueError where the mark or its table is not there."""
    begin, end = f"<!-- figures:{name} -->", f"<!-- /figures:{name} -->"
    before, mark, rest = text.partition(begin)
    inside, closed, after = rest.partition(end)
    if not mark or not closed:
        raise ValueError(f"expected {begin} and {end} in the page, found not both")
    lines = inside.split("\n")
    first = next((i for i, line in enumerate(lines) if line.startswith("|")), None)
    if first is None:
        raise ValueError(f"expected a table after {begin}, found none")
    last = next((i for i in range(first, len(lines)) if not lines[i].startswith("|")), len(lines))
    return before + mark + "\n".join([*lines[:first], *table.split("\n"), *lines[last:]]) + closed + after


if __name__ == "__main__":
    main()

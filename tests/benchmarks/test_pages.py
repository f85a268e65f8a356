"""The pages that show measured figures show those that are kept."""

from __future__ import annotations

import json
from pathlib import Path

import matplotlib.image
import pytest
from benchmarks.pages import RESULTS, ROOT, TABLES, with_table
from benchmarks.speed_tables import draw_growth, figures_markdown, growth_markdown, ratios_markdown


@pytest.mark.parametrize(("page", "name", "table"), TABLES, ids=[f"{page}, {name}" for page, name, _ in TABLES])
def test_published_figures_are_those_that_are_kept(page: str, name: str, table) -> None:  # type: ignore[no-untyped-def]
    text = (ROOT / page).read_text(encoding="utf-8")
    assert with_table(text, name, table(RESULTS)) == text, "python -m benchmarks.pages writes them"


def test_only_the_first_table_between_the_marks_is_replaced() -> None:
    page = "a\n<!-- figures:x -->\nwords\n| 1 |\n|---|\nmore\n<!-- /figures:x -->\n| 2 |\n"
    wanted = "a\n<!-- figures:x -->\nwords\n| new |\n|---|\n| 3 |\nmore\n<!-- /figures:x -->\n| 2 |\n"
    assert with_table(page, "x", "| new |\n|---|\n| 3 |") == wanted
    with pytest.raises(ValueError, match="not both"):
        with_table(page, "y", "| new |")
    with pytest.raises(ValueError, match="found none"):
        with_table("<!-- figures:x -->\nwords\n<!-- /figures:x -->", "x", "| new |")


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    stages = {
        f"{stage} {edges}": {
            "edges": edges,
            "seconds": s,
            "cpu_seconds": 2 * s,
            "peak_mib": 300.0,
            "us_an_edge": 1.0,
            "bytes_an_edge": 9.0,
        }
        for stage, edges, s in (("load", 10_000, 1.25), ("load", 100_000, 2.0), ("rank", 10_000, 0.5))
    }
    stages["rank 10000"]["people"] = 70
    stages["rank 100000"] = stages["rank 10000"] | {"edges": 100_000, "seconds": 1_200.0, "stopped": True}
    ratios = {"load: time": {"ratio": 0.16, "at_most": 1.5, "reached": True}, "rank: time": {"ratio": 3.0}}
    growth = {"ratios": ratios, "figures": {}, "stages": stages, "peak_mib": 1.0}
    ranking = {"ratios": {"a": {"ratio": 0.5, "at_least": 1.0, "reached": False}}, "peak_mib": 2_000.4}
    ranking["figures"] = {"ours, users/s": 24_140.2, "all, s": 1.286, "pyg-lib": "not installed"}
    (tmp_path / "speed.json").write_text(json.dumps({"parts": {"ranking": ranking, "growth": growth}}))
    return tmp_path


def test_speed_tables_say_what_was_reached_and_what_was_not_run(kept: Path) -> None:
    assert ratios_markdown(kept).splitlines()[2:] == [
        "| the 20 best of 40,981 for each of 29,858 | a | ≥ 1 | **0.50** | not reached |",
        "| growth | load: time | ≤ 1.5 | **0.16** | reached |",
        "| growth | rank: time |  | **3.00** |  |",
    ]
    assert growth_markdown(kept).splitlines() == [
        "| stage | 10,000 | 100,000 |",
        "|---|---|---|",
        "| `load` | 2.5 s, 300 MiB | 4.0 s, 300 MiB |",
        "| `rank` | 1.0 s, 300 MiB for 70 people | stopped after 1,200 s |",
    ]
    behind = figures_markdown(kept)
    assert "| ours, users/s | 24,140 |" in behind
    assert "| all, s | 1.29 |" in behind
    assert "| peak memory | 2,000 MiB |" in behind
    assert "pyg-lib" not in behind


def test_growth_is_drawn_without_what_was_stopped(kept: Path, tmp_path: Path) -> None:
    draw_growth(kept, tmp_path / "growth.png")
    assert matplotlib.image.imread(tmp_path / "growth.png").shape[1] > 1_000


def test_without_a_kept_run_the_command_is_named(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"benchmarks\.speed --large --json"):
        ratios_markdown(tmp_path)

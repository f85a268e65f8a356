"""Seconds and size of ``graphfeed report`` on a published store, the model evaluated before and not.

    python -m benchmarks.report quantumcomputing-feed          # a folder, or neo4j://host:7687
    python -m benchmarks.report quantumcomputing-feed --page docs/images/report.png

Each time as a command of its own, reading libraries included. ``--page`` takes the picture of the docs, in a Chromium.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.machine import describe_machine


def main() -> None:
    """Measure, print, and take the picture."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("store")
    parser.add_argument("--times", type=int, default=3, help="runs of each kind; the middle one counts")
    parser.add_argument("--page", type=Path, metavar="PNG", help="write a picture of the page's beginning")
    parser.add_argument("--title", default="graphfeed: a community")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "report.html"
        found: dict[str, Any] = {"store": given.store}
        for name, options in (("not evaluated", ["--no-evaluate"]), ("with the evaluation kept", [])):
            runs = sorted(_timed(given.store, page, given.title, options) for _ in range(given.times))
            seconds, processor = runs[len(runs) // 2]
            size = page.stat().st_size // 1000
            found[name] = {"seconds": round(seconds, 1), "processor_seconds": round(processor, 1), "kilobytes": size}
        print(json.dumps(found | {"machine": describe_machine()}, indent=2))
        if given.page is not None:
            take_picture(page, given.page)


def _timed(store: str, page: Path, title: str, options: list[str]) -> tuple[float, float]:
    """Seconds that went by, and those that its threads worked: on a busy machine the two lie far apart."""
    command = [sys.executable, "-m", "graphfeed.cli", "report", "--store", store, "-o", str(page), "--title", title]
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([*command, *options], check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    worked = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return time.perf_counter() - began, worked


def take_picture(page: Path, target: Path) -> None:
    """The beginning of the page and some of its sections, which stand below each other, beside each other."""
    from benchmarks.pictures import headless

    with headless() as browser:
        tab = browser.new_context(viewport={"width": 1520, "height": 1300}, offline=True).new_page()
        tab.goto(page.as_uri())
        tab.evaluate(_BESIDE)
        target.parent.mkdir(parents=True, exist_ok=True)
        tab.screenshot(path=target)
    print(f"wrote {target.name}, {target.stat().st_size // 1000} KB")


_BESIDE = """() => {
  document.querySelectorAll('details, nav').forEach(part => part.remove());
  document.querySelector('header').style = 'padding: 40px 0 0';
  const columns = [['header', '#quality', '#map'], ['#paths']].map(names => {
    const column = document.createElement('main');
    names.forEach(name => column.append(document.querySelector(name)));
    column.style = 'margin: 0; height: 1300px; overflow: hidden';
    return column;
  });
  columns[1].querySelector('section').style = 'border: 0; margin: 0';
  document.body.replaceChildren(...columns);
  document.body.style = 'display: grid; grid-template-columns: 760px 760px; overflow: hidden';
}"""


if __name__ == "__main__":
    main()

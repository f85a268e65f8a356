"""How fast each source goes into the embedded store: read, checked, journalled, indexed.

    python -m benchmarks.sources                # all of them, about 200,000 rows each
    python -m benchmarks.sources mind sql --rows 1000000

The data is made in each source's format, in a temporary folder that is removed. Rows are what the load's report counts
as read. Prints one JSON object a source; where
other programs share the machine, the rows per second of processor time are the ones to compare.
"""

from __future__ import annotations

import argparse
import functools
import http.server
import json
import resource
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import graphfeed
from benchmarks.loading import write_files
from benchmarks.source_files import (
    people_frame,
    write_bluesky,
    write_database,
    write_kgat,
    write_mastodon,
    write_mind,
)
from graphfeed.graph.ingest import LoadReport

Load = Callable[[graphfeed.Feed, Path, int], tuple[LoadReport, float]]

SQL_MAPPING = """
[[nodes]]
query = "select id, name from people"
label = "User"
id = "id"
name = "name"

[[nodes]]
query = "select id, title, at from posts"
label = "Post"
id = "id"
title = "title"
created_at = "at"

[[relationships]]
query = "select person, post, at from likes"
type = "LIKED"
source = "person"
target = "post"
at = "at"
"""


def main() -> None:
    """Make the data of each source, load it, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sources", nargs="*", choices=[*SOURCES, []], default=[])
    parser.add_argument("--rows", type=int, default=200_000)
    options = parser.parse_args()
    for name in options.sources or SOURCES:
        for rows in (2_000, options.rows):  # the first time libraries are imported
            with tempfile.TemporaryDirectory() as folder, graphfeed.open(Path(folder) / "feed") as feed:
                report, processor = SOURCES[name](feed, Path(folder), rows)
        found = {
            "source": name,
            "rows": report.read,
            "passed_over": sum(file.passed_over for file in report.files.values()),
            "rejected": report.rejected,
            "relationships": sum(report.graph.relationships.values()),
            "seconds": round(report.seconds, 2),
            "rows_per_second": round(report.read / report.seconds),
            "rows_per_processor_second": round(report.read / processor),
            "peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        }
        print(json.dumps(found), flush=True)


def _timed(load: Callable[[], LoadReport]) -> tuple[LoadReport, float]:
    """What a load reports, and its seconds of processor time, all threads together."""
    began = time.process_time()
    return load(), time.process_time() - began


def _mind(feed: graphfeed.Feed, folder: Path, rows: int) -> tuple[LoadReport, float]:
    write_mind(folder / "mind", rows)
    return _timed(lambda: feed.load("mind", folder / "mind"))


def _kgat(feed: graphfeed.Feed, folder: Path, rows: int) -> tuple[LoadReport, float]:
    write_kgat(folder / "kgat", rows)
    return _timed(lambda: feed.load("kgat", folder / "kgat"))


def _mastodon(feed: graphfeed.Feed, folder: Path, rows: int) -> tuple[LoadReport, float]:
    write_mastodon(folder / "archives", rows)
    return _timed(lambda: feed.load("mastodon", folder / "archives"))


def _bluesky(feed: graphfeed.Feed, folder: Path, rows: int) -> tuple[LoadReport, float]:
    write_bluesky(folder / "events.jsonl", rows)
    return _timed(lambda: feed.load("bluesky", folder / "events.jsonl"))


def _sql(feed: graphfeed.Feed, folder: Path, rows: int) -> tuple[LoadReport, float]:
    write_database(folder / "shop.db", rows)
    (folder / "graphfeed.toml").write_text(SQL_MAPPING, encoding="utf-8")
    return _timed(lambda: feed.load("sql", url=f"sqlite:///{folder / 'shop.db'}", mapping=folder / "graphfeed.toml"))


def _pandas(feed: graphfeed.Feed, folder: Path, rows: int) -> tuple[LoadReport, float]:
    return _timed(lambda: feed.load_frames(people_frame(rows)))


def _polars(feed: graphfeed.Feed, folder: Path, rows: int) -> tuple[LoadReport, float]:
    import polars

    return _timed(
        lambda: feed.load_frames({name: polars.from_pandas(frame) for name, frame in people_frame(rows).items()})
    )


def _http(feed: graphfeed.Feed, folder: Path, rows: int) -> tuple[LoadReport, float]:
    """CSV files from a server on this machine. The report's seconds hold the fetching."""
    served = folder / "served"
    served.mkdir()
    write_files(served, rows // 10, rows // 10, rows)

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(served)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        address = f"http://127.0.0.1:{server.server_address[1]}/"
        return _timed(lambda: feed.load("tables", address, mapping=served / "graphfeed.toml"))
    finally:
        server.shutdown()
        server.server_close()


SOURCES: dict[str, Load] = {
    "mind": _mind,
    "kgat": _kgat,
    "mastodon": _mastodon,
    "bluesky": _bluesky,
    "sql": _sql,
    "pandas": _pandas,
    "polars": _polars,
    "http": _http,
}


if __name__ == "__main__":
    main()

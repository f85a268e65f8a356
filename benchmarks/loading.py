"""How fast CSV files go into the embedded store: parsed, checked row by row, journalled, indexed.

    python -m benchmarks.loading                     # 100,000 people, 100,000 posts, 1,000,000 likes
    python -m benchmarks.loading --likes 100000

The files are written to a temporary folder and removed with the store. Prints one JSON object; the second load of the
same files changes nothing and shows what checking alone costs.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

import graphfeed

MAPPING = """
[[nodes]]
file = "people.csv"
label = "User"
id = "id"
name = "name"

[[nodes]]
file = "posts.csv"
label = "Post"
id = "id"
title = "title"
created_at = "at"

[[relationships]]
file = "likes.csv"
type = "LIKED"
source = "person"
target = "post"
at = "at"
"""


def main() -> None:
    """Write, load twice, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--posts", type=int, default=100_000)
    parser.add_argument("--likes", type=int, default=1_000_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_files(folder, options.people, options.posts, options.likes)
        with graphfeed.open(folder / "feed") as feed:
            found: dict[str, float] = {}
            for what in ("first", "again"):
                report = feed.load("tables", folder, mapping=folder / "graphfeed.toml")
                found |= {
                    f"{what}_rows": report.read,
                    f"{what}_rejected": report.rejected,
                    f"{what}_seconds": round(report.seconds, 2),
                    f"{what}_rows_per_second": round(report.read / report.seconds),
                }
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({**vars(options), **found, "peak_mib": round(peak)}))


def write_files(folder: Path, people: int, posts: int, likes: int) -> None:
    """Three CSV files and their mapping. A pair may come twice at two times; the same event never does."""
    random = np.random.default_rng(0)
    second = pd.Timestamp("2026-01-01")
    users = pd.DataFrame({"id": [f"person-{i}" for i in range(people)], "name": [f"Person {i}" for i in range(people)]})
    born = second + pd.to_timedelta(np.arange(posts), unit="s")
    articles = pd.DataFrame(
        {"id": [f"post-{i}" for i in range(posts)], "title": [f"Post number {i}" for i in range(posts)], "at": born}
    )
    liked = pd.DataFrame(
        {
            "person": users["id"].to_numpy()[random.integers(people, size=likes)],
            "post": articles["id"].to_numpy()[random.integers(posts, size=likes)],
            "at": second + pd.to_timedelta(posts + np.arange(likes), unit="s"),
        }
    )
    for frame, file in ((users, "people.csv"), (articles, "posts.csv"), (liked, "likes.csv")):
        frame.to_csv(folder / file, index=False, date_format="%Y-%m-%dT%H:%M:%SZ")
    (folder / "graphfeed.toml").write_text(MAPPING, encoding="utf-8")


if __name__ == "__main__":
    main()

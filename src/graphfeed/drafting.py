"""``graphfeed init``: a first graphfeed.toml for a folder."""

from __future__ import annotations

import json
import os
from pathlib import Path

from graphfeed.errors import SourceError

_HEAD = """\
# graphfeed.toml: everything that `graphfeed run` does, in order. Paths are relative to this file.

[store]
location = "feed"                  # the folder that the graph lives in

[[load]]
source = {source}
path = {path}

[embed]
encoder = "all-MiniLM-L6-v2"       # or "tfidf", a Hugging Face name, or a model's folder

[split]
window_days = {window}                  # what is predicted: what people do in the next so many days

[train]
seed = 0
device = "auto"                    # cpu, cuda

[publish]
# now = "latest"                   # clock, latest (time in the data), or a date; left out: whichever makes sense
top = 100                          # predictions per person
"""


def draft_config(folder: Path, home: Path) -> str:
    """The text of a configuration for a folder, to be written into ``home``.

    Raises SourceError where the folder holds nothing that can be loaded.
    """
    if not folder.is_dir():
        raise SourceError(f"{folder} is not a folder: expected one with table files or a dump")
    path = Path(os.path.relpath(folder, home)).as_posix()
    if (folder / "Posts.xml").is_file():
        return _head("stackexchange", path)
    if (folder / "user_artists.dat").is_file() or (folder / "raw" / "user_artists.dat").is_file():
        return _head("hetrec", path)
    if (folder / "mult.dat").is_file():
        return _head("citeulike", path)
    if (folder / "train.txt").is_file():
        return _head("kgat" if (folder / "kg_final.txt").is_file() else "pairs", path)
    if (folder / "behaviors.tsv").is_file() or any(folder.glob("*/behaviors.tsv")):
        return _head("mind", path)
    if (folder / "actor.json").is_file() or any(folder.glob("*/actor.json")):
        return _head("mastodon", path)
    if any(folder.glob("*.car")):
        return _head("bluesky", path)
    from graphfeed.loaders.draft import draft_mapping

    return f"{_head('tables', path)}\n\n{draft_mapping(folder)}"


def _head(source: str, path: str) -> str:
    return _HEAD.format(source=json.dumps(source), path=json.dumps(path), window="1.0")

"""What stands beside a graph in the workspace and goes with its vectors: which encoder made them, and what it saw.

Vectors without the encoder's mark could not be compared with a new text's, and without the links that a fine-tuned
encoder learned from a split would not know what it may ask for: so these files are carried with the vectors, always.
"""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from graphfeed.graph.embed import CACHE_FILE, ENCODER_FILE, VECTOR
from graphfeed.graph.exchange.rest import Plan, Rest
from graphfeed.graph.journal.parts import disk_errors
from graphfeed.graph.links_seen import LINKS_FILE
from graphfeed.graph.scan import GraphScan
from graphfeed.graph.store import GraphStore


def tell_links_seen(source: GraphScan, target: GraphStore, plan: Plan) -> None:
    """Before the vectors that tell of them are there: which links their encoder saw."""
    if source.folder is None or all(name != VECTOR for _, name in plan.vectors):
        return
    if (source.folder / LINKS_FILE).is_file():
        copy_file(source.folder / LINKS_FILE, target.workspace / LINKS_FILE)


def copy_encoder(source: GraphScan, target: GraphStore, rest: Rest) -> None:
    """After the text vectors: the mark of their encoder, and no links where it saw none."""
    written = any(name == VECTOR for _, name in rest.vectors)
    if source.folder is not None and (written or (source.folder / ENCODER_FILE).is_file()):
        for name in (ENCODER_FILE, LINKS_FILE):
            copy_file(source.folder / name, target.workspace / name)


def copy_cache(source: Path, target: Path) -> bool:
    """Copy the cache of text vectors into a workspace that has none, so that no text need be encoded again.

    Whether it was. A cache that cannot be read is left behind: it only saves time.
    """
    if not (source / CACHE_FILE).is_file() or (target / CACHE_FILE).exists():
        return False
    writing = target / f"{CACHE_FILE}.writing"
    try:
        writing.unlink(missing_ok=True)
        uri = f"{(source / CACHE_FILE).absolute().as_uri()}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True)) as old, closing(sqlite3.connect(writing)) as new:
            old.backup(new)
        writing.replace(target / CACHE_FILE)
    except (sqlite3.Error, OSError):
        with suppress(OSError):
            writing.unlink(missing_ok=True)
        return False
    return True


def copy_file(source: Path, target: Path) -> None:
    """Replace a file at once by another one; where that is not there, by none."""
    with disk_errors(target):
        if not source.is_file():
            target.unlink(missing_ok=True)
            return
        if target.exists() and target.samefile(source):
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        writing = target.with_name(f"{target.name}.writing")
        shutil.copyfile(source, writing)
        writing.replace(target)

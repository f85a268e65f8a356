"""Data that has to be cut or cleaned before it is loaded: splits that are to be redone, tags that would tell."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

VALIDATION = "validation.txt"
"""A user's and an item's id per line: those of the test pairs that validate."""
TAGS = ("tags.dat", "tag-item.dat")


def eight_one_one(folder: Path, scratch: Path, seed: int = 0) -> tuple[Path, dict[str, Any]]:
    """lastfm-2k by RecBole's ratio split, 8:1:1 of each person's artists, drawn at random.

    Of n artists n/10, rounded down, but at least one where as many are left, are the test; as many validate. Both are
    written to the test file, so that nothing of either is in the graph, and those that validate to ``VALIDATION`` also.
    """
    lines = (folder / "raw" / "user_artists.dat").read_text(encoding="utf-8").splitlines()[1:]
    pairs = np.array([line.split("\t")[:2] for line in lines if line.strip()])
    _, user = np.unique(pairs[:, 0], return_inverse=True)
    order = np.lexsort((np.random.default_rng(seed).random(len(user)), user))
    first = np.searchsorted(user[order], user[order])
    place, count = np.arange(len(user)) - first, np.bincount(user)[user[order]]
    size = np.maximum(count // 10, 1)
    test = (place < size) & (count >= 2)
    validation = (place >= size) & (place < 2 * size) & (count >= 3)
    for name, wanted in (("train.txt", ~test & ~validation), ("test.txt", test | validation), (VALIDATION, validation)):
        rows = pairs[np.sort(order[wanted])]
        (scratch / name).write_text("".join(f"{who} {what}\n" for who, what in rows), encoding="utf-8")
    return folder, {"train": scratch / "train.txt", "test": scratch / "test.txt"}


def without_tags(folder: Path, scratch: Path) -> tuple[Path, dict[str, Any]]:
    """citeulike-t without its tags."""
    _link(folder, scratch, but=TAGS)
    return scratch, {}


def without_telling_tags(folder: Path, scratch: Path, split: str = "10") -> tuple[Path, dict[str, Any]]:
    """citeulike-t without the tags of articles that nobody saved in the training part.

    Tags come from those who saved an article: these must be from saves that are held out.
    """
    _link(folder, scratch, but=("tag-item.dat",))
    saved = (folder / "splits_cvae" / f"cf-train-{split}-users.dat").read_text(encoding="utf-8").splitlines()
    known = {item for line in saved for item in line.split()[1:]}
    with (scratch / "tag-item.dat").open("w", encoding="utf-8") as written:
        for line in (folder / "tag-item.dat").read_text(encoding="utf-8").splitlines():
            kept = [item for item in line.split()[1:] if item in known]
            written.write(" ".join([str(len(kept)), *kept]) + "\n")
    return scratch, {}


def _link(folder: Path, scratch: Path, *, but: tuple[str, ...]) -> None:
    for entry in folder.iterdir():
        if entry.name not in but:
            (scratch / entry.name).symlink_to(entry.absolute())

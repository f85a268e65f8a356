"""Mappings that the tests of table files share, and a loader of them."""

from __future__ import annotations

import tomllib
from pathlib import Path

from graphfeed.loaders.mapping import parse_mapping
from graphfeed.loaders.tables import TablesLoader

POSTS = """
[[nodes]]
file = "posts.csv"
label = "Post"
id = "postId"
title = "headline"
text = "body"
created_at = "createdAt"
kind = { value = "article" }
"""

VOTES = """
[[relationships]]
file = "votes.csv"
type = "LIKED"
where = { score = "1" }
source = { column = "userId", create = true }
target = "postId"
at = "createdAt"

[[relationships]]
file = "votes.csv"
type = "DISLIKED"
where = { score = [-1, "-2"] }
source = { label = "User", column = "userId", create = true }
target = { label = "Post", column = "postId" }
at = "createdAt"
"""


def loader(folder: Path, mapping: str) -> TablesLoader:
    return TablesLoader(folder, parse_mapping(tomllib.loads(mapping), "graphfeed.toml"))


def write(path: Path, text: str, encoding: str = "utf-8") -> None:
    path.write_bytes(text.encode(encoding))

"""The mapping refuses what cannot be done, with the place and what was probably meant."""

from __future__ import annotations

import re
import tomllib

import pytest

from graphfeed.errors import ConfigError
from graphfeed.loaders.mapping import parse_mapping

NODE = '[[nodes]]\nfile = "posts.csv"\nlabel = "Post"\nid = "postId"\n'
LIKED = '[[relationships]]\nfile = "votes.csv"\ntype = "LIKED"\nsource = "userId"\ntarget = "postId"\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (NODE + 'titel = "headline"', r"my\.toml: \[\[nodes\]\] 1 \(posts\.csv\): unknown key 'titel': .*'title'\?"),
        (NODE + 'x = "headline"', r"unknown key 'x'\. Known are: kind, title"),
        (NODE + NODE.replace("Post", "Pots"), r"\[\[nodes\]\] 2 \(posts\.csv\): unknown label 'Pots': .*'Post'"),
        (LIKED.replace("LIKED", "LIKES"), r"\[\[relationships\]\] 1 \(votes\.csv\): unknown type 'LIKES'"),
        ('[[nodes]]\nfile = "posts.csv"\nlabel = "Post"', r"posts\.csv\): the key 'id' is missing"),
        (NODE + "title = 5", r"title: "),
        (NODE + 'title = { column = "a", value = "b" }', r"title: expected either a column"),
        (NODE + 'title = { colum = "a" }', r"title: unknown key 'colum': did you mean 'column'\?"),
        (LIKED + 'weight = "w"', r"unknown key 'weight'"),
        (LIKED.replace('"userId"', '{ column = "u", creat = true }'), r"source\.creat': did you mean 'create'\?"),
        (LIKED.replace('"userId"', '{ column = "u", label = "Post" }'), r"LIKED has User as its source, not 'Post'"),
        (LIKED.replace('"userId"', '{ column = "u", create = { nam = "n" } }'), r"source\.create: unknown key 'nam'"),
        (re.sub('"(userId|postId)"', '{ column = "u", split = "|" }', LIKED), r"only one of source and target"),
        (LIKED + "where = { score = {} }", r"where\.score: expected a value or a list"),
        ('[store]\npath = "feed"', r"my\.toml has no \[\[nodes\]\] and no \[\[relationships\]\]"),
        (NODE + 'separator = "||"', r"separator: "),
    ],
)  # fmt: skip
def test_what_cannot_be_done(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as raised:
        parse_mapping(tomllib.loads(text), "my.toml")
    assert "\n" not in str(raised.value)


def test_other_sections_are_left_alone() -> None:
    mapping = parse_mapping(tomllib.loads("[train]\nseed = 1\n" + NODE + LIKED), "my.toml")
    assert mapping.nodes[0].properties == {}
    assert mapping.relationships[0].labels == ("User", "Post")


def test_where_takes_one_or_several_values_of_any_kind() -> None:
    entry = parse_mapping(tomllib.loads(LIKED + 'where = { a = 1, b = ["x", 2], c = true }'), "my.toml").relationships[
        0
    ]
    assert entry.where == {"a": ("1",), "b": ("x", "2"), "c": ("true",)}

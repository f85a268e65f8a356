"""Tags in one cell become entities of their own: each with its own id and name, which linking finds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.loaders.table_files import loader, write

import graphfeed
from graphfeed.errors import ConfigError
from graphfeed.graph.linking.settings import LinkSettings

MAPPING = """
[[nodes]]
file = "{file}"
label = "Post"
id = "id"
title = "title"
[[relationships]]
file = "{file}"
type = "MENTIONS"
source = "id"
target = {{ {target} }}
"""
CSV = "id,title,tags\n1,Sourdough,bread| baking |\n2,My baking day,tea\n3,Of bread,\n"


def mapping(target: str, file: str = "posts.csv") -> str:
    return MAPPING.format(file=file, target=target)


def entities(reading) -> set[tuple[str, str | None, str | None]]:
    return {(row["id"], row["name"], row["kind"]) for row in reading.records["implied Entity"]}


@pytest.mark.parametrize(
    ("create", "named"),
    [
        ('name = "tags", kind = { value = "tag" }', True),
        ('name = { column = "tags", split = "|" }, kind = { value = "tag" }', True),
        ('kind = { value = "tag" }', False),
    ],
)
def test_each_part_of_a_cell_has_its_own_name(tmp_path: Path, read, create: str, named: bool) -> None:
    write(tmp_path / "posts.csv", CSV)
    reading = read(loader(tmp_path, mapping(f'column = "tags", split = "|", create = {{ {create} }}')))
    names = ("bread", "baking", "tea")
    assert entities(reading) == {(name, name if named else None, "tag") for name in names}


def test_a_prefix_is_of_the_id_only(tmp_path: Path, read) -> None:
    write(tmp_path / "posts.csv", CSV)
    target = 'column = "tags", prefix = "été-", split = "|", create = { name = "tags" }'
    assert entities(read(loader(tmp_path, mapping(target)))) == {
        (f"été-{name}", name, None) for name in ("bread", "baking", "tea")
    }


def test_a_whole_cell_is_named_without_the_blanks_around_it(tmp_path: Path, read) -> None:
    write(tmp_path / "posts.csv", "id,title,tags\n1,x, rye bread \n")
    target = 'column = "tags", create = { name = "tags", text = "title" }'
    reading = read(loader(tmp_path, mapping(target)))
    assert entities(reading) == {("rye bread", "rye bread", None)}
    assert reading.records["implied Entity"][0]["text"] == "x"


def test_each_item_of_a_list_has_its_own_name(tmp_path: Path, read) -> None:
    write(tmp_path / "posts.jsonl", json.dumps({"id": 1, "title": "x", "tags": ["bread", " baking"]}) + "\n")
    reading = read(loader(tmp_path, mapping('column = "tags", create = { name = "tags" }', "posts.jsonl")))
    assert entities(reading) == {("bread", "bread", None), ("baking", "baking", None)}


@pytest.mark.parametrize(
    "target",
    [
        'column = "tags", create = { name = { column = "tags", split = "|" } }',
        'column = "tags", split = ";", create = { name = { column = "tags", split = "|" } }',
        'column = "tags", split = "|", create = { name = { column = "title", split = "|" } }',
    ],
)
def test_only_the_end_itself_cuts_a_cell(tmp_path: Path, target: str) -> None:
    with pytest.raises(ConfigError, match=r"target\.create: name: takes one value and cannot be split; .* beside"):
        loader(tmp_path, mapping(target))


def test_link_finds_what_was_made_of_tags(tmp_path: Path) -> None:
    write(tmp_path / "posts.csv", CSV)
    write(tmp_path / "graphfeed.toml", mapping('column = "tags", split = "|", create = { name = "tags" }'))
    with graphfeed.open(tmp_path / "feed") as feed:
        feed.load("tables", tmp_path)
        feed.link(LinkSettings(vectors=False, min_confidence=0.0))
        text = "MATCH (p:Post)-[r:MENTIONS]->(e:Entity) WHERE r.said_by = 'linker' RETURN p.id AS post, e.name AS name"
        assert {(row["post"], row["name"]) for row in feed.cypher(text)} == {("2", "baking"), ("3", "bread")}

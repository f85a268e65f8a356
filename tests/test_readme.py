"""The documentation held against the program: its commands are parsed, its tables are compared with the code.

``tests/docs`` runs the commands; what the comments before blocks mean stands in ``tests/docs/pages.py``.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import typer
from pydantic import BaseModel, TypeAdapter
from tests.docs.pages import PAGES, README, ROOT, SHOWN, blocks, prose, rows_of, words_of

from graphfeed.cli import app
from graphfeed.config import Config, LoadSection
from graphfeed.graph.query_files import load_queries
from graphfeed.graph.schema import GENERATION_PROPERTIES, PREDICTED, PREDICTION_SCHEMA
from graphfeed.loaders.mapping import parse_mapping
from graphfeed.loaders.records import NODE_TYPES, RELATIONSHIP_TYPES
from graphfeed.training.moment import MOMENT_REASONS
from graphfeed.training.paths import PATHS
from graphfeed.training.settings import ModelSettings
from graphfeed.training.split import SplitSettings

COMMANDS = typer.main.get_command(app).commands  # type: ignore[attr-defined]
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
MOST_LEFT_OUT = 12
"""So many blocks of the pages are not run, or not whole. Think twice before it grows."""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_shell_commands_are_there(page: Path) -> None:
    for block in blocks(page):
        for words in block.commands() if block.language == "sh" else ():
            if words[0] == "make":
                assert f"\n{words[1]}:" in (ROOT / "Makefile").read_text(encoding="utf-8"), block.place
            elif words[0] == "pip":
                assert set(re.findall(r"\[([\w-]+)\]", words[-1])) <= set(EXTRAS), block.place
            elif words[0] == "graphfeed":
                command, rest = COMMANDS[words[1]], words[2:]
                if hasattr(command, "commands"):  # a group, such as `neo4j`: its command is the next word
                    command, rest = command.commands[rest[0]], rest[1:]
                known = {name for option in command.params for name in (*option.opts, *option.secondary_opts)}
                given = {word.partition("=")[0] for word in rest if word.startswith("-") and word != "-"}
                assert given <= known, block.place
            else:
                assert words[0] == "export", block.place


def test_what_is_not_run_is_little_and_is_there() -> None:
    """Everything else is run by tests/docs."""
    marked = [block for page in SHOWN for block in blocks(page) if block.left_out]
    assert len(marked) <= MOST_LEFT_OUT
    for block in marked:
        assert block.language in ("sh", "python"), block.place
        for begun in block.left_out:
            assert any(line.startswith(begun) for line in block.lines()), f"{block.place}: no {begun} there"
    marks = sum(page.read_text(encoding="utf-8").count("<!-- not run") for page in SHOWN)
    assert marks == len(marked), "a mark stands right before its block"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        assert "://" in target or (page.parent / target).exists(), target


def test_the_readme_names_every_command_once() -> None:
    named = [row[0].strip("`").split()[0] for row in rows_of(README) if row[0].startswith("`")]
    assert [name for name in named if name in COMMANDS] == [name for name in dict.fromkeys(named) if name in COMMANDS]
    assert set(COMMANDS) <= set(named)


def test_the_readme_tells_every_type_of_reason() -> None:
    types = {path.reason for paths in PATHS.values() for path in paths} | set(MOMENT_REASONS) | {"taste"}
    told = [row[0] for row in rows_of(README) if row[0].startswith("`")]
    assert types <= {word for cell in told for word in re.findall(r"`(\w+)`", cell)}


def test_the_readmes_tree_is_the_repositorys() -> None:
    tree = README.read_text(encoding="utf-8").partition("## The tree")[2]
    folder, found = ROOT, 0
    for line in tree.splitlines():
        if not line.startswith("    "):
            continue
        entry, inside = line.strip(), line.startswith("      ")
        if not inside:
            folder = ROOT / entry.split()[0]
            assert folder.is_dir(), entry
        names = re.split(r"\s{3,}|;", entry)[0] if inside else ""
        for name in re.findall(r"[\w/*]+\.py|\w+/", names):
            assert list(folder.glob(name.rstrip("/"))), f"{folder.name}: {name}"
            found += 1
    assert found > 20


def test_graph_md_has_the_whole_schema() -> None:
    rows = rows_of(ROOT / "docs" / "graph.md")
    properties: dict[str, list[str]] = {}
    label = ""
    for row in rows:
        if row[0].strip("`") in NODE_TYPES:
            label = row[0].strip("`")
        elif row[0] not in ("", " "):
            label = ""
        if label and len(row) == 4:
            properties.setdefault(label, []).append(row[1].strip("`"))
    assert properties == {label: list(node.properties) for label, node in NODE_TYPES.items()}
    told = {row[0].strip("`"): row[1:4] for row in rows}
    for name, type_ in RELATIONSHIP_TYPES.items():
        ends = " or ".join(f"{source} → {target}" for source, target in type_.pairs)
        assert told[name] == [ends, ", ".join(type_.properties), type_.role], name
    assert {name: told[name][0] for name in PREDICTED} == {name: " → ".join(ends) for name, ends in PREDICTED.items()}
    written = {*GENERATION_PROPERTIES, *PREDICTION_SCHEMA.names} - {"source", "target"}
    assert written <= words_of(ROOT / "docs" / "graph.md")


def test_model_md_has_every_path() -> None:
    told = {
        (row[0], name, row[2])
        for row in rows_of(ROOT / "docs" / "model.md")
        if row[0] in PATHS
        for name in re.findall(r"`(\w+)`", row[1])
    }
    assert told == {(kind, path.name, path.reason) for kind, paths in PATHS.items() for path in paths}


def test_architecture_md_names_files_that_are_there() -> None:
    text = prose(ROOT / "docs" / "architecture.md")
    named = {name for name in re.findall(r"`([\w./*-]+(?:\.\w+|/))`", text) if "NAME" not in name}
    folders = (ROOT, *(ROOT / name for name in ("loaders", "graph", "training", "queries", "src/graphfeed")))
    files = {name for name in named if name.rpartition(".")[2] in ("py", "cypher", "md") or name.endswith("/")}
    made = {"journal/", "site/"}  # in a store, by `make docs`
    assert len(files) > 40
    assert {name for name in files if not any(list(f.glob(name.rstrip("/"))) for f in folders)} <= made


def test_queries_md_lists_every_query_as_it_is() -> None:
    text = (ROOT / "docs" / "queries.md").read_text(encoding="utf-8")
    told = {}
    for part in text.split("\n### ")[1:]:
        name = part.partition("\n")[0]
        params, returns = (re.search(rf"^- {key}: (.*)$", part, re.M) for key in ("params", "returns"))
        assert params is not None, name
        assert returns is not None, name
        assert f'feed.store.run("{name}"' in part
        given = set(re.findall(r"(\w+)=", part.partition(f'run("{name}"')[2].partition("`")[0]))
        assert given == set(re.findall(r"`(\w+)`", params[1])), f"the example of {name}"
        purpose = " ".join(part.partition("\n- params:")[0].partition("\n")[2].split())
        told[name] = (purpose, *(tuple(re.findall(r"`(\w+)`", found[1])) for found in (params, returns)))
        assert re.search(r"^- profile: [\d,]+ database hits, [\d,]+ rows?$", part, re.M), name
    queries = load_queries("ladybug") | load_queries("neo4j")  # the page shows the form for Browser
    assert told == {name: (q.purpose, q.params, q.returns) for name, q in queries.items()}


def test_configuration_md_has_every_key_with_its_default() -> None:
    page = ROOT / "docs" / "configuration.md"
    whole = next(block.text for block in blocks(page) if block.mark == "whole")
    # A line such as `# now = "latest"` shows a key that has no default.
    told = tomllib.loads(re.sub(r"^# (\w+ = )", r"\1", whole, flags=re.M))
    config = Config.model_validate(told)
    assert set(told) == set(Config.model_fields) - {"relationships", "graph"}  # existing-graph.md has the latter
    for name in ("store", "embed", "evaluate", "publish"):
        hold_defaults(told[name], type(getattr(config, name))())
    assert {key for load in told["load"] for key in load} == set(LoadSection.model_fields)
    assert TypeAdapter(SplitSettings).validate_python(told["split"]) == SplitSettings()
    assert set(told["split"]) == set(vars(SplitSettings()))
    train, defaults = told["train"], ModelSettings()
    ModelSettings.model_validate({key: value for key, value in train.items() if key not in ("seed", "device", "track")})
    assert set(train) == {*ModelSettings.model_fields, "seed", "device", "track"}
    assert tuple(train["parts"]) == defaults.parts
    hold_defaults(train["factors"], defaults.factors)
    hold_defaults(train["towers"], defaults.towers)
    hold_defaults(train["mixture"], defaults.mixture)


def hold_defaults(told: dict[str, Any], section: BaseModel) -> None:
    """Every key of a section is told, with its default where it has one."""
    assert set(told) == set(type(section).model_fields)
    for key, default in section.model_dump(mode="json").items():
        assert default is None or told[key] == default, key


def test_the_mappings_of_the_docs_can_be_read() -> None:
    shown = next(block for block in blocks(ROOT / "docs" / "configuration.md") if block.mark == "mapping")
    assert len(parse_mapping(tomllib.loads(shown.text), shown.place).relationships) == 2
    cofacts = ROOT / "docs" / "cofacts.toml"
    assert parse_mapping(tomllib.loads(cofacts.read_text(encoding="utf-8")), "cofacts.toml").nodes

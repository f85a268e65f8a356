"""Imports point one way: loaders → graph → training → queries → the face. And asking loads nothing heavy."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import graphfeed
from graphfeed import errors

ROOT = Path(__file__).resolve().parents[1]
ORDER = ("loaders", "graph", "training", "queries")
FACE = ROOT / "src" / "graphfeed"


def modules_of(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.py"))


def imported(source: str) -> Iterator[tuple[int, str]]:
    """Lines and names of what is imported, anywhere in a module, also inside functions and under TYPE_CHECKING."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, name.name) for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            name = "." * node.level + (node.module or "")
            yield node.lineno, name
            if name == "graphfeed":
                yield from ((node.lineno, f"graphfeed.{n.name}") for n in node.names)


def violations(folder: str, source: str) -> list[str]:
    allowed = {"errors", *ORDER[: ORDER.index(folder) + 1]}
    found = []
    for line, name in imported(source):
        if name.startswith("."):
            found.append(f"line {line}: relative import {name}")
        elif name.split(".")[0] in ORDER:
            found.append(f"line {line}: {name} would be anybody's folder of that name; write graphfeed.{name}")
        elif name.startswith("graphfeed.") and name.split(".")[1] not in allowed:
            found.append(f"line {line}: {name}")
    return found


@pytest.mark.parametrize("folder", ORDER)
def test_each_folder_imports_only_from_those_before_it(folder: str) -> None:
    files = modules_of(ROOT / folder)
    assert files
    found = {str(f.relative_to(ROOT)): v for f in files if (v := violations(folder, f.read_text(encoding="utf-8")))}
    assert found == {}


def test_errors_stand_below_all() -> None:
    assert [name for _, name in imported((FACE / "errors.py").read_text(encoding="utf-8"))] == ["__future__"]


@pytest.mark.parametrize(
    ("folder", "source"),
    [
        ("graph", "from graphfeed.training.links import Links"),
        ("loaders", "def f():\n    import graphfeed.graph.store"),
        ("graph", "from graphfeed import queries"),
        ("training", "from graphfeed.feed import Feed"),
        ("graph", "from .store import GraphStore"),
        ("training", "from loaders.records import Chunk"),
    ],
)
def test_a_wrong_import_is_found(folder: str, source: str) -> None:
    assert violations(folder, source)


def test_nothing_is_called_utils() -> None:
    names = {f.stem for folder in (*ORDER, "src/graphfeed") for f in modules_of(ROOT / folder)}
    assert not names & {"utils", "util", "helpers", "common", "base", "misc"}


def test_public_names_are_what_they_say() -> None:
    assert sorted(graphfeed.__all__) == graphfeed.__all__
    for name in graphfeed.__all__:
        assert getattr(graphfeed, name) is not None
    public = {n for n, thing in vars(errors).items() if isinstance(thing, type) and thing.__module__ == errors.__name__}
    assert public <= set(graphfeed.__all__)
    assert "Feed" in graphfeed.__all__


HEAVY = ("torch", "torch_geometric", "sklearn", "sentence_transformers", "transformers", "scipy", "networkx", "neo4j")

ASK = """
import sys
import graphfeed, graphfeed.cli
from graphfeed.queries import lookup
from tests.queries.toy import make_toy
from pathlib import Path
with make_toy(Path(sys.argv[1])):
    pass
with graphfeed.open(sys.argv[1]) as feed:
    assert [r.id for r in feed.recommend("ann", 2)] == ["bread2", "bread3"]
    assert feed.status()["nodes"]["User"] == 4
print([name for name in sys.argv[2:] if name in sys.modules])
"""


def test_asking_loads_nothing_heavy(tmp_path: Path) -> None:
    command = [sys.executable, "-c", ASK, str(tmp_path / "feed"), *HEAVY]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"

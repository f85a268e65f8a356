"""Addresses of Neo4j databases, and where their workspaces are."""

from __future__ import annotations

from pathlib import Path

import pytest

from graphfeed.errors import StoreError
from graphfeed.graph.neo4j.address import Address, Credentials


@pytest.mark.parametrize(
    ("text", "uri", "database"),
    [
        ("neo4j://host", "neo4j://host:7687", None),
        ("neo4j://host:1234", "neo4j://host:1234", None),
        ("bolt://host:7687/", "bolt://host:7687", None),
        ("neo4j+s://a.b.example/people", "neo4j+s://a.b.example:7687", "people"),
        ("bolt+ssc://[::1]:7000/my.data-base", "bolt+ssc://[::1]:7000", "my.data-base"),
    ],
)
def test_addresses(text: str, uri: str, database: str | None) -> None:
    address = Address.parse(text)
    assert (address.uri, address.database) == (uri, database)
    assert Address.parse(address.location) == address


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("neo4j://ann:hunter2@host", "NEO4J_USERNAME and NEO4J_PASSWORD, and the address as neo4j://host:7687"),
        ("neo4j://ann@host", "NEO4J_PASSWORD"),
        ("neo4j://:hunter2@host:1/db", "NEO4J_PASSWORD"),
        ("http://host:7474", "no kind of store is called http://"),
        ("neo4j://", "expected neo4j://host:7687"),
        ("neo4j://host:hunter2", "expected neo4j://host:7687"),
        ("neo4j://host/a/b", "expected"),
        ("neo4j://host/a`b", "expected"),
        ("neo4j://host?x=1", "expected"),
        ("neo4j://line\u2028separator", "names no host that can be"),
        ("neo4j://" + "a" * 70, "names no host that can be"),
    ],
)
def test_what_is_no_address(text: str, sentence: str) -> None:
    with pytest.raises(StoreError) as found:
        Address.parse(text)
    assert sentence in str(found.value)
    assert "hunter2" not in str(found.value)


def test_workspaces_are_apart(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("GRAPHFEED_WORKSPACE", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    folder = Address.parse("neo4j://host:1234").workspace("neo4j")
    assert folder == tmp_path / "graphfeed" / "stores" / "host_1234_neo4j"
    monkeypatch.setenv("GRAPHFEED_WORKSPACE", str(tmp_path / "here"))
    assert Address.parse("neo4j://host:1234").workspace("neo4j") == tmp_path / "here"


def test_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEO4J_USERNAME", "ann")
    monkeypatch.setenv("NEO4J_PASSWORD", "hunter2")
    found = Credentials.find(Address.parse("neo4j://host"))
    assert found == Credentials("ann", "hunter2")
    assert "hunter2" not in repr(found)
    monkeypatch.delenv("NEO4J_PASSWORD")
    assert Credentials.find(Address.parse("neo4j://host")) is None

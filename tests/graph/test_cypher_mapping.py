"""graphfeed's Cypher in the names of a graph that is there: every query, and what must never come through."""

from __future__ import annotations

import re
import tomllib
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphfeed.errors import ConfigError, QueryError
from graphfeed.graph.mapping.cypher import CypherMapping
from graphfeed.graph.mapping.names import literal, quote
from graphfeed.graph.mapping.parse import own_mapping, parse_graph
from graphfeed.graph.mapping.tokens import tokens_of
from graphfeed.graph.neo4j import statements
from graphfeed.graph.query_files import load_queries
from graphfeed.loaders.records import NODE_TYPES, RELATIONSHIP_TYPES

OTHER = """
[nodes.User]
label = "Member"
id = { property = "no", as = "integer" }
name = "called"
created_at = { property = "joined", as = "epoch_seconds" }

[nodes.Post]
label = ["Question", "Answer"]
id = { property = "key", as = "text" }
title = "headline"
created_at = { property = "day", as = "date" }

[[nodes.Entity]]
label = "Tag"
id = { property = "word", as = "text" }
kind = { value = "tag" }

[[nodes.Entity]]
label = "Field"
id = { property = "nr", as = "integer", prefix = "field-" }
name = "called"

[[relationships.LIKED]]
type = "RATED"
where = { property = "stars", at_least = 4 }
at = { property = "on", as = "epoch_millis" }

[[relationships.DISLIKED]]
type = "RATED"
where = { property = "stars", at_most = 2 }

[relationships.POSTED]
type = "WRITTEN_BY"
reversed = true

[relationships.FOLLOWS]
type = "FOLLOWED_BY"
reversed = true

[[relationships.MENTIONS]]
type = "TAGGED"

[[relationships.MENTIONS]]
type = "HOLDS"
reversed = true
"""
TEXTS = {
    **{name: query.text for name, query in load_queries("neo4j").items()},
    "counts": statements.counts(),
    **{
        f"columns {label}": statements.node_columns(label, ("id", *NODE_TYPES[label].properties))
        for label in NODE_TYPES
    },
    **{f"ids {label}": statements.internal_ids(label) for label in NODE_TYPES},
    **{f"grouped {t}": statements.grouped_relation(t, r.pairs[0][0], False) for t, r in RELATIONSHIP_TYPES.items()},
    **{f"plain {t}": statements.plain_relation(t, r.pairs[0][0], False) for t, r in RELATIONSHIP_TYPES.items()},
    "predictions": statements.create_predictions("RECOMMENDED"),
    "delete": statements.delete_predictions("MAY_LIKE"),
}
USER = {"label": "Member", "id": {"property": "no", "as": "integer"}}
POST = {"label": "Film", "id": {"property": "key", "as": "text"}}


def other() -> CypherMapping:
    return CypherMapping(parse_graph(tomllib.loads(OTHER), "here"))


def mapped(**relationships: Any) -> CypherMapping:
    entity = {"label": "Tag", "id": {"property": "word", "as": "text"}}
    nodes = {"User": USER, "Post": POST, "Entity": entity}
    return CypherMapping(parse_graph({"nodes": nodes, "relationships": relationships}, "here"))


def names_in(text: str) -> list[str]:
    """Names that stand as labels or types: after a colon or a | in a pattern."""
    found = []
    tokens = [t for t in tokens_of(text) if not t.silent]
    for before, token in pairwise(tokens):
        if before.text in (":", "|") and token.name is not None:
            found.append(token.name)
    return found


@pytest.mark.parametrize("name", TEXTS)
def test_its_own_names_leave_a_text_as_it_is(name: str) -> None:
    assert CypherMapping(own_mapping()).rewrite(TEXTS[name]) == TEXTS[name]


@pytest.mark.parametrize("name", TEXTS)
def test_no_role_is_left_where_all_are_renamed(name: str) -> None:
    text = other().rewrite(TEXTS[name])
    assert not {*names_in(text)} & {*NODE_TYPES, *RELATIONSHIP_TYPES}
    assert not re.search(r"\b[a-z]\w*\.`?(title|text|about|platform|url|count)\b", text)


def test_nodes_keys_and_properties() -> None:
    assert other().rewrite("MATCH (u:User {id: $user}) RETURN u.id AS id, u.name, u.about, u.text_vector") == (
        "MATCH (u:`Member` {`no`: toInteger($user)}) RETURN toString(u.`no`) AS id, u.`called`, (null), u.text_vector"
    )
    assert other().rewrite("MATCH (p:Post {id: x.y}) WHERE NOT p:Post RETURN p.title") == (
        "MATCH (p:`Question`|`Answer` {`key`: x.y}) WHERE NOT p:`Question`|`Answer` RETURN p.`headline`"
    )


def test_labels_with_keys_of_their_own_are_each_asked_by_their_index() -> None:
    text = other().rewrite("MATCH (:Entity {id: $e}) RETURN 1")
    assert text == (
        "MATCH (gf_1:`Tag`|`Field` WHERE id(gf_1) IN COLLECT { MATCH (gf_node:`Tag` {`word`: $e}) RETURN id(gf_node) AS"
        " gf_id UNION ALL MATCH (gf_node:`Field` {`nr`: CASE WHEN $e STARTS WITH 'field-' THEN toInteger(substring($e,"
        " 6)) END}) RETURN id(gf_node) AS gf_id }) RETURN 1"
    )


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("(u:User)-[:POSTED]->(p:Post)", "(u:`Member`)<-[:`WROTE`]-(p:`Film`)"),
        ("(p:Post)<-[r:POSTED]-(u:User)", "(p:`Film`)-[r:`WROTE`]->(u:`Member`)"),
        ("(u)-[:POSTED]-(p)", "(u)-[:`WROTE`]-(p)"),
        ("(u)-[:SAVED|POSTED]->(p)", "(u)-[:`KEPT`|`WROTE`]-(p)"),
        ("(p)<-[:SAVED|POSTED]-(u)", "(p)-[:`KEPT`|`WROTE`]-(u)"),
        ("()-[r:POSTED]->()", "()-[r:`WROTE`]->()"),
        ("(u)-[:VIEWED|SAVED]->(p)", "(u)-[:`KEPT`]->(p)"),
        ("(u)-[:VIEWED]->(p)", "(u)-[:`graphfeed: no VIEWED`]->(p)"),
        ("(u)-[:RECOMMENDED]->(p)", "(u)-[:RECOMMENDED]->(p)"),
        ("(u)-[r]->(p)", "(u)-[r]->(p)"),
    ],
)
def test_relationships_and_their_direction(pattern: str, expected: str) -> None:
    mapping = mapped(POSTED={"type": "WROTE", "reversed": True}, SAVED={"type": "KEPT"})
    assert mapping.rewrite(f"MATCH {pattern} RETURN 1") == f"MATCH {expected} RETURN 1"


def test_conditions_and_values_by_type() -> None:
    text = other().rewrite("MATCH (u)-[r:LIKED|DISLIKED|POSTED]->(p) RETURN r.at, r.rank")
    condition = (
        "(type(r) = 'WRITTEN_BY') OR (type(r) = 'RATED' AND r.`stars` >= 4) OR (type(r) = 'RATED' AND r.`stars` <= 2)"
    )
    assert f"-[r:`RATED`|`WRITTEN_BY` WHERE {condition}]-(p)" in text
    assert "WHEN type(r) = 'RATED' AND r.`stars` >= 4 THEN (CASE WHEN r.`on` IS NOT NULL" in text
    assert text.endswith(", r.rank")


def test_strings_comments_and_parameters_are_left_alone() -> None:
    text = (
        "// (u:User)-[:LIKED]->(p:Post)\nRETURN '(u:User {id: 1})' AS `u:User`, \"it's (p:Post)\", $User /* :LIKED */"
        " , {id: $x, User: 1}"
    )
    assert other().rewrite(text) == text


def test_what_cannot_be_turned_is_refused() -> None:
    for text in (
        "MATCH (u:User)-[:LIKED*1..2]->(p)",
        "MATCH (u:User {name: 'x'})",
        "MATCH (u)-[:LIKED {at: 1}]->(p)",
        "MATCH (u:User&Post)",
    ):
        with pytest.raises(QueryError, match="cannot be turned"):
            other().rewrite(text)


ODD = ["a`b", "x`) DETACH DELETE n //", "it's", 'say "so"', "für 日本", "two words", "$p", "{x}", "a;b", "/*", "``"]


@pytest.mark.parametrize("name", ODD)
def test_odd_names_stay_one_name(name: str) -> None:
    user = {"label": name, "id": {"property": name, "as": "text"}, "name": name}
    data = {"nodes": {"User": user, "Post": POST}, "relationships": {"LIKED": {"type": name, "reversed": True}}}
    text = CypherMapping(parse_graph(data, "here")).rewrite("MATCH (u:User {id: $u})-[:LIKED]->(p) RETURN u.name")
    plain = CypherMapping(
        mapping=parse_graph({**data, "nodes": {"User": {**user, "label": "L"}, "Post": POST}}, "here")
    )
    assert len(tokens_of(text)) == len(tokens_of(plain.rewrite("MATCH (u:User {id: $u})-[:LIKED]->(p) RETURN u.name")))
    assert [t.name for t in tokens_of(text) if t.kind == "quoted"] == [name] * 4


@pytest.mark.parametrize("name", ["\\u0060", "a\\", "", "a\nb", "a\x00b"])
@pytest.mark.parametrize("place", ["label", "key", "property", "type", "value", "prefix", "condition"])
def test_names_that_could_break_out_are_refused(name: str, place: str) -> None:
    if name == "" and place in ("value", "prefix", "condition"):
        return
    user = {
        "label": name if place == "label" else "L",
        "id": {"property": name if place == "key" else "k", "as": "text", "prefix": name if place == "prefix" else ""},
        "name": {"value": name} if place == "value" else name if place == "property" else "n",
    }
    where = {"property": "p", "equals": name if place == "condition" else "x"}
    like = {"type": name if place == "type" else "T", "where": where}
    with pytest.raises(ConfigError, match="cannot be used here"):
        parse_graph({"nodes": {"User": user, "Post": POST}, "relationships": {"LIKED": like}}, "here")


@given(st.text())
def test_a_text_is_the_sum_of_its_tokens(text: str) -> None:
    assert "".join(token.text for token in tokens_of(text)) == text


@given(st.text(alphabet=st.characters(blacklist_characters="\\", blacklist_categories=("Cc", "Cs")), min_size=1))
def test_quoted_names_and_literals_are_one_token(text: str) -> None:
    assert [token.kind for token in tokens_of(quote(text))] == ["quoted"]
    assert [token.kind for token in tokens_of(literal(text))] == ["string"]
    assert tokens_of(quote(text))[0].name == text


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"node": {}}, "unknown key 'node': did you mean 'nodes'?"),
        ({"nodes": {"Users": USER}}, "unknown key 'Users': did you mean 'User'?"),
        ({"nodes": {"User": {**USER, "nam": "x"}}}, r"\[graph.nodes.User\]: unknown key 'nam': did you mean 'name'?"),
        ({"nodes": {"User": {"label": "X"}}}, "the key 'id' is missing"),
        ({"nodes": {"User": USER}}, "needs at least User and Post"),
        ({"nodes": {"User": {**USER, "created_at": {"property": "x", "as": "months"}}}}, "created_at.as"),
        ({"nodes": {"User": {**USER, "name": {"property": "x", "as": "date"}}}}, "name is no time"),
        ({"nodes": {"User": USER, "Post": USER}}, "plays User and Post"),
        ({"nodes": {"User": {**USER, "label": "Generation"}, "Post": POST}}, "graphfeed's own"),
        ({"nodes": {"User": USER, "Post": POST}, "relationships": {"LIKED": {"type": "TRENDING"}}}, "graphfeed's own"),
        ({"nodes": {"User": USER, "Post": POST}, "relationships": {"MENTIONS": {"type": "T"}}}, "graph.nodes.Entity"),
        (
            {
                "nodes": {"User": USER, "Post": POST},
                "relationships": {"LIKED": {"type": "T", "where": {"property": "x"}}},
            },
            "expected one of at_least",
        ),
        (
            {
                "nodes": {"User": USER, "Post": POST},
                "relationships": {"FOLLOWS": {"type": "A"}, "BLOCKED": {"type": "B", "reversed": True}},
            },
            "one direction",
        ),
    ],
)
def test_mappings_that_cannot_be(data: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message.replace("?", r"\?").replace("[graph", "[graph")):
        parse_graph(data, "graphfeed.toml")

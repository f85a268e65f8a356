"""The toy community of ``tests.queries.toy`` in another shape, as somebody else's application might keep it in Neo4j.

Everything is called differently, questions and answers are two labels, authorship and following point the other way,
what people did is one type with stars, and times are numbers. Beside it stand nodes and relationships that bear the
names of graphfeed's own roles and mean something else.
"""

from __future__ import annotations

from typing import Any

from tests.neo4j_emptied import ask
from tests.neo4j_fixture import Neo4jServer
from tests.queries.toy import EDGES, ENTITIES, POSTS, START, USERS, _day

MAPPING = """
[graph.nodes.User]
label = "Member"
id = "login"
name = "called"

[[graph.nodes.Post]]
label = "Question"
id = "slug"
title = "headline"
text = "body"
kind = { value = "question" }
created_at = "asked"

[[graph.nodes.Post]]
label = "Answer"
id = "slug"
text = "body"
kind = { value = "answer" }
created_at = { property = "given", as = "datetime" }

[graph.nodes.Entity]
label = "Tag"
id = "word"
name = "shown"
kind = { value = "tag" }

[graph.relationships.LIKED]
type = "DID"
where = { property = "stars", at_least = 5 }
at = { property = "on", as = "epoch_millis" }

[graph.relationships.SAVED]
type = "DID"
where = { property = "stars", equals = 4 }
at = "on"

[graph.relationships.VIEWED]
type = "DID"
where = [{ property = "stars", above = 2 }, { property = "stars", below = 4 }]
at = "on"
count = "times"

[graph.relationships.HID]
type = "DID"
where = { property = "stars", one_of = [1] }
at = "on"

[graph.relationships.POSTED]
type = "WRITTEN_BY"
reversed = true
at = "on"

[graph.relationships.FOLLOWS]
type = "FOLLOWED_BY"
reversed = true
at = "on"

[graph.relationships.BLOCKED]
type = "BLOCKED_BY"
reversed = true
at = "on"
said_by = { value = "data" }

[graph.relationships.REPLIES_TO]
type = "ANSWERS"
kind = { value = "answer" }
at = "on"

[graph.relationships.LINKS_TO]
type = "SEE_ALSO"
kind = { value = "related" }
at = "on"

[graph.relationships.MENTIONS]
type = "TAGGED"
confidence = { value = 1.0 }
said_by = { value = "data" }

[graph.relationships.INTERESTED_IN]
type = "CARES_FOR"
weight = "how_much"
stated = { value = true }
"""
_STARS = {"LIKED": 5, "SAVED": 4, "VIEWED": 3, "HID": 1}
_NAMES = {
    "POSTED": "WRITTEN_BY",
    "FOLLOWS": "FOLLOWED_BY",
    "BLOCKED": "BLOCKED_BY",
    "REPLIES_TO": "ANSWERS",
    "LINKS_TO": "SEE_ALSO",
    "MENTIONS": "TAGGED",
    "INTERESTED_IN": "CARES_FOR",
}
_REVERSED = {"POSTED", "FOLLOWS", "BLOCKED"}
_PLACES = {"User": ("Member", "login"), "Post": ("Question|Answer", "slug"), "Entity": ("Tag", "word")}


def write_other_shape(server: Neo4jServer) -> None:
    """Fill an empty database."""
    for label, key in (("Member", "login"), ("Question", "slug"), ("Answer", "slug"), ("Tag", "word")):
        ask(server, f"CREATE CONSTRAINT IF NOT EXISTS FOR (n:{label}) REQUIRE n.{key} IS UNIQUE")
    ask(server, "UNWIND $rows AS r CREATE (:Member {login: r[0], called: r[1]})", rows=list(map(list, USERS.items())))
    for id_, (title, kind, day) in POSTS.items():
        at = None if _day(day) is None else (_day(day) or 0) // 10**6
        if kind == "question":
            text = "CREATE (:Question {slug: $id, headline: $title, body: $body, asked: $at})"
        else:
            text = "CREATE (:Answer {slug: $id, body: $body, given: datetime({epochSeconds: $at})})"
        ask(server, text, id=id_, title=title, body=f"{id_} text", at=at)
    ask(server, "UNWIND $rows AS r CREATE (:Tag {word: r[0], shown: r[1]})", rows=list(map(list, ENTITIES.items())))
    for type_, source, target, properties, rows in EDGES:
        for row in rows:
            _relationship(server, type_, source, target, dict(zip(["a", "b", *properties.split()], row, strict=True)))
    # What is called like graphfeed's own roles, and is something else.
    ask(server, "CREATE (u:User {id: 'ann', name: 'Not Ann'})-[:FOLLOWS]->(:User {id: 'bob'})")
    ask(
        server, "MATCH (m:Member {login: 'ann'}), (q:Question {slug: 'chess1'}) CREATE (m)-[:LIKED]->(q)<-[:POSTED]-(m)"
    )
    ask(server, "MATCH (m:Member {login: 'ann'}), (q:Question {slug: 'chess1'}) CREATE (m)-[:DID {stars: 2}]->(q)")


def _relationship(server: Neo4jServer, type_: str, source: str, target: str, row: dict[str, Any]) -> None:
    (label_a, key_a), (label_b, key_b) = _PLACES[source], _PLACES[target]
    properties: dict[str, Any] = {"on": None if row.get("at") is None else START // 1000}
    if type_ in _STARS:
        properties |= {"stars": _STARS[type_], "times": row["count"]}
    if "weight" in row:
        properties["how_much"] = row["weight"]
    name = _NAMES.get(type_, "DID")
    arrow = f"<-[r:{name}]-" if type_ in _REVERSED else f"-[r:{name}]->"
    ask(
        server,
        f"MATCH (a:{label_a} {{{key_a}: $a}}), (b:{label_b} {{{key_b}: $b}}) CREATE (a){arrow}(b) SET r = $properties",
        a=row["a"],
        b=row["b"],
        properties=properties,
    )

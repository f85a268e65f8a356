"""What `graphfeed browse` serves: the style; on a real server the pictures and the guide."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html import unescape
from typing import Any

import neo4j
import pytest
from tests.neo4j_emptied import empty
from tests.neo4j_fixture import Neo4jServer
from tests.queries.toy import make_toy, predictions

from graphfeed.errors import NotPublishedError, UnknownNodeError
from graphfeed.graph.mapping.parse import parse_graph
from graphfeed.graph.mapping.roles import GraphMapping
from graphfeed.graph.query_files import load_queries
from graphfeed.graph.schema import PREDICTED
from graphfeed.graph.store import GraphStore
from graphfeed.loaders.records import NODE_TYPES, RELATIONSHIP_TYPES
from graphfeed.queries.browser import find_subject, make_pages
from graphfeed.queries.browser.paste import literal, paste_text
from graphfeed.queries.browser.style import parse_style, read_style, style_for, write_style

ADDRESS = "http://localhost:7480"
FORM = {"dbms": "neo4j://neo4j@127.0.0.1:7687"}
NASTY = "o'br\\u0027ien \"}) DETACH DELETE (n) // $user </script><b>;\n"


# The style.


def test_the_style_knows_the_schema_and_nothing_else() -> None:
    style = parse_style(read_style())
    told = {tuple(selector.split(".")) for selector in style} - {("node",), ("relationship",)}
    labels = {("node", label) for label in (*NODE_TYPES, "Generation")}
    assert told == labels | {("relationship", type_) for type_ in (*RELATIONSHIP_TYPES, *PREDICTED)}


def test_predictions_are_broad_and_of_another_colour() -> None:
    style = parse_style(read_style())
    rules = {type_: style[f"relationship.{type_}"] for type_ in (*RELATIONSHIP_TYPES, *PREDICTED)}
    widths = {type_: int(rule["shaft-width"].removesuffix("px")) for type_, rule in rules.items()}
    assert min(widths[p] for p in PREDICTED) > 2 * max(widths[o] for o in RELATIONSHIP_TYPES)
    assert not {rules[p]["color"] for p in PREDICTED} & {rules[o]["color"] for o in RELATIONSHIP_TYPES}
    assert all("{rank}" in rules[p]["caption"] for p in PREDICTED)
    assert len({style[f"node.{label}"]["color"] for label in (*NODE_TYPES, "Generation")}) == 4


def test_the_style_is_written_as_browser_reads_it() -> None:
    text = read_style()
    assert "/*" not in text
    assert "//" not in text
    assert '"' not in text
    for line in text.splitlines():
        assert re.fullmatch(r"[\w.]+ \{|\}|  [\w-]+: (#[0-9A-F]{6}|\d+px|'[^':;]+');", line), line


# Values that are written out.


class _Mapped:
    """As much of a store as a text needs."""

    dialect = "neo4j"

    def __init__(self, mapping: GraphMapping | None = None) -> None:
        self.mapping = mapping

    def run(self, query: str) -> list[dict[str, bool]]:
        return [dict.fromkeys(load_queries("neo4j")[query].returns, True)]


def test_values_are_written_out_in_place_of_parameters() -> None:
    text = paste_text(_Mapped(), "interests", user="it's $limit", limit=3)  # type: ignore[arg-type]
    assert "{id: 'it\\'s $limit'}" in text
    assert text.endswith("LIMIT 3")
    assert not text.startswith("//")


def test_a_graph_with_labels_of_its_own_is_drawn_with_them() -> None:
    films = parse_graph(
        {
            "nodes": {
                "User": {"label": "Person", "id": "no", "name": "nick"},
                "Post": {"label": "Movie", "id": "movieId", "title": "text", "text": "plot"},
            },
            "relationships": {"LIKED": {"type": "RATED"}, "DISLIKED": {"type": "RATED"}},
        },
        "the test",
    )
    store: Any = _Mapped(films)
    assert "(u:`Person` {`no`: 'ann'})" in paste_text(store, "neighbourhood", user="ann", limit=3)
    style, plain = style_for(store), parse_style(read_style())
    assert style["node.Person"] == plain["node.User"] | {"caption": "{nick}"}
    assert style["node.Movie"] == plain["node.Post"] | {"caption": "{text} {plot}"}
    assert style["relationship.RATED"] == plain["relationship.LIKED"]
    assert "node.User" not in style
    assert parse_style(write_style(style)) == style


# On a real server.


@pytest.fixture(scope="module")
def store(neo4j_server: Neo4jServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GraphStore]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("NEO4J_USERNAME", neo4j_server.username)
        patched.setenv("NEO4J_PASSWORD", neo4j_server.password)
        patched.setenv("GRAPHFEED_WORKSPACE", str(tmp_path_factory.mktemp("workspace")))
        with make_toy(empty(neo4j_server)) as made:
            yield made


def steps(rows: list[dict[str, Any]]) -> set[tuple[str, ...]]:
    """Every relationship of the drawn paths: from, type, to, in the order of the path."""
    found = set()
    for row in rows:
        nodes = [node["id"] for node in row["way"]["_nodes"]]
        for i, step in enumerate(row["way"]["_rels"]):
            found.add((nodes[i], step["_label"], nodes[i + 1]))
    return found


def test_a_persons_picture(store: GraphStore) -> None:
    assert steps(store.run("neighbourhood", user="ann", limit=9)) == {
        ("ann", "LIKED", "bread1"),
        ("ann", "VIEWED", "oven"),
        ("ann", "POSTED", "ask"),
        ("ann", "RECOMMENDED", "bread2"),
        ("ann", "RECOMMENDED", "bread3"),
        ("ann", "RECOMMENDED", "chess1"),
        ("ann", "FOLLOWS", "bob"),
        ("bob", "POSTED", "bread3"),
        ("bread2", "MENTIONS", "bread"),
        ("bread", "MENTIONS", "bread1"),
    }
    assert len([s for s in steps(store.run("neighbourhood", user="ann", limit=1)) if s[1] == "RECOMMENDED"]) == 1
    assert steps(store.run("neighbourhood", user="mallory", limit=9)) == {("mallory", "POSTED", "spam")}
    assert store.run("neighbourhood", user="nobody", limit=9) == []


def test_a_recommendations_paths(store: GraphStore) -> None:
    rows = store.run("recommendation_paths", user="ann", post="bread2")
    assert steps(rows) == {
        ("ann", "RECOMMENDED", "bread2"),
        ("ann", "LIKED", "bread1"),
        ("bread1", "LIKED", "bob"),
        ("bob", "SAVED", "bread2"),
    }
    assert {(row["reason"], row["share"]) for row in rows} == {("recommended", None), ("people_like_you", 0.75)}
    assert store.run("recommendation_paths", user="ann", post="fresh") == []


REASONS = [
    ({"type": "followed_author", "share": 0.5, "path": ["ann", "bob", "bread3"]}, {"FOLLOWS", "POSTED"}),
    ({"type": "interest", "share": 0.5, "path": ["ann", "rye", "bread3"]}, {"INTERESTED_IN", "MENTIONS"}),
    ({"type": "linked", "share": 0.5, "path": ["ann", "bread1", "bread3"]}, {"LIKED", "LINKS_TO"}),
    ({"type": "linked", "share": 0.5, "path": ["ann", "bread1", "bob", "bread1", "bread3"]}, {"LIKED", "LINKS_TO"}),
    ({"type": "similar_text", "share": 0.5, "path": ["ann", "bread1", "bread3"]}, {"LIKED", "LINKS_TO", "SIMILAR_TO"}),
    ({"type": "new", "share": 0.5, "path": ["bread3"]}, set()),
    ({"type": "about_you", "share": 0.5, "path": ["ann", "bread3"]}, set()),
]


def test_each_kind_of_reason_is_drawn(store: GraphStore, neo4j_server: Neo4jServer) -> None:
    for reason, types in REASONS:
        rows = predictions([("ann", "bread3", 4)], "g2", [reason])
        with neo4j.GraphDatabase.driver(
            neo4j_server.uri, auth=(neo4j_server.username, neo4j_server.password)
        ) as driver:
            driver.execute_query(
                "MATCH (:User {id: 'ann'})-[r:RECOMMENDED {generation: 'g2'}]->(:Post {id: 'bread3'})"
                " SET r.reasons = $reasons",
                reasons=rows["reasons"][0].as_py(),
            )
        drawn = {step[1] for step in steps(store.run("recommendation_paths", user="ann", post="bread3"))}
        assert drawn == types | {"RECOMMENDED"}, reason


@pytest.mark.parametrize(
    "odd", ['say "bread"', "back\\slash", '\\"', "a\\", '", "', "麵包店", "o'clock", NASTY.replace("\n", "")]
)
def test_odd_ids_are_drawn_as_publishing_writes_them(store: GraphStore, neo4j_server: Neo4jServer, odd: str) -> None:
    words = [json.dumps(id_, ensure_ascii=False) for id_ in ("ann", odd, "bread3")]
    reasons = f'[{{"type": "followed_author", "share": 0.5, "path": [{", ".join(words)}]}}]'
    with neo4j.GraphDatabase.driver(neo4j_server.uri, auth=(neo4j_server.username, neo4j_server.password)) as driver:
        driver.execute_query(
            "MATCH (u:User {id: 'ann'})-[r:RECOMMENDED {generation: 'g2'}]->(p:Post {id: 'bread3'})"
            " SET r.reasons = $reasons CREATE (u)-[:FOLLOWS]->(:User {id: $odd})-[:POSTED]->(p)",
            reasons=reasons,
            odd=odd,
        )
        drawn = steps(store.run("recommendation_paths", user="ann", post="bread3"))
        driver.execute_query(
            "MATCH (:User {id: 'ann'})-[r:RECOMMENDED {generation: 'g2'}]->(:Post {id: 'bread3'}) SET r.reasons = '[]'"
            " WITH r MATCH (u:User {id: $odd}) DETACH DELETE u",
            odd=odd,
        )
    assert drawn == {("ann", "RECOMMENDED", "bread3"), ("ann", "FOLLOWS", odd), (odd, "POSTED", "bread3")}


@pytest.mark.parametrize("value", [NASTY, "\\u0027", "\\\\", "é\u2028", "`", "*/ /*", "\t\b\f\r"])
def test_a_value_that_is_written_out_is_the_value(store: GraphStore, value: str) -> None:
    assert store.cypher(f"RETURN {literal(value)} AS value") == [{"value": value}]


def test_captions_fit_the_graph(store: GraphStore) -> None:
    style = style_for(store)
    assert style["node.User"]["caption"] == "{name}"
    assert style["node.Post"]["caption"] == "{title} {text}"  # one post of the toy has no title
    assert style["node.Post"]["color"] == parse_style(read_style())["node.Post"]["color"]


def test_the_guides_queries_and_the_saved_ones_run(store: GraphStore) -> None:
    subject = find_subject(store, "ann")
    assert (subject.name, subject.post, subject.title) == ("Ann Example", "bread2", "Second rise")
    pages = make_pages(store, subject, ADDRESS, FORM)
    guide = pages["/guide.html"][1].decode()
    runnable = [unescape(text) for text in re.findall(r'<pre class="[^"]*runnable">(.*?)</pre>', guide, re.S)]
    saved = [one["content"] for one in seed_of(pages)["documents"] if ":" not in one["content"].split("\n")[1][:1]]
    assert (len(runnable), len(saved)) == (7, 10)
    for text in (*runnable, *saved):
        assert store.cypher(text) or "SIMILAR_TO" in text, text  # the toy has posts like bread1 alone
    assert "Ann Example" in guide
    assert "75%" in guide
    assert "$" not in re.sub(r"<pre.*?</pre>", "", guide, flags=re.S)


def seed_of(pages: dict[str, tuple[str, bytes]]) -> dict[str, Any]:
    """What the start page puts into Browser's storage."""
    found = re.search(r'id="seed">(.*?)</script>', pages["/start"][1].decode(), re.S)
    assert found is not None
    return json.loads(found[1])  # type: ignore[no-any-return]


def test_the_start_page_draws_a_person_or_opens_the_guide(store: GraphStore) -> None:
    subject = find_subject(store, "ann")
    seed = seed_of(make_pages(store, subject, ADDRESS, FORM))
    assert store.cypher(seed["settings"]["initCmd"])
    assert seed["open"] == "/browser/?dbms=neo4j://neo4j@127.0.0.1:7687"
    assert seed["grass"]["relationship.RECOMMENDED"]["caption"] == "no. {rank}"
    guided = seed_of(make_pages(store, subject, ADDRESS, FORM, draw=False))
    assert guided["settings"]["initCmd"] == f":guide {ADDRESS}/guide.html"
    assert guided["guides"][0]["identifier"] == f"{ADDRESS}/guide.html"


def test_a_strange_id_stays_an_id(store: GraphStore, neo4j_server: Neo4jServer) -> None:
    rename = "MATCH (u:User {id: $before}) SET u.id = $after, u.name = $after"
    with neo4j.GraphDatabase.driver(neo4j_server.uri, auth=(neo4j_server.username, neo4j_server.password)) as driver:
        driver.execute_query(rename, before="bob", after=NASTY)
        try:
            pages = make_pages(store, find_subject(store, NASTY), ADDRESS, FORM)
            guide = pages["/guide.html"][1].decode()
            for text in re.findall(r'<pre class="[^"]*runnable">(.*?)</pre>', guide, re.S):
                store.cypher(unescape(text))
            assert store.cypher(seed_of(pages)["settings"]["initCmd"])
            assert "<b>;" not in guide.replace("<b>Which", "")
            assert pages["/start"][1].count(b"</script>") == 2
        finally:
            driver.execute_query(rename, before=NASTY, after="bob")
            driver.execute_query("MATCH (u:User {id: 'bob'}) SET u.name = 'Bob Example'")


def test_nobody_and_nothing_predicted_are_said(store: GraphStore) -> None:
    with pytest.raises(UnknownNodeError, match="near: 'ann'"):
        find_subject(store, "an")
    with pytest.raises(NotPublishedError, match="graphfeed status"):
        find_subject(store, "mallory")
    assert find_subject(store).user == "ann"

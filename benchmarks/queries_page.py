"""docs/queries.md from the headers of queries/*.cypher and one run of each on a Neo4j server.

    graphfeed demo --store neo4j://127.0.0.1:7687         # the sample community, published
    graphfeed communities --store neo4j://127.0.0.1:7687  # writes them on the nodes; central does so, too
    graphfeed central --store neo4j://127.0.0.1:7687
    python -m benchmarks.queries_page --store neo4j://127.0.0.1:7687

Replaces what stands between the two marks of the page: purpose, parameters, columns, an example with its first row, and
the database hits of its PROFILE. Examples are about the person who did most and a post recommended to them.
"""

from __future__ import annotations

import argparse
import json
from datetime import UTC
from pathlib import Path
from typing import Any

import neo4j

from graphfeed.graph.neo4j.address import Address, Credentials
from graphfeed.graph.neo4j.store import Neo4jStore
from graphfeed.graph.query_files import Query, load_queries
from graphfeed.queries.browser import find_subject
from graphfeed.queries.browser.paste import literal

PAGE = Path(__file__).resolve().parents[1] / "docs" / "queries.md"
BEGIN, END = "<!-- queries -->", "<!-- /queries -->"

ORDER: dict[str, tuple[str, ...]] = {
    "Recommendations with reasons": ("recommend", "trending", "newest_eligible"),
    "Why was this recommended": ("explain", "explain_paths", "kept_back"),
    "People": ("people",),
    "Interests": ("interests",),
    "Similar posts": ("similar",),
    "Questions to the whole graph": (
        *("found", "person", "audience", "barred_readers", "decayed_posts", "decayed_posts_about", "decayed_entities"),
        *("latest_act", "communities", "community_topics", "central", "cold_counts", "cold_people", "cold_posts"),
        *("predicted_around", "find_entity"),
    ),
    "Pictures": ("neighbourhood", "recommendation_paths"),
}
REST = "What stands behind them"
FACE = {
    "recommend": 'feed.recommend("{user}")',
    "explain": 'feed.explain("{user}", "{post}")',
    "people": 'feed.people("{user}")',
    "interests": 'feed.interests("{user}")',
    "similar": 'feed.similar("{post}")',
    "audience": 'feed.who("{post}")',
    "decayed_posts": "feed.trending()",
    "decayed_entities": "feed.trending(entities=True)",
    "decayed_posts_about": 'feed.trending(entity="{entity}")',
    "communities": "feed.communities()",
    "central": "feed.central()",
    "cold_people": 'feed.cold("User")',
    "cold_posts": 'feed.cold("Post")',
}
"""What a program calls rather than the file, where there is such a method."""
_WIDE = 60


def main() -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--store", default="neo4j://127.0.0.1:7687")
    given = parser.parse_args()
    address = Address.parse(given.store)
    known = Credentials.find(address)
    auth = (known.user, known.password) if known else None
    with (
        Neo4jStore(given.store) as store,
        neo4j.GraphDatabase.driver(address.uri, auth=auth, notifications_min_severity="OFF") as driver,
    ):
        values = example_values(store)
        counts = store.counts()
        sections = []
        for title, queries in grouped().items():
            parts = [entry(query, values, *profile(driver, address, query, values)) for query in queries]
            sections.append("\n\n".join([f"## {title}", *parts]))
        version = driver.get_server_info().agent.removeprefix("Neo4j/")
    size = f"{sum(counts.nodes.values()):,} nodes and {sum(counts.relationships.values()):,} relationships"
    head = (
        f"Database hits and rows are those of one `PROFILE` on the sample community ({size}), Neo4j {version}, by"
        " `python -m benchmarks.queries_page`."
    )
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    PAGE.write_text("\n\n".join([before + BEGIN, wrap(head), *sections, END + after]), encoding="utf-8")
    print(f"wrote {PAGE.name}")


def grouped() -> dict[str, list[Query]]:
    """All queries that Neo4j has, in the order of what people want; what is in no group stands behind."""
    queries = load_queries("neo4j")
    groups = {title: [queries[name] for name in names] for title, names in ORDER.items()}
    named = {name for names in ORDER.values() for name in names}
    return {**groups, REST: [query for name, query in sorted(queries.items()) if name not in named]}


def example_values(store: Neo4jStore) -> dict[str, Any]:
    """A value for every parameter that a query may have."""
    subject = find_subject(store)
    (generation,) = store.run("active_generation")
    interests = store.run("interests", user=subject.user, limit=1)
    entity = interests[0]["id"] if interests else ""
    return {
        "user": subject.user,
        "post": subject.post,
        "id": subject.post,
        "depth": 30,
        "limit": 10,
        "generation": generation["id"],
        "live": False,
        "text": subject.name.partition(" ")[0].lower(),
        "users": [subject.user],
        "posts": [subject.post],
        "entities": [entity],
        "entity": entity,
        "now": int(generation["now"].replace(tzinfo=UTC).timestamp() * 1_000),
        "half_life": 604_800,
        "label": "Post",
        "community": 0,
        "few": 20,
    }


def profile(
    driver: neo4j.Driver, address: Address, query: Query, values: dict[str, Any]
) -> tuple[list[neo4j.Record], int]:
    """The rows of a query and the database hits of all its operators."""
    given = {name: values[name] for name in query.params}
    rows, summary, _ = driver.execute_query(
        "PROFILE " + query.text,  # type: ignore[arg-type]  # our own files
        given,
        database_=address.database,
        routing_=neo4j.RoutingControl.READ,
    )
    return rows, _hits(summary.profile or {})


def entry(query: Query, values: dict[str, Any], rows: list[neo4j.Record], hits: int) -> str:
    """One query's part of the page."""
    given = {name: values[name] for name in query.params}
    call = ", ".join([json.dumps(query.name), *(f"{name}={_python(value)}" for name, value in given.items())])
    lines = [f"### {query.name}", wrap(query.purpose)]
    facts = [
        f"- params: {_names(query.params)}",
        f"- returns: {_names(query.returns)}",
        f"- example: `feed.store.run({call})`",
    ]
    if query.name in FACE:
        facts.append(f"- all that graphfeed answers: `{FACE[query.name].format(**values)}`")
    facts.append(f"- profile: {hits:,} database hits, {len(rows):,} {'row' if len(rows) == 1 else 'rows'}")
    lines.append("\n".join(facts))
    if given:
        lines.append(
            _block("\n".join(f":param {name} => {_cypher(value)};" for name, value in given.items()), "cypher")
        )
    shown = _shown(rows)
    if shown:
        lines.append(_block(shown, "text"))
    return "\n\n".join(lines)


def _shown(rows: list[neo4j.Record]) -> str:
    """The first row, a column a line."""
    if not rows:
        return ""
    return "\n".join(f"{name:<14}{_short(value)}" for name, value in rows[0].items())


def _short(value: Any) -> str:
    if isinstance(value, neo4j.graph.Path):
        steps = [value.nodes[0].get("id")]
        for node, step in zip(value.nodes[1:], value.relationships, strict=True):
            steps.append(f"{step.type} {node.get('id')}")
        return " · ".join(steps)
    text = " ".join(str(value).split())
    return text if len(text) <= _WIDE else text[:_WIDE].rstrip() + "…"


def _hits(plan: dict[str, Any]) -> int:
    return int(plan.get("dbHits", 0)) + sum(_hits(child) for child in plan.get("children", []))


def _names(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "none"


def _python(value: Any) -> str:
    return json.dumps(value) if not isinstance(value, bool) else str(value)


def _cypher(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(literal, value))}]"
    return str(value).lower() if isinstance(value, bool) else literal(value)


def _block(text: str, language: str) -> str:
    return f"```{language}\n{text}\n```"


def wrap(text: str, most: int = 120) -> str:
    """A paragraph in lines that fit."""
    lines = [""]
    for word in text.split():
        if len(lines[-1]) + len(word) >= most:
            lines.append("")
        lines[-1] += (" " if lines[-1] else "") + word
    return "\n".join(lines)


if __name__ == "__main__":
    main()

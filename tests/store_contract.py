"""What every store promises. A store's own test module derives from ``StoreContract`` and says how it is opened.

The worlds are a few rows each, so that the right answer can be read off them.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pyarrow as pa
import pytest
from tests.store_contract_changes import ChangeContract
from tests.store_contract_scan import ScanContract
from tests.store_rows import ODD_TEXTS, SEEN, Open, links, nodes, publish

from graphfeed.errors import QueryError, StoreError
from graphfeed.graph.schema import PREDICTED
from graphfeed.graph.store import NO_TIME, GraphStore
from graphfeed.loaders.records import NODE_TYPES, RELATIONSHIP_TYPES

__all__ = ["SEEN", "Open", "StoreContract", "links", "nodes", "publish"]


class StoreContract(ChangeContract, ScanContract):
    """Derive from it beside a fixture ``open_again``: a function that opens one more handle on an empty store."""

    @pytest.fixture
    def store(self, open_again: Open) -> GraphStore:
        """An empty store."""
        return open_again()

    @pytest.fixture
    def small(self, store: GraphStore) -> GraphStore:
        """Two users, two posts, ann liked p."""
        with store.change("a small world") as change:
            change.write_nodes("User", nodes("User", ["ann", "bo"], name=["Ann", "Bo"]))
            change.write_nodes("Post", nodes("Post", ["p", "q"], title=["P", "Q"]))
            change.write_relationships("LIKED", "User", "Post", links("LIKED", [("ann", "p")], at=[10]))
        return store

    # Reading back

    def test_empty_store_answers(self, store: GraphStore) -> None:
        counts = store.counts()
        assert set(counts.nodes) >= set(NODE_TYPES)
        assert set(counts.relationships) == set(RELATIONSHIP_TYPES) | set(PREDICTED)
        assert sum(counts.nodes.values()) + sum(counts.relationships.values()) == 0
        assert store.node_ids("User").to_pylist() == []
        assert store.read_nodes("Post", ["id", "title"]).num_rows == 0
        assert store.read_relation("LIKED") == []
        assert store.read_vectors("User", "text_vector") is None
        assert store.generations() == []
        assert store.cypher("MATCH (u:User) RETURN u.id AS id") == []

    def test_nodes_come_back_as_they_were_given(self, store: GraphStore) -> None:
        ids = [f"id {i} ü\x00" for i in range(len(ODD_TEXTS))]
        times = [0, -1, None, 1_600_000_000_123_456, 253_402_300_799_999_999, -62_135_596_800_000_000, 7]
        given = {
            "User": nodes("User", ids, name=ODD_TEXTS, about=ODD_TEXTS[::-1], account=ODD_TEXTS, created_at=times),
            "Post": nodes("Post", ids, title=ODD_TEXTS, text=ODD_TEXTS[::-1], kind=["question"] * 7, created_at=times),
            "Entity": nodes(
                "Entity", ids, name=ODD_TEXTS, aliases=[["a", "b,c"], [], None, [""], [None, "x"], ["é"], ["z"]]
            ),
        }
        with store.change("load") as change:
            for label, rows in given.items():
                written = change.write_nodes(label, rows)
                assert (written.kept, len(written.duplicates)) == (7, 0)
        for label, rows in given.items():
            columns = ["id", *NODE_TYPES[label].properties]
            assert store.read_nodes(label, columns).to_pylist() == _without_nulls(rows.select(columns).to_pylist())
            assert store.node_ids(label).to_pylist() == ids
            assert store.counts().nodes[label] == 7
        asked = store.cypher("MATCH (u:User) RETURN u.id AS id, u.name AS name, u.created_at AS at")
        wanted = given["User"].select(["id", "name", "created_at"]).to_pylist()
        assert sorted(asked, key=lambda r: ids.index(r["id"])) == [
            {"id": r["id"], "name": r["name"], "at": r["created_at"]} for r in wanted
        ]

    def test_every_relationship_type_comes_back(self, store: GraphStore) -> None:
        values: dict[pa.DataType, list[Any]] = {
            pa.timestamp("us"): [1_000_000, None],
            pa.int64(): [3, None],
            pa.float64(): [0.25, None],
            pa.bool_(): [True, None],
            pa.string(): ["said 'so'", None],
        }
        with store.change("load") as change:
            for label in NODE_TYPES:
                change.write_nodes(label, nodes(label, ["a", "b", "c"]))
            for name, definition in RELATIONSHIP_TYPES.items():
                for source, target in definition.pairs:
                    columns = {p: values[kind] for p, kind in definition.properties.items()}
                    written = change.write_relationships(
                        name, source, target, links(name, [("a", "b"), ("c", "a")], **columns)
                    )
                    assert (written.kept, len(written.duplicates), len(written.dangling)) == (2, 0, 0)
        for name, definition in RELATIONSHIP_TYPES.items():
            relations = store.read_relation(name)
            assert [(r.source_label, r.target_label) for r in relations] == list(definition.pairs)
            for relation in relations:
                assert relation.source.tolist() == [0, 2]
                assert relation.target.tolist() == [1, 0]
                assert relation.at.tolist() == (
                    [1_000_000, NO_TIME] if "at" in definition.properties else [NO_TIME] * 2
                )
                assert relation.count.tolist() == ([3, 1] if "count" in definition.properties else [1, 1])
                for column in relation.properties.column_names:
                    assert relation.properties[column].to_pylist() == values[definition.properties[column]]
                assert set(relation.properties.column_names) == set(definition.properties) - {"at", "count"}
            assert store.counts().relationships[name] == 2 * len(definition.pairs)
        assert store.cypher(
            "MATCH (a:User)-[r:SAVED]->(b:Post) RETURN a.id AS id, r.at AS at, r.count AS n ORDER BY id"
        ) == [
            {"id": "a", "at": datetime(1970, 1, 1, 0, 0, 1), "n": 3},
            {"id": "c", "at": None, "n": 1},
        ]

    def test_named_query(self, small: GraphStore) -> None:
        assert [row["title"] for row in small.run("post", id="q")] == ["Q"]
        assert small.run("post", id="nobody's") == []
        with pytest.raises(QueryError, match="missing"):
            small.run("post")
        with pytest.raises(QueryError, match="not known"):
            small.run("post", id="q", user="ann")
        with pytest.raises(QueryError, match="no query file"):
            small.run("no such query")

    def test_chunks_read_as_one(self, store: GraphStore) -> None:
        with store.change("load") as change:
            for start in range(0, 100, 10):
                change.write_nodes("User", nodes("User", [f"u{i}" for i in range(start, start + 10)]))
            change.write_nodes("Post", nodes("Post", ["p"]))
            for start in range(0, 100, 10):
                pairs = [(f"u{i}", "p") for i in range(start, start + 10)]
                assert change.write_relationships("LIKED", "User", "Post", links("LIKED", pairs)).kept == 10
        assert store.node_ids("User").to_pylist() == [f"u{i}" for i in range(100)]
        assert store.read_relation("LIKED")[0].source.tolist() == list(range(100))
        assert store.cypher("MATCH (:User)-[r:LIKED]->(:Post {id: 'p'}) RETURN count(*) AS n") == [{"n": 100}]

    # What a write does with its rows

    def test_duplicates_within_a_change(self, store: GraphStore) -> None:
        with store.change("load") as change:
            first = change.write_nodes("User", nodes("User", ["a", "b", "a"], name=["1", "2", "3"]))
            second = change.write_nodes("User", nodes("User", ["c", "b"], name=["4", "5"]))
            change.write_nodes("Post", nodes("Post", ["p"]))
            pairs = [("a", "p"), ("a", "p"), ("a", "p"), ("b", "p")]
            liked = change.write_relationships("LIKED", "User", "Post", links("LIKED", pairs, at=[1, 1, 2, None]))
            again = change.write_relationships("LIKED", "User", "Post", links("LIKED", pairs[2:], at=[2, None]))
        assert (first.kept, first.duplicates.tolist()) == (2, [2])
        assert (second.kept, second.duplicates.tolist()) == (1, [1])
        assert (liked.kept, liked.duplicates.tolist()) == (3, [1])
        assert (again.kept, again.duplicates.tolist()) == (0, [0, 1])
        assert store.read_nodes("User", ["id", "name"]).to_pylist() == [
            {"id": "a", "name": "1"},
            {"id": "b", "name": "2"},
            {"id": "c", "name": "4"},
        ]

    def test_dangling(self, store: GraphStore) -> None:
        with store.change("load") as change:
            change.write_nodes("User", nodes("User", ["a"]))
            change.write_nodes("Post", nodes("Post", ["p", "a"]))
            pairs = [("a", "p"), ("nobody", "p"), ("a", "nothing"), ("p", "a"), ("a", "a")]
            written = change.write_relationships("LIKED", "User", "Post", links("LIKED", pairs))
        assert (written.kept, written.dangling.tolist(), written.duplicates.tolist()) == (2, [1, 2, 3], [])
        assert store.counts().relationships["LIKED"] == 2

    def test_loading_twice_changes_nothing(self, store: GraphStore) -> None:
        def load() -> list[tuple[int, list[int], list[int]]]:
            with store.change("load") as change:
                written = [
                    change.write_nodes("User", nodes("User", ["a", "b", "a"], name=["A", None, "?"])),
                    change.write_nodes("Entity", nodes("Entity", ["x", "y"], aliases=[["q"], None])),
                    change.write_relationships(
                        "FOLLOWS", "User", "User", links("FOLLOWS", [("a", "b"), ("a", "b"), ("b", "z")], at=[1, 1, 1])
                    ),
                    change.write_relationships(
                        "RELATED_TO",
                        "Entity",
                        "Entity",
                        links("RELATED_TO", [("x", "y")] * 3, relation=["r", None, "r"]),
                    ),
                ]
            return [(w.kept, w.duplicates.tolist(), w.dangling.tolist()) for w in written]

        first, version, counts = load(), store.version(), store.counts()
        assert first == [(2, [2], []), (2, [], []), (1, [1], [2]), (2, [2], [])]
        assert load() == first
        assert store.counts() == counts
        assert store.version() == version

    def test_who_follows_twice_follows_once(self, small: GraphStore) -> None:
        for at in (1, 2):
            with small.change("again") as change:
                change.write_relationships("FOLLOWS", "User", "User", links("FOLLOWS", [("ann", "bo")], at=[at]))
        (relation,) = (r for r in small.read_relation("FOLLOWS") if len(r.source))
        assert relation.count.tolist() == [1.0] * len(relation.source)

    def test_rewritten_node_keeps_its_index(self, small: GraphStore) -> None:
        version = small.version()
        with small.change("again") as change:
            rows = nodes("User", ["cy", "ann", "bo"], name=["Cy", None, "Bo"], about=["new", "else", None])
            assert change.write_nodes("User", rows).kept == 3
        assert small.node_ids("User").to_pylist() == ["ann", "bo", "cy"]
        assert small.read_nodes("User", ["about", "name"]).to_pylist() == [
            {"about": "else", "name": None},  # all properties are replaced, also by null
            {"about": None, "name": "Bo"},
            {"about": "new", "name": "Cy"},
        ]
        assert small.cypher("MATCH (u:User {id: 'ann'}) RETURN u.name AS name, u.about AS about") == [
            {"name": None, "about": "else"}
        ]
        assert small.read_relation("LIKED")[0].source.tolist() == [0]
        assert small.version() != version

    def test_lists_that_differ_are_told_apart(self, store: GraphStore) -> None:
        versions: list[list[str | None] | None] = [["a", "b"], ["ab"], ["a\x1fb"], [], None, [None], [""], ["", ""]]
        for aliases in versions:
            with store.change("load") as change:
                change.write_nodes("Entity", nodes("Entity", ["x"], aliases=[aliases]))
            kept = None if aliases is None else [alias for alias in aliases if alias is not None]
            assert store.read_nodes("Entity", ["aliases"])["aliases"].to_pylist() == [kept]  # lists hold no nulls

    def test_implied_nodes(self, small: GraphStore) -> None:
        with small.change("pairs") as change:
            written = change.write_nodes("User", nodes("User", ["ann", "cy", "cy", "dee"]), implied=True)
            assert (written.kept, written.duplicates.tolist()) == (4, [])
            given = change.write_nodes("User", nodes("User", ["dee"], name=["Dee"]))
            assert (given.kept, given.duplicates.tolist()) == (1, [])
            change.write_nodes("User", nodes("User", ["dee"]), implied=True)
        assert small.read_nodes("User", ["id", "name"]).to_pylist() == [
            {"id": "ann", "name": "Ann"},
            {"id": "bo", "name": "Bo"},
            {"id": "cy", "name": None},
            {"id": "dee", "name": "Dee"},
        ]
        assert small.counts().nodes["User"] == 4

    def test_events_merge_into_relationships(self, store: GraphStore) -> None:
        with store.change("first") as change:
            change.write_nodes("User", nodes("User", ["a", "b"]))
            change.write_nodes("Post", nodes("Post", ["p"]))
            change.write_nodes("Entity", nodes("Entity", ["x", "y"]))
            pairs = [("b", "p"), ("a", "p"), ("a", "p"), ("b", "p")]
            rows = links("VIEWED", pairs, at=[None, 30, 20, None], count=[None, 2, None, 5])
            assert change.write_relationships("VIEWED", "User", "Post", rows).duplicates.tolist() == [3]
            change.write_relationships(
                "RELATED_TO", "Entity", "Entity", links("RELATED_TO", [("x", "y")] * 2, relation=["is", "has"])
            )
            change.write_relationships(
                "BLOCKED", "User", "User", links("BLOCKED", [("a", "b")] * 2, at=[7, 3], said_by=["first", "second"])
            )
        with store.change("second") as change:
            rows = links("VIEWED", [("a", "p"), ("a", "p"), ("b", "p")], at=[10, 30, 40], count=[4, 9, None])
            written = change.write_relationships("VIEWED", "User", "Post", rows)
            assert (written.kept, len(written.duplicates)) == (3, 0)
        viewed = store.read_relation("VIEWED")[0]
        assert viewed.source.tolist() == [1, 0]
        assert viewed.at.tolist() == [40, 10]
        assert viewed.count.tolist() == [2, 7]  # the event at 30 was there already: its 9 does not count
        blocked = store.read_relation("BLOCKED")[0]
        assert (blocked.at.tolist(), blocked.properties["said_by"].to_pylist()) == ([3], ["first"])
        assert store.read_relation("RELATED_TO")[0].properties["relation"].to_pylist() == ["is", "has"]
        counts = store.counts().relationships
        assert (counts["VIEWED"], counts["BLOCKED"], counts["RELATED_TO"]) == (2, 1, 2)
        assert store.cypher("MATCH (u:User)-[r:VIEWED]->() RETURN u.id AS id, r.count AS n ORDER BY id") == [
            {"id": "a", "n": 7},
            {"id": "b", "n": 2},
        ]

    @pytest.mark.parametrize(
        ("what", "write"),
        [
            ("label", lambda c: c.write_nodes("Robot", nodes("User", ["r"]))),
            ("type", lambda c: c.write_relationships("KICKED", "User", "Post", links("LIKED", [("ann", "p")]))),
            ("join", lambda c: c.write_relationships("LIKED", "Post", "User", links("LIKED", [("p", "ann")]))),
            ("columns", lambda c: c.write_nodes("User", nodes("User", ["r"]).drop_columns(["about"]))),
            ("id", lambda c: c.write_nodes("User", nodes("User", ["r", ""]))),
            ("id", lambda c: c.write_nodes("User", nodes("User", ["r", None]))),
            ("years", lambda c: c.write_nodes("User", nodes("User", ["r"], created_at=[2**62]))),
            ("stored", lambda c: c.write_nodes("User", _not_utf8())),
        ],
    )
    def test_rows_that_do_not_fit_are_refused(
        self, small: GraphStore, what: str, write: Callable[[Any], object]
    ) -> None:
        before = small.counts()
        with pytest.raises(StoreError, match=what), small.change("wrong") as change:
            write(change)
        assert small.counts() == before


def _without_nulls(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Lists hold no nulls: they are dropped on writing."""
    return [
        {name: [part for part in v if part is not None] if isinstance(v, list) else v for name, v in row.items()}
        for row in rows
    ]


def _not_utf8() -> pa.Table:
    """A surrogate of its own, as a careless decoder leaves it."""
    rows = nodes("User", ["r"])
    text = pa.array([b"\xed\xa0\x80"], pa.binary()).view(pa.string())
    return rows.set_column(rows.column_names.index("name"), "name", text)

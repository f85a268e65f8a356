"""What every store promises about its scan. Part of ``StoreContract``."""

from __future__ import annotations

import pyarrow as pa
import pytest
from tests.graph.exchange_world import IDS, LISTS, fill, load_first
from tests.store_rows import Open, links, nodes, publish

from graphfeed.errors import StoreError
from graphfeed.graph.scan import EVENTS, events_of_links
from graphfeed.graph.schema import PREDICTED
from graphfeed.graph.store import GraphStore
from graphfeed.loaders.records import NODE_TYPES, RELATIONSHIP_TYPES


class ScanContract:
    """Uses the fixtures of ``StoreContract``."""

    def test_scan_of_nothing(self, store: GraphStore) -> None:
        scan = store.scan()
        assert [rows.num_rows for label in NODE_TYPES for rows in scan.nodes(label) if rows.num_rows] == []
        assert [x for type_ in RELATIONSHIP_TYPES for x in scan.relationships(type_)] == []
        assert [x for type_ in PREDICTED for x in scan.predictions(type_)] == []
        assert scan.generations() == []
        assert scan.vectors("User", "text_vector") is None
        scan.check()

    def test_scan_gives_what_reading_gives(self, store: GraphStore) -> None:
        fill(store)
        scan = store.scan()
        for label, definition in NODE_TYPES.items():
            rows = [row for table in scan.nodes(label) for row in table.to_pylist()]
            assert rows == store.read_nodes(label, ["id", *definition.properties]).to_pylist()
        for type_ in RELATIONSHIP_TYPES:
            found = [row for links in scan.relationships(type_) for row in links.rows.to_pylist()]
            given = store.read_relation(type_)
            assert len(found) == sum(len(r.source) for r in given)
            for r in given:  # of one pair of labels each
                for end, label, places in (("source", r.source_label, r.source), ("target", r.target_label, r.target)):
                    ids = store.node_ids(label).to_pylist()
                    assert [row[end] for row in found] == [ids[place] for place in places]
                if "count" in found[0]:
                    assert [row["count"] for row in found] == r.count.tolist()
                for name in r.properties.column_names:
                    assert [row[name] for row in found] == r.properties[name].to_pylist()
        aliases = [alias for table in scan.nodes("Entity") for alias in table["aliases"].to_pylist()]
        assert aliases == LISTS
        assert [g.id for g in scan.generations()] == ["g'2", "g1"]
        for type_ in PREDICTED:
            assert sum(rows.num_rows for rows in scan.predictions(type_)) == 6
        scan.check()

    def test_scan_tells_events_apart(self, small: GraphStore) -> None:
        with small.change("views") as change:
            rows = links("VIEWED", [("ann", "p"), ("bo", "p"), ("ann", "p")], at=[30, 5, None], count=[2, None, 3])
            change.write_relationships("VIEWED", "User", "Post", rows)
        with small.change("more") as change:
            change.write_relationships("VIEWED", "User", "Post", links("VIEWED", [("ann", "p")], at=[10], count=[4]))
        (found,) = small.scan().relationships("VIEWED")
        at = found.rows[EVENTS].cast(pa.list_(pa.int64())).to_pylist()
        assert [e and set(e) for e in at] == [{None, 10, 30}, None]
        assert found.rows["count"].to_pylist() == [9, 1]
        events = events_of_links(found)
        assert sum(events["count"].to_pylist()[:3]) == 9
        version = small.version()
        with small.change("the same") as change:
            written = change.write_relationships("VIEWED", "User", "Post", events)
            assert (written.kept, len(written.duplicates)) == (4, 0)
        assert small.version() == version

    def test_scan_is_of_one_moment(self, small: GraphStore, open_again: Open) -> None:
        scan = small.scan()
        other = open_again()
        with other.change("more") as change:
            change.write_nodes("User", nodes("User", ["cy"]))
        ids = [id_ for rows in scan.nodes("User") for id_ in rows["id"].to_pylist()]
        if ids != ["ann", "bo"]:
            with pytest.raises(StoreError, match="changed while it was read"):
                scan.check()

    def test_scan_of_predictions_of_the_generations_there_are(self, small: GraphStore) -> None:
        for number, id_ in enumerate(["g1", "g2", "g3"]):
            publish(small, id_, [("ann", "p"), ("ann", "q")], number)
        found = [row for rows in small.scan().predictions("RECOMMENDED") for row in rows.to_pylist()]
        assert sorted((r["generation"], r["target"], r["rank"]) for r in found) == [
            ("g2", "p", 1),
            ("g2", "q", 2),
            ("g3", "p", 1),
            ("g3", "q", 2),
        ]

    def test_scan_puts_rewritten_nodes_in_their_place(self, store: GraphStore) -> None:
        for turn in range(3):
            with store.change("load") as change:
                for start in range(0, 30, 10):
                    ids = [f"u{i}" for i in range(start, start + 10 + turn * 5)]
                    names = [f"{i} {turn if i % (turn + 1) == 0 else 0}" for i in range(start, start + 10 + turn * 5)]
                    if turn == 0 or start == 20:
                        change.write_nodes("User", nodes("User", ids[::-1], name=names[::-1]))
        found = [row for rows in store.scan().nodes("User") for row in rows.to_pylist()]
        assert found == store.read_nodes("User", list(found[0])).to_pylist()
        assert [row["id"] for row in found] == store.node_ids("User").to_pylist()

    @pytest.mark.parametrize("label", NODE_TYPES)
    def test_scan_of_a_label(self, store: GraphStore, label: str) -> None:
        with store.change("load") as change:
            load_first(change)
        assert [id_ for rows in store.scan().nodes(label) for id_ in rows["id"].to_pylist()] == IDS

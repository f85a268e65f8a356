"""What every store promises about vectors, predictions, changes and readers. Part of ``StoreContract``."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from tests.store_rows import SEEN, Open, generation, links, nodes, predictions, publish

from graphfeed.errors import NotPublishedError, QueryError, StoreBusyError, StoreError
from graphfeed.graph.schema import PREDICTED
from graphfeed.graph.store import GraphStore


class ChangeContract:
    """Uses the fixtures of ``StoreContract``."""

    # Vectors

    def test_vectors(self, small: GraphStore) -> None:
        version = small.version()
        first = np.array([[1, 2, 3], [4, 5, 6]], dtype=np.float32)
        with small.change("embed") as change:
            change.write_vectors("User", "text_vector", first)
            change.write_vectors("Post", "text_vector", -first)
        np.testing.assert_array_equal(small.read_vectors("User", "text_vector"), first)
        with small.change("embed again") as change:
            change.write_vectors("User", "text_vector", first[:, :2] * 2)
        np.testing.assert_array_equal(small.read_vectors("User", "text_vector"), first[:, :2] * 2)
        np.testing.assert_array_equal(small.read_vectors("Post", "text_vector"), -first)
        assert small.read_vectors("User", "graph_vector") is None
        assert small.version() == version
        with small.change("more") as change:
            change.write_nodes("User", nodes("User", ["cy"]))
        np.testing.assert_array_equal(small.read_vectors("User", "text_vector"), [[2, 4], [8, 10], [0, 0]])

    @pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
    def test_vectors_must_be_finite(self, small: GraphStore, bad: float) -> None:
        with pytest.raises(StoreError, match="NaN or infinity"), small.change("embed") as change:
            change.write_vectors("User", "text_vector", np.array([[1, 2], [bad, 4]], dtype=np.float32))
        assert small.read_vectors("User", "text_vector") is None

    def test_vectors_need_a_row_per_node(self, small: GraphStore) -> None:
        with small.change("embed") as change:
            change.write_nodes("User", nodes("User", ["cy"]))
            with pytest.raises(StoreError, match="expected 3"):
                change.write_vectors("User", "text_vector", np.ones((2, 4), dtype=np.float32))

    def test_nearest(self, small: GraphStore) -> None:
        ids = ["a", "b", "c", "none", "d"]
        vectors = np.array([[1, 0], [3, 0], [2, 2], [0, 0], [-1, 0.5]], dtype=np.float32)
        with small.change("embed") as change:
            change.write_nodes("Entity", nodes("Entity", ids))
            change.write_vectors("Entity", "graph_vector", vectors)
        query = np.array([1, 0], dtype=np.float32)
        assert small.nearest("Entity", "graph_vector", query, 2) == [("b", 3.0), ("c", 2.0)]
        everything = [("b", 3.0), ("c", 2.0), ("a", 1.0), ("d", -1.0)]
        assert small.nearest("Entity", "graph_vector", query, 9) == everything
        odd = small.nearest("Entity", "graph_vector", query, 2, keep=lambda id_: id_ in "ad")
        assert odd == [("a", 1.0), ("d", -1.0)]
        assert small.nearest("Post", "graph_vector", query, 2) == []
        assert small.read_vector("Entity", "graph_vector", "c").tolist() == [2, 2]
        assert small.read_vector("Entity", "graph_vector", "none") is None
        assert small.read_vector("Entity", "graph_vector", "nobody") is None
        assert small.read_vector("Post", "graph_vector", "p") is None
        for label, name in (("User`) DETACH DELETE n //", "graph_vector"), ("User", "name")):
            with pytest.raises(StoreError, match="no vector"):
                small.nearest(label, name, query, 2)
            with pytest.raises(StoreError, match="no vector"):
                small.read_vector(label, name, "ann")
        with pytest.raises(StoreError, match="2 numbers a vector, found 3"):
            small.nearest("Entity", "graph_vector", np.ones(3, dtype=np.float32), 2)

    # Measures

    def test_measures(self, small: GraphStore) -> None:
        version = small.version()
        asked = "MATCH (u:User) RETURN u.id AS id, u.community AS community, u.pagerank AS pagerank ORDER BY id"
        with small.change("communities") as change:
            change.write_measures("User", _measures([7, 8], [0.5, 0.25]))
            change.write_measures("Post", _measures([7, 7], [0.125, 0.125]))
        with small.change("again") as change:
            change.write_measures("User", _measures([1, 0], [0.5, 0.25]))
        ann, bo = ({"id": "ann", "community": 1, "pagerank": 0.5}, {"id": "bo", "community": 0, "pagerank": 0.25})
        assert small.cypher(asked) == [ann, bo]
        assert small.version() == version
        with small.change("more") as change:
            change.write_nodes("User", nodes("User", ["ann", "cy"], name=["Anna", "Cy"]))
        assert small.cypher(asked) == [ann, bo, {"id": "cy", "community": None, "pagerank": None}]
        assert small.cypher("MATCH (p:Post) RETURN DISTINCT p.community AS c") == [{"c": 7}]

    def test_measures_of_a_change_that_fails_are_not_there(self, small: GraphStore) -> None:
        def interrupted() -> None:
            with small.change("communities") as change:
                change.write_measures("User", _measures([1, 2], [0.5, 0.5]))
                raise ValueError("no")

        with pytest.raises(ValueError, match="no"):
            interrupted()
        assert small.cypher("MATCH (u:User) WHERE u.community IS NOT NULL RETURN u.id AS id") == []

    def test_measures_need_a_row_per_node(self, small: GraphStore) -> None:
        for label, rows, what in (
            ("User", _measures([1], [0.5]), "expected 2 rows, found 1"),
            ("User", pa.table({"community": [1, 2]}), "lack the columns"),
            ("Robot", _measures([1], [0.5]), "no label"),
        ):
            with pytest.raises(StoreError, match=what), small.change("communities") as change:
                change.write_measures(label, rows)

    # Predictions

    def test_readers_see_the_active_generation(self, small: GraphStore) -> None:
        publish(small, "g1", [("ann", "p"), ("ann", "q")])
        assert [(r["user"], r["post"], r["rank"], r["reasons"]) for r in small.cypher(SEEN)] == [
            ("ann", "p", 1, '["g1"]'),
            ("ann", "q", 2, '["g1"]'),
        ]
        publish(small, "g2", [("bo", "q")], 2)
        assert [(r["generation"], r["user"], r["post"]) for r in small.cypher(SEEN)] == [("g2", "bo", "q")]
        assert [(g.id, g.active) for g in small.generations()] == [("g2", True), ("g1", False)]
        assert small.generations()[0].kinds == ("question", "article")
        assert small.generations()[1].created_at == 1_000_000
        assert small.counts().relationships["RECOMMENDED"] == 3

    def test_rollback(self, small: GraphStore) -> None:
        version = small.version()
        publish(small, "g1", [("ann", "p")])
        publish(small, "g2", [("bo", "q")], 2)
        with small.change("rollback") as change:
            assert change.rollback().id == "g1"
        assert [(r["generation"], r["user"]) for r in small.cypher(SEEN)] == [("g1", "ann")]
        assert [(g.id, g.active) for g in small.generations()] == [("g1", True)]
        assert small.counts().relationships["RECOMMENDED"] == 1
        with pytest.raises(NotPublishedError), small.change("rollback") as change:
            change.rollback()
        assert small.version() == version

    def test_third_generation_removes_the_first(self, small: GraphStore) -> None:
        for number, id_ in enumerate(["g1", "g2", "g3"]):
            publish(small, id_, [("ann", "p")] * 1, number)
        assert [g.id for g in small.generations()] == ["g3", "g2"]
        assert small.counts().relationships["RECOMMENDED"] == 2
        assert small.counts().nodes["Generation"] == 2
        assert [r["generation"] for r in small.cypher(SEEN)] == ["g3"]

    def test_all_predicted_types(self, small: GraphStore) -> None:
        with small.change("publish") as change:
            change.write_nodes("Entity", nodes("Entity", ["x"]))
            ends = {"User": "ann", "Post": "p", "Entity": "x", "Generation": "g1"}
            for name, (source, target) in PREDICTED.items():
                change.write_predictions(name, predictions("g1", [(ends[source], ends[target])]))
            change.activate(generation("g1"))
        assert {name: small.counts().relationships[name] for name in PREDICTED} == dict.fromkeys(PREDICTED, 1)
        assert small.cypher("MATCH (g:Generation {active: true})-[r:TRENDING]->(p:Post) RETURN p.id AS id") == [
            {"id": "p"}
        ]

    @pytest.mark.parametrize(
        ("what", "rows"),
        [
            ("'nobody'", predictions("g1", [("nobody", "p")])),
            ("NaN", predictions("g1", [("ann", "p")], score=float("nan"))),
            ("activate", predictions("g7", [("ann", "p")])),
        ],
    )
    def test_wrong_predictions_are_refused(self, small: GraphStore, what: str, rows: pa.Table) -> None:
        def write() -> None:
            with small.change("publish") as change:
                change.write_predictions("RECOMMENDED", rows)
                change.activate(generation("g1"))

        with pytest.raises(StoreError, match=what):
            write()
        assert small.generations() == []
        assert small.cypher(SEEN) == []

    def test_a_generation_is_published_once(self, small: GraphStore) -> None:
        publish(small, "g1", [("ann", "p")])
        with pytest.raises(StoreError, match="another id"):
            publish(small, "g1", [("bo", "p")])
        assert [r["user"] for r in small.cypher(SEEN)] == ["ann"]

    # Whole or not at all

    def test_aborted_change_leaves_everything(self, small: GraphStore) -> None:
        publish(small, "g1", [("ann", "p")])
        before = (small.counts(), small.version(), small.generations(), small.cypher(SEEN))

        def write() -> None:
            with small.change("half") as change:
                change.write_nodes("User", nodes("User", ["zed", "ann"], name=["Zed", "other"]))
                change.write_relationships("LIKED", "User", "Post", links("LIKED", [("zed", "p")]))
                change.write_vectors("User", "text_vector", np.ones((3, 2), dtype=np.float32))
                change.write_predictions("RECOMMENDED", predictions("g2", [("zed", "p")]))
                change.activate(generation("g2", 2))
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            write()
        assert (small.counts(), small.version(), small.generations(), small.cypher(SEEN)) == before
        assert small.node_ids("User").to_pylist() == ["ann", "bo"]
        assert small.read_nodes("User", ["name"])["name"].to_pylist() == ["Ann", "Bo"]
        assert small.read_vectors("User", "text_vector") is None
        with small.change("whole") as change:
            assert change.write_nodes("User", nodes("User", ["zed"])).kept == 1
        assert small.node_ids("User").to_pylist() == ["ann", "bo", "zed"]

    def test_second_writer_is_refused(self, small: GraphStore, open_again: Open) -> None:
        other = open_again()
        with small.change("the long load") as change:
            change.write_nodes("User", nodes("User", ["cy"]))
            with pytest.raises(StoreBusyError, match="the long load"), other.change("another"):
                pass
            with pytest.raises(StoreBusyError), small.change("nested"):
                pass
            assert other.node_ids("User").to_pylist() == ["ann", "bo"]
        with other.change("now") as change:
            change.write_nodes("User", nodes("User", ["dee"]))
        assert small.node_ids("User").to_pylist() == ["ann", "bo", "cy", "dee"]

    def test_readers_see_what_another_handle_wrote(self, small: GraphStore, open_again: Open) -> None:
        other = open_again()
        version, asked = other.version(), "MATCH (u:User) RETURN count(*) AS n"
        assert other.cypher(asked) == [{"n": 2}]
        with small.change("more") as change:
            change.write_nodes("User", nodes("User", ["cy"]))
            assert other.cypher(asked) == [{"n": 2}]
        assert other.cypher(asked) == [{"n": 3}]
        assert other.node_ids("User").to_pylist() == ["ann", "bo", "cy"]
        assert other.version() == small.version() != version

    def test_version(self, small: GraphStore, open_again: Open) -> None:
        seen = [small.version()]
        with small.change("a relationship") as change:
            change.write_relationships("LIKED", "User", "Post", links("LIKED", [("bo", "q")]))
        seen.append(small.version())
        with small.change("one more time of the same") as change:
            change.write_relationships("LIKED", "User", "Post", links("LIKED", [("bo", "q")], at=[3]))
        seen.append(small.version())
        assert len(set(seen)) == 3
        publish(small, "g1", [("ann", "p")])
        with small.change("nothing"):
            pass
        assert small.version() == seen[-1] == open_again().version()

    # A reader's own Cypher

    @pytest.mark.parametrize(
        "text",
        [
            "CREATE (:User {id: 'x'})",
            "MATCH (u:User) SET u.name = 'x'",
            "MATCH (u:User) DETACH DELETE u",
            "MATCH (u:User), (p:Post) MERGE (u)-[:LIKED]->(p)",
            "DROP TABLE User",
        ],
    )
    def test_cypher_cannot_write(self, small: GraphStore, text: str) -> None:
        with pytest.raises(QueryError):
            small.cypher(text)
        assert [r["name"] for r in small.cypher("MATCH (u:User) RETURN u.name AS name ORDER BY name")] == ["Ann", "Bo"]

    @pytest.mark.parametrize(
        "text", ["MATCH (u:Users", "RETURN nothing", "", "MATCH (u:User {id: $id}) RETURN u.id AS id"]
    )
    def test_cypher_that_cannot_run(self, small: GraphStore, text: str) -> None:
        with pytest.raises(QueryError):
            small.cypher(text)

    def test_cypher_takes_parameters(self, small: GraphStore) -> None:
        rows = small.cypher("MATCH (u:User) WHERE u.id IN $ids RETURN u.name AS name // $x; y", {"ids": ["bo", "x;y"]})
        assert rows == [{"name": "Bo"}]
        assert small.cypher("RETURN ';CREATE $y' AS text;") == [{"text": ";CREATE $y"}]

    def test_closed(self, open_again: Open) -> None:
        store = open_again()
        store.close()
        store.close()
        with pytest.raises(StoreError, match="closed"):
            store.counts()


def _measures(community: list[int], pagerank: list[float]) -> pa.Table:
    return pa.table({"community": community, "pagerank": pagerank})

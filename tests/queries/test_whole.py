"""Communities and importance: planted ones are found, written in one change, the same again; on both stores."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.queries.planted_town import ABOUT, BAKERS, PLAYERS, make_town
from tests.store_rows import links, nodes

from graphfeed.errors import ConfigError, StoreError
from graphfeed.graph.store import GraphStore, open_store
from graphfeed.graph.structure import MARK_FILE, communities_of, measure, pagerank_of, read_measure_mark
from graphfeed.graph.whole_graph import WholeGraph
from graphfeed.queries.whole import central, communities


def community_by_id(store: GraphStore, label: str) -> dict[str, int | None]:
    rows = store.cypher(f"MATCH (n:{label}) RETURN n.id AS id, n.community AS community")
    return {row["id"]: row["community"] for row in rows}


def test_two_groups_are_two_communities(town: GraphStore) -> None:
    version = town.version()
    found = communities(town)
    assert town.version() == version
    people = community_by_id(town, "User")
    assert len({people[person] for person in BAKERS}) == 1
    assert len({people[person] for person in PLAYERS}) == 1
    assert people["ada"] != people["dov"]
    assert people["gus"] is None
    posts = community_by_id(town, "Post")
    assert {posts[post] for post in ABOUT["chess"]} == {people["dov"]}
    assert (found.count, found.alone) == (2, 6)  # gus, four posts, one entity
    assert found.modularity > 0.3
    assert [one.people for one in found.communities] == [3, 3]
    about = {one.id: [entity.id for entity in one.about] for one in found.communities}
    assert about == {people["ada"]: ["bread"], people["dov"]: ["chess"]}
    members = {member.id for member in found.communities[0].members}
    assert members in (set(BAKERS), set(PLAYERS))


def test_the_most_important(town: GraphStore) -> None:
    people = central(town, "User")
    assert {people[0].id, people[1].id} == {"ada", "dov"}  # they wrote what all engage with
    assert [one.rank for one in people] == list(range(1, 8))
    assert people[-1].pagerank > 0
    together = sum(one.pagerank for label in ("User", "Post", "Entity") for one in central(town, label, 100))
    assert together == pytest.approx(1.0)
    assert [one.id for one in central(town, "Entity")][-1] == "lonely"


def test_the_numbers_are_those_of_networkx(town: GraphStore) -> None:
    """PageRank along the way of attention, by another library."""
    import networkx as nx

    graph = nx.DiGraph()
    ids = {label: town.node_ids(label).to_pylist() for label in ("User", "Post", "Entity")}
    graph.add_nodes_from((label, id_) for label, own in ids.items() for id_ in own)
    for type_ in ("LIKED", "VIEWED", "FOLLOWS", "MENTIONS", "POSTED"):
        for relation in town.read_relation(type_):
            for s, t in zip(relation.source.tolist(), relation.target.tolist(), strict=True):
                a = (relation.source_label, ids[relation.source_label][s])
                b = (relation.target_label, ids[relation.target_label][t])
                a, b = (b, a) if type_ == "POSTED" else (a, b)  # a post's importance is its author's
                graph.add_edge(a, b, weight=graph.get_edge_data(a, b, {"weight": 0})["weight"] + 1)
    expected = nx.pagerank(graph, alpha=0.85, tol=1e-12, max_iter=500)
    found = pagerank_of(WholeGraph.of(town))
    names = [(label, id_) for label, own in ids.items() for id_ in own]
    np.testing.assert_allclose(found, [expected[name] for name in names], atol=1e-6)


def test_by_posts_and_by_entities(town: GraphStore) -> None:
    by_posts = communities(town, label="Post", limit=1)
    assert (len(by_posts.communities), by_posts.count) == (1, 2)
    assert by_posts.communities[0].posts == 4  # bread is about the bakery too
    assert {member.kind for member in by_posts.communities[0].members} <= {"article", "question"}
    by_entities = communities(town, label="Entity")
    assert [len(one.members) for one in by_entities.communities] == [1, 1]
    assert by_entities.communities[0].about[0].kind in ("article", "question")


def test_nothing_is_written_again(town: GraphStore, monkeypatch: pytest.MonkeyPatch) -> None:
    first = measure(town)
    monkeypatch.setattr(type(town), "change", None)
    assert measure(town) == first
    assert read_measure_mark(town.workspace) == first


def test_the_same_graph_and_seed_give_the_same(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    people, posts = [f"u{i}" for i in range(300)], [f"p{i}" for i in range(300)]
    pairs = sorted({(f"u{rng.integers(300)}", f"p{rng.integers(300)}") for _ in range(1_500)})
    for name in ("a", "b"):
        with open_store(tmp_path / name, create=True) as store, store.change("load") as change:
            change.write_nodes("User", nodes("User", people))
            change.write_nodes("Post", nodes("Post", posts))
            change.write_relationships("LIKED", "User", "Post", links("LIKED", pairs))
    found = []
    for name in ("a", "b"):
        with open_store(tmp_path / name) as store:
            graph = WholeGraph.of(store)
            found += [communities_of(graph, seed) for seed in (5, 5, 6)]
    assert all(np.array_equal(found[0][0], other[0]) for other in (found[1], found[3], found[4]))
    assert not np.array_equal(found[0][0], found[2][0])
    sizes = np.bincount(found[0][0][found[0][0] >= 0])
    assert sizes.tolist() == sorted(sizes.tolist(), reverse=True)


def test_each_community_hangs_together(tmp_path: Path) -> None:
    import networkx as nx

    rng = np.random.default_rng(2)
    pairs = sorted({(f"u{rng.integers(80)}", f"u{rng.integers(80)}") for _ in range(90)})
    with open_store(tmp_path / "feed", create=True) as store:
        with store.change("load") as change:
            change.write_nodes("User", nodes("User", [f"u{i}" for i in range(80)]))
            change.write_relationships("FOLLOWS", "User", "User", links("FOLLOWS", pairs))
        found, _ = communities_of(WholeGraph.of(store))
        graph = nx.Graph(pairs)
        for number in range(int(found.max()) + 1):
            members = [f"u{i}" for i in np.flatnonzero(found == number)]
            assert nx.is_connected(graph.subgraph(members))


def test_a_changed_graph_is_measured_anew(tmp_path: Path) -> None:
    with make_town(tmp_path / "feed", vectors=False) as store:
        before = communities(store)
        assert len(before.communities) == 2
        with store.change("more") as change:
            change.write_nodes("User", nodes("User", ["hal", "ida"]))
            change.write_relationships("FOLLOWS", "User", "User", links("FOLLOWS", [("hal", "ida")]))
        assert community_by_id(store, "User")["hal"] is None
        assert communities(store).count == 3
        assert community_by_id(store, "User")["hal"] is not None
        assert communities(store, limit=1).count == 3


def test_an_empty_store_and_one_without_relationships(tmp_path: Path) -> None:
    with open_store(tmp_path / "feed", create=True) as store:
        assert communities(store).to_dict() == {"communities": [], "count": 0, "modularity": 0.0, "alone": 0}
        assert central(store) == []
        with store.change("load") as change:
            change.write_nodes("User", nodes("User", ["a", "b"]))
        assert (communities(store).count, communities(store).alone) == (0, 2)
        assert [one.pagerank for one in central(store)] == [0.5, 0.5]


def test_who_may_not_write_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with make_town(tmp_path / "feed", vectors=False) as store:
        monkeypatch.setattr(type(store), "refusal", lambda self, what: f"{what} writes, and this may only be read")
        with pytest.raises(StoreError, match="nothing was done: communities writes"):
            communities(store)
        assert not (store.workspace / MARK_FILE).exists()


def test_what_cannot_be_asked(town: GraphStore) -> None:
    with pytest.raises(ConfigError, match="found 'Robot'"):
        central(town, "Robot")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="1 or more"):
        communities(town, 0)

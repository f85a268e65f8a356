"""How two nodes hang together, on both stores: lengths, the rarer node first, what is never walked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.queries.planted_town import make_town
from tests.store_rows import links, nodes

from graphfeed.errors import ConfigError, UnknownNodeError
from graphfeed.graph.store import GraphStore, open_store
from graphfeed.queries.paths import paths


def ways(store: GraphStore, a: str, b: str, limit: int = 9, **options: object) -> list[list[str]]:
    return [[node.id for node in path.nodes] for path in paths(store, a, b, limit, **options)]  # type: ignore[arg-type]


def test_neighbours_and_what_joins_them(town: GraphStore) -> None:
    (path,) = paths(town, "ada", "loaf")
    assert path.to_dict() == {
        "length": 1,
        "nodes": [
            {"label": "User", "id": "ada", "name": "Ada Example"},
            {"label": "Post", "id": "loaf", "name": "A loaf for beginners"},
        ],
        "steps": [[{"types": ["LIKED", "POSTED"], "forward": True}]],
    }
    (back,) = paths(town, "Post:loaf", "User:ada")
    assert back.to_dict()["steps"] == [[{"types": ["LIKED", "POSTED"], "forward": False}]]


def test_the_shortest_ones(town: GraphStore) -> None:
    assert ways(town, "fay", "cleo") == [["fay", "cleo"]]
    assert ways(town, "eli", "cleo") == [["eli", "fork", "cleo"]]
    assert ways(town, "ada", "ada") == [["ada"]]
    assert ways(town, "bread", "chess") == [
        ["bread", post, "cleo", "fork", "chess"] for post in ("loaf", "crust", "rye")
    ]
    assert ways(town, "bread", "chess", 1) == [["bread", "loaf", "cleo", "fork", "chess"]]


def test_how_far_at_most(town: GraphStore) -> None:
    assert ways(town, "bread", "chess", longest=3) == []
    assert len(ways(town, "bread", "chess", longest=4)) == 3
    assert ways(town, "ada", "lonely") == []
    for longest in (0, 7):
        with pytest.raises(ConfigError, match="1 to 6 steps"):
            paths(town, "ada", "ben", longest=longest)


def test_what_speaks_against_is_no_way(town: GraphStore) -> None:
    assert ways(town, "gus", "crust") == []  # hidden
    assert ways(town, "gus", "dov") == []  # blocked


def test_predictions_only_where_asked_for(town: GraphStore) -> None:
    assert ways(town, "gus", "mate") == []
    (path,) = paths(town, "gus", "mate", predictions=True)
    assert path.to_dict()["steps"] == [[{"types": ["RECOMMENDED"], "forward": True}]]
    assert ways(town, "gus", "eli", predictions=True) == [["gus", "mate", "eli"]]
    assert ways(town, "eli", "gus", predictions=True) == [["eli", "mate", "gus"]]


def test_names_of_nodes(town: GraphStore) -> None:
    with pytest.raises(UnknownNodeError, match="no person, post or entity has the id 'nobody'"):
        paths(town, "ada", "nobody")
    with pytest.raises(UnknownNodeError, match="has the id 'User:loaf'"):
        paths(town, "ada", "User:loaf")
    with pytest.raises(ConfigError, match="1 or more"):
        paths(town, "ada", "ben", 0)


def test_an_id_of_several_labels(tmp_path: Path) -> None:
    with open_store(tmp_path / "feed", create=True) as store:
        with store.change("load") as change:
            change.write_nodes("User", nodes("User", ["1", "Post:1"]))
            change.write_nodes("Post", nodes("Post", ["1"]))
            change.write_relationships("LIKED", "User", "Post", links("LIKED", [("1", "1")]))
        with pytest.raises(UnknownNodeError, match="say which one by User:1 or Post:1"):
            paths(store, "1", "Post:1")
        assert ways(store, "user:1", "Post:1") == [["1", "1"]]
        assert ways(store, "User:Post:1", "User:Post:1") == [["Post:1"]]


def test_the_rarer_node_first(tmp_path: Path) -> None:
    """Two people share a post that everybody viewed and one that only they did."""
    crowd = [f"u{i}" for i in range(50)]
    with open_store(tmp_path / "feed", create=True) as store:
        with store.change("load") as change:
            change.write_nodes("User", nodes("User", ["a", "b", *crowd]))
            change.write_nodes("Post", nodes("Post", ["hit", "gem"]))
            pairs = [(person, "hit") for person in ("a", "b", *crowd)] + [("a", "gem"), ("b", "gem")]
            change.write_relationships("VIEWED", "User", "Post", links("VIEWED", pairs))
        assert ways(store, "a", "b") == [["a", "gem", "b"], ["a", "hit", "b"]]


def test_against_a_plain_search(tmp_path: Path) -> None:
    """Random graphs: as many shortest paths, as long, and in order of cost, as networkx finds by enumerating."""
    import networkx as nx

    rng = np.random.default_rng(3)
    people, posts = [f"u{i}" for i in range(30)], [f"p{i}" for i in range(40)]
    pairs = sorted({(people[rng.integers(30)], posts[rng.integers(40)]) for _ in range(90)})
    follows = sorted({(people[rng.integers(30)], people[rng.integers(30)]) for _ in range(12)})
    with open_store(tmp_path / "feed", create=True) as store:
        with store.change("load") as change:
            change.write_nodes("User", nodes("User", people))
            change.write_nodes("Post", nodes("Post", posts))
            change.write_relationships("LIKED", "User", "Post", links("LIKED", pairs))
            change.write_relationships("FOLLOWS", "User", "User", links("FOLLOWS", follows))
        graph = nx.Graph([*pairs, *follows])
        degree = dict.fromkeys((*people, *posts), 0)
        for a, b in (*pairs, *follows):
            degree[a] += 1
            degree[b] += 1
        for _ in range(60):
            a, b = people[rng.integers(30)], (people + posts)[rng.integers(70)]
            found = ways(store, a, b, 1_000)
            if a not in graph or b not in graph or not nx.has_path(graph, a, b):
                assert found == ([[a]] if a == b else [])
                continue
            expected = [list(way) for way in nx.all_shortest_paths(graph, a, b)]
            if len(expected[0]) - 1 > 6:
                assert found == []
                continue
            assert sorted(found) == sorted(expected)
            costs = [round(sum(np.log1p(degree[node]) for node in way[1:-1]), 9) for way in found]
            assert costs == sorted(costs)
            assert ways(store, a, b, 2) == found[:2]


def test_a_town_without_relationships(tmp_path: Path) -> None:
    with open_store(tmp_path / "feed", create=True) as store:
        with store.change("load") as change:
            change.write_nodes("User", nodes("User", ["a", "b"]))
        assert ways(store, "a", "b") == []


def test_the_town_again_is_the_same(tmp_path: Path) -> None:
    with make_town(tmp_path / "feed", vectors=False) as store:
        assert ways(store, "ada", "fay") == [["ada", way, "cleo", "fay"] for way in ("loaf", "crust", "rye")]

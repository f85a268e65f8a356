"""Neighbour sampling: what is drawn is there, is as much as asked for, uniform, in time, and rightly numbered."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
import torch
import torch_geometric.typing
from benchmarks.speed_sampling import sample_by_loop
from scipy import stats
from torch_geometric.data import Data, HeteroData
from torch_geometric.loader import LinkLoader, NodeLoader
from torch_geometric.sampler import EdgeSamplerInput, NegativeSampling, NodeSamplerInput

from graphfeed.errors import TrainingError
from graphfeed.training.neighbours import Neighbours, draw
from graphfeed.training.sampler import NeighbourSampler

LIKED, LIKED_BY, FOLLOWS = ("User", "LIKED", "Post"), ("Post", "LIKED_BY", "User"), ("User", "FOLLOWS", "User")
NO_PYG_LIB = not torch_geometric.typing.WITH_PYG_LIB


def community(users: int = 60, posts: int = 80, links: int = 900, seed: int = 0) -> HeteroData:
    """Likes both ways and follows, each with a time from 0 to 99; some nodes have no edge at all."""
    generator = torch.Generator().manual_seed(seed)
    data = HeteroData()
    data["User"].num_nodes, data["Post"].num_nodes = users, posts
    data["User"].x = torch.arange(users, dtype=torch.float32)[:, None]
    data["Post"].x = torch.arange(posts, dtype=torch.float32)[:, None]
    draws = [torch.randint(n - 5, (links,), generator=generator) for n in (users, posts, users)]
    likes = torch.stack(draws[:2])
    for edge, index in ((LIKED, likes), (LIKED_BY, likes.flip(0)), (FOLLOWS, torch.stack([draws[0], draws[2]]))):
        data[edge].edge_index = index
        data[edge].time = torch.randint(100, (links,), generator=generator)
    return data


def nodes_of(label: str, *nodes: int, times: list[int] | None = None) -> NodeSamplerInput:
    when = None if times is None else torch.tensor(times)
    return NodeSamplerInput(None, torch.tensor(nodes), when, label)


def global_edges(out: Any, edge: tuple[str, str, str]) -> torch.Tensor:
    """Sampled edges by the graph's own numbers ``[2, edges]``."""
    return torch.stack([out.node[edge[0]][out.row[edge]], out.node[edge[2]][out.col[edge]]])


@pytest.mark.parametrize("disjoint", [False, True])
@pytest.mark.parametrize("replace", [False, True])
def test_sampled_edges_are_the_graphs_own_rightly_numbered(replace: bool, disjoint: bool) -> None:
    data = community()
    sampler = NeighbourSampler(data, [5, 3], replace=replace, disjoint=disjoint, pyg_lib=False)
    out = sampler.sample_from_nodes(nodes_of("User", 3, 7, 58, 11))
    assert out.node["User"][:4].tolist() == [3, 7, 58, 11]
    for edge in data.edge_types:
        assert out.row[edge].numel() == sum(out.num_sampled_edges[edge])
        assert torch.equal(global_edges(out, edge), data[edge].edge_index[:, out.edge[edge]])
        if disjoint:
            assert torch.equal(out.batch[edge[0]][out.row[edge]], out.batch[edge[2]][out.col[edge]])
    for label in data.node_types:
        assert len(out.node[label]) == sum(out.num_sampled_nodes[label])
        keys = out.node[label] if not disjoint else out.batch[label] * 1_000 + out.node[label]
        assert len(keys.unique()) == len(keys)


def test_a_node_gets_its_fanout_or_all_that_it_has() -> None:
    data = community()
    degree = torch.bincount(data[LIKED_BY].edge_index[1], minlength=60)
    users = list(range(60))
    for fanout, replace in ((4, False), (15, False), (10_000, False), (-1, False), (4, True)):
        sampler = NeighbourSampler(data, {LIKED_BY: [fanout]}, replace=replace, pyg_lib=False)
        out = sampler.sample_from_nodes(nodes_of("User", *users))
        found = torch.bincount(out.col[LIKED_BY], minlength=60)
        if replace:
            assert found.tolist() == [fanout if d else 0 for d in degree.tolist()]
        else:
            assert found.tolist() == [d if fanout < 0 else min(d, fanout) for d in degree.tolist()]
            assert len(out.edge[LIKED_BY].unique()) == len(out.edge[LIKED_BY])
        assert not out.row[LIKED].numel()
        assert not out.row[FOLLOWS].numel()


@pytest.mark.parametrize("replace", [False, True])
def test_every_neighbour_is_as_likely(replace: bool) -> None:
    """2,000 draws of 3 out of 12: how often each came, and (without replacement) how often each set of 3."""
    generator = torch.Generator().manual_seed(5)
    begin, degree = torch.full((2_000,), 7), torch.full((2_000,), 12)
    place, owner = draw(begin, degree, 3, replace, generator)
    assert torch.equal(torch.bincount(owner), torch.full((2_000,), 3))
    counts = torch.bincount(place - 7, minlength=12).numpy()
    assert len(counts) == 12
    assert stats.chisquare(counts).pvalue > 0.001
    if not replace:
        sets = np.sort((place - 7).view(-1, 3).numpy(), axis=1) @ np.array([144, 12, 1])
        _, often = np.unique(sets, return_counts=True)
        assert len(often) == 220  # every one of the sets of 3 out of 12 came
        assert stats.chisquare(often).pvalue > 0.001


def test_only_edges_until_the_moment_are_seen() -> None:
    data = community()
    for until in (-1, 0, 40, 99):
        sampler = NeighbourSampler(data, [-1, -1], time_attr="time", until=until)
        out = sampler.sample_from_nodes(nodes_of("User", *range(60)))
        for edge in data.edge_types:
            assert (data[edge].time[out.edge[edge]] <= until).all()
        seen = int(((data[LIKED_BY].time <= until) & (data[LIKED_BY].edge_index[1] < 60)).sum())
        assert out.num_sampled_edges[LIKED_BY][0] == seen


def test_every_seed_sees_until_its_own_time() -> None:
    data = community()
    sampler = NeighbourSampler(data, [-1, -1], time_attr="time", disjoint=True)
    out = sampler.sample_from_nodes(nodes_of("User", 3, 3, 9, times=[20, 70, 99]))
    limits = torch.tensor([20, 70, 99])
    for edge in data.edge_types:
        whose = out.batch[edge[2]][out.col[edge]]
        assert (data[edge].time[out.edge[edge]] <= limits[whose]).all()
    first = out.col[LIKED_BY] == 0
    expected = (data[LIKED_BY].edge_index[1] == 3) & (data[LIKED_BY].time <= 20)
    assert int(first.sum()) == int(expected.sum()) > 0


@pytest.mark.parametrize("disjoint", [False, True])
def test_a_batch_is_its_singles_where_all_neighbours_are_taken(disjoint: bool) -> None:
    data = community(links=150)
    sampler = NeighbourSampler(data, [50, 50], disjoint=disjoint, pyg_lib=False)
    seeds = [3, 7, 20, 41]
    whole = sampler.sample_from_nodes(nodes_of("User", *seeds))
    singles = [sampler.sample_from_nodes(nodes_of("User", seed)) for seed in seeds]
    for edge in data.edge_types:
        found = sorted(whole.edge[edge].tolist())
        each = [number for single in singles for number in single.edge[edge].tolist()]
        assert found == sorted(each if disjoint else set(each))


def test_the_same_seed_gives_the_same_samples_and_another_others() -> None:
    data = community()

    def edges(seed: int) -> list[list[int]]:
        sampler = NeighbourSampler(data, [2, 2], seed=seed)
        return [sampler.sample_from_nodes(nodes_of("User", *range(30))).edge[LIKED].tolist() for _ in range(3)]

    torch.manual_seed(1)
    first = edges(4)
    torch.manual_seed(2)
    assert edges(4) == first
    assert edges(5) != first
    assert first[0] != first[1]  # every call draws anew


def test_the_global_random_state_stays_as_it_was() -> None:
    sampler = NeighbourSampler(community(), [2])
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    sampler.sample_from_nodes(nodes_of("User", 1))
    assert torch.equal(torch.rand(1), expected)


@pytest.mark.parametrize("mode", ["binary", "triplet"])
def test_an_epoch_of_a_link_loader_trains_what_it_samples(mode: str) -> None:
    data = community()
    sampler = NeighbourSampler(data, [4, 4])
    index = data[LIKED].edge_index
    loader = LinkLoader(
        data,
        link_sampler=sampler,
        edge_label_index=(LIKED, index),
        neg_sampling=NegativeSampling(mode, 2),
        batch_size=128,
        shuffle=True,
    )
    seen = []
    for batch in loader:
        # x is a node's own number: the features that came are those of the sampled nodes.
        assert torch.equal(batch["User"].x[:, 0].long(), batch["User"].n_id)
        if mode == "binary":
            user, post = batch[LIKED].edge_label_index[:, batch[LIKED].edge_label == 1]
        else:
            user, post = batch["User"].src_index, batch["Post"].dst_pos_index
            assert batch["Post"].dst_neg_index.shape == (len(user), 2)
        seen.append(torch.stack([batch["User"].n_id[user], batch["Post"].n_id[post]]))
        assert batch.validate()
    pairs = torch.cat(seen, dim=1)
    assert sorted(map(tuple, pairs.T.tolist())) == sorted(map(tuple, index.T.tolist()))


def test_links_with_times_see_nothing_later() -> None:
    data = community()
    sampler = NeighbourSampler(data, [5, 5], time_attr="time", disjoint=True)
    loader = LinkLoader(
        data,
        link_sampler=sampler,
        edge_label_index=(LIKED, data[LIKED].edge_index),
        edge_label_time=data[LIKED].time - 1,
        batch_size=64,
    )
    for batch in loader:
        limit = batch[LIKED].edge_label_time
        for edge in data.edge_types:
            whose = batch[edge[2]].batch[batch[edge].edge_index[1]]
            assert (batch[edge].time <= limit[whose]).all()


def test_a_graph_without_types_and_workers() -> None:
    index = torch.randint(50, (2, 400), generator=torch.Generator().manual_seed(0))
    data = Data(edge_index=index, num_nodes=50, x=torch.arange(50.0)[:, None])
    loader = NodeLoader(data, NeighbourSampler(data, [3, 3]), batch_size=10, num_workers=1)
    for start, batch in zip(range(0, 50, 10), loader, strict=True):
        assert batch.n_id[: batch.batch_size].tolist() == list(range(start, start + 10))
        assert torch.equal(batch.n_id[batch.edge_index], index[:, batch.e_id])
    out = NeighbourSampler(data, [2]).sample_from_edges(EdgeSamplerInput(None, index[0, :5], index[1, :5]))
    assert torch.equal(out.node[out.metadata[1]], index[:, :5])


def test_matrices_are_sampled_with_their_values() -> None:
    dense = torch.rand(8, 6, generator=torch.Generator().manual_seed(0)) * (torch.arange(48).view(8, 6) % 3 > 0)
    matrix = dense.to_sparse_csr()
    edge = ("User", "engaged>", "Post")
    sampler = NeighbourSampler.of_matrices({edge: matrix}, {"User": 6, "Post": 8}, [2])
    out = sampler.sample_from_nodes(nodes_of("Post", *range(8)))
    user, post = global_edges(out, edge)
    assert torch.equal(matrix.values()[out.edge[edge]], dense[post, user])
    assert out.row[edge].numel() == int((dense > 0).sum(1).clamp(max=2).sum())


def test_what_does_not_fit_is_said() -> None:
    data = community()
    for fanout in ([], [2.5], [-2], {("User", "LIKES", "Post"): [1]}, {LIKED: [1], FOLLOWS: [1, 2]}):
        with pytest.raises(TrainingError, match=r"fanout|hop"):
            NeighbourSampler(data, fanout)  # type: ignore[arg-type]
    with pytest.raises(TrainingError, match="no attribute 'when'"):
        NeighbourSampler(data, [2], time_attr="when")
    with pytest.raises(TrainingError, match="time_attr"):
        NeighbourSampler(data, [2], until=3)
    sampler = NeighbourSampler(data, [2])
    with pytest.raises(TrainingError, match="from 0 to 59 of User, found 3 to 60"):
        sampler.sample_from_nodes(nodes_of("User", 3, 60))
    with pytest.raises(TrainingError, match="found 'Person'"):
        sampler.sample_from_nodes(nodes_of("Person", 3))
    with pytest.raises(TrainingError, match="disjoint"):
        sampler.sample_from_nodes(nodes_of("User", 3, times=[4]))
    with pytest.raises(TrainingError, match="disjoint"):
        sampler.sample_from_edges(
            EdgeSamplerInput(None, torch.tensor([1]), torch.tensor([1]), None, torch.ones(1), LIKED)
        )
    with pytest.raises(TrainingError, match="pyg-lib"):
        NeighbourSampler(data, [2], pyg_lib=True, time_attr="time")


@pytest.mark.skipif(NO_PYG_LIB, reason="pyg-lib is not installed")
def test_pyg_lib_is_used_where_it_is_installed() -> None:
    data = community()
    ours, theirs = (NeighbourSampler(data, [-1, -1], pyg_lib=use) for use in (False, True))
    for edge in data.edge_types:
        found = [s.sample_from_nodes(nodes_of("User", 3, 7)) for s in (ours, theirs)]
        numbers = [sampler.edge_permutation for sampler in (ours, theirs)]
        assert numbers[0] is None
        assert sorted(found[0].edge[edge].tolist()) == sorted(numbers[1][edge][found[1].edge[edge]].tolist())


def test_it_is_at_least_five_times_as_fast_as_a_loop() -> None:
    """Processor time, one thread, a graph of 60,000 edges; the figures proper come from ``benchmarks.speed``."""
    index = torch.randint(3_000, (2, 60_000), generator=torch.Generator().manual_seed(0))
    data = Data(edge_index=index, num_nodes=3_000)
    sampler = NeighbourSampler(data, [10], pyg_lib=False)
    seeds = torch.arange(3_000)
    relation = Neighbours.of_edges(index, 3_000)
    ours, loops = [], []
    for _ in range(5):
        began = time.process_time()
        out = sampler.sample_from_nodes(NodeSamplerInput(None, seeds))
        middle = time.process_time()
        looped = sample_by_loop(relation.start.tolist(), relation.source.tolist(), relation.edge.tolist(), seeds, [10])
        loops.append(time.process_time() - middle)
        ours.append(middle - began)
    assert out.row.numel() == len(looped[0])
    assert out.node.numel() == len(looped[3])
    assert min(loops) / min(ours) > 5

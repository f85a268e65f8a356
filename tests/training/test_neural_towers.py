"""PyG's layers as towers: over sorted edges they compute what PyG does, learn what was planted, and say why."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.training.worlds import two_groups, world
from torch import Tensor
from torch_geometric.nn import GATConv, HGTConv, SAGEConv

from graphfeed.graph.tensors import FeedGraph
from graphfeed.training.adjacency import Adjacencies, half_life_of
from graphfeed.training.csr_messages import Pattern, edge_dots, mean_of_sources, softmax_sum
from graphfeed.training.loop import Fit, fit_towers
from graphfeed.training.model import LinearModel, load_model
from graphfeed.training.neural_towers import GATLayer, HGTLayer, SAGELayer, joint_pattern
from graphfeed.training.settings import TOWER_KINDS, ModelSettings, RunSettings, TowerKind, TowerSettings
from graphfeed.training.snapshot import Past, Snapshot
from graphfeed.training.split import Split, make_split
from graphfeed.training.tower_input import TowerInput, tower_input, tower_relations
from graphfeed.training.tower_kinds import start_towers
from graphfeed.training.tower_part import ALL, surroundings
from graphfeed.training.tower_reasons import explain_taste

CPU = torch.device("cpu")
NEURAL: tuple[TowerKind, ...] = ("hgt", "gat", "sage")


def settings(kind: TowerKind, **others: object) -> TowerSettings:
    return TowerSettings.model_validate({"kind": kind, "width": 16, "epochs": 12, "negatives": 64, **others})


def fitted(kind: TowerKind, split: Split, **others: object) -> Fit:
    torch.set_num_threads(1)
    rounds = list(split.rounds("validation"))
    return fit_towers(split.training, rounds, settings(kind, **others), RunSettings(device="cpu"))


def read(fit: Fit, snapshot: Snapshot) -> TowerInput:
    adjacencies = Adjacencies(snapshot, None, half_life_of(snapshot))
    return tower_input(adjacencies, CPU, relations=fit.towers.relations)


def random_edges(seed: int, sources: int, targets: int, edges: int) -> Tensor:
    random = np.random.default_rng(seed)
    pairs = random.choice(sources * targets, edges, replace=False)
    return torch.from_numpy(np.stack([pairs // targets, pairs % targets]))


def gradients(module: torch.nn.Module, inputs: list[Tensor], outputs: list[Tensor]) -> list[Tensor]:
    loss = sum((output.square() * torch.linspace(0.5, 1.5, output.shape[1])).sum() for output in outputs)
    return list(torch.autograd.grad(loss, [*inputs, *module.parameters()], allow_unused=True))  # type: ignore[arg-type]


def assert_same(module: torch.nn.Module, other: torch.nn.Module, inputs: list[Tensor], run: object) -> None:
    """Both give the same outputs and the same gradients, of inputs and of weights."""
    found = [list(run(m)) for m in (module, other)]  # type: ignore[operator]
    for left, right in zip(*found, strict=True):
        torch.testing.assert_close(left, right, rtol=1e-4, atol=1e-5)
    by_left, by_right = (gradients(m, inputs, out) for m, out in zip((module, other), found, strict=True))
    for left, right in zip(by_left, by_right, strict=True):
        if left is None or right is None:
            assert left is right
        else:
            torch.testing.assert_close(left, right, rtol=1e-3, atol=1e-4)


def test_sums_over_sorted_edges_are_those_of_dense_matrices() -> None:
    edges = random_edges(0, 9, 7, 20)
    pattern = Pattern.of(edges, targets=7, sources=9)
    q, k, v = (torch.randn(n, 2, 3, requires_grad=True) for n in (7, 9, 9))
    there = torch.zeros(7, 9, dtype=torch.bool)
    there[edges[1], edges[0]] = True
    dense = torch.einsum("thd,shd->tsh", q, k).masked_fill(~there[:, :, None], -torch.inf)
    weight = torch.nan_to_num(dense.softmax(1))
    expected = torch.einsum("tsh,shd->thd", weight, v)
    found = softmax_sum(edge_dots(q, k, pattern), v, pattern)
    torch.testing.assert_close(found, expected)
    for left, right in zip(*(torch.autograd.grad(o.square().sum(), (q, k, v)) for o in (found, expected)), strict=True):
        torch.testing.assert_close(left, right)
    x = torch.randn(9, 4)
    mean = (there.float() @ x) / there.sum(1, keepdim=True).clamp(min=1)
    torch.testing.assert_close(mean_of_sources(x, pattern), mean)


def test_hgt_over_a_pattern_is_pygs() -> None:
    people, posts = 12, 15
    edges = {
        ("User", "engaged", "Post"): random_edges(0, people, posts, 40),
        ("Post", "rev_engaged", "User"): random_edges(0, people, posts, 40).flip(0),
        ("User", "follows", "User"): random_edges(1, people, people, 30),
    }
    names = (["User", "Post", "Entity"], list(edges))
    theirs, ours = HGTConv(8, 8, names, 2), HGTLayer(8, 8, names, 2)
    ours.load_state_dict(theirs.state_dict())
    given = TowerInput([], {}, {}, {"User": people, "Post": posts, "Entity": 0})
    ours.pattern = joint_pattern(given, edges)
    x = [torch.randn(n, 8, requires_grad=True) for n in (people, posts)]
    assert_same(theirs, ours, x, lambda layer: layer({"User": x[0], "Post": x[1]}, edges).values())


def test_gat_and_sage_over_a_pattern_are_pygs() -> None:
    edges = random_edges(3, 12, 15, 50)
    x = [torch.randn(n, 8, requires_grad=True) for n in (12, 15)]
    pairs = (
        (GATConv((8, 8), 4, 2, add_self_loops=False), GATLayer((8, 8), 4, 2, add_self_loops=False)),
        (SAGEConv(8, 8), SAGELayer(8, 8)),
    )
    for theirs, ours in pairs:
        ours.load_state_dict(theirs.state_dict())
        ours.pattern = Pattern.of(edges, targets=15, sources=12)
        assert_same(theirs, ours, x, lambda layer: [layer((x[0], x[1]), edges)])


@pytest.mark.parametrize("kind", TOWER_KINDS)
@pytest.mark.parametrize("loss", ["softmax", "bpr", "directau"])
def test_each_kind_finds_the_planted_groups_by_each_loss(kind: TowerKind, loss: str) -> None:
    split = make_split(two_groups(users=60, posts=40))
    fit = fitted(kind, split, loss=loss, folds=3, epochs=30, patience=12)
    assert np.isfinite(fit.losses).all()
    made = next(iter(split.rounds("test")))
    with torch.no_grad():
        vectors = fit.towers(read(fit, split.final))
        scores = fit.towers.scored(vectors["User"], vectors["Post"], "posts").numpy()[made.users]
    same = (made.users[:, None] % 2) == (np.arange(40)[None, :] % 2)
    mine, others = (scores[part].reshape(len(made.users), -1) for part in (same, ~same))
    assert (mine[:, :, None] > others[:, None, :]).mean() > 0.8


@pytest.mark.parametrize("kind", TOWER_KINDS)
def test_a_batch_scores_as_each_alone_and_order_does_not_matter(kind: TowerKind) -> None:
    split = make_split(two_groups())
    fit = fitted(kind, split, epochs=2)
    given = read(fit, split.final)
    with torch.no_grad():
        vectors = fit.towers(given)
        turned = fit.towers(replace(given, messages=given.messages[::-1]))
        together = fit.towers.scored(vectors["User"], vectors["Post"], "posts")
        alone = [fit.towers.scored(vectors["User"][i : i + 1], vectors["Post"], "posts") for i in range(10)]
    torch.testing.assert_close(together[:10], torch.cat(alone), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(turned["Post"], vectors["Post"], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kind", NEURAL)
def test_the_same_seed_gives_the_same_numbers(kind: TowerKind) -> None:
    split = make_split(two_groups())
    states = [fitted(kind, split, epochs=2).towers.state_dict() for _ in range(2)]
    for name, value in states[0].items():
        torch.testing.assert_close(value, states[1][name], rtol=0, atol=0)


@pytest.mark.parametrize("kind", NEURAL)
def test_a_model_with_neural_towers_is_saved_and_read(kind: TowerKind, tmp_path: object) -> None:
    split = make_split(two_groups())
    chosen = ModelSettings.model_validate({"parts": ["towers"], "towers": settings(kind, epochs=3).model_dump()})
    model = LinearModel(chosen, RunSettings(device="cpu"))
    model.fit(split)
    model.save(tmp_path)  # type: ignore[arg-type]
    again = load_model(tmp_path, "cpu")  # type: ignore[arg-type]
    users = np.arange(40)
    before, after = (m.scorer(split.final).scores(users) for m in (model, again))
    np.testing.assert_allclose(after, before, rtol=1e-5, atol=1e-6)
    assert np.ptp(before) > 0


@pytest.mark.parametrize("kind", TOWER_KINDS)
def test_the_surroundings_of_a_pair_are_enough_for_its_vectors(kind: TowerKind) -> None:
    split = make_split(two_groups())
    fit = fitted(kind, split, epochs=2)
    given = read(fit, split.final)
    seeds = {"User": torch.tensor([3, 8]), "Post": torch.tensor([5])}
    part = surroundings(given, seeds, (ALL, ALL), torch.Generator(), first_hop=kind != "linear")
    with torch.no_grad():
        whole, cut = fit.towers(given), fit.towers(part)
    for label, nodes in seeds.items():
        found = cut[label].index_select(0, part.places(label, nodes))
        torch.testing.assert_close(found, whole[label].index_select(0, nodes), rtol=1e-4, atol=1e-4)


def test_no_more_edges_than_the_fanout_are_drawn_and_they_are_the_graphs() -> None:
    split = make_split(two_groups())
    fit = fitted("linear", split, epochs=1)
    given = read(fit, split.final)
    part = surroundings(given, {"User": torch.arange(5)}, (3, 2), torch.Generator().manual_seed(0))
    known = {m.name: m.forward.to_dense() for m in given.messages}
    assert part.rows is not None
    assert part.nodes["Post"] < given.nodes["Post"]
    for message in part.messages:
        drawn = message.forward.to_dense()
        assert int((drawn != 0).sum(1).max()) <= 3
        whole = known[message.name][part.rows[message.target]][:, part.rows[message.source]]
        torch.testing.assert_close(drawn[drawn != 0], whole[drawn != 0])
        torch.testing.assert_close(message.backward.to_dense(), drawn.T)


@pytest.mark.parametrize("kind", ["linear", "sage"])
def test_training_on_drawn_neighbours_finds_the_groups_too(kind: TowerKind) -> None:
    split = make_split(two_groups(users=60, posts=40))
    fit = fitted(kind, split, fanout=(4, 4), batch=200)
    with torch.no_grad():
        vectors = fit.towers(read(fit, split.final))
        scores = fit.towers.scored(vectors["User"], vectors["Post"], "posts").numpy()
    same = (np.arange(60)[:, None] % 2) == (np.arange(40)[None, :] % 2)
    mine, others = (scores[part].reshape(60, -1) for part in (same, ~same))
    assert (mine[:, :, None] > others[:, None, :]).mean() > 0.8


@pytest.mark.parametrize("kind", TOWER_KINDS)
def test_a_taste_is_taken_apart(kind: TowerKind) -> None:
    """The parts and what there is without edges are the score; edges are the graph's; only linear ones are exact."""
    split = make_split(two_groups())
    fit = fitted(kind, split, epochs=3)
    known = set(zip(*(ends.tolist() for ends in split.final.edges("LIKED").__dict__.values()), strict=True))
    pairs = {(source, target) for source, target, _ in known}
    vectors = fit.towers(read(fit, split.final))
    scores = fit.towers.scored(vectors["User"], vectors["Post"], "posts")
    for user in range(4):
        post = int(scores[user].argmax())
        found = explain_taste(fit.towers, split.final, user, post, most=10**6)
        assert found.approximate is (kind != "linear")
        assert found.score == pytest.approx(float(scores[user, post]), rel=1e-4)
        assert found.reasons
        assert all((r.ends[0][1], r.ends[1][1]) in pairs for r in found.reasons)
        assert list(found.reasons) == sorted(found.reasons, key=lambda r: -r.share)
        parts = sum(part.share for part in found.reasons)
        # What takes away is left out, so what adds comes to at least what all edges come to.
        assert parts >= (found.score - found.alone) / found.score - (1e-3 if kind == "linear" else 0.02)


def test_what_a_reason_claims_is_lost_with_its_edge() -> None:
    """The strongest edges of a person, taken out of the graph, lower the score more than the weakest ones."""
    split = make_split(two_groups())
    fit = fitted("sage", split, epochs=6)
    given = read(fit, split.final)
    scores = fit.towers.scored(*(fit.towers(given)[label] for label in ("User", "Post")), "posts").detach()
    drops = []
    for user in range(10):
        post = int(scores[user].argmax())
        mine = [
            r
            for r in explain_taste(fit.towers, split.final, user, post, most=10**6).reasons
            if r.ends[0] == ("User", user)
        ]
        lost = []
        for reason in (mine[0], mine[-1]):
            snapshot = without(split.final, user, reason.ends[1][1])
            again = fit.towers(read(fit, snapshot))
            left = fit.towers.scored(again["User"][user : user + 1], again["Post"][post : post + 1], "posts")
            lost.append(float(scores[user, post]) - left.item())
        drops.append(lost)
    strong, weak = np.array(drops).T
    assert strong.mean() > weak.mean()
    assert (strong > weak).mean() >= 0.7


def without(snapshot: Snapshot, user: int, post: int) -> Snapshot:
    data = snapshot.graph.data.clone()
    edge = ("User", "LIKED", "Post")
    index = data[edge].edge_index
    kept = ~((index[0] == user) & (index[1] == post))
    data[edge].edge_index, data[edge].time, data[edge].count = (
        index[:, kept],
        data[edge].time[kept],
        data[edge].count[kept],
    )
    graph = FeedGraph(data, snapshot.graph.ids, snapshot.graph.texts, snapshot.graph.kinds)
    return Snapshot(Past(graph), snapshot.now, snapshot.kinds)


def related_world() -> FeedGraph:
    """Everybody likes two posts; posts mention entities, which are related as parts and as opposites."""
    likes = [(user, post, None) for user in range(30) for post in (user % 10, (user + 1) % 10)]
    mentions = [(post, post % 8, None) for post in range(10)]
    related = [(a, b, None) for a in range(8) for b in range(8) if a != b]
    graph = world(30, [(None, "")] * 10, {"LIKED": likes, "MENTIONS": mentions, "RELATED_TO": related}, entities=8)
    store = graph.data["Entity", "RELATED_TO", "Entity"]
    store.relation = torch.arange(len(related)) % 2
    store.relation_names = ["part of", "opposite.of"]
    return graph


@pytest.mark.parametrize("kind", TOWER_KINDS)
def test_related_to_is_passed_by_relation(kind: TowerKind) -> None:
    snapshot = Snapshot(Past(related_world()), 0)
    adjacencies = Adjacencies(snapshot, None, 1.0)
    assert tower_relations(adjacencies) == ("opposite of", "part of")
    towers = start_towers(adjacencies, settings(kind, width=8), seed=0)
    given = tower_input(adjacencies, CPU, relations=towers.relations)
    names = [message.name for message in given.messages]
    assert {"related:part of>", "related:part of<", "related:opposite of>", "related:opposite of<"} <= set(names)
    assert "related>" not in names
    one = next(message for message in given.messages if message.name == "related:part of>")
    assert len(one.forward.values()) == 28
    assert all(torch.isfinite(vectors).all() for vectors in towers(given).values())
    plain = tower_input(adjacencies, CPU)
    assert [m.name for m in plain.messages if m.name.startswith("related")] == ["related>"]

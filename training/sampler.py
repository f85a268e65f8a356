"""Neighbour sampling for graphs that do not fit the device: PyG's ``BaseSampler``, without compiled extensions.

    sampler = NeighbourSampler(data, [10, 10], seed=0)
    loader = LinkLoader(data, link_sampler=sampler, edge_label_index=(edge_type, pairs), batch_size=1024)
    for batch in loader: ...                              # torch_geometric.loader; NodeLoader(data, node_sampler=...)

    NeighbourSampler.of_matrices(matrices, nodes, [10, 10])   # from normalised adjacencies; out.edge finds their values

A hop draws for all nodes of the frontier at once (``neighbours.py``), by the same tensor operations on a CPU and on a
GPU. Messages go from the drawn neighbours to the node they were drawn for, as in GraphSAGE (Hamilton et al. 2017), so a
relation that is to be walked both ways has to be in the graph both ways (``torch_geometric.transforms.ToUndirected``).
Where pyg-lib is installed, it draws instead whatever it can.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
import torch_geometric.typing
from torch import Tensor
from torch_geometric.data import Data, HeteroData
from torch_geometric.sampler import (
    BaseSampler,
    EdgeSamplerInput,
    HeteroSamplerOutput,
    NegativeSampling,
    NeighborSampler,
    NodeSamplerInput,
    SamplerOutput,
)
from torch_geometric.sampler.neighbor_sampler import edge_sample, node_sample

from graphfeed.errors import TrainingError
from graphfeed.graph.tensors import EdgeType
from graphfeed.training.neighbours import Fanout, Local, LocalSort, LocalTable, Neighbours, draw, fanout_of
from graphfeed.training.sampled_graph import ONE, Grown


class NeighbourSampler(BaseSampler):  # type: ignore[misc]
    """Draws the surroundings of nodes or links; see the module's docstring.

    ``data``: ``Data`` or ``HeteroData``. ``fanout``: how many edges into a node are drawn at each hop (-1: all), for
    every relation, or by relation (one that is not named is not walked). ``replace``: an edge may be drawn again.
    ``disjoint``: every seed gets surroundings of its own (``batch`` says whose each node is). ``time_attr``: the edges'
    attribute with their times; then only edges until a moment are seen: ``until`` for all seeds, or the seeds' own
    times (``input_time``, ``edge_label_time``), which need ``disjoint``. ``device``: where to sample; None: where the
    edges are. ``pyg_lib``: False never uses it; None uses it where it is installed and can do what is asked.

    The same seed, calls and device give the same samples. One sampler serves one thread at a time; the workers of a
    loader are processes, each with its own.

    Raises TrainingError for a fanout, attribute or seed that does not fit the graph.
    """

    _compiled: Any
    _until: int | None
    _timed: bool

    def __init__(
        self,
        data: Data | HeteroData,
        fanout: Fanout,
        *,
        replace: bool = False,
        disjoint: bool = False,
        time_attr: str | None = None,
        until: int | None = None,
        seed: int = 0,
        device: torch.device | None = None,
        pyg_lib: bool | None = None,
    ) -> None:
        typed = isinstance(data, HeteroData)
        stores = {edge: data[edge] for edge in data.edge_types} if typed else {ONE: data}
        self.num_nodes = {label: int(data[label].num_nodes) for label in data.node_types} if typed else data.num_nodes
        nodes: dict[str, int] = self.num_nodes if isinstance(self.num_nodes, dict) else {"": int(self.num_nodes)}
        relations = {
            edge: Neighbours.of_edges(store.edge_index, nodes[edge[2]], _times(edge, store, time_attr))
            for edge, store in stores.items()
        }
        self._set(relations, nodes, fanout, typed, replace, disjoint, seed, device)
        self._until = until
        self._timed = time_attr is not None
        if until is not None and not self._timed:
            raise TrainingError("until needs times: name the edges' attribute that holds them by time_attr")
        can = torch_geometric.typing.WITH_PYG_LIB and not self._timed and self.device.type == "cpu"
        if can and pyg_lib is not False:
            by_relation = {edge: list(counts) for edge, counts in self.fanout.items()}
            counts = by_relation if typed else by_relation[ONE]
            self._compiled = NeighborSampler(data, counts, replace=replace, disjoint=disjoint)
        if pyg_lib and self._compiled is None:
            raise TrainingError(
                "pyg-lib was asked for, but it is not installed, or cannot: it knows no until and no GPU"
            )

    @classmethod
    def of_matrices(
        cls,
        matrices: Mapping[EdgeType, Tensor],
        nodes: Mapping[str, int],
        fanout: Fanout,
        *,
        replace: bool = False,
        disjoint: bool = False,
        seed: int = 0,
        device: torch.device | None = None,
    ) -> NeighbourSampler:
        """From a torch CSR matrix ``[targets, sources]`` for each relation (source label, name, target label).

        ``edge`` of what is sampled are positions in ``matrix.values()``.
        """
        sampler = cls.__new__(cls)
        sampler.num_nodes = dict(nodes)
        relations = {edge: Neighbours.of_csr(matrix) for edge, matrix in matrices.items()}
        sampler._set(relations, dict(nodes), fanout, True, replace, disjoint, seed, device)
        return sampler

    def _set(
        self,
        relations: dict[EdgeType, Neighbours],
        nodes: dict[str, int],
        fanout: Fanout,
        typed: bool,
        replace: bool,
        disjoint: bool,
        seed: int,
        device: torch.device | None,
    ) -> None:
        self.fanout = fanout_of(fanout, list(relations))
        self.hops = len(next(iter(self.fanout.values()), []))
        given = next((n.source.device for n in relations.values()), torch.device("cpu"))
        self.device = given if device is None else device
        self._relations = {edge: n.to(self.device) for edge, n in relations.items()}
        self._nodes, self._typed, self._replace, self._disjoint, self._seed = nodes, typed, replace, disjoint, seed
        self._compiled, self._until, self._timed = None, None, False
        self._calls = 0
        self._tables: dict[str, LocalTable] = {}

    @property
    def edge_permutation(self) -> Any:
        """None: the edges' numbers are those of the given graph (pyg-lib's are its own)."""
        return None if self._compiled is None else self._compiled.edge_permutation

    def sample_from_nodes(self, index: NodeSamplerInput, **kwargs: Any) -> SamplerOutput | HeteroSamplerOutput:
        """The surroundings of nodes, as PyG's ``NodeLoader`` asks for them."""
        self._check_seeds(index.node, index.input_type or "")
        with self._random() as state:
            if self._compiled is not None:
                return self._compiled.sample_from_nodes(index)
            return node_sample(index, self._sampling(state))

    def sample_from_edges(
        self, index: EdgeSamplerInput, neg_sampling: NegativeSampling | None = None
    ) -> SamplerOutput | HeteroSamplerOutput:
        """The surroundings of links and of drawn non-links, as PyG's ``LinkLoader`` asks for them."""
        labels = index.input_type or ONE
        self._check_seeds(index.row, labels[0])
        self._check_seeds(index.col, labels[2])
        if index.time is not None and not (self._disjoint and self._timed):
            raise TrainingError("links with times of their own need disjoint=True and a time_attr")
        with self._random() as state:
            if self._compiled is not None:
                return self._compiled.sample_from_edges(index, neg_sampling=neg_sampling)
            out = edge_sample(index, self._sampling(state), self.num_nodes, self._disjoint, None, neg_sampling)
        out.metadata = (out.metadata[0], *(_to(value, self.device) for value in out.metadata[1:]))
        return out

    def _check_seeds(self, nodes: Tensor, label: str) -> None:
        if label not in self._nodes:
            raise TrainingError(f"expected seeds of {', '.join(self._nodes)}, found {label!r}")
        if nodes.numel() and not 0 <= int(nodes.min()) <= int(nodes.max()) < self._nodes[label]:
            raise TrainingError(
                f"expected seeds from 0 to {self._nodes[label] - 1} of {label or 'the nodes'}, found"
                f" {int(nodes.min())} to {int(nodes.max())}"
            )

    def _random(self) -> _Seeded:
        """This call's randomness: of the seed, the number of the call, and in a loader's worker of that worker."""
        worker = torch.utils.data.get_worker_info()
        words = [self._seed, self._calls, 0 if worker is None else worker.seed + 1]
        self._calls += 1
        return _Seeded(int(np.random.SeedSequence(words).generate_state(1, np.uint64)[0] >> 1))

    def _sampling(self, state: int) -> Callable[[Any, Any], SamplerOutput | HeteroSamplerOutput]:
        """The function of (seeds, their times) that PyG's ``node_sample`` and ``edge_sample`` call."""

        def sample(seeds: Any, times: Any) -> SamplerOutput | HeteroSamplerOutput:
            generator = torch.Generator(self.device).manual_seed(state)
            by_label = seeds if self._typed else {"": seeds}
            by_label = {label: nodes.to(self.device) for label, nodes in by_label.items()}
            when = times if self._typed or times is None else {"": times}
            grown = self._grow(by_label, self._limit(by_label, when), generator)
            return grown.typed() if self._typed else grown.untyped()

        return sample

    def _limit(self, seeds: dict[str, Tensor], times: dict[str, Tensor] | None) -> Tensor | None:
        """Until when edges are seen: nothing, one moment, or one for each seed ``[seeds of all labels]``."""
        if times is None:
            return None if self._until is None else torch.tensor([self._until], device=self.device)
        if not (self._disjoint and self._timed):
            raise TrainingError("seeds with times of their own need disjoint=True and a time_attr")
        limit = torch.cat([times[label].to(self.device) for label in seeds])
        return limit if self._until is None else limit.clamp(max=self._until)

    def _grow(self, seeds: dict[str, Tensor], until: Tensor | None, generator: torch.Generator) -> Grown:
        grown = Grown(list(self._nodes), list(self._relations), self.device)
        locals_ = {label: self._local(label) for label in self._nodes}
        try:
            self._begin(grown, locals_, seeds)
            for hop in range(self.hops):
                frontier = {label: grown.frontier(label) for label in self._nodes}
                for edge in self._relations:
                    self._hop(grown, locals_[edge[0]], edge, frontier[edge[2]], hop, until, generator)
                grown.close_hop()
        finally:
            for local in locals_.values():
                local.end()
        return grown

    def _local(self, label: str) -> Local:
        if self._disjoint:
            return LocalSort(self.device)
        if label not in self._tables:
            self._tables[label] = LocalTable(self._nodes[label], self.device)
        return self._tables[label]

    def _begin(self, grown: Grown, locals_: dict[str, Local], seeds: dict[str, Tensor]) -> None:
        number = 0
        for label, nodes in seeds.items():
            batch = torch.arange(number, number + nodes.numel(), device=self.device) if self._disjoint else None
            number += nodes.numel()
            locals_[label].begin(nodes if batch is None else batch * self._nodes[label] + nodes)
            grown.add_nodes(label, nodes, batch)
        grown.close_seeds()

    def _hop(
        self,
        grown: Grown,
        local: Local,
        edge: EdgeType,
        frontier: tuple[int, Tensor, Tensor | None],
        hop: int,
        until: Tensor | None,
        generator: torch.Generator,
    ) -> None:
        offset, nodes, batch = frontier
        relation, fanout = self._relations[edge], self.fanout[edge][hop]
        if not nodes.numel() or not fanout or not relation.source.numel():
            return
        limit = until if until is None or until.numel() == 1 or batch is None else until[batch]
        place, owner = draw(*relation.range_of(nodes, limit), fanout, self._replace, generator)
        source = relation.source.index_select(0, place)
        whose = None if batch is None else batch.index_select(0, owner)
        keys = source if whose is None else whose * self._nodes[edge[0]] + source
        row, new = local.add(keys)
        grown.add_nodes(edge[0], source.index_select(0, new), None if whose is None else whose[new])
        grown.add_edges(edge, row, owner + offset, relation.numbers(place))


class _Seeded:
    """Seeds torch for what PyG draws itself (non-links), and gives back the state that was there before."""

    def __init__(self, state: int) -> None:
        self.state = state
        self._fork = torch.random.fork_rng(devices=[])

    def __enter__(self) -> int:
        self._fork.__enter__()
        torch.manual_seed(self.state)
        return self.state

    def __exit__(self, *error: Any) -> None:
        self._fork.__exit__(*error)


def _times(edge: EdgeType, store: Any, name: str | None) -> Tensor | None:
    if name is None:
        return None
    if name not in store:
        raise TrainingError(f"the edges {' '.join(edge) or 'of the graph'} have no attribute {name!r} with their times")
    times: Tensor = store[name]
    return times


def _to(value: Any, device: torch.device) -> Any:
    return value.to(device) if isinstance(value, Tensor) else value

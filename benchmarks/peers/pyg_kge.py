"""torch_geometric's TransE, DistMult and ComplEx on the typed graph: engagement as one more relation of it.

Every relation of the graph gives its triples; engagement gives (user, engaged, post), and a person's score of a post
is that of this triple. Settings and optimisers are those of PyG's own ``examples/kge_fb15k_237.py``: 50 dimensions,
batches of 1,000 triples, negatives by a random head or tail; epochs until validation gets no better, or time is over.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor
from torch_geometric.nn import ComplEx, DistMult, TransE

from benchmarks.peers.stopping import MINUTES, Stop, best_epochs, validation_ndcg
from graphfeed.loaders.records import RELATIONSHIP_TYPES
from graphfeed.training.baselines.observed import learnt_from
from graphfeed.training.links import ENGAGEMENTS, Int64, LinkKind
from graphfeed.training.metrics import Float32
from graphfeed.training.ranker import Progress, Scorer
from graphfeed.training.snapshot import Snapshot
from graphfeed.training.split import Split

KGE_MODELS: dict[str, tuple[Any, Callable[[Any], torch.optim.Optimizer]]] = {
    "transe": (TransE, lambda parameters: torch.optim.Adam(parameters, lr=0.01)),
    "distmult": (DistMult, lambda parameters: torch.optim.Adam(parameters, lr=0.0001, weight_decay=1e-6)),
    "complex": (ComplEx, lambda parameters: torch.optim.Adagrad(parameters, lr=0.001, weight_decay=1e-6)),
}
"""Each with the optimiser that the example gives it."""

MOST_EPOCHS, EVERY, PATIENCE = 500, 5, 5


@dataclass(frozen=True)
class KGESettings:
    """Those of the example."""

    width: int = 50
    batch: int = 1_000
    epochs: int = 0
    """0: chosen on validation."""
    seed: int = 0


class PygKGE:
    """Vectors are learnt where the test begins, and stay as they are."""

    kind: Literal["baseline"] = "baseline"

    def __init__(self, model: str, settings: KGESettings | None = None, minutes: float = MINUTES) -> None:
        self.name = f"pyg_{model}"
        self.model = model
        self.settings = settings or KGESettings()
        self.minutes = minutes
        self.stop = Stop(self.settings.epochs, self.settings.epochs, 0.0, 0.0, False)

    def fit(self, split: Split, progress: Progress | None = None) -> None:
        """Choose the number of epochs on validation; train for so many where the test begins."""
        if not self.settings.epochs:
            training = _Training(self.model, Triples.of(learnt_from(split)), self.settings)
            self.stop = best_epochs(
                training.epoch,
                lambda: validation_ndcg(split, training.scorer),
                most=MOST_EPOCHS,
                every=EVERY,
                patience=PATIENCE,
                minutes=self.minutes,
                progress=progress,
                name=self.name,
            )
        self._trained = _Training(self.model, Triples.of(split.final), self.settings)
        for done in range(self.stop.epochs):
            self._trained.epoch()
            if progress:
                progress("fit", done, self.stop.epochs, f"{self.name}, on all that is known")

    def reseeded(self, seed: int) -> PygKGE:
        """Another one that trains for as many epochs from a seed of its own, not fitted."""
        made = PygKGE(self.model, replace(self.settings, epochs=max(self.stop.epochs, 1), seed=seed), self.minutes)
        made.stop = self.stop
        return made

    def scorer(self, snapshot: Snapshot, kind: LinkKind = "posts") -> Scorer:
        """The vectors as they were learnt."""
        return self._trained.scorer(snapshot)


@dataclass(frozen=True)
class Triples:
    """The graph as triples; nodes are users, then posts, then entities. Relation 0 is engagement."""

    head: Tensor
    relation: Tensor
    tail: Tensor
    nodes: int
    first_post: int

    @classmethod
    def of(cls, snapshot: Snapshot) -> Triples:
        """All that a snapshot shows, nothing of what it hides."""
        graph = snapshot.graph
        first, nodes = dict[str, int](), 0
        for label in ("User", "Post", "Entity"):
            first[label], nodes = nodes, nodes + graph.count(label)
        links = snapshot.links("posts")
        rows = [(links.source + first["User"], np.zeros_like(links.source), links.target + first["Post"])]
        types = [t for t in RELATIONSHIP_TYPES.values() if t.name not in ENGAGEMENTS and t.name != "HELD_OUT"]
        for number, type_ in enumerate(types, start=1):
            edges = snapshot.edges(type_.name)
            source, target = type_.pairs[0]
            rows.append(
                (edges.source + first[source], np.full_like(edges.source, number), edges.target + first[target])
            )
        head, relation, tail = (torch.from_numpy(np.concatenate(parts)) for parts in zip(*rows, strict=True))
        return cls(head, relation, tail, nodes, first["Post"])


class _Training:
    def __init__(self, model: str, triples: Triples, settings: KGESettings) -> None:
        torch.manual_seed(settings.seed)
        made, optimizer = KGE_MODELS[model]
        self.name, self.triples = model, triples
        self.model = made(triples.nodes, int(triples.relation.max()) + 1, settings.width)
        self.optimizer = optimizer(self.model.parameters())
        self.loader = self.model.loader(
            triples.head, triples.relation, triples.tail, batch_size=settings.batch, shuffle=True
        )

    def epoch(self) -> float:
        """One pass over the triples; the mean loss."""
        self.model.train()
        total, done = 0.0, 0
        for head, relation, tail in self.loader:
            self.optimizer.zero_grad()
            loss = self.model.loss(head, relation, tail)
            loss.backward()
            self.optimizer.step()
            total, done = total + float(loss) * len(head), done + len(head)
        return total / max(done, 1)

    def scorer(self, snapshot: Snapshot) -> Scorer:
        self.model.eval()
        return _TripleScorer(self.name, self.model, self.triples.first_post, snapshot.candidates("posts"))


@dataclass(frozen=True)
class _TripleScorer:
    name: str
    model: Any
    first_post: int
    candidates: Int64

    @torch.no_grad()
    def scores(self, users: Int64) -> Float32:
        posts = torch.from_numpy(self.candidates + self.first_post)
        heads = torch.from_numpy(users)
        engaged = torch.zeros(1, dtype=torch.int64)
        head, tail, relation = (
            self.model.node_emb(heads),
            self.model.node_emb(posts),
            self.model.rel_emb(engaged),
        )
        if self.name == "transe":
            power = self.model.p_norm
            head, tail = (torch.nn.functional.normalize(part, p=power, dim=-1) for part in (head, tail))
            return np.asarray((-torch.cdist(head + relation, tail, p=power)).numpy(), dtype=np.float32)
        if self.name == "distmult":
            return np.asarray(((head * relation) @ tail.T).numpy(), dtype=np.float32)
        imaginary, turned = self.model.node_emb_im(heads), self.model.rel_emb_im(engaged)
        real = (head * relation - imaginary * turned) @ tail.T
        other = (head * turned + imaginary * relation) @ self.model.node_emb_im(posts).T
        return np.asarray((real + other).numpy(), dtype=np.float32)

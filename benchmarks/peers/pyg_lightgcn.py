"""torch_geometric's LightGCN (He et al. 2020), trained by the loop of PyG's own ``examples/lightgcn.py``.

64 dimensions, two layers, Adam at 0.001, batches of 8,192 pairs with one uniform negative each, every step passing
messages over the whole graph (PyG's neighbour loaders need pyg-lib). The example's 100 epochs are no limit here:
training stops when validation gets no better, or when its time is over.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import scipy.sparse as sp
import torch
from torch.utils.data import DataLoader
from torch_geometric.nn.models import LightGCN

from benchmarks.peers.stopping import MINUTES, Stop, best_epochs, validation_ndcg
from graphfeed.training.baselines.observed import learnt_from, observed
from graphfeed.training.links import Int64, LinkKind
from graphfeed.training.metrics import Float32
from graphfeed.training.ranker import Progress, Scorer
from graphfeed.training.snapshot import Snapshot
from graphfeed.training.split import Split


@dataclass(frozen=True)
class LightGCNSettings:
    """Those of the example."""

    width: int = 64
    layers: int = 2
    learning_rate: float = 0.001
    batch: int = 8_192
    epochs: int = 0
    """0: chosen on validation."""
    seed: int = 0


MOST_EPOCHS, EVERY, PATIENCE = 1_000, 10, 5


class PygLightGCN:
    """Vectors are learnt where the test begins, and stay as they are."""

    name = "pyg_lightgcn"
    kind: Literal["baseline"] = "baseline"

    def __init__(self, settings: LightGCNSettings | None = None, minutes: float = MINUTES) -> None:
        self.settings = settings or LightGCNSettings()
        self.minutes = minutes
        self.stop = Stop(self.settings.epochs, self.settings.epochs, 0.0, 0.0, False)

    def fit(self, split: Split, progress: Progress | None = None) -> None:
        """Choose the number of epochs on validation; train for so many where the test begins."""
        if not self.settings.epochs:
            training = _Training(observed(learnt_from(split), "posts"), self.settings)
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
        self._trained = _Training(observed(split.final, "posts"), self.settings)
        for done in range(self.stop.epochs):
            self._trained.epoch()
            if progress:
                progress("fit", done, self.stop.epochs, f"{self.name}, on all that is known")

    def reseeded(self, seed: int) -> PygLightGCN:
        """Another one that trains for as many epochs from a seed of its own, not fitted."""
        made = PygLightGCN(LightGCNSettings(epochs=max(self.stop.epochs, 1), seed=seed), self.minutes)
        made.stop = self.stop
        return made

    def scorer(self, snapshot: Snapshot, kind: LinkKind = "posts") -> Scorer:
        """The vectors as they were learnt."""
        return self._trained.scorer(snapshot)


class _Training:
    def __init__(self, links: sp.csr_matrix, settings: LightGCNSettings) -> None:
        torch.manual_seed(settings.seed)
        self.settings, (self.users, items) = settings, links.shape
        pairs = links.tocoo()
        self.pairs = torch.from_numpy(np.stack([pairs.row, pairs.col + self.users]).astype(np.int64))
        self.edges = torch.cat([self.pairs, self.pairs.flip(0)], dim=1)
        self.model = LightGCN(self.users + items, settings.width, settings.layers)
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=settings.learning_rate)

    def epoch(self) -> float:
        """One pass over the pairs; the mean loss."""
        total, nodes = 0.0, self.model.num_nodes
        for index in DataLoader(range(self.pairs.shape[1]), self.settings.batch, shuffle=True):  # type: ignore[arg-type]
            right = self.pairs[:, index]
            wrong = torch.stack([right[0], torch.randint(self.users, nodes, (len(index),))])
            asked = torch.cat([right, wrong], dim=1)
            self.optimizer.zero_grad()
            right_rank, wrong_rank = self.model(self.edges, asked).chunk(2)
            loss = self.model.recommendation_loss(right_rank, wrong_rank, node_id=torch.unique(asked))
            loss.backward()
            self.optimizer.step()
            total += float(loss) * len(index)
        return total / max(self.pairs.shape[1], 1)

    def scorer(self, snapshot: Snapshot) -> Scorer:
        with torch.no_grad():
            vectors = self.model.get_embedding(self.edges).numpy()
        return _DotScorer(vectors[: self.users], vectors[self.users :][snapshot.candidates("posts")])


@dataclass(frozen=True)
class _DotScorer:
    users: Float32
    candidates: Float32

    def scores(self, users: Int64) -> Float32:
        return np.asarray(self.users[users] @ self.candidates.T, dtype=np.float32)

"""Other libraries' models as rankers, for ``benchmarks.quality``: measured against, never imported by the product.

``pyg_lightgcn``: torch_geometric's LightGCN by its example's loop. ``pyg_kge``: its TransE, DistMult and ComplEx on the
typed graph. ``neo4j_gds``: Neo4j's Graph Data Science, on a server that is started for it.
"""

from __future__ import annotations

from benchmarks.peers.gds_server import GdsServer
from benchmarks.peers.neo4j_gds import GRIDS, Gds
from benchmarks.peers.pyg_kge import KGE_MODELS, PygKGE
from benchmarks.peers.pyg_lightgcn import PygLightGCN
from benchmarks.peers.stopping import MINUTES
from graphfeed.training.ranker import Ranker

PEERS = ("pyg_lightgcn", *(f"pyg_{name}" for name in KGE_MODELS), *(f"gds_{name}" for name in GRIDS))
"""Names of all of them; those of GDS need its server."""


def make_peers(minutes: float = MINUTES, gds: GdsServer | None = None) -> list[Ranker]:
    """Unfitted peers. ``minutes``: how long each may train while its epochs are chosen; ``gds``: a server with GDS."""
    found: list[Ranker] = [PygLightGCN(minutes=minutes), *(PygKGE(name, minutes=minutes) for name in KGE_MODELS)]
    return found if gds is None else [*found, *(Gds(name, gds) for name in GRIDS)]


__all__ = ["PEERS", "GdsServer", "make_peers"]

"""The tensors as a ``.pt`` file for PyTorch Geometric, and beside it the ids of their rows.

    content = torch.load("graph.pt")                       # tensors and plain values alone: weights_only is enough
    data = torch_geometric.data.HeteroData.from_dict(content)
    ids = json.loads(Path("graph.ids.json").read_text())   # {"User": [id of row 0, …], …}

``data`` is what ``graphfeed.graph.tensors`` describes; ``data.held_out`` are the pairs of a given split, by its name,
and ``data.kind_names`` the kinds that ``data["Post"].kind`` counts.
"""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from graphfeed.graph.exchange.place import new_file

if TYPE_CHECKING:
    from graphfeed.graph.tensors import FeedGraph


def write_pyg(graph: FeedGraph, path: Path, *, force: bool = False) -> Path:
    """Write both files; the second one's path. Raises ConfigError where one of them is there or cannot be written."""
    import torch

    content = graph.data.to_dict()
    content["_global_store"] = {
        **content.get("_global_store", {}),
        "held_out": graph.held_out,
        "kind_names": graph.kinds,
    }
    beside = path.with_suffix(".ids.json")
    with ExitStack() as files:
        ids = files.enter_context(new_file(beside, force=force))
        tensors = files.enter_context(new_file(path, force=force))
        with tensors.open("wb") as stream:
            torch.save(content, stream)
        words = {label: names.to_pylist() for label, names in graph.ids.items()}
        ids.write_text(json.dumps(words, ensure_ascii=False), encoding="utf-8")
    return beside

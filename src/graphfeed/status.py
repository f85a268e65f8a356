"""What is in a store, as a dict that can be printed as JSON."""

from __future__ import annotations

import json
from typing import Any

from graphfeed.errors import TrainingError
from graphfeed.graph.schema import Generation
from graphfeed.graph.store import GraphStore
from graphfeed.moments import show_time
from graphfeed.trained import MODEL_FOLDER, TrainingRecord

_PEOPLE = 3


def read_status(store: GraphStore) -> dict[str, Any]:
    """Counts by label and by relationship type, what was embedded, trained and published, and some people to try."""
    counts = store.counts()
    folder = store.workspace / MODEL_FOLDER
    try:
        record = TrainingRecord.read(folder)
        model = {"trained_at": record.trained_at, "current": record.store_version == store.version()}
        model["figures"] = record.metrics(folder)
    except TrainingError:
        model = None
    generations = [show_generation(g) for g in store.generations()]
    active = next((g for g in generations if g["active"]), None)
    return {
        "store": store.location,
        "version": store.version(),
        "nodes": counts.nodes,
        "relationships": counts.relationships,
        "encoder": _encoder(store) or (active["encoder"].partition("@")[0] if active else "") or None,
        "model": model,
        "generation": active,
        "generations": generations,
        "people": store.run("busiest_users", limit=_PEOPLE) if counts.nodes.get("User") else [],
    }


def show_generation(generation: Generation) -> dict[str, Any]:
    """A generation with its times as text."""
    return {
        "id": generation.id,
        "created_at": show_time(generation.created_at),
        "now": show_time(generation.now),
        "model": generation.model,
        "encoder": generation.encoder,
        "metrics": json.loads(generation.metrics or "{}"),
        "kinds": list(generation.kinds),
        "active": generation.active,
    }


def _encoder(store: GraphStore) -> str | None:
    # Of this workspace. Where another one embedded, the generation that was published from there says by what.
    # Read here rather than by graphfeed.graph.embed, which loads scikit-learn: status answers at once.
    file = store.workspace / "encoder.json"
    return str(json.loads(file.read_text(encoding="utf-8"))["name"]) if file.is_file() else None

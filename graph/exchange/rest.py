"""What goes with a graph when it is copied: its vectors and its published generations."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from graphfeed.errors import StoreError
from graphfeed.graph.row_hashes import Digest, vectors_word
from graphfeed.graph.scan import GraphScan
from graphfeed.graph.schema import PREDICTED, VECTORS, Generation
from graphfeed.graph.store import Change, GraphStore
from graphfeed.loaders.records import NODE_TYPES, TEXT

Vector = tuple[str, str]
"""Label and name."""


@dataclass(frozen=True)
class Plan:
    """What is to be written beside the graph."""

    vectors: tuple[Vector, ...] = ()
    """Those that the source has, of these."""
    generations: tuple[Generation, ...] = ()
    """To be published, the active one last."""
    rollback: bool = False
    """The active generation is the target's former one."""
    replaces: str = ""
    """Which of these the target has in another form, in words."""

    @property
    def empty(self) -> bool:
        """Whether there is nothing to write."""
        return not (self.vectors or self.generations or self.rollback)


@dataclass(frozen=True)
class Rest:
    """What was written, each with its checksum."""

    vectors: dict[Vector, str] = field(default_factory=dict)
    generations: tuple[Generation, ...] = ()
    predictions: dict[str, Digest] = field(default_factory=dict)
    """By type, of all these generations."""


def plan_all(source: GraphScan, vectors: bool, predictions: bool) -> Plan:
    """Everything, for a target that has nothing yet."""
    names = tuple((label, name) for label in NODE_TYPES for name in VECTORS) if vectors else ()
    return Plan(names, tuple(reversed(source.generations())) if predictions else ())


def plan_missing(source: GraphScan, target: GraphStore, vectors: bool, predictions: bool) -> Plan:
    """What a target with the same graph lacks. Reads the vectors of both."""
    wanted, replaced = [], []
    for label, name in plan_all(source, vectors, False).vectors:
        ours, theirs = source.vectors(label, name), target.read_vectors(label, name)
        if ours is None or not ours.size:
            continue
        if theirs is None or vectors_word(theirs) != vectors_word(ours):
            wanted.append((label, name))
            replaced += [f"{label}.{name}"] if theirs is not None else []
    generations = source.generations() if predictions else []
    there = {g.id: g.active for g in target.generations()}
    rollback = bool(generations) and there.get(generations[0].id) is False
    new = [] if generations and generations[0].id in there else [g for g in reversed(generations) if g.id not in there]
    others = set(there) - {g.id for g in generations}
    if generations and (others or rollback):
        replaced.append("predictions")
    return Plan(tuple(wanted), tuple(new), rollback, ", ".join(replaced))


def write_rest(change: Change, source: GraphScan, plan: Plan) -> Rest:
    """Write it as part of a change."""
    rest = Rest(generations=plan.generations)
    for label, name in plan.vectors:
        vectors = source.vectors(label, name)
        if vectors is not None and vectors.size:
            rest.vectors[label, name] = vectors_word(vectors)
            change.write_vectors(label, name, vectors)
    for type_ in PREDICTED:
        digest = rest.predictions[type_] = Digest(ordered=False)
        for rows in _of(source, type_, plan.generations):
            digest.add(rows)
            change.write_predictions(type_, rows)
    for generation in plan.generations:
        change.activate(generation)
    if plan.rollback:
        change.rollback()
    return rest


def check_rest(target: GraphStore, rest: Rest) -> None:
    """Raise StoreError unless the target holds what was written."""
    for (label, name), word in rest.vectors.items():
        vectors = target.read_vectors(label, name)
        if vectors is None or vectors_word(vectors) != word:
            raise StoreError(f"{target.location} holds other vectors {label}.{name} than were sent: please report it")
    there = target.scan()
    for type_, sent in rest.predictions.items():
        found = Digest(ordered=False)
        for rows in _of(there, type_, rest.generations):
            found.add(rows)
        if (found.rows, found.word) != (sent.rows, sent.word):
            raise StoreError(
                f"{target.location} holds other {type_} than were sent ({found.rows:,} found, {sent.rows:,} sent):"
                " please report it"
            )


def _of(scan: GraphScan, type_: str, generations: tuple[Generation, ...]) -> Iterator[pa.Table]:
    wanted = pa.array([g.id for g in generations], TEXT)
    for rows in scan.predictions(type_) if generations else ():
        chosen = rows.filter(pc.is_in(rows["generation"], value_set=wanted))
        if chosen.num_rows:
            yield chosen

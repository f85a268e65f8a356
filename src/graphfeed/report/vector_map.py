"""Maps of the posts: their vectors in two dimensions, near where they are alike, coloured by topic or kind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure as Drawn

from graphfeed.graph.store import GraphStore
from graphfeed.report.called import Called
from graphfeed.report.community import Community, Int64
from graphfeed.report.figures import TOPICS, Frame, bare, colour, panels
from graphfeed.report.section import Cell, Figure, Missing, Section, Table, clean, many, per_cent

MOST = 1_000
"""Posts on the map, drawn at random from those that have vectors."""
WHOLE = 50_000
"""Up to so many posts all vectors are read; of more, those of ``FEW`` posts one by one."""
FEW = 1_000
WIDTH = 50
"""Principal components that the map is made from."""
STEPS = 600
"""Of t-SNE; later ones hardly move a point."""
NEIGHBOURS = 10
LEAST = 5
NAME, TITLE = "map", "Map"
VECTORS = {"text_vector": "their texts", "graph_vector": "the model"}
TEXTS = Missing("a map of the posts by their vectors", "graphfeed embed")
MODEL = Missing("the map by the model's vectors", "graphfeed publish")
Float32 = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Groups:
    """What the posts of the map are coloured by."""

    word: str
    names: list[str]
    """Of the largest groups, largest first."""
    of: Int64
    """A place in ``names`` or -1, ``[posts]``."""


@dataclass(frozen=True)
class Cloud:
    """The posts of one kind of vector, in two dimensions."""

    made_by: str
    places: npt.NDArray[np.float64]
    agreement: tuple[float, float] | None
    """Shares of near posts, and of any posts, that share a topic."""


def map_section(
    store: GraphStore, community: Community, called: Called, kinds: Sequence[str], *, published: bool
) -> Section:
    """The maps: by the vectors of the texts, and by those of the model. ``kinds``: of posts to show; none: all.

    ``published``: whether there could be vectors of the model; one without towers has none.
    """
    posts, vectors = _vectors(store, community, np.flatnonzero(community.of_kinds(kinds)))
    if not vectors:
        return Section(NAME, TITLE, "There are no vectors for a map yet.", missing=[TEXTS])
    if len(posts) < LEAST:
        return Section(NAME, TITLE, f"Too few posts have a vector for a map: {many(len(posts), 'post')}.")
    clouds = [
        Cloud(VECTORS[name], project(found), _agreement(community, posts, found)) for name, found in vectors.items()
    ]
    ids = [community.ids["Post"][int(post)].as_py() for post in posts]
    called.look_up([("Post", id_) for id_ in ids])
    groups, tips = _groups(community, called, posts), [called.name("Post", id_) for id_ in ids]
    shown = many(len(posts), "post") + (f" of {community.posts:,}" if len(posts) < community.posts else "")
    counts = [int((groups.of == i).sum()) for i in range(len(groups.names))]
    said = ", ".join(f"{group} {count}" for group, count in zip(groups.names, counts, strict=True))
    figure = Figure(
        NAME,
        f"{shown} by {' and by '.join(cloud.made_by for cloud in clouds)}, coloured by {groups.word}",
        f"{'A cloud' if len(clouds) == 1 else 'Two clouds'} of {shown}; near means alike. By {groups.word}: {said}.",
        lambda frame: _draw(frame, clouds, groups, counts),
        {f"posts{place}": tips for place in range(len(clouds))},
    )
    columns = (groups.word, "posts", *(f"middle by {cloud.made_by}" for cloud in clouds))
    rows: list[tuple[Cell, ...]] = [
        (
            name,
            counts[i],
            *("{:.0f}, {:.0f}".format(*np.median(cloud.places[groups.of == i], axis=0)) for cloud in clouds),
        )
        for i, name in enumerate(groups.names)
    ]
    text = [
        "Directions and distances between far groups mean nothing: t-SNE keeps neighbours together (van der Maaten and"
        " Hinton 2008). Rest the pointer on a point to read what it is."
    ]
    missing = [] if "graph_vector" in vectors or published else [MODEL]
    table = Table(f"Posts on the map by {groups.word}", columns, rows)
    return Section(NAME, TITLE, _finding(clouds, shown), text, [figure], [table], missing=missing)


def project(vectors: Float32) -> npt.NDArray[np.float64]:
    """Two numbers for each vector, ``[posts, 2]``: t-SNE of the principal components, by cosine; always the same."""
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    width = min(WIDTH, *unit.shape)
    components = PCA(width, random_state=0).fit_transform(unit)
    if len(unit) < 30:
        return np.asarray(np.pad(components, ((0, 0), (0, 2)))[:, :2], dtype=np.float64)
    tsne = TSNE(2, perplexity=min(30.0, len(unit) / 4), init="pca", max_iter=STEPS, random_state=0)
    return np.asarray(tsne.fit_transform(components), dtype=np.float64)


def _vectors(store: GraphStore, community: Community, posts: Int64) -> tuple[Int64, dict[str, Float32]]:
    """Posts drawn from those given that have every kind of vector there is, ascending, and their vectors by kind."""
    random = np.random.default_rng(0)
    if community.posts > WHOLE:
        posts = np.sort(random.choice(posts, min(FEW, len(posts)), replace=False))
    read = {name: found for name in VECTORS if (found := _read(store, community, posts, name)) is not None}
    filled = np.ones(len(posts), dtype=bool)
    for name in list(read):
        there = read[name].any(axis=1)
        if (filled & there).sum() < LEAST <= filled.sum():
            del read[name]  # few posts have both: those of the first kind alone
        else:
            filled &= there
    some = np.flatnonzero(filled)
    some = np.sort(random.choice(some, min(MOST, len(some)), replace=False))
    return posts[some], {name: np.array(found[some], dtype=np.float32) for name, found in read.items()}


def _read(store: GraphStore, community: Community, posts: Int64, name: str) -> Float32 | None:
    """Vectors of these posts, zeros where there is none; None where none has one."""
    if community.posts <= WHOLE:
        vectors = store.read_vectors("Post", name)
        return None if vectors is None else np.asarray(vectors[posts])
    found = [store.read_vector("Post", name, community.ids["Post"][int(post)].as_py()) for post in posts]
    width = next((len(vector) for vector in found if vector is not None), None)
    return None if width is None else np.stack([np.zeros(width, np.float32) if v is None else v for v in found])


def _groups(community: Community, called: Called, posts: Int64) -> Groups:
    """By the largest topics, where posts have any; of several that a post has, the rarest. Else by kind."""
    place = np.full(community.posts, -1)
    place[posts] = np.arange(len(posts))
    here = place[community.mentions.source] >= 0
    post, topic = place[community.mentions.source[here]], community.mentions.target[here]
    of = np.full(len(posts), -1)
    if len(topic):
        count = np.bincount(topic)
        largest = np.argsort(-count, kind="stable")[: len(TOPICS)]
        largest = largest[count[largest] > 1]
        for rank, entity in enumerate(largest):  # a rarer one is written over a more frequent one
            of[post[topic == entity]] = rank
        ids = [community.ids["Entity"][int(entity)].as_py() for entity in largest]
        called.look_up([("Entity", id_) for id_ in ids])
        if len(largest) > 1:
            return Groups("topic", [called.name("Entity", id_, 28) for id_ in ids], of)
    kinds = [community.post_kinds[int(p)] for p in posts]
    names = [kind for kind, _ in sorted(Counter(kinds).items(), key=lambda pair: (-pair[1], pair[0]))][: len(TOPICS)]
    place_of = {kind: i for i, kind in enumerate(names)}
    of = np.array([place_of.get(kind, -1) for kind in kinds])
    return Groups("kind", [clean(kind, 28) or "no kind" for kind in names], of)


def _agreement(community: Community, posts: Int64, vectors: Float32) -> tuple[float, float] | None:
    """How often a near post shares a topic, and how often any post does; of posts that have topics.

    "Near": among the ``NEIGHBOURS`` of the largest cosine on the map.
    """
    import scipy.sparse as sp

    ones = np.ones(len(community.mentions), dtype=np.float32)
    shape = (community.posts, max(len(community.ids["Entity"]), 1))
    topics = sp.csr_matrix((ones, (community.mentions.source, community.mentions.target)), shape=shape)[posts]
    told = np.flatnonzero(np.diff(topics.indptr))
    if len(told) <= NEIGHBOURS + 1:
        return None
    topics = topics[told]
    unit = vectors[told] / np.linalg.norm(vectors[told], axis=1, keepdims=True)
    cosine = unit @ unit.T
    np.fill_diagonal(cosine, -np.inf)
    near = np.argpartition(-cosine, NEIGHBOURS, axis=1)[:, :NEIGHBOURS]
    shared = np.asarray((topics @ topics.T).todense()) > 0
    np.fill_diagonal(shared, False)
    by_chance = shared.sum() / (len(told) * (len(told) - 1))
    return float(np.take_along_axis(shared, near, axis=1).mean()), float(by_chance)


def _finding(clouds: Sequence[Cloud], shown: str) -> str:
    told = [(cloud, cloud.agreement) for cloud in clouds if cloud.agreement is not None]
    if not told:
        return f"{shown} by {' and by '.join(cloud.made_by for cloud in clouds)}."
    by = " and ".join(f"{per_cent(agreement[0])} by {cloud.made_by}" for cloud, agreement in told)
    return f"Of a post's {NEIGHBOURS} nearest, {by} share a topic with it; of any posts, {per_cent(told[0][1][1])} do."


def _draw(frame: Frame, clouds: Sequence[Cloud], groups: Groups, counts: Sequence[int]) -> Drawn:
    alone = len(clouds) == 1 and not frame.narrow
    drawn, axes = panels(frame, len(clouds), 5.2 if alone else 3.7)
    marks = [colour(TOPICS[group]) if group >= 0 else colour("rest") for group in groups.of]
    for place, (axis, cloud) in enumerate(zip(axes, clouds, strict=True)):
        bare(axis)
        size = (13 if alone else 7) * min(3.0, max(1.0, 700 / len(groups.of)))
        x, y = cloud.places.T
        axis.scatter(x, y, s=size, c=marks, linewidths=0, alpha=0.85, gid=f"posts{place}", clip_on=False)
        axis.set_aspect("equal", adjustable="datalim")
        if len(clouds) > 1:
            axis.set_title(f"by {cloud.made_by}")
    names = [(TOPICS[i], f"{name} ({n:,})") for i, (name, n) in enumerate(zip(groups.names, counts, strict=True))]
    if rest := int((groups.of < 0).sum()):
        names.append(("rest", f"others ({rest:,})"))
    handles = [axes[0].plot([], [], "o", color=colour(mark), markersize=5, label=label)[0] for mark, label in names]
    columns, size = (2, 7.5) if frame.narrow else (4, 8)
    drawn.legend(handles=handles, loc="outside lower left", ncols=columns, fontsize=size, handletextpad=0.1,
                 columnspacing=0.9)  # fmt: skip
    return drawn

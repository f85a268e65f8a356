"""An encoder that learned from links which a split asks for is a leak, whatever the kind of split."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.training.grouped_world import planted
from tests.training.worlds import world

from graphfeed.errors import LeakError, StoreFormatError
from graphfeed.graph.links_seen import (
    LINKS_FILE,
    LinksSeen,
    forget_links_seen,
    links_seen_by,
    pair_hashes,
    read_links_seen,
)
from graphfeed.graph.tensors import FeedGraph
from graphfeed.training.encoder_leaks import check_encoder
from graphfeed.training.finetune_pairs import find_pairs
from graphfeed.training.finetune_settings import FinetuneSettings
from graphfeed.training.leaks import audit
from graphfeed.training.model import LinearModel
from graphfeed.training.settings import ModelSettings
from graphfeed.training.split import Split, SplitSettings, make_split

LEARNED = SplitSettings(kind="rolling", window_days=2)
"""The split whose training part the encoder learned from."""


def learned_links() -> LinksSeen:
    """What an encoder that was fine-tuned on the planted community saw."""
    return find_pairs(make_split(planted(), LEARNED).training, FinetuneSettings(), 0).seen


def embedded(seen: LinksSeen, settings: SplitSettings) -> Split:
    """A split of the planted community whose text vectors are by an encoder that saw these links."""
    graph = planted()
    return make_split(FeedGraph(graph.data, graph.ids, graph.texts, graph.kinds, {}, seen), settings)


def test_a_split_that_asks_for_what_the_encoder_learned_is_a_leak() -> None:
    seen = learned_links()
    fits = embedded(seen, LEARNED)
    check_encoder(fits)
    assert [leak for leak in audit(fits) if leak.rule == "encoder_learned"] == []
    later = embedded(seen, SplitSettings(kind="rolling", window_days=2, fit=0.5))
    check_encoder(later)  # it begins to ask after what was learned from
    for settings in (SplitSettings(kind="rolling", window_days=2, fit=0.2), SplitSettings(kind="random")):
        early = embedded(seen, settings)
        with pytest.raises(LeakError, match="not in this split's training part, for example"):
            check_encoder(early)
        (leak,) = (leak for leak in audit(early) if leak.rule == "encoder_learned")
        assert leak.severity == "error"
        with pytest.raises(LeakError, match="graphfeed finetune"):
            LinearModel(ModelSettings(parts=("paths",))).fit(early)


def test_only_links_that_were_learned_from_count() -> None:
    split = make_split(planted(), LEARNED)
    ids, links = split.training.graph.ids, split.training.past.links["posts"]
    last = pair_hashes(ids["User"], ids["Post"], links.source[-1:], links.target[-1:])
    for pairs, leaks in ((last, True), (last + np.uint64(1), False)):
        found = audit(embedded(LinksSeen.of(0, pairs), LEARNED))
        assert any(leak.rule == "encoder_learned" for leak in found) == leaks
    one = pair_hashes(ids["User"], ids["Post"], np.array([0, 1]), np.array([1, 0]))
    assert one[0] != one[1]


def test_a_given_test_is_not_to_be_learned_either() -> None:
    likes = [(user, post, None) for user in range(6) for post in range(6) if (user + post) % 2]
    graph = world(6, [(None, f"text {post}") for post in range(6)], {"LIKED": likes}, test=[(0, 0)])
    pair = pair_hashes(graph.ids["User"], graph.ids["Post"], np.array([0]), np.array([0]))
    seen = FeedGraph(graph.data, graph.ids, graph.texts, graph.kinds, graph.held_out, LinksSeen.of(0, pair))
    with pytest.raises(LeakError, match="u0 -> p0"):
        check_encoder(make_split(seen, SplitSettings(kind="given")))


def test_what_was_seen_is_kept_beside_the_vectors(tmp_path: Path) -> None:
    encoder, workspace, learned = tmp_path / "encoder", tmp_path / "feed", learned_links()
    encoder.mkdir()
    workspace.mkdir()
    learned.write(encoder)
    assert links_seen_by("all-MiniLM-L6-v2") is None
    seen = links_seen_by(str(encoder))
    assert seen is not None
    seen.write(workspace)
    kept = read_links_seen(workspace)
    assert kept is not None
    assert (kept.until, kept.pairs.tolist()) == (learned.until, learned.pairs.tolist())
    forget_links_seen(workspace)
    assert read_links_seen(workspace) is None
    (workspace / LINKS_FILE).write_bytes(b"PK half a file")
    with pytest.raises(StoreFormatError, match="run 'graphfeed finetune'"):
        read_links_seen(workspace)

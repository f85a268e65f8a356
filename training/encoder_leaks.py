"""Whether the encoder of the text vectors learned from links that a split asks for: its vectors would tell the answers.

``audit`` of ``leaks.py`` looks at it with all the rest; ``check_encoder`` alone is quick, for what trains.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from graphfeed.errors import LeakError
from graphfeed.graph.links_seen import LinksSeen, pair_hashes
from graphfeed.graph.store import NO_TIME
from graphfeed.training.links import Int64, observed_links
from graphfeed.training.split import Split


def learned_answers(split: Split, seen: LinksSeen | None) -> tuple[Int64, npt.NDArray[np.bool_]]:
    """The links that the split's training graph does not show ``[2, links]``, and which of them were learned from.

    They are what is predicted in any part, and what comes after. ``seen`` None: none are given, none was learned from.
    """
    graph = split.training.graph
    if seen is None:
        return np.zeros((2, 0), dtype=np.int64), np.zeros(0, dtype=bool)
    every, shown = observed_links(graph)["posts"], split.training.links("posts")
    posts = graph.count("Post")
    later = ~np.isin(every.source * posts + every.target, shown.source * posts + shown.target)
    held_out = [pairs.numpy() for pairs in graph.held_out.values()]
    pair = np.concatenate([np.stack([every.source, every.target])[:, later], *held_out], axis=1)
    return pair, seen.among(pair_hashes(graph.ids["User"], graph.ids["Post"], pair[0], pair[1]))


def check_encoder(split: Split) -> None:
    """Raise LeakError where the encoder of the graph's text vectors learned from links that are to be predicted."""
    check_links_seen(split, split.training.graph.links_seen)


def check_links_seen(split: Split, seen: LinksSeen | None) -> None:
    """Raise LeakError where links that an encoder learned from are to be predicted; None: it saw no links."""
    if seen is None:
        return
    pair, learned = learned_answers(split, seen)
    if not learned.any():
        return
    user, post = pair[:, int(learned.argmax())].tolist()
    graph = split.training.graph
    until = "" if seen.until == NO_TIME else f" until {np.datetime64(seen.until, 'us').astype('datetime64[s]')}"
    raise LeakError(
        "expected text vectors by an encoder that knows nothing of what is to be predicted, found one that was"
        f" fine-tuned on links{until}, {int(learned.sum()):,} of them not in this split's training part, for example"
        f" {graph.ids['User'][user]} -> {graph.ids['Post'][post]}: run `graphfeed finetune` with this split and embed"
        " with what it makes, embed with another --encoder, or use the split that it was fine-tuned for"
    )

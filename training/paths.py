"""The typed paths of the score: for each kind of link, which ways through the graph lead from a person to a candidate.

A path is a product of adjacencies, each normalised by powers of the degrees at both ends:
``P(u, x) = [S_1 S_2 … S_n](u, x)`` with ``S = D_s^-a · A · D_t^-b``. It is a graph neural network without a
non-linearity whose input is the identity (SGC, Wu et al. 2019; LightGCN, He et al. 2020), read off at full rank, and so
the score is a sum over paths that can be taken apart again.

A step is written ``relation`` or ``~relation`` (walked backwards):

    engaged   user → post   any act that speaks for the post      recent    the same, older acts weigh less
    last      the same, a person's latest three acts weigh most   latest    the same, their latest one
    next      post → post   what people went on to after it
    posted    user → post   authorship                            follows   user → user
    mentions  post → entity                                       related   entity → entity, both ways
    linked    post → post, both ways                              replied   post → post, both ways
    cares     user → entity (INTERESTED_IN)                       words     post → word (TF-IDF)
    meaning   post → dimension of its text vector                 about     user → dimension of their text vector
    means     entity → dimension of its text vector
"""

from __future__ import annotations

from dataclasses import dataclass

from graphfeed.training.links import LinkKind


@dataclass(frozen=True)
class Step:
    """One adjacency of a path: a relation, a direction, and the exponents of the degrees at both ends."""

    relation: str
    backwards: bool
    source_power: float
    target_power: float


@dataclass(frozen=True)
class Path:
    """A way from a person to a candidate."""

    name: str
    reason: str
    """The type of reason it gives."""
    steps: tuple[Step, ...]

    @property
    def pivot_first(self) -> bool:
        """Whether the person's own act is what the reason names (text has no edge at the candidate to name)."""
        return self.steps[-1].relation in ("words", "meaning", "about", "means")


def path(name: str, reason: str, *steps: str) -> Path:
    """A path from words such as ``"~engaged .5 .5"``: relation, source exponent, target exponent (0 when left out)."""
    made = []
    for step in steps:
        relation, *powers = step.split()
        source, target = (float(powers[0]), float(powers[1])) if powers else (0.0, 0.0)
        made.append(Step(relation.removeprefix("~"), relation.startswith("~"), source, target))
    return Path(name, reason, tuple(made))


# The first step's source exponent is 1 where a person's acts are averaged, so that a long history does not shout.
_HISTORY = "recent 1 0"
_OWN = "posted 1 0"

PATHS: dict[LinkKind, tuple[Path, ...]] = {
    "posts": (
        path("co_engaged", "people_like_you", "engaged .5 .5", "~engaged 0 .7", "engaged 0 .3"),
        path("co_engaged_rare", "people_like_you", "engaged .5 .5", "~engaged 0 1", "engaged 0 .5"),
        path("co_engaged_now", "people_like_you", "engaged .5 0", "~engaged .5 0", "recent 0 0"),
        path("co_engaged_last", "people_like_you", "latest 1 0", "~engaged 0 .7", "engaged 0 .3"),
        path("next", "next", "last 1 0", "next .5 .3"),
        path("next_latest", "next", "latest 1 0", "next .5 .3"),
        path("next_next", "next", "last 1 0", "next .5 .3", "next .5 .3"),
        path("readers", "your_readers", _OWN, "~engaged 1 0", "recent .5 0"),
        path("authors_read", "people_you_read", _HISTORY, "~posted 1 0", "recent .5 0"),
        path("author", "author", _HISTORY, "~posted 0 0", "posted .5 0"),
        path("followed_author", "followed_author", "follows .5 0", "posted .5 0"),
        path("followed_engaged", "people_you_follow", "follows .5 0", "recent .5 0"),
        path("followed_engaged_all", "people_you_follow", "follows .5 .5", "engaged"),
        path("topic", "topic", _HISTORY, "mentions .5 .5", "~mentions 0 .5"),
        path("topic_rare", "topic", "engaged .5 .3", "mentions .5 .7", "~mentions 0 .3"),
        path("topic_own", "topic", _OWN, "mentions .5 .5", "~mentions 0 .5"),
        path("interest", "interest", "cares .5 .5", "~mentions 0 .5"),
        path("knowledge", "knowledge", _HISTORY, "mentions .5 .5", "related .5 .5", "~mentions 0 .5"),
        path("linked", "linked", _HISTORY, "linked 0 0"),
        path("linked_far", "linked", "engaged .5 .3", "linked .5 .5", "linked .5 .5"),
        path("linked_together", "linked", "engaged .5 .5", "~engaged 0 .7", "engaged 0 .3", "linked .5 .5"),
        path("conversation", "conversation", _OWN, "replied 0 0", "replied 0 0"),
        path("words", "similar_text", _HISTORY, "words", "~words"),
        path("words_rare", "similar_text", _HISTORY, "words 0 .25", "~words"),
        path("words_own", "similar_text", _OWN, "words", "~words"),
        path("meaning", "similar_text", _HISTORY, "meaning", "~meaning"),
        path("meaning_own", "similar_text", _OWN, "meaning", "~meaning"),
        path("about", "about_you", "about", "~meaning"),
    ),
    "people": (
        path("friends_of_friends", "friends_of_friends", "follows .5 .5", "follows .5 .5"),
        path("follow_back", "follows_you", "~follows 0 .5"),
        path("co_followers", "people_like_you", "follows .5 .5", "~follows 0 .7", "follows 0 .3"),
        path("co_engaged", "people_like_you", "engaged .5 .5", "~engaged .5 .5"),
        path("authors_read", "author", _HISTORY, "~posted 0 .5"),
        path("readers", "your_readers", _OWN, "~recent 0 .5"),
        path("co_readers", "people_like_you", "engaged .5 .5", "~engaged 0 .7", "engaged 0 .3", "~posted 0 .3"),
        path("same_topics", "topic", _HISTORY, "mentions .5 .5", "~mentions .5 .5", "~posted 0 .5"),
        path("same_interests", "interest", "cares .5 .5", "~cares 0 .5"),
        path("about", "about_you", "about", "~about"),
    ),
    "interests": (
        path("engaged", "topic", _HISTORY, "mentions .5 .3"),
        path("posted", "topic", _OWN, "mentions .5 .3"),
        path("co_engaged", "people_like_you", "engaged .5 .5", "~engaged 0 .7", "engaged 0 .3", "mentions .5 .3"),
        path("co_interested", "people_like_you", "cares .5 .5", "~cares 0 .7", "cares 0 .3"),
        path("followed", "people_you_follow", "follows .5 .5", "cares .5 .3"),
        path("related", "knowledge", "cares .5 .5", "related .5 .5"),
        path("related_engaged", "knowledge", _HISTORY, "mentions .5 .5", "related .5 .5"),
        path("together", "topic", _HISTORY, "mentions .5 .5", "~mentions .5 .5", "mentions .5 .3"),
        path("meaning", "similar_text", _HISTORY, "meaning", "~means"),
        path("about", "about_you", "about", "~means"),
    ),
}

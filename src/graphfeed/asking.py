"""What a feed answers: the methods of ``Feed`` that change nothing observed, one for each question.

``communities`` and ``central`` write what they work out on the nodes. None loads torch but ``search``, where the
graph has a sentence encoder's text vectors.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from graphfeed.graph.store import GraphStore, Row, Value
    from graphfeed.queries.answers import Explanation, Interest, Person, Recommendation, SimilarPost
    from graphfeed.queries.question_answers import (
        Central,
        Cold,
        Communities,
        GraphPath,
        Label,
        Reader,
        SearchAnswer,
        Trend,
    )
    from graphfeed.queries.searching import By


class Asking(ABC):
    """Questions to a store."""

    @property
    @abstractmethod
    def store(self) -> GraphStore:
        """The open store. Raises StoreError where there is none yet."""

    def recommend(self, user: str, limit: int = 10) -> list[Recommendation]:
        """Posts for a person, best first."""
        from graphfeed.queries import lookup

        return lookup.recommend(self.store, user, limit)

    def explain(self, user: str, post: str) -> Explanation:
        """Why a post is, or might be, recommended to a person."""
        from graphfeed.queries import lookup

        return lookup.explain(self.store, user, post)

    def similar(self, post: str, limit: int = 10) -> list[SimilarPost]:
        """Posts like one post."""
        from graphfeed.queries import lookup

        return lookup.similar(self.store, post, limit)

    def people(self, user: str, limit: int = 10) -> list[Person]:
        """People whom a person may know."""
        from graphfeed.queries import lookup

        return lookup.people(self.store, user, limit)

    def interests(self, user: str, limit: int = 10) -> list[Interest]:
        """Entities that a person may care about."""
        from graphfeed.queries import lookup

        return lookup.interests(self.store, user, limit)

    def search(
        self,
        text: str,
        limit: int = 10,
        *,
        by: By = "both",
        user: str | None = None,
        label: Label = "Post",
        kinds: Sequence[str] = (),
    ) -> SearchAnswer:
        """What a text is about, by words, by meaning, or both; for one person, where ``user`` names one."""
        from graphfeed.queries import searching

        return searching.search(self.store, text, limit, by=by, user=user, label=label, kinds=kinds)

    def trending(
        self,
        limit: int = 10,
        *,
        entity: str | None = None,
        entities: bool = False,
        half_life_days: float = 7.0,
        now: str | int | None = None,
    ) -> list[Trend]:
        """What people engage with just now. ``now`` as in ``Feed.publish``."""
        from graphfeed.queries import decayed
        from graphfeed.trend_moment import trend_moment

        moment = now if isinstance(now, int) else trend_moment(self.store, now).at
        return decayed.trending(
            self.store, limit, now=moment, half_life_days=half_life_days, entity=entity, entities=entities
        )

    def who(self, post: str, limit: int = 10) -> list[Reader]:
        """People for whom a post is a good one."""
        from graphfeed.queries import audience

        return audience.audience(self.store, post, limit)

    def path(self, a: str, b: str, limit: int = 3, *, longest: int = 6, predictions: bool = False) -> list[GraphPath]:
        """The shortest paths between two nodes, named as ``User:ID`` or by an id alone."""
        from graphfeed.queries import paths

        return paths.paths(self.store, a, b, limit, longest=longest, predictions=predictions)

    def communities(self, limit: int = 10, *, label: Label = "User", seed: int = 0) -> Communities:
        """The largest communities. Writes ``community`` and ``pagerank`` on the nodes where the graph has changed."""
        from graphfeed.queries import whole

        return whole.communities(self.store, limit, label=label, seed=seed)

    def central(self, label: Label = "User", limit: int = 10, *, seed: int = 0) -> list[Central]:
        """The most important people, posts or entities. Writes as ``communities`` does."""
        from graphfeed.queries import whole

        return whole.central(self.store, label, limit, seed=seed)

    def cold(self, label: Label = "Post", limit: int = 10, *, few: int = 3) -> Cold:
        """People or posts of which the model knows little, and why."""
        from graphfeed.queries import whole

        return whole.cold(self.store, label, limit, few=few)

    def status(self) -> dict[str, Any]:
        """What there is: counts by label and type, the encoder, the model, what is published. Ready for JSON."""
        from graphfeed.status import read_status

        return read_status(self.store)

    def cypher(self, text: str, parameters: Mapping[str, Value] | None = None) -> list[Row]:
        """Run a Cypher query that reads the graph."""
        return self.store.cypher(text, parameters)

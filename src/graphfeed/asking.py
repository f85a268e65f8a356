"""What a feed answers: the methods of ``Feed`` that only read, one for each question. None of them loads torch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from graphfeed.graph.store import GraphStore, Row, Value
    from graphfeed.queries.answers import Explanation, Interest, Person, Recommendation, SimilarPost


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

    def status(self) -> dict[str, Any]:
        """What there is: counts by label and type, the encoder, the model, what is published. Ready for JSON."""
        from graphfeed.status import read_status

        return read_status(self.store)

    def cypher(self, text: str, parameters: Mapping[str, Value] | None = None) -> list[Row]:
        """Run a Cypher query that reads the graph."""
        return self.store.cypher(text, parameters)

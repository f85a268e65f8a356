"""The whole of graphfeed on one store, as an object: what every command does, for a program to call.

    with graphfeed.open("feed") as feed:
        feed.load("tables", "exports", mapping="graphfeed.toml")
        feed.embed()
        feed.train()
        print(feed.evaluate().table())
        feed.publish()
        for post in feed.recommend("u1"):
            print(post.rank, post.title)

Each method imports what it needs: asking loads neither torch nor the encoder.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from graphfeed.errors import StoreError
from graphfeed.learning import Learning

if TYPE_CHECKING:
    from graphfeed.graph.embed import EmbedReport
    from graphfeed.graph.ingest import LoadReport
    from graphfeed.graph.linking.report import LinkReport
    from graphfeed.graph.linking.settings import LinkSettings
    from graphfeed.graph.mapping.roles import GraphMapping
    from graphfeed.graph.store import GraphStore, SetupReport
    from graphfeed.loaders.frames import Frame
    from graphfeed.loaders.mapping import TableMapping
    from graphfeed.report import Report


class Feed(Learning):
    """A store and everything that can be done with it. The store is opened when it is first needed."""

    def __init__(self, location: str | Path = "feed", mapping: GraphMapping | None = None) -> None:
        """``mapping``: of a graph on a Neo4j server that is used in place."""
        super().__init__()
        self.location = str(location)
        self._mapping = mapping
        self._store: GraphStore | None = None

    @property
    def store(self) -> GraphStore:
        """The open store. Raises StoreError where there is none yet."""
        return self._open(create=False)

    def setup(self, *, give_up: bool = False) -> SetupReport:
        """Make what the store needs beside its data; ``give_up`` forgets a change that cannot be finished any more."""
        return self._open(create=self._mapping is None).setup(give_up=give_up)

    def inspect(self) -> str:
        """What the Neo4j database holds, and a ``[graph]`` for it, as the text of a graphfeed.toml. Changes nothing."""
        from graphfeed.graph.mapping.draft import draft_graph
        from graphfeed.graph.neo4j.inspect import inspect_database

        if "://" not in self.location:
            raise StoreError(
                f"inspect looks at a graph on a Neo4j server, and the store is the folder {self.location}: name the"
                " server with --store neo4j://host:7687"
            )
        return draft_graph(inspect_database(self.location))

    def query_text(self, name: str) -> str:
        """A query of ``queries/`` as it is run here: in the graph's own names where it is used in place."""
        from graphfeed.graph.mapping.cypher import CypherMapping
        from graphfeed.graph.query_files import find_query

        text = find_query(name, self.store.dialect).text
        mapping = self.store.mapping
        return text if mapping is None else CypherMapping(mapping).rewrite(text)

    def load(
        self,
        source: str,
        path: str | Path | None = None,
        *,
        strict: bool = False,
        bulk: Callable[[str], None] | None = None,
        progress: Callable[[str, int], None] | None = None,
        fetching: Callable[[str, int, int], None] | None = None,
        **options: Any,
    ) -> LoadReport:
        """Load a source into the store, whole or not at all; makes the store if there is none.

        ``source``: sample, or one of ``graphfeed.loaders.SOURCES`` with its options. ``path``: also an archive, or an
        address (``s3://…``, ``https://…``); ``fetching`` is told how far its files are. ``bulk``: load an empty Neo4j
        database by its own importer, several times as fast; it is told, in words, what happens.
        """
        from graphfeed.graph.ingest import ingest
        from graphfeed.sources import make_loader

        loader = make_loader(source, path, fetching=fetching, **options)
        store = self._open(create=True)
        if bulk is None:
            return ingest(store, loader, strict=strict, progress=progress)
        with store.bulk(bulk) as files:
            return ingest(files, loader, strict=strict, progress=progress)

    def load_frames(
        self,
        frames: Mapping[str, Frame],
        mapping: TableMapping | Mapping[str, Any] | None = None,
        *,
        strict: bool = False,
        progress: Callable[[str, int], None] | None = None,
    ) -> LoadReport:
        """Load data frames of pandas or Polars, by name, whole or not at all; makes the store if there is none.

        ``mapping``: which column is what, ``[[nodes]]`` and ``[[relationships]]`` as a dictionary; None: frames are
        named as the graph's labels and types, and their columns as its properties.
        """
        from graphfeed.graph.ingest import ingest
        from graphfeed.loaders.frames import FramesLoader

        return ingest(self._open(create=True), FramesLoader(frames, mapping), strict=strict, progress=progress)

    def embed(
        self,
        encoder: str | None = None,
        *,
        device: str | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> EmbedReport:
        """Give every node its text vector. ``encoder``: tfidf, a Hugging Face name, or a model's folder."""
        from graphfeed.graph.embed import embed
        from graphfeed.graph.encoder import DEFAULT_ENCODER

        return embed(self.store, encoder or DEFAULT_ENCODER, progress=progress, device=device)

    def link(
        self,
        settings: LinkSettings | None = None,
        *,
        dry_run: bool = False,
        progress: Callable[[int, int], None] | None = None,
    ) -> LinkReport:
        """Find the entities' names in the posts' texts and write them as MENTIONS; ``dry_run``: only look."""
        from graphfeed.graph.linking.linker import link

        return link(self.store, settings, dry_run=dry_run, progress=progress)

    def report(self, path: str | Path = "report.html", **options: Any) -> Report:
        """Write what there is as one self-contained HTML page. ``options``: of ``graphfeed.report.write_report``."""
        from graphfeed.report import write_report

        return write_report(self, path, **options)

    def close(self) -> None:
        """Give the store back. Calling it twice is fine."""
        if self._store is not None:
            self._store.close()
            self._store = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _open(self, *, create: bool) -> GraphStore:
        if self._store is None:
            from graphfeed.graph.store import open_store

            self._store = open_store(self.location, create=create, mapping=self._mapping)
        return self._store

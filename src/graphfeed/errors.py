"""Every error that graphfeed raises on purpose. Stands below all folders and imports nothing.

    GraphfeedError                what the command line prints as one sentence (a traceback only with --debug)
    ├── ConfigError               graphfeed.toml or an option says something that cannot be done
    ├── SourceError               a file to be loaded is absent, empty or unreadable as a whole
    │   └── RejectedRowError      --strict: the first row that cannot be used
    ├── StoreError                the store cannot do what was asked
    │   ├── StoreBusyError        another process is writing to it
    │   ├── StoreUnreachableError no answer, or wrong credentials
    │   └── StoreFormatError      made by another version, or not a store at all
    ├── ServerError               a development server cannot be started, stopped or reset
    ├── QueryError                a query file or its parameters are wrong
    ├── EncoderError              a text encoder cannot be loaded or run
    ├── TrainingError             there is nothing to train on, or a checkpoint does not fit
    │   └── LeakError             the split lets the future into the training graph
    ├── NotPublishedError         a lookup before anything was published
    └── UnknownNodeError          no node with that label and id

A message says what was expected, what was found and where, and what to do about it.
"""

from __future__ import annotations


class GraphfeedError(Exception):
    """Root of the tree."""


class ConfigError(GraphfeedError):
    """graphfeed.toml or an option says something that cannot be done."""


class SourceError(GraphfeedError):
    """A file to be loaded is absent, empty or unreadable as a whole."""


class RejectedRowError(SourceError):
    """A row that cannot be used, raised only under ``--strict``."""


class StoreError(GraphfeedError):
    """The store cannot do what was asked."""


class StoreBusyError(StoreError):
    """Another process is writing to the store."""


class StoreUnreachableError(StoreError):
    """The store does not answer, or refuses the credentials."""


class StoreFormatError(StoreError):
    """The folder or database was made by another version, or is not a store."""


class ServerError(GraphfeedError):
    """A development server of Neo4j cannot be started, stopped or reset."""


class QueryError(GraphfeedError):
    """A query file or the parameters given to it are wrong."""


class EncoderError(GraphfeedError):
    """A text encoder cannot be loaded or run."""


class TrainingError(GraphfeedError):
    """There is nothing to train on, or a checkpoint does not fit the graph."""


class NothingToPredictError(TrainingError):
    """The part of the split that is asked for holds no link to be predicted."""


class LeakError(TrainingError):
    """The split lets the future into the training graph."""


class NotPublishedError(GraphfeedError):
    """A lookup that needs predictions, before anything was published."""


class UnknownNodeError(GraphfeedError):
    """No node with that label and id."""

"""graphfeed.toml: where the store is, what is loaded into it, and the settings of every stage.

    [store]
    location = "feed"

    [[load]]
    source = "tables"              # or one of graphfeed.loaders.SOURCES, or sample
    path = "."                     # beside this file, or an address such as s3://bucket/exports

    [[nodes]] / [[relationships]]  # for tables: see graphfeed.loaders.mapping

    [graph.nodes.User] …           # for a Neo4j graph that is there already: see graphfeed.graph.mapping.roles

    [link]                         # names found in texts become MENTIONS: see graphfeed.graph.linking.settings

    [embed]
    encoder = "all-MiniLM-L6-v2"

    [split]
    window_days = 1.0              # see graphfeed.training.split.SplitSettings

    [train]                        # see graphfeed.training.settings.ModelSettings; also seed and device

    [evaluate]
    baselines = true

    [publish]
    now = "latest"                 # or clock, or a date
    top = 100

Paths are relative to the file. Every section may be left out.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from graphfeed.errors import ConfigError
from graphfeed.graph.linking.settings import LinkSettings
from graphfeed.loaders.near import near_match

if TYPE_CHECKING:
    from graphfeed.graph.mapping.roles import GraphMapping

CONFIG_FILE = "graphfeed.toml"
STORE_VARIABLE = "GRAPHFEED_STORE"
CONFIG_VARIABLE = "GRAPHFEED_CONFIG"
DEFAULT_STORE = "feed"

M = TypeVar("M", bound=BaseModel)


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class StoreSection(_Section):
    """``[store]``"""

    location: str = DEFAULT_STORE


class LoadSection(_Section):
    """One ``[[load]]``"""

    source: str
    path: str | None = None
    mapping: str | None = None
    """For tables and sql: another file with the [[nodes]] and [[relationships]]."""
    url: str | None = None
    """For sql: the database's address, as SQLAlchemy writes it."""
    private: bool | None = None
    """For mastodon: also posts that are not for everybody."""
    site: str | None = None
    """For stackexchange: the name of the site."""
    train: str | None = None
    """For hetrec: a published split's train pairs."""
    test: str | None = None
    """For pairs and hetrec: a file of test pairs."""
    split: str | None = None
    """For citeulike: P1 or P10."""
    friends: str | None = None
    """For pairs: a file with two user ids per line."""
    friends_both_ways: bool | None = None
    """For pairs: friends follow each other."""
    kg: str | None = None
    """For pairs and hetrec: a knowledge graph's triples."""
    kg_items: str | None = None
    """For pairs and hetrec: which entity an item is."""
    text: str | None = None
    """For pairs and sequences: the items' texts."""
    text_sequences: str | None = None
    """For sequences: the same sequences with the ids of the texts."""
    attributes: str | None = None
    """For sequences: the items' attributes, as JSON."""
    end: str | None = None
    """For sequences: the date of everybody's last act."""
    step_days: float | None = None
    """For sequences: days between two acts."""
    near: int | None = None
    """For mind: to how many others an entity is related by its vector."""
    strict: bool = False


class EmbedSection(_Section):
    """``[embed]``"""

    encoder: str = "all-MiniLM-L6-v2"
    device: str | None = None


class EvaluateSection(_Section):
    """``[evaluate]``"""

    baselines: bool = True
    """Rank with the simple rules, too."""
    parts: bool = False
    """Also each part of the model alone, trained for it."""


class PublishSection(_Section):
    """``[publish]``"""

    now: str | None = None
    """clock, latest, or a date; None: the clock, but for an old dump its latest time."""
    top: int = Field(default=100, ge=1, le=10_000)
    """Predictions per person and kind."""
    active_days: float | None = Field(default=None, ge=0)
    """Only for people who did something in so many days before; None: for everybody."""


class Config(_Section):
    """The whole file. ``split`` and ``train`` are held against their own models when the stages run."""

    store: StoreSection = StoreSection()
    load: tuple[LoadSection, ...] = ()
    nodes: tuple[dict[str, Any], ...] = ()
    relationships: tuple[dict[str, Any], ...] = ()
    graph: dict[str, Any] | None = None
    """Of a graph that is used in place: see ``graphfeed.graph.mapping.roles``."""
    link: LinkSettings | None = None
    """Left out: nothing is linked."""
    embed: EmbedSection = EmbedSection()
    split: dict[str, Any] = {}
    train: dict[str, Any] = {}
    evaluate: EvaluateSection = EvaluateSection()
    publish: PublishSection = PublishSection()


def read_toml(file: str | Path) -> dict[str, Any]:
    """A TOML file. Raises ConfigError for one that is not there or cannot be read, with line and column."""
    try:
        text = Path(file).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file} is not UTF-8: {error}") from error
    except OSError as error:
        raise ConfigError(f"{file} cannot be read: {error.strerror}") from error
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{file}: {error}") from error


def read_config(file: str | Path) -> Config:
    """The configuration in a file. Raises ConfigError with the place and what was probably meant."""
    return validate(Config, read_toml(file), str(file))


def validate(model: type[M], data: Mapping[str, Any], where: str) -> M:
    """Hold data against a model; ``where`` begins the message. Raises ConfigError for the first finding."""
    try:
        return model.model_validate(dict(data))
    except ValidationError as error:
        raise ConfigError(f"{where}: {_finding(error, model)}") from error


def check_keys(data: Mapping[str, Any], known: Iterable[str], where: str) -> None:
    """Raise ConfigError for the first key that is not known, saying which was probably meant."""
    known = list(known)
    for key in data:
        if key not in known:
            raise ConfigError(f"{where} has no {key!r}{near_match(key, known)} There are: {', '.join(known)}.")


def store_location(given: str | None, config_file: Path | None = None) -> str:
    """Where the store is: as given, else GRAPHFEED_STORE, else graphfeed.toml's [store], else ./feed."""
    if given:
        return given
    if os.environ.get(STORE_VARIABLE):
        return os.environ[STORE_VARIABLE]
    file = _config_file(config_file)
    if not file.is_file():
        return DEFAULT_STORE
    section = read_toml(file).get("store", {})
    return beside(file, validate(StoreSection, section, f"{file}: [store]").location)


def graph_mapping(location: str, config_file: Path | None = None) -> GraphMapping | None:
    """What [graph] says of the store at a location; None where there is no [graph], or it is for another store.

    Raises ConfigError for a [graph] that cannot be.
    """
    file = _config_file(config_file)
    if not file.is_file():
        return None
    found = read_toml(file)
    if "graph" not in found:
        return None
    named = validate(StoreSection, found.get("store", {}), f"{file}: [store]").location
    if "location" in found.get("store", {}) and beside(file, named).rstrip("/") != location.rstrip("/"):
        return None
    from graphfeed.graph.mapping.parse import parse_graph

    if not isinstance(found["graph"], Mapping):
        raise ConfigError(f"{file}: [graph] is a table, found {found['graph']!r}")
    return parse_graph(found["graph"], str(file))


def config_of(location: str) -> tuple[Config, Path]:
    """What graphfeed.toml says of the stages of the store at a location, and the file.

    Nothing where there is no file, or where its [store] names another store.
    """
    file = _config_file(None)
    if not file.is_file():
        return Config(), file
    config = read_config(file)
    named = "location" in config.store.model_fields_set
    if named and _place(beside(file, config.store.location)) != _place(location):
        return Config(), file
    return config, file


def _place(location: str) -> str:
    return location.rstrip("/") if "://" in location else str(Path(location).resolve())


def _config_file(given: Path | None) -> Path:
    return given or Path(os.environ.get(CONFIG_VARIABLE) or CONFIG_FILE)


def beside(file: Path, path: str) -> str:
    """A path of a configuration, seen from where we are. An address with a scheme stays as it is, but SQLite's file."""
    scheme, _, rest = path.partition(":///")
    if scheme.partition("+")[0] == "sqlite" and rest and not rest.startswith(("/", ":", "file:")):
        return f"{scheme}:///{file.parent / rest}"
    return path if "://" in path else str(file.parent / Path(path).expanduser())


def _finding(error: ValidationError, model: type[BaseModel]) -> str:
    # An unknown key first: a key that is missing is mostly one that was misspelt.
    finding = min(error.errors(), key=lambda found: found["type"] != "extra_forbidden")
    place = list(finding["loc"])
    dotted = "".join(f"[{p + 1}]" if isinstance(p, int) else f".{p}" for p in place).lstrip(".")
    if finding["type"] == "extra_forbidden":
        known = list(_fields_at(model, place[:-1]))
        return f"unknown key {dotted!r}{near_match(str(place[-1]), known)} Known here are: {', '.join(known)}."
    found = finding.get("input")
    shown = "" if finding["type"] == "missing" or isinstance(found, dict) else f", found {found!r}"
    return f"{dotted}: {finding['msg'][0].lower()}{finding['msg'][1:]}{shown}"


def _fields_at(model: type[BaseModel], place: list[Any]) -> Iterable[str]:
    """The keys that a section inside a model may have."""
    for step in place:
        if isinstance(step, int):
            continue
        field = model.model_fields[step].annotation
        inner = [field, *getattr(field, "__args__", ())]
        model = next(t for t in inner if isinstance(t, type) and issubclass(t, BaseModel))
    return model.model_fields

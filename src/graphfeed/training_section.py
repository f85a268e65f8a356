"""``[split]`` and ``[train]`` of a graphfeed.toml, held against the models that the stages take."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from graphfeed.config import Config, beside, check_keys, validate
from graphfeed.errors import ConfigError
from graphfeed.training.settings import LARGEST_SEED, ModelSettings
from graphfeed.training.split import SplitSettings
from graphfeed.training.tracking import place_of

_BESIDE = ("seed", "device", "track")
"""Keys of ``[train]`` that are not of the model."""


@dataclass(frozen=True)
class TrainingSection:
    """How the model is trained, on what, where, and where that can be followed."""

    settings: ModelSettings = field(default_factory=ModelSettings)
    split: SplitSettings = field(default_factory=SplitSettings)
    seed: int = 0
    device: str = "auto"
    track: str | None = None


def read_training(config: Config, file: Path) -> TrainingSection:
    """Of a configuration that was read from ``file``. Raises ConfigError with the place and what was expected."""
    where, train = f"{file}: [train]", dict(config.train)
    check_keys(train, [*ModelSettings.model_fields, *_BESIDE], where)
    seed, device, track = train.pop("seed", 0), train.pop("device", "auto"), train.pop("track", None)
    if not isinstance(seed, int) or not isinstance(device, str):
        raise ConfigError(f"{where}: seed is a whole number and device a word, found {seed!r} and {device!r}")
    _check_seed(seed, where)
    check_keys(config.split, [f.name for f in fields(SplitSettings)], f"{file}: [split]")
    try:
        split = TypeAdapter(SplitSettings).validate_python(config.split)
    except ValidationError as error:
        first = error.errors()[0]
        raise ConfigError(f"{file}: [split] {first['loc'][0]}: {first['msg']}, found {first['input']!r}") from error
    settings = validate(ModelSettings, train, where)
    return TrainingSection(settings, split, seed, device, None if track is None else _tracked(file, str(track)))


def _check_seed(seed: int, where: str) -> None:
    if not 0 <= seed <= LARGEST_SEED:
        raise ConfigError(f"{where}: seed is from 0 to {LARGEST_SEED:,}, found {seed}")


def _tracked(file: Path, to: str) -> str:
    kind, _ = place_of(to)
    where = to.partition(":")[2] or ("runs" if kind == "tensorboard" else "")
    return f"{kind}:{beside(file, where)}" if where else to

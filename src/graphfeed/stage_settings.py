"""What graphfeed.toml says of one stage, for the commands that run it alone: there an option goes before the file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphfeed.config import Config, config_of, store_location, validate
from graphfeed.options import note, split_settings

if TYPE_CHECKING:
    from graphfeed.training_section import TrainingSection


def stage_config(store: str | None, *sections: str) -> tuple[Config, Path]:
    """The configuration of the store that a command is about, and its file; which of ``sections`` it has is told."""
    config, file = config_of(store_location(store))
    if there := [f"[{section}]" for section in sections if section in config.model_fields_set]:
        note(f"as {file} says: {', '.join(there)}")
    return config, file


def training_of(
    config: Config, file: Path, window_days: float | None, split_kind: str | None, chosen: dict[str, Any] | None = None
) -> TrainingSection:
    """``[train]`` and ``[split]`` with what the options chose in their place. Raises ConfigError where it cannot be."""
    from graphfeed.training.settings import ModelSettings
    from graphfeed.training_section import read_training

    present = read_training(config, file)
    asked = split_settings(
        present.split.window_days if window_days is None else window_days,
        present.split.kind if split_kind is None else split_kind,
    )
    split = replace(present.split, kind=asked.kind, window_days=asked.window_days)
    if not chosen:
        return replace(present, split=split)
    settings = present.settings.model_dump()
    for name, value in chosen.items():
        settings[name] = {**settings[name], **value} if isinstance(value, dict) else value
    return replace(present, split=split, settings=validate(ModelSettings, settings, "the options"))

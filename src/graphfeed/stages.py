"""``graphfeed run graphfeed.toml``: load, link, embed, train, evaluate, publish, each skipped when nothing changed.

What a stage was run with is kept in the workspace's ``stages.json`` as named facts (files, settings, the graph,
the model); the next run compares them and says which one changed. Loading adds and updates: rows that have
vanished from a file stay in the graph until the store is made anew.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphfeed.config import CONFIG_FILE, Config, LoadSection, beside, read_config, read_toml
from graphfeed.errors import ConfigError, NothingToPredictError, StoreError, TrainingError
from graphfeed.feed import Feed
from graphfeed.fingerprints import Facts, changed, file_facts, is_secret, remote_facts, word
from graphfeed.loaders.remote import is_remote, shown_address
from graphfeed.trained import MODEL_FOLDER, TrainingRecord, write_json

if TYPE_CHECKING:
    from graphfeed.graph.linking.report import LinkReport
    from graphfeed.graph.linking.settings import LinkSettings

STAGES_FILE = "stages.json"

Say = Callable[[str], None]
Report = Callable[[str, Any], None]
"""Called with a stage and what it returned."""


class Pipeline:
    """The stages of one configuration. Everything that it says is checked before the first stage runs."""

    def __init__(self, file: Path, location: str | None = None) -> None:
        self.file = file
        self.config: Config = read_config(file)
        self.location = location or beside(file, self.config.store.location)
        from graphfeed.training_section import read_training

        self.training = read_training(self.config, file)
        if self.config.load and self.config.graph is not None:
            raise ConfigError(f"{file} has both a [[load]] and a [graph]: load a graph, or use one that is there")
        if self.config.link is not None and self.config.graph is not None:
            raise ConfigError(f"{file} has both a [link] and a [graph]: nothing is linked in a graph used in place")
        if not self.config.load and self.config.graph is None:
            raise ConfigError(f'{file} loads nothing: it needs a [[load]] with source = "tables" and path = "."')
        self._loads = [self._load_arguments(section) for section in self.config.load]

    def run(self, feed: Feed, say: Say, report: Report, progress: Any) -> list[str]:
        """Run the stages that something changed for; the names of those that ran. ``progress``: ``ProgressBars``."""
        done = _Done(say, report)
        for number, (section, arguments) in enumerate(zip(self.config.load, self._loads, strict=True), 1):
            name = f"load {number}: {section.source}" + (f" {shown_address(section.path)}" if section.path else "")
            self._load(feed, name, section, arguments, done, progress)
        if self.config.link is not None:
            self._link(feed, self.config.link, done, progress)
        embed, evaluate, training = self.config.embed, self.config.evaluate, self.training
        done.stage(
            feed,
            "embed",
            {**encoder_facts(embed.encoder), "the graph": feed.store.version()},
            lambda: feed.embed(embed.encoder, device=embed.device, progress=progress.counts),
            there=(feed.store.workspace / "encoder.json").is_file(),
        )
        done.stage(
            feed,
            "train",
            {
                "settings": training.settings.model_dump(mode="json"),
                "split": vars(training.split),
                "seed": training.seed,
                "the graph": feed.store.version(),
                "text vectors": _encoder_word(feed),
            },
            lambda: feed.train(
                training.settings,
                training.split,
                device=training.device,
                seed=training.seed,
                track=training.track,
                progress=progress.steps,
            ),
            there=bool(_model_word(feed)),
        )
        try:
            done.stage(
                feed,
                "evaluate",
                {"the model": _model_word(feed), "settings": evaluate.model_dump()},
                lambda: feed.evaluate(
                    baselines=evaluate.baselines,
                    parts=evaluate.parts,
                    device=training.device,
                    track=training.track,
                    progress=progress.steps,
                ),
            )
        except NothingToPredictError as error:
            say(f"evaluate: {error}; going on without figures")
        self._publish(feed, done, progress)
        return done.ran

    def _load(
        self, feed: Feed, name: str, section: LoadSection, arguments: dict[str, Any], done: _Done, progress: Any
    ) -> None:
        # an address may hold a password: only a word for it is kept
        settings = {key: word(value) if is_secret(value) else value for key, value in section}
        facts: Facts = {"settings": settings, "mapping": word(arguments.get("mapping"))}
        known = done.facts(feed, name)
        facts |= file_facts(_inputs(section.source, arguments), known) | remote_facts(section.source, arguments)
        done.stage(
            feed,
            name,
            facts,
            lambda: feed.load(
                section.source,
                strict=section.strict,
                progress=progress.records,
                fetching=progress.fetched,
                **arguments,
            ),
        )

    def _link(self, feed: Feed, settings: LinkSettings, done: _Done, progress: Any) -> None:
        """Names become MENTIONS. Where vectors decide, the texts are embedded first: ``embed`` then knows them all."""
        from graphfeed.graph.linking.mark import inputs_word, links_are_there

        embed = self.config.embed
        facts: Facts = {"settings": settings.model_dump(mode="json"), "what is read": inputs_word(feed.store)}

        def run() -> LinkReport:
            if settings.vectors:
                feed.embed(embed.encoder, device=embed.device, progress=progress.counts)
            return feed.link(settings, progress=lambda done, all_: progress.steps("link", done, all_, "posts"))

        facts |= encoder_facts(embed.encoder) if settings.vectors else {}
        done.stage(feed, "link", facts, run, there=links_are_there(feed.store))

    def _publish(self, feed: Feed, done: _Done, progress: Any) -> None:
        publish = self.config.publish
        today = datetime.now(UTC).date().isoformat() if publish.now != "latest" else ""
        active = next((g.id for g in feed.store.generations() if g.active), "")
        facts = {"the model": _model_word(feed), "the graph": feed.store.version(), "now": [publish.now, today]}
        done.stage(
            feed,
            "publish",
            {**facts, "top": publish.top, "active days": publish.active_days},
            lambda: feed.publish(
                publish.now,
                top=publish.top,
                active_days=publish.active_days,
                device=self.training.device,
                progress=progress.steps,
            ),
            there=bool(active),
        )

    def _load_arguments(self, section: LoadSection) -> dict[str, Any]:
        """What the loader gets, with paths as they are seen from here. Raises ConfigError where it cannot be made."""
        from graphfeed.loaders import FILE_OPTIONS
        from graphfeed.sources import make_loader

        own = ("source", "strict", "mapping")
        arguments = {
            name: beside(self.file, value) if name in ("path", "url", *FILE_OPTIONS) and value is not None else value
            for name, value in section
            if name not in own
        }
        if section.source in ("tables", "sql"):
            from graphfeed.loaders.mapping import parse_mapping

            file = Path(beside(self.file, section.mapping)) if section.mapping else self.file
            arguments["mapping"] = parse_mapping(read_toml(file), str(file))
        elif section.mapping is not None:
            arguments["mapping"] = section.mapping
        make_loader(section.source, **arguments)
        return arguments


class _Done:
    """What was done before, and the running of a stage that this does not cover."""

    def __init__(self, say: Say, report: Report) -> None:
        self._say, self._report = say, report
        self.ran: list[str] = []

    def facts(self, feed: Feed, stage: str) -> Facts:
        """What a stage was last run with; empty if it never was."""
        try:
            return dict(_read(feed)[stage]["facts"])
        except (KeyError, TypeError):
            return {}

    def stage(self, feed: Feed, name: str, facts: Facts, run: Callable[[], Any], *, there: bool = True) -> None:
        """Run a stage unless its facts are those of the last time. ``there``: whether what it made is still there."""
        facts = json.loads(json.dumps(facts))
        known = self.facts(feed, name)
        why = changed(known, facts) if known else "it was not run yet"
        if not why and not there:
            why = "what it made is gone"
        if not why:
            self._say(f"{name}: skipped, nothing changed since {_read(feed)[name]['at']}")
            return
        self._say(f"{name}: runs, {why}")
        result = run()
        self.ran.append(name)
        at = datetime.now(UTC).isoformat(timespec="seconds")
        write_json(feed.store.workspace / STAGES_FILE, {**_read(feed), name: {"at": at, "facts": facts}})
        self._report(name, result)


def _inputs(source: str, arguments: dict[str, Any]) -> list[Path]:
    """The files that a load reads: named one by one, for the store itself may stand in the same folder."""
    from graphfeed.loaders import FILE_OPTIONS, wanted_files

    if arguments["path"] is None or source == "sql":
        return []
    path = Path(arguments["path"])
    files = [] if is_remote(arguments["path"]) else [path]
    if files and source == "tables":
        files = [path / name for name in wanted_files(source, arguments)]
    elif files and path.is_dir():
        files = [file for pattern in wanted_files(source, arguments) for file in sorted(path.glob(pattern))]
    named = [Path(arguments[name]) for name in FILE_OPTIONS if arguments[name] and not is_remote(arguments[name])]
    train = arguments["train"]
    renumbered = Path(train).parent.glob("*Reindex.json") if train and not is_remote(train) else ()
    return [*files, *named, *sorted(renumbered)]


def _read(feed: Feed) -> dict[str, Any]:
    """stages.json; empty where there is none, or none that can be read: then everything runs again."""
    try:
        found = json.loads((feed.store.workspace / STAGES_FILE).read_text(encoding="utf-8"))
    except (StoreError, OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def encoder_facts(encoder: str) -> Facts:
    """What is known of an encoder before it is opened: its name, and how it was fine-tuned if it is such a folder."""
    record = Path(encoder) / "finetuned.json"
    return {"encoder": encoder} | (
        {"fine-tuning": word(record.read_text(encoding="utf-8"))} if record.is_file() else {}
    )


def _encoder_word(feed: Feed) -> str:
    file = feed.store.workspace / "encoder.json"
    return word(json.loads(file.read_text(encoding="utf-8"))) if file.is_file() else ""


def _model_word(feed: Feed) -> str:
    try:
        return TrainingRecord.read(feed.store.workspace / MODEL_FOLDER).trained_at
    except TrainingError:
        return ""


__all__ = ["CONFIG_FILE", "STAGES_FILE", "Pipeline"]
